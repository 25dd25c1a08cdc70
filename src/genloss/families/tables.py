"""Real data as sources: rows in memory, rows in a file, and the handwritten digits that scikit-learn ships."""

import io
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from tokenize import TokenError
from typing import Any, ClassVar

import numpy as np
from numpy.random import PCG64, Generator

from genloss.chain.data import Array, Batch, Floats
from genloss.corpus.shards import Shard, bytes_of, check_checksum, checksum_of
from genloss.errors import SpecError
from genloss.families import table_files
from genloss.families.arrays import ByValue
from genloss.plain.describe import checksum
from genloss.plain.numbers import share as check_share
from genloss.plain.numbers import whole_number


@dataclass(frozen=True, eq=False)
class Rows(ByValue):
    """A user's own rows: generations train on one part of them, a held-out part trains none.

    Attributes:
        array: The rows: shape (n,) or (n, d), whole or finite decimal numbers. They are copied.
        held_out_share: The share of the rows that is held out, from 0 to below 1.
        split_seed: Decides which rows are held out, whatever the seed of the run is.
        replacement: Whether rows are drawn independently, as from the law of the data, so that a row may come more
            than once in a draw; without, the rows of one draw are distinct.
        labels: The class of each row, a whole number or a name each; None if rows have no class.
        image_shape: The shape of the picture that a row of d numbers is; None if rows are not pictures.

    Example:
        >>> import numpy as np
        >>> source = Rows(np.arange(100.0))
        >>> len(source.train), len(source.held_out)
        (80, 20)
        >>> source.sample(3, np.random.default_rng(0)).shape
        (3,)
    """

    array: Any
    held_out_share: float = 0.2
    split_seed: int = 0
    replacement: bool = True
    labels: Any = None
    image_shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        rows = _checked_rows(self.array, "rows")
        object.__setattr__(self, "array", rows)
        _check_split(self.held_out_share, self.split_seed, "rows")
        if self.labels is not None:
            object.__setattr__(self, "labels", _checked_labels(self.labels, len(rows)))
        if self.image_shape is not None:
            shape = tuple(self.image_shape)
            object.__setattr__(self, "image_shape", shape)
            if int(np.prod(shape)) != self.width or rows.ndim == 1:
                raise SpecError(f"rows.image_shape: pictures of {shape} for rows of {self.width} numbers")

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @property
    def width(self) -> int:
        """Numbers per row."""
        return int(self.array.shape[1]) if self.array.ndim == 2 else 1

    @cached_property
    def _order(self) -> tuple[Array, Array]:
        """Positions of the training rows and of those held out."""
        rows = len(self.array)
        held_out = min(round(rows * self.held_out_share), rows - 1)
        order = Generator(PCG64(self.split_seed)).permutation(rows)
        return np.sort(order[held_out:]), np.sort(order[:held_out])

    @cached_property
    def train(self) -> Array:
        """The rows that are drawn from."""
        return _frozen(self.array[self._order[0]])

    @cached_property
    def held_out(self) -> Array:
        """The rows that no generation trains on."""
        return _frozen(self.array[self._order[1]])

    @property
    def train_labels(self) -> Array | None:
        """The classes of `train`."""
        return None if self.labels is None else self.labels[self._order[0]]

    @property
    def held_out_labels(self) -> Array | None:
        """The classes of `held_out`."""
        return None if self.labels is None else self.labels[self._order[1]]

    @cached_property
    def mean(self) -> Any:
        """The mean of the training rows: a number, or d of them."""
        return self.train.mean(0)

    @cached_property
    def var(self) -> Any:
        """The variance of what is drawn, divisor n: a number, or one per column."""
        return self.train.var(0)

    @cached_property
    def cov(self) -> Floats:
        """The covariance of what is drawn, divisor n: shape (d, d)."""
        if self.train.ndim == 1:
            raise AttributeError("rows of one number have var and no cov")
        off = self.train - self.mean
        return off.T @ off / len(off)  # type: ignore[no-any-return]

    def sample(self, n: int, rng: Generator) -> Array:
        """Draw n training rows: shape (n,) or (n, d).

        Raises:
            SpecError: If n distinct rows are asked for and there are fewer.
        """
        return self.train[self._chosen(n, rng)]

    def sample_batch(self, n: int, rng: Generator, replicates: int) -> Batch:
        """Draw n training rows per replicate: shape (replicates, n) or (replicates, n, d)."""
        if self.replacement:
            return Batch(self.train[rng.integers(len(self.train), size=(replicates, n))])
        return Batch(self.train[np.stack([self._chosen(n, rng) for _ in range(replicates)])])

    def _chosen(self, n: int, rng: Generator) -> Array:
        rows = len(self.train)
        if self.replacement:
            return rng.integers(rows, size=n)
        if n > rows:
            raise SpecError(
                f"rows: cannot draw {n} distinct rows from {rows} training rows; "
                f"ask for at most {rows} or set replacement=True"
            )
        return rng.choice(rows, n, replace=False)


class _Stored(ABC):
    """Rows in a file: its checksum is taken when it is described, and checked when it is opened, once."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}  # type: ignore[attr-defined]

    @cached_property
    def rows(self) -> Rows:
        """The rows in memory.

        Raises:
            SpecError: If the file is missing, unreadable, holds no rows of finite numbers, or is not what it was.
        """
        return _opened(self)

    @abstractmethod
    def _open(self) -> Rows:
        """Read the file."""

    @property
    def width(self) -> int:
        """Numbers per row."""
        return self.rows.width

    @property
    def image_shape(self) -> tuple[int, ...] | None:
        """The shape of the picture that a row is, if it is one."""
        return self.rows.image_shape

    @property
    def labels(self) -> Array | None:
        """The class of every row, training and held out, in the order of the data."""
        found: Array | None = self.rows.labels
        return found

    @property
    def train(self) -> Array:
        """The rows that are drawn from."""
        return self.rows.train

    @property
    def train_labels(self) -> Array | None:
        """The classes of `train`."""
        return self.rows.train_labels

    @property
    def held_out(self) -> Array:
        """The rows that no generation trains on."""
        return self.rows.held_out

    @property
    def held_out_labels(self) -> Array | None:
        """The classes of `held_out`."""
        return self.rows.held_out_labels

    @property
    def mean(self) -> Any:
        """The mean of the training rows: a number, or d of them."""
        return self.rows.mean

    @property
    def var(self) -> Any:
        """The variance of what is drawn, divisor n: a number, or one per column."""
        return self.rows.var

    @property
    def cov(self) -> Floats:
        """The covariance of what is drawn, divisor n: shape (d, d)."""
        return self.rows.cov

    def sample(self, n: int, rng: Generator) -> Array:
        """Draw n training rows."""
        return self.rows.sample(n, rng)

    def sample_batch(self, n: int, rng: Generator, replicates: int) -> Batch:
        """Draw n training rows per replicate."""
        return self.rows.sample_batch(n, rng, replicates)


@dataclass(frozen=True)
class Digits(_Stored):
    """Handwritten digits: 1,797 real pictures of 8 x 8 pixels from 0 (paper) to 1 (ink), labelled 0 to 9.

    They come with scikit-learn (`pip install "genloss[sklearn]"`); Alpaydin and Kaynak, UCI 1998, the test part. The
    description of a chain holds their checksum, so that a run goes on only with the same pictures.

    Attributes:
        held_out_share: The share of the pictures that is held out, from 0 to below 1.
        split_seed: Decides which pictures are held out.
        replacement: Whether a picture may come more than once in a draw.
        checksum: The checksum that the pictures must have; None takes those of the package that is installed.
    """

    held_out_share: float = 0.2
    split_seed: int = 0
    replacement: bool = True
    checksum: str | None = None

    def __post_init__(self) -> None:
        _check_split(self.held_out_share, self.split_seed, "digits")
        found = _digits()[1]
        check_checksum(found, self.checksum, "digits: the pictures of scikit-learn")
        object.__setattr__(self, "checksum", found)

    def _open(self) -> Rows:
        content, found = _digits()
        check_checksum(found, self.checksum, "digits: the pictures of scikit-learn")
        table = np.loadtxt(io.StringIO(content.decode()), delimiter=",")
        pixels, labels = table[:, :-1], table[:, -1].astype(int)
        return Rows(pixels / 16, self.held_out_share, self.split_seed, self.replacement, labels, (8, 8))


@dataclass(frozen=True)
class ArrayFile(_Stored):
    """Rows read from a file: an array in .npy, or the columns of numbers in .csv or .parquet.

    It knows the checksum of its file, and so does the description of a chain that holds it: a run goes on only with the
    same rows. The file is opened once, when rows are first needed.

    Attributes:
        path: The file, or its address (`pip install "genloss[remote]"`); a path that does not begin at the root begins
            in the current folder.
        columns: The columns to read, by name (by position in .npy); empty for all columns of numbers.
        label_column: The column that holds the class of each row; empty where rows have none.
        held_out_share: The share of the rows that is held out, from 0 to below 1.
        split_seed: Decides which rows are held out.
        replacement: Whether a row may come more than once in a draw.
        checksum: The SHA-256 that the file must have, in hexadecimal; None takes the file as it is.
    """

    readers: ClassVar[tuple[str, ...]] = (".csv", ".npy", ".parquet")

    path: str
    columns: tuple[str | int, ...] = ()
    label_column: str = ""
    held_out_share: float = 0.2
    split_seed: int = 0
    replacement: bool = True
    checksum: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", str(self.path))
        if isinstance(self.columns, (str, int)):
            object.__setattr__(self, "columns", (self.columns,))
        object.__setattr__(self, "columns", tuple(self.columns))
        _check_split(self.held_out_share, self.split_seed, "array-file")
        if Path(self.path).suffix not in self.readers:
            raise SpecError(f"array-file.path: {self.path} is of no known kind; known: {', '.join(self.readers)}")
        if not self._shard.remote and not Path(self.path).exists():
            raise SpecError(f"array-file.path: {self.path}: no such file")
        found = checksum_of([self._shard])
        check_checksum(found, self.checksum, self.path)
        object.__setattr__(self, "checksum", found)

    @property
    def _shard(self) -> Shard:
        return Shard(self.path, Path(self.path).suffix)

    def _open(self) -> Rows:
        content = bytes_of(self._shard)
        check_checksum(checksum(content), self.checksum, self.path)
        try:
            kind = Path(self.path).suffix
            array, labels = table_files.parsed(content, kind, self.columns, self.label_column)
            return Rows(array, self.held_out_share, self.split_seed, self.replacement, labels)
        except SpecError as error:
            raise SpecError(f"{self.path}: {error}") from None
        except (OSError, ValueError, EOFError, MemoryError, SyntaxError, TokenError) as error:
            raise SpecError(f"{self.path}: unreadable ({(str(error).splitlines() or ['damaged'])[0]})") from None


@lru_cache(maxsize=8)
def _opened(source: _Stored) -> Rows:
    """Equal sources share what they have opened."""
    return source._open()


def _digits() -> tuple[bytes, str]:
    """The table of pictures that scikit-learn ships, and its checksum; the package is not imported."""
    spec = find_spec("sklearn")
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise SpecError('digits: scikit-learn ships them and is missing; pip install "genloss[sklearn]"')
    file = Path(folders[0], "datasets", "data", "digits.csv.gz")
    if not file.is_file():
        raise SpecError(f"digits: this version of scikit-learn does not ship them ({file.name} is missing)")
    content = b"".join(Shard(str(file), ".csv", ".gz").pieces())
    return content, checksum(content)


def _checked_rows(given: Any, where: str) -> Array:
    try:
        rows = np.asarray(given)
        if rows.dtype.kind not in "iub":
            rows = rows.astype(float)
    except (TypeError, ValueError):
        raise SpecError(
            f"{where}: {type(given).__name__} holds no rows of numbers; give an array (n,) or (n, d)"
        ) from None
    if rows.dtype.kind == "b":
        rows = rows.astype(np.int64)
    if rows.ndim not in (1, 2):
        raise SpecError(f"{where}: an array of shape {rows.shape}; give rows (n,) or (n, d)")
    if not rows.size:
        raise SpecError(f"{where}: no rows in an array of shape {rows.shape}; give at least one")
    if rows.dtype.kind == "f" and not np.isfinite(rows).all():
        bad = np.flatnonzero(~np.isfinite(rows.reshape(len(rows), -1)).all(1))
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise SpecError(f"{where}: NaN or infinite numbers in row {bad[0]}{more}; give finite ones")
    return _frozen(np.array(rows))


def _checked_labels(given: Any, rows: int) -> Array:
    labels = np.array(given)
    if labels.dtype.kind == "O" and all(isinstance(label, str) for label in labels.ravel()):
        labels = labels.astype(str)
    if labels.shape != (rows,) or labels.dtype.kind not in "iubU":
        raise SpecError(
            f"rows.labels: {labels.dtype} labels of shape {labels.shape} for {rows} rows; "
            "give one whole number or name per row"
        )
    return _frozen(labels)


def _check_split(share: float, seed: int, where: str) -> None:
    check_share(share, f"{where}.held_out_share", zero=True)
    whole_number(seed, f"{where}.split_seed")


def _frozen(array: Array) -> Array:
    array.flags.writeable = False
    return array
