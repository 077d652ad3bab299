"""What is traded: verticals, iron condors, single options, and their analysis."""
