"""Open positions, their exits, rolls and the portfolio: as text and records."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

from rich.console import RenderableType
from rich.text import Text

from iwm_opts.conventions import counted
from iwm_opts.journal.positions import AWAY, ExpirationRisk, HeldPosition, Roll, ShortLegRisk
from iwm_opts.market.chain import Chain
from iwm_opts.report.console import note_lines, plain_table, render
from iwm_opts.report.paper_table import campaign_record, campaign_text
from iwm_opts.report.records import Record, managed_record
from iwm_opts.report.screen_table import capture_line
from iwm_opts.report.words import dollars, number, percent, points, price


@dataclass(frozen=True, slots=True)
class Portfolio:
    """All marked positions together; dollars, delta and gamma in shares."""

    pnl: float
    delta: float
    gamma: float
    theta: float
    vega: float
    beta: float  # to SPY; NaN without bars
    spy_delta: float  # shares of SPY that move alike
    unmarked: int  # positions left out
    unpriced: tuple[str, ...]  # names of marked positions that the greeks leave out: a leg has none
    risks: tuple[ExpirationRisk, ...]

    @property
    def max_loss(self) -> float:
        """Sum of the largest losses of the expirations: the price may be where each loses most."""
        return sum(risk.together for risk in self.risks)

    @property
    def requirement(self) -> float:
        """Margin of all expirations: brokers set off legs of one day alone."""
        return sum(risk.requirement for risk in self.risks)


def manage_rows(positions: Sequence[HeldPosition]) -> list[Record]:
    """One record a position, rolls and legs left out."""
    rows = []
    for held in positions:
        trade, mark = held.trade, held.mark
        nearest = min(held.shorts, key=lambda short: short.distance, default=None)
        rows.append(
            {
                "trade": held.name, "plan": trade.plan, "symbol": trade.symbol, "expiration": trade.expiration,
                "dte": held.dte, "legs": trade.text, "contracts": trade.contracts,
                "opened": trade.opened, "credit": trade.credit, "debit": mark.debit if mark else math.nan,
                "mid": mark.mid if mark else math.nan, "pnl": held.pnl, "max_profit": held.max_profit,
                "share_of_max_profit": held.share_of_max_profit,
                **campaign_record(held.campaign, held.name, held.pnl), "max_loss": held.max_loss, "delta": held.delta,
                "gamma": held.gamma, "theta": held.theta, "vega": held.vega,
                "distance_sd": nearest.distance if nearest else math.nan, "due": held.rule,
                "expected_profit": held.expected_profit, "order": held.order, "no_stop": held.no_stop,
                "problem": held.problem,
            }
        )  # fmt: skip
    return rows


def manage_record(
    positions: Sequence[HeldPosition],
    portfolio: Portfolio,
    chain: Chain,
    stale: str,
    notes: Sequence[str],
) -> Record:
    """Everything of a management."""
    held = [
        row
        | {
            "short_legs": [
                asdict(short) | {name: day.isoformat() if day else None for name, day in _days(short)}
                for short in position.shorts
            ],
            "managed": managed_record(position.managed),
            "rolls": [asdict(roll) | {"expiration": roll.expiration.isoformat()} for roll in position.rolls],
        }
        for row, position in zip(manage_rows(positions), positions, strict=True)
    ]
    risks = [asdict(risk) | {"expiration": risk.expiration.isoformat()} for risk in portfolio.risks]
    return {
        "as_of": chain.as_of.isoformat(),
        "session": chain.session,
        "quote_time": chain.quote_time.isoformat() if chain.quote_time else None,
        "source": chain.source,
        "label": chain.label,
        "spot": chain.spot,
        "stale": stale or None,
        "positions": held,
        "portfolio": asdict(portfolio)
        | {"risks": risks, "max_loss": portfolio.max_loss, "requirement": portfolio.requirement},
        "notes": list(notes),
    }


def _days(short: ShortLegRisk) -> Sequence[tuple[str, date | None]]:
    return ("when", short.when), ("ex_date", short.ex_date)


def manage_table(
    positions: Sequence[HeldPosition],
    portfolio: Portfolio,
    chain: Chain,
    stale: str,
    notes: Sequence[str],
    columns: int | None = None,
) -> str:
    """Positions, exits due, rolls and the portfolio, as text."""
    label = [Text(chain.label, style="bold red")] if chain.label else []
    parts: list[RenderableType] = [*label, capture_line(chain)]
    parts += [Text(stale, style="bold red")] if stale else []
    parts += [Text(""), _table(positions), Text("")]
    for held in positions:
        parts += [*_lines(held, chain), Text("")]
    parts += _portfolio_lines(portfolio)
    parts += [Text(AWAY)] if any("away" in roll.kind for held in positions for roll in held.rolls) else []
    parts += note_lines(notes)
    return render([*parts, *label], columns)


def _table(positions: Sequence[HeldPosition]) -> RenderableType:
    names = ("no", "expiration", "n", "credit", "debit", "P&L", "of max", "delta", "sd", "E[M]", "due")
    table = plain_table(*names, left=("expiration", "due"))
    for held in positions:
        trade, mark = held.trade, held.mark
        if mark is None:
            table.add_row(held.name, f"{trade.expiration} {held.dte}d", str(trade.contracts), price(trade.credit),
                          *[""] * 6, "not marked")  # fmt: skip
            continue
        distance = min((short.distance for short in held.shorts), default=math.nan)
        table.add_row(
            held.name, f"{trade.expiration} {held.dte}d", str(trade.contracts), price(trade.credit),
            price(mark.debit), dollars(held.pnl), percent(held.share_of_max_profit), number(held.delta, 1),
            number(distance, 1), dollars(held.expected_profit), held.rule or "-",
        )  # fmt: skip
    return table


def _lines(held: HeldPosition, chain: Chain) -> list[RenderableType]:
    trade = held.trade
    lines: list[RenderableType] = [Text(f"{held.name}: {trade.text}", style="bold")]
    if held.problem:
        return [*lines, Text(f"   not marked: {held.problem}")]
    if held.rule:
        lines.append(Text(f"   EXIT DUE ({held.rule})", style="bold red"))
        lines.append(Text(held.order, no_wrap=True))  # a line to paste: neither indented nor broken
    if held.no_stop:
        lines.append(Text(f"   {held.no_stop}"))
    if held.campaign is not None:
        lines.append(Text(f"   {campaign_text(held.campaign, held.pnl)}"))
    for short in held.shorts:
        lines += _assignment(short, chain)
    if not held.has_greeks:
        lines.append(Text("   greeks unknown: a leg implies no vol, nor does the smile give one"))
    if held.managed is not None:
        close = f"close now {dollars(held.pnl, 2)}"
        lines.append(Text(f"   expected: hold under the exits {dollars(held.expected_profit, 2)}, {close}"))
    if held.rolls:
        lines.append(_rolls(held.rolls))
    return lines


def _assignment(short: ShortLegRisk, chain: Chain) -> list[Text]:
    """When a short leg is assigned early, and from which vol."""
    lines, side = [], "above" if "C" in short.leg else "below"
    costs = f"costs {dollars(short.cost, 2)}"
    if short.pays_today:
        boundary = f"{chain.spot:.2f} is at or {side} {short.boundary:.2f}"
        why = "by the quotes of the other right" if math.isnan(short.boundary) else boundary
        last = f", on the last session before the ex-date {short.ex_date}" if short.ex_date else ""
        words = f"   {short.leg}: ASSIGNMENT EXPECTED TONIGHT, {costs}: {why}{last}"
        lines.append(Text(words, style="bold red"))
    elif short.when is not None:
        when = "today" if short.when == chain.as_of else f"about {short.when}"
        reached = "reached today" if short.is_reached else "not reached"
        lines.append(
            Text(f"   {short.leg}: exercise pays {when} at or {side} {short.boundary:.2f} ({reached}), {costs}")
        )
    if not math.isnan(short.smile_vol):
        lines.append(
            Text(f"   {short.leg}: its quote implies no vol; the smile's {points(short.smile_vol)} at the strike taken")
        )
    return lines


def _rolls(rolls: Sequence[Roll]) -> RenderableType:
    names = (" # roll", "expiration", "legs", "cash $", "loss +$", "E[M]")
    table = plain_table(*names, left=(" # roll", "expiration", "legs"))
    for place, roll in enumerate(rolls, 1):
        strikes = roll.legs.replace("+1", "+").replace("-1", "-")
        cells = (dollars(roll.cash, 2), dollars(roll.max_loss_change), dollars(roll.expected_profit))
        table.add_row(f" {place} {roll.kind}", f"{roll.expiration:%d%b}", strikes, *cells)
    return table


def _portfolio_lines(portfolio: Portfolio) -> list[RenderableType]:
    weighted = f"; {portfolio.spy_delta:+.1f} shares of SPY at beta {portfolio.beta:.2f}"
    lines: list[RenderableType] = [
        Text(
            f"all: P&L {dollars(portfolio.pnl, 2)}, delta {portfolio.delta:+.1f} shares, gamma {portfolio.gamma:+.2f}, "
            f"theta {dollars(portfolio.theta, 2)} a day, vega {dollars(portfolio.vega, 2)} a point"
            + ("" if math.isnan(portfolio.beta) else weighted)
            + (f"; without {counted(portfolio.unmarked, 'positions')} not marked" if portfolio.unmarked else "")
            + (f"; greeks without {', '.join(portfolio.unpriced)}: a leg has none" if portfolio.unpriced else "")
        )
    ]
    lines += [
        Text(
            f"{risk.expiration}: {counted(risk.positions, 'positions')}, largest loss {dollars(risk.together)} "
            f"together ({dollars(risk.apart)} apart; {dollars(risk.delivery)} held to expiry and delivered), "
            f"fees, exercise and dividends ahead included; margin {dollars(risk.requirement)}"
        )
        for risk in portfolio.risks
    ]
    if len(portfolio.risks) > 1:
        total = f"largest loss {dollars(portfolio.max_loss)}, margin {dollars(portfolio.requirement)}"
        lines.append(Text(f"all expirations: {total}; sums, as the price may be where each loses most"))
    lines.append(Text("E[M]: expected P&L of the trade from its entry, managed under its exits; fills and fees paid"))
    return lines
