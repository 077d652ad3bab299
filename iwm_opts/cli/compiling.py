"""A word to whoever waits for the first run: kernels are being compiled."""

from typing import Any

import click


def announce_compiling(options: dict[str, Any]) -> None:
    """Say once, before the kernels are imported, that this run compiles them."""
    from iwm_opts.kernels._jit import CACHE_DIR, is_compiled

    if not is_compiled() and not options["quiet"]:
        click.echo(
            f"compiling the numerical core for this machine, once, some ten seconds (kept in {CACHE_DIR})", err=True
        )
