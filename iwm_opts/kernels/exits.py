"""When packages are closed: the first day of each life on which a rule says so."""

from iwm_opts.kernels._jit import inline, kernel

HELD, STOP, TOUCH, DTE, TIME, GATE, PROFIT, EXPIRY, END = range(9)


@inline
def exit_reason(debit, credit, is_touched, days_left, sessions, is_reversed, profit, stop, min_dte, max_sessions):
    """Why to close today, worst first; HELD where no rule says so. NaN switches a rule off."""
    if debit >= (1.0 + stop) * credit:
        return STOP
    if is_touched:
        return TOUCH
    if days_left <= min_dte:
        return DTE
    if sessions >= max_sessions:
        return TIME
    if is_reversed:
        return GATE
    if debit <= (1.0 - profit) * credit:
        return PROFIT
    return HELD


@kernel(
    "void(int64[::1], float64[::1], float64[::1], boolean[::1], boolean[::1], int64[::1], boolean[::1], boolean[::1],"
    " float64, float64, float64, float64, int64[::1], int64[::1])"
)
def first_exits(
    offset,
    credit,
    debit,
    touched,
    reverses,
    days_left,
    tradable,
    settles,
    profit,
    stop,
    min_dte,
    max_sessions,
    row,
    reason,
):
    """Find the row on which each package is closed, and why.

    Package c lives on the rows offset[c] to offset[c + 1] - 1 of the other arrays, one a day from its entry on;
    `credit` is one a package. The last row settles it, or is the last there is; on days that are not `tradable` only
    time passes. `debit` is the cost of closing in dollars a share. Writes `row` and `reason`, shape (packages,).
    """
    for c in range(credit.shape[0]):
        first, last = offset[c], offset[c + 1] - 1
        row[c] = last
        reason[c] = EXPIRY if settles[c] else END
        # On its last day a package that settles is not traded any more.
        for i in range(first + 1, last if settles[c] else last + 1):
            if not tradable[i]:
                continue
            why = exit_reason(
                debit[i], credit[c], touched[i], days_left[i], i - first, reverses[i], profit, stop, min_dte,
                max_sessions,
            )  # fmt: skip
            if why != HELD:
                row[c] = i
                reason[c] = why
                break
