"""Tails by presence: what of the truth a model still produces at all."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from genloss.chain.capabilities import held_out_of, normal_of, quantile_of, symbols_of, width_of
from genloss.chain.data import Array, Batch, Floats
from genloss.chain.meta import ProbeRole
from genloss.chain.recursion import Generation
from genloss.errors import SpecError
from genloss.metrics.estimate import aligned
from genloss.metrics.tails import kept_share, lost
from genloss.probes import rows
from genloss.probes.classes import classifier, labels_of, members
from genloss.probes.naming import posteriors_of, refusal


@dataclass(frozen=True, slots=True)
class _Cells:
    """The truth cut into cells.

    Attributes:
        mass: The true share of each cell: shape (k,).
        kept: Whether (or with what probability) the model produces it: shape (k,) or (replicates, k).
        rows: How many held-out rows the shares were counted on; None if they are known.
    """

    mass: Floats
    kept: Array
    rows: int | None = None


@dataclass(frozen=True)
class LostMass:
    """The true probability of what the model no longer produces, from 0 to 1.

    For symbols it is exact: the sum of true probabilities over the symbols that the model draws with probability 0. For
    other rows the truth is cut into cells and a cell is lost if none of `rows` generated rows falls into it: values for
    whole numbers, classes for labelled rows (a row belongs to the class of the nearest held-out row), components for
    mixtures of vectors, else, for plain
    numbers, `bins` cells of equal true mass (for a normal model the expectation over the rows, in closed form).

    Attributes:
        rows: Rows drawn from a model without closed form; more rows find rarer cells.
        real: The most held-out rows to cut into cells.
        bins: Cells of equal true mass for plain numbers.
    """

    role: ClassVar[ProbeRole] = "tails"
    better: ClassVar[str] = "lower"
    scale: ClassVar[str] = "linear"
    vectorized: ClassVar[bool] = True

    rows: int = 1000
    real: int = 10_000
    bins: int = 100

    def __post_init__(self) -> None:
        _check(self)

    def __call__(self, g: Generation, rng: Generator) -> Any:
        """Measure a generation: a number, or one number per replicate."""
        cells = _cells(g, rng, self)
        return lost(cells.mass, cells.kept)


@dataclass(frozen=True)
class Support:
    """The share of the truth's support that the model still produces, each symbol counting alike, from 0 to 1.

    Times the number k of true symbols it is their count. Other rows are cut into cells as in `LostMass`.

    Attributes:
        rows: Rows drawn from a model without closed form; more rows find rarer cells.
        real: The most held-out rows to cut into cells.
        bins: Cells of equal true mass for plain numbers.
    """

    role: ClassVar[ProbeRole] = "tails"
    better: ClassVar[str] = "higher"
    scale: ClassVar[str] = "linear"
    vectorized: ClassVar[bool] = True

    rows: int = 1000
    real: int = 10_000
    bins: int = 100

    def __post_init__(self) -> None:
        _check(self)

    def __call__(self, g: Generation, rng: Generator) -> Any:
        """Measure a generation: a number, or one number per replicate."""
        cells = _cells(g, rng, self)
        return kept_share(cells.mass, cells.kept)


@dataclass(frozen=True)
class Recall:
    """The share of the truth that the model still reaches, class by class or by band of frequency; a vector probe.

    - Symbols and whole numbers: bands of true frequency, cut at the cumulative true mass `bands` from the most frequent
      on; a band's recall is the share of its true mass on symbols that the model draws with positive probability (that
      occur among the drawn rows, for a model without probabilities). A band without symbols is NaN.
    - Labelled rows, and mixtures (each row labelled by the component that most likely made it): for each class the
      share of its held-out rows that have a generated row within the distance to their k-th nearest held-out row of
      the same class. Balls around the real rows make it the coverage of Naeem et al. (2020), the form of the improved
      recall of Kynkaanniemi et al. (2019) that outliers among generated rows cannot inflate.
    - Other rows: the same with all rows as one class "all".

    `attrs["noise"]` holds, label by label, the standard error of this recall due to the finite held-out set, 0 where
    the truth is known. A run keeps that of generation 0 of its first replicate.

    Attributes:
        rows: Rows drawn from a model without closed form.
        real: The most held-out rows to use.
        k: Which nearest neighbour sets the distance.
        bands: Where bands of frequency are cut: rising shares of the true mass.
    """

    role: ClassVar[ProbeRole] = "tails"
    better: ClassVar[str] = "higher"
    scale: ClassVar[str] = "linear"
    vectorized: ClassVar[bool] = True

    rows: int = 1000
    real: int = 2000
    k: int = 5
    bands: tuple[float, ...] = (0.5, 0.9, 0.99)

    def __post_init__(self) -> None:
        _check(self)
        rows.whole(self.k, 1, self, "k")
        object.__setattr__(self, "bands", tuple(self.bands))
        if not all(low < high for low, high in pairwise((0, *self.bands, 1))):
            raise SpecError(f"probe recall.bands: {self.bands}; give rising shares above 0 and below 1")

    def one_by_one(self, g: Generation) -> bool:
        """Whether replicates are better measured one by one: all pairs of rows are compared."""
        return symbols_of(g.source) is None

    def __call__(self, g: Generation, rng: Generator) -> Any:
        """Measure a generation: labels along `band` or `class`."""
        if symbols_of(g.source) is not None or _discrete(g, self):
            return self._by_band(_cells(g, rng, self), g)
        index, names = members(g, self.real, self)
        truth = rows.real(g, self.real, self)
        centre = truth.mean(0)
        truth = truth - centre
        groups = [np.flatnonzero(index == j) for j in range(len(names))]
        radii = np.zeros(len(truth))
        for chosen in groups:
            radii[chosen] = rows.squared_radii(truth[chosen], self.k)

        def reached(one: Generation) -> Array:
            drawn = rows.generated(one, self.rows, rng, self) - centre
            near = np.concatenate([squares.min(1) for _, squares in rows.squared_distances(truth, drawn)]) <= radii
            return np.array([near[chosen].mean() if len(chosen) > 1 else np.nan for chosen in groups])

        recall = rows.one_by_one(g, reached)
        first = np.nan_to_num(recall if recall.ndim == 1 else recall[0])
        noise = rows.share_error(first, [len(chosen) for chosen in groups])
        return rows.labelled(recall, "class", names, g, noise=noise.tolist())

    def _by_band(self, cells: _Cells, g: Generation) -> Any:
        order = np.argsort(-cells.mass, kind="stable")
        mass = cells.mass[order]
        band = np.searchsorted(self.bands, np.cumsum(mass) - mass / 2, side="right")
        member = np.equal.outer(band, np.arange(len(self.bands) + 1)) & (mass > 0)[:, None]
        weight = mass[:, None] * member
        total = weight.sum(0)
        recall = np.where(
            total > 0, (cells.kept[..., order, None] * weight).sum(-2) / np.where(total > 0, total, 1), np.nan
        )
        noise = np.zeros(len(total))
        if cells.rows is not None:
            first = np.nan_to_num(recall if recall.ndim == 1 else recall[0])
            noise = rows.share_error(first, total * cells.rows)
        return rows.labelled(recall, "band", share_bands(self.bands), g, noise=noise.tolist())


def share_bands(bands: tuple[float, ...]) -> list[str]:
    """Name bands of frequency by the share of the true mass at which they begin and end."""
    cuts = [f"{100 * cut:g}" for cut in bands]
    if not cuts:
        return ["all"]
    middle = [f"{low}-{high}%" for low, high in pairwise(cuts)]
    return [f"top {cuts[0]}%", *middle, f"rarest {100 - 100 * bands[-1]:g}%"]


def _cells(g: Generation, rng: Generator, probe: Any) -> _Cells:
    """Cut the truth into cells and see which of them the model produces."""
    p, q = symbols_of(g.source), symbols_of(g.model)
    if p is not None and q is not None:
        p, q = aligned(p, q)
        return _Cells(p, q > 0)
    if p is not None or q is not None or _discrete(g, probe):
        return _of_values(g, rng, probe, p, q)
    if labels_of(g, 1) is not None or (posteriors_of(g.source) is not None and width_of(g.source) > 1):
        return _of_classes(g, rng, probe)
    return _of_bins(g, rng, probe)


def _discrete(g: Generation, probe: Any) -> bool:
    """Whether the truth consists of whole numbers that stand for themselves."""
    data = rows.real_data(g, 2, probe)
    return isinstance(data, np.ndarray) and data.ndim == 1 and data.dtype.kind in "iub"


def _of_values(g: Generation, rng: Generator, probe: Any, p: Array | None, q: Array | None) -> _Cells:
    count = None
    if p is None:
        truth = np.asarray(rows.real_data(g, probe.real, probe))
        values, counts = np.unique(truth, return_counts=True)
        mass, count = counts / counts.sum(), len(truth)
    else:
        mass, values = p, np.arange(len(p))
    if q is not None:
        inside = (values >= 0) & (values < q.shape[-1])
        return _Cells(mass, (q[..., np.where(inside, values, 0).astype(int)] > 0) & inside, count)

    def hit(one: Generation) -> Array:
        drawn = one.sample(probe.rows, rng)
        drawn = np.asarray(drawn.rows if isinstance(drawn, Batch) else drawn)
        if drawn.ndim == 1:
            return np.isin(values, drawn)
        return np.stack([np.isin(values, row) for row in drawn])

    return _Cells(mass, rows.at_once(g, probe.rows, hit), count)


def _of_classes(g: Generation, rng: Generator, probe: Any) -> _Cells:
    known = classifier(g, 1, probe)

    def hit(one: Generation) -> Array:
        best = known.posteriors(rows.generated(one, probe.rows, rng, probe)).argmax(-1)
        return np.bincount(best, minlength=len(known.names)) > 0

    return _Cells(known.shares, rows.one_by_one(g, hit), known.rows)


def _of_bins(g: Generation, rng: Generator, probe: Any) -> _Cells:
    cuts = np.arange(1, probe.bins) / probe.bins
    quantile = quantile_of(g.source)
    mass = np.full(probe.bins, 1 / probe.bins)
    count = None
    if quantile is not None and held_out_of(g.source) is None:
        edges = np.asarray(quantile(cuts))
    else:
        truth = rows.real(g, probe.real, probe)
        if truth.shape[-1] > 1:
            raise refusal(probe, "symbols, labelled rows or one-dimensional rows (Recall measures vectors)", g.model)
        edges, count = np.quantile(truth[:, 0], cuts), len(truth)
    normal = normal_of(g.model)
    if normal is not None:
        from scipy.special import log1p, ndtr

        mean, sd = np.asarray(normal.mean)[..., None], np.asarray(normal.spread)[..., None]
        below = ndtr((edges - mean) / np.maximum(sd, np.finfo(float).tiny))
        shares = np.diff(below, prepend=0, append=1)
        with np.errstate(divide="ignore"):
            return _Cells(mass, -np.expm1(probe.rows * log1p(-np.minimum(shares, 1))), count)

    def hit(one: Generation) -> Array:
        drawn = rows.generated(one, probe.rows, rng, probe)
        if drawn.shape[-1] > 1:
            raise refusal(probe, "one-dimensional rows", g.model)
        place = np.searchsorted(edges, drawn[..., 0], side="right")
        kept = np.zeros((*place.shape[:-1], probe.bins), dtype=bool)
        np.put_along_axis(kept, place, True, -1)
        return kept

    return _Cells(mass, rows.at_once(g, probe.rows, hit), count)


def _check(probe: Any) -> None:
    for field in ("rows", "real"):
        rows.whole(getattr(probe, field), 1, probe, field)
    if hasattr(probe, "bins"):
        rows.whole(probe.bins, 2, probe, "bins")
