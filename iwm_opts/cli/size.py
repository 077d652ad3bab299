"""`iwm-opts size`: position size allowed by the account."""

import click

from iwm_opts import api
from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import FractionParam, Number, account_options, group, option, output_options
from iwm_opts.cli.output import say, write_result
from iwm_opts.cli.requests import account
from iwm_opts.cli.values import Values, build, takes_values

SHARES_ALONE = ("entry", "stop", "atr", "atr_multiple", "slippage")
CONTRACTS_ALONE = (
    *("package_buying_power", "open_interest", "expected_profit", "pop"),
    *("kelly", "open_risk", "max_open_risk", "max_contracts", "liquidity_share"),
)
size_options = group(
    option("--max-loss", type=Number(), help="Dollars one package can lose: contracts of defined risk."),
    option("--package-buying-power", type=Number(min=0), help="Dollars one package ties up.  [default: its max loss]"),
    option("--open-interest", type=Number(min=0), help="Of the thinnest leg; caps contracts by --liquidity-share."),
    option("--expected-profit", type=Number(), help="Dollars a package, for --kelly."),
    option("--pop", type=FractionParam(0, 1), help="Probability of profit, for --kelly."),
    option("--entry", type=Number(), help="Price of a share: with --stop or --atr, shares."),
    option("--stop", type=Number(), help="Price at which the trade is given up."),
    option("--atr", type=Number(), help="Average true range, dollars a share; the stop is --atr-multiple of it away."),
    option("--atr-multiple", type=Number(), default=1.0),
    option("--slippage", type=Number(min=0), default=0.0, help="Dollars a share expected beyond the stop."),
    heading="Trade",
)


@click.command(
    cls=NumericalCommand,
    first=(
        "max_loss",
        "entry",
        "stop",
        "atr",
        "account",
        "risk",
        "buying_power",
        "open_risk",
        "max_contracts",
        "format",
    ),
    epilog="\b\nExample:\n  iwm-opts size --max-loss 395 --account 50000 --risk 1%\n"
    "  iwm-opts size --entry 212.40 --atr 4.10 --account 50000 --risk 1%",
)
@size_options
@account_options
@output_options
@takes_values
def size(values: Values) -> None:
    """Contracts or shares allowed by the account, and the limit that binds."""
    is_shares = values["max_loss"] is None
    names, unit = (CONTRACTS_ALONE, "shares") if is_shares else (SHARES_ALONE, "contracts")
    values.check_not_typed(names, f"means nothing when sizing {unit}: leave it out")
    trade = build(api.ShareRisk, values) if is_shares else build(api.PackageRisk, values)
    if is_shares and None not in (values["stop"], values["atr"]):
        say("--stop is the stop: --atr has no effect beside it", values)
    write_result(api.answer_size(api.SizeRequest(trade=trade, account=account(values))), values)
