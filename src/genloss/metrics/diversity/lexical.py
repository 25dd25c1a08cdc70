"""Diversity of words: what n-grams, types and frequencies of documents show."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from genloss.errors import SpecError
from genloss.metrics.estimate import Estimate, estimate, share_error
from genloss.metrics.spread import shannon

Document = str | Sequence[Hashable]
"""A text, which is split at white space, or a sequence of tokens."""


def distinct(documents: Iterable[Document], n: int = 3, *, interval: bool = False) -> Estimate:
    """Distinct-n: the share of different n-grams among all.

    Definition: number of different n-grams over their number; n-grams lie within documents.
    Units: none. Range: above 0 to 1; NaN if no document has n tokens.
    Sample size: falls as more text is read, so compare equal amounts only.
    Standard error: by leaving out documents, one at a time or in 50 groups (jackknife).
    Source: Li et al. 2016.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise SpecError(f"metrics.distinct: n must be a whole number from 1, got {n!r}")
    grams = [Counter(zip(*(words[i:] for i in range(n)), strict=False)) for words in _tokens(documents, "distinct")]
    return _of_counts(grams, lambda total: len(total) / total.total() if total else float("nan"), interval, (0, 1))


def types(documents: Iterable[Document], *, interval: bool = False) -> Estimate:
    """How many different tokens documents hold.

    Definition: number of different tokens.
    Units: tokens. Range: from 0.
    Sample size: rises with the amount of text (Heaps 1978), so compare equal amounts only.
    Standard error: by leaving out documents (jackknife).
    Source: vocabulary richness, Heaps 1978.
    """
    counts = [Counter(words) for words in _tokens(documents, "types")]
    return _of_counts(counts, lambda total: float(len(total)), interval, (0, np.inf))


def token_entropy(documents: Iterable[Document], *, interval: bool = False) -> Estimate:
    """The entropy of the frequencies of single tokens.

    Definition: -sum p log p over the tokens' shares.
    Units: nats. Range: from 0 to log of the number of types.
    Sample size: the plain estimate, which is lower the less text there is, so compare equal amounts only.
    Standard error: by leaving out documents (jackknife).
    Source: Shannon 1951.
    """

    def value(total: "Counter[Hashable]") -> float:
        counts = np.fromiter(total.values(), dtype=float)
        return float(shannon(counts / counts.sum())) if len(counts) else float("nan")

    counts = [Counter(words) for words in _tokens(documents, "token_entropy")]
    return _of_counts(counts, value, interval, (0, np.inf))


def survival(
    real: Iterable[Document], documents: Iterable[Document], edges: Sequence[int] = (3, 30), *, interval: bool = False
) -> Estimate:
    """The share of real words that are still written, by how frequent they are.

    Definition: per band of frequency in the real documents, the share of types that the other documents hold.
    Units: none. Range: from 0 to 1; NaN for a band without words.
    Sample size: rare words are missed by chance alone, so compare with as much real text, not with 1.
    Standard error: that of a share of the types of a band (Agresti and Coull 1998).
    Source: tails of text, after Dohmatob et al. 2024 (2402.07043).

    Args:
        real: Real documents, which set the bands.
        documents: Documents that may have lost words.
        edges: Counts at which bands begin, rising from 2; the first band begins at 1.
        interval: Whether an interval is wanted.
    """
    if any(edge < 2 for edge in edges) or not all(low < high for low, high in pairwise(edges)):
        raise SpecError(f"metrics.survival: edges must be rising counts from 2, got {tuple(edges)}")
    known: Counter[Hashable] = Counter(word for words in _tokens(real, "survival") for word in words)
    written = {word for words in _tokens(documents, "survival") for word in words}
    band = np.searchsorted(edges, list(known.values()), side="right")
    kept = np.array([word in written for word in known], dtype=float)
    held = np.bincount(band, minlength=len(edges) + 1)
    share = share_kept(band, kept, len(edges) + 1)
    return estimate(share, lambda: share_error(np.nan_to_num(share), held), len(known), interval, (0, 1))


def self_repetition(documents: Iterable[Document], n: int = 4, *, interval: bool = False) -> Estimate:
    """The share of documents that repeat an n-gram of another document.

    Definition: documents with at least one n-gram that stands in another document, too, over all documents.
    Units: none. Range: from 0 to 1.
    Sample size: rises with the number of documents, so compare equal numbers only.
    Standard error: that of a share of the documents (Agresti and Coull 1998).
    Source: Salkar et al. 2022 (self-repetition), as a share.
    """
    grams = [set(zip(*(words[i:] for i in range(n)), strict=False)) for words in _tokens(documents, "self_repetition")]
    seen = Counter(gram for each in grams for gram in each)
    share = float(np.mean([any(seen[gram] > 1 for gram in each) for each in grams])) if grams else float("nan")
    return estimate(share, lambda: share_error(share, len(grams)), len(grams), interval, (0, 1))


def band_names(edges: Sequence[int]) -> list[str]:
    """Name bands of frequency by the counts at which they begin and end."""
    begins = (1, *edges)
    inner = [f"{low}-{high - 1}" if high - 1 > low else f"{low}" for low, high in pairwise(begins)]
    return [*inner, f"{begins[-1]}+"]


def share_kept(band: ArrayLike, kept: ArrayLike, bands: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The share of what is kept in each band; NaN for an empty one."""
    held = np.bincount(band, minlength=bands)
    return np.where(held > 0, np.bincount(band, kept, minlength=bands) / np.maximum(held, 1), np.nan)


def _tokens(documents: Iterable[Document], name: str) -> list[Sequence[Hashable]]:
    if isinstance(documents, str):
        raise SpecError(f"metrics.{name}: give a list of documents, not one text")
    return [document.split() if isinstance(document, str) else list(document) for document in documents]


def _of_counts(
    counts: "Sequence[Counter[Any]]", measure: Callable[[Any], float], interval: bool, bounds: tuple[float, float]
) -> Estimate:
    total: Counter[Any] = Counter()
    for each in counts:
        total.update(each)

    def error() -> float:
        groups = np.array_split(np.arange(len(counts)), min(50, len(counts)))
        if len(groups) < 2:
            return float("inf")
        left = []
        for group in groups:
            rest = total.copy()
            for i in group:
                rest.subtract(counts[i])
            left.append(measure(+rest))
        m = len(groups)
        return float(np.sqrt((m - 1) / m * ((np.array(left) - np.mean(left)) ** 2).sum()))

    return estimate(measure(total), error, len(counts), interval, bounds)
