"""A screen for people to read: market, gate, candidates, and the best of them leg by leg."""

import math
from collections.abc import Iterable
from datetime import date
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from iwm_opts.conventions import (
    DELIVERY_GAP,
    REALISED_IMPLIED_VARIANCE,
    REALISED_IMPLIED_VARIANCE_INTERVAL,
    REALISED_IMPLIED_VARIANCE_SOURCE,
    counted,
)
from iwm_opts.execution.exits import ExitLevels
from iwm_opts.market.chain import Chain
from iwm_opts.market.contract import parse_occ, settlement_of
from iwm_opts.market.iv_rank import IvRank
from iwm_opts.market.snapshot import Snapshot
from iwm_opts.report.assignment_lines import assignment_lines
from iwm_opts.report.console import bold, figures_grid, fitted_table, indented, plain_table, render_page, width
from iwm_opts.report.screening import Screening
from iwm_opts.report.words import dollars, number, percent, points, price, strike
from iwm_opts.spreads.candidate import Candidate
from iwm_opts.spreads.empirical import SOURCE, SYMBOL, Empirical, Gain
from iwm_opts.spreads.managed import METHOD, Managed
from iwm_opts.spreads.screen import FEW_OPEN, Screened, Sized


def screen_table(result: Screening, verbose: bool = False, columns: int | None = None) -> str:
    """Whole page as text."""
    screened, quality = result.screened, result.snapshot.chain.quality
    parts: list[RenderableType] = [*market_lines(result.snapshot), *gate_lines(result), ""]
    if screened.kept:
        rows = [_cells(result, place, sized) for place, sized in enumerate(screened.kept, 1)]
        optional = (WIDE_ALONE, ("stop",), ("E[P]", "POP"))
        parts += [fitted_table(rows, columns or width(), ("expiration", "strikes"), optional), ""]
        heads = ("", "leg", "bid", "ask", "mid", "IV", "delta", "OI", "OCC symbol")
        for place, sized in enumerate(screened.kept if verbose else screened.kept[:1], 1):
            candidate = sized.candidate
            day = f"{expiry_words(candidate.expiration)}, {candidate.dte} days"
            legs = (
                (
                    leg.side, f"{leg.right} {strike(leg.strike)}", f"{leg.bid:.2f}", f"{leg.ask:.2f}", price(leg.mid),
                    points(leg.iv), f"{leg.delta:.3f}", number(leg.open_interest, 0), leg.occ_symbol,
                )
                for leg in candidate.legs
            )  # fmt: skip
            table = plain_table(*heads, left=("", "leg", "OCC symbol"), rows=legs)
            figures = figures_grid((*_money(result, sized), *_chances(result, sized)))
            parts += [bold(f"#{place}  {candidate.strategy} {day}"), indented(table), indented(figures), ""]
        parts += [count_line(screened), *legend_lines(result, verbose)]
    else:
        rule = "candidate satisfies the selection" if screened.considered else "option lies in the delta range"
        remedy = " `min_open_interest` 0 takes any open interest." if FEW_OPEN in screened.rejected else ""
        parts += [bold(f"No {rule}.{remedy}"), count_line(screened), *_rejected_lines(screened)]
    return render_page(result.snapshot.chain.label, parts, [*quality.notes, *result.warnings], columns)


def capture_line(chain: Chain) -> Text:
    """Symbol, spot, time, session and source of a capture."""
    when, captured = f"{chain.as_of}", chain.quote_time
    if captured:
        same_day = captured.date() == chain.as_of
        when += f" {captured:%H:%M} New York" if same_day else f", captured {captured:%Y-%m-%d %H:%M}"
    session = f", session {chain.session}" if chain.session else ""
    return Text.assemble((f"{chain.symbol} {chain.spot:.2f}", "bold"), f"  {when}{session}  from {chain.source}")


def market_lines(snapshot: Snapshot) -> list[RenderableType]:
    """Source, time and assumptions of the market."""
    chain, paid = snapshot.chain, snapshot.dividends
    due = snapshot.dividends_until(snapshot.slices[-1].expiration if snapshot.slices else chain.as_of)
    dividends = "dividends not given"
    if paid is not None:
        dividends = f"no dividend ahead ({paid.source})"
        if due:
            projected = ", projected" if due[0].projected else ""
            dividends = f"next dividend {due[0].amount:.2f} on {due[0].ex_date}{projected}"
    return [
        capture_line(chain),
        f"rate {percent(snapshot.rate.value, 2)}, {snapshot.rate.source}",
        f"{dividends}; {snapshot.exercise} exercise",
        chain.quality.summary,
    ]


def rank_line(rank: IvRank) -> Text:
    """Ranked observation and its standing."""
    proxy = " (proxy)" if rank.proxy else ""
    tenor = f" {rank.tenor_days}-day" if rank.tenor_days else ""
    return Text.assemble(
        "IV history  ",
        (f"{rank.series}{proxy}", "bold"),
        f"{tenor} {points(rank.value)} on {rank.value_date}: ",
        (f"rank {number(rank.rank)}", "bold"),
        f", percentile {number(rank.percentile)}",
        f"  ({rank.observations} of {rank.lookback} sessions)",
    )


def chain_iv_line(snapshot: Snapshot) -> str:
    """Chain's own IV10 and IV30."""
    iv = snapshot.iv
    return (
        f"chain       IV10 {points(iv.iv10)} (calendar clock {points(iv.iv10_calendar)}), "
        f"IV30 {points(iv.iv30)} (calendar clock {points(iv.iv30_calendar)})"
    )


def gate_lines(result: Screening) -> list[RenderableType]:
    """Rank, the chain's own IV, and the state of the gate."""
    gate = result.gate
    state = ("OPEN", "bold green") if gate.is_open else ("CLOSED", "bold red")
    lines: list[RenderableType] = [rank_line(result.rank)] if result.rank else []
    lines += [chain_iv_line(result.snapshot)]
    lines.append(Text.assemble("gate        ", gate.condition, ": ", state, "  ", "; ".join(gate.reasons)))
    if not gate.is_open and result.screened.kept:
        lines.append(Text("NOT TRADED (gate closed). Candidates shown for information.", style="bold red"))
    return lines


WIDE_ALONE: Final = ("natural", "slip $", "days", "touch", "delta", "theta")


def _cells(result: Screening, place: int, sized: Sized) -> dict[str, str]:
    candidate = sized.candidate
    target, stop, days, profit = managed_figures(candidate.managed)
    morning = " AM" if settlement_of(parse_occ(candidate.legs[0].occ_symbol).root).settles_on == "open" else ""
    return {
        "#": str(place),
        "expiration": f"{candidate.expiration:%d%b} {candidate.dte}d{morning}",
        "strikes": strikes(candidate),
        "mid": price(candidate.fill.mid),
        "fill": price(candidate.fill.price),
        "natural": price(candidate.fill.natural),
        "slip $": f"{candidate.fill.slippage:.2f}",
        "loss $": number(candidate.max_loss, 0),
        "E[P]": number(candidate.expected_profit, 0),
        "POP": percent(candidate.pop),
        "P50": percent(target),
        "stop": percent(stop),
        "E[M]": number(profit, 0),
        "days": number(days, 0),
        "touch": percent(candidate.prob_touch),
        "delta": number(candidate.delta, 3),
        "theta": number(candidate.theta, 3),
        "lots": str(sized.size.contracts if result.gate.is_open else 0),
    }


def strikes(candidate: Candidate) -> str:
    """`P 270/275 C 320/325`."""
    sides = []
    for right in ("P", "C"):
        texts = [strike(leg.strike) for leg in candidate.legs if leg.right == right]
        if texts:
            sides.append(f"{right} {'/'.join(texts)}")
    return " ".join(sides)


def _money(result: Screening, sized: Sized) -> Iterable[tuple[str, str]]:
    """Price, slippage, profit and losses of a candidate."""
    candidate, fill = sized.candidate, sized.candidate.fill
    word = "credit" if fill.mid > 0 else "debit"
    quotes = f"(mid {price(abs(fill.mid))}, natural {price(abs(fill.natural))})"
    yield word, f"{price(abs(fill.price))} at {fill.model} {quotes}"
    share = percent(abs(fill.offset / fill.mid), 1)
    offset = f"break-even slippage ${price(candidate.breakeven_slippage)}/share"
    if candidate.breakeven_slippage <= 0:
        offset = "not even mid leaves an expected profit"
    yield "slippage", f"{dollars(fill.slippage, 2)}, {share} of the {word}; {offset}; fees {dollars(candidate.fees, 2)}"
    yield "max profit", f"{dollars(candidate.max_profit, 2)}, {percent(candidate.return_on_risk, 1)} of the max loss"
    owed = sum(d.amount for d in result.snapshot.dividends_until(candidate.expiration))
    dividend = f"dividends of {owed:.2f} owed after early assignment and " if owed else ""
    expiry = f"{dollars(candidate.max_loss_expiry, 2)} without {dividend}exercise fees"
    yield "max loss", f"{dollars(candidate.max_loss, 2)}; {expiry}"
    if candidate.max_loss_delivery > candidate.max_loss:
        is_sized_by = sized.max_loss > candidate.max_loss
        used = "the size rests on it" if is_sized_by else "these exits close before"
        held = f"if held to expiry and the shares delivered open {percent(DELIVERY_GAP)} worse"
        yield "delivery", f"{dollars(candidate.max_loss_delivery, 2)} {held}; {used}"
    smile = f"{dollars(candidate.expected_profit_rn, 2)} under the smile itself"
    yield "expected", f"{dollars(candidate.expected_profit, 2)} at variance x {result.variance_ratio:g}; {smile}"


def _chances(result: Screening, sized: Sized) -> Iterable[tuple[str, str]]:
    """Return expectancies, probabilities, greeks, assignment and size of a candidate."""
    candidate, past, size = sized.candidate, sized.candidate.empirical, sized.size
    if past is not None:
        yield "empirical", empirical_words(past, result.snapshot.chain.symbol)
        if past.put_side and past.call_side and past.put_side_smile is not None and past.call_side_smile is not None:
            put = f"put {dollars(past.put_side_smile, 2)} by the smile, {_gain(past.put_side)} empirical"
            call = f"call {dollars(past.call_side_smile, 2)} by the smile, {_gain(past.call_side)} empirical"
            yield "by side", f"{put}; {call}; at mid"
    if candidate.managed is not None:
        yield "managed", managed_words(candidate.managed)
        yield "exits", exits_words(result.exits, is_credit=candidate.fill.price > 0)
    yield "touch", f"{percent(candidate.prob_touch)} before expiry (SABR; about 2 points less by Heston)"
    yield "breakevens", f"{' '.join(f'{b:.2f}' for b in candidate.breakevens) or 'none'}, at expiry"
    greeks = f"delta {candidate.delta:+.3f}, gamma {candidate.gamma:+.4f}"
    yield "greeks", f"{greeks}, theta {candidate.theta:+.3f}, vega {candidate.vega:+.3f} a share"
    for line in assignment_lines(result, candidate):
        yield "assignment", line
    allowed = counted(size.contracts, "contracts")
    if not result.gate.is_open:
        yield "size", f"0 contracts: the gate is closed; would be {allowed}"
        return
    gross = f"(gross requirement {dollars(size.contracts * sized.requirement)})"
    limit = f"limited by {size.limited_by.replace('_', ' ')}: {size.reason}"
    yield "size", f"{allowed}, risk {dollars(size.risk)}, buying power {dollars(size.buying_power)} {gross}; {limit}"


def empirical_words(empirical: Empirical, symbol: str) -> str:
    """Format the expected profit under returns of the past with its interval."""
    after = "at any rank" if empirical.rank == "any" else f"at ranks {empirical.rank}"
    source = f"{SOURCE}, {empirical.windows:,} windows" + ("" if symbol == SYMBOL else f"; stand-in for {symbol}")
    return f"{_gain(empirical.expected_profit)} under returns {after} ({source})"


def _gain(gain: Gain) -> str:
    return f"{dollars(gain.estimate, 2)} ({dollars(gain.low)} to {dollars(gain.high)})"


def managed_figures(managed: Managed | None) -> tuple[float, float, float, float]:
    """Probabilities of target and stop, days held, expected profit; NaN where unknown."""
    if managed is None:
        return math.nan, math.nan, math.nan, math.nan
    return managed.prob_target, managed.prob_stop, managed.days_held, managed.expected_profit


def managed_words(managed: Managed) -> str:
    """Format the expectancy under the exits with its intervals."""
    low, high = managed.prob_target_interval
    least, most = managed.expected_profit_interval
    return (
        f"P50 {percent(managed.prob_target)} ({percent(low)} to {percent(high)}), stop {percent(managed.prob_stop)}, "
        f"{number(managed.days_held, 0)} days, {dollars(managed.expected_profit, 2)} "
        f"({dollars(least)} to {dollars(most)}; simulation error {dollars(managed.error, 2)})"
    )


def exits_words(exits: ExitLevels, *, is_credit: bool) -> str:
    """`50% of the credit, loss of 2 x credit, 21 DTE`."""
    name, stop = "credit" if is_credit else "debit", exits.stop_level(is_credit=is_credit)
    words = [f"{percent(exits.profit)} of the {name}"] if exits.profit is not None else []
    words += [f"loss of {stop:g} x {name}"] if stop is not None else []
    words += [f"{exits.dte} DTE"] if exits.dte is not None else []
    words += [f"{exits.sessions} sessions"] if exits.sessions is not None else []
    return ", ".join(words) or "held to expiry"


def expiry_words(day: date) -> str:
    """`Fri 31 Jul 2026`."""
    return f"{day:%a %d %b %Y}"


def count_line(screened: Screened) -> str:
    """Count the packages considered, and rejected by rule."""
    rejected = ", ".join(f"{count} {rule}" for rule, count in screened.rejected.items())
    counts = f"{counted(screened.considered, 'packages')} considered"
    return counts + (f"; rejected: {rejected}" if rejected else "")


def _rejected_lines(screened: Screened) -> list[str]:
    """Name the best rejected package, its figures, and the rule that rejects it."""
    if screened.best_rejected is None:
        return []
    rule, candidate = screened.best_rejected
    if rule == FEW_OPEN:
        leg = min(candidate.legs, key=lambda each: each.open_interest)
        rule += f" ({number(leg.open_interest, 0)} at {leg.right} {strike(leg.strike)})"
    package = f"{candidate.strategy} {candidate.expiration:%d%b} {candidate.dte}d {strikes(candidate)}"
    money = f"fill {price(candidate.fill.price)}, E[P] {dollars(candidate.expected_profit)}"
    return [f"best rejected: {package}, {money}, max loss {dollars(candidate.max_loss)}: {rule}"]


def legend_lines(result: Screening, verbose: bool) -> list[str]:
    """Name the expectations of the table; their methods and intervals where verbose."""
    ends, ratio = REALISED_IMPLIED_VARIANCE_INTERVAL, f"{result.variance_ratio:g}"
    span = f"{ends[0]:g} to {ends[1]:g}"
    if not verbose:
        source = f"{span}: RVX 2009-2025" if result.is_default_measure else "as given"
        figures = "E[P] profit at expiry, E[M] under the exits, P50 target first"
        return [f"{figures}; variance x {ratio} ({source}); more: -v"]
    measure = f"E[P]: expected profit after costs under the smile with its variance x {ratio}"
    source = f" ({REALISED_IMPLIED_VARIANCE_SOURCE}; 95% interval {span}); an average of the past, not a promise"
    low, high = (result.variance_ratio * end / REALISED_IMPLIED_VARIANCE for end in ends)
    managed = "P50, stop, E[M]: target before stop or other exits, the stop, and expected profit under the exits"
    return [
        measure + (source if result.is_default_measure else ", as given"),
        f"{managed}; {METHOD}; intervals at variance x {low:.2g} to {high:.2g}",
    ]
