import re
import tomllib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iwm_opts.api.chain import ChainRequest
from iwm_opts.api.plan_order import plan_screen
from iwm_opts.plans.checklist import CRITERIA
from iwm_opts.plans.edges import MeanReversion, Momentum, VolContraction
from iwm_opts.plans.plan import line_of, load_plan, make_plan, make_usual_plan, write_plan
from iwm_opts.plans.plan_backtest import engine_rules
from tests.refusals import refused, refused_data, shows

SHORTEST = 'version = 1\nname = "dips"\nedge = "mean-reversion"\nhorizon = "swing"\ninstrument = "shares"\n'


@pytest.fixture
def written(tmp_path):
    def write(text):
        file = tmp_path / "plan.toml"
        file.write_text(text)
        return file

    return write


def test_the_shortest_plan_has_the_strategy_s_numbers(written):
    plan = load_plan(written(SHORTEST))
    assert plan.rule == MeanReversion(declines=3, total=0.025)
    assert (plan.account.risk, plan.checklist.minimum, plan.macro.drop) == (0.01, 3, 0.015)
    exits = plan.share_exits
    assert (exits.low_buffer, exits.stop_atr, exits.target_atr, exits.time_stop_sessions) == (0.1, 1.0, 2.0, 3)


def test_thresholds_reach_the_rules():
    assert make_plan(
        name="m", edge="momentum", horizon="intraday", instrument="shares", momentum={"gap": "1.2%"}
    ).rule == Momentum(gap=0.012)
    condor = make_plan(
        name="c",
        edge="vol-contraction",
        horizon="multi-week",
        instrument="condor",
        **{"vol-contraction": {"lookback": 10}},
    )
    assert condor.rule == VolContraction(lookback=10)
    assert not condor.filter_applies
    assert make_plan(
        name="c", edge="vol-contraction", horizon="multi-week", instrument="condor", macro={"applies_to_condors": True}
    ).filter_applies


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[account]\nrisk = 2", ("account.risk", "line 7", "2%")),
        ('[account]\nvalue = "much"', ("account.value", "line 7", "much")),
        ("[exits]\n\ntarget = 2.0", ("exits.target", "line 8", "2.0")),
        ("[exits]\nstop_atr = nan", ("exits.stop_atr", "line 7", "nan")),
        ("[exits]\ntarget_atr = inf", ("exits.target_atr", "line 7", "inf")),
        ('[checklist]\ncriteria = ["trend", "moon"]', ("checklist.criteria", "line 7", "moon")),
        ('[checklist]\ncriteria = ["trend", "trend", "calm"]', ("checklist.criteria", "line 7", "trend")),
        ("[checklist]\nminimum = 9", ("checklist.minimum", "line 7", "9", "6")),
        ('[costs]\nfill = "cheap"', ("costs.fill", "line 7", "cheap")),
        ('[costs]\nfees = "nobody"', ("costs.fees", "line 7", "nobody")),
        ("[momentum]\ngap = 0.01", ("momentum", "line 6", "mean-reversion")),
        ("[package]\ndte = 30", ("package", "line 6")),
        ("[exits]\nmax_sessions = 2", ("exits.time_stop_sessions", "line 6", "max_sessions")),
        ("[account]\nmax_open_risk = '0.5%'", ("account.max_open_risk", "line 7")),
        ("[account\n", ("content", "TOML", "line 6")),
    ],
)
def test_a_fault_names_its_line(written, line, message):
    with refused_data("plan.toml", *message):
        load_plan(written(SHORTEST + line + "\n"))


def test_another_version_and_a_missing_key(written):
    with refused_data("plan.toml", "version", "line 1", "2"):
        load_plan(written(SHORTEST.replace("version = 1", "version = 2")))
    with refused_data("plan.toml", "horizon"):
        load_plan(written(SHORTEST.replace('horizon = "swing"\n', "")))
    with refused_data("nowhere", "", "`plan` FILE"):
        load_plan(written("") / "nowhere")


@pytest.mark.parametrize(
    ("edge", "horizon", "instrument", "at_fault", "choice"),
    [
        ("vol-contraction", "swing", "shares", "instrument", ("condor or vertical",)),
        ("vol-contraction", "swing", "options", "instrument", ("condor or vertical",)),
        ("momentum", "swing", "shares", "horizon", ("choose intraday",)),
        ("momentum", "multi-week", "options", "horizon", ("choose intraday",)),
        ("vol-contraction", "intraday", "condor", "horizon", ("swing or multi-week",)),
        ("mean-reversion", "intraday", "shares", "horizon", ("choose swing",)),
        ("mean-reversion", "swing", "condor", "instrument", ("shares, options or vertical",)),
        ("momentum", "intraday", "condor", "instrument", ("shares, options or vertical",)),
    ],
)
def test_contradictions_are_refused_with_the_reason(written, edge, horizon, instrument, at_fault, choice):
    given = {"horizon": horizon, "instrument": instrument}[at_fault]
    with refused(at_fault, given, *choice):
        make_plan(name="p", edge=edge, horizon=horizon, instrument=instrument)
    text = f'version = 1\nname = "p"\nedge = "{edge}"\nhorizon = "{horizon}"\ninstrument = "{instrument}"\n'
    line = {"horizon": 4, "instrument": 5}[at_fault]
    with refused_data("plan.toml", at_fault, f"line {line}", *choice):
        load_plan(written(text))


@given(
    combination=st.sampled_from(
        [
            ("mean-reversion", "swing", "shares"),
            ("mean-reversion", "multi-week", "vertical"),
            ("mean-reversion", "swing", "options"),
            ("momentum", "intraday", "shares"),
            ("vol-contraction", "multi-week", "condor"),
            ("vol-contraction", "swing", "vertical"),
        ]
    ),
    account=st.floats(1_000, 1e7),
    risk=st.floats(1e-4, 0.05),
    criteria=st.lists(st.sampled_from(sorted(CRITERIA)), min_size=3, unique=True),
    name=st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=20),
)
def test_a_written_plan_reads_back_the_same(tmp_path_factory, combination, account, risk, criteria, name):
    edge, horizon, instrument = combination
    plan = make_plan(
        name=name,
        edge=edge,
        horizon=horizon,
        instrument=instrument,
        account={"value": account, "risk": risk},
        checklist={"criteria": tuple(criteria)},
    )
    file = tmp_path_factory.mktemp("plan") / "plan.toml"
    file.write_text(write_plan(plan), encoding="utf-8")
    assert load_plan(file) == plan


def test_lines_of_keys_in_tables_and_dotted_keys():
    text = 'version = 1\n# risk = 3\n[account]  # mine\nrisk = "1%"\n[exits]\nstop_atr = 1\n'
    tomllib.loads(text)
    assert line_of(text, ("account", "risk")) == 4
    assert line_of(text, ("account", "value")) == 3  # not there: the table it belongs to
    assert line_of(text, ("exits", "stop_atr")) == 6
    assert line_of(text, ("macro", "drop")) is None
    assert line_of("account.risk = 2\n", ("account", "risk")) == 1


def test_a_plan_that_is_odd_but_possible_warns():
    plan = make_plan(
        name="p",
        edge="mean-reversion",
        horizon="swing",
        instrument="shares",
        account={"risk": "5%"},
        exits={"target_atr": 0.5},
    )
    assert any("5.0%" in warning for warning in plan.warnings)
    assert shows(plan.warnings, "target (0.5 ATR)", "stop")


@pytest.mark.parametrize(
    "line",
    ["[checklist]\nminimum = '3'", "[account]\nmax_open = true", "[account]\nvalue = '50000'", "[macro]\nenabled = 1"],
)
def test_values_of_another_type_are_not_bent_into_shape(written, line):
    table, key = re.findall(r"\w+", line)[:2]
    with refused_data("plan.toml", f"{table}.{key}", "line 7"):
        load_plan(written(SHORTEST + line))


def test_a_contradiction_shows_the_value_that_was_given():
    with refused("account.max_open_risk", 0.005):
        make_usual_plan("mean-reversion", account={"risk": 0.01, "max_open_risk": 0.005})


def test_an_intraday_trade_ends_within_its_session():
    assert make_usual_plan("momentum", momentum={"exit_minute": 390}).rule.exit_minute == 390
    with refused("momentum.exit_minute", 391):
        make_usual_plan("momentum", momentum={"exit_minute": 391})


def test_a_byte_order_mark_is_no_fault(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SHORTEST.encode())
    assert load_plan(path) == make_plan(**tomllib.loads(SHORTEST))


@pytest.mark.parametrize(
    ("instrument", "kind", "profit", "is_refused"),
    [
        ("condor", "by-rule", 50, True), ("condor", "by-rule", 1.01, True), ("condor", "by-rule", 1, False),
        ("vertical", "bull-put", 50, True), ("vertical", "bull-call", 2, False), ("vertical", "bull-call", 50, True),
        ("vertical", "by-rule", 2, True),  # the rule may sell
    ],
)  # fmt: skip
def test_a_profit_in_per_cent_is_refused(tmp_path, instrument, kind, profit, is_refused):
    path = tmp_path / "plan.toml"
    path.write_text(
        f'version = 1\nname = "a"\nedge = "vol-contraction"\nhorizon = "multi-week"\ninstrument = "{instrument}"\n'
        f'[package]\nkind = "{kind}"\nprofit = {profit}\n'
    )
    if is_refused:
        with refused_data("plan.toml", "package.profit", "line 8", "0.5"):
            load_plan(path)
    else:
        package = load_plan(path).package
        assert package is not None
        assert package.profit == profit


def test_percentages_are_read_wherever_a_fraction_is(tmp_path):
    path = tmp_path / "plan.toml"
    head = (
        'version = 1\nname = "a"\nedge = "vol-contraction"\nhorizon = "multi-week"\ninstrument = "condor"\n[package]\n'
    )
    path.write_text(head + 'delta = "16.1%"\nprofit = "50%"\nstop = "200%"\n')
    package = load_plan(path).package
    assert package is not None
    assert (package.delta, package.profit, package.stop) == (0.161, 0.5, 2.0)
    for line, key, *terms in (
        ('delta = "160%"', "delta", "1.6", "less than 1"), ('profit = "-5%"', "profit", "-0.05", "0"),
        ('delta = "0.16"', "delta", "'0.16'", "number"), ('profit = "half%"', "profit", "'half%'", "0.5"),
    ):  # fmt: skip
        path.write_text(head + line + "\n")
        with refused_data("plan.toml", f"package.{key}", "line 7", *terms):
            load_plan(path)


def test_zero_is_off_in_a_plan_alone():
    plan = make_usual_plan("vol-contraction", package={"profit": 0.0, "stop": 0.0})
    exits = plan_screen(plan, ChainRequest(source="sim")).exits
    assert (exits.profit, exits.stop) == (None, None)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "cp1252"])
def test_a_plan_is_read_in_any_encoding(tmp_path, encoding):
    file = tmp_path / "plan.toml"
    file.write_bytes((SHORTEST + "# réglé\n").encode(encoding))
    assert load_plan(file).name == "dips"


@pytest.mark.parametrize(
    ("kind", "sold", "bought"), [("by-rule", 2.0, 0.5), ("bull-put", 2.0, None), ("bull-call", None, 0.5)]
)
def test_a_vertical_stops_at_half_a_debit_and_twice_a_credit(written, kind, sold, bought):
    plan = make_usual_plan("mean-reversion", instrument="vertical", package={"kind": kind})
    again = load_plan(written(write_plan(plan)))
    assert again == plan
    assert plan_screen(again, ChainRequest(source="sim")).exits == replace(
        again.package.exit_levels, within_session=False
    )
    for is_credit, strategy, expected in ((True, "bull-put", sold), (False, "bull-call", bought)):
        if expected is not None:
            assert again.package.exit_levels.stop_level(is_credit=is_credit) == expected
            assert engine_rules(again, strategy).exit.stop == expected
    typed = make_usual_plan("mean-reversion", instrument="vertical", package={"stop": "30%"})
    off = make_usual_plan("mean-reversion", instrument="vertical", package={"stop": 0.0})
    assert (engine_rules(typed, "bull-call").exit.stop, engine_rules(off, "bull-call").exit.stop) == (0.3, None)


@pytest.mark.parametrize(
    ("kind", "stop", "is_warned"),
    [("by-rule", 2.0, True), ("bull-call", 1.0, True), ("bull-call", 0.5, False), ("bull-put", 2.0, False),
     ("by-rule", None, False)],
)  # fmt: skip
def test_a_stop_that_no_debit_reaches_is_said(kind, stop, is_warned):
    plan = make_usual_plan("mean-reversion", instrument="vertical", package={"kind": kind, "stop": stop})
    sentence = f"stop = {stop or 0:g}: a debit cannot lose more than was paid"
    assert any(warning.startswith(sentence) for warning in plan.warnings) == is_warned
    sold = make_usual_plan("vol-contraction", instrument="vertical", package={"stop": 2.0})
    assert not any("debit" in warning for warning in sold.warnings)
