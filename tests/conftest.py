import hashlib
import json
import math
import os
import pickle
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from numba.core import event
from scipy.stats import norm

settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")

DATA_VARIABLE = "IWM_OPTS_TEST_DATA"
BESIDE_THE_PROJECT = Path(__file__).parents[2] / "shared" / "data"

AS_OF = date(2026, 3, 2)  # a Monday
EXPIRATIONS = (date(2026, 3, 20), date(2026, 4, 2), date(2026, 4, 17))
SPOT, RATE = 200.0, 0.04

SLOW_FILE = Path(__file__).parent / "slow.txt"
LIST_VARIABLE = "IWM_OPTS_TEST_LIST"  # set, a run of all tests writes the list anew
DEAR, MANY_DEAR = 0.1, 0.25  # CPU seconds of a case, and of all cases of a test, above which it is listed
UNKNOWN = 20.0  # CPU seconds of a slow test that the list does not name
LIMIT = 5.0  # CPU seconds of a test that is not marked slow, above which it is reported
LIMIT_VARIABLE = "IWM_OPTS_TEST_CPU"  # another limit, above which the run fails
IS_RUN_OF_ALL = 1_000  # tests
SECONDS: dict[str, float] = {}  # CPU seconds by test
FAST: set[str] = set()  # tests not marked slow
STARTED = pytest.StashKey[float]()


def listed_tests() -> dict[str, float]:
    """CPU seconds of the tests in `slow.txt`, `SECONDS NAME` a line, by name; `NAME[]` is all cases but the first."""
    rows = [line.split(" ", 1) for line in SLOW_FILE.read_text(encoding="utf-8").splitlines()]
    return {name: float(seconds) for seconds, name in rows}


def slow_lines(seconds: dict[str, float]) -> list[str]:
    """Lines of `slow.txt` from the CPU seconds of all tests."""
    tests: dict[str, list[float]] = {}
    for name, each in seconds.items():
        tests.setdefault(name.partition("[")[0], []).append(each)
    lines = [(f"{sum(cases):.1f} {name}", name) for name, cases in tests.items() if max(cases) > DEAR]
    lines += [
        (f"{sum(cases):.1f} {name}[]", name)
        for name, cases in tests.items()
        if max(cases) <= DEAR and sum(cases) > MANY_DEAR
    ]
    return [line for line, _ in sorted(lines, key=lambda pair: pair[1])]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `slow.txt` lists; the dearest files first: begun last, one would leave other workers without work."""
    listed, names, costs = listed_tests(), set(), Counter()
    for name, seconds in listed.items():
        costs[name.partition("::")[0]] += seconds
    for item in items:
        name = item.nodeid.partition("[")[0]
        if name in listed or (f"{name}[]" in listed and name in names):
            item.add_marker("slow")
        elif item.get_closest_marker("slow"):
            costs[name.partition("::")[0]] += UNKNOWN
        names.add(name)
    items.sort(key=lambda item: -costs[item.nodeid.partition("::")[0]])


class CpuSeconds(event.Listener):
    """CPU seconds of this process and of those it waited for, and how many of them it compiled kernels."""

    def __init__(self) -> None:
        self.compiling, self.depth = 0.0, 0

    def now(self) -> float:
        """CPU seconds so far, without compiling."""
        return sum(os.times()[:4]) - self.compiling

    def on_start(self, event: event.Event) -> None:
        """Begin to compile a kernel, perhaps for another."""
        if not self.depth:
            self.began = self.now()
        self.depth += 1

    def on_end(self, event: event.Event) -> None:
        """Compiled."""
        self.depth -= 1
        if not self.depth:
            self.compiling += self.now() - self.began


CPU = CpuSeconds()
event.register("numba:compile", CPU)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Start the clock of a test; fixtures that it shares count for the first that asks for them."""
    item.stash[STARTED] = CPU.now()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Stop it."""
    try:
        return (yield)
    finally:
        item.user_properties.append(("cpu", round(CPU.now() - item.stash[STARTED], 3)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep the seconds of a test where all workers report."""
    if report.when == "call":
        SECONDS[report.nodeid] = dict(report.user_properties)["cpu"]
        if "slow" not in report.keywords:
            FAST.add(report.nodeid)


def dear_tests() -> dict[str, float]:
    """CPU seconds of the tests that should be marked slow."""
    limit = float(os.environ.get(LIMIT_VARIABLE, LIMIT))
    return {name: SECONDS[name] for name in sorted(FAST) if SECONDS[name] > limit}


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run with a limit of its own that a test does not keep."""
    if LIMIT_VARIABLE in os.environ and dear_tests() and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tests to mark slow, and what the others take; write the list of slow tests where asked."""
    if len(FAST) >= IS_RUN_OF_ALL:
        total = sum(SECONDS[name] for name in FAST)
        terminalreporter.write_line(f"{len(FAST):,} tests not marked slow: {total:.0f} s of CPU")
    for name, seconds in dear_tests().items():
        terminalreporter.write_line(f"MARK SLOW: {seconds:.1f} s of CPU, {name}", red=True)
    if LIST_VARIABLE in os.environ:
        SLOW_FILE.write_text("\n".join(slow_lines(SECONDS)) + "\n", encoding="utf-8")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Panels that tests read are kept in a cache of their own."""
    before = os.environ.get("IWM_OPTS_CACHE")
    os.environ["IWM_OPTS_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    os.environ.pop("IWM_OPTS_CACHE")
    if before is not None:
        os.environ["IWM_OPTS_CACHE"] = before


@pytest.fixture(scope="session")
def _kept_claims() -> dict[bytes, list[object]]:
    return {}


@pytest.fixture
def claims_once(_kept_claims: dict[bytes, list[object]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure the claims that plans' documents show once for the same data: most of the time of a document."""
    from iwm_opts.research.claims import measure_claims

    def measured(data: object, names: Sequence[str] | None = None, progress: object = None) -> list[object]:
        key = hashlib.sha256(pickle.dumps(data)).digest()
        if names and key not in _kept_claims:
            _kept_claims[key] = measure_claims(data)
        return [claim for claim in _kept_claims[key] if claim.name in names] if names else []

    monkeypatch.setattr("iwm_opts.journal.plan_report.measure_claims", measured)


@pytest.fixture(scope="session")
def screened() -> Callable[..., list[float] | None]:
    """Strikes of the package that the screens build for an entry rule, on anything like an option table."""
    from iwm_opts.spreads.entry_rule import CONDOR, LONG_CALL, LONG_PUT
    from iwm_opts.spreads.iron_condor import iron_condors
    from iwm_opts.spreads.legs import DeltaRange
    from iwm_opts.spreads.single import long_options
    from iwm_opts.spreads.vertical import KINDS, verticals

    def choose(table: object, rule: object) -> list[float] | None:
        if not hasattr(table, "stdev"):  # quotes of an expiration alone, for widths in dollars and deltas
            table = SimpleNamespace(**{name: getattr(table, name) for name in table.__slots__}, stdev=math.nan)
        put, call = (DeltaRange(delta, delta) for delta in (rule.put_delta, rule.call_delta))
        if rule.strategy == CONDOR:
            packages = iron_condors(table, put, call, [(rule.put_wing, rule.call_wing)])
        elif rule.strategy in (LONG_CALL, LONG_PUT):
            packages = long_options(table, *(("C", call) if rule.strategy == LONG_CALL else ("P", put)))
        else:
            is_put = KINDS[rule.strategy][0] == "P"
            wings = [rule.put_wing if is_put else rule.call_wing]
            packages = verticals(table, rule.strategy, put if is_put else call, wings)
        return table.strike[packages.index[0]].tolist() if len(packages) else None

    return choose


@pytest.fixture(scope="session")
def market_data() -> Path:
    """Folder of real market data; the tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get(DATA_VARIABLE, BESIDE_THE_PROJECT))
    if not folder.is_dir():
        pytest.skip(f"no market data: set {DATA_VARIABLE} to a folder that holds it")
    return folder


def _skewed(k: np.ndarray) -> np.ndarray:
    """A smile of an index fund: 22% at the money, 10 points a unit of log-moneyness dearer below."""
    return 0.22 - 0.25 * k + 0.3 * k**2


@pytest.fixture(scope="session")
def made_quotes() -> Callable[..., pd.DataFrame]:
    """Canonical quotes made of a known smile with scipy alone: European, rate 4%, no dividends, taken at the close."""

    def make(vol: Callable[[np.ndarray], np.ndarray] = _skewed, half_spread: float = 0.02) -> pd.DataFrame:
        frames = []
        for expiration in EXPIRATIONS:
            years = (expiration - AS_OF).days / 365.0
            if AS_OF < date(2026, 3, 8) <= expiration:
                years -= 1.0 / 24.0 / 365.0  # clocks go forward in between
            strike = np.arange(150.0, 251.0)
            forward, discount = SPOT * np.exp(RATE * years), np.exp(-RATE * years)
            stdev = vol(np.log(strike / forward)) * np.sqrt(years)
            d1 = np.log(forward / strike) / stdev + stdev / 2
            for right, sign in (("C", 1), ("P", -1)):
                value = discount * sign * (forward * norm.cdf(sign * d1) - strike * norm.cdf(sign * (d1 - stdev)))
                bid = np.maximum(np.floor((value - half_spread) * 100 + 0.5) / 100, 0.0)
                ask = np.maximum(np.ceil((value + half_spread) * 100 - 0.5) / 100, bid + 0.01)
                frames.append(
                    pd.DataFrame({"strike": strike, "bid": bid, "ask": ask, "right": right, "expiration": expiration})
                )
        quotes = pd.concat(frames, ignore_index=True)
        return quotes.assign(
            quote_date=AS_OF,
            underlying_symbol="IWM",
            underlying_price=SPOT,
            open_interest=1000.0,
            quote_time=pd.Timestamp(AS_OF).tz_localize("America/New_York") + pd.Timedelta(hours=16),
        )

    return make


@dataclass(frozen=True)
class Answer:
    """What the server on loopback says; `cut` promises more bytes than come."""

    body: bytes | str = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    cut: bool = False


class LiveServer(ThreadingHTTPServer):
    """A real HTTP server; answers by path, one after the other, the last one for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[str] = []
        self._answers: dict[str, list[Answer]] = {}
        self._lock = threading.Lock()
        self.serve("/v1/test/getcrumb", Answer("crumb"))
        self.serve("/", Answer("cookies"))

    def serve(self, path: str, *answers: Answer) -> None:
        self._answers[path] = list(answers)

    def answer(self, target: str) -> Answer:
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        with self._lock:
            self.asked.append(target)
            keys = [f"{parts.path}?date={query['date'][0]}"] if "date" in query else []
            found = next((self._answers[key] for key in [*keys, parts.path] if key in self._answers), None)
            if found is None:
                return Answer('{"finance": {"result": null, "error": {"description": "Not Found"}}}', 404)
            return found.pop(0) if len(found) > 1 else found[0]

    def handle_error(self, *_: object) -> None:
        """A client that gave up is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: LiveServer

    def do_GET(self) -> None:
        answer = self.server.answer(self.path)
        time.sleep(answer.delay)
        body = answer.body.encode() if isinstance(answer.body, str) else answer.body
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) + (1000 if answer.cut else 0)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 (http.server calls it so)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def live_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LiveServer]:
    """Stands in for Yahoo and Cboe, with yfinance's caches in a folder of the test and its own state cleared."""
    yf = pytest.importorskip("yfinance")
    from yfinance.data import SingletonMeta, YfData

    yf.set_tz_cache_location(str(tmp_path / "yfinance"))
    SingletonMeta._instances.clear()
    YfData.cache_get.cache_clear()
    server = LiveServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    monkeypatch.setenv("IWM_OPTS_YAHOO_URL", server.url)
    monkeypatch.setenv("IWM_OPTS_CBOE_URL", server.url)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
    SingletonMeta._instances.clear()


@pytest.fixture(scope="session")
def answer() -> type[Answer]:
    return Answer


@pytest.fixture(scope="session")
def yahoo_bodies() -> Callable[..., dict[str, str]]:
    """Yahoo's v7 options answers, by path and date, that say what canonical quotes say."""

    def contracts(rows: pd.DataFrame, stamp: float) -> list[dict[str, object]]:
        return [
            {
                "contractSymbol": f"IWM{row.expiration:%y%m%d}{row.right}{round(row.strike * 1000):08d}",
                "strike": row.strike,
                "currency": "USD",
                "lastPrice": (row.bid + row.ask) / 2,
                "bid": row.bid,
                "ask": row.ask,
                "volume": 10,
                "openInterest": int(row.open_interest),
                "lastTradeDate": int(stamp),
                "impliedVolatility": 0.2,
                "inTheMoney": False,
            }
            for row in rows.itertuples()
        ]

    def bodies(quotes: pd.DataFrame, symbol: str = "IWM") -> dict[str, str]:
        stamp = pd.Timestamp(quotes["quote_time"].iloc[0]).timestamp()
        days = sorted(pd.to_datetime(quotes["expiration"]).unique())
        dates = [int(pd.Timestamp(day).tz_localize("UTC").timestamp()) for day in days]
        found = {}
        for place, (day, date_) in enumerate(zip(days, dates, strict=True)):
            rows = quotes[pd.to_datetime(quotes["expiration"]) == day]
            rows = rows.assign(expiration=day)
            options = {
                "expirationDate": date_,
                "calls": contracts(rows[rows["right"] == "C"], stamp),
                "puts": contracts(rows[rows["right"] == "P"], stamp),
            }
            quote = {
                "symbol": symbol,
                "regularMarketPrice": float(quotes["underlying_price"].iloc[0]),
                "regularMarketTime": int(stamp),
                "marketState": "REGULAR",
            }
            result = {"underlyingSymbol": symbol, "expirationDates": dates, "quote": quote, "options": [options]}
            body = json.dumps({"optionChain": {"result": [result], "error": None}})
            found[f"/v7/finance/options/{symbol}?date={date_}"] = body
            if place == 0:
                found[f"/v7/finance/options/{symbol}"] = body
        return found

    return bodies


@pytest.fixture(scope="session")
def cboe_body() -> Callable[..., str]:
    """Cboe's delayed quotes that say what canonical quotes say; the stamp is UTC, 15 minutes after the quotes."""

    def body(quotes: pd.DataFrame, stamp: str = "2026-03-02 19:20:00") -> str:
        options = [
            {
                "option": f"IWM{row.expiration:%y%m%d}{row.right}{round(row.strike * 1000):08d}",
                "bid": row.bid,
                "ask": row.ask,
                "bid_size": 5.0,
                "iv": 0.2,
                "delta": 0.1,
                "last_trade_time": "2026-03-02T14:00:00",
            }
            for row in quotes.itertuples()
        ]
        data = {"symbol": "IWM", "current_price": 200.0, "close": 199.0, "options": options}
        return json.dumps({"timestamp": stamp, "data": data, "symbol": "IWM"})

    return body


@pytest.fixture(scope="session")
def chart_body() -> Callable[..., str]:
    """Yahoo's v8 chart answer for bars; daily ones with a dividend on the second day."""

    def body(symbol: str, table: pd.DataFrame, interval: str = "1d") -> str:
        opened = 34_200 if interval == "1d" else 0
        stamps = [int(day.tz_localize("America/New_York").timestamp()) + opened for day in table.index]
        quote = {name: table[name].tolist() for name in ("open", "high", "low", "close")} | {
            "volume": [100] * len(table)
        }
        meta = {
            "currency": "USD", "symbol": symbol, "instrumentType": "ETF", "exchangeTimezoneName": "America/New_York",
            "timezone": "EST", "gmtoffset": -18000, "priceHint": 2,
            "dataGranularity": interval, "range": "", "validRanges": [interval],
            "regularMarketTime": stamps[-1], "regularMarketPrice": table["close"].iloc[-1],
            "currentTradingPeriod": {
                name: {"timezone": "EST", "start": stamps[-1], "end": stamps[-1] + 23_400, "gmtoffset": -18000}
                for name in ("pre", "regular", "post")
            },
        }  # fmt: skip
        regular = {"timezone": "EST", "start": stamps[0], "end": stamps[-1] + 23_400, "gmtoffset": -18000}
        if interval != "1d":
            meta["tradingPeriods"] = [[regular]]
        paid = {} if interval != "1d" else {str(stamps[1]): {"amount": 0.62, "date": stamps[1]}}
        result = {
            "meta": meta,
            "timestamp": stamps,
            "events": {"dividends": paid},
            "indicators": {"quote": [quote], "adjclose": [{"adjclose": quote["close"]}]},
        }
        return pd.io.json.ujson_dumps({"chart": {"result": [result], "error": None}})

    return body


@pytest.fixture
def set_clock(monkeypatch):
    """Set the time of every module: `now` reads the clock of its own module, whoever imported it and when."""

    def set_to(moment):
        clock = type("Clock", (datetime,), {"now": staticmethod(lambda tz=None: moment)})
        monkeypatch.setattr("iwm_opts.io.age.datetime", clock)

    return set_to


@pytest.fixture(scope="session")
def static_arbitrage() -> Callable[..., tuple[float, float]]:
    """Least of Durrleman's g and least growth of total variance from one expiration to the next, over a surface table.

    By the formula of `kernels.simulation.ssvi`, its derivatives by hand (Gatheral and Jacquier 2014, lemmas 2.1, 2.2).
    """

    def smile(table, k):
        theta, rho, phi, convexity = (
            column[:, None] for column in (table.theta, table.rho, table.phi, table.convexity)
        )
        bend, shifted = 3 * np.sqrt(theta / (1 + theta)), phi * k + rho
        root, wing, lift = np.sqrt(shifted**2 + 1 - rho**2), np.sqrt(bend**2 + k**2), 2 * convexity * bend
        w = theta / 2 * (1 + rho * phi * k + root) + lift * (wing - bend)
        slope = theta / 2 * phi * (rho + shifted / root) + lift * k / wing
        return w, slope, theta / 2 * phi**2 * (1 - rho**2) / root**3 + lift * bend**2 / wing**3

    def least(table):
        k = np.sqrt(table.theta)[:, None] * np.sinh(np.linspace(-5.0, 5.0, 301))
        w, slope, bent = smile(table, k)
        density = (1 - k * slope / (2 * w)) ** 2 - slope**2 / 4 * (1 / w + 0.25) + bent / 2
        w, _, _ = smile(table, np.linspace(-1.0, 0.7, 171))
        day = np.repeat(np.arange(len(table.start) - 1), np.diff(table.start))
        return float(density.min()), float(np.diff(w, axis=0)[np.diff(day) == 0].min())

    return least
