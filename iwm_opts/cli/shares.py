"""Shares of something on the command line: read as everywhere else."""

from iwm_opts.risk.fraction import BARE_LIMIT, parse_share

__all__ = ["BARE_LIMIT", "parse_share"]
