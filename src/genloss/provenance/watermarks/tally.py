"""The evidence of a whole corpus: units distinct over all its documents, in memory that does not grow with it."""

import math
from functools import partial
from typing import Any

import numpy as np

from genloss.chain.data import Floats
from genloss.errors import SpecError
from genloss.plain.numbers import whole_number
from genloss.provenance.evidence.p_values import Evidence
from genloss.provenance.watermarks.scheme import Scheme, Scored, Units, chunks_of, kernels


class Tally:
    """Units seen so far and their values, over any number of documents.

    Where there are more units than may be held, those go whose hashed names are in the upper half, and so on: what is
    left is a sample of the units chosen without regard to their values, so that the p-value holds and only power is
    lost. Tallies of one scheme add up.

    Attributes:
        scheme: The watermark.
        most: How many units are held: 32 bytes each.
    """

    def __init__(self, scheme: Scheme, most: int = 1 << 22) -> None:
        whole_number(most, "corpus.most", 16)
        self.scheme, self.most = scheme, most
        self._slots = 1 << (2 * most - 1).bit_length()
        self._limit = 2**64 - 1
        self._units = 0
        self._held: Units = np.zeros(min(self._slots, 1 << 12), np.uint64)
        self._kept: Floats = np.zeros(len(self._held))

    def add(self, documents: Any) -> "Tally":
        """Take in documents: `Documents`, or any iterable of one sequence of token ids a document."""
        for tokens, offsets in chunks_of(documents, self.scheme.vocab_size):
            self.take(self.scheme.scored(tokens, offsets))
        return self

    def take(self, scored: Scored) -> "Tally":
        """Take in documents that are scored already."""
        self._fill(len(scored.units), partial(kernels().absorb, scored.units, scored.values, scored.counted))
        return self

    def __add__(self, other: "Tally") -> "Tally":
        if self.scheme != other.scheme:
            raise SpecError("corpus: tallies of different watermarks do not add up")
        found = Tally(self.scheme, min(self.most, other.most))
        found._limit = min(self._limit, other._limit)
        for part in (self, other):
            taken = part._held != 0
            names, values = part._held[taken], part._kept[taken]
            found._fill(len(names), partial(kernels().absorb_named, names, values))
        return found

    @property
    def share(self) -> float:
        """The share of all units that is held."""
        return (self._limit + 1) / 2**64

    def evidence(self) -> Evidence:
        """What the corpus says so far."""
        taken = self._held != 0
        return evidence_of(self.scheme, float(self._kept[taken].sum()), self._units, self.share)

    def _fill(self, length: int, put: Any) -> None:
        """Put so many units in, making room where there is none: a larger table, then a lower limit."""
        at = 0
        while True:
            room = min(self.most, len(self._held) // 2) - self._units
            new, at = put(at, np.uint64(self._limit), room, self._held, self._kept)
            self._units += new
            if at == length:
                return
            if len(self._held) == self._slots:
                self._limit //= 2
            self._rebuild(4 * len(self._held))

    def _rebuild(self, slots: int) -> None:
        held, kept = self._held, self._kept
        self._held, self._kept = np.zeros(min(slots, self._slots), np.uint64), np.zeros(min(slots, self._slots))
        self._units = kernels().reabsorb(held, kept, np.uint64(self._limit), self._held, self._kept)


def evidence_of(scheme: Scheme, total: float, units: int, share: float = 1.0) -> Evidence:
    """The evidence of a total over so many distinct units."""
    log_p = float(scheme.log_tail(total, units)) if units else 0.0  # no unit says nothing
    method = scheme.method + (f", {share:.3g} of all units" if share < 1 else "")
    return Evidence(float(scheme.statistic(total, units)) if units else 0.0, int(units), log_p / math.log(10), method)
