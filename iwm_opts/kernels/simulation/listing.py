"""Strikes that expirations list, for many days and expirations at once."""

from iwm_opts.kernels._jit import kernel


@kernel("void(int64[::1], int64[::1], float64[::1], float64[::1], float64[::1])")
def close_ranges(first, last, close, low, high):
    """Lowest and highest of the closes from place first[i] to last[i], both included; shapes (rows,)."""
    for i in range(first.shape[0]):
        low[i] = high[i] = close[first[i]]
        for j in range(first[i] + 1, last[i] + 1):
            low[i] = min(low[i], close[j])
            high[i] = max(high[i], close[j])


@kernel("void(int64[:, ::1], float64[::1], int64[::1], int64[::1], float64[::1])")
def merge_strikes(bounds, step, ratio, start, strike):
    """Union of a coarse and a fine ladder of each row, ascending.

    Row i lists the multiples bounds[0, i] to bounds[1, i] of its coarse step, which is ratio[i] times the fine one
    step[i], and the multiples bounds[2, i] to bounds[3, i] of the fine step. They are written to strike[start[i]] to
    strike[start[i + 1]].
    """
    for i in range(step.shape[0]):
        coarse, fine = bounds[0, i], bounds[2, i]
        for j in range(start[i], start[i + 1]):
            has_coarse, has_fine = coarse <= bounds[1, i], fine <= bounds[3, i]
            is_coarse = has_coarse and (not has_fine or coarse * ratio[i] <= fine)
            value = coarse * ratio[i] if is_coarse else fine
            if has_coarse and coarse * ratio[i] == value:
                coarse += 1
            if has_fine and fine == value:
                fine += 1
            strike[j] = step[i] * value
