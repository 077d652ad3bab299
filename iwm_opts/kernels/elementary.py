"""Branch-free exp, log, scaled erfc and the normal distribution, which LLVM turns into vector code inside a loop.

The C library's versions are calls that stop vectorisation, and numba from PyPI ships no vector maths library. All are
within a few units in the last place of mpmath over the ranges stated (measured in tests/kernels/test_elementary.py).
"""

import math

import numpy as np

from iwm_opts.kernels._jit import inline

SQRT_HALF = 0.7071067811865476
SQRT_2PI = 2.5066282746310002
INV_SQRT_2PI = 0.3989422804014327

# exp(x) = 2^n exp(r) with n the whole number nearest to x / ln 2; ln 2 in two parts (fdlibm, e_exp.c) keeps r exact.
INV_LN2 = 1.4426950408889634
LN2_HIGH = 6.93147180369123816490e-01
LN2_LOW = 1.90821492927058770002e-10
ROUND_TO_INT = 6755399441055744.0  # 1.5 x 2^52: adding it leaves the rounded number in the low bits
EXP_LOWEST = -708.0  # the last whole number whose exp is not subnormal
EXP_HIGHEST = 709.0  # and the last whose exp does not overflow

EXPONENT_SHIFT = 52  # bits of a double's mantissa
EXPONENT_BIAS = 1023
HALF_OCTAVE = 1 << 51


@inline
def exp(x):
    """Exponential; 0 below -708 (where the C library turns subnormal), infinite above 709, NaN for NaN.

    Taylor polynomial of degree 13 on |r| <= ln(2) / 2: truncation below 5e-18.
    """
    inside = EXP_LOWEST if x < EXP_LOWEST else x
    inside = EXP_HIGHEST if inside > EXP_HIGHEST else inside
    shifted = inside * INV_LN2 + ROUND_TO_INT
    n = shifted - ROUND_TO_INT
    r = (inside - n * LN2_HIGH) - n * LN2_LOW
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    power = np.int64((np.float64(shifted).view(np.int64) + EXPONENT_BIAS) << EXPONENT_SHIFT).view(np.float64)
    value = p * power
    value = 0.0 if x < EXP_LOWEST else value
    return math.inf if x > EXP_HIGHEST else value


@inline
def log_ratio(a, b):
    """ln(a / b) of positive, finite, normal numbers, to full relative accuracy near a = b too; else NaN.

    The difference of the bit patterns is close to 2^52 log2(a / b), so it finds the power of two that brings b within
    [2/3, 3/2] of a without a division. There a - b is exact (Sterbenz) and ln(a / b) = 2 atanh((a - b) / (a + b)),
    whose series up to s^21 leaves 2e-17.
    """
    valid = (a > 0.0) & (b > 0.0) & (a < math.inf) & (b < math.inf)
    a = a if valid else 1.0
    b = b if valid else 1.0
    bits_a = np.float64(a).view(np.int64)
    bits_b = np.float64(b).view(np.int64)
    n = (bits_a - bits_b + HALF_OCTAVE) >> EXPONENT_SHIFT
    near = np.int64(bits_b + (n << EXPONENT_SHIFT)).view(np.float64)
    s = (a - near) / (a + near)
    z = s * s
    p = 1.0 / 21.0
    p = p * z + 1.0 / 19.0
    p = p * z + 1.0 / 17.0
    p = p * z + 1.0 / 15.0
    p = p * z + 1.0 / 13.0
    p = p * z + 1.0 / 11.0
    p = p * z + 1.0 / 9.0
    p = p * z + 1.0 / 7.0
    p = p * z + 1.0 / 5.0
    p = p * z + 1.0 / 3.0
    octaves = float(n)
    value = octaves * LN2_HIGH + (2.0 * s + (2.0 * s * z * p + octaves * LN2_LOW))
    return value if valid else math.nan


@inline
def log(x):
    """Natural logarithm of a positive, finite, normal number; else NaN."""
    return log_ratio(x, 1.0)


@inline
def erfcx(z):
    """Scaled complementary error function exp(z^2) erfc(z) for z >= 0.

    (1 + 2z) erfcx(z) is smooth and bounded, so a polynomial of degree 23 in t = (z - 3) / (z + 3) covers the whole half
    line: Chebyshev interpolation at 60 nodes in 50 digits (after Shepherd and Laframboise 1981, "Chebyshev
    approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < infinity", Math. Comp. 36, 249-253).
    """
    t = 1.0 - 6.0 / (z + 3.0)
    p = 9.862533510345587e-10
    p = p * t - 3.1813541434969274e-09
    p = p * t - 1.3312919661038687e-08
    p = p * t + 2.7843881265502222e-08
    p = p * t + 1.0183620603842736e-07
    p = p * t - 1.205414228648938e-07
    p = p * t - 6.166011460398726e-07
    p = p * t + 3.3669790806407595e-07
    p = p * t + 3.472370944977168e-06
    p = p * t - 7.187883834404266e-07
    p = p * t - 2.0100542268525612e-05
    p = p * t + 4.94412434222366e-06
    p = p * t + 0.0001250993424583729
    p = p * t - 0.00010515831297813128
    p = p * t - 0.0007798322696543306
    p = p * t + 0.0018886900977441495
    p = p * t + 0.0025293918156939696
    p = p * t - 0.023770514891530075
    p = p * t + 0.0683080273440099
    p = p * t - 0.11927366341676002
    p = p * t + 0.1296451587027594
    p = p * t - 0.04756229435342038
    p = p * t - 0.13562110612458117
    p = p * t + 1.2530080582697296
    return p / (1.0 + 2.0 * z)


@inline
def normal_pdf(x):
    """Density of the standard normal distribution."""
    return INV_SQRT_2PI * exp(-0.5 * x * x)


@inline
def normal_cdf(x):
    """Probability that a standard normal variable is below x, to full relative accuracy in the lower tail."""
    tail = 0.5 * exp(-0.5 * x * x) * erfcx(abs(x) * SQRT_HALF)
    return 1.0 - tail if x > 0.0 else tail
