"""Fill convention `mine`: the offsets of the own fills that `review --keep-fills` left in the archive."""

from typing import Final

from iwm_opts.errors import InputError
from iwm_opts.execution.fills import KEEP_THEM, MINE, FillModel
from iwm_opts.io.archive import ChainArchive, open_record
from iwm_opts.io.opening import read_object

FILE: Final = "fills.json"  # of the archive


def own_fill_model(record: ChainArchive) -> FillModel:
    """Fill model of the calibration that the archive keeps.

    Raises
    ------
    InputError
        When it keeps none.
    DataError
        When the file is damaged.
    """
    kept = read_object(record.folder / FILE, KEEP_THEM)
    if kept is None:
        raise InputError("fill", MINE, "own fills are not measured yet", KEEP_THEM)
    return FillModel.parse(str(kept.get("model")))


def fill_model(text: str) -> FillModel:
    """Fill model of a convention's name; of `mine` the kept one, `mine:0.42/4=0.38`.

    Raises
    ------
    InputError
        See `FillModel.parse` and `own_fill_model`.
    """
    return own_fill_model(open_record()) if text.strip().lower() == MINE else FillModel.parse(text)
