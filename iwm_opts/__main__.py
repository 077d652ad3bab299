"""The command line, started with ``python -m iwm_opts``."""

from iwm_opts.cli.main import run

run()
