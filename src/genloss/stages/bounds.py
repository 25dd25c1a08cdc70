"""Confidence bounds for the loss of a probe, held for all generations and labels at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from genloss.chain.data import Array, Floats
from genloss.stages.scales import Scale

_CHUNK = 2**16
"""Numbers worked on at once: what fits in a core's cache."""
_USUAL = 0.05
"""The level at which the generation after the onset must show the loss by itself."""


@dataclass(frozen=True, eq=False)
class ReplicateMoments:
    """Sums over replicates, one row per generation and one column per label.

    Attributes:
        n: Replicates.
        mean: Their mean.
        m2: The sum of squares about it.
        cross: The sum of products with the same replicate's generation 0, about the means.
    """

    n: int
    mean: Floats
    m2: Floats
    cross: Floats

    def after(self) -> "ReplicateMoments":
        """Leave generation 0 out."""
        return ReplicateMoments(self.n, self.mean[1:], self.m2[1:], self.cross[1:])


def moments(values: Array, turn: Any) -> ReplicateMoments:
    """Sum over replicates in one pass.

    Args:
        values: Shape (replicates, generations, labels).
        turn: What makes goodness of values, entry by entry.
    """
    replicates, rest = values.shape[0], values.shape[1:]
    step = max(1, _CHUNK // max(1, int(np.prod(rest))))
    total, squares, products = np.zeros(rest), np.zeros(rest), np.zeros(rest)
    with np.errstate(all="ignore"):
        shift = turn(np.array(values[:step], dtype=float)).mean(0)
        for begin in range(0, replicates, step):
            z = turn(np.array(values[begin : begin + step], dtype=float))
            z = z - shift
            total += z.sum(0)
            squares += np.einsum("rtl,rtl->tl", z, z)
            products += np.einsum("rtl,rl->tl", z, z[:, 0])
        off = total / replicates
        m2 = np.maximum(squares - replicates * off**2, 0)
        return ReplicateMoments(replicates, shift + off, m2, products - replicates * off * off[0])


@dataclass(frozen=True, eq=False)
class Reference:
    """What a chain is compared with; arrays have one row per generation (or one for all) and one column per label.

    Attributes:
        kind: "pool": draws that share nothing with the chain; "paired": generation 0 of the same replicates.
        n: How many draws.
        mean: Their mean.
        var: Their variance.
        cov: For "paired", the covariance with the chain's generations.
    """

    kind: Literal["pool", "paired"]
    n: Floats
    mean: Floats
    var: Floats
    cov: Floats


def first(chain: ReplicateMoments) -> Reference:
    """Generation 0 of the chain's own replicates, as if they shared nothing with the later ones."""
    one = ReplicateMoments(chain.n, chain.mean[:1], chain.m2[:1], chain.cross[:1])
    return matched(one)


def paired(chain: ReplicateMoments) -> Reference:
    """Generation 0 of the same replicates."""
    below = max(chain.n - 1, 1)
    start = slice(0, 1)
    unknown = np.nan if chain.n < 2 else 0.0
    return Reference(
        "paired",
        np.full(chain.mean[start].shape, float(chain.n)),
        chain.mean[start],
        chain.m2[start] / below + unknown,
        chain.cross[1:] / below,
    )


def pooled(parts: Sequence[ReplicateMoments], without: int | None = None) -> Reference:
    """All draws of the parts together.

    Args:
        parts: What is pooled: rows are generations, or one row of new draws.
        without: For each row of this part, give the pool that leaves that row out.
    """
    mean = np.concatenate([part.mean for part in parts])
    m2 = np.concatenate([part.m2 for part in parts])
    n = np.concatenate([np.full(part.mean.shape, float(part.n)) for part in parts])
    known = np.isfinite(mean) & np.isfinite(m2)
    mean, m2, n = np.where(known, mean, 0), np.where(known, m2, 0), np.where(known, n, 0)
    with np.errstate(all="ignore"):
        total = n.sum(0, keepdims=True)
        grand = (n * mean).sum(0, keepdims=True) / total
        off = np.where(known, mean - grand, 0)
        spread = (m2 + n * off**2).sum(0, keepdims=True)
        if without is not None:
            begin = sum(len(part.mean) for part in parts[:without])
            own = slice(begin, begin + len(parts[without].mean))
            left = total - n[own]
            spread = np.maximum(spread - m2[own] - n[own] * total / left * off[own] ** 2, 0)
            grand = grand - n[own] / left * off[own]
            total = left
        return Reference("pool", total, grand, np.where(total > 1, spread / (total - 1), np.nan), np.zeros(1))


def matched(control: ReplicateMoments) -> Reference:
    """The control at the same generation, where its generations do not share one law."""
    n = np.full(control.mean.shape, float(control.n))
    var = control.m2 / (control.n - 1) if control.n > 1 else np.full(control.m2.shape, np.nan)
    return Reference("pool", n, control.mean, var, np.zeros(1))


@dataclass(frozen=True, eq=False)
class Bounds:
    """The loss at every generation after 0 (rows) for every label (columns).

    Attributes:
        loss: The estimate: 0 nothing lost, 1 everything.
        low: The lower bound.
        high: The upper bound.
        shown: Whether the loss shows by itself, at the usual 5%; also where it is unknown.
    """

    loss: Floats
    low: Floats
    high: Floats
    shown: Array

    def beyond(self, margin: float) -> Array:
        """Where a loss beyond the margin is sure, and the next generation (for the last, the one before) shows it too.

        What comes and goes within one generation is an accident of one training, not collapse.
        """
        sure = self.low > margin
        if len(sure) > 1:
            sure &= np.concatenate([self.shown[1:], self.shown[-2:-1]])
        return sure


def bounds(
    scale: Scale,
    chain: tuple[ReplicateMoments, ReplicateMoments | None],
    reference: tuple[Reference, Reference | None],
    level: float,
    noise: Array,
    population: bool,
) -> Bounds:
    """Bound the loss, each bound at the given level.

    The lower bound is drawn back to 0 if the second scale shows no loss.

    Args:
        scale: The probe's scales.
        chain: The chain's moments on the main and on the second scale, generation 0 left out.
        reference: What it is compared with, on the main and on the second scale.
        level: The chance that one bound fails.
        noise: The standard error of the probe that more replicates do not lessen, one number per label.
        population: Whether the bounds speak of all chains that could have run, so that the scatter between the
            replicates counts; else of the replicates at hand, so that the scatter of the reference counts.
    """
    one, against = chain[0], reference[0]
    with np.errstate(all="ignore"):
        b, v_b, a, v_a, cov, df = _compared(one, against, scale.floor(against.mean), population)
        v_b = v_b + (noise / scale.value(a) if scale.log else noise) ** 2
        error = np.sqrt(v_b + v_a - 2 * cov)
        shown = ~(b + _quantile(df, _USUAL) * error >= a)
        if scale.log:
            reach = _quantile(df, level) * error
            loss, low, high = 1 - np.exp(b - a), 1 - np.exp(b - a + reach), 1 - np.exp(b - a - reach)
        else:
            loss, low, high = _ratio(a, v_a, b, v_b, cov, _quantile(df, level))
        if chain[1] is not None and reference[1] is not None:
            second = reference[1]
            floor = scale.gate_floor(against.mean, second.mean)
            b, v_b, a, v_a, cov, df = _compared(chain[1], second, floor, population)
            seen = b + _quantile(df, level) * np.sqrt(v_b + v_a - 2 * cov) < a
            low = np.where(seen, low, np.minimum(low, 0))
        return Bounds(loss, low, high, shown)


def _compared(chain: ReplicateMoments, reference: Reference, floor: Array, population: bool) -> tuple[Array, ...]:
    """Means, squared standard errors, covariance of the means and degrees of freedom of one comparison."""
    n, r = reference.n, chain.n
    own = chain.m2 / max(r - 1, 1)
    if reference.kind == "paired":
        extra = floor**2
        shape = np.broadcast(chain.mean, reference.mean).shape
        df = np.full(shape, float(r - 1)) if r > 1 else np.full(shape, np.nan)
        return chain.mean, (own + extra) / r, reference.mean, (reference.var + extra) / r, reference.cov / r, df
    known = np.maximum(reference.var, floor**2)
    v_a = known / n
    unknown = np.where(np.isfinite(chain.m2), 0, np.nan)
    if not population or r < 2:
        return chain.mean, known / r + unknown, reference.mean, v_a, np.zeros(1), n - 1 + 0 * (v_a + unknown)
    v_b = np.maximum(own, known) / r
    # where the chain scatters no more than its reference, the reference's scatter is the yardstick, with its freedom
    welch = (v_b + v_a) ** 2 / (v_b**2 / (r - 1) + v_a**2 / (n - 1))
    df = np.where(own > known, np.minimum(welch, n + r - 2), n - 1)
    return chain.mean, v_b + unknown, reference.mean, v_a, np.zeros(1), df


def _ratio(a: Array, v_a: Array, b: Array, v_b: Array, cov: Array, t: Array) -> tuple[Array, ...]:
    """Bounds for the loss |a - b| / |a| of two means, by Fieller's theorem; none where a could be 0."""
    q = b / a
    g = t**2 * v_a / a**2
    tilt = np.where(v_a > 0, cov / v_a, 0)
    under = v_b - 2 * q * cov + q**2 * v_a - g * (v_b - tilt * cov)
    reach = t / np.abs(a) * np.sqrt(np.maximum(under, 0))
    least, most = (q - g * tilt - reach) / (1 - g), (q - g * tilt + reach) / (1 - g)
    bounded = g < 1
    least, most = np.where(bounded, least, -np.inf), np.where(bounded, most, np.inf)
    missing = np.isnan(q) | np.isnan(t) | np.isnan(v_b)
    least, most = np.where(missing, np.nan, least), np.where(missing, np.nan, most)
    if np.all(a > 0):
        return 1 - q, 1 - most, 1 - least
    up = a > 0
    return np.where(up, 1 - q, q - 1), np.where(up, 1 - most, least - 1), np.where(up, 1 - least, most - 1)


def _quantile(df: Array, level: float) -> Array:
    """The upper quantile of Student's t."""
    from scipy.special import stdtrit

    different, where = np.unique(df, return_inverse=True)
    found: Array = -stdtrit(different, level)
    return found[where].reshape(df.shape)
