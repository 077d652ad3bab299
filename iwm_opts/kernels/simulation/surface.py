"""Coefficients of the surface for many days and expirations at once: forwards, and total variance at the money."""

import math

import numpy as np

from iwm_opts.conventions import DAYS_PER_YEAR
from iwm_opts.kernels._jit import kernel
from iwm_opts.kernels.panel.variance_index import total_variance
from iwm_opts.kernels.simulation.paths import mean_variance
from iwm_opts.kernels.simulation.quote import quote_option, time_terms
from iwm_opts.kernels.simulation.ssvi import NO_RATIO, NODES, curvature, solve_at_the_money


@kernel(
    "void(int64[::1], int64[::1], float64[::1], float64[:, ::1], float64, float64[:, ::1], float64[:, ::1],"
    " float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[::1], float64[::1], float64,"
    " float64[::1], float64[::1])"
)
def smiles(
    start, tenor, years, factors, constant, weight, fast_loading, middle_loading, slow_loading, premium_loading,
    term_loading, rho, eta, gamma, theta, phi,
):  # fmt: skip
    """SSVI of every row: total variance at the money and curvature.

    Day d has the rows start[d] to start[d + 1], ascending in time; `tenor` (rows,) names their row of the node arrays,
    `years` (rows,) is on the clock that variance runs on. `factors` (days, 5) holds fast, middle, slow, premium and
    term; `rho` and `eta` have shape (days,). Rows whose `years` are not positive give NaN.
    """
    part = np.empty(NODES)
    for d in range(start.shape[0] - 1):
        fast, middle, slow, premium, term = factors[d, 0], factors[d, 1], factors[d, 2], factors[d, 3], factors[d, 4]
        ratio, slope = NO_RATIO, 1.0
        for i in range(start[d], start[d + 1]):
            if not years[i] > 0.0:
                theta[i] = phi[i] = math.nan
                continue
            t = tenor[i]
            rate = mean_variance(
                fast, middle, slow, premium, term, constant, weight[t], fast_loading[t], middle_loading[t],
                slow_loading[t], premium_loading[t], term_loading[t],
            )  # fmt: skip
            target = years[i] * rate
            theta[i], ratio, slope = solve_at_the_money(target, rho[d], eta[d], gamma, ratio, slope, part)
            phi[i] = curvature(theta[i], eta[d], gamma)


@kernel(
    "void(int64[::1], int64[::1], int64[::1], float64[::1], float64[::1], float64[::1], int64[::1], float64[::1],"
    " float64[::1], float64[::1])"
)
def forwards(start, day, expiration, years, spot, rate, ex_date, amount, forward, discount):
    """Forwards net of the cash dividends that go ex after the day and up to the expiration, and discount factors.

    `day`, `expiration` and `ex_date` (ascending) count days; `day`, `spot` and `rate` have shape (days,), `expiration`
    and `years` (rows,), laid out as in `smiles`. Each dividend is discounted by whole days.
    """
    for d in range(start.shape[0] - 1):
        for i in range(start[d], start[d + 1]):
            present = 0.0
            for j in range(ex_date.shape[0]):
                if day[d] < ex_date[j] <= expiration[i]:
                    present += amount[j] * math.exp(-rate[d] * (ex_date[j] - day[d]) / DAYS_PER_YEAR)
            discount[i] = math.exp(-rate[d] * years[i])
            forward[i] = (spot[d] - present) * math.exp(rate[d] * years[i])


@kernel(
    "void(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1],"
    " float64[::1], float64[::1], int64[::1], float64[::1], float64[::1], float64, float64[::1], int64[::1],"
    " int64[::1])"
)
def quoted_variances(
    spot, forward, discount, years, days, theta, rho, phi, widening, first, strike, coefficients, tick,
    variance, puts, calls,
):  # fmt: skip
    """Model-free total variance of each row's quotes, with the puts and calls that have a bid.

    Row i lists the strikes first[i] to first[i + 1] of `strike`, ascending; all else has shape (rows,).
    """
    for i in range(variance.shape[0]):
        lt, far = time_terms(days[i])
        root = math.sqrt(years[i])
        own = strike[first[i] : first[i + 1]]
        quotes = np.empty((4, own.shape[0]))
        for side in range(2):
            sign = 1.0 - 2.0 * side
            bid, ask = quotes[2 * side], quotes[2 * side + 1]
            for j in range(own.shape[0]):
                bid[j], ask[j], _, _ = quote_option(
                    sign, own[j], spot[i], forward[i], discount[i], root, lt, far, theta[i], rho[i], phi[i],
                    widening[i], coefficients, tick,
                )  # fmt: skip
        variance[i], puts[i], calls[i], _, _, _, _, _, _ = total_variance(
            own, quotes[0], quotes[1], quotes[2], quotes[3], forward[i], discount[i]
        )
