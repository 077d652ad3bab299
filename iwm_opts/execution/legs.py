"""Legs of a kind of package, without strikes or quotes, for fills, fees and margin."""

from dataclasses import dataclass
from numbers import Integral
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iwm_opts.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Legs:
    """Sides, rights and contracts of the legs of one package; arrays of shape (legs,). Build with `Legs.of`."""

    sign: Array  # +1 long, -1 short
    right: Array  # +1 call, -1 put
    ratio: Array  # contracts of the leg in one package

    def __len__(self) -> int:
        return len(self.sign)

    @property
    def contracts(self) -> Array:
        """Signed contracts of each leg in one package: positive long, negative short."""
        return self.sign * self.ratio

    @classmethod
    def of(cls, sign: ArrayLike, right: ArrayLike, ratio: ArrayLike | None = None) -> Self:
        """Check and copy what describes the legs.

        Parameters
        ----------
        sign, right : array_like, shape (legs,)
            +1 long or -1 short; +1 call or -1 put.
        ratio : array_like, shape (legs,), optional
            Contracts of each leg in one package, 1 each unless given.

        Raises
        ------
        InputError
            When the shapes differ, a sign or right is not +1 or -1, or a ratio is not a positive whole number.
        """
        signs, rights = np.array(sign, dtype=np.float64), np.array(right, dtype=np.float64)
        ratios = np.ones_like(signs) if ratio is None else np.array(ratio, dtype=np.float64)
        shapes = signs.shape, rights.shape, ratios.shape
        if signs.ndim != 1 or not len(signs) or len(set(shapes)) > 1:
            raise InputError("legs", shapes, "needs a sign, a right and a ratio for each leg")
        for name, values in (("sign", signs), ("right", rights)):
            if not np.isin(values, (-1.0, 1.0)).all():
                raise InputError(name, values.tolist(), "must be +1 or -1 for every leg")
        if not ((ratios > 0) & (ratios == np.rint(ratios))).all():
            raise InputError("ratio", ratios.tolist(), "must be a positive whole number for every leg")
        return cls(signs, rights, ratios)

    def closing(self) -> Self:
        """Legs of the opposite package, which closes this one."""
        return type(self)(-self.sign, self.right, self.ratio)


def check_contracts(contracts: object) -> None:
    """Refuse a size that no order holds.

    Raises
    ------
    InputError
        For a part of a contract, or fewer than 1.
    """
    if isinstance(contracts, bool) or not isinstance(contracts, Integral) or contracts < 1:
        raise InputError("contracts", contracts, "must be a whole number of at least 1", "give for instance 1")
