"""From what users pass (scalars, lists, arrays, Series; "C" and "P") to the buffers that kernels take, and back."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iwm_opts.conventions import RIGHT_SIGN
from iwm_opts.errors import InputError

Array = NDArray[np.float64]
Values: TypeAlias = Any  # a float where every input is a scalar, else a float64 array of the broadcast shape

BLOCK: Final = 2_048  # options a kernel call: operands are copied into buffers that stay in the processor's cache
_LETTERS: Final = RIGHT_SIGN | {letter.lower(): sign for letter, sign in RIGHT_SIGN.items()}
_SIGN: Final[dict[Any, int]] = {1: 1, -1: -1, **_LETTERS}
_RULE: Final = "is neither a call nor a put"
_REMEDY: Final = 'give "C" or "P", or +1 or -1'
_ONE_LETTER: Final = np.dtype("U1")
_SIGN_OF_LETTER: Final = np.zeros(256)
_SIGN_OF_LINE: Final = np.zeros(1 << 16)  # by a letter and the line end after it, read as one 16-bit number
for _letter, _sign in _LETTERS.items():
    _SIGN_OF_LETTER[ord(_letter)] = _sign
    _SIGN_OF_LINE[np.frombuffer(f"{_letter}\n".encode(), dtype=np.uint16)] = _sign


def numbers(name: str, values: ArrayLike) -> NDArray[Any]:
    """View values as an array of real numbers; missing ones are NaN.

    Raises
    ------
    InputError
        When they are not numbers.
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind in "fiu":
            return array
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(name, values, "is not a number or an array of numbers") from None


def signs(right: Any) -> NDArray[Any]:
    """+1 for calls and -1 for puts, shape of `right`: "C" or "P" (either case), +1 or -1, arrays or Series of them.

    Raises
    ------
    InputError
        For anything else, a missing value included; names the value and its position.
    """
    try:
        array = np.asarray(right)
    except ValueError:  # ragged
        raise InputError("right", right, _RULE, _REMEDY) from None
    if array.dtype.kind in "fiu":
        codes = array
    elif array.ndim and array.dtype == _ONE_LETTER:
        codes = _SIGN_OF_LETTER[np.minimum(np.ascontiguousarray(array).view(np.uint32), _SIGN_OF_LETTER.size - 1)]
    elif array.dtype.kind == "O":
        codes = _signs_of_objects(array)
    else:
        codes = _one_by_one(array)
    wrong = np.abs(codes) != 1
    if np.any(wrong):
        position = int(np.argmax(wrong))
        where = f"[{', '.join(map(str, np.unravel_index(position, array.shape)))}]" if array.ndim else ""
        raise InputError(f"right{where}", array.ravel().tolist()[position], _RULE, _REMEDY)
    return codes


def _signs_of_objects(array: NDArray[Any]) -> Array:
    """Signs of Python objects, 0 where unknown: read as one long string, a third of the time of one by one."""
    try:
        text = "\n".join(array.ravel().tolist()) + "\n"
        signs = _SIGN_OF_LINE[np.frombuffer(text.encode("latin-1"), dtype=np.uint16)].reshape(array.shape)
    except (TypeError, ValueError):  # not all strings, or not all of one letter
        return _one_by_one(array)
    return signs if np.all(signs) else _one_by_one(array)


def _one_by_one(array: NDArray[Any]) -> Array:
    values = array.ravel().tolist()
    signs = (_SIGN.get(value, 0) if type(value) in (str, int, float) else 0 for value in values)
    return np.fromiter(signs, dtype=np.float64, count=len(values)).reshape(array.shape)


def common_shape(operands: dict[str, NDArray[Any]]) -> tuple[int, ...]:
    """Shape that operands broadcast to.

    Raises
    ------
    InputError
        When they do not.
    """
    try:
        return np.broadcast_shapes(*(operand.shape for operand in operands.values()))
    except ValueError:
        shapes = {name: operand.shape for name, operand in operands.items() if operand.ndim}
        raise InputError("shapes", shapes, "do not broadcast together", "give scalars or arrays of one shape") from None


def evaluate(kernel: Callable[..., None], outputs: int, right: Any, **operands: ArrayLike) -> Sequence[Values]:
    """Call a kernel of (sign, operands..., outputs...) over broadcast operands, block by block.

    Returns one result an output: floats where every operand is a scalar, else float64 arrays of the broadcast shape.
    """
    arrays = {"right": signs(right)} | {name: numbers(name, values) for name, values in operands.items()}
    shape = common_shape(arrays)
    results = np.empty((outputs, *shape))  # one block: the allocator reuses its pages, which five arrays would fault in
    flat_results = results.reshape(outputs, -1)
    size = flat_results.shape[1]
    buffers = [np.empty(min(size, BLOCK)) for _ in arrays]
    varying = []
    for buffer, operand in zip(buffers, arrays.values(), strict=True):
        if operand.size == 1:
            buffer.fill(operand.item())
        else:
            varying.append((buffer, np.broadcast_to(operand, shape).reshape(-1)))
    for start in range(0, size, BLOCK):
        stop = min(start + BLOCK, size)
        for buffer, operand in varying:
            buffer[: stop - start] = operand[start:stop]
        kernel(*(buffer[: stop - start] for buffer in buffers), *(result[start:stop] for result in flat_results))
    return [plain(result) for result in results]


def plain(values: NDArray[Any]) -> Values:
    """Float of an array without dimensions, any other array as it is."""
    return values if values.ndim else values.item()


def discount_factor(discount: ArrayLike, others: Values) -> NDArray[Any]:
    """Discount factors as numbers that broadcast with `others`; NaN where a value is invalid.

    Raises
    ------
    InputError
        When they are not numbers or do not broadcast.
    """
    factor = numbers("discount", discount)
    common_shape({"discount": factor, "options": np.asarray(others)})
    return np.where((factor > 0.0) & (factor < np.inf), factor, np.nan)
