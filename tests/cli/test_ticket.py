"""`iwm-opts ticket` and `iwm.ticket`: orders of candidates and of typed legs."""

import json
from dataclasses import replace
from datetime import date, datetime

import pytest

import iwm_opts as iwm
from iwm_opts.errors import InputError
from iwm_opts.execution.exits import ExitLevels
from iwm_opts.execution.order_formats import FORMATS
from iwm_opts.market.calendar import NEW_YORK
from tests.refusals import refused, shows

TYPED = ("--leg", "+1P195@0.70/0.74", "--leg", "-1P200@1.20/1.26", "--expiration", "2035-12-21")
IN_SESSION = datetime(2026, 3, 3, 12, 0, tzinfo=NEW_YORK)


PLAN = """
version = 1
name = "tight"
edge = "vol-contraction"
horizon = "multi-week"
instrument = "condor"
[account]
risk = 0.03
[package]
delta = 0.20
width = 10.0
profit = 0.25
stop = 1.5
exit_dte = 14
[costs]
fill = "natural"
fees = "custom:0.50"
"""


@pytest.fixture
def ordered(run, chain_file):
    def call(*arguments):
        chain = ("--source", chain_file, "--as-of", "2026-03-02", "--dte", "28:50", "--dividends", "none")
        return run("ticket", *chain, *arguments)

    return call


@pytest.fixture(scope="module")
def screen(chain_file):
    return iwm.screen(iwm.read_chain(chain_file, as_of="2026-03-02", dividends="none"), dte=(28, 50))


def test_a_candidate_of_the_screen_becomes_its_order(ordered, screen):
    ticket = ordered("--no-gate", "--pick", "2", "--contracts", "3", "--format", "json").json
    candidate = screen[1].sized.candidate
    assert ticket["contracts"] == 3
    assert ticket["limit"] == pytest.approx(candidate.fill.price)
    expected = {
        leg.occ_symbol: 3 * int(size) for leg, size in zip(candidate.legs, candidate.kind.contracts, strict=True)
    }
    for name, text in ticket["orders"]["open"].items():
        parsed = FORMATS[name][1](text)
        assert {contract.symbol: size for contract, size in parsed.quantities.items()} == expected
        assert parsed.price == pytest.approx(ticket["limit"])


def test_one_format_alone_is_what_a_broker_reads(run):
    body = json.loads(run("ticket", *TYPED, "--order-format", "tastytrade", "--contracts", "2").out)
    assert (body["price"], body["price-effect"], body["time-in-force"]) == ("0.48", "Credit", "Day")
    assert {leg["symbol"]: (leg["action"], leg["quantity"]) for leg in body["legs"]} == {
        "IWM   351221P00195000": ("Buy to Open", 2),
        "IWM   351221P00200000": ("Sell to Open", 2),
    }
    closing = run("ticket", *TYPED, "--order-format", "thinkorswim", "--closing", "--profit", "0.25").out
    assert closing == "BUY +1 VERTICAL IWM 100 21 DEC 35 200/195 PUT @0.36 LMT GTC\n"


def test_the_page_holds_the_line_to_paste_unbroken(ordered):
    page = ordered("--no-gate").out
    lines = [line for line in page.splitlines() if line.startswith(("SELL -", "BUY +"))]
    assert [FORMATS["thinkorswim"][1](line).price > 0 for line in lines] == [True, False]
    assert "Nothing was sent." in page


@pytest.mark.parametrize(
    ("arguments", "code", "field"),
    [
        (("--leg", "+1P195@0.80/0.74", "--expiration", "2035-12-21"), 1, "leg"),
        (("--leg", "+1P195@0.70/0.74"), 1, "expiration"),
        ((*TYPED, "--contracts", "0"), 2, "contracts"),
        ((*TYPED, "--closing"), 2, "--order-format"),
        ((*TYPED, "--order-format", "tastytrade", "--closing", "--profit", "off"), 1, "closing"),
    ],
)
def test_refusals(run, arguments, code, field):
    refused = run("ticket", *arguments)
    assert (refused.code, refused.out) == (code, "")
    assert field in refused.err


def test_a_closed_gate_and_a_small_account_order_nothing(ordered, history_file, screen, chain_file):
    assert "gate" in ordered("--iv-history", history_file, "--ivr-below", "0").err
    small = iwm.screen(iwm.read_chain(chain_file, as_of="2026-03-02", dividends="none"), dte=(28, 50), account=1_000)
    with pytest.raises(InputError) as failure:
        iwm.ticket(small[0], as_of="2026-03-02")
    assert failure.value.name == "contracts"


def test_recorded_quotes_age_in_session(screen, chain_file):
    chain = iwm.read_chain(chain_file, as_of="2026-03-02", dividends="none")
    unnamed = iwm.screen(replace(chain, snapshot=replace(chain.snapshot, is_day_named=False)), dte=(28, 50))
    with pytest.raises(InputError) as failure:
        iwm.ticket(unnamed[0], now=IN_SESSION)
    assert failure.value.name == "quotes"
    named = iwm.ticket(unnamed[0], now=IN_SESSION, as_of="2026-03-02")
    assert iwm.ticket(screen[0], now=IN_SESSION).limit == named.limit  # its chain was read as of that day
    assert named.limit == iwm.ticket(screen[0], now=IN_SESSION.replace(day=2, hour=19)).limit
    with refused("quotes", "2026-03-02", "STALE"):  # of the session before, after the close
        iwm.ticket(unnamed[0], now=IN_SESSION.replace(hour=19))
    with refused("as_of", "2026-02-27"):
        iwm.ticket(screen[0], as_of="2026-02-27")


def test_typed_legs_take_the_quotes_of_the_chain(screen, chain_file):
    package = screen[0].sized.candidate
    legs = [f"{'+' if leg.side == 'long' else '-'}1{leg.right}{leg.strike:g}" for leg in package.legs]
    chain = iwm.read_chain(chain_file, dividends="none")
    typed = iwm.ticket(legs, chain, expiration=package.expiration, as_of="2026-03-02")
    chosen = iwm.ticket(screen[0], contracts=1, as_of="2026-03-02")
    assert typed.order("occ") == chosen.order("occ")
    assert list(typed.to_frame()["bid"]) == [leg.bid for leg in package.legs]


def test_a_late_entry_is_named(screen):
    due = iwm.ticket(screen[0], as_of="2026-03-02", exit_dte=60)
    assert any("exit_date" in warning for warning in due.warnings)


def test_the_ticket_of_a_plan_is_the_order_of_its_document(run, tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    market = ("--plan", "plan.toml", "--source", "sim", "--as-of", "2026-11-20")
    ticket = run("ticket", *market, "--no-gate", "--format", "json").json
    order = run("plan", *market, "--format", "json").json["document"]["order"]
    assert ticket["fill"] == "natural"
    assert ticket["limit"] == pytest.approx(ticket["natural"])
    assert ticket["target_price"] == pytest.approx(-0.75 * ticket["limit"], abs=0.01)  # 25% of the credit is kept
    assert ticket["stop_price"] == pytest.approx(-2.5 * ticket["limit"], abs=0.01)
    assert ticket["exit_date"] == "2026-12-17"  # 14 days before 2026-12-31
    prices = {"profit": ticket["target_price"], "stop": ticket["stop_price"]}
    assert {each["name"]: each["price"] for each in order["exits"]} == prices
    for name in ("expiration", "contracts", "limit", "fill", "exit_date"):
        assert ticket[name] == order[name], name
    assert order["max_loss"] == pytest.approx(ticket["size"]["max_loss"])
    typed = run("ticket", *market, "--no-gate", "--profit", "50%", "--format", "json").json
    assert typed["target_price"] == pytest.approx(-0.5 * ticket["limit"], abs=0.01)


def test_typed_legs_follow_the_plan_too(run, tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN.replace("exit_dte = 14", "exit_dte = 14\nmax_sessions = 5"))
    ticket = run("ticket", "--plan", "plan.toml", *TYPED, "--format", "json").json
    assert (ticket["fill"], ticket["limit"], ticket["target_price"], ticket["stop_price"]) == (
        "natural", 0.46, -0.34, -1.15,
    )  # fmt: skip
    opened = ticket["as_of"]
    due = ExitLevels(dte=None, sessions=5).time_exit(date(2035, 12, 21), date.fromisoformat(opened))
    assert ticket["exit_date"] == due.isoformat()


@pytest.mark.parametrize(
    ("instrument", "legs", "debit"),
    [("bull-put", "+P -P", False), ("bull-call", "+C -C", True), ("long-put", "+P", True)],
)
def test_instruments_of_the_screen_become_orders(run, instrument, legs, debit):
    market = ("--source", "sim", "--as-of", "2026-11-20", "--no-gate", "--contracts", "1")
    ticket = run("ticket", *market, "--instrument", instrument, "--format", "json").json
    signed = [f"{'+' if leg['action'].startswith('buy') else '-'}{leg['right']}" for leg in ticket["legs"]]
    assert " ".join(signed) == legs
    assert (ticket["limit"] < 0) is debit
    assert ticket["stop_price"] == pytest.approx(-ticket["limit"] * (0.5 if debit else 3.0), abs=0.011)


def test_the_ticket_of_a_vertical_plan_is_the_order_of_its_document(run, tmp_path):
    market = ("--source", "sim", "--as-of", "2026-11-20")
    run("plan", "--edge", "mean-reversion", "--instrument", "vertical", *market, "--save", "v.toml")
    order = run("plan", "--plan", "v.toml", *market, "--format", "json").json["document"]["order"]
    ticket = run("ticket", "--plan", "v.toml", *market, "--format", "json").json
    for name in ("expiration", "limit", "fill", "exit_date"):
        assert ticket[name] == order[name], name
    assert ticket["contracts"] == order["contracts_ungated"]
    assert ticket["stop_price"] == pytest.approx(-0.5 * ticket["limit"], abs=0.011)
    typed = run("ticket", *market, "--instrument", "bull-put", "--leg", "+1P282", "--expiration", "2026-12-31")
    assert (typed.code, shows(typed.err, "--instrument is", "screen")) == (2, True)


def test_a_candidate_keeps_the_exits_and_fees_of_its_screen(chain_file):
    chain, levels = iwm.read_chain(chain_file, as_of="2026-03-02", dividends="none"), ExitLevels(0.25, 1.5, 10)
    candidate = iwm.screen(chain, dte=(28, 50), exits=levels, fees="custom:0.65")[0]
    order = iwm.ticket(candidate, contracts=1, as_of="2026-03-02")
    credit = order.limit
    assert order.ticket.target.price == pytest.approx(-0.75 * credit, abs=0.01)
    assert order.ticket.stop_price == pytest.approx(-2.5 * credit, abs=0.01)
    assert (order.ticket.entry.expiration - order.ticket.exit_date).days <= 10
    assert (order.cost.opening_fees, order.cost.closing_fees) == (pytest.approx(4 * 0.65), pytest.approx(4 * 0.65))
    assert order.cost.max_loss == pytest.approx(candidate.sized.max_loss)
    assert iwm.ticket(candidate, contracts=1, as_of="2026-03-02", stop=None).ticket.stop_price is None


def test_the_ticket_counts_dollars_and_says_what_the_account_allows(run):
    ticket = run("ticket", *TYPED, "--contracts", "2", "--fees", "custom:0.65", "--format", "json").json
    size = ticket["size"]
    assert size == {
        "credit": pytest.approx(96.0), "opening_fees": pytest.approx(2.60), "closing_fees": pytest.approx(2.60),
        "max_loss": pytest.approx(2 * 452.0 + 2.60), "buying_power": pytest.approx(2 * 452.0 + 2.60), "naked": None,
    }  # fmt: skip
    assert any(shows(each, "contracts=2", "1 (one", "risks $453.30") for each in ticket["warnings"])
    rich = run("ticket", *TYPED, "--contracts", "2", "--account", "100000").out
    assert "allows" not in rich
    assert "cash    credit $96.00, fees $4" in rich
    assert "max loss $928.47" in rich  # 2 x 452, 4.47 to open, 4 contracts exercised at 5


def test_one_contract_risks_the_same_whatever_the_size(screen, chain_file):
    """A cap on commissions spares many contracts fees, which sizes do not count on."""
    chain, package = iwm.read_chain(chain_file, as_of="2026-03-02", dividends="none"), screen[0].sized.candidate
    legs = [f"{'+' if leg.side == 'long' else '-'}1{leg.right}{leg.strike:g}" for leg in package.legs]
    known = {"expiration": package.expiration, "fees": "tastytrade", "fill": package.fill.model}
    (note,) = {
        warning.partition("(")[2]
        for count in (2, 20)
        for warning in iwm.ticket(legs, chain, contracts=count, as_of="2026-03-02", **known).warnings
        if shows(warning, "account", "one contract")
    }
    assert note.startswith(f"one contract risks ${screen[0].sized.max_loss:,.2f}, ")


def test_typed_legs_lose_what_the_screen_sizes_by(screen, chain_file):
    package = screen[0].sized.candidate
    legs = [f"{'+' if leg.side == 'long' else '-'}1{leg.right}{leg.strike:g}" for leg in package.legs]
    for paid, exits in (("2026-03-17:0.81", 21), ("2026-03-17:0.81", None), ("none", None)):
        chain = iwm.read_chain(chain_file, as_of="2026-03-02", dividends=paid)
        levels = ExitLevels(dte=exits)
        chosen = next(
            each for each in iwm.screen(chain, dte=(28, 50), exits=levels, selection=iwm.Selection(top=500))
            if (each.sized.candidate.strikes, each.sized.candidate.expiration) == (package.strikes, package.expiration)
        )  # fmt: skip
        typed = iwm.ticket(legs, chain, expiration=package.expiration, exit_dte=exits)
        assert typed.cost.max_loss == pytest.approx(chosen.sized.max_loss, abs=0.01)
        assert iwm.ticket(chosen, contracts=1).cost.max_loss == pytest.approx(chosen.sized.max_loss, abs=0.01)


def test_the_size_of_typed_legs_counts_dividends_and_exercise(run):
    market = ("--source", "sim", "--as-of", "2026-11-20", "--dividends", "2026-12-16:0.81")
    legs = ("--leg", "+1P282", "--leg", "-1P287", "--leg", "-1C319", "--leg", "+1C324")
    ticket = run(
        "ticket",
        *market,
        *legs,
        "--expiration",
        "2026-12-31",
        "--contracts",
        "1",
        "--account",
        "41000",
        "--format",
        "json",
    ).json
    # 500 less 104 of credit, 4.47 to open, 81 of dividend, 10 to exercise two contracts
    assert ticket["size"]["max_loss"] == pytest.approx(491.47, abs=0.005)
    assert any(shows(each, "contracts=1", "0 (one", "risks $491.47") for each in ticket["warnings"])


def test_a_ticket_without_dividends_says_so(screen, chain_file):
    unknown = iwm.screen(iwm.read_chain(chain_file, as_of="2026-03-02"), dte=(28, 50))[0]
    assert any("dividends of IWM not given" in each for each in iwm.ticket(unknown, contracts=1).warnings)
    assert not any("dividend" in each for each in iwm.ticket(screen[0], contracts=1).warnings)
    call, put = (iwm.ticket(leg, expiration="2035-12-21") for leg in ("-1C220@1.00/1.10", "-1P195@1.20/1.26"))
    assert [any("without dividends" in each for each in order.warnings) for order in (call, put)] == [True, False]


@pytest.mark.parametrize(
    ("legs", "naked"),
    [("-1C220@1.00/1.10", "calls"), ("-1P195@1.20/1.26", "puts"),
     ("-1P195@1.20/1.26 -1C220@1.00/1.10", "calls and puts"),
     ("-2P195@1.20/1.26 +1P190@0.70/0.74", "puts"), ("+1P195@0.70/0.74 -1P200@1.20/1.26", "")],
)  # fmt: skip
def test_naked_packages_are_named(legs, naked):
    order = iwm.ticket(legs, expiration="2035-12-21")
    assert order.cost.naked == naked
    assert any(f"undefined risk: short {naked} are naked" in each for each in order.warnings) is bool(naked)
    assert (order.to_dict()["size"]["max_loss"] is None) is ("calls" in naked)


@pytest.mark.market_data
def test_quotes_of_a_delayed_feed_can_be_ordered_on(market_data):
    chain = iwm.read_chain(market_data / "options/raw_cboe_IWM_20260626T181802Z.json.gz", as_of="2026-06-26")
    candidate, stamp = iwm.screen(chain)[0], datetime(2026, 6, 26, 14, 18, 22, tzinfo=NEW_YORK)
    order = iwm.ticket(candidate, now=stamp.replace(second=23))
    assert shows(order.warnings, "15 min", "at 14:18")
    iwm.ticket(candidate, now=stamp.replace(minute=33))
    with refused("quotes", "2026-06-26 14:03", "15", "14:34"):
        iwm.ticket(candidate, now=stamp.replace(minute=34))
