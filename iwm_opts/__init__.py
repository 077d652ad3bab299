"""Options spread analytics for IWM, the Russell 2000 ETF.

The public functions load on first use, so that `import iwm_opts` and the command line's help need neither
numpy nor numba.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iwm_opts.pricing.american import (
        AmericanGreeks,
        american_boundary,
        american_greeks,
        american_implied_vol,
        american_price,
    )
    from iwm_opts.pricing.black import Greeks, greeks, price
    from iwm_opts.pricing.implied import implied_vol

__all__ = [
    "AmericanGreeks",
    "Greeks",
    "__version__",
    "american_boundary",
    "american_greeks",
    "american_implied_vol",
    "american_price",
    "greeks",
    "implied_vol",
    "price",
]

_HOME = {
    "AmericanGreeks": "iwm_opts.pricing.american",
    "american_boundary": "iwm_opts.pricing.american",
    "american_greeks": "iwm_opts.pricing.american",
    "american_implied_vol": "iwm_opts.pricing.american",
    "american_price": "iwm_opts.pricing.american",
    "Greeks": "iwm_opts.pricing.black",
    "greeks": "iwm_opts.pricing.black",
    "implied_vol": "iwm_opts.pricing.implied",
    "price": "iwm_opts.pricing.black",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("iwm-opts")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
