"""A market that can be generated: dynamics, surface, quotes, scenarios, calibration."""
