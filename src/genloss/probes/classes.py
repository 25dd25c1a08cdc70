"""Classes of the truth: the labels of held-out rows, or the components of a mixture."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.chain.capabilities import held_out_of, symbols_of
from genloss.chain.data import Array, Floats
from genloss.chain.recursion import Generation
from genloss.probes import rows
from genloss.probes.naming import posteriors_of, refusal


@dataclass(frozen=True, slots=True)
class Classifier:
    """What tells the class of a row.

    Attributes:
        posteriors: The probability of each class given each row: shapes (m, d) to (m, K).
        names: The names of the classes.
        shares: Their true shares: shape (K,).
        rows: How many held-out rows the shares were counted on; None if they are known.
    """

    posteriors: Callable[[Floats], Floats]
    names: list[Any]
    shares: Floats
    rows: int | None


def labels_of(g: Generation, n: int) -> tuple[Array, list[Any]] | None:
    """The class of each of the first n held-out rows, as an index, and the names of all classes; None without any."""
    labels = getattr(g.source, "held_out_labels", None)
    if labels is None or not len(labels) or held_out_of(g.source) is None:
        return None
    names, index = np.unique(np.asarray(labels), return_inverse=True)
    return index[:n], names.tolist()


def members(g: Generation, n: int, probe: Any) -> tuple[Array, list[Any]]:
    """The class of each row of `rows.real`, as an index, and the names of all classes.

    Rows of a mixture belong to the component that most likely made them; rows without classes to one class "all".
    """
    found = labels_of(g, n)
    if found is not None:
        return found
    truth = rows.real(g, n, probe)
    posteriors = posteriors_of(g.source)
    if posteriors is None:
        return np.zeros(len(truth), dtype=int), ["all"]
    shares = posteriors(truth)
    return shares.argmax(-1), list(range(shares.shape[-1]))


def classifier(g: Generation, k: int, probe: Any) -> Classifier:
    """Find what tells the class of a row: a mixture's own formula, or the vote of the k nearest held-out rows.

    Raises:
        SpecError: If the truth has no classes.
    """
    if symbols_of(g.source) is not None:
        raise refusal(probe, "mixtures and labelled rows", g.source)
    exact = posteriors_of(g.source)
    if exact is not None:
        weights = np.asarray(g.source.weights, dtype=float)
        return Classifier(exact, list(range(len(weights))), weights / weights.sum(), None)
    found = labels_of(g, probe.real)
    if found is None:
        raise refusal(probe, "mixtures and labelled rows", g.source)
    index, names = found
    truth = rows.real(g, probe.real, probe)
    centre = truth.mean(0)
    near = min(k, len(truth))

    def votes(drawn: Floats) -> Floats:
        shares = np.empty((len(drawn), len(names)))
        drawn = rows.like(drawn, truth, probe, g) - centre
        for part, squares in rows.squared_distances(drawn, truth - centre):
            voters = index[np.argpartition(squares, near - 1, axis=1)[:, :near]]
            shares[part] = (voters[..., None] == np.arange(len(names))).mean(1)
        return shares

    return Classifier(votes, names, np.bincount(index, minlength=len(names)) / len(index), len(index))
