"""Open positions, their exits, rolls and the portfolio: as text and records."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from rich.console import RenderableType
from rich.text import Text

from iwm_opts.conventions import counted
from iwm_opts.journal.positions import AWAY, ExpirationRisk, HeldPosition, ShortLegRisk
from iwm_opts.market.chain import Chain
from iwm_opts.report.console import bold, plain_table, render_page
from iwm_opts.report.paper_table import campaign_record, campaign_text
from iwm_opts.report.records import Record, managed_record, picked
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
    positions: Sequence[HeldPosition], portfolio: Portfolio, chain: Chain, stale: str, notes: Sequence[str]
) -> Record:
    """Everything of a management."""
    held = [
        row
        | {
            "short_legs": [asdict(short) for short in position.shorts],
            "managed": managed_record(position.managed),
            "rolls": [asdict(roll) for roll in position.rolls],
        }
        for row, position in zip(manage_rows(positions), positions, strict=True)
    ]
    return {
        **picked(chain, "as_of", "session", "quote_time", "source", "label", "spot"),
        "stale": stale or None,
        "positions": held,
        "portfolio": asdict(portfolio) | picked(portfolio, "max_loss", "requirement"),
        "notes": list(notes),
    }


def manage_table(
    positions: Sequence[HeldPosition],
    portfolio: Portfolio,
    chain: Chain,
    stale: str,
    notes: Sequence[str],
    columns: int | None = None,
) -> str:
    """Positions, exits due, rolls and the portfolio, as text."""
    rows = []
    for held in positions:
        trade, mark = held.trade, held.mark
        head = held.name, f"{trade.expiration} {held.dte}d", str(trade.contracts), price(trade.credit)
        if mark is None:
            rows.append((*head, *[""] * 6, "not marked"))
            continue
        distance = min((short.distance for short in held.shorts), default=math.nan)
        rows.append(
            (
                *head, price(mark.debit), dollars(held.pnl), percent(held.share_of_max_profit),
                number(held.delta, 1), number(distance, 1), dollars(held.expected_profit), held.rule or "-",
            )
        )  # fmt: skip
    names = ("no", "expiration", "n", "credit", "debit", "P&L", "of max", "delta", "sd", "E[M]", "due")
    parts: list[RenderableType] = [capture_line(chain), *([Text(stale, style="bold red")] if stale else []), ""]
    parts += [plain_table(*names, left=("expiration", "due"), rows=rows), ""]
    for held in positions:
        parts += [*_lines(held, chain), ""]
    parts += _portfolio_lines(portfolio)
    parts += [AWAY] if any("away" in roll.kind for held in positions for roll in held.rolls) else []
    return render_page(chain.label, parts, notes, columns)


def _lines(held: HeldPosition, chain: Chain) -> list[RenderableType]:
    lines: list[RenderableType] = [bold(f"{held.name}: {held.trade.text}")]
    if held.problem:
        return [*lines, f"   not marked: {held.problem}"]
    if held.rule:
        lines.append(Text(f"   EXIT DUE ({held.rule})", style="bold red"))
        lines.append(Text(held.order, no_wrap=True))  # a line to paste: neither indented nor broken
    if held.no_stop:
        lines.append(f"   {held.no_stop}")
    if held.campaign is not None:
        lines.append(f"   {campaign_text(held.campaign, held.pnl)}")
    for short in held.shorts:
        lines += _assignment(short, chain)
    if not held.has_greeks:
        lines.append("   greeks unknown: a leg implies no vol, nor does the smile give one")
    if held.managed is not None:
        hold = f"hold under the exits {dollars(held.expected_profit, 2)}"
        lines.append(f"   expected: {hold}, close now {dollars(held.pnl, 2)}")
    if held.rolls:
        rolls = (
            (
                f" {place} {roll.kind}", f"{roll.expiration:%d%b}", roll.legs.replace("+1", "+").replace("-1", "-"),
                dollars(roll.cash, 2), dollars(roll.max_loss_change), dollars(roll.expected_profit),
            )
            for place, roll in enumerate(held.rolls, 1)
        )  # fmt: skip
        names = (" # roll", "expiration", "legs", "cash $", "loss +$", "E[M]")
        lines.append(plain_table(*names, left=names[:3], rows=rolls))
    return lines


def _assignment(short: ShortLegRisk, chain: Chain) -> Iterator[RenderableType]:
    """When a short leg is assigned early, and from which vol."""
    side = "above" if "C" in short.leg else "below"
    costs = f"costs {dollars(short.cost, 2)}"
    if short.pays_today:
        boundary = f"{chain.spot:.2f} is at or {side} {short.boundary:.2f}"
        why = "by the quotes of the other right" if math.isnan(short.boundary) else boundary
        last = f", on the last session before the ex-date {short.ex_date}" if short.ex_date else ""
        words = f"   {short.leg}: ASSIGNMENT EXPECTED TONIGHT, {costs}: {why}{last}"
        yield Text(words, style="bold red")
    elif short.when is not None:
        when = "today" if short.when == chain.as_of else f"about {short.when}"
        reached = "reached today" if short.is_reached else "not reached"
        yield f"   {short.leg}: exercise pays {when} at or {side} {short.boundary:.2f} ({reached}), {costs}"
    if not math.isnan(short.smile_vol):
        yield f"   {short.leg}: its quote implies no vol; the smile's {points(short.smile_vol)} at the strike taken"


def _portfolio_lines(portfolio: Portfolio) -> Iterator[str]:
    weighted = f"; {portfolio.spy_delta:+.1f} shares of SPY at beta {portfolio.beta:.2f}"
    yield (
        f"all: P&L {dollars(portfolio.pnl, 2)}, delta {portfolio.delta:+.1f} shares, gamma {portfolio.gamma:+.2f}, "
        f"theta {dollars(portfolio.theta, 2)} a day, vega {dollars(portfolio.vega, 2)} a point"
        + ("" if math.isnan(portfolio.beta) else weighted)
        + (f"; without {counted(portfolio.unmarked, 'positions')} not marked" if portfolio.unmarked else "")
        + (f"; greeks without {', '.join(portfolio.unpriced)}: a leg has none" if portfolio.unpriced else "")
    )
    for risk in portfolio.risks:
        yield (
            f"{risk.expiration}: {counted(risk.positions, 'positions')}, largest loss {dollars(risk.together)} "
            f"together ({dollars(risk.apart)} apart; {dollars(risk.delivery)} held to expiry and delivered), "
            f"fees, exercise and dividends ahead included; margin {dollars(risk.requirement)}"
        )
    if len(portfolio.risks) > 1:
        total = f"largest loss {dollars(portfolio.max_loss)}, margin {dollars(portfolio.requirement)}"
        yield f"all expirations: {total}; sums, as the price may be where each loses most"
    yield "E[M]: expected P&L of the trade from its entry, managed under its exits; fills and fees paid"
