"""Watermarked passages inside a document, the number of passages that were looked at paid for."""

import math
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.errors import SpecError
from genloss.provenance.evidence.p_values import Evidence

if TYPE_CHECKING:
    from genloss.provenance.watermarks.scheme import Scheme, Scored


@dataclass(frozen=True)
class Span:
    """A passage that bears the watermark.

    Attributes:
        begin: Position of its first token that counts.
        end: One past the position of its last one.
        evidence: Its evidence; the p-value has been multiplied by the number of passages of the document.
    """

    begin: int
    end: int
    evidence: Evidence


def find_spans(scheme: "Scheme", scored: "Scored", level: float = 0.01) -> list[Span]:
    """Find passages whose evidence stands after paying for all passages that there are.

    A document of m units has m (m + 1) / 2 passages, and Bonferroni's bound over all of them holds whichever of them
    are searched, for all reported passages together. Searched are those of the largest scores above a rising slope
    (the maximal segments of a random walk with drift, for several drifts); what is left on both sides of the best one
    is searched again.

    Args:
        scheme: The watermark.
        scored: The scores of one document.
        level: The chance of reporting anything about a document without the watermark.

    Returns:
        Passages in order, none overlapping.
    """
    if not isinstance(level, (int, float)) or not 0 < level <= 1:
        raise SpecError(f"spans.level: {level!r}; give a number above 0 and at most 1")
    places = np.flatnonzero(scored.counted)
    values = scored.values[places]
    m = len(values)
    if not m:
        return []
    paid = math.log(m * (m + 1) / 2)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    found: list[Span] = []
    parts = [(0, m)]
    while parts:
        low, high = parts.pop()
        best = _best(scheme, values, sums, low, high)
        if best is None:
            continue
        begin, end, log_p = best
        if log_p + paid > math.log(level):
            continue
        units = end - begin
        statistic = float(scheme.statistic(sums[end] - sums[begin], units))
        method = f"{scheme.method}, one of {m * (m + 1) // 2} passages"
        evidence = Evidence(statistic, units, (log_p + paid) / math.log(10), method)
        found.append(Span(int(places[begin]), int(places[end - 1]) + 1, evidence))
        parts += [(low, begin), (end, high)]
    return sorted(found, key=lambda span: span.begin)


def _best(scheme: "Scheme", values: Any, sums: Any, low: int, high: int) -> tuple[int, int, float] | None:
    """The passage of least p-value among the candidates between two units."""
    if high - low < 2:
        return None
    mean, deviation = scheme.moments
    drifts = mean + deviation * np.array([0.03, 0.06, 0.1, 0.15, 0.25, 0.4, 0.6, 0.9, 1.3])
    found = import_module("genloss.provenance.watermarks.keying").segments(values[low:high], drifts)
    begins, ends = found[:, 0] + low, found[:, 1] + low
    keep = ends > begins
    begins, ends = begins[keep], ends[keep]
    if not len(begins):
        return None
    log_p = scheme.log_tail(sums[ends] - sums[begins], ends - begins)
    at = int(np.argmin(log_p))
    return int(begins[at]), int(ends[at]), float(log_p[at])
