"""`iwm-opts size`: contracts or shares that the account bears."""

from typing import Any

import click
from click.core import ParameterSource

from iwm_opts.cli.command import NumericalCommand
from iwm_opts.cli.options import Number, account_options, group, option, output_options

SHARES_ALONE = ("entry", "stop", "atr", "atr_multiple", "slippage")
CONTRACTS_ALONE = (
    "package_buying_power",
    "open_interest",
    "expected_profit",
    "pop",
    "kelly",
    "open_risk",
    "max_open_risk",
    "max_contracts",
    "liquidity_share",
)
size_options = group(
    option("--max-loss", type=Number(), help="Dollars one package can lose: contracts of defined risk."),
    option("--package-buying-power", type=Number(min=0), help="Dollars one package ties up.  [default: its max loss]"),
    option("--open-interest", type=Number(min=0), help="Of the thinnest leg; caps contracts by --liquidity-share."),
    option("--expected-profit", type=Number(), help="Dollars a package, for --kelly."),
    option("--pop", type=Number(0, 1), help="Probability of profit, for --kelly."),
    option("--entry", type=Number(), help="Price of a share: with --stop or --atr, shares."),
    option("--stop", type=Number(), help="Price at which the trade is given up."),
    option("--atr", type=Number(), help="Average true range, dollars a share; the stop is --atr-multiple of it away."),
    option("--atr-multiple", type=Number(), default=1.0),
    option("--slippage", type=Number(min=0), default=0.0, help="Dollars a share expected beyond the stop."),
)


@click.command(
    cls=NumericalCommand,
    epilog="\b\nExample:\n  iwm-opts size --max-loss 395 --account 50000 --risk 1%\n"
    "  iwm-opts size --entry 212.40 --atr 4.10 --account 50000 --risk 1%",
)
@size_options
@account_options
@output_options
def size(**options: Any) -> None:
    """How many contracts, or shares, the account bears; which limit bound, and why zero when zero."""
    from iwm_opts.cli import build
    from iwm_opts.report.records import as_json, rows_as_csv, size_record
    from iwm_opts.report.size_table import size_table

    is_shares = options["max_loss"] is None
    _refuse_what_does_not_apply(CONTRACTS_ALONE if is_shares else SHARES_ALONE, "shares" if is_shares else "contracts")
    if is_shares and options["buying_power"] is not None and options["entry"] is None:
        raise click.UsageError("--buying-power caps shares by their price: give --entry too")
    found = _shares(options) if is_shares else _contracts(options)
    unit = "shares" if is_shares else "contracts"
    record = {"account": options["account"], "risk_share": options["risk"], unit: found.contracts}
    record |= {name: value for name, value in size_record(found).items() if name != "contracts"}
    record |= {"warnings": [found.warning] if found.warning else []}
    if options["format"] == "json":
        build.emit(as_json(record), options)
    elif options["format"] == "csv":
        build.emit(rows_as_csv([record]), options)
    else:
        build.emit(size_table(found, unit, options["account"], options["risk"]), options)


def _refuse_what_does_not_apply(names: tuple[str, ...], unit: str) -> None:
    """Options that would be silently without effect."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} means nothing when sizing {unit}: leave it out")


def _contracts(options: dict[str, Any]) -> Any:
    from iwm_opts.cli.build import account_from
    from iwm_opts.spreads.screen import size_package

    return size_package(
        account_from(options),
        options["max_loss"],
        buying_power=options["package_buying_power"],
        open_interest=() if options["open_interest"] is None else (options["open_interest"],),
        expected_profit=options["expected_profit"],
        pop=options["pop"],
    )


def _shares(options: dict[str, Any]) -> Any:
    from iwm_opts.errors import InputError
    from iwm_opts.risk.sizing import atr_share_size, share_size

    account, risk, entry = options["account"], options["risk"], options["entry"]
    available = options["buying_power"]
    if options["stop"] is not None and entry is not None:
        return share_size(account, risk, entry, options["stop"], options["slippage"], available)
    if options["atr"] is not None:
        multiple, slippage = options["atr_multiple"], options["slippage"]
        return atr_share_size(account, risk, options["atr"], multiple, entry, available, slippage)
    raise InputError(
        "max_loss", None, "nothing to size", "give --max-loss for contracts, --entry with --stop or --atr for shares"
    )
