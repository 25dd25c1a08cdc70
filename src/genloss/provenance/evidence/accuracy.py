"""How well a detector tells synthetic from human text: AUROC, and the power at low false-positive rates."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from genloss.chain.data import Array, Floats
from genloss.errors import SpecError
from genloss.provenance.evidence.scores import Scores, auroc


class Rate(NamedTuple):
    """A share with its confidence interval.

    Attributes:
        rate: The share.
        low: Where the interval begins.
        high: Where it ends.
    """

    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class PowerAt:
    """The share of synthetic rows that is found at a false-positive rate.

    Attributes:
        fpr: The false-positive rate.
        cut: The empirical cut: the human reference flags at most `fpr` of its rows from it on.
        rate: The share of synthetic rows at the cut or above, with an interval for the true share at the true cut.
        needed: How many human rows (clusters) the lower end of the interval needs at least.
        warning: Says so where the reference is too small; "" otherwise.
    """

    fpr: float
    cut: float
    rate: Rate
    needed: int
    warning: str = ""


@dataclass(frozen=True)
class Accuracy:
    """How well a detector tells synthetic from human rows.

    Attributes:
        auroc: The chance that a synthetic row scores above a human one, with an interval.
        powers: The power at each false-positive rate that was asked for.
        level: The confidence of the intervals, each by itself.
        human: How many human rows there are.
        synthetic: How many synthetic rows.
    """

    auroc: Rate
    powers: tuple[PowerAt, ...]
    level: float
    human: int
    synthetic: int

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was asked for and cannot be said with these references."""
        return tuple(power.warning for power in self.powers if power.warning)

    def __str__(self) -> str:
        lines = [f"AUROC {self.auroc.rate:.4f} ({self.auroc.low:.4f} to {self.auroc.high:.4f})"]
        for power in self.powers:
            rate = power.rate
            lines.append(f"TPR at FPR {power.fpr:g}: {rate.rate:.3f} ({rate.low:.3f} to {rate.high:.3f})")
        return "\n".join(lines + [f"warning: {each}" for each in self.warnings])


def accuracy(
    human_scores: Any,
    synthetic_scores: Any,
    fprs: Sequence[float] = (1e-2, 1e-3, 1e-4),
    *,
    human_clusters: Any = None,
    synthetic_clusters: Any = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Accuracy:
    """Measure how well scores tell synthetic from human rows.

    The interval of the AUROC is DeLong's on the logit scale (Obuchowski's with clusters; an AUROC of exactly 0 or 1,
    whose estimated error is 0, is bounded by the exact binomial for the smaller set). The interval of a power holds the
    uncertainty of the cut and of the share above it: the cut that truly belongs to a false-positive rate lies between
    two order statistics of the human scores, and shares above these are bounded by Clopper and Pearson; each of the
    four bounds takes a quarter of 1 - level. It holds for all sample sizes and laws of scores. With clusters,
    percentiles of a bootstrap of clusters are used instead, which need many clusters.

    Args:
        human_scores: Scores of rows that are known to be human.
        synthetic_scores: Scores of rows that are known to be synthetic.
        fprs: False-positive rates, above 0 and below 1.
        human_clusters: The cluster of each human score.
        synthetic_clusters: The cluster of each synthetic score.
        level: The confidence of the intervals.
        resamples: Resamples of clusters.
        seed: Decides what is resampled.

    Raises:
        SpecError: If scores are missing or NaN, or a setting is out of range.
    """
    human = Scores.of(human_scores, human_clusters, None, "accuracy", "human_")
    synthetic = Scores.of(synthetic_scores, synthetic_clusters, None, "accuracy", "synthetic_")
    is_share(level, "accuracy.level")
    for fpr in fprs:
        is_share(fpr, "accuracy.fprs")
    clustered = human.clusters is not None or synthetic.clusters is not None
    rng = np.random.default_rng(seed)
    drawn = _drawn(human, synthetic, fprs, resamples, rng) if clustered else None
    powers = []
    for i, fpr in enumerate(fprs):
        powers.append(_power(human, synthetic, fpr, level, None if drawn is None else drawn[:, i]))
    return Accuracy(_area(human, synthetic, level), tuple(powers), level, len(human), len(synthetic))


def binomial_interval(successes: int, trials: int, level: float) -> tuple[float, float]:
    """The interval of Clopper and Pearson 1934 for a share."""
    tail = (1 - level) / 2
    return _lower(successes, trials, tail), _upper(successes, trials, tail)


def flagged(values: Floats, cut: Any) -> Array:
    """Which scores lie at a cut or above; a cut of infinity, which no score may reach, flags nothing."""
    found: Array = (values >= cut) & (np.asarray(cut) < math.inf)
    return found


def is_share(value: Any, where: str) -> None:
    """Refuse what is not a number between 0 and 1.

    Raises:
        SpecError: If it is not.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.floating)) or not 0 < value < 1:
        raise SpecError(f"{where}: {value!r}; give a number above 0 and below 1")


def _area(human: Scores, synthetic: Scores, level: float) -> Rate:
    from scipy.special import expit, logit
    from scipy.stats import norm

    area, error = auroc(human, synthetic)
    fewest = min(human.count, synthetic.count)
    if error == 0 or not 0 < area < 1:
        low, high = binomial_interval(round(area * fewest), fewest, level)
        return Rate(area, min(low, area), max(high, area))
    reach = norm.ppf(0.5 + level / 2) * error / (area * (1 - area))
    return Rate(area, float(expit(logit(area) - reach)), float(expit(logit(area) + reach)))


def _power(human: Scores, synthetic: Scores, fpr: float, level: float, drawn: Floats | None) -> PowerAt:
    from scipy.stats import binom

    m = len(human)
    ordered = np.sort(human.values)
    cut = _cut(ordered, fpr)
    found = float(flagged(synthetic.values, cut).mean())
    tail = (1 - level) / 4
    needed = math.ceil(math.log(tail) / math.log1p(-fpr))
    warning = ""
    if human.count < needed:
        units = "rows" if human.clusters is None else "clusters"
        warning = (
            f"the human reference is too small for a false-positive rate of {fpr:g}: {human.count} {units}; "
            f"at least {needed} are needed to bound the power from below"
        )
    if drawn is not None:
        low, high = (float(each) for each in np.quantile(drawn, [2 * tail, 1 - 2 * tail]))
        return PowerAt(fpr, cut, Rate(found, 0.0 if warning else min(low, found), max(high, found)), needed, warning)
    # The true cut is the (1 - fpr) quantile; how many of m scores lie above it is binomial.
    most, fewest = int(binom.ppf(1 - tail, m, fpr)), int(binom.ppf(tail, m, fpr))
    n = len(synthetic)
    low = high = 0.0
    loose = float(ordered[m - 1 - most]) if most < m else -math.inf
    high = _upper(int((synthetic.values >= loose).sum()), n, tail)
    if not warning:
        strict = float(ordered[m - fewest]) if fewest else math.inf
        low = _lower(int((synthetic.values > strict).sum()), n, tail) if fewest else 0.0
    return PowerAt(fpr, cut, Rate(found, low, max(high, found)), needed, warning)


def _cut(ordered: Floats, fpr: float) -> float:
    """The lowest cut at or above which at most the share `fpr` of the ordered scores lies."""
    most = math.floor(fpr * len(ordered) + 1e-9)
    return float(np.nextafter(ordered[len(ordered) - 1 - most], math.inf))


def _drawn(human: Scores, synthetic: Scores, fprs: Sequence[float], resamples: int, rng: Any) -> Floats:
    """Powers in resamples of clusters: shape (resamples, fprs)."""
    found = np.empty((resamples, len(fprs)))
    parts = [_by_cluster(each) for each in (human, synthetic)]
    for b in range(resamples):
        zero, one = (np.concatenate([part[i] for i in rng.integers(len(part), size=len(part))]) for part in parts)
        zero.sort()
        found[b] = [flagged(one, _cut(zero, fpr)).mean() for fpr in fprs]
    return found


def _by_cluster(scores: Scores) -> list[Floats]:
    clusters = np.arange(len(scores)) if scores.clusters is None else scores.clusters
    order = np.argsort(clusters, kind="stable")
    return np.split(scores.values[order], np.cumsum(np.bincount(clusters))[:-1])


def _lower(successes: int, trials: int, tail: float) -> float:
    from scipy.special import betaincinv

    return 0.0 if successes == 0 else float(betaincinv(successes, trials - successes + 1, tail))


def _upper(successes: int, trials: int, tail: float) -> float:
    from scipy.special import betaincinv

    return 1.0 if successes == trials else float(betaincinv(successes + 1, trials - successes, 1 - tail))
