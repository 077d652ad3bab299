import pytest

from iwm_opts.io.fraction import parse_share
from tests.refusals import refused


@pytest.mark.parametrize(
    ("text", "value"), [("1%", 0.01), ("0.01", 0.01), (" 2.5 % ", 0.025), ("100%", 1.0), ("0.5", 0.5), (0.02, 0.02)]
)
def test_shares_as_written(text, value):
    assert parse_share(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1", ("1%",)),
        ("0", ("0", "1")),
        ("-1%", ("0",)),
        ("150%", ("0", "1")),
        ("nan", ("0",)),
        ("two", ("1%", "0.01")),
        ("", ()),
    ],
)
def test_what_is_no_share_is_named(text, message):
    with refused("risk", text, *message):
        parse_share(text)
