"""An oracle for experiments: it knows the truth and errs at stated rates."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from genloss.chain.data import Array, Data, Floats
from genloss.corpus.documents import Documents
from genloss.errors import SpecError


@dataclass(frozen=True, eq=False)
class Oracle:
    """NOT A DETECTOR: it is told which rows are real, and flips the truth with stated error rates.

    It shows what a detector of these rates would do in an experiment. No real detector's errors are independent of the
    rows, as these are: real ones fall on the same kinds of rows again and again.

    A row errs or not by its content and the seed, so that a row scores the same whenever it is asked for. Numbers are
    compared by value, whatever type holds them.

    Attributes:
        real: All real rows (an array, documents or texts; a row is real if it is among them), a source of real rows
            such as `Sotu` (a row is real if it is among its training rows), or a function of data that gives True for
            each real row.
        true_positive: The chance that a synthetic row scores 1; otherwise it scores 0.
        false_positive: The chance that a real row scores 1.
        seed: Decides which rows err.
    """

    real: Any
    true_positive: float
    false_positive: float
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("true_positive", "false_positive"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
                raise SpecError(f"oracle.{name}: {value!r} is not a rate; give a number from 0 to 1")

    def __repr__(self) -> str:
        rates = f"true_positive={self.true_positive}, false_positive={self.false_positive}"
        return f"Oracle({rates}: an oracle that is told the truth, no detector)"

    @cached_property
    def _known(self) -> frozenset[bytes]:
        return frozenset(_names(getattr(self.real, "train", self.real)))

    def score(self, data: Data) -> Floats:
        """Score each row: 1 (flagged) or 0; shape (n,)."""
        names = _names(data)
        real = self._truth(data, names)
        drawn = np.array([_uniform(name, self.seed) for name in names])
        return (drawn < np.where(real, self.false_positive, self.true_positive)).astype(float)

    def _truth(self, data: Data, names: list[bytes]) -> Array:
        if not callable(self.real):
            return np.array([name in self._known for name in names])
        tell: Callable[[Data], Any] = self.real
        real = np.asarray(tell(data))
        if real.shape != (len(names),) or real.dtype.kind != "b":
            raise SpecError(f"oracle.real: gave {real.dtype} of shape {real.shape} for {len(names)} rows; give True or "
                            "False a row")  # fmt: skip
        return real


def _names(data: Data) -> list[bytes]:
    """What tells rows apart."""
    if isinstance(data, str) or not hasattr(data, "__len__"):
        raise SpecError(f"oracle: {type(data).__name__} holds no rows; give an array, documents or texts")
    if not len(data):
        raise SpecError("oracle: no rows; give at least one")
    if isinstance(data, Documents):
        return [data.tokens[a:b].tobytes() for a, b in zip(data.offsets, data.offsets[1:], strict=False)]
    rows = data if isinstance(data, np.ndarray) else _numbers(data)
    if rows is None or rows.dtype.kind in "UOS":
        return [str(row).encode(errors="surrogatepass") for row in data]
    if rows.dtype.kind not in "biuf":
        return [row.tobytes() for row in np.ascontiguousarray(rows)]
    # Numbers are compared by value, whatever type holds them.
    values = np.ascontiguousarray(rows.astype(np.float64) + 0.0)  # which makes 0 of -0
    if rows.dtype.kind in "iu" and (np.abs(values) >= 2.0**53).any():
        return [_large(row, value) for row, value in zip(rows, values, strict=True)]
    return [value.tobytes() for value in values]


def _large(row: Any, value: Any) -> bytes:
    """The name of whole numbers, some of which no float64 may hold."""
    off = [int(x) - int(y) for x, y in zip(np.ravel(row).tolist(), np.ravel(value).tolist(), strict=True)]
    return bytes(value.tobytes() + (repr(off).encode() if any(off) else b""))


def _numbers(data: Any) -> Array | None:
    """Lists of numbers as an array."""
    if any(isinstance(row, (str, bytes)) for row in data):
        return None
    try:
        found = np.asarray(data)
    except (TypeError, ValueError):
        return None
    return found if found.dtype.kind in "biuf" else None


def _uniform(name: bytes, seed: int) -> float:
    found = hashlib.blake2b(name, digest_size=8, key=str(seed).encode())
    return int.from_bytes(found.digest(), "little") / 2**64
