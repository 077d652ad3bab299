"""The day loop: packages, their marks, exits and ledgers."""
