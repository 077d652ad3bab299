"""Shared parts of American kernels: options in lanes, which LLVM vectorises.

They are written for a short compilation too: every numpy function, `min` or `max` used would be one more function to
compile.
"""

from iwm_opts.kernels._jit import internal

LANES = 32
LOWEST_SHARE = 0.1  # of the spot that grids assume dividends leave


@internal
def larger(a, b):
    """Larger of two numbers."""
    return a if a > b else b


@internal
def smaller(a, b):
    """Smaller of two numbers."""
    return a if a < b else b
