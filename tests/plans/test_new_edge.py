"""A new edge is a class: plan, decision, document, instruments and backtest know it by its attributes."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import iwm_opts
from iwm_opts.conventions import EDGES
from iwm_opts.plans.edges import EDGE_TYPES
from iwm_opts.research.claims import MEASURES

NEW = '''
import json
from dataclasses import dataclass
from typing import Annotated, ClassVar

import pandas as pd
from pydantic import Field

from iwm_opts.plans import edges


@dataclass(frozen=True, slots=True)
class Weekday(edges.Edge):
    """Close on one day of the week: buy the next session."""

    name: ClassVar[str] = "weekday"
    rule: ClassVar[str] = "Buy the session after day {day} of the week."
    instruments: ClassVar[tuple[str, ...]] = ("shares", "vertical")
    criteria: ClassVar[tuple[str, ...]] = ("trend", "calm", "quiet")

    day: Annotated[int, Field(ge=0, le=4)] = 0  # Monday

    def daily_signals(self, data):
        index = data.bars.index
        return pd.Series(index.dayofweek == self.day, index=index, dtype="boolean")


edges.EDGE_TYPES["weekday"] = Weekday

import iwm_opts as iwm
from iwm_opts.errors import InputError
from iwm_opts.plans.decision import entry_days
from iwm_opts.plans.plan import load_plan, make_plan, make_usual_plan, write_plan

plan = make_usual_plan("weekday", weekday={"day": 2}, macro={"enabled": False}, checklist={"minimum": 1})
path = sys.argv[1]
open(path, "w").write(write_plan(plan))
refused = []
for wrong in ({"weekday": {"day": 9}}, {"instrument": "condor"}, {"horizon": "intraday"}, {"momentum": {}}):
    try:
        make_usual_plan("weekday", **wrong)
    except InputError as error:
        refused.append(error.name)
data = iwm.read_plan_data(source="sim", as_of="2026-06-26", seed=7)
entries = entry_days(plan, data.inputs)
print(json.dumps({
    "equal": load_plan(path) == plan,
    "others": [plan.table(name) for name in ("momentum", "vol-contraction", "package")],
    "rule": plan.rule.day,
    "usual": [plan.horizon, plan.instrument, *plan.checklist.criteria],
    "refused": refused,
    "days": sorted({day.day_name() for day in data.inputs.bars.index[entries.signal]}),
    "share": float(entries.signal.mean()),
    "signal": iwm.read_plan(path).decide(data, on="2026-06-25").to_dict()["signal"]["state"],
}))
'''


def test_a_new_edge_is_one_class(tmp_path):
    code = "import sys\n" + NEW
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "plan.toml")], check=True, capture_output=True, text=True
    )
    answer = json.loads(done.stdout)
    assert answer["equal"]
    assert answer["others"] == [None] * 3
    assert answer["rule"] == 2
    assert answer["usual"] == ["swing", "shares", "trend", "calm", "quiet"]
    assert answer["refused"] == ["weekday.day", "instrument", "horizon", "momentum"]
    assert 0.15 < answer["share"] < 0.25
    assert "Thursday" in answer["days"]  # after a Wednesday
    assert answer["signal"] == "met"  # 2026-06-24 is a Wednesday


def test_edges_have_a_name_on_the_command_line():
    assert set(EDGE_TYPES) == set(EDGES)
    names = {measure.name for measure in MEASURES}
    assert {claim for edge in EDGE_TYPES.values() for claim in edge.claims} <= names


def test_no_other_module_asks_for_an_edge_by_name():
    """But for the options of the command line that set thresholds of the edge of backtests."""
    root, holders = Path(iwm_opts.__file__).parent, set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and node.value in EDGES:
                holders.add(path.relative_to(root).as_posix())
    assert holders <= {"plans/edges.py", "conventions.py", "cli/plan_backtest.py"}
