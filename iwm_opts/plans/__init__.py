"""Trading plans: edges, the plan file and its checklist, the decision for a day, runs of a plan, and its report."""
