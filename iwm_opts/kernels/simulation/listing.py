"""Strikes that expirations list, for many days and expirations at once."""

from iwm_opts.kernels._jit import kernel


@kernel("void(int64[::1], int64[:, ::1], int64[:, ::1], float64, int64[:, ::1], int64[::1], float64[::1])")
def merge_strikes(step, first, last, unit, scratch, start, strike):
    """Union of the ladders of each row, ascending.

    Ladder l of row i has the multiples of step[l] from first[l, i] to last[l, i], in units of `unit` dollars. They are
    written to strike[start[i]] to strike[start[i + 1]], and `start` (rows + 1,) with them; `scratch` (3, ladders) is
    overwritten.
    """
    place = 0
    upcoming, size, top = scratch[0], scratch[1], scratch[2]
    start[0] = 0
    for i in range(first.shape[1]):
        count = 0
        for ladder in range(step.shape[0]):
            if first[ladder, i] <= last[ladder, i]:
                size[count] = step[ladder]
                upcoming[count], top[count] = step[ladder] * first[ladder, i], step[ladder] * last[ladder, i]
                count += 1
        while count > 0:
            value = upcoming[0]
            for ladder in range(1, count):
                value = min(value, upcoming[ladder])
            strike[place] = unit * value
            place += 1
            ladder = 0
            while ladder < count:
                if upcoming[ladder] == value:
                    upcoming[ladder] += size[ladder]
                if upcoming[ladder] > top[ladder]:  # the last ladder takes its place
                    count -= 1
                    upcoming[ladder], size[ladder], top[ladder] = upcoming[count], size[count], top[count]
                else:
                    ladder += 1
        start[i + 1] = place
