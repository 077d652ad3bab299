"""Prices, Greeks and implied vols: European in forward form, American by finite differences."""
