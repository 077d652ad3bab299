"""Was it followed: trade logs, paper trades, their review and their diagnosis."""
