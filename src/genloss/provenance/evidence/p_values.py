"""Evidence: a statistic, how many independent units it rests on, and a p-value that holds at any distance.

A p-value here is exact for a text written without knowledge of the key, taken over keys: one key moves all texts that
share phrases together. Where one key is to be judged, compare with other keys (`against_decoys`) or with texts known to
be human (`against_reference`).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Floats, Ints
from genloss.errors import SpecError
from genloss.plain.numbers import whole_number

_LOG10 = math.log(10)


@dataclass(frozen=True)
class Evidence:
    """How strongly a text, a corpus or a passage speaks for a watermark.

    Attributes:
        statistic: What was counted: green tokens, a sum of scores, a mean of bits.
        units: Distinct draws of the pseudorandom function that it rests on; 0 if the text is too short.
        log10_p: The decimal logarithm of the p-value: finite wherever the statistic is possible.
        method: How the p-value was found.

    Example:
        >>> Evidence(90.0, 100, -30.0, "binomial").p_value
        1e-30
    """

    statistic: float
    units: int
    log10_p: float
    method: str

    @property
    def p_value(self) -> float:
        """The probability of so much or more without a watermark; 0.0 only below what a float can hold."""
        return 10.0**self.log10_p if self.log10_p > -400 else 0.0


@dataclass(frozen=True, eq=False)
class Evidences:
    """The evidence of many documents, in order; indexing and iterating give one document's.

    Attributes:
        statistic: Shape (documents,).
        units: Shape (documents,).
        log10_p: Shape (documents,).
        method: How the p-values were found.
    """

    statistic: Floats
    units: Ints
    log10_p: Floats
    method: str

    def __len__(self) -> int:
        return len(self.units)

    def __getitem__(self, i: int) -> Evidence:
        return Evidence(float(self.statistic[i]), int(self.units[i]), float(self.log10_p[i]), self.method)

    def __iter__(self) -> Iterator[Evidence]:
        return (self[i] for i in range(len(self)))

    @property
    def p_value(self) -> Floats:
        """One p-value per document."""
        return np.power(10.0, np.maximum(self.log10_p, -400))


def combine(evidence: Sequence[Evidence], how: Literal["bonferroni", "sidak", "fisher"] = "bonferroni") -> Evidence:
    """Combine what several keys or schemes say of one text into one p-value: "some watermark is there".

    "bonferroni" holds whatever the dependence, and suits the question which of many keys it was. "sidak" and "fisher"
    need p-values that are independent, as those of independent keys are; "fisher" adds up weak evidence of several.

    Returns:
        Evidence whose statistic is that of the strongest part.
    """
    if not evidence:
        raise SpecError("combine: no evidence; give at least one")
    logs = np.array([each.log10_p for each in evidence]) * _LOG10
    best = evidence[int(np.argmin(logs))]
    least, m = float(logs.min()), len(logs)
    if how == "bonferroni":
        log_p = least + math.log(m)
    elif how == "sidak":
        log_p = _log_any(least, m)
    elif how == "fisher":
        from genloss.provenance.evidence.tail_areas import log_gamma_tail

        log_p = float(log_gamma_tail(m, -logs.sum()))
    else:
        raise SpecError(f"combine.how: no way {how!r}; known: bonferroni, sidak, fisher")
    return Evidence(best.statistic, best.units, min(0.0, log_p) / _LOG10, f"{how} of {m}: {best.method}")


def _log_any(log_p: float, m: int) -> float:
    """The logarithm of 1 - (1 - p)^m."""
    if log_p >= 0:
        return 0.0
    none = m * (math.log1p(-math.exp(log_p)) if log_p > -700 else 0.0)
    return math.log(-math.expm1(none)) if none < -1e-290 else log_p + math.log(m)


def benjamini_hochberg(evidence: "Sequence[Evidence] | Evidences | Array") -> Floats:
    """Adjust p-values so that flagging those up to q keeps the expected share of false flags at most q.

    Holds for p-values that are independent or positively dependent (Benjamini and Hochberg 1995).

    Args:
        evidence: Evidence of documents, or an array of decimal logarithms of p-values.

    Returns:
        Decimal logarithms of the adjusted p-values: shape (documents,).
    """
    return _stepped_up(_logs(evidence), 0.0)


def benjamini_yekutieli(evidence: "Sequence[Evidence] | Evidences | Array") -> Floats:
    """As `benjamini_hochberg`, under any dependence (Benjamini and Yekutieli 2001): larger by about log(documents).

    Documents judged by one key are dependent: use this where they share phrases.
    """
    logs = _logs(evidence)
    return _stepped_up(logs, float(np.log10(np.sum(1 / np.arange(1, len(logs) + 1)))) if len(logs) else 0.0)


def _logs(evidence: Any) -> Floats:
    if isinstance(evidence, Evidences):
        return evidence.log10_p
    first = next(iter(evidence), None) if not isinstance(evidence, np.ndarray) else None
    logs = [each.log10_p for each in evidence] if isinstance(first, Evidence) else evidence
    found = np.asarray(logs, dtype=float)
    if found.ndim != 1 or np.isnan(found).any() or (found > 0).any():
        raise SpecError("evidence: decimal logarithms of p-values are one number per document, none above 0 or NaN")
    return found


def _stepped_up(logs: Floats, cost: float) -> Floats:
    order = np.argsort(logs)
    ranks = np.arange(1, len(logs) + 1)
    raised = logs[order] + math.log10(max(len(logs), 1)) - np.log10(ranks) + cost
    found = np.empty_like(logs)
    found[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 0.0)
    return found


def against_decoys(
    detect: Callable[[Any], Evidence], key: Any, decoys: int, random_key: Callable[[Generator], Any], rng: Generator
) -> Evidence:
    """Compare a key with keys drawn at random: p = (1 + those with as much evidence) / (decoys + 1).

    Valid for one text and the key in hand with no assumption on either but that the key was drawn as the decoys are;
    it cannot fall below 1 / (decoys + 1).

    Args:
        detect: Gives the evidence for a key.
        key: The key in question.
        decoys: How many other keys to draw.
        random_key: Draws a key.
        rng: Randomness.
    """
    whole_number(decoys, "decoys", 1)
    found = detect(key)
    others = np.array([detect(random_key(rng)).log10_p for _ in range(decoys)])
    p = (1 + int(np.sum(others <= found.log10_p))) / (decoys + 1)
    return Evidence(found.statistic, found.units, math.log10(p), f"{decoys} decoy keys: {found.method}")


def against_reference(evidence: Evidence, reference: "Sequence[Evidence] | Evidences | Array") -> Evidence:
    """Compare with texts known to be human: p = (1 + those with as much evidence) / (texts + 1).

    Valid for a human text exchangeable with the reference (same kind, same length), under the very key in use; it
    cannot fall below 1 / (texts + 1).
    """
    logs = _logs(reference)
    p = (1 + int(np.sum(logs <= evidence.log10_p))) / (len(logs) + 1)
    method = f"{len(logs)} human texts: {evidence.method}"
    return Evidence(evidence.statistic, evidence.units, math.log10(p), method)
