"""Fill convention `mine`: the offsets of the own fills that `review --keep-fills` left in the archive."""

import json
from typing import Final

from iwm_opts.errors import InputError
from iwm_opts.execution.fills import KEEP_THEM, MINE, FillModel
from iwm_opts.io.archive import ChainArchive, open_record

FILE: Final = "fills.json"  # of the archive


def own_fill_model(record: ChainArchive) -> FillModel:
    """Fill model of the calibration that the archive keeps.

    Raises
    ------
    InputError
        When it keeps none.
    """
    try:
        kept = json.loads((record.folder / FILE).read_text())
        return FillModel.parse(str(kept["model"]))
    except FileNotFoundError:
        raise InputError("fill", MINE, "own fills are not measured yet", KEEP_THEM) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError("fill", MINE, f"{record.folder / FILE} cannot be read", KEEP_THEM) from None


def fill_model(text: str) -> FillModel:
    """Fill model of a convention's name; of `mine` the kept one, `mine:0.42/4=0.38`.

    Raises
    ------
    InputError
        See `FillModel.parse` and `own_fill_model`.
    """
    return own_fill_model(open_record()) if text.strip().lower() == MINE else FillModel.parse(text)
