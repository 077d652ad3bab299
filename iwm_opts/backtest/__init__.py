"""Did it work: rules run over a market day by day, what came of them, and what that is evidence of."""
