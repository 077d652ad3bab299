"""The market on a day, wherever it comes from."""
