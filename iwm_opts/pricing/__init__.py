"""Pricing for users: shapes, units and validation around the kernels."""
