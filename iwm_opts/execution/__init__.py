"""What trading costs: quoted spreads, fills, fees."""
