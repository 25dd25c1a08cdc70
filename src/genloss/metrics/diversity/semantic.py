"""Diversity of meanings: what the embeddings of documents, pictures or rows show."""

import numpy as np
from numpy.typing import ArrayLike

from genloss.errors import SpecError
from genloss.metrics.estimate import Array, Estimate, Floats, estimate, resampled, table
from genloss.metrics.spread import shannon


def vendi(embeddings: ArrayLike, *, interval: bool = False) -> Estimate:
    """The Vendi score: the effective number of different items.

    Definition: exp of the entropy of the eigenvalues of K / n, with K the cosine similarities.
    Units: items. Range: from 1 to the smaller of n and d.
    Sample size: rises with n until n is well above the number of different items.
    Standard error: by resampling the items (200 times), which repeats some and so errs on the low side.
    Source: Friedman and Dieng 2023.

    Args:
        embeddings: One row per item: shape (n, d).
        interval: Whether an interval is wanted.
    """
    unit = _unit(embeddings, "vendi")
    return estimate(_vendi(unit), lambda: resampled(_vendi, unit), len(unit), interval, (1, np.inf))


def mean_cosine_distance(embeddings: ArrayLike, *, interval: bool = False) -> Estimate:
    """The mean cosine distance between two different items.

    Definition: 1 - cosine of the angle, averaged over all pairs of different items.
    Units: none. Range: from 0 to 2.
    Sample size: unbiased.
    Standard error: that of a U-statistic: 2 sqrt(Var of the items' own means / n).
    Source: Hoeffding 1948 for U-statistics; used as semantic diversity by Tevet and Berant 2021.
    """
    unit = _unit(embeddings, "mean_cosine_distance")
    n = len(unit)
    own = (unit @ unit.sum(0) - 1) / (n - 1)
    value = 1 - own.mean()
    return estimate(value, lambda: 2 * own.std(ddof=1) / np.sqrt(n), n, interval, (0, 2))


def _unit(embeddings: ArrayLike, name: str) -> Floats:
    rows = table(embeddings, name, 2)
    norms = np.sqrt((rows**2).sum(1, keepdims=True))
    if not norms.all():
        raise SpecError(f"metrics.{name}: {int((norms == 0).sum())} embeddings are zero; give ones with a direction")
    return np.asarray(rows / norms)


def _vendi(unit: Array) -> float:
    values = np.linalg.svd(unit / np.sqrt(len(unit)), compute_uv=False) ** 2
    return float(np.exp(shannon(values / values.sum())))
