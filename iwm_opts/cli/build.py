"""From options to the objects behind them, in one place for all commands."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import click

from iwm_opts.cli.progress import progress
from iwm_opts.conventions import IVR_LOOKBACK, IVR_TENOR_DAYS
from iwm_opts.market.iv_rank import IvHistory, IvRank, iv_rank
from iwm_opts.market.snapshot import Snapshot, take_snapshot
from iwm_opts.spreads.analysis import Terms
from iwm_opts.spreads.screen import Account, Selection

Options = Mapping[str, Any]
MODELLED = ("bars", "iv_history", "slope_history", "slope_base", "yields", "rate", "dividends")  # a modelled market's


def market_from(options: Options) -> tuple[Snapshot, IvHistory | None]:
    """The market that --source and its companions name, and the IV history it brings along if any."""
    from iwm_opts.io.dividends import parse_dividends
    from iwm_opts.sources.modelled_files import ModelledFiles
    from iwm_opts.sources.resolve import resolve

    files = {name: options.get(name) for name in MODELLED}
    names = ("source", "symbol", "as_of", "session", "spot", "seed")
    tenor, lookback = options.get("ivr_tenor", IVR_TENOR_DAYS), options.get("ivr_lookback", IVR_LOOKBACK)
    with progress("option chain", options) as told:
        market = resolve(
            **{name: options[name] for name in names},
            tenor_days=tenor,
            lookback=lookback,
            progress=told,
            modelled=ModelledFiles(**files),
        )
    dividends = parse_dividends(options["dividends"]) if options["dividends"] else market.dividends
    rate = market.rate if options["rate"] is None else options["rate"]
    source = "given" if options["rate"] is not None else "that the market's options are priced at"
    style, engine = options["exercise"] or market.exercise, options["engine"]
    snapshot = take_snapshot(market.chain, rate, dividends, style, engine, market.warnings, source)
    return snapshot, market.history


def history_from(options: Options, before: date | None = None) -> IvHistory | None:
    """The IV history that --iv-history names; None without one."""
    if not options["iv_history"]:
        return None
    from iwm_opts.io.iv_history import load_iv_history

    return load_iv_history(options["iv_history"], options["symbol"], options["ivr_tenor"], before)


def rank_from(options: Options, day: date, own: IvHistory | None) -> IvRank | None:
    """Rank on a day of the history that --iv-history names, else of the market's own; None without either."""
    history = history_from(options, day) or own
    return iv_rank(history, day, options["ivr_lookback"]) if history else None


def terms_from(options: Options) -> Terms:
    """Fill convention, fee schedule and real-world measure."""
    from iwm_opts.execution.fees import FeeSchedule
    from iwm_opts.execution.fills import FillModel

    return Terms(FillModel.parse(options["fill"]), FeeSchedule.parse(options["fees"]), options["variance_ratio"])


def selection_from(options: Options) -> Selection:
    """What a candidate must satisfy."""
    return Selection(
        min_credit=options["min_credit"],
        min_credit_width=options["min_credit_width"] or 0.0,
        min_open_interest=options["min_open_interest"],
        sort=options["sort"],
        top=options["top"],
    )


def account_from(options: Options) -> Account:
    """What bears the risk."""
    from iwm_opts.risk.sizing import Limits

    limits = Limits(
        open_risk=options["open_risk"],
        max_open_risk=options["max_open_risk"],
        buying_power=options["buying_power"],
        max_contracts=options["max_contracts"],
    )
    return Account(options["account"], options["risk"], limits, options["kelly"], options["liquidity_share"])


def emit(text: str, options: Options) -> None:
    """Write a result to standard output, or whole or not at all to --output."""
    if not options["output"]:
        click.echo(text, nl=False)
        return
    write_output(Path(options["output"]), text.encode(errors="replace"))
    say(f"written: {options['output']}", options)


def write_output(path: Path, content: bytes) -> None:
    """Replace a file by a complete one; links are followed, devices and pipes written to."""
    from iwm_opts.io.atomic import write_durably

    target = path.resolve()
    if target.exists() and not target.is_file():
        target.write_bytes(content)
    else:
        write_durably(target, content)


def say(message: str, options: Options) -> None:
    """A message on standard error, unless --quiet."""
    if not options["quiet"]:
        click.echo(message, err=True)
