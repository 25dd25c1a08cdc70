"""Filters: curators that leave out what a detector or a watermark gives away, inside a chain and on a corpus.

A filter errs in two ways, and both matter in a loop: synthetic rows that pass feed the collapse, and real rows that are
left out take with them what they alone held. `Unwatermarked` bounds the second kind of error for any text;
`KeepAtMostShare` bounds the first kind, as far as its references speak for the pool. The law for a filter with known
error rates is `genloss.theory.catalogue.curation.filtered_share` (`ImperfectFilter` in a chain).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from genloss.chain.curators import Below, ImperfectFilter, Then, _scores, _taken
from genloss.chain.data import Array, Block, Data, Floats, Pool, size, take
from genloss.chain.protocols import Curator, Detector
from genloss.errors import SpecError
from genloss.provenance.evidence.p_values import benjamini_yekutieli
from genloss.provenance.evidence.scores import checked_scores
from genloss.provenance.watermarks.scheme import Scheme
from genloss.provenance.watermarks.watermark_spec import WatermarkSpec

_COUNTS = ("document", "pool", "dropped")
_FEWEST = 20
"""Resamples that are drawn where the interval is not asked for."""
Judged = tuple[NDArray[np.bool_], Callable[[float], str]]
"""Which rows are kept, and the reason that a score gives for leaving a row out."""


@dataclass(frozen=True)
class WatermarkScore:
    """A watermark as a detector: the score of a document is minus the decimal logarithm of its p-value.

    Rows are `Documents` of the model's own tokenizer, or sequences of token ids.

    Attributes:
        spec: The watermark, a `WatermarkSpec` or a scheme.

    Example:
        >>> from genloss.provenance import KGW
        >>> WatermarkScore(KGW(1000)).score([[]]).tolist()
        [0.0]
    """

    spec: WatermarkSpec | Scheme

    def __post_init__(self) -> None:
        object.__setattr__(self, "spec", WatermarkSpec.of(self.spec))

    def score(self, data: Data) -> Floats:
        """Score each document: 0 (no evidence) and up; shape (documents,)."""
        return np.abs(WatermarkSpec.of(self.spec).detect_each(data).log10_p)


@dataclass(frozen=True)
class Unwatermarked:
    """Train on the documents that bear no watermark: those whose p-value is above p.

    Watermarks are found in long documents and not in short ones, so what passes is short. What p bounds is named by
    `multiplicity`; all of it holds on average over keys, whatever the real text is.

    Attributes:
        spec: The watermark, a `WatermarkSpec` or a scheme.
        p: The level, above 0 and below 1.
        multiplicity: "document": a given real document is left out with a chance of at most p, so that of many real
            ones the share p goes. "pool": any real document of the pool is left out with a chance of at most p
            (Bonferroni). "dropped": at most the share p of what is left out is real, in expectation (Benjamini and
            Yekutieli 2001, under any dependence).

    Example:
        >>> from genloss.provenance import KGW
        >>> kept, dropped = filter_documents([[1, 2, 3], [4, 5]], Unwatermarked(KGW(1000)))
        >>> len(kept), dropped
        (2, ())
    """

    spec: WatermarkSpec | Scheme
    p: float = 0.01
    multiplicity: Literal["document", "pool", "dropped"] = "document"

    def __post_init__(self) -> None:
        object.__setattr__(self, "spec", WatermarkSpec.of(self.spec))
        if isinstance(self.p, bool) or not isinstance(self.p, (int, float)) or not 0 < self.p < 1:
            raise SpecError(f"curator.p: {self.p!r} is not a level; give a number above 0 and below 1, such as 0.01")
        if self.multiplicity not in _COUNTS:
            raise SpecError(f"curator.multiplicity: no {self.multiplicity!r}; known: {', '.join(_COUNTS)}")

    @property
    def detector(self) -> Detector:
        """The watermark as a detector."""
        return WatermarkScore(self.spec)

    def select(self, pool: Pool, rng: Generator) -> Pool:
        """Leave out what bears the watermark."""
        return _kept(self, pool, f"every document has a p-value of {self.p:g} or less; lower p")

    def judge(self, scores: Floats) -> Judged:
        """Say which of these documents are kept."""
        log10_p = -scores
        if self.multiplicity == "pool":
            log10_p = np.minimum(log10_p + math.log10(max(len(scores), 1)), 0.0)
        elif self.multiplicity == "dropped":
            log10_p = benjamini_yekutieli(log10_p)
        over = {"document": "", "pool": " over all documents", "dropped": " over what is left out"}[self.multiplicity]
        return log10_p > math.log10(
            self.p
        ), lambda score: f"watermark: log10 p = {-score:.2f}, at level {self.p:g}{over}"


@dataclass(frozen=True, eq=False)
class KeepAtMostShare:
    """Train on a part of the pool that is estimated to be synthetic to at most a given share; the highest scores go.

    The synthetic share of the pool is estimated from its scores and those of both references (adjusted probabilities,
    as `prevalence` does); the references also say which share of either kind lies below a cut; and the highest cut
    below which the share is small enough is taken. A pool that is good enough is kept whole.

    The estimate is only as good as the references: a later generation of a chain, whose text differs from that of the
    synthetic reference, may pass better than is thought.

    Attributes:
        detector: Anything with `score(data)`, higher is more synthetic; or a watermark (a `WatermarkSpec` or a scheme).
        share: The largest synthetic share of what is kept, above 0 and below 1: no scores show that nothing is
            synthetic.
        human_scores: Scores of rows that are known to be human, that did not train the detector: an array, or an
            `ArrayFile` whose every row is a score.
        synthetic_scores: Scores of rows that are known to be synthetic, that did not train the detector.
        level: None cuts by the estimate; a number such as 0.9 by the upper end of an interval of this confidence.
    """

    detector: Any
    share: float
    human_scores: Any = field(repr=False)
    synthetic_scores: Any = field(repr=False)
    level: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.detector, (WatermarkSpec, Scheme)):
            object.__setattr__(self, "detector", WatermarkScore(self.detector))
        if not callable(getattr(self.detector, "score", None)):
            raise SpecError(
                f"curator.detector: {type(self.detector).__name__} is not a detector; give score(data), or a watermark"
            )
        if isinstance(self.share, bool) or not isinstance(self.share, (int, float)) or not 0 < self.share < 1:
            raise SpecError(
                f"curator.share: {self.share!r} cannot be reached; give a number above 0 and below 1, such as 0.01"
            )
        if self.level is not None and not 0 < self.level < 1:
            raise SpecError(
                f"curator.level: {self.level!r} is not a confidence; give a number between 0 and 1, or None"
            )
        for name, scores in zip(("human_scores", "synthetic_scores"), self._references, strict=True):
            if not hasattr(getattr(self, name), "rows"):
                object.__setattr__(self, name, scores)

    @cached_property
    def _references(self) -> tuple[Floats, Floats]:
        """Both references, sorted."""
        human, synthetic = (
            np.sort(checked_scores(getattr(getattr(given, "rows", given), "array", given), f"curator.{name}"))
            for name, given in (("human_scores", self.human_scores), ("synthetic_scores", self.synthetic_scores))
        )
        return human, synthetic

    def select(self, pool: Pool, rng: Generator) -> Pool:
        """Leave out the rows with the highest scores."""
        return _kept(self, pool, "nothing is left")

    def estimate(self, scores: Floats) -> float:
        """The synthetic share of rows with these scores: the estimate, or the upper end of its interval.

        Raises:
            SpecError: If the references are too few or too much alike for a share to be known.
        """
        from genloss.provenance.share.prevalence import prevalence

        sets = (scores, *self._references)
        settings: dict[str, Any] = {"resamples": _FEWEST} if self.level is None else {"level": self.level}
        found = prevalence(*sets, **settings)
        if not found.identified:
            raise SpecError(f"curator: {found.warnings[0]}")
        return found.share if self.level is None else found.high

    def judge(self, scores: Floats) -> Judged:
        """Say which of these rows are kept."""
        whole = self.estimate(scores)
        if whole <= self.share:
            return np.ones(len(scores), np.bool_), _no_reason
        cuts = np.unique(scores)
        real, synthetic = self._references
        human = np.searchsorted(real, cuts, side="right") / len(real)
        # One more than were seen: a reference that has none below a cut does not prove that there are none.
        made = (np.searchsorted(synthetic, cuts, side="right") + 1) / (len(synthetic) + 1)
        left = whole * made / (whole * made + (1 - whole) * human + 1e-300)
        good = np.flatnonzero(left <= self.share)
        if not len(good):
            raise SpecError(
                f"curator: no cut leaves an estimated synthetic share of {self.share:.3g} or less; the best leaves "
                f"{left.min():.3g} of {whole:.3g}; use a sharper detector, larger references or a larger share"
            )
        cut = float(cuts[good[-1]])
        return (
            scores <= cut,
            lambda score: (
                f"score {score:.4g}, above {cut:.4g}, up to which an estimated {left[good[-1]]:.1%} are synthetic"
            ),
        )


class Dropped(NamedTuple):
    """A document that was left out.

    Attributes:
        position: Its place among all documents, from 0.
        reason: Why, in a few words.
    """

    position: int
    reason: str


class Filtered(NamedTuple):
    """What a curator made of a corpus.

    Attributes:
        kept: The documents that are kept, in their order and of the kind that was given.
        dropped: The others, each with a reason.
    """

    kept: Data
    dropped: tuple[Dropped, ...]


def filter_documents(documents: Data, curator: Curator, rng: Generator | None = None) -> Filtered:
    """Apply a curator to documents that belong to no chain.

    Args:
        documents: `Documents`, a list of texts or of sequences of token ids, an array of rows: whatever the curator's
            detector reads.
        curator: Any curator but `ImperfectFilter`, which reads a provenance that these documents have not got.
        rng: Randomness, for curators that draw; a fixed seed if None.

    Returns:
        The documents that are kept and the others with reasons. All may be left out.

    Raises:
        SpecError: If the curator needs the provenance, or loses track of rows.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    count = int(size(documents))
    left = np.arange(count)
    dropped: list[Dropped] = []
    for stage in _stages(curator):
        if not len(left):
            break
        kept, reasons = _stage(stage, documents if len(left) == count else take(documents, left), rng)
        gone = np.setdiff1d(np.arange(len(left)), kept)
        dropped += [Dropped(int(left[i]), reasons(int(i))) for i in gone]
        left = left[kept]
    return Filtered(documents if len(left) == count else take(documents, left), tuple(sorted(dropped)))


def _stages(curator: Any) -> list[Any]:
    if isinstance(curator, Then):
        return [stage for each in curator.curators for stage in _stages(each)]
    if isinstance(curator, ImperfectFilter):
        raise SpecError("curator: ImperfectFilter reads who made a row, which a corpus does not say; use a detector")
    return [curator]


def _stage(curator: Any, rows: Data, rng: Generator) -> tuple[Array, Callable[[int], str]]:
    """The positions that a curator keeps, in order, and its reason for leaving out another."""
    pool = Pool((Block(rows, False, 0),))
    if isinstance(curator, (Unwatermarked, KeepAtMostShare)):
        scores = _scores(curator.detector.score, pool, "curator.detector")
        keep, why = curator.judge(scores)
        return np.flatnonzero(keep), lambda i: why(float(scores[i]))
    if isinstance(curator, Below):
        scores = _scores(curator.detector.score, pool, "curator.detector")
        return np.flatnonzero(
            scores < curator.cut
        ), lambda i: f"score {scores[i]:.4g}, not below the cut of {curator.cut:.4g}"
    chosen = curator.select(Pool((Block(rows, 0, 0, ids=np.arange(int(size(rows)))),)), rng)
    name = type(curator).__name__
    kept = [block.ids for block in chosen.blocks if block.ids is not None]
    ids = np.concatenate(kept) if kept else np.zeros(0, np.int64)
    if len(ids) != int(chosen.size) or len(np.unique(ids)) != len(ids):
        raise SpecError(
            f"curator: {name} does not say which rows it keeps, each once; take rows with block.take(positions)"
        )
    return np.sort(ids), lambda _: f"not chosen by {name}"


def _kept(curator: Any, pool: Pool, empty: str) -> Pool:
    keep, _ = curator.judge(_scores(curator.detector.score, pool, "curator.detector"))
    if keep.all():
        return pool
    if not keep.any():
        raise SpecError(f"curator: {type(curator).__name__} leaves no row to train on: {empty}")
    return _taken(pool, np.flatnonzero(keep))


def _no_reason(score: float) -> str:
    return ""
