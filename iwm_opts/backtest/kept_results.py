"""Results of a run's tasks on a cluster, kept until the run ends: a run that was stopped goes on from them.

Each is a file of the cache folder, `tasks/3f…/9a….npy`: the folder is a digest of function, data and code, the name one
of the item.
"""

import io
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from iwm_opts.backtest.cluster import digest
from iwm_opts.conventions import counted
from iwm_opts.errors import DataError
from iwm_opts.io.atomic import write_durably
from iwm_opts.io.mapping import Mapper
from iwm_opts.io.opening import open_regular
from iwm_opts.io.panel_cache import MAX_AGE_DAYS, PACKAGE, cache_folder, code_digest

TASKS: Final = "tasks"


@contextmanager
def kept_results(mapper: Mapper, data: object = None) -> Iterator[Mapper]:
    """Mapper that keeps what another returns, until the context is left without an error.

    Parameters
    ----------
    mapper : Mapper
        Of functions that return arrays of float, or tuples that make one.
    data : object
        What the results depend on next to function and item; picklable.
    """
    root, folders = cache_folder() / TASKS, set[Path]()
    for folder in root.glob("*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > 86_400.0 * MAX_AGE_DAYS:
                shutil.rmtree(folder, ignore_errors=True)

    def mapped(function: Callable[..., Any], items: Sequence[Any]) -> Iterator[tuple[int, NDArray[np.float64]]]:
        folder = root / digest((code_digest(PACKAGE), function, data))
        folders.add(folder)
        files = [folder / f"{digest(item)}.npy" for item in items]
        missing = []
        for place, file in enumerate(files):
            kept = _read(file)
            if kept is None:
                missing.append(place)
            else:
                yield place, kept
        try:
            for position, result in mapper(function, [items[place] for place in missing]) if missing else ():
                values, place = np.asarray(result, dtype=np.float64), missing[position]
                content = io.BytesIO()
                np.lib.format.write_array(content, values, allow_pickle=False)
                with suppress(DataError):  # without room the result is as good, and computed again next time
                    write_durably(files[place], content.getvalue(), is_private=True)
                yield place, values
        except DataError as error:
            done = f"{sum(file.exists() for file in files)} of {counted(len(items), 'tasks')} are kept"
            raise DataError(error.source, error.rule, f"{done}: {error.remedy}", error.field) from None

    yield mapped
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def clear() -> int:
    """Remove the results of every stopped run; bytes freed."""
    root = cache_folder() / TASKS
    freed = sum(file.stat().st_size for file in root.rglob("*.npy"))
    shutil.rmtree(root, ignore_errors=True)
    return freed


def _read(file: Path) -> NDArray[np.float64] | None:
    try:
        with open_regular(file) as content:
            return np.asarray(np.lib.format.read_array(content, allow_pickle=False), dtype=np.float64)
    except (OSError, ValueError, EOFError):
        return None
