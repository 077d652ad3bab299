"""Coefficients of the surface for many days and expirations at once: forwards, priced variance and smiles."""

import math

import numpy as np

from iwm_opts.conventions import DAYS_PER_YEAR
from iwm_opts.kernels._jit import kernel
from iwm_opts.kernels.panel.implied_rate import parity_point
from iwm_opts.kernels.panel.variance_index import strip_variance
from iwm_opts.kernels.simulation.paths import mean_variance
from iwm_opts.kernels.simulation.quote import SurfaceRow, quote_option, time_terms
from iwm_opts.kernels.simulation.ssvi import NO_RATIO, correlation, curvature, solve_at_the_money


@kernel(
    "void(int64[::1], int64[::1], float64[::1], float64[:, ::1], float64, float64[:, :, ::1], float64[::1],"
    " float64[::1])"
)
def priced_variances(start, tenor, years, factors, constant, nodes, part, variance):
    """Compute the model-free total variance that the state prices at every row.

    Day d has the rows start[d] to start[d + 1]; `tenor` (rows,) names their row of `nodes` (tenors, 6, nodes), `years`
    (rows,) is on the clock that variance runs on. `factors` (days, 5) and the nodes: see `expected_variance`. Rows
    whose `years` are not positive give NaN. `part` (nodes,) is overwritten.
    """
    for d in range(start.shape[0] - 1):
        for i in range(start[d], start[d + 1]):
            rate = mean_variance(factors[d], constant, nodes[tenor[i]], part)
            variance[i] = years[i] * rate if years[i] > 0.0 else math.nan


@kernel(
    "void(int64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64, float64, float64[::1],"
    " float64[::1], float64[::1], float64[::1])"
)
def smiles(start, variance, skew, eta, convexity, tilt, gamma, part, theta, rho, phi):
    """Compute the smile of every row from its model-free total variance.

    Day d has the rows start[d] to start[d + 1], ascending in time; `skew`, `eta` and `convexity` have shape (days,).
    Rows whose variance is NaN give NaN. `part` (NODES,) is overwritten.
    """
    for d in range(start.shape[0] - 1):
        ratio, slope = NO_RATIO, 1.0
        for i in range(start[d], start[d + 1]):
            if math.isnan(variance[i]):
                theta[i] = rho[i] = phi[i] = math.nan
                continue
            log_theta, ratio, slope = solve_at_the_money(
                variance[i], skew[d], tilt, eta[d], gamma, convexity[d], ratio, slope, part
            )
            theta[i], rho[i] = math.exp(log_theta), correlation(log_theta, skew[d], tilt)
            phi[i] = curvature(theta[i], eta[d], gamma)


@kernel(
    "void(int64[::1], int64[::1], int64[::1], float64[::1], float64[::1], float64[::1], int64[::1], float64[::1],"
    " float64[::1], float64[::1])",
    few=8192,
)
def forwards(start, day, expiration, years, spot, rate, ex_date, amount, forward, discount):
    """Compute forwards and discount factors.

    Forwards are net of cash dividends that go ex after the day and up to the expiration. `day`, `expiration` and
    `ex_date` (ascending) count days; `day`, `spot` and `rate` have shape (days,), `expiration` and `years` (rows,),
    laid out as in `smiles`. Each dividend is discounted by whole days.
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
    "void(float64[:, ::1], int64[::1], float64[::1], float64[::1], float64, boolean, float64[:, ::1], int64[::1],"
    " float64[::1], int64[::1], int64[::1], float64[::1])"
)
def quoted_variances(
    rows, start, strike, coefficients, tick, is_implied, room, place, variance, puts, calls, completeness
):  # fmt: skip
    """Model-free total variance of each expiration's quotes; see `total_variance`.

    `rows` (10, rows) holds spot, forward, discount, years, calendar days, theta, rho, phi, convexity and widening. Row
    i lists the strikes start[i] to start[i + 1] of `strike`, ascending. The variance is summed around the forward that
    the quotes imply where `is_implied`, NaN where they imply none; else around the model's own. `room` (7, m), m the
    most strikes of a row and at least PARITY_STRIKES + 1, and `place` (PARITY_STRIKES + 1,) are overwritten.
    """
    for i in range(variance.shape[0]):
        spot, forward, discount, years, days = rows[0, i], rows[1, i], rows[2, i], rows[3, i], rows[4, i]
        log_time, far_time = time_terms(days)
        row = SurfaceRow(
            spot, forward, discount, math.sqrt(years), log_time, far_time,
            rows[5, i], rows[6, i], rows[7, i], rows[8, i], rows[9, i],
        )  # fmt: skip
        listed = strike[start[i] : start[i + 1]]
        count = listed.shape[0]
        for side in range(2):
            sign = 1.0 - 2.0 * side
            bid, ask = room[3 + 2 * side], room[4 + 2 * side]
            for j in range(count):
                bid[j], ask[j], _, _ = quote_option(sign, listed[j], row, coefficients, tick)
        centre = forward
        if is_implied:
            centre, _ = parity_point(
                listed, room[3], room[4], room[5], room[6], np.int64(0), count, discount, room, place
            )  # fmt: skip
        variance[i], puts[i], calls[i], _, _, _, _, _, _, completeness[i] = strip_variance(
            listed, room[3], room[4], room[5], room[6], np.int64(0), count, centre, discount
        )
