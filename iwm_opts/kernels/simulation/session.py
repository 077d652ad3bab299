"""One session: where it opens, how far it goes up and down, and a path that does so in steps of one bar.

Within the session log price is a Brownian motion, but for a jump at one moment in some. Daily bars take its end,
maximum and minimum from their joint law, so that a path conditioned on them afterwards is that same Brownian motion
again: its past does not predict its direction. Drawing the maximum and the minimum apart from each
other, or spreading a jump over the whole day, would break that.

The path is built by halving: the value in the middle of an interval is drawn from its law given the ends, and with it
which half holds the maximum and which the minimum.
"""

import math

import numpy as np

from iwm_opts.kernels._jit import inline, kernel
from iwm_opts.kernels.elementary import exp, log, normal_cdf

RANGE_SHOCKS = 3  # standard normals a session: overnight part, high, low
JUMP_SHOCKS = 3  # and of a jump: how far the path had come, high and low after it
TOLERANCE = 1e-7  # of a low, in standard deviations
MOST_STEPS = 40  # towards it: halving alone gets there in 27, Newton's steps in 5
CELLS = 64  # in which a middle value is looked for
REACH = 4.5  # standard deviations to either side of where it is expected
MOST_IMAGES = 5  # to either side: enough down to a range of one standard deviation, which is one path in thousands
FAR = 4.0  # standard deviations from both bounds at which they are not felt: touching one has a chance of exp(-32)
TOP, BOTTOM = 1, 2  # flags of an interval: the maximum, the minimum is in it


@inline
def _image(n, start, end, low, high, over, scale):
    """N-th pair of images of a Brownian motion within two bounds: distances, and their normal densities.

    Those are exp(scale) times exp(-distance^2 / (2 variance)).
    """
    shift = 2.0 * n * (high - low)
    a, b = end - start + shift, end + start - 2.0 * low + shift
    return a, b, exp(scale - 0.5 * a * a * over), exp(scale - 0.5 * b * b * over)


@inline
def _images(low, high, variance):
    """How many images to either side count: the next are below exp(-32) of the first."""
    return min(1 + int(4.0 * math.sqrt(variance) / (high - low)), MOST_IMAGES)


@inline
def _touching(start, bottom, cell, low, high, variance, out):
    """Densities of a Brownian motion that ends in each cell and stays within [low, high], by the bounds touched.

    `out`, shape (4, CELLS), has a row for each set of flags: neither bound touched, the upper one alone, the lower one
    alone, both; per unit of the end, and of each bound that is touched. The first is the series of images (Borodin and
    Salminen 2002, Handbook of Brownian Motion, appendix 1.15.8 of part II), the others its derivatives by the bounds.
    Start and end may change places.
    """
    over, images = 1.0 / variance, _images(low, high, variance)
    out[:, :] = 0.0
    for n in range(-images, images + 1):
        first, second = 4.0 * n * n, 4.0 * n * (n + 1.0)
        for k in range(out.shape[1]):  # cells run inside, so that they go through the vector unit several at once
            a, b, at_a, at_b = _image(n, start, bottom + (k + 0.5) * cell, low, high, over, 0.0)
            slope_a, slope_b = -a * over * at_a, -b * over * at_b
            out[0, k] += at_a - at_b
            out[1, k] += 2.0 * n * (slope_a - slope_b)
            out[2, k] += 2.0 * n * slope_a - (2.0 * n + 2.0) * slope_b
            out[3, k] += (first * (a * a * over - 1.0) * at_a - second * (b * b * over - 1.0) * at_b) * over


@inline
def _fill(weights, head, tail, flag):
    """Weight of each cell of the middle value and each set of flags that the first half takes; returns their sum."""
    total = 0.0
    for k in range(weights.shape[0]):
        for kind in range(4):
            weight = 0.0
            if kind & ~flag == 0:
                weight = max(head[kind, k], 0.0) * max(tail[flag & ~kind, k], 0.0)
            weights[k, kind] = weight
            total += weight
    return total


@inline
def _drawn(weights, mark):
    """Cell and flags where the running sum of the weights passes `mark`; the last that weigh anything at worst."""
    place = kind = 0
    running = 0.0
    for k in range(weights.shape[0]):
        for i in range(4):
            if weights[k, i] > 0.0:
                place, kind = k, i
                running += weights[k, i]
                if running > mark:
                    return place, kind
    return place, kind


@inline
def _bar(up, down, x, y, low, high, variance, flag):
    """Low and high of one bar: the path's where it holds them, else extremes of a bridge short of them."""
    square = (y - x) * (y - x)
    least = exp(-2.0 * (high - x) * (high - y) / variance)
    above = 0.5 * (x + y + math.sqrt(square - 2.0 * variance * log(least + up * (1.0 - least))))
    least = exp(-2.0 * (x - low) * (y - low) / variance)
    below = 0.5 * (x + y - math.sqrt(square - 2.0 * variance * log(least + down * (1.0 - least))))
    return (low if flag & BOTTOM else max(below, low)), (high if flag & TOP else min(above, high))


@kernel(
    "void(float64[:, ::1], float64, float64, float64, float64, float64[::1], float64[::1], float64[::1], float64[::1])"
)
def conditioned_path(uniforms, end, low, high, variance, starts, ends, lows, highs):
    """Bars of a Brownian motion from 0 to `end` whose maximum is `high` and whose minimum is `low`.

    Parameters
    ----------
    uniforms : (n, 4), in (0, 1)
        Two a middle value, two a bar.
    end, low, high, variance : float
        low < min(0, end), high > max(0, end); the variance is of the whole path.
    starts, ends, lows, highs : (n,)
        Written. A bar that holds neither extreme of the path has its own two drawn apart from each other.
    """
    bars = starts.shape[0]
    starts[0], ends[bars - 1] = 0.0, end
    first, last, flags = np.empty(bars, np.int64), np.empty(bars, np.int64), np.empty(bars, np.int64)
    weights, head, tail = np.empty((CELLS, 4)), np.empty((4, CELLS)), np.empty((4, CELLS))
    first[0], last[0], flags[0] = 0, bars, TOP | BOTTOM
    waiting = 1
    while waiting:
        waiting -= 1
        i, j, flag = first[waiting], last[waiting], flags[waiting]
        x, y = starts[i], ends[j - 1]
        if j - i == 1:
            lows[i], highs[i] = _bar(uniforms[i, 2], uniforms[i, 3], x, y, low, high, variance / bars, flag)
            continue
        middle = (i + j) // 2
        before, after = variance * (middle - i) / bars, variance * (j - middle) / bars
        expected = (x * after + y * before) / (before + after)
        spread, far = math.sqrt(before * after / (before + after)), FAR * math.sqrt(before + after)
        kind = 0
        if flag == 0 and min(x, y) - low > far and high - max(x, y) > far:
            # A plain bridge: Box and Muller 1958.
            size = math.sqrt(-2.0 * log(uniforms[middle, 0]))
            value = expected + spread * size * math.cos(2.0 * math.pi * uniforms[middle, 1])
        else:
            bottom = low if flag & BOTTOM else max(low, expected - REACH * spread)
            top = high if flag & TOP else min(high, expected + REACH * spread)
            cell = (top - bottom) / CELLS
            _touching(x, bottom, cell, low, high, before, head)
            _touching(y, bottom, cell, low, high, after, tail)
            total = _fill(weights, head, tail, flag)
            place, kind = _drawn(weights, uniforms[middle, 0] * total)
            value = bottom + (place + uniforms[middle, 1]) * cell
        ends[middle - 1], starts[middle] = value, value
        first[waiting], last[waiting], flags[waiting] = i, middle, kind
        first[waiting + 1], last[waiting + 1], flags[waiting + 1] = middle, j, flag & ~kind
        waiting += 2


@inline
def _extremes(end, variance, up, down):
    """Maximum and minimum of a Brownian motion from 0 to `end`, from two standard normals.

    The maximum's distribution: Borodin and Salminen 2002, 1.1.8 of part II. The minimum is drawn given it: the chance
    that it lies above a level is the derivative of the series of images by the upper bound, over that of the one image
    that is left without a lower bound. Inverted by Newton's steps, halving where one leaves the bracket.
    """
    high = 0.5 * (end + math.sqrt(end * end - 2.0 * variance * log(normal_cdf(up))))
    over, sd = 1.0 / variance, math.sqrt(variance)
    reach = 2.0 * high - end
    scale = 0.5 * reach * reach * over  # that of the one image without a lower bound becomes 1
    mass = 2.0 * reach * normal_cdf(-down)
    top = min(0.0, end)
    bottom = top - 8.0 * sd
    low = 0.5 * (end - math.sqrt(end * end - 2.0 * variance * log(normal_cdf(down))))  # were there no maximum
    for _ in range(MOST_STEPS):
        images = _images(low, high, variance)
        above = slope = 0.0
        for n in range(-images, images + 1):
            a, b, at_a, at_b = _image(n, 0.0, end, low, high, over, scale)
            above += 2.0 * n * (b * at_b - a * at_a)
            slope += 4.0 * n * ((n + 1.0) * (b * b * over - 1.0) * at_b - n * (a * a * over - 1.0) * at_a)
        if above > mass:
            bottom = low
        else:
            top = low
        step = (mass - above) / slope
        before, low = low, low + step
        if not bottom < low < top:
            low = 0.5 * (bottom + top)
        if abs(low - before) < TOLERANCE * sd:
            break
    return high, low


@inline
def _halves(end, variance, jump, moment, up, down, shocks):
    """Path before and after a jump: (end, high, low) of each, from where it starts."""
    before = moment * variance
    first = moment * (end - jump) + math.sqrt(before * (1.0 - moment)) * shocks[0]
    first_high, first_low = _extremes(first, before, up, down)
    rest = end - jump - first
    rest_high, rest_low = _extremes(rest, variance - before, shocks[1], shocks[2])
    return first, first_high, first_low, rest, rest_high, rest_low


@kernel(
    "void(float64[:, ::1], float64[:, ::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1],"
    " float64[::1], float64[::1], float64[::1], float64[::1])"
)
def daily_ranges(shocks, jump_shocks, log_return, variance, overnight, session, jump, moment, opened, high, low):
    """Open, high and low of each session as log distances from the close before it.

    Parameters
    ----------
    shocks : (n, RANGE_SHOCKS)
        Standard normals.
    jump_shocks : (n, JUMP_SHOCKS)
        Standard normals; read where there is a jump.
    log_return, variance : (n,)
        From close to close, and its variance without the jump.
    overnight, session : (n,)
        Shares of that variance: of the gap, which is the return's Brownian part until the open, and of the path that
        makes the range. They add up to 1 where that path is the return's Brownian part too.
    jump, moment : (n,)
        Part of the return that comes at once, 0 in most sessions, and when: between 0 and 1 of the session, or NaN
        before the open.
    opened, high, low : (n,)
        Written.
    """
    for i in range(log_return.shape[0]):
        share, total = overnight[i], variance[i]
        gap = share * (log_return[i] - jump[i]) + math.sqrt(share * (1.0 - share) * total) * shocks[i, 0]
        within = jump[i] != 0.0 and not math.isnan(moment[i])
        if not within:
            gap += jump[i]
        rest = log_return[i] - gap
        if within:
            first, up, down, _, after_up, after_down = _halves(
                rest, session[i] * total, jump[i], moment[i], shocks[i, 1], shocks[i, 2], jump_shocks[i]
            )
            up = max(up, first + jump[i] + after_up)
            down = min(down, first + jump[i] + after_down)
        else:
            up, down = _extremes(rest, session[i] * total, shocks[i, 1], shocks[i, 2])
        opened[i], high[i], low[i] = gap, gap + up, gap + down


@kernel("UniTuple(float64, 6)(float64, float64, float64, float64, float64[::1], float64[::1])")
def around_jump(end, variance, jump, moment, shocks, jump_shocks):
    """Session's path before and after its jump, as `daily_ranges` drew it: (end, high, low) of each.

    Each from where it starts; `shocks` and `jump_shocks` are the session's rows.
    """
    return _halves(end, variance, jump, moment, shocks[1], shocks[2], jump_shocks)
