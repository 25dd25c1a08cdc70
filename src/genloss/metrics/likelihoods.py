"""Language: how well documents are predicted."""

import numpy as np
from numpy.typing import ArrayLike

from genloss.errors import SpecError
from genloss.metrics.estimate import Array, Estimate, estimate


def perplexity(
    logprob: ArrayLike, document: ArrayLike | None = None, units: float | None = None, *, interval: bool = False
) -> Estimate:
    """The perplexity of documents: how many equally likely choices a unit of text amounts to.

    Definition: exp of minus the sum of log-probabilities over the number of tokens, or of `units`.
    Units: none. Range: from 1; infinite if something has probability 0.
    Sample size: unbiased on the log scale; few documents scatter by their topics.
    Standard error: by the delta method, with documents as independent clusters; without `document`, every token is one.
    Source: Jelinek et al. 1977.

    Args:
        logprob: Natural log-probability of each token: shape (tokens,).
        document: The document of each token, from 0; None takes tokens for independent.
        units: By how much the sum is divided; None divides by the number of tokens. Two tokenizers can only be compared
            per byte: give the number of bytes.
        interval: Whether an interval is wanted.
    """
    surprise = -np.asarray(logprob, dtype=float)
    if surprise.ndim != 1 or not len(surprise) or np.isnan(surprise).any():
        raise SpecError("metrics.perplexity: logprob must hold one number per token, none of them NaN")
    clusters = np.arange(len(surprise)) if document is None else np.asarray(document)
    if clusters.shape != surprise.shape:
        raise SpecError("metrics.perplexity: document must hold one number per token")
    count = float(len(surprise)) if units is None else float(units)
    value = np.exp(surprise.mean() if units is None else surprise.sum() / count)

    def error() -> float:
        _, index = np.unique(clusters, return_inverse=True)
        total, tokens = np.bincount(index, surprise), np.bincount(index)
        return float(value * _ratio_error(total, tokens) * len(surprise) / count)

    return estimate(value, error, len(surprise), interval, (1, np.inf))


def _ratio_error(total: Array, tokens: Array) -> float:
    """The standard error of sum(total) / sum(tokens) over independent documents."""
    mean = total.sum() / tokens.sum()
    m = len(total)
    if m < 2:
        return float("inf")
    return float(np.sqrt(m / (m - 1) * ((total - mean * tokens) ** 2).sum()) / tokens.sum())
