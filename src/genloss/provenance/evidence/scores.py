"""Scores of rows, checked, with the cluster and the group of each; and how well two sets are told apart."""

import math
from array import array
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genloss.chain.data import Array, Floats
from genloss.errors import SpecError


@dataclass(frozen=True, eq=False)
class Labels:
    """The label of each row: 4 bytes per row, and every distinct label once.

    Attributes:
        codes: The number of each row's label: shape (n,).
        names: Distinct labels, sorted: label i is `names[i]`.
    """

    codes: NDArray[np.int32]
    names: Array

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def known(self) -> list[Any]:
        """The distinct labels as plain values."""
        found: list[Any] = self.names.tolist()
        return found

    @property
    def held(self) -> list[Any]:
        """The distinct labels of these rows, sorted."""
        known = self.known
        return [known[i] for i in np.unique(self.codes)]

    def where(self, label: Hashable) -> Array:
        """Which rows have a label."""
        known = self.known
        found: Array = self.codes == (known.index(label) if label in known else -1)
        return found

    def at(self, mask: Array) -> "Labels":
        """Some of the rows."""
        return Labels(self.codes[mask], self.names)


class Interned:
    """Labels that come one after the other, as text: 4 bytes per row, and every distinct label once."""

    def __init__(self) -> None:
        self._codes = array("i")
        self._numbers: dict[str, int] = {}

    def add(self, found: Iterable[Any]) -> None:
        """Add the labels of more rows."""
        numbers = self._numbers
        self._codes.extend(numbers.setdefault(str(label), len(numbers)) for label in found)

    def labels(self) -> Labels:
        """The labels of all rows so far; none may be added after."""
        names = np.array(list(self._numbers), dtype=object)
        order = np.argsort(names, kind="stable")
        ranks = np.empty(len(names), np.int32)
        ranks[order] = np.arange(len(names), dtype=np.int32)
        codes = np.frombuffer(self._codes, np.int32) if self._codes else np.zeros(0, np.int32)
        return Labels(ranks[codes], names[order])


@dataclass(frozen=True, eq=False)
class Scores:
    """Checked scores.

    Attributes:
        values: One score per row: shape (n,). None is NaN.
        clusters: The cluster of each, a number from 0; None where every row is its own.
        groups: The group of each; None if there are none.
        group: The one group that all of them were chosen by, if they were.
    """

    values: Floats
    clusters: NDArray[np.int32] | None = None
    groups: Labels | None = None
    group: Any = None

    @classmethod
    def of(cls, values: Any, clusters: Any, groups: Any, where: str, prefix: str = "") -> "Scores":
        """Check scores and their labels.

        Args:
            values: The scores.
            clusters: The cluster of each, as any labels, or None.
            groups: The group of each, as any labels, or None.
            where: The function that was called, for messages.
            prefix: What the names of the arguments begin with, such as "human_".
        """
        checked = checked_scores(values, f"{where}.{prefix}scores")
        named = labels(clusters, len(checked), f"{where}.{prefix}clusters")
        numbers = None if named is None else named.codes
        return cls(checked, numbers, labels(groups, len(checked), f"{where}.{prefix}groups"))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return len(self.values) if self.clusters is None else int(self.clusters.max()) + 1

    @property
    def weights(self) -> Floats:
        """The weight of each row when every cluster counts alike; they add up to the number of clusters."""
        if self.clusters is None:
            return np.ones(len(self.values))
        return 1 / np.bincount(self.clusters)[self.clusters]

    def at(self, mask: Array, group: Any = None) -> "Scores":
        """Some of the rows."""
        clusters = None
        if self.clusters is not None:
            clusters = np.unique(self.clusters[mask], return_inverse=True)[1].astype(np.int32)
        groups = None if self.groups is None else self.groups.at(mask)
        return Scores(self.values[mask], clusters, groups, group)

    def of_group(self, label: Any) -> "Scores":
        """The rows of a group; none where no row is of it."""
        mask = np.zeros(len(self), np.bool_) if self.groups is None else self.groups.where(label)
        return self.at(mask, label)


def checked_scores(given: Any, where: str) -> Floats:
    """Refuse what is not a scores, in one line.

    Raises:
        SpecError: If it is empty, NaN, of the wrong shape or no numbers.
    """
    try:
        scores = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        raise SpecError(f"{where}: {type(given).__name__} holds no numbers; give one score per row") from None
    if scores.ndim != 1:
        raise SpecError(f"{where}: an array of shape {scores.shape}; give one score per row, shape (n,)")
    if not len(scores):
        raise SpecError(f"{where}: no scores; give at least one")
    bad = np.isnan(scores)
    if bad.any():
        raise SpecError(f"{where}: {int(bad.sum())} of {len(scores)} are NaN, the first at {int(np.argmax(bad))}; "
                        "leave these rows out")  # fmt: skip
    return scores


def labels(given: Any, rows: int, where: str) -> Labels | None:
    """Read the labels of rows; None stays None.

    Raises:
        SpecError: If there is not one for each row, or one is NaN or no time.
    """
    if given is None:
        return None
    if isinstance(given, Labels):
        if len(given) != rows:
            raise SpecError(_unequal(where, (len(given),), rows))
        return given
    found = np.asarray(given)
    if found.shape != (rows,):
        raise SpecError(_unequal(where, found.shape, rows))
    kind = found.dtype.kind
    missing = np.isnat(found) if kind in "mM" else np.isnan(found) if kind == "f" else np.zeros(rows, np.bool_)
    if kind == "O":
        missing = np.array([_is_missing(label) for label in found], dtype=np.bool_)
    if missing.any():
        name = "NaT" if kind in "mM" else "NaN"
        raise SpecError(
            f"{where}: {int(missing.sum())} labels are {name}, the first at {int(np.argmax(missing))}; "
            "give one label a score"
        )
    if kind == "O":
        interned = Interned()
        interned.add(found)
        return interned.labels()
    names, codes = np.unique(found, return_inverse=True)
    return Labels(codes.astype(np.int32), names)


def _unequal(where: str, shape: tuple[int, ...], rows: int) -> str:
    return f"{where}: labels of shape {shape} for {rows} scores; give one label a score"


def _is_missing(label: Any) -> bool:
    """Whether an object is NaN, NaT or NA, which equal nothing."""
    try:
        return bool(label != label)
    except (TypeError, ValueError):
        return True


def cluster_sums(values: Floats, clusters: Array | None) -> Floats:
    """The sum in each cluster."""
    return values if clusters is None else np.bincount(clusters, values).astype(float)


def auroc(human: Scores, synthetic: Scores) -> tuple[float, float]:
    """The chance that a synthetic score is above a human one (ties count half), and its standard error.

    DeLong et al. 1988 from ranks in O(n log n) (Sun and Xu 2014); with clusters, the sums of placements over clusters
    take the place of placements (Obuchowski 1997). A cluster with rows of both sets is taken for two.
    """
    from scipy.stats import rankdata

    m, n = len(human), len(synthetic)
    ranks = rankdata(np.concatenate([human.values, synthetic.values]))
    of_human = 1 - (ranks[:m] - rankdata(human.values)) / n
    of_synthetic = (ranks[m:] - rankdata(synthetic.values)) / m
    area = float(of_synthetic.mean())
    total = 0.0
    for placed, scores in ((of_human, human), (of_synthetic, synthetic)):
        sums = cluster_sums(placed - area, scores.clusters)
        total += float((sums**2).sum()) / len(placed) ** 2 * scores.count / max(scores.count - 1, 1)
    return area, math.sqrt(total)
