"""A word to whoever waits for the first run: kernels are being compiled."""

from typing import Any

import click


class NumericalCommand(click.Command):
    """A command that needs the kernels, and says so before a first run compiles them."""

    def invoke(self, ctx: click.Context) -> Any:
        """Announce, then run."""
        from iwm_opts.kernels._jit import CACHE_DIR, is_compiled

        if not is_compiled() and not ctx.params.get("quiet"):
            click.echo(
                f"compiling the numerical core for this machine, once, some ten seconds (kept in {CACHE_DIR})", err=True
            )
        return super().invoke(ctx)
