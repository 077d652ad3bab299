"""Single long options: the whole premium is at risk, and nothing more."""

from iwm_opts.conventions import RIGHT_SIGN, Right
from iwm_opts.execution.legs import Legs
from iwm_opts.market.option_table import OptionTable
from iwm_opts.spreads.legs import DeltaRange, Packages, by_delta, whole


def long_options(table: OptionTable, right: Right, delta: DeltaRange) -> Packages:
    """Long calls or puts whose |delta| lies in a range."""
    legs = Legs.of(sign=[1], right=[RIGHT_SIGN[right]])
    return whole(
        f"long-{'call' if right == 'C' else 'put'}", by_delta(table, right, delta)[:, None], legs, is_credit=False
    )
