"""Requests, the functions that answer them, and the results a user holds.

A request is a frozen dataclass that is validated when it is made. Its function returns a result with `to_frame`,
`to_dict` (the JSON of the command), `to_csv`, `to_text`, `plot` and a table in notebooks. The command line is a skin
over these functions, which `from iwm_opts import api` imports on first use.
"""

from iwm_opts.lazy import homes, importer

__getattr__ = importer(__name__, homes(__file__))
