"""The two-point recursion where chance decides which rows of the pool are trained on: filters, subsamples, both."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.chain.curators import ImperfectFilter, KeepAll, Subsample, Then
from genloss.chain.data import Floats
from genloss.chain.regimes import FixedReal, FreshReal, PastModels, Replace, Window
from genloss.theory.laws import Sizes

_WIDEST = 100_000
_NEGLIGIBLE = 1e-6
Gain = Callable[[Any], Any]
Blind = KeepAll | Subsample | ImperfectFilter | Then
"""Curators that choose rows by chance; a `Then` only of such (its recursion says so)."""


class UnsupportedError(TypeError):
    """Raised where the conditions of the two-point recursion do not hold."""


@dataclass(frozen=True)
class RowChoice:
    """Which rows are trained on: each real or synthetic row with its own chance, then perhaps some of those left.

    Attributes:
        real: The chance that a real row is left.
        made: The chance that a synthetic row is left.
        then: Rows that are chosen from those, at random; None for all.
        again: Whether one may be chosen more than once.
    """

    real: float = 1.0
    made: float = 1.0
    then: int | None = None
    again: bool = False


def choice_of(curator: Any) -> RowChoice | None:
    """Say what a curator does in these terms; None for one that looks at the rows."""
    parts = curator.curators if isinstance(curator, Then) else (curator,)
    found = RowChoice()
    for part in parts:
        if isinstance(part, ImperfectFilter) and found.then is None:
            found = RowChoice(found.real * (1 - part.false_positive), found.made * (1 - part.true_positive))
        elif isinstance(part, Subsample) and found.then is None:
            found = RowChoice(found.real, found.made, part.n, part.replacement)
        elif not isinstance(part, KeepAll):
            return None
    return found


@dataclass(frozen=True)
class PairWeights:
    """How the weight 1/K of each of the K rows of a training set is shared out, on average over the choice.

    Attributes:
        real: Expected share of real rows.
        made: Expected share of synthetic rows.
        pairs: Expected weight of all pairs of different rows: both real, one of each (in both orders), both synthetic.
        gained: The same, times the gain of the fit to so many rows.
    """

    real: float
    made: float
    pairs: tuple[float, float, float]
    gained: tuple[float, float, float]


@functools.lru_cache(maxsize=1024)
def fixed_weights(real: float, made: float, choice: RowChoice, gain: Gain) -> PairWeights:
    """Compute the weights for a pool of so many real and so many synthetic rows."""

    def others(fewer_real: int, fewer_made: int) -> tuple[int, Floats]:
        one = _binomial(real - fewer_real, choice.real)
        other = _binomial(made - fewer_made, choice.made)
        return one[0] + other[0], np.convolve(one[1], other[1])

    return _weights((real * choice.real, made * choice.made), (real, made), others, choice, gain)


@functools.lru_cache(maxsize=1024)
def mixed_weights(rows: float, share: float, choice: RowChoice, gain: Gain) -> PairWeights:
    """Compute the weights for a pool of so many rows, each of which is real with the chance `share`."""
    left = share * choice.real + (1 - share) * choice.made

    def others(fewer_real: int, fewer_made: int) -> tuple[int, Floats]:
        return _binomial(rows - fewer_real - fewer_made, left)

    means = (rows * share * choice.real, rows * (1 - share) * choice.made)
    return _weights(means, (rows, rows), others, choice, gain, together=True)


def _weights(
    means: tuple[float, float],
    rows: tuple[float, float],
    others: Callable[[int, int], tuple[int, Floats]],
    choice: RowChoice,
    gain: Gain,
    together: bool = False,
) -> PairWeights:
    """Average over how many other rows are left beside one row, or beside a pair, that is left."""
    low, law = others(0, 0)
    least = 1 if np.all(np.isfinite(gain(np.ones(1)))) else 2
    if low < least and law[: least - low].sum() > _NEGLIGIBLE:
        raise UnsupportedError("the choice may leave too few rows")

    def single(fewer_real: int, fewer_made: int) -> float:
        low, law = others(fewer_real, fewer_made)
        return float(law @ (1 / (low + 1 + np.arange(len(law)))))

    def pair(fewer_real: int, fewer_made: int, factor: Gain | None) -> float:
        low, law = others(fewer_real, fewer_made)
        left = low + 2.0 + np.arange(len(law))
        fitted = left
        if choice.then is None:
            weight = 1 / left**2
        elif choice.again:
            fitted = np.full(len(left), float(choice.then))
            weight = (1 - 1 / fitted) / left**2
        else:
            fitted = np.minimum(left, choice.then)
            weight = (1 - 1 / fitted) / (left * (left - 1))
        return float(law @ (weight if factor is None else weight * factor(fitted)))

    real, made = means
    again = [1 - 1 / count if count > 0 else 0.0 for count in rows]
    counts = (real**2 * again[0], 2 * real * made * (again[0] if together else 1.0), made**2 * again[1])
    places = ((2, 0), (1, 1), (0, 2))

    def all_pairs(factor: Gain | None) -> tuple[float, float, float]:
        found = [
            count * pair(*place, factor) if count > 0 else 0.0 for count, place in zip(counts, places, strict=True)
        ]
        return found[0], found[1], found[2]

    shares = (real * single(1, 0) if real > 0 else 0.0, made * single(0, 1) if made > 0 else 0.0)
    return PairWeights(*shares, all_pairs(None), all_pairs(gain))


@functools.lru_cache(maxsize=4096)
def _binomial(rows: float, chance: float) -> tuple[int, Floats]:
    """Give the law of a binomial number from the smallest one that counts."""
    from scipy.special import gammaln, xlog1py, xlogy

    rows = max(rows, 0.0)
    if rows == 0 or chance in (0.0, 1.0):
        return round(rows * chance), np.ones(1)
    reach = 10 * np.sqrt(rows * chance * (1 - chance)) + 40
    low, high = int(max(0, np.floor(rows * chance - reach))), int(min(rows, np.ceil(rows * chance + reach)))
    if high - low > _WIDEST:
        raise UnsupportedError("too many numbers of rows are possible to be summed over")
    k = np.arange(low, high + 1)
    law = np.exp(
        gammaln(rows + 1) - gammaln(k + 1) - gammaln(rows - k + 1) + xlogy(k, chance) + xlog1py(rows - k, -chance)
    )
    return low, law / law.sum()


class Blocks:
    """The pool as blocks of rows that one model (or the truth) drew, with C of random rows of each two.

    Every C is kept as its distance from a base, as in `twopoint.py`. On the diagonal stands C of two
    different rows of the block.
    """

    def __init__(self, base: float, rows: float) -> None:
        self.base = base
        self.sizes = np.array([rows])
        self.real = np.array([True])
        self.pairs = np.array([[1.0 - base]])
        self.away = np.array([1.0 - base])

    def add(self, rows: float, own: float, near: Floats, truth: float) -> None:
        """Add a block drawn from a model: its spread, its C with each block, its C with the truth."""
        size = len(self.sizes)
        pairs = np.empty((size + 1, size + 1))
        pairs[:-1, :-1] = self.pairs
        pairs[-1, :-1] = pairs[:-1, -1] = near
        pairs[-1, -1] = own
        self.pairs = pairs
        self.sizes, self.real = np.append(self.sizes, rows), np.append(self.real, False)
        self.away = np.append(self.away, truth)

    def keep(self, which: Any) -> None:
        """Keep some blocks."""
        self.sizes, self.real, self.away = self.sizes[which], self.real[which], self.away[which]
        self.pairs = self.pairs[which][:, which]

    def merge(self) -> None:
        """Make one block of the last two, which are alike to whoever chooses."""
        total = self.sizes[-2:].sum()
        share = self.sizes[-2:] / total
        within = share * (self.sizes[-2:] - 1) / (total - 1)
        own = within @ np.diag(self.pairs)[-2:] + 2 * share[0] * self.sizes[-1] / (total - 1) * self.pairs[-2, -1]
        near, truth = share @ self.pairs[-2:, :-2], float(share @ self.away[-2:])
        self.keep(np.arange(len(self.sizes)) < len(self.sizes) - 2)
        self.add(total, own, near, truth)

    @property
    def kinds(self) -> tuple[float, float]:
        """Rows that are real, and rows that are not."""
        return float(self.sizes[self.real].sum()), float(self.sizes[~self.real].sum())

    def seen(self, weights: PairWeights) -> tuple[float, float, float, Floats]:
        """Compute, of a training set, C of two draws, what a gain adds, and C with the truth and with each block."""
        rows = self.kinds
        of = np.where(self.real, rows[0], rows[1])
        single = np.where(self.real, weights.real, weights.made) * self.sizes / of
        kind = 2 - self.real[:, None].astype(int) - self.real
        ordered = self.sizes[:, None] * (self.sizes - np.eye(len(of)))
        possible = of[:, None] * np.where(kind == 1, 2 * of, np.maximum(of - 1, 1))
        pairs = np.take(weights.pairs, kind) * ordered / possible
        gained = np.take(weights.gained, kind) * ordered / possible
        own = float((pairs * self.pairs).sum() - self.base * (1 - pairs.sum()))
        gain = float((gained * (self.base + self.pairs)).sum())
        rest = single / self.sizes
        near = self.pairs @ single - rest * (self.base + np.diag(self.pairs))
        return own, gain, float(single @ self.away), near


def follow(regime: Any, choice: RowChoice, n: Sizes, path: Any) -> Any:
    """Follow a chain over its generations.

    Args:
        regime: The regime.
        choice: Which rows are trained on.
        n: Rows drawn at each generation.
        path: The path to fill, of `genloss.theory.recursions.twopoint`.

    Raises:
        UnsupportedError: If the choice may leave too few rows, or too many numbers of rows are possible.
    """
    blocks = Blocks(path.base, float(n[0]))
    weights = fixed_weights(float(n[0]), 0.0, choice, path.gain)
    near = _fit(path, blocks, weights)
    if isinstance(regime, PastModels) or (isinstance(regime, FreshReal) and regime.ragged):
        return _anew(regime, choice, n, path)
    for t, rows in enumerate(n[1:].tolist(), 1):
        own, truth = path.own[-1], path.truth[-1]
        if isinstance(regime, FreshReal):
            real = float(round(rows * regime.real_fraction))
            blocks = Blocks(path.base, real)
            if rows > real:
                blocks.add(rows - real, own, np.array([truth]), truth)
            if real == 0:
                blocks.keep(~blocks.real)
        elif isinstance(regime, Replace):
            blocks.add(rows, own, near, truth)
            blocks.keep(np.arange(len(blocks.sizes)) == len(blocks.sizes) - 1)
        elif isinstance(regime, FixedReal):
            blocks.keep(blocks.real)
            blocks.sizes = np.array([float(regime.n_real)])
            if rows > regime.n_real:
                blocks.add(rows - regime.n_real, own, near[:1], truth)
        else:
            blocks.add(rows, own, near, truth)
            if isinstance(regime, Window):
                blocks.keep(np.arange(len(blocks.sizes)) >= len(blocks.sizes) - regime.k)
            elif t > 1:
                blocks.merge()
        near = _fit(path, blocks, fixed_weights(*blocks.kinds, choice, path.gain))
    return path


def _fit(path: Any, blocks: Blocks, weights: PairWeights) -> Floats:
    """Fit a model, and compute its C with a row of each block."""
    own, gain, truth, near = blocks.seen(weights)
    return np.asarray(near + path.gained(own, gain, truth))


def _anew(regime: PastModels | FreshReal, choice: RowChoice, n: Sizes, path: Any) -> Any:
    """Draw each row anew from the truth or a model: C of two synthetic rows is that of two draws of their mixture."""
    models, mixed, away = 1, path.own[0], path.truth[0]
    for rows in n[1:].tolist():
        if isinstance(regime, FreshReal):
            share = regime.real_fraction
        else:
            share = 1 / (models + 1) if regime.include_real else 0.0
        weights = mixed_weights(rows, share, choice, path.gain)
        values = np.array([path.one, away, mixed])
        pairs, gained = np.array(weights.pairs), np.array(weights.gained)
        own = float(pairs @ values - path.base * (1 - pairs.sum()))
        half = path.gained(own, float(gained @ (path.base + values)), weights.real * path.one + weights.made * away)
        if isinstance(regime, FreshReal):
            mixed, away = path.own[-1], path.truth[-1]
            continue
        # A draw of the mixture against one of the new model: against one of its rows, and half of the gain.
        cross = weights.real * away + weights.made * mixed + half
        mixed = (models**2 * mixed + 2 * models * cross + path.own[-1]) / (models + 1) ** 2
        away = (models * away + path.truth[-1]) / (models + 1)
        models += 1
    return path
