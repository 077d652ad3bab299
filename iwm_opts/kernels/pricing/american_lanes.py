"""Shared parts of American kernels: options in lanes, which LLVM vectorises.

They are written for a short compilation too: every numpy function, `min` or `max` used would be one more function to
compile.
"""

from typing import Any

from iwm_opts.kernels._jit import kernel

LANES = 32
LOWEST_SHARE = 0.1  # of the spot that grids assume dividends leave

# Called by compiled code alone: doors for Python would cost a third of the compilation.
INTERNAL: dict[str, Any] = {"cache": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


@kernel(**INTERNAL)
def larger(a, b):
    """Larger of two numbers."""
    return a if a > b else b


@kernel(**INTERNAL)
def smaller(a, b):
    """Smaller of two numbers."""
    return a if a < b else b
