"""Fees in other currencies than the dollar: converted at a rate of the file, or refused by name, never zero."""

import pytest

from iwm_opts.journal.readers import read_log
from tests.refusals import refused_data, shows

HEAD = "Statement,Header,Field Name,Field Value\nAccount Information,Data,Base Currency,EUR\n"
OPTION = "Trades,Data,Order,Equity and Index Options,USD,IWM 20MAR26 190 P"
TRADES = (
    "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,C. Price,Proceeds,"
    "{column},Basis,Realized P/L,MTM P/L,Code\n"
    f'{OPTION},"2026-03-02, 10:00:00",-1,1.2,1.2,120,-0.92,0,0,0,O\n'
    f'{OPTION},"2026-03-10, 10:00:00",1,0.4,0.4,-40,-0.46,0,0,0,C\n'
)
FOREX = (
    "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,,Proceeds,"
    "Comm in EUR,,,MTM in EUR,Code\n"
    'Trades,Data,Order,Forex,USD,EUR.USD,"2026-03-02, 10:00:00",-1600,1.12,,1792,-1.7,,,0,\n'
)
RATES = {
    "base for a dollar": "Base Currency Exchange Rate,Header,Currency,Rate\n"
    "Base Currency Exchange Rate,Data,USD,0.92\n",
    "named rate": "Base Currency Exchange Rate,Header,Currency,Exchange Rate\n"
    "Base Currency Exchange Rate,Data,HKD,0.12\nBase Currency Exchange Rate,Data,USD,0.92\n",
    "both currencies": "Base Currency Exchange Rate,Header,FromCurrency,Date,Description,ToCurrency,ExchangeRate\n"
    "Base Currency Exchange Rate,Data,USD,2026-03-02,x,EUR,0.92\n",
}
FEES = 0.92 + 0.46


def read(tmp_path, text):
    file = tmp_path / "log.csv"
    file.write_text(text)
    return read_log(file)


@pytest.mark.parametrize("rate", RATES)
def test_commissions_in_euros_are_converted_at_the_rate_of_the_statement(tmp_path, rate):
    log = read(tmp_path, HEAD + TRADES.format(column="Comm in EUR") + RATES[rate])
    assert list(log.closed["pnl"]) == [pytest.approx(80.00 - FEES / 0.92, abs=0.005)]


@pytest.mark.parametrize("column", ["Comm in EUR", "Commission in EUR", "Comm in CHF"])
def test_commissions_in_another_currency_without_a_rate_are_refused(tmp_path, column):
    with refused_data("log.csv, Interactive Brokers activity statement", "trades", "USD", column[-3:]):
        read(tmp_path, HEAD + TRADES.format(column=column) + (RATES["named rate"] if "CHF" in column else ""))


@pytest.mark.parametrize("column", ["Comm/Fee", "Comm in USD", "Commission", "Ib Commission"])
def test_commissions_in_dollars(tmp_path, column):
    log = read(tmp_path, HEAD + TRADES.format(column=column) + FOREX)
    assert list(log.closed["pnl"]) == [pytest.approx(80.00 - FEES, abs=0.005)]
    assert not log.problems


def test_a_statement_without_commissions_says_so(tmp_path):
    log = read(tmp_path, HEAD + TRADES.format(column="Something"))
    assert list(log.closed["pnl"]) == [80.00]
    assert shows(log.notes, "fees", "zero")


FLEX = (
    "ClientAccountID,CurrencyPrimary,FXRateToBase,AssetClass,Symbol,Multiplier,DateTime,Quantity,TradePrice,"
    "IBCommission,IBCommissionCurrency,Open/CloseIndicator,Notes/Codes,Buy/Sell\n"
    "U1,USD,{rate},OPT,IWM   260320P00190000,100,20260302;100000,-1,1.20,-0.92,{currency},O,,SELL\n"
    "U1,USD,{rate},OPT,IWM   260320P00190000,100,20260310;100000,1,0.40,-0.46,{currency},C,,BUY\n"
)


@pytest.mark.parametrize(("currency", "fees"), [("USD", FEES), ("", FEES), ("EUR", FEES / 0.92)])
def test_commissions_of_a_flex_query(tmp_path, currency, fees):
    log = read(tmp_path, FLEX.format(rate=0.92, currency=currency))
    assert list(log.closed["pnl"]) == [pytest.approx(80.00 - fees, abs=0.005)]


def test_commissions_of_a_flex_query_without_a_rate_are_refused(tmp_path):
    with refused_data("log.csv, Interactive Brokers Flex query", "trades", "FXRateToBase"):
        read(tmp_path, FLEX.format(rate=1, currency="EUR"))


HISTORY = (
    "Statement,Header,Field Name,Field Value\nSummary,Data,Base Currency,{base}\n"
    "Transaction History,Header,Date,Account,Description,Transaction Type,Symbol,Quantity,Price,Price Currency,"
    "Gross Amount ,Commission,Net Amount\n"
    "Transaction History,Data,2026-03-10,U***1,IWM 20MAR26 190 P,Buy,IWM260320P00190000,1.0,0.4,USD,{bought},-0.46,\n"
    "Transaction History,Data,2026-03-05,U***1,Interest,Credit Interest,-,-,-,-,0.06,-,0.06\n"
    "Transaction History,Data,2026-03-02,U***1,IWM 20MAR26 190 P,Sell,{symbol},-1.0,1.2,USD,{sold},-0.92,0\n"
)


@pytest.mark.parametrize("symbol", ["IWM   260320P00190000", "IWM"])
@pytest.mark.parametrize(
    ("base", "bought", "sold", "fees"), [("USD", -40, 120, FEES), ("EUR", -36.80, 110.40, FEES / 0.92)]
)
def test_commissions_of_a_transaction_history_are_in_the_currency_of_its_amounts(
    tmp_path, base, bought, sold, fees, symbol
):
    log = read(tmp_path, HISTORY.format(base=base, bought=bought, sold=sold, symbol=symbol))
    assert list(log.closed["pnl"]) == [pytest.approx(80.00 - fees, abs=0.005)]


def test_a_gross_amount_of_another_multiplier_is_named(tmp_path):
    with refused_data("log.csv, Interactive Brokers transaction history", "trades", "12"):
        read(tmp_path, HISTORY.format(base="USD", bought=-4, sold=12, symbol="IWM"))
