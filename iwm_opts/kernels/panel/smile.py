"""Smile of one expiration: a smoothing spline of total standard deviation over log-moneyness, and its distribution."""

from iwm_opts.kernels._jit import kernel
from iwm_opts.kernels.elementary import normal_cdf, normal_pdf


@kernel(
    "void(float64[::1], float64[::1], float64[::1], float64, UniTuple(float64[::1], 5), float64[::1], float64[::1])",
    few=16384,
)
def smoothing_spline(x, y, weight, stiffness, scratch, fitted, curvature):
    """Natural cubic spline minimising sum(weight (y - g)^2) + stiffness integral(g''^2).

    Reinsch's algorithm (Green and Silverman 1994, Nonparametric Regression, section 2.3): a pentadiagonal system in
    the second derivatives, factorised as L D L'. `x` ascends strictly, shape (n,), n >= 3; `fitted` and `curvature`
    (second derivatives at the knots, zero at both ends) are written, and `scratch`, of that shape too.
    """
    n = x.shape[0]
    inner = n - 2
    step, diagonal, lower1, lower2, z = scratch
    for j in range(n - 1):
        step[j] = x[j + 1] - x[j]
    for j in range(inner):
        a, c = 1.0 / step[j], 1.0 / step[j + 1]
        b = -a - c
        main = (step[j] + step[j + 1]) / 3.0
        main += stiffness * (a * a / weight[j] + b * b / weight[j + 1] + c * c / weight[j + 2])
        z[j] = (y[j + 2] - y[j + 1]) * c - (y[j + 1] - y[j]) * a
        if j >= 2:
            lower2[j] = stiffness * a / (step[j - 1] * weight[j]) / diagonal[j - 2]
            main -= lower2[j] * lower2[j] * diagonal[j - 2]
        if j >= 1:
            b_before = -1.0 / step[j - 1] - 1.0 / step[j]
            off = step[j] / 6.0 + stiffness * (b_before * a / weight[j] + a * b / weight[j + 1])
            if j >= 2:
                off -= lower2[j] * lower1[j - 1] * diagonal[j - 2]
            lower1[j] = off / diagonal[j - 1]
            main -= lower1[j] * lower1[j] * diagonal[j - 1]
        diagonal[j] = main
        if j >= 1:
            z[j] -= lower1[j] * z[j - 1]
        if j >= 2:
            z[j] -= lower2[j] * z[j - 2]
    curvature[0] = curvature[n - 1] = 0.0
    for j in range(inner - 1, -1, -1):
        value = z[j] / diagonal[j]
        if j + 1 < inner:
            value -= lower1[j + 1] * curvature[j + 2]
        if j + 2 < inner:
            value -= lower2[j + 2] * curvature[j + 3]
        curvature[j + 1] = value
    for i in range(n):
        bend = 0.0
        if i > 0:
            bend -= (curvature[i] - curvature[i - 1]) / step[i - 1]
        if i < n - 1:
            bend += (curvature[i + 1] - curvature[i]) / step[i]
        fitted[i] = y[i] - stiffness * bend / weight[i]


@kernel("void(float64[::1], float64[::1], float64[::1], float64[::1])")
def terminal_cdf(log_moneyness, stdev, slope, out):
    """Probability of ending below each strike: the slope of the undiscounted put in strike.

    N(-d2) + n(d2) dv/dk with v the total standard deviation (Breeden and Litzenberger 1978, applied to a smile).
    """
    for i in range(log_moneyness.shape[0]):
        d2 = -log_moneyness[i] / stdev[i] - 0.5 * stdev[i]
        out[i] = normal_cdf(-d2) + normal_pdf(d2) * slope[i]
