"""From `--source` to a market on a day."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from iwm_opts.conventions import Exercise
from iwm_opts.errors import InputError
from iwm_opts.market.chain import Chain
from iwm_opts.market.dividends import DividendSchedule
from iwm_opts.market.iv_rank import IvHistory
from iwm_opts.sources.files import load_chain

SIMULATED: Final = ("auto", "sim")
NOT_YET: Final = ("yahoo", "cboe", "record", "modelled")
FALLBACK: Final = "no live source is built in yet: the market shown is simulated; name a chain file with --source PATH"


@dataclass(frozen=True, slots=True, eq=False)
class MarketOnDay:
    """A chain, and what its market knows besides."""

    chain: Chain
    dividends: DividendSchedule | None  # None: the source does not say
    history: IvHistory | None  # None: the source has none of its own
    warnings: tuple[str, ...] = ()
    exercise: Exercise | None = None  # how its options are exercised, where not by the rule of their root


def resolve(
    source: str,
    symbol: str | None = None,
    as_of: date | None = None,
    session: str | None = None,
    spot: float | None = None,
    seed: int | None = None,
    tenor_days: int = 10,
) -> MarketOnDay:
    """Market of one symbol at one moment.

    Parameters
    ----------
    source : str
        Path of a chain file; `sim` for the simulated market; `auto`, which is the simulated market as long as there is
        no live source, and says so.
    symbol, as_of, session, spot
        See `sources.files.load_chain`; a simulated market is of IWM, at the close, and takes only `as_of`.
    seed : int, optional
        Of the simulated market.
    tenor_days : int
        Of the IV history that a simulated market brings along.

    Raises
    ------
    InputError
        For a source that does not exist yet, or an option that the simulated market cannot meet.
    DataError
        For a file that is no chain.
    """
    if source in SIMULATED and not Path(source).exists():
        told = (FALLBACK,) if source == "auto" else ()
        return _simulated(symbol, as_of, session, spot, seed, tenor_days, told)
    if source in NOT_YET and not Path(source).exists():
        raise InputError("source", source, "is not there yet", "give a chain file, --source chain.csv.gz, or sim")
    return MarketOnDay(load_chain(Path(source), symbol=symbol, as_of=as_of, session=session, spot=spot), None, None)


def _simulated(
    symbol: str | None,
    as_of: date | None,
    session: str | None,
    spot: float | None,
    seed: int | None,
    tenor_days: int,
    told: tuple[str, ...],
) -> MarketOnDay:
    from iwm_opts.markets.simulated import DEFAULT_SEED, default_market

    market = default_market(DEFAULT_SEED if seed is None else seed, as_of)
    if symbol not in (None, market.parameters.setting.symbol):
        raise InputError(
            "symbol", symbol, f"the simulated market is of {market.parameters.setting.symbol}", "name a file"
        )
    for name, value in (("session", session), ("spot", spot)):
        if value is not None:
            raise InputError(name, value, "means nothing on the simulated market", "leave it out")
    history = market.iv_history(tenor_days) if tenor_days in (10, 30) else market.iv_history()
    return MarketOnDay(market.chain(market.days[-1]), market.dividends, history, told, exercise="european")
