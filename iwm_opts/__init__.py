"""Options spread analytics for IWM, the Russell 2000 ETF.

The public functions load on first use, so that `import iwm_opts` and the command line's help need neither
numpy nor numba. `iwm_opts.backtest` is the function; the modules of the folder of that name import as usual
(`from iwm_opts.backtest.engine import run`).
"""

import sys
from types import ModuleType

from iwm_opts.lazy import homes, importer

_HOMES = homes(__file__)
_import_name = importer(__name__, _HOMES)
__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version  # reads folders of distributions: only for who asks

        return version("iwm-opts")
    return _import_name(name)


def __dir__() -> list[str]:
    return __all__


class _FrontPage(ModuleType):
    """Keeps a public function where a folder of the same name is imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _FrontPage
