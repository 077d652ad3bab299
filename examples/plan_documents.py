"""Write the documents of the plans in examples/plans from a folder of market data.

    python examples/plan_documents.py DATA [OUTPUT]

DATA holds daily/IWM_yahoo_adj_div.csv.gz and the like; without it the plans are only read and named. The documents hold
numbers derived from that data, and no rows of it. Each is written for a session on which its plan took a trade.
"""

import sys
from datetime import date
from pathlib import Path

from iwm_opts.io.bars import load_bars
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.minutes import load_minutes
from iwm_opts.io.plan_tables import load_sectors
from iwm_opts.journal.plan_report import plan_report_on
from iwm_opts.plans.checklist import Inputs
from iwm_opts.plans.plan import load_plan
from iwm_opts.report.page import as_markdown
from iwm_opts.report.plan_document import plan_page

PLANS = Path(__file__).parent / "plans"
DAYS = {
    "mean-reversion": date(2025, 5, 27),
    "momentum": date(2020, 5, 28),
    "momentum-vertical": date(2020, 5, 28),
    "vol-contraction": date(2025, 6, 3),
}


def example_inputs(data: Path) -> Inputs:
    """Return the inputs of the plans."""
    daily = {
        symbol: load_bars(data / "daily" / f"{symbol}_yahoo_adj_div.csv.gz") for symbol in ("IWM", "SPY", "KRE", "XBI")
    }
    return Inputs(
        daily.pop("IWM"),
        daily,
        load_iv_history(data / "vol" / "RVX_History.csv.gz"),
        load_minutes(data / "intraday" / "IWM_1m_20191021_20200608.csv.gz"),
        sectors=load_sectors([data / "fund" / "IWM_sector_weights.csv"]),
    )


def write_documents(data: Path, output: Path = PLANS) -> list[Path]:
    """Write one document a plan; their paths."""
    inputs, written = example_inputs(data), []
    for name, day in DAYS.items():
        plan = load_plan(PLANS / f"{name}.toml")
        path = output / f"{name}.md"
        path.write_text(as_markdown(plan_page(plan_report_on(plan, inputs, day))), encoding="utf-8")
        written.append(path)
    return written


def name_plans() -> None:
    """Read every plan and say what it trades."""
    for name in DAYS:
        plan = load_plan(PLANS / f"{name}.toml")
        print(f"{name}: {plan.horizon}, {plan.instrument} on {plan.symbol}")
    print("to write their documents: python examples/plan_documents.py DATA")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        name_plans()
    else:
        for path in write_documents(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else PLANS):
            print(f"written: {path}")
