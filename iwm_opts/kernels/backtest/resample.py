"""Stationary bootstrap of ratios of sums over days."""

import math

from iwm_opts.kernels._jit import inline, kernel


@inline
def sum_variance(pull, start, stop, stay):
    """Compute the variance of a resampled sum of pull[start:stop] in closed form; centres them.

    Lag k has the weight (1 - k/n) stay^k of the circular autocovariance (Politis and Romano 1994, JASA 89, lemma 1).
    `near` and `late` are the sums of stay^k and k stay^k over the days k ahead; each day's follow from the next one's.
    """
    n = stop - start
    mean = 0.0
    for t in range(start, stop):
        mean += pull[t]
    mean /= n
    near = late = 0.0
    weight = 1.0
    for t in range(start, stop):
        pull[t] -= mean
        if t > start:
            weight *= stay
            near += weight * pull[t]
            late += (t - start) * weight * pull[t]
    wrapped = weight * stay
    following = pull[start]
    total = following * (following + 2.0 * (near - late / n))
    for t in range(stop - 1, start, -1):
        value = pull[t]
        late = stay * (late + near + following) - n * wrapped * value
        near = stay * (near + following) - wrapped * value
        total += value * (value + 2.0 * (near - late / n))
        following = value
    return max(total, 0.0)


@kernel(
    "void(float64[:, ::1], int64[::1], int32[:, ::1], float64[:, ::1], float64, int64[::1], float64[::1], float64[::1],"
    "float64[::1])"
)
def resample_ratios(sample, start, day, uniform, block, rows, pull, value, error):
    """Resample days in blocks; write each draw's ratio and its standard error.

    `sample` (days, 2 or 4) has a numerator and a denominator, then those of a ratio to subtract; path p has the rows
    start[p] to start[p + 1]. Row i of `day` (draws, days) has random days of each path, counted from its start, that of
    `uniform` random numbers in [0, 1): a block begins on a day where that is at most 1/block. `rows` and `pull` (days,)
    are scratch. `error` is NaN where a denominator is not above zero.
    """
    last, columns = start.shape[0] - 1, sample.shape[1]
    stay = 1.0 - 1.0 / block
    for i in range(value.shape[0]):
        gain = count = other_gain = other_count = 0.0
        for p in range(last):
            first, days = start[p], start[p + 1] - start[p]
            place = 0
            for t in range(first, first + days):
                if t == first or uniform[i, t] <= 1.0 / block:
                    place = day[i, t]
                else:
                    place += 1
                    if place == days:
                        place = 0
                row = first + place
                rows[t] = row
                gain += sample[row, 0]
                count += sample[row, 1]
                if columns == 4:
                    other_gain += sample[row, 2]
                    other_count += sample[row, 3]
        value[i] = ratio = gain / count
        other_ratio = 0.0
        if columns == 4:
            other_ratio = other_gain / other_count
            value[i] -= other_ratio
        if not (count > 0.0 and (columns == 2 or other_count > 0.0)):
            error[i] = math.nan
            continue
        for t in range(start[last]):
            row = rows[t]
            pull[t] = (sample[row, 0] - ratio * sample[row, 1]) / count
            if columns == 4:
                pull[t] -= (sample[row, 2] - other_ratio * sample[row, 3]) / other_count
        variance = 0.0
        for p in range(last):
            variance += sum_variance(pull, start[p], start[p + 1], stay)
        error[i] = math.sqrt(variance)
