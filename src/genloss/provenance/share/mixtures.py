"""The share of a mixture, from histograms of its scores and of the references' scores.

Every method is a function of three histograms over the same cells: of the corpus, of human text and of synthetic text.
All take many histograms at once (the resamples of a bootstrap) as a leading axis.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from genloss.chain.data import Array, Floats, Ints

_LEAST_PRIOR = 0.02
_CELLS = 80
_STEPS = 32
_KNOTS = (-1.8, -0.9, 0.0, 0.9, 1.8)
_RIDGE = (1e-6, 0.05, 1.0, 1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Cells:
    """A division of the scores into cells, fine where any of the three sets has many scores.

    Attributes:
        edges: Where cells begin; the first cell lies below the first edge: shape (cells - 1,).
        value: The mean score in a cell of the corpus, of human and of synthetic text: shape (3, cells).
        basis: A natural cubic spline's functions of the cell's place in the equal mixture of both references, as a
            normal quantile; there they have variance 1 and no correlation: shape (cells, 5).
        cut: The first cell that an adjusted count flags: where the references differ most.
    """

    edges: Floats
    value: Floats
    basis: Floats
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
        return cls(edges, value, _spline(place, both), int(np.argmax(np.cumsum(mass[0]) - np.cumsum(mass[1]))) + 1)

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
    """ACC: the share that is flagged, corrected by the rates at which human and synthetic text is flagged.

    The cut is that of each resample's own references: its choice on the rows that give the rates is part of the error.
    """
    gap = np.cumsum(_density(human), 1) - np.cumsum(_density(synthetic), 1)
    flagged = np.arange(cells.count) > np.argmax(gap, 1)[:, None]
    return _solved(_mean(corpus, flagged), _mean(human, flagged), _mean(synthetic, flagged))


def moments(corpus: Floats, human: Floats, synthetic: Floats, cells: Cells) -> Floats:
    """(g - g0) / (g1 - g0): the mean score between those of human and of synthetic text."""
    return _solved(*(_mean(each, value) for each, value in zip((corpus, human, synthetic), cells.value, strict=True)))


def adjusted_probability(corpus: Floats, human: Floats, synthetic: Floats, cells: Cells) -> Floats:
    """PACC: the mean probability of being synthetic, corrected by its means over human and over synthetic text.

    Probabilities come from the references by logistic regression (`log_ratio`). A first share is found with both
    classes equally likely beforehand; then twice again with the share found before. At the true share the probability
    is, up to its scale, the derivative of the log likelihood, so that the estimate is as sharp as the likelihood's, and
    the correction keeps it right where the fitted ratio is not.
    """
    logit = log_ratio(human, synthetic, cells.basis)
    share = np.full(len(corpus), 0.5)
    for _ in range(3):
        prior = np.clip(share, _LEAST_PRIOR, 1 - _LEAST_PRIOR)[:, None]
        chance = _expit(logit + np.log(prior / (1 - prior)))
        found = _solved(_mean(corpus, chance), _mean(human, chance), _mean(synthetic, chance))
        share = np.where(np.isfinite(found), found, 0.5)
    return found


def likelihood(corpus: Floats, human: Floats, synthetic: Floats, cells: Cells) -> Floats:
    """The share of greatest likelihood in a mixture of both references (the fixed point of EM).

    The ratio of the densities comes from the references by logistic regression (`log_ratio`). The likelihood is concave
    in the share; where its maximum lies beyond 0 or 1 it is followed there, as far as the mixture stays positive, so
    that a bootstrap sees the whole spread.
    """
    excess = np.expm1(np.clip(log_ratio(human, synthetic, cells.basis), -30, 30))
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


def log_ratio(human: Floats, synthetic: Floats, basis: Floats) -> Floats:
    """The log of the ratio of densities, synthetic over human, as a natural cubic spline: shape (resamples, cells).

    Logistic regression with both classes of equal weight and a weak ridge, by Newton's method for all resamples. The
    ratio may turn several times (human text of two kinds, synthetic text between them) and goes on straight at the
    ends.
    """
    rows = human.sum(1) + synthetic.sum(1)
    zero = human / human.sum(1, keepdims=True) * (rows / 2)[:, None]
    one = synthetic / synthetic.sum(1, keepdims=True) * (rows / 2)[:, None]
    ridge = np.diag(_RIDGE)
    weight = np.zeros((len(human), len(_RIDGE)))
    if len(human) > 1:
        middle = _fitted(zero.mean(0, keepdims=True), one.mean(0, keepdims=True), basis, weight[:1], ridge, 30)
        weight = weight + middle
    weight = _fitted(zero, one, basis, weight, ridge, 30 if len(human) == 1 else 3)
    found: Floats = weight @ basis.T
    return found


def _spline(place: Floats, mass: Floats) -> Floats:
    """The functions of a natural cubic spline, straight beyond the outer knots, made orthonormal under a law."""
    last, before = _KNOTS[-1], _KNOTS[-2]

    def bent(knot: float) -> Floats:
        return np.asarray(np.maximum(place - knot, 0) ** 3)

    functions = [np.ones_like(place), place]
    for knot in _KNOTS[:-2]:
        share = (last - knot) / (last - before)
        functions.append(bent(knot) - share * bent(before) + (share - 1) * bent(last))
    found: list[Floats] = []
    for function in functions:
        size = float(np.sqrt(mass @ function**2))
        for other in found:
            function = function - (mass @ (function * other)) * other
        left = float(np.sqrt(mass @ function**2))
        # With few cells the last functions are sums of the others.
        found.append(function / left if left > 1e-6 * size else np.zeros_like(place))
    return np.stack(found, 1)


def _fitted(zero: Floats, one: Floats, powers: Floats, weight: Floats, ridge: Floats, steps: int) -> Floats:
    """Newton's steps towards the weights of greatest penalised likelihood."""
    size = powers.shape[1]
    products = (powers[:, :, None] * powers[:, None, :]).reshape(len(powers), -1)
    both = one + zero
    for _ in range(steps):
        chance = _expit(weight @ powers.T)
        expected = both * chance
        slope = (one - expected) @ powers - weight @ ridge
        curve = (expected * (1 - chance) @ products).reshape(-1, size, size) + ridge
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
