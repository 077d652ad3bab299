"""Profit and loss at expiry of packages of options on one underlying: a broken line, known from its corners."""

import math

from iwm_opts.kernels._jit import kernel, unfused


@unfused
def intrinsic(right, strike, spot):
    """Payoff of one option at expiry; `right` is +1 for a call and -1 for a put."""
    return max(right * (spot - strike), 0.0)


@unfused
def package_payoff(sign, right, strike, spot):
    """Payoff of one package (arrays over legs) at one price, dollars a share."""
    total = 0.0
    for j in range(sign.shape[0]):
        total += sign[j] * intrinsic(right[j], strike[j], spot)
    return total


@unfused
def contracts_in_the_money(sign, right, strike, spot):
    """How many contracts of one package would be exercised or assigned at one price."""
    count = 0.0
    for j in range(right.shape[0]):
        if right[j] * (spot - strike[j]) > 0.0:
            count += abs(sign[j])
    return count


@unfused
def calls_assigned_early(sign, right, strike, spot):
    """Short calls in the money, or at it, at one price; assigned early, the writer of each owes the dividend."""
    count = 0.0
    for j in range(sign.shape[0]):
        if sign[j] < 0.0 and right[j] > 0.0 and spot >= strike[j]:
            count -= sign[j]
    return count


@unfused
def upper_slope(sign, right):
    """Slope of the payoff above the highest strike."""
    slope = 0.0
    for j in range(sign.shape[0]):
        if right[j] > 0:
            slope += sign[j]
    return slope


@unfused
def package_extremes(sign, right, strike, credit, dividends, exercise_fee):
    """Largest profit, largest loss at expiry and largest loss of one package, dollars a share: see `extremes`."""
    best = lowest = adjusted = package_payoff(sign, right, strike, 0.0) + credit
    adjusted -= exercise_fee * contracts_in_the_money(sign, right, strike, 0.0)
    top = 0.0
    for j in range(sign.shape[0]):
        top = max(top, strike[j])
    for j in range(sign.shape[0] + 1):
        # One dollar above the highest strike stands for everything beyond it, where the line is level.
        spot = strike[j] if j < sign.shape[0] else top + 1.0
        value = package_payoff(sign, right, strike, spot) + credit
        owed = dividends * calls_assigned_early(sign, right, strike, spot)
        best, lowest = max(best, value), min(lowest, value)
        adjusted = min(adjusted, value - owed - exercise_fee * contracts_in_the_money(sign, right, strike, spot))
    slope = upper_slope(sign, right)
    unlimited = slope < 0.0
    return (
        math.inf if slope > 0.0 else best,
        math.inf if unlimited else -lowest,
        math.inf if unlimited else -adjusted,
    )


@unfused
def delivered_loss(sign, right, strike, credit, dividends, exercise_fee, gap):
    """Largest loss of one package held to expiry, dollars a share, delivered shares closed after a move against them.

    `gap` is that move as a fraction of the price at expiry. Shares are left where one leg of a side is exercised and
    the other is not; between two strikes the loss is a line, so that its ends, just above and below them, decide.
    """
    _, _, largest = package_extremes(sign, right, strike, credit, dividends, exercise_fee)
    for j in range(sign.shape[0]):
        spot = strike[j]
        for is_above in (False, True):
            held, owed, exercised = 0.0, 0.0, 0.0
            for i in range(sign.shape[0]):
                depth = right[i] * (spot - strike[i])
                if depth > 0.0 or (depth == 0.0 and is_above == (right[i] > 0.0)):
                    held += sign[i] * right[i]
                    exercised += abs(sign[i])
                    if sign[i] < 0.0 and right[i] > 0.0:
                        owed -= dividends * sign[i]
            value = package_payoff(sign, right, strike, spot) + credit - owed - exercise_fee * exercised
            largest = max(largest, gap * abs(held) * spot - value)
    return largest


@kernel(
    "void(float64[:,::1], float64[:,::1], float64[:,::1], float64[::1], float64, float64, float64, float64[::1])",
    few=256,
)
def delivered_losses(sign, right, strike, credit, dividends, exercise_fee, gap, max_loss):
    """`delivered_loss` of each package; arguments as for `extremes`."""
    for i in range(sign.shape[0]):
        max_loss[i] = delivered_loss(sign[i], right[i], strike[i], credit[i], dividends, exercise_fee, gap)


@kernel(
    "void(float64[:,::1], float64[:,::1], float64[:,::1], float64[::1], float64, float64, "
    "float64[::1], float64[::1], float64[::1])",
    few=256,
)
def extremes(sign, right, strike, credit, dividends, exercise_fee, max_profit, max_loss_expiry, max_loss):
    """Best and worst outcome of each package at expiry, dollars a share.

    Packages are rows, legs columns; `sign` may carry more than one contract. `credit` is the amount received after fees
    (negative when paid). `max_loss` adds the dividends owed on shares short by early assignment, and `exercise_fee`
    (dollars a share) for every contract in the money; `max_loss_expiry` has neither. Losses are positive; infinite
    where the line never turns.
    """
    for i in range(sign.shape[0]):
        max_profit[i], max_loss_expiry[i], max_loss[i] = package_extremes(
            sign[i], right[i], strike[i], credit[i], dividends, exercise_fee
        )


@kernel("void(float64[:,::1], float64[:,::1], float64[:,::1], float64[::1], float64[:,::1])", few=256)
def breakevens(sign, right, strike, credit, out):
    """Prices at expiry where each package neither gains nor loses, ascending, NaN for the rest; `out` has two columns.

    `strike` must ascend along each row.
    """
    legs = sign.shape[1]
    for i in range(sign.shape[0]):
        out[i, 0] = out[i, 1] = math.nan
        count = 0
        edge, before = 0.0, package_payoff(sign[i], right[i], strike[i], 0.0) + credit[i]
        for j in range(legs):
            here = package_payoff(sign[i], right[i], strike[i], strike[i, j]) + credit[i]
            if (before < 0.0) != (here < 0.0) and count < 2:
                out[i, count] = edge + (strike[i, j] - edge) * before / (before - here)
                count += 1
            edge, before = strike[i, j], here
        slope = upper_slope(sign[i], right[i])
        if before * slope < 0.0 and count < 2:
            out[i, count] = edge - before / slope


@kernel("void(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])")
def payoff_line(sign, right, strike, spots, out):
    """Payoff of one package along a range of prices, dollars a share."""
    for i in range(spots.shape[0]):
        out[i] = package_payoff(sign, right, strike, spots[i])
