"""From `--source` to a market on a day."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

from iwm_opts.conventions import IVR_LOOKBACK, IVR_TENOR_DAYS
from iwm_opts.errors import DataError, InputError
from iwm_opts.io.files import load_chain
from iwm_opts.io.provenance import origin_of
from iwm_opts.sources.modelled_files import ModelledFiles
from iwm_opts.sources.on_day import DEFAULT_SYMBOL, EXERCISE_OF_MODELS, MarketOnDay
from iwm_opts.sources.plugins import plugin_chain

WORDS: Final = ("auto", "yahoo", "cboe", "record", "sim", "modelled")


def resolve(
    source: str,
    symbol: str | None = None,
    as_of: date | None = None,
    session: str | None = None,
    spot: float | None = None,
    seed: int | None = None,
    tenor_days: int = IVR_TENOR_DAYS,
    lookback: int = IVR_LOOKBACK,
    progress: Callable[[int, int], None] | None = None,
    modelled: ModelledFiles | None = None,
) -> MarketOnDay:
    """Market of one symbol at one moment.

    Parameters
    ----------
    source : str
        Path of a chain file; `yahoo` or `cboe` for the market now; `record` for what was recorded; `sim` for the
        simulated market; `modelled` for real prices under modelled quotes; `auto` for Yahoo, else Cboe, else the
        simulated market, which then says why. A file that is called like one of the words is ./record. A name that
        is not a file may be a source that another package registers, see `sources.plugins`.
    symbol, as_of, session, spot
        See `io.files.load_chain`. A live source shows only the present; a simulated market is of IWM, at the
        close, and takes only `as_of`.
    seed : int, optional
        Of the simulated market.
    tenor_days, lookback : int
        Of the IV history that a market brings along.
    progress : callable, optional
        Told how much of how much of a long download is there.
    modelled : ModelledFiles, optional
        What the modelled market is made from.

    Raises
    ------
    InputError
        For an option that the market cannot meet, or lacks.
    DataError
        For a file that is no chain, or a named source that fails: it never falls back.
    """
    if source not in WORDS:
        if not Path(source).exists():
            registered = plugin_chain(source, symbol or DEFAULT_SYMBOL, as_of, spot)
            if registered is not None:
                return MarketOnDay(registered, None, None)
        chain = load_chain(Path(source), symbol=symbol, as_of=as_of, session=session, spot=spot)
        if not chain.simulated:
            return MarketOnDay(chain, None, None)
        return MarketOnDay(chain, None, None, rate=origin_of(Path(source)).rate, exercise=EXERCISE_OF_MODELS)
    if source == "modelled":
        return _modelled(modelled, symbol, as_of, session, spot)
    if source == "sim":
        return _simulated(symbol, as_of, session, spot, seed, tenor_days, ())
    if source == "record":
        return _recorded(symbol, as_of, session, spot, tenor_days, lookback)
    from iwm_opts.sources.live import first_answer, live_on_day, refuse_past

    def ask(name: str) -> MarketOnDay:
        return live_on_day(name, symbol, as_of, session, spot, tenor_days, lookback, progress)

    try:
        if source == "auto":
            refuse_past("no live source", as_of)
        return first_answer(source, ask)
    except DataError as error:
        if source != "auto":
            raise
        return _fallen_back(error, symbol, as_of, session, spot, seed, tenor_days)


def _fallen_back(
    failure: DataError,
    symbol: str | None,
    as_of: date | None,
    session: str | None,
    spot: float | None,
    seed: int | None,
    tenor_days: int,
) -> MarketOnDay:
    told = f"{failure}: the market shown is simulated"
    try:
        return _simulated(symbol, as_of, session, spot, seed, tenor_days, (told,))
    except InputError as error:  # it can say nothing of that symbol: then the live sources' failure is the answer
        raise DataError(failure.source, failure.rule, f"the simulated market cannot stand in ({error})") from None


def _recorded(
    symbol: str | None, as_of: date | None, session: str | None, spot: float | None, tenor_days: int, lookback: int
) -> MarketOnDay:
    from iwm_opts.sources.recorded import recorded_on_day

    if spot is not None:
        raise InputError("spot", spot, "the record holds the spot of its chains", "leave it out")
    return recorded_on_day(symbol, as_of, session, tenor_days, lookback)


def _modelled(
    files: ModelledFiles | None, symbol: str | None, as_of: date | None, session: str | None, spot: float | None
) -> MarketOnDay:
    from iwm_opts.sources.modelled_files import modelled_on_day

    for name, value in (("session", session), ("spot", spot)):
        if value is not None:
            raise InputError(name, value, "means nothing on the modelled market", "leave it out")
    market = modelled_on_day(files, symbol, as_of)
    chain = market.chain(market.days[-1])
    rate = float(market.rates[-1])
    return MarketOnDay(chain, market.dividends, market.volatility, market.notes, rate, EXERCISE_OF_MODELS)


def _simulated(
    symbol: str | None,
    as_of: date | None,
    session: str | None,
    spot: float | None,
    seed: int | None,
    tenor_days: int,
    told: tuple[str, ...],
) -> MarketOnDay:
    from iwm_opts.sources.simulated import DEFAULT_SEED, default_market

    market = default_market(DEFAULT_SEED if seed is None else seed, as_of)
    if symbol not in (None, market.parameters.setting.symbol):
        raise InputError(
            "symbol", symbol, f"the simulated market is of {market.parameters.setting.symbol}", "name a file"
        )
    for name, value in (("session", session), ("spot", spot)):
        if value is not None:
            raise InputError(name, value, "means nothing on the simulated market", "leave it out")
    history = market.iv_history(tenor_days) if tenor_days in (10, 30) else market.iv_history()
    rate = float(market.rates[-1])
    return MarketOnDay(market.chain(market.days[-1]), market.dividends, history, told, rate, EXERCISE_OF_MODELS)
