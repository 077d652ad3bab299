"""Measurements about the market and the simulator: claims, facts and calibration."""
