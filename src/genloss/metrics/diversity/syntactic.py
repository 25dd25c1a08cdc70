"""Diversity of forms: how much documents repeat themselves in how they are written."""

import zlib
from collections.abc import Iterable

import numpy as np

from genloss.errors import SpecError
from genloss.metrics.estimate import Estimate, estimate


def compression_ratio(documents: Iterable[str], *, interval: bool = False) -> Estimate:
    """How much smaller documents become when they are compressed together.

    Definition: bytes of all documents, joined by line ends, over their bytes after zlib's strongest compression.
    Units: none. Range: from about 1; the larger, the more repetitive.
    Sample size: rises with the amount of text up to the compressor's window (32 KiB), so compare equal amounts only.
    Standard error: by leaving out documents in 20 groups (jackknife).
    Source: Shaib et al. 2024 (standardised text diversity).
    """
    texts = list(documents) if not isinstance(documents, str) else None
    if texts is None or not all(isinstance(text, str) for text in texts) or not texts:
        raise SpecError("metrics.compression_ratio: give a list of at least one text")
    coded = [text.encode("utf-8", "replace") for text in texts]

    def ratio(some: list[bytes]) -> float:
        joined = b"\n".join(some)
        return len(joined) / max(1, len(zlib.compress(joined, 9)))

    def error() -> float:
        groups = np.array_split(np.arange(len(coded)), min(20, len(coded)))
        if len(groups) < 2:
            return float("inf")
        left = [ratio([text for i, text in enumerate(coded) if i not in set(group.tolist())]) for group in groups]
        m = len(groups)
        return float(np.sqrt((m - 1) / m * ((np.array(left) - np.mean(left)) ** 2).sum()))

    return estimate(ratio(coded), error, len(coded), interval, (0, np.inf))
