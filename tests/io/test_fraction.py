import pytest

from iwm_opts.errors import InputError
from iwm_opts.io.fraction import parse_share


@pytest.mark.parametrize(
    ("text", "value"), [("1%", 0.01), ("0.01", 0.01), (" 2.5 % ", 0.025), ("100%", 1.0), ("0.5", 0.5), (0.02, 0.02)]
)
def test_shares_as_written(text, value):
    assert parse_share(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1", "may mean a share or a percentage. Write 1% for 1 in a hundred"),
        ("0", "must be above 0 and at most 1"),
        ("-1%", "must be above 0"),
        ("150%", "must be above 0 and at most 1"),
        ("nan", "must be above 0"),
        ("two", "invalid fraction. Write 1% or 0.01"),
        ("", "invalid fraction"),
    ],
)
def test_what_is_no_share_is_named(text, message):
    with pytest.raises(InputError, match=message):
        parse_share(text)
