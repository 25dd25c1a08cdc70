"""Concepts: which classes are still made, whether they are kept apart, and how good rows look."""

import numpy as np
from numpy.typing import ArrayLike

from genloss.errors import SpecError
from genloss.metrics.estimate import Array, Estimate, Floats, estimate, share_error, table
from genloss.metrics.geometry import squared_distances, squared_radii


def precision(real: ArrayLike, rows: ArrayLike, k: int = 5, *, interval: bool = False) -> Estimate:
    """The share of generated rows that look real.

    Definition: share of generated rows within the distance of some real row to its k-th nearest other real row.
    Units: none. Range: from 0 to 1.
    Sample size: rises with the number of real rows; below 1 for equal laws.
    Standard error: that of a share of the generated rows (Agresti and Coull 1998).
    Source: Kynkaanniemi et al. 2019.

    Args:
        real: Real rows: shape (n,) or (n, d).
        rows: Generated rows: shape (m,) or (m, d).
        k: Which nearest real row sets the distance.
        interval: Whether an interval is wanted.
    """
    truth = table(real, "precision", 2)
    made = table(rows, "precision", 1, truth.shape[1])
    value = near(truth, made, k).mean()
    return estimate(value, lambda: share_error(value, len(made)), len(made), interval, (0, 1))


def mode_occupancy(labels: ArrayLike, classes: int, *, interval: bool = False) -> Estimate:
    """The share of rows in each class.

    Definition: number of rows with a label over the number of rows; one value per class.
    Units: none. Range: from 0 to 1.
    Sample size: unbiased.
    Standard error: that of a share of the rows (Agresti and Coull 1998).
    Source: mode counts as in Srivastava et al. 2017 (VEEGAN).

    Args:
        labels: The class of each row, from 0.
        classes: How many classes there are.
        interval: Whether an interval is wanted.
    """
    known = np.asarray(labels)
    if known.ndim != 1 or known.dtype.kind not in "iu" or not len(known) or known.min() < 0 or known.max() >= classes:
        raise SpecError(f"metrics.mode_occupancy: labels must be whole numbers from 0 to {classes - 1}, one per row")
    value = np.bincount(known, minlength=classes) / len(known)
    return estimate(value, lambda: share_error(value, len(known)), len(known), interval, (0, 1))


def confusion(posteriors: ArrayLike, *, interval: bool = False) -> Estimate:
    """How often the class of a row would be guessed wrong by one who knows the truth.

    Definition: mean over rows of 1 - max P(class | row).
    Units: none. Range: from 0 to 1 - 1 / classes.
    Sample size: unbiased for posteriors that are known.
    Standard error: standard deviation over sqrt(n).
    Source: the error of the Bayes rule, Fukunaga 1990.

    Args:
        posteriors: The probability of each class given each row: shape (n, classes).
        interval: Whether an interval is wanted.
    """
    known = table(posteriors, "confusion")
    wrong = 1 - known.max(1)
    return estimate(wrong.mean(), lambda: _mean_error(wrong), len(wrong), interval, (0, 1))


def mean_score(scores: ArrayLike, *, interval: bool = False) -> Estimate:
    """The mean of a score over rows.

    Definition: sum of the scores over n.
    Units: those of the score. Range: that of the score.
    Sample size: unbiased.
    Standard error: standard deviation over sqrt(n).
    Source: a quality average; it may rise while tails go.
    """
    known = table(scores, "mean_score")[:, 0]
    return estimate(known.mean(), lambda: _mean_error(known), len(known), interval)


def near(real: Floats, rows: Floats, k: int) -> Array:
    """Whether each generated row lies within the ball of some real row: shape (m,)."""
    centre = real.mean(0)
    radii = squared_radii(real - centre, k)
    inside = [(squares <= radii).any(1) for _, squares in squared_distances(rows - centre, real - centre)]
    return np.concatenate(inside)


def _mean_error(values: Floats) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("inf")
