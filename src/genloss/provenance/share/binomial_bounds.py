"""How far counts bound a share: exact binomial bounds, for where a bootstrap sees too little to be wide enough."""

import math

import numpy as np

from genloss.chain.data import Array
from genloss.provenance.evidence.scores import Scores
from genloss.provenance.share.mixtures import Cells


def widened(
    low: float, high: float, share: float, sets: tuple[Scores, Scores, Scores], cells: Cells, level: float, method: str
) -> tuple[float, float]:
    """Widen an interval to what is known if every cluster's kind were seen, and no more.

    A bootstrap redraws what was seen: where no cluster of the corpus seems synthetic, or no human row is flagged, its
    interval has no width, though 3 in n may go unseen. No method knows more of the corpus than who tells the kind of
    each cluster, whose interval is that of Clopper and Pearson 1934; nor more of the error rates than their counts say.

    Args:
        low: Where the interval of the bootstrap begins.
        high: Where it ends.
        share: What the method's formula gives.
        sets: The corpus, human text and synthetic text.
        cells: Their division into cells.
        level: The confidence of the interval.
        method: How the share was estimated. The error rates at a cut bound "acc" always; other methods know more than
            these, but where one of the references has no row on the other's side of the cut. For "moments" the mean
            scores count and no cut.

    Returns:
        Both ends, not yet cut at 0 and 1.
    """
    flags = [cells.index(each.values) >= cells.cut for each in sets]
    false, true = float(flags[1].mean()), float(flags[2].mean())
    tail = (1 - level) / 2
    size = _effective(sets[0], flags[0], false, true, low > 0 and high < 1)
    count = float(np.clip(share, 0, 1)) * size
    ends = [(low, high), binomial(count, size, tail)]
    if method != "moments" and true > false:
        flagged = share * true + (1 - share) * false
        most = binomial(false * _kish(sets[1]), _kish(sets[1]), tail)[1]
        least = binomial(true * _kish(sets[2]), _kish(sets[2]), tail)[0]
        if method == "acc" or false == 0:
            ends.append((0.0 if most >= true else (flagged - most) / (true - most), high))
        if method == "acc" or true == 1:
            ends.append((low, 1.0 if least <= false else (flagged - false) / (least - false)))
    return min(end[0] for end in ends), max(end[1] for end in ends)


def binomial(count: float, size: float, tail: float) -> tuple[float, float]:
    """The interval of Clopper and Pearson for a share, whose count need not be whole."""
    from scipy.special import betaincinv

    low = float(betaincinv(count, size - count + 1, tail)) if count > 0 else 0.0
    high = float(betaincinv(count + 1, size - count, 1 - tail)) if count < size else 1.0
    return low, high


def _effective(corpus: Scores, flags: Array, false: float, true: float, known: bool) -> float:
    """How many independent draws the corpus is worth: its clusters, or more where clusters are seen to be mixed.

    Where the share is known to be neither 0 nor 1, the spread of the shares of clusters tells whether clusters are of
    one kind (then clusters count) or all alike (then rows do).
    """
    clusters = _kish(corpus)
    if corpus.clusters is None or not known or not true > false:
        return clusters
    sizes = np.bincount(corpus.clusters)
    shares = np.clip((np.bincount(corpus.clusters, flags) / sizes - false) / (true - false), 0, 1)
    mean = float(np.average(shares, weights=sizes))
    if not 0 < mean < 1:
        return clusters
    alike = float(np.average((shares - mean) ** 2, weights=sizes)) / (mean * (1 - mean))
    return 1 / (alike / clusters + (1 - alike) / len(corpus))


def _kish(scores: Scores) -> float:
    """The number of clusters, less where their sizes differ (Kish 1965)."""
    if scores.clusters is None:
        return float(len(scores))
    return len(scores) ** 2 / math.fsum(np.bincount(scores.clusters).astype(float) ** 2)
