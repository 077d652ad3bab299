"""Numba kernels: floats and contiguous float64 arrays in and out, one definition of each formula."""
