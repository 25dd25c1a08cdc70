"""What share of a corpus is synthetic: an estimate with an interval, and warnings where it cannot be known."""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Floats
from genloss.errors import SpecError
from genloss.plain.numbers import whole_number
from genloss.provenance.evidence.scores import Scores, auroc, cluster_sums, labels
from genloss.provenance.share.binomial_bounds import widened
from genloss.provenance.share.mixtures import METHODS, Cells, misfit

_SEEN = 4.0
"""How many standard errors the references must lie apart for a share to be identified."""
_DOUBT = 0.01
_UNKNOWN = ("the share cannot be identified", "the share cannot be bounded")
_MOST_TIMES = 24


@dataclass(frozen=True)
class Prevalence:
    """The share of a corpus that is synthetic.

    Attributes:
        share: The estimate, from 0 to 1: the median of its posterior law; NaN if the references are so alike that
            there is none.
        low: Where the confidence interval begins.
        high: Where it ends.
        method: How it was estimated: "pacc", "acc", "likelihood" or "moments".
        level: The confidence of the interval.
        rows: How many scores of the corpus were read.
        clusters: How many clusters these make.
        separation: The chance that a synthetic score is above a human one, less the chance that it is below: 1 tells
            all, 0 nothing.
        misfit: The largest difference between the distribution of the scores and the fitted mixture of references: at
            least so much of the corpus looks like neither reference. NaN if there is no synthetic reference.
        misfit_p: The p-value of the misfit; small where the domain has shifted. A misfit below 1 / sqrt(rows), the
            noise of a distribution, raises no alarm, however small its p-value.
        unbounded: What the method's formula gives, which chance may carry below 0 or above 1.
        warnings: What speaks against trusting the estimate, one sentence each.
        groups: The share in each group, by its label.
        times: The share at each time, from the first to the last, by its label.
    """

    share: float
    low: float
    high: float
    method: str
    level: float
    rows: int
    clusters: int
    separation: float
    misfit: float
    misfit_p: float
    unbounded: float
    warnings: tuple[str, ...] = ()
    groups: Mapping[Hashable, "Prevalence"] = field(default_factory=dict)
    times: Mapping[Hashable, "Prevalence"] = field(default_factory=dict)

    @property
    def identified(self) -> bool:
        """Whether the references allow an estimate; else the interval is 0 to 1 and a warning says why."""
        return math.isfinite(self.share) and not any(each.startswith(_UNKNOWN) for each in self.warnings)

    def __str__(self) -> str:
        found = f"{self.share:.1%} synthetic ({self.level:.0%} interval {self.low:.1%} to {self.high:.1%})"
        return "\n".join([f"{found}, {self.method}, {self.rows} rows", *(f"warning: {each}" for each in self.warnings)])

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain data, as JSON can keep it: a number that is not finite becomes None."""
        names = [name for name in self.__dataclass_fields__ if name not in ("warnings", "groups", "times")]
        plain = {name: getattr(self, name) for name in names}
        found = {n: None if isinstance(v, float) and not math.isfinite(v) else v for n, v in plain.items()}
        found["warnings"] = list(self.warnings)
        for name in ("groups", "times"):
            if getattr(self, name):
                found[name] = {str(label): each.to_dict() for label, each in getattr(self, name).items()}
        return found

    def plot(self) -> Any:
        """Draw the share over time, or by group, with its intervals.

        Returns:
            A matplotlib Figure that belongs to no window; notebooks show it.

        Raises:
            SpecError: If matplotlib is missing.
        """
        from genloss.provenance.share.pictures import shares

        return shares(self)


def prevalence(
    scores: Any,
    human_scores: Any,
    synthetic_scores: Any,
    method: Literal["pacc", "acc", "likelihood", "moments"] = "pacc",
    *,
    groups: Any = None,
    clusters: Any = None,
    times: Any = None,
    human_clusters: Any = None,
    synthetic_clusters: Any = None,
    human_groups: Any = None,
    synthetic_groups: Any = None,
    level: float = 0.95,
    resamples: int = 500,
    seed: int = 0,
) -> Prevalence:
    """Estimate which share of a corpus is synthetic, from a detector's scores.

    Counting flagged rows is wrong: a detector with 25% false positives finds 26% in a corpus that holds 2%. Every
    method here corrects for how the detector scores known human and known synthetic text:

    - "pacc": the mean probability of being synthetic, adjusted (Bella et al. 2010), with the prior found on the way.
    - "acc": the share above a cut, adjusted (Forman 2008); needs only that the error rates hold.
    - "likelihood": the mixture of greatest likelihood (Saerens et al. 2002; Liang et al. 2403.07183).
    - "moments": (g - g0) / (g1 - g0) of mean scores, for watermarks, whose share of green tokens g is a plain mean;
      here `synthetic_scores` may be one number, the mean that is known from the scheme.

    All of them assume that the human part of the corpus scores like the human reference, and the synthetic part like
    the synthetic reference. The references must not have trained the detector.

    A share is never negative, though a formula may be: where the corpus holds little, as many samples fall below 0 as
    above twice the truth, and cutting them at 0 wastes what is known. So the share that is given is the median of a
    posterior law: the formula's value as the mean of a normal curve whose width comes from the bootstrap, between 0 and
    1, under the prior of Jeffreys, Beta(1/2, 1/2). More than five widths from 0 and 1 this is the formula's value, at
    three widths it is a little nearer to the end, and near the end its mean error is a third smaller. `unbounded` holds
    the formula's value itself, whose errors cancel in sums and means over groups.

    The interval comes from a bootstrap of the corpus and of both references together; where clusters are given, whole
    clusters are drawn (the passages of one document, the documents of one author are not independent). Percentiles are
    widened for few clusters (Hesterberg 2015), and to the exact binomial interval of the number of clusters where that
    is wider: with nothing synthetic among n documents the share may still be 3 in n. The interval speaks of the
    population that the clusters come from.

    Args:
        scores: One score a row of the corpus; higher is more synthetic.
        human_scores: Scores of rows that are known to be human.
        synthetic_scores: Scores of rows that are known to be synthetic.
        method: "pacc", "acc", "likelihood" or "moments".
        groups: The group of each row of the corpus; each gets a share of its own.
        clusters: The cluster of each row: rows that may depend on each other.
        times: The time of each row, as numbers or names that sort; each gets a share of its own. More than 24 different
            numbers are put into 12 spans with as many rows each.
        human_clusters: The cluster of each human score.
        synthetic_clusters: The cluster of each synthetic score.
        human_groups: The group of each human score: groups are then measured against their own human text, as they must
            be where a detector takes the text of some people for synthetic more often.
        synthetic_groups: The group of each synthetic score.
        level: The confidence of the intervals.
        resamples: How many bootstrap resamples to draw.
        seed: Decides what the bootstrap draws.

    Raises:
        SpecError: If scores are missing, NaN, or of another number than their labels, a label is NaN or no time, or
            a setting is out of range.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> human, synthetic = rng.normal(0, 1, 500), rng.normal(2, 1, 500)
        >>> corpus = np.concatenate([rng.normal(0, 1, 900), rng.normal(2, 1, 100)])
        >>> found = prevalence(corpus, human, synthetic)
        >>> found.low < 0.1 < found.high
        True
    """
    if method not in METHODS:
        raise SpecError(f"prevalence.method: no method {method!r}; known: {', '.join(sorted(METHODS))}")
    if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0 < level < 1:
        raise SpecError(f"prevalence.level: {level!r} is not a confidence; give a number between 0 and 1, such as 0.95")
    whole_number(resamples, "prevalence.resamples", 20)
    known = np.ndim(synthetic_scores) == 0 and synthetic_scores is not None
    if known and method != "moments":
        raise SpecError(f"prevalence.synthetic_scores: one number; {method!r} needs the scores of synthetic rows")
    corpus = Scores.of(scores, clusters, groups, "prevalence")
    human = Scores.of(human_scores, human_clusters, human_groups, "prevalence", "human_")
    given = [synthetic_scores] if known else synthetic_scores
    synthetic = Scores.of(given, synthetic_clusters, synthetic_groups, "prevalence", "synthetic_")
    if method == "moments":
        for each, name in ((corpus, "scores"), (human, "human_scores"), (synthetic, "synthetic_scores")):
            if not np.isfinite(each.values).all():
                raise SpecError(f"prevalence.{name}: infinite scores have no mean; use another method than 'moments'")
    for each, name in ((human, "human"), (synthetic, "synthetic")):
        if each.groups is not None and corpus.groups is None:
            raise SpecError(f"prevalence.{name}_groups: the corpus has no groups; give groups= too")

    def part(of: Scores, number: int) -> Prevalence:
        rng = np.random.default_rng([seed, number])
        mine = [
            each if each.groups is None or of.group is None else each.of_group(of.group) for each in (human, synthetic)
        ]
        return _estimate(of, mine[0], mine[1], method, float(level), int(resamples), known, rng)

    whole = part(corpus, 0)
    by_group: dict[Hashable, Prevalence] = {}
    if corpus.groups is not None:
        for i, label in enumerate(corpus.groups.held):
            for each, name in ((human, "human"), (synthetic, "synthetic")):
                if each.groups is not None and not each.groups.where(label).any():
                    raise SpecError(f"prevalence.{name}_groups: no {name} score of group {label!r}; give some")
            by_group[label] = part(corpus.of_group(label), 1 + i)
    by_time: dict[Hashable, Prevalence] = {}
    if times is not None:
        spans, names = _spans(times, len(corpus))
        for i, label in enumerate(names):
            by_time[label] = part(corpus.at(spans == i), 1 + len(by_group) + i)
    values = {name: getattr(whole, name) for name in Prevalence.__dataclass_fields__}
    return Prevalence(**(values | {"groups": by_group, "times": by_time}))


def _estimate(
    corpus: Scores, human: Scores, synthetic: Scores, method: str, level: float, resamples: int, known: bool,
    rng: Generator,
) -> Prevalence:  # fmt: skip
    cells = Cells.of(corpus.values, human.values, synthetic.values)
    sets = (corpus, human, synthetic)
    own = [cells.histogram(each.values) for each in sets]
    unbounded = share = float(METHODS[method](own[0], own[1], own[2], cells)[0])
    drawn = [_resampled(each, cells, resamples, rng) for each in sets]
    shares = METHODS[method](drawn[0], drawn[1], drawn[2], cells)
    fewest = min(each.count for each in (sets[:2] if known else sets))
    apart, error = _separation(human, synthetic, known)
    warnings = _identified(apart, error, known, fewest)
    worst = p = math.nan
    if warnings or not math.isfinite(share) or not np.isfinite(shares).mean() > 0.99:
        low, high = 0.0, 1.0
        warnings = warnings or [f"{_UNKNOWN[0]}: both references score alike"]
    else:
        low, high = _interval(shares[np.isfinite(shares)], level, fewest)
        if high < 0 or low > 1:
            beyond = "more human than the human" if high < 0 else "more synthetic than the synthetic"
            warnings.append(
                f"the corpus scores {beyond} reference; the references are of another domain than the corpus"
            )
        if not known:
            worst, p = _fit(own, drawn, share, shares)
            if p < _DOUBT and worst >= 1 / math.sqrt(len(corpus)):
                warnings.append(
                    f"the scores are no mixture of the references (p = {p:.2g}): at least {worst:.1%} of the corpus "
                    "looks like neither, so the domain has shifted; take references from the corpus's own domain"
                )
            warnings += _outside(*sets)
        low, high = widened(low, high, share, sets, cells, level, method)
        share = _median(share, shares[np.isfinite(shares)])
    low, high = (float(np.clip(each, 0, 1)) for each in (low, high))
    share = float(np.clip(share, low, high))
    rows, clusters = len(corpus), corpus.count
    return Prevalence(share, low, high, method, level, rows, clusters, apart, worst, p, unbounded, tuple(warnings))


def _median(share: float, shares: Floats) -> float:
    """The median of the posterior between 0 and 1, of a normal likelihood with the resamples' width.

    Under Jeffreys' prior the arcsine of the root of a share is uniform. The width is that of the middle 68% of the
    resamples: single ones may lie far out.
    """
    below, above = np.quantile(shares, [0.1587, 0.8413])
    width = float(above - below) / 2
    ends = np.clip([share - 8 * width, share + 8 * width], 0, 1)
    if not ends[0] < ends[1]:
        return float(np.clip(share, 0, 1))
    first, last = np.arcsin(np.sqrt(ends))
    angle = first + (last - first) * (np.arange(4096) + 0.5) / 4096
    off = (np.sin(angle) ** 2 - share) / width
    mass = np.cumsum(np.exp((off**2).min() / 2 - off**2 / 2))
    return float(np.sin(np.interp(mass[-1] / 2, mass, angle)) ** 2)


def _interval(shares: Floats, level: float, fewest: int) -> tuple[float, float]:
    """The percentile interval, its level raised as Student's t and the divisor n - 1 ask for (Hesterberg 2015)."""
    from scipy.stats import norm, t

    reach = t.ppf(0.5 + level / 2, max(fewest - 1, 1)) * math.sqrt(fewest / max(fewest - 1, 1))
    tail = float(norm.sf(reach))
    low, high = np.quantile(shares, [tail, 1 - tail])
    if tail * len(shares) < 1:
        # Further out than any resample: the normal curve goes on where the resamples end.
        low, high = (
            min(low, shares.mean() - reach * shares.std(ddof=1)),
            max(high, shares.mean() + reach * shares.std(ddof=1)),
        )
    return float(low), float(high)


def _fit(own: list[Floats], drawn: list[Floats], share: float, shares: Floats) -> tuple[float, float]:
    """The misfit of the mixture, and how often resamples differ from their centre by as much."""
    finite = np.isfinite(shares)
    centre = misfit(own[0], own[1], own[2], np.array([share]))
    off = misfit(drawn[0][finite], drawn[1][finite], drawn[2][finite], shares[finite]) - centre
    worst = float(np.abs(centre).max())
    p = (1 + int((np.abs(off).max(1) >= worst).sum())) / (1 + int(finite.sum()))
    return worst, p


def _identified(apart: float, error: float, known: bool, fewest: int) -> list[str]:
    if fewest < 2:
        return [f"{_UNKNOWN[1]}: a set has only one cluster, which says nothing about its spread"]
    if abs(apart) <= _SEEN * error:
        return [
            f"{_UNKNOWN[0]}: both references score nearly alike (separation {apart:.2f} "
            f"with a standard error of {error:.2f}); use a sharper detector or larger references"
        ]
    found = []
    if apart < 0:
        found.append("synthetic text scores lower than human text; higher must be more synthetic, so turn the sign")
    return found


def _outside(corpus: Scores, human: Scores, synthetic: Scores) -> list[str]:
    low = min(human.values.min(), synthetic.values.min())
    high = max(human.values.max(), synthetic.values.max())
    outside = float(((corpus.values < low) | (corpus.values > high)).mean())
    if outside <= max(0.01, 10 / (1 + min(human.count, synthetic.count))):
        return []
    return [f"{outside:.1%} of the scores lie beyond all scores of the references; the domain has shifted"]


def _separation(human: Scores, synthetic: Scores, known: bool) -> tuple[float, float]:
    """How far the references lie apart, 2 AUROC - 1, and its standard error; of a known mean, the sign."""
    if not known:
        area, error = auroc(human, synthetic)
        return 2 * area - 1, 2 * error
    centre = human.values.mean()
    off = float(synthetic.values[0] - centre)
    error = math.sqrt(float((cluster_sums(human.values - centre, human.clusters) ** 2).sum())) / len(human)
    return (math.copysign(1.0, off), error / abs(off)) if off else (0.0, 1.0)


def _resampled(scores: Scores, cells: Cells, resamples: int, rng: Generator) -> Floats:
    """Scores by cell in resamples of whole clusters: shape (resamples, cells)."""
    if scores.clusters is None:
        return rng.multinomial(len(scores), cells.histogram(scores.values)[0] / len(scores), resamples).astype(float)
    from scipy.sparse import csr_array

    at = (scores.clusters, cells.index(scores.values))
    table = csr_array((np.ones(len(scores)), at), shape=(scores.count, cells.count)).T.tocsr()
    found = []
    step = max(1, 10**7 // scores.count)
    for begin in range(0, resamples, step):
        size = (min(step, resamples - begin), scores.count)
        drawn = rng.integers(scores.count, size=size) + np.arange(size[0])[:, None] * scores.count
        times = np.bincount(drawn.ravel(), minlength=size[0] * size[1]).reshape(size)
        found.append((table @ times.T.astype(float)).T)
    return np.concatenate(found)


def _spans(times: Any, rows: int) -> tuple[Array, list[Hashable]]:
    """The span of time that each row belongs to, and the name of each span."""
    found = labels(times, rows, "prevalence.times")
    assert found is not None
    known: Array = found.names
    index: Array = found.codes
    if len(known) <= _MOST_TIMES or known.dtype.kind not in "iufM":
        return index, found.known if known.dtype.kind in "iufUO" else [str(name) for name in known]
    ends = np.unique(np.quantile(np.arange(len(found)), np.linspace(0, 1, 13))).astype(int)
    starts = np.unique(np.sort(index)[ends[:-1]])
    index = np.searchsorted(starts, index, side="right") - 1
    last = [*(starts[1:] - 1), len(known) - 1]
    pairs = zip(_written(known[starts]), _written(known[last]), strict=True)
    return index, [begin if begin == end else f"{begin} to {end}" for begin, end in pairs]


def _written(times: Array) -> list[str]:
    """Times in as few digits, or as coarse a unit, as tell them apart."""
    if times.dtype.kind == "M":
        days = times.astype("datetime64[D]")
        times = days if len(np.unique(days)) == len(times) else times
    if times.dtype.kind != "f":
        return [str(each) for each in times]
    for digits in range(4, 17):
        written = [f"{each:.{digits}g}" for each in times.tolist()]
        if len(set(written)) == len(times):
            break
    return written
