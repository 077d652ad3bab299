"""Folders of the user: what is kept, and what can be made again."""

import os
from pathlib import Path
from typing import Final, Literal

from iwm_opts.errors import InputError

APPLICATION: Final = "iwm-opts"


def user_folder(variable: str, kind: Literal["data", "cache"]) -> Path:
    """Folder that a variable names, else the platform's.

    Raises InputError when the home folder is unknown: no HOME and an unnamed user, as in containers, or `~NAME` of
    nobody.
    """
    named = os.environ.get(variable)
    try:
        if named:
            return Path(named).expanduser()
        from platformdirs import user_cache_path, user_data_path

        path = user_data_path if kind == "data" else user_cache_path
        return path(APPLICATION, appauthor=False)
    except RuntimeError:
        remedy = f"set {variable} to a folder"
        raise InputError(variable, named or "", "the home folder is unknown", remedy) from None
