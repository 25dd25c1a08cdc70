"""Scores of rows, checked, with the cluster and the group of each; and how well two sets are told apart."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.data import Array, Floats, Ints
from genloss.errors import SpecError


@dataclass(frozen=True, eq=False)
class Scores:
    """Checked scores.

    Attributes:
        values: One score a row: shape (n,). None is NaN.
        clusters: The cluster of each, a number from 0; None where every row is its own.
        groups: The group of each; None where there are none.
        group: The one group that all of them were chosen by, if they were.
    """

    values: Floats
    clusters: Ints | None = None
    groups: Array | None = None
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
        numbers = None if named is None else np.unique(named, return_inverse=True)[1].astype(np.int64)
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
        clusters = None if self.clusters is None else np.unique(self.clusters[mask], return_inverse=True)[1]
        groups = None if self.groups is None else self.groups[mask]
        return Scores(self.values[mask], clusters, groups, group)

    def of_group(self, label: Any) -> "Scores":
        """The rows of a group."""
        return self.at(self.groups == label, label)


def checked_scores(given: Any, where: str) -> Floats:
    """Refuse what is no scores, in one line.

    Raises:
        SpecError: Where it is empty, NaN, of the wrong shape or no numbers.
    """
    try:
        scores = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        raise SpecError(f"{where}: {type(given).__name__} holds no numbers; give one score a row") from None
    if scores.ndim != 1:
        raise SpecError(f"{where}: an array of shape {scores.shape}; give one score a row, shape (n,)")
    if not len(scores):
        raise SpecError(f"{where}: no scores; give at least one")
    bad = np.isnan(scores)
    if bad.any():
        raise SpecError(f"{where}: {int(bad.sum())} of {len(scores)} are NaN, the first at {int(np.argmax(bad))}; "
                        "leave these rows out")  # fmt: skip
    return scores


def labels(given: Any, rows: int, where: str) -> Array | None:
    """Check the labels of rows; None stays None.

    Raises:
        SpecError: Where there is not one for each row.
    """
    if given is None:
        return None
    found = np.asarray(given)
    if found.dtype.kind == "O":
        found = np.array([str(label) for label in found.ravel()]).reshape(found.shape)
    if found.shape != (rows,):
        raise SpecError(f"{where}: labels of shape {found.shape} for {rows} scores; give one label a score")
    if found.dtype.kind == "f" and np.isnan(found).any():
        raise SpecError(f"{where}: {int(np.isnan(found).sum())} labels are NaN; give one label a score")
    return found


def cluster_sums(values: Floats, clusters: Ints | None) -> Floats:
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
