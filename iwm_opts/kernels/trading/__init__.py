"""Costs and risk of a package: fills, fees, payoff, sizing, early assignment."""
