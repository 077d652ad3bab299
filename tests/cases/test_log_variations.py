"""The same log in other forms is the same log: encodings, delimiters, locales, packing, order of rows and columns.

Whatever a form changes, the result equals that of the file itself, or the file is refused by name.
"""

import csv
import gzip
import io
import random
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from openpyxl import Workbook

from iwm_opts.errors import DataError
from iwm_opts.journal.readers import read_log
from tests.refusals import shows

LOGS = Path(__file__).parent / "logs"
FLAT = (
    "T01_tt_partial.csv", "T04_tt_symbolchange.csv", "T22_tt_gtc2days.csv", "T30_tt_cash_two_rows_short.csv",
    "T33_tt_called_away_then_shares.csv", "B06_ib_flex.csv", "O01_optionomega.csv", "L01_own_dollar.csv",
    "L06_own_tz.csv",
)  # fmt: skip
SECTIONED = (
    "B02_ib_custody.csv", "B03d_ib_rut_cashrow.csv", "B05_ib_transaction_history.csv",
    "B22_ib_called_away_then_assigned_put.csv",
    "S01_tos_2s_late.csv", "S04_tos_rut_cash.csv", "S11_tos_samesecond.csv", "S20_tos_asg_short_form.csv",
)  # fmt: skip
AMERICAN = re.compile(r"\(?[-+]?\$?-?[\d,]*\.?\d+\)?")


def cells_of(name):
    return list(csv.reader(io.StringIO((LOGS / name).read_text("utf-8-sig").replace("\r\n", "\n"))))


def text_of(rows, **style):
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n", **style).writerows(rows)
    return buffer.getvalue()


def german(cell):
    if not AMERICAN.fullmatch(cell):
        return cell
    return cell.replace(",", "\0").replace(".", ",").replace("\0", ".")


def workbook(rows):
    book, buffer = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append([float(cell) if re.fullmatch(r"-?\d{1,9}\.\d+", cell) else cell or None for cell in row])
    book.save(buffer)
    return buffer.getvalue()


def padded(rows):
    width = max(map(len, rows))
    return [row + [""] * (width - len(row)) for row in rows]


def shuffled_columns(rows):
    order = list(range(len(rows[0])))
    random.Random(3).shuffle(order)
    return [[row[at] for at in order] for row in rows]


FORMS = {
    "utf-16": lambda rows: text_of(rows).encode("utf-16"),
    "utf-16 without a mark": lambda rows: text_of(rows).encode("utf-16-le"),
    "mark and carriage returns": lambda rows: ("\ufeff" + text_of(rows).replace("\n", "\r\n")).encode(),
    "old carriage returns": lambda rows: text_of(rows).replace("\n", "\r").encode(),
    "quoted": lambda rows: text_of(rows, quoting=csv.QUOTE_ALL).encode(),
    "tabs": lambda rows: text_of(rows, delimiter="\t").encode(),
    "semicolons": lambda rows: ("sep=;\n" + text_of(rows, delimiter=";")).encode(),
    "decimal commas": lambda rows: text_of([[german(cell) for cell in row] for row in rows], delimiter=";").encode(),
    "padded": lambda rows: text_of(padded(rows)).encode(),
    "gzip": lambda rows: gzip.compress(text_of(rows).encode()),
    "workbook": workbook,
    "spaces of web pages": lambda rows: text_of(rows).replace(" ", "\u00a0").encode(),
    "blank rows below": lambda rows: (text_of(rows) + "," * (len(rows[-1]) - 1) + "\n\n\n").encode(),
    "a line below": lambda rows: (text_of(rows) + "Exported on request\n").encode(),
    "another symbol": lambda rows: text_of(rows).replace("IWM", "SPY").encode(),
}
FLAT_FORMS = {
    "columns in another order": lambda rows: text_of(shuffled_columns(rows)).encode(),
    "rows reversed": lambda rows: text_of([rows[0], *rows[:0:-1]]).encode(),
    "rows in any order": lambda rows: text_of([rows[0], *random.Random(5).sample(rows[1:], len(rows) - 1)]).encode(),
    "a title above": lambda rows: ("Transactions of 2026\n\n" + text_of(rows)).encode(),
}


def figures(path):
    log = read_log(path)
    return log.closed["pnl"].sum().round(2), len(log.closed), len(log.open), len(log.opening)


@cache
def expected(name):
    """Figures of a log as it is."""
    return figures(LOGS / name)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", FLAT + SECTIONED)
def test_a_form_changes_nothing(tmp_path, name, form):
    file = tmp_path / "log"
    file.write_bytes(FORMS[form](cells_of(name)))
    assert figures(file) == expected(name)


@pytest.mark.parametrize("form", FLAT_FORMS)
@pytest.mark.parametrize("name", FLAT)
def test_the_order_of_a_flat_table_changes_nothing(tmp_path, name, form):
    file = tmp_path / "log"
    file.write_bytes(FLAT_FORMS[form](cells_of(name)))
    assert figures(file) == expected(name)


def test_day_numbers_above_a_row_of_totals(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text((LOGS / "L04_own_serial.csv").read_text().rstrip("\n") + "\nTotal,,,,\n")
    assert figures(file) == expected("L04_own_serial.csv")


def test_rows_of_an_own_log_that_are_there_twice_are_told(tmp_path):
    file = tmp_path / "log.csv"
    rows = cells_of("L01_own_dollar.csv")
    file.write_text(text_of(rows + rows[1:]))
    assert any(shows(note, "2 rows", "(lines 4, 5)") for note in read_log(file).notes)


def test_rows_above_the_header_are_counted(tmp_path):
    file = tmp_path / "log.csv"
    rows = cells_of("T22_tt_gtc2days.csv")
    file.write_text(text_of([rows[1], *rows]))
    assert read_log(file).skipped["rows above the header"] == 1


JUNK = (
    "", "x", "-1", "0", "1e400", "nan", '"', "12,5", "2026-13-45", "9" * 300, "46083", "A;C", "\0", "$", "()", "--",
    "1.2.3", "9999-12-31", "2026-03-02T10:00:00+99:99", "Data", "Trades", "Assignment", "20260320",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_damage_is_read_or_refused_in_a_sentence(tmp_path, seed):
    chance = random.Random(seed)
    content = bytearray(chance.choice(sorted(LOGS.iterdir())).read_bytes())
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(content))
        cell = chance.choice(JUNK).encode()
        content[at : at + chance.choice((0, len(cell)))] = cell
    file = tmp_path / "log.csv"
    file.write_bytes(bytes(content))
    message, results = "", np.zeros(0)
    try:
        results = read_log(file).closed["pnl"].to_numpy()
    except DataError as refusal:
        message = str(refusal).replace(str(file), "")
    assert len(message) <= 500
    assert np.isfinite(results).all()
