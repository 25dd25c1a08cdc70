"""What a chain asks of data: its size, to be joined, to be taken from; nothing else."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from genloss.errors import NotExact, SpecError

Array = NDArray[Any]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Reals = float | Floats
"""A number, or one number per replicate."""
Count = int | Ints
"""A number of rows, or one number per replicate."""
Maker = bool | int | NDArray[np.integer[Any]] | NDArray[np.bool_]
"""Who made rows: 0 for people, 1 and up for models; or one number per row."""
Data = Any
"""Rows (an array, an (X, y) pair, documents, a data frame), a `Batch` of them, or a `Statistic`."""


class Statistic(ABC):
    """A dataset that has forgotten its rows: a commutative monoid under addition.

    Every statistic may carry one value per replicate: its arrays then have the replicates as leading axis.

    Attributes:
        n: The number of rows it stands for, or one number per replicate.
        reusable: Whether the same rows may be subsampled again and again from this statistic alone.
    """

    reusable: ClassVar[bool] = False
    n: Count

    @classmethod
    @abstractmethod
    def of(cls, data: Data) -> Self:
        """Reduce rows, a `Batch` of rows, or return a statistic of this kind as it is."""

    @abstractmethod
    def __add__(self, other: Self) -> Self:
        """Join: `of(x ++ y) == of(x) + of(y)`."""

    def subsample(self, n: Count, rng: Generator) -> Self:
        """Draw the statistic of `n` of these rows, chosen without replacement."""
        raise NotExact(f"{type(self).__name__} cannot be subsampled without the rows")

    @classmethod
    def parts(cls) -> list[str]:
        """The names of what it is made of: its dataclass fields or slots."""
        if dataclasses.is_dataclass(cls):
            return [field.name for field in dataclasses.fields(cls)]
        return sorted(name for base in cls.__mro__ for name in getattr(base, "__slots__", ()))

    @classmethod
    def made(cls, parts: Mapping[str, Any]) -> Self:
        """Put one together from its parts."""
        statistic = object.__new__(cls)
        for name, part in parts.items():
            object.__setattr__(statistic, name, part)
        return statistic

    def pick(self, i: int) -> Self:
        """The statistic of replicate i, of one that holds many."""
        replicates = getattr(self, "replicates", None)
        if replicates is None:
            return self
        parts = {name: getattr(self, name) for name in self.parts()}
        led = {name for name, part in parts.items() if np.ndim(part) and len(part) == replicates}
        return self.made({name: part[i] if name in led else part for name, part in parts.items()})


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """The rows of many replicates at once.

    Attributes:
        rows: Shape (replicates, n) or (replicates, n, d).
    """

    rows: Array

    def __len__(self) -> int:
        return int(self.rows.shape[1])

    def pick(self, i: int) -> Array:
        """The rows of replicate i."""
        return np.asarray(self.rows[i])


@singledispatch
def size(data: Data) -> Count:
    """Count the rows."""
    if hasattr(data, "__len__"):
        return len(data)
    raise TypeError(
        f"{type(data).__name__} is not data: give an array, an (X, y) pair, documents, a data frame or a statistic"
    )


@size.register
def _(data: tuple) -> Count:  # type: ignore[type-arg]
    return len(data[0])


@size.register
def _(data: Statistic) -> Count:
    return data.n


@singledispatch
def take(data: Data, index: Array) -> Data:
    """Pick rows by position; for a `Batch`, positions are (n,) or one row of positions per replicate."""
    if hasattr(data, "iloc"):
        return data.iloc[index]
    return [data[i] for i in index]


@take.register
def _(data: np.ndarray, index: Array) -> Data:
    return data[index]


@take.register
def _(data: tuple, index: Array) -> Data:  # type: ignore[type-arg]
    return tuple(take(part, index) for part in data)


@take.register
def _(data: Batch, index: Array) -> Data:
    if index.ndim == 1:
        return Batch(data.rows[:, index])
    taken = np.empty((*index.shape, *data.rows.shape[2:]), data.rows.dtype)
    if index.size and not (index.min() >= 0 and index.max() < len(data)):
        raise IndexError(f"positions must lie from 0 to {len(data) - 1}, got {index.min()} to {index.max()}")
    for rows, positions, into in zip(data.rows, index, taken, strict=True):  # faster than one index of two axes
        np.take(rows, positions, axis=0, out=into, mode="clip")
    return Batch(taken)


@take.register
def _(data: Statistic, index: Array) -> Data:
    raise NotExact(f"{type(data).__name__} has no rows to take; use engine='rows'")


def concat(parts: Sequence[Data]) -> Data:
    """Join datasets of one kind, in order."""
    return parts[0] if len(parts) == 1 else _concat(parts[0], parts)


@singledispatch
def _concat(first: Data, parts: Sequence[Data]) -> Data:
    if hasattr(first, "iloc"):
        import pandas as pd

        return pd.concat(parts, ignore_index=True)
    raise TypeError(f"{type(first).__name__} cannot be joined: give an array, an (X, y) pair or a list")


@_concat.register
def _(first: np.ndarray, parts: Sequence[Data]) -> Data:
    return np.concatenate(parts)


@_concat.register
def _(first: list, parts: Sequence[Data]) -> Data:  # type: ignore[type-arg]
    return [row for part in parts for row in part]


@_concat.register
def _(first: tuple, parts: Sequence[Data]) -> Data:  # type: ignore[type-arg]
    return tuple(concat(columns) for columns in zip(*parts, strict=True))


@_concat.register
def _(first: Batch, parts: Sequence[Data]) -> Data:
    return Batch(np.concatenate([part.rows for part in parts], axis=1))


@_concat.register
def _(first: Statistic, parts: Sequence[Data]) -> Data:
    total = first
    for part in parts[1:]:
        total = total + part
    return total


register_concat = _concat.register
"""Teach `concat` another kind of data: `register_concat(Kind)(lambda first, parts: ...)`."""


def row_shape(rows: Data) -> Any:
    """The shape of one row: of an array or a `Batch`; a list of shapes for an (X, y) pair; None for other data."""
    if isinstance(rows, np.ndarray):
        return rows.shape[1:]
    if isinstance(rows, Batch):
        return rows.rows.shape[2:]
    return [row_shape(part) for part in rows] if isinstance(rows, tuple) else None


def check_rows(rows: Data, n: Count, shape: Any, where: str) -> None:
    """Refuse drawn rows that no generation can be trained on.

    Args:
        rows: What was drawn.
        n: How many rows were asked for.
        shape: The shape of the first real rows (`row_shape`); None where these are the first.
        where: Who drew them.

    Raises:
        SpecError: If their number or shape is wrong, or a number among them is NaN or infinite.
    """
    if size(rows) != n:
        raise SpecError(f"{where} drew {size(rows)} rows where {n} were asked for; sample(n, rng) gives n rows")
    if shape is not None and row_shape(rows) != shape:
        got = type(rows).__name__ if row_shape(rows) is None else f"rows of shape {row_shape(rows)}"
        raise SpecError(
            f"{where} drew {got}, real rows have shape {shape}; give rows shaped like those it was fitted to"
        )
    for part in rows if isinstance(rows, tuple) else (rows.rows if isinstance(rows, Batch) else rows,):
        if isinstance(part, np.ndarray) and part.dtype.kind == "f":
            finite = np.isfinite(part)
            if not finite.all():
                bad = int((~finite).sum())
                raise SpecError(f"{where} drew {bad} numbers that are NaN or infinite; give finite ones")


class Block:
    """Rows that entered the pool together, and where they came from.

    Attributes:
        data: The rows, or their statistic.
        maker: Who made the rows: 0 for people (real data), 1 and up for models, numbered in the order in which they
            share a pool; for rows mixed by a curator, one number per row (with a leading replicate axis for a `Batch`).
            A truth value is read as 0 or 1.
        born: The generation they first train (0 for the first real data).
        ids: For each row a number that stays with it when rows are taken; None if nobody asked for it.
    """

    __slots__ = ("_size", "born", "data", "ids", "maker")

    def __init__(self, data: Data, maker: Maker, born: int, ids: Ints | None = None) -> None:
        self.data = data
        self.maker = np.asarray(maker, dtype=np.int32) if np.ndim(maker) else int(maker)
        self.born = born
        self.ids = ids
        self._size: Count | None = None

    def __repr__(self) -> str:
        made = "mixed" if not isinstance(self.maker, int) else "synthetic" if self.maker else "real"
        return f"Block({size(self.data)} {made} rows born {self.born})"

    @property
    def synthetic(self) -> bool | NDArray[np.bool_]:
        """Whether a model made the rows: one truth value, or one per row."""
        return self.maker != 0

    def pick(self, i: int) -> "Block":
        """The block of replicate i, of one that holds the data of many."""
        return Block(self.data.pick(i), self.maker if isinstance(self.maker, int) else self.maker[i], self.born)

    def take(self, index: Array) -> "Block":
        """The rows at these positions, with their makers and ids."""
        maker = self.maker if isinstance(self.maker, int) else self.maker[index]
        return Block(take(self.data, index), maker, self.born, None if self.ids is None else self.ids[index])

    @property
    def size(self) -> Count:
        """The number of rows."""
        if self._size is None:
            self._size = size(self.data)
        return self._size


class _Grown:
    """The rows of a growing pool in an array with room at its end, so that T generations cost T appends.

    A pool's rows are the beginning of the array. Only the longest pool can be grown in place; what is appended to a
    shorter one is copied with it.
    """

    __slots__ = ("_room", "_side_by_side", "length")

    def __init__(self, rows: Array, side_by_side: bool) -> None:
        self._room = rows
        self._side_by_side = side_by_side
        self.length = rows.shape[int(side_by_side)]

    @classmethod
    def of(cls, data: Data) -> "_Grown | None":
        """Begin with the rows of a pool; None if they are no array."""
        if isinstance(data, Batch):
            return cls(data.rows, True)
        return cls(data, False) if isinstance(data, np.ndarray) else None

    def takes(self, data: Data) -> bool:
        """Whether these rows can follow."""
        rows = data.rows if isinstance(data, Batch) else data
        axis = int(self._side_by_side)
        if isinstance(data, Batch) is not self._side_by_side or not isinstance(rows, np.ndarray):
            return False
        same = rows.shape[:axis] + rows.shape[axis + 1 :] == self._room.shape[:axis] + self._room.shape[axis + 1 :]
        return same and rows.dtype == self._room.dtype

    def joined(self, data: Data, begin: int) -> "tuple[Data, _Grown]":
        """Append rows to the first `begin` ones, and return all of them with the array that holds them."""
        axis = int(self._side_by_side)
        if begin != self.length:  # another pool has grown from the same one
            return _Grown(self._part(begin).copy(), self._side_by_side).joined(data, begin)
        rows = data.rows if isinstance(data, Batch) else data
        end = self.length + rows.shape[axis]
        if end > self._room.shape[axis]:
            shape = list(self._room.shape)
            shape[axis] = 2 * end
            room = np.empty(shape, self._room.dtype)
            room[(slice(None),) * axis + (slice(self.length),)] = self._part(self.length)
            self._room = room
        self._room[(slice(None),) * axis + (slice(self.length, end),)] = rows
        self.length = end
        return (Batch(self._part(end)) if self._side_by_side else self._part(end)), self

    def _part(self, end: int) -> Array:
        return self._room[:, :end] if self._side_by_side else self._room[:end]


class Pool:
    """The blocks of data that are kept, in the order they came.

    Statistics are added up once: a pool grown by one block costs one addition, however old it is. They are always
    added in the order of the blocks, so that a pool read back from a file gives the same sum to the last bit.
    """

    __slots__ = ("_before", "_begin", "_data", "_grown", "_size", "blocks")

    def __init__(self, blocks: Iterable[Block] = ()) -> None:
        self.blocks = tuple(blocks)
        self._data: Data = None
        self._before: Statistic | None = None
        self._grown: _Grown | None = None
        self._begin = 0
        self._size: Count | None = None

    def __repr__(self) -> str:
        return f"Pool({', '.join(map(repr, self.blocks))})"

    @property
    def data(self) -> Data:
        """All rows (or the statistic of all rows)."""
        if self._data is None:
            if self._before is not None:
                self._data = self._before + self.blocks[-1].data
            elif self._grown is not None:
                self._data, self._grown = self._grown.joined(self.blocks[-1].data, self._begin)
            else:
                self._data = concat([block.data for block in self.blocks])
                self._grown = _Grown.of(self._data)
            self._before = None
        return self._data

    @property
    def size(self) -> Count:
        """The number of rows in all blocks."""
        if self._size is None:
            self._size = sum((block.size for block in self.blocks), 0)
        return self._size

    @property
    def real_share(self) -> Reals:
        """The share of rows that no model made."""
        real: Any = 0
        for block in self.blocks:
            if isinstance(block.maker, int):
                real = real + (0 if block.maker else block.size)
            else:
                real = real + (block.maker == 0).sum(-1)
        return real / self.size  # type: ignore[no-any-return]

    def pick(self, i: int) -> "Pool":
        """The pool of replicate i, of one that holds the data of many."""
        return Pool(block.pick(i) for block in self.blocks)

    def append(self, block: Block) -> "Pool":
        """Add a block and keep it apart."""
        grown = Pool((*self.blocks, block))
        grown._size = self.size + block.size
        if isinstance(self._data, Statistic):
            grown._before = self._data
        elif self._grown is not None and self._grown.takes(block.data):
            grown._grown, grown._begin = self._grown, int(size(self._data))
        return grown

    def absorb(self, block: Block) -> "Pool":
        """Add a block for good: statistics of one maker are added up, so that a long pool stays small."""
        last = self.blocks[-1] if self.blocks else None
        if last is None or not isinstance(block.data, Statistic) or not np.array_equal(last.maker, block.maker):
            return self.append(block)
        return Pool((*self.blocks[:-1], Block(last.data + block.data, block.maker, block.born)))
