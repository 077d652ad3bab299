"""Names that a package imports on first use, listed once: in the stub beside its `__init__.py`."""

import ast
from collections.abc import Callable
from importlib import import_module
from pathlib import Path


def homes(init: str) -> dict[str, str]:
    """Map each name that the stub of a package imports to its module.

    Parameters
    ----------
    init : str
        Path of the package's `__init__.py`.
    """
    stub = ast.parse(Path(init).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def importer(package: str, modules: dict[str, str]) -> Callable[[str], object]:
    """`__getattr__` of a package whose names lie in `modules`."""

    def import_name(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(modules[name]), name)

    return import_name
