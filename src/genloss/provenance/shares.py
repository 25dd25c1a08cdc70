"""The share of a mixture, from histograms of its scores and of the references' scores.

Every method is a function of three histograms over the same cells: of the corpus, of human text and of synthetic text.
All take many histograms at once (the resamples of a bootstrap) as a leading axis.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from genloss.data import Array, Floats, Ints

_LEAST_PRIOR = 0.02
_CELLS = 80
_STEPS = 32


@dataclass(frozen=True, eq=False)
class Cells:
    """A division of the scores into cells, fine where any of the three sets has many scores.

    Attributes:
        edges: Where cells begin; the first cell lies below the first edge: shape (cells - 1,).
        value: The mean score in a cell of the corpus, of human and of synthetic text: shape (3, cells).
        place: The cell's place in the equal mixture of both references, as a normal quantile: shape (cells,).
        cut: The first cell that an adjusted count flags: where the references differ most.
    """

    edges: Floats
    value: Floats
    place: Floats
    cut: int

    @classmethod
    def of(cls, corpus: Floats, human: Floats, synthetic: Floats) -> "Cells":
        """Choose the cells by the quantiles of each set."""
        from scipy.special import ndtri

        sets = (corpus, human, synthetic)
        edges = np.unique(np.concatenate([_picked(np.sort(each)) for each in sets]))
        where = [np.searchsorted(edges, each, side="right") for each in sets]
        held = np.stack([np.bincount(each, minlength=len(edges) + 1) for each in where])
        finite = [np.where(np.isfinite(each), each, 0.0) for each in sets]
        total = np.stack([np.bincount(i, x, minlength=len(edges) + 1) for i, x in zip(where, finite, strict=True)])
        value = total / np.maximum(held, 1)
        mass = held[1:] / held[1:].sum(1, keepdims=True)
        both = mass.mean(0)
        least = 1 / (2 * (len(human) + len(synthetic)))
        place = ndtri(np.clip(np.cumsum(both) - both / 2, least, 1 - least))
        return cls(edges, value, place, int(np.argmax(np.cumsum(mass[0]) - np.cumsum(mass[1]))) + 1)

    def index(self, scores: Floats) -> Ints:
        """The cell of each score."""
        return np.searchsorted(self.edges, scores, side="right")

    def histogram(self, scores: Floats) -> Floats:
        """How many scores each cell holds: shape (1, cells)."""
        return np.bincount(self.index(scores), minlength=self.count).astype(float)[None]

    @property
    def count(self) -> int:
        """How many cells there are."""
        return len(self.edges) + 1


Method = Callable[[Floats, Floats, Floats, Cells], Floats]
"""Shares (resamples,) from histograms of the corpus, of human and of synthetic text: shape (resamples, cells) each."""


def adjusted_count(corpus: Floats, human: Floats, synthetic: Floats, cells: Cells) -> Floats:
    """ACC: the share that is flagged, corrected by the rates at which human and synthetic text is flagged."""
    flagged = np.arange(cells.count) >= cells.cut
    return _solved(_mean(corpus, flagged), _mean(human, flagged), _mean(synthetic, flagged))


def moments(corpus: Floats, human: Floats, synthetic: Floats, cells: Cells) -> Floats:
    """(g - g0) / (g1 - g0): the mean score between those of human and of synthetic text."""
    return _solved(*(_mean(each, value) for each, value in zip((corpus, human, synthetic), cells.value, strict=True)))


def adjusted_probability(corpus: Floats, human: Floats, synthetic: Floats, cells: Cells) -> Floats:
    """PACC: the mean probability of being synthetic, corrected by its means over human and over synthetic text.

    Probabilities come from the references by a logistic curve. A first share is found with both classes equally likely
    beforehand; then twice again with the share found before. At the true share the probability is, up to its scale,
    the derivative of the log likelihood, so that the estimate is as sharp as the likelihood's, and the correction keeps
    it right where the curve is not.
    """
    logit = log_ratio(human, synthetic, cells.place)
    share = np.full(len(corpus), 0.5)
    for _ in range(3):
        prior = np.clip(share, _LEAST_PRIOR, 1 - _LEAST_PRIOR)[:, None]
        chance = _expit(logit + np.log(prior / (1 - prior)))
        found = _solved(_mean(corpus, chance), _mean(human, chance), _mean(synthetic, chance))
        share = np.where(np.isfinite(found), found, 0.5)
    return found


def likelihood(corpus: Floats, human: Floats, synthetic: Floats, cells: Cells) -> Floats:
    """The share of greatest likelihood in a mixture of both references (the fixed point of EM).

    The ratio of the densities comes from the references by a logistic curve. The likelihood is concave in the share;
    where its maximum lies beyond 0 or 1 it is followed there, as far as the mixture stays positive, so that a bootstrap
    sees the whole spread.
    """
    excess = np.expm1(np.clip(log_ratio(human, synthetic, cells.place), -30, 30))
    low = np.maximum(-1 / np.maximum(excess.max(1), 1e-12) * (1 - 1e-9), -1.0)
    high = np.minimum(-1 / np.minimum(excess.min(1), -1e-12) * (1 - 1e-9), 2.0)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        rising = (corpus * excess / (1 + middle[:, None] * excess)).sum(1) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    found: Floats = (low + high) / 2
    return found


METHODS: dict[str, Method] = {
    "acc": adjusted_count,
    "likelihood": likelihood,
    "moments": moments,
    "pacc": adjusted_probability,
}


def log_ratio(human: Floats, synthetic: Floats, place: Floats) -> Floats:
    """The log of the ratio of densities, synthetic over human, as a cubic of the place: shape (resamples, cells).

    Logistic regression with both classes of equal weight and a weak ridge, by Newton's method for all resamples.
    """
    powers = np.stack([np.ones_like(place), place, place**2 - 1, place**3 - 3 * place], 1)
    rows = human.sum(1) + synthetic.sum(1)
    zero = human / human.sum(1, keepdims=True) * (rows / 2)[:, None]
    one = synthetic / synthetic.sum(1, keepdims=True) * (rows / 2)[:, None]
    ridge = np.diag([1e-6, 0.05, 100.0, 100.0])
    weight = np.zeros((len(human), 4))
    if len(human) > 1:
        middle = _fitted(zero.mean(0, keepdims=True), one.mean(0, keepdims=True), powers, weight[:1], ridge, 30)
        weight = weight + middle
    weight = _fitted(zero, one, powers, weight, ridge, 30 if len(human) == 1 else 3)
    found: Floats = weight @ powers.T
    return found


def _fitted(zero: Floats, one: Floats, powers: Floats, weight: Floats, ridge: Floats, steps: int) -> Floats:
    """Newton's steps towards the weights of greatest penalised likelihood."""
    for _ in range(steps):
        chance = _expit(weight @ powers.T)
        slope = (one - (one + zero) * chance) @ powers - weight @ ridge
        curve = ((one + zero) * chance * (1 - chance))[:, None, :] * powers.T @ powers + ridge
        step = np.linalg.solve(curve, slope[..., None])[..., 0]
        weight = weight + step * np.minimum(1, 4 / np.maximum(np.abs(step).max(1, keepdims=True), 1e-12))
        if np.abs(step).max() < 1e-6:
            break
    return weight


def misfit(corpus: Floats, human: Floats, synthetic: Floats, share: Floats) -> Floats:
    """The distribution of the corpus less that of the mixture of references with a share: shape (resamples, cells)."""
    mixture = (1 - share)[:, None] * _density(human) + share[:, None] * _density(synthetic)
    return np.cumsum(_density(corpus) - mixture, 1)


def _picked(ordered: Floats) -> Floats:
    """So many order statistics that cells are fine, and no interpolation (scores may be infinite)."""
    at = np.unique(np.linspace(0, len(ordered) - 1, min(len(ordered), _CELLS)).astype(int))
    found: Floats = ordered[at]
    return found


def _mean(histogram: Floats, value: Array) -> Floats:
    found: Floats = (histogram * value).sum(-1) / histogram.sum(-1)
    return found


def _density(histogram: Floats) -> Floats:
    found: Floats = histogram / histogram.sum(1, keepdims=True)
    return found


def _solved(mean: Floats, zero: Floats, one: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = (mean - zero) / (one - zero)
    return found


def _expit(logit: Floats) -> Floats:
    found: Floats = 0.5 * (1 + np.tanh(logit / 2))
    return found
