"""Series that name another ticker than the one expected."""

import json

import pandas as pd
import pytest

from iwm_opts.errors import DataError
from iwm_opts.io.bars import load_bars
from iwm_opts.io.dividends import parse_dividends
from iwm_opts.io.iv_history import load_iv_history
from iwm_opts.io.minutes import load_minutes
from iwm_opts.io.selection import clean_symbol
from iwm_opts.io.series_notes import notes_of
from tests.refusals import refused_data, shows

DAYS = ("2024-06-03", "2024-06-04")
SECONDS = (1717421400, 1717507800)  # 9:30 in New York on those days
PRICES = {"o": 200.0, "h": 202.0, "l": 199.0, "c": 201.0, "v": 1000}
NAMED = {"open": 200.0, "high": 202.0, "low": 199.0, "close": 201.0, "volume": 1000}


def column(name, ticker):
    return f"{name},date,open,high,low,close\n" + "".join(f"{ticker},{day},200,202,199,201\n" for day in DAYS)


def stooq(ticker):
    head = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
    return head + "".join(f"{ticker}.US,D,{day.replace('-', '')},000000,200,202,199,201,1000,0\n" for day in DAYS)


ROWS = "".join(f"{day},201,202,199,200\n" for day in DAYS)


def yfinance(ticker):
    return f"Price,Close,High,Low,Open\nTicker{f',{ticker}' * 4}\nDate,,,,\n{ROWS}"


def yfinance_by_ticker(ticker):
    return f"Ticker{f',{ticker}' * 4}\nPrice,Close,High,Low,Open\nDate,,,,\n{ROWS}"


def yfinance_unlabelled(ticker):
    return f",Close,High,Low,Open\n{f',{ticker}' * 4}\nDate,,,,\n{ROWS}"


def chart(ticker):
    quote = {name: [value] * 2 for name, value in NAMED.items()}
    result = {"meta": {"symbol": ticker}, "timestamp": SECONDS, "indicators": {"quote": [quote]}}
    return json.dumps({"chart": {"result": [result], "error": None}})


def alpha_vantage(ticker):
    row = {f"{place}. {name}": str(value) for place, (name, value) in enumerate(NAMED.items(), 1)}
    meta = {"1. Information": "Daily Prices", "2. Symbol": ticker, "3. Last Refreshed": DAYS[1]}
    return json.dumps({"Meta Data": meta, "Time Series (Daily)": dict.fromkeys(DAYS, row)})


def polygon(ticker):
    results = [{"t": 1000 * second, **PRICES} for second in SECONDS]
    return json.dumps({"ticker": ticker, "queryCount": 2, "results": results, "status": "OK"})


SHAPES = {
    "symbol": lambda ticker: column("symbol", ticker),
    "ticker": lambda ticker: column("Ticker", ticker),
    **{shape.__name__: shape for shape in
       (stooq, yfinance, yfinance_by_ticker, yfinance_unlabelled, chart, alpha_vantage, polygon)},
}  # fmt: skip


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "series"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_bars_of_another_ticker_are_refused(file, shape):
    path = file(shape("SPY"))
    with pytest.raises(DataError) as refused:
        load_bars(path, "IWM")
    assert shows(str(refused.value), f"{path}: holds SPY, not IWM. Give `symbol` SPY", "of IWM")
    assert load_bars(path, "SPY")["close"].tolist() == [201.0, 201.0]
    assert load_bars(path)["close"].tolist() == [201.0, 201.0]


def test_a_fund_is_not_chosen_by_symbol(file):
    with refused_data("series", "symbol", "IWM", "KRE"):
        load_bars(file(column("symbol", "IWM")), "KRE", is_choice=False)


@pytest.mark.parametrize("spelled", ["IWM", "iwm", "IWM.US", "NYSE:IWM", "IWM US Equity", " IWM ", "", "N/A", "2000"])
def test_spellings_of_the_symbol_and_blanks_pass(file, spelled):
    assert len(load_bars(file(column("symbol", spelled)), "IWM")) == 2


def test_rows_of_the_symbol_are_chosen(file):
    text = column("symbol", "SPY") + "".join(f"IWM.US,{day},100,102,99,101\n" for day in DAYS)
    bars = load_bars(file(text), "IWM")
    assert bars["close"].tolist() == [101.0, 101.0]
    assert shows(notes_of(bars), "of IWM", "2 symbols: 2 of 4 left")
    with refused_data("series", "symbol", "2", "IWM", "SPY"):
        load_bars(file(text))
    with refused_data("series", "symbol", "IWM", "SPY", "QQQ"):
        load_bars(file(text), "QQQ")


def test_columns_of_the_ticker_are_chosen(file):
    text = "Price,Close,Close,High,High,Low,Low,Open,Open\nTicker,IWM,SPY,IWM,SPY,IWM,SPY,IWM,SPY\nDate,,,,,,,,\n"
    text += "".join(f"{day},201,501,202,502,199,499,200,500\n" for day in DAYS)
    for symbol, close in (("IWM", 201.0), ("SPY", 501.0)):
        bars = load_bars(file(text), symbol)
        assert bars["close"].tolist() == [close] * 2
        assert shows(notes_of(bars), f"of {symbol}", "2 symbols", "columns")
    with refused_data("series", "symbol", "2", "IWM", "SPY"):
        load_bars(file(text))
    with refused_data("series", "symbol", "2", "IWM", "SPY"):
        load_iv_history(file(text))


@pytest.mark.parametrize("form", ["{0}_{1}", "{0} {1}", "{1} {0}"])
def test_flat_names_with_a_ticker(file, form):
    roles = ("Open", "High", "Low", "Close")
    names = ",".join(form.format(role, ticker) for ticker in ("IWM", "SPY") for role in roles)
    text = f"Date,{names}\n" + "".join(f"{day},200,202,199,201,500,502,499,501\n" for day in DAYS)
    assert load_bars(file(text), "IWM")["close"].tolist() == [201.0] * 2
    assert load_bars(file(text), "SPY")["close"].tolist() == [501.0] * 2
    with refused_data("series", "symbol", "IWM", "SPY", "QQQ"):
        load_bars(file(text), "QQQ")


@pytest.mark.parametrize(
    ("tickers", "rule"), [(["SPY"], ("symbol", "SPY", "IWM")), (["KRE", "SPY"], ("symbol", "KRE", "SPY"))]
)
def test_multiindex_columns_of_parquet(tmp_path, tickers, rule):
    columns = {(name.title(), ticker): [value] * 2 for name, value in NAMED.items() for ticker in tickers}
    path = tmp_path / "bars.parquet"
    pd.DataFrame(columns, index=pd.DatetimeIndex(DAYS, name="Date")).to_parquet(path)
    with refused_data("bars.parquet", *rule):
        load_bars(path, "IWM")


def test_minutes(file):
    head = "symbol,datetime,open,high,low,close,volume\n"
    spy = "".join(f"SPY,{DAYS[0]} 09:3{minute},500,502,499,501,9\n" for minute in range(3))
    with refused_data("series", "symbol", "SPY", "IWM", "`symbol`"):
        load_minutes(file(head + spy), "IWM")
    minutes = load_minutes(file(head + spy + spy.replace("SPY,", "IWM,").replace("501", "500")), "IWM")
    assert minutes.bars["close"].tolist() == [500.0] * 3
    assert shows(minutes.skipped, "of IWM", "2 symbols: 3 of 6 left")


def test_dividends(file):
    text = "Symbol,ex_date,amount\nSPY,2024-06-21,1.76\n"
    with refused_data("series", "symbol", "SPY", "IWM", "`symbol`"):
        parse_dividends(str(file(text)), "IWM")
    both = parse_dividends(str(file(text + "IWM,2024-06-11,0.64\n")), "IWM")
    assert [dividend.amount for dividend in both.dividends] == [0.64]


def test_a_title_above_the_header_is_not_a_ticker(file):
    bars = "date,open,high,low,close\n" + "".join(f"{day},200,202,199,201\n" for day in DAYS)
    assert len(load_bars(file(f",Russell 2000,,,\n{bars}"), "IWM")) == 2
    with refused_data("series", "symbol", "SPY", "IWM"):
        load_bars(file(f"Symbol,SPY,,,\n{bars}"), "IWM")


def test_words_in_columns_that_bars_do_not_need_are_counted(file):
    text = "Date,Open,High,Low,Close,Adj Close,Volume\n" + f"{DAYS[0]},200,202,199,201,201,pending\n"
    bars = load_bars(file(text + f"{DAYS[1]},200,202,199,201,soon,12\n"))
    assert bars["volume"].isna().tolist() == [True, False]
    assert set(notes_of(bars)) >= {
        "Volume: 1 cell is not numbers (first: row 2, 'pending'): taken as blank",
        "Adj Close: 1 cell is not numbers (first: row 3, 'soon'): taken as blank",
    }


@pytest.mark.parametrize("index_names", [("Date", "Ticker"), (None, None)])
@pytest.mark.parametrize("kind", ["rows", "ticker first"])
def test_frames_of_two_tickers_as_pandas_writes_them(tmp_path, index_names, kind):
    path = tmp_path / "both.csv"
    days = pd.DatetimeIndex(DAYS)
    prices = {"Open": 1.0, "High": 1.02, "Low": 0.98, "Close": 1.01}
    frames = {
        name: pd.DataFrame({role: level * of for role, of in prices.items()}, index=days)
        for name, level in (("IWM", 100.0), ("SPY", 500.0))
    }
    if kind == "rows":
        pd.concat(frames).swaplevel().sort_index().rename_axis(index_names).to_csv(path)
    else:
        pd.concat(frames, axis=1).rename_axis(index_names[0]).to_csv(path)
    assert load_bars(path, "IWM")["close"].to_list() == [101.0, 101.0]
    with refused_data("both.csv", "symbol", "IWM", "SPY", "QQQ"):
        load_bars(path, "QQQ")


@pytest.mark.parametrize("name", ["Name", "code", "tic", "instrument", "Unnamed: 0", ""])
def test_a_column_of_tickers_under_another_name(file, name):
    head = f"date,{name},open,high,low,close\n"
    rows = {symbol: "".join(f"{day},{symbol},100,102,99,101\n" for day in DAYS) for symbol in ("IWM", "SPY")}
    with refused_data("series", "symbol", "SPY", "IWM"):
        load_bars(file(head + rows["SPY"]), "IWM")
    assert len(load_bars(file(head + rows["IWM"]), "IWM")) == 2
    assert shows(notes_of(load_bars(file(head + rows["SPY"] + rows["IWM"]), "IWM")), "of IWM", "2 symbols: 2 of 4 left")
    words = rows["SPY"].replace("SPY", "S&P 500 fund")
    assert len(load_bars(file(head + words), "IWM")) == 2


def test_lower_case_prefixes_and_titles_of_another_ticker(file):
    rows = "".join(f"{day},100,102,99,101,7\n" for day in DAYS)
    with refused_data("series", "symbol", "SPY", "IWM"):
        load_bars(file(f"date,spy_open,spy_high,spy_low,spy_close,n\n{rows}"), "IWM")
    assert len(load_bars(file(f"date,iwm_open,iwm_high,iwm_low,iwm_close,n\n{rows}"), "IWM")) == 2
    bars = load_bars(file(f"SPDR fund (SPY)\ndate,open,high,low,close,n\n{rows}"), "IWM")
    assert notes_of(bars) == ("taken for IWM: no column names a symbol, and the file's title says SPY",)


@pytest.mark.parametrize("text", ["I:SPX", "SPX Index", "SPX US Index", "^SPX", "$SPX", "$SPX.X"])
def test_spellings_of_an_index(text):
    assert clean_symbol(text) == "SPX"
