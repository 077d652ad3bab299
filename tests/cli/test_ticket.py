"""`iwm-opts ticket` and `iwm.ticket`: orders of candidates and of typed legs."""

import json
from datetime import datetime

import pytest

import iwm_opts as iwm
from iwm_opts.errors import InputError
from iwm_opts.execution.order_formats import FORMATS
from iwm_opts.market.calendar import NEW_YORK

TYPED = ("--leg", "+1P195@0.70/0.74", "--leg", "-1P200@1.20/1.26", "--expiration", "2035-12-21")
IN_SESSION = datetime(2026, 3, 3, 12, 0, tzinfo=NEW_YORK)


@pytest.fixture
def ordered(run, chain_file):
    def call(*arguments):
        chain = ("--source", chain_file, "--as-of", "2026-03-02", "--dte", "22:50", "--dividends", "none")
        return run("ticket", *chain, *arguments)

    return call


@pytest.fixture(scope="module")
def screen(chain_file):
    return iwm.screen(iwm.read_chain(chain_file, as_of="2026-03-02", dividends="none"), dte=(22, 50))


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
    small = iwm.screen(iwm.read_chain(chain_file, as_of="2026-03-02", dividends="none"), dte=(22, 50), account=1_000)
    with pytest.raises(InputError) as failure:
        iwm.ticket(small[0], as_of="2026-03-02")
    assert failure.value.name == "contracts"


def test_recorded_quotes_age_in_session(screen):
    with pytest.raises(InputError) as failure:
        iwm.ticket(screen[0], now=IN_SESSION)
    assert failure.value.name == "quotes"
    named = iwm.ticket(screen[0], now=IN_SESSION, as_of="2026-03-02")
    assert named.limit == iwm.ticket(screen[0], now=IN_SESSION.replace(day=2, hour=19)).limit
    with pytest.raises(InputError, match=r"quotes='2026-03-02': STALE"):  # of the session before, after the close
        iwm.ticket(screen[0], now=IN_SESSION.replace(hour=19))
    with pytest.raises(InputError, match="as_of"):
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
