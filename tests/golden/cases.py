"""Commands whose JSON is kept: run in order in one folder, on the simulated market alone."""

import contextlib
import io
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from iwm_opts.cli.main import main

FOLDER = Path(__file__).parent
DAY = "--source sim --as-of 2026-06-26"
CHAIN = "--source market/path-0/chains-2026.parquet --dividends market/path-0/dividends.csv"
FILES = (
    "--bars market/path-0/bars-IWM.parquet --iv-history market/path-0/iv.parquet --kre market/path-0/bars-KRE.parquet"
)
YEAR = "--source sim --from 2025-01-02 --to 2025-12-31 --paths 1 --no-gate --contracts 1"
SHORT = f"{YEAR} --dte 30 --exit-dte 10"
COMMANDS = {
    "condor": f"condor {DAY} --no-gate",
    "condor-matrix": f"condor --matrix {DAY} --no-gate",
    "condor-closed-gate": f"condor {DAY} --ivr-below 0",
    "vertical": f"vertical {DAY} --top 2",
    "single": f"single {DAY} --top 2",
    "ivr": f"ivr {DAY}",
    "fills-leg": "fills --leg +1P195@0.70/0.74 --leg -1P200@1.20/1.26",
    "fills-chain": f"fills {DAY} --dividends none",
    "size": "size --max-loss 401.52",
    "size-shares": "size --entry 230 --stop 224",
    "ticket": f"ticket {DAY} --no-gate --pick 1 --contracts 1",
    "whatif": f"whatif {DAY} --no-gate --pick 1",
    "manage": f"manage {DAY} --leg +1P240 --leg -1P245 --expiration 2026-07-31 --credit 0.6 --opened 2026-06-12",
    "backtest": f"backtest {YEAR}",
    "backtest-shares": "backtest --edge mean-reversion --source sim --from 2025-01-02 --to 2025-12-31",
    "evidence": f"evidence {SHORT} --draws 19 --random-draws 2 --no-premium",
    "sweep": f"sweep {YEAR} --grid profit=0.25,0.5 --grid stop=1,2 --draws 99 --threads 1",
    "walk-forward": f"walk-forward {SHORT} --grid profit=0.25,0.5 --in-sample 63 --out-of-sample 42",
    "montecarlo": "montecarlo trades.csv --histories 200 --years 1 --threads 1",
    "claims": "claims --source sim --as-of 2026-06-26",
    "plan": "plan --edge mean-reversion --source sim --as-of 2026-06-26 --save dips.toml",
    "plan-condors": "plan --edge vol-contraction --source sim --as-of 2026-06-26 --save condors.toml",
    "plan-check": "plan --plan dips.toml --check --source sim --as-of 2026-06-26",
    "simulate": "simulate --days 30 --seed 12 --first 2026-05-15 --max-dte 60 --workers 1 --output market",
    "snapshot": f"snapshot {CHAIN.partition(' --div')[0]} --force --as-of 2026-06-10",
    "fetch-chains": "fetch chains --from market/path-0",
    "paper-open": f"paper open {CHAIN} --as-of 2026-06-10 --no-gate",
    "paper-mark": "paper mark --source market/path-0/chains-2026.parquet --as-of 2026-06-11",
    "paper-roll": "paper roll 1 --pick 1 --source market/path-0/chains-2026.parquet --as-of 2026-06-12",
    "paper-close": "paper close 2 --source market/path-0/chains-2026.parquet --as-of 2026-06-15",
    "paper-list": "paper list --all",
    "review": "review trades.csv",
    "review-paper": "review paper",
    "facts": "facts",
    "bench": "bench --years 1 --repeats 1",
    "doctor": "doctor",
}
BEFORE = {"montecarlo": f"backtest {YEAR} --format csv --output trades.csv -q"}
OF_MACHINE = ("bench", "doctor")  # whose fields alone are kept
VARIABLES = {
    "IWM_OPTS_DATA": "archive", "IWM_OPTS_CACHE": "cache",
    "IWM_OPTS_YAHOO_URL": "http://127.0.0.1:9", "IWM_OPTS_CBOE_URL": "http://127.0.0.1:9",
}  # fmt: skip


def outcomes() -> Iterator[tuple[str, Any]]:
    """JSON of each command, run in the current folder, which is empty."""
    for name, line in COMMANDS.items():
        if name in BEFORE:
            printed(BEFORE[name])
        outcome = json.loads(printed(f"{line} --format json"))
        yield name, fields_of(outcome) if name in OF_MACHINE else outcome


def fields_of(outcome: Any) -> Any:
    """JSON value whose texts and numbers are replaced by `*`."""
    if isinstance(outcome, dict):
        return {key: fields_of(value) for key, value in outcome.items()}
    return [fields_of(value) for value in outcome] if isinstance(outcome, list) else "*"


def printed(line: str) -> str:
    """Standard output of a command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(line.split())
        except SystemExit as stop:
            code = stop.code or 0
    if code not in (0, 3):
        raise AssertionError(f"iwm-opts {line}: exit {code}: {err.getvalue()}")
    return out.getvalue()


def differences(expected: Any, actual: Any, path: str = "$") -> Iterator[str]:
    """Paths at which two JSON values differ, with both values; numbers agree to 1e-9."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted(expected.keys() | actual.keys()):
            missing = [side for side, value in (("golden", expected), ("now", actual)) if key not in value]
            if missing:
                yield f"{path}.{key}: not in {missing[0]}: {(expected | actual)[key]!r:.100}"
            else:
                yield from differences(expected[key], actual[key], f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            yield f"{path}: {len(expected)} items, now {len(actual)}"
        for index, pair in enumerate(zip(expected, actual, strict=False)):
            yield from differences(*pair, f"{path}[{index}]")
    elif not is_same(expected, actual):
        yield f"{path}: {expected!r:.200}, now {actual!r:.200}"


def is_same(expected: Any, actual: Any) -> bool:
    """Whether two values agree."""
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, float | int) and isinstance(actual, float | int):
        return math.isclose(expected, actual, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(expected, str) and isinstance(actual, str):  # a capture's name has a digest of its bytes
        expected, actual = (re.sub(r"-[0-9a-f]{16}\.", "-*.", text) for text in (expected, actual))
    return bool(expected == actual)
