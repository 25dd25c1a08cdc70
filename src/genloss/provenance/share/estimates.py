"""The synthetic share of a corpus on disk: what scores its rows, and what the scores are compared with."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Floats
from genloss.corpus.records import Document
from genloss.errors import SpecError
from genloss.provenance.evidence.scores import Interned, Labels
from genloss.provenance.watermarks.corpus_rows import score_of, tokens_of
from genloss.provenance.watermarks.watermark_spec import WatermarkSpec

Rows = Iterable[Document]
Score = Callable[[Rows], Iterator[tuple[list[Document], Floats]]]
"""Scores documents, some at a time."""

_FEWEST = 20
_BATCH = 512
_CHARACTERS = 1 << 23


def sampled(rows: Rows, most: int, rng: Generator) -> list[Document]:
    """Choose at most `most` rows, each as likely as any other, without holding more (Vitter 1985, algorithm R)."""
    held: list[Document] = []
    for number, row in enumerate(rows):
        if len(held) < most:
            held.append(row)
        elif (at := int(rng.integers(number + 1))) < most:
            held[at] = row
    return held


def by_field(rows: Rows) -> Iterator[tuple[list[Document], Floats]]:
    """The scores that a detector has written into the rows, in their column "score"."""
    for some in _batches(rows):
        yield some, np.array([score_of(row) for row in some])


def by_watermark(spec: WatermarkSpec, tokenizer: Any = None) -> Score:
    """Scores rows by minus the decimal logarithm of the p-value of a watermark."""

    def score(rows: Rows) -> Iterator[tuple[list[Document], Floats]]:
        for chunk in tokens_of(rows, spec, tokenizer):
            yield [row for row, _ in chunk], np.abs(spec.detect_each([ids for _, ids in chunk]).log10_p)

    return score


def flagged(score: Score, p: float) -> Score:
    """Scores rows by 1 if the p-value of a watermark is at most p, else 0."""

    def flag(rows: Rows) -> Iterator[tuple[list[Document], Floats]]:
        for some, found in score(rows):
            yield some, (found >= -math.log10(p)).astype(float)

    return flag


Known = tuple[Floats, list[Labels]]
"""Scores of a reference, and its labels."""


def by_classifier(
    human: list[Document], synthetic: list[Document], rng: Generator, clustered: bool = False
) -> tuple[Score, Known, Known]:
    """Train a text classifier on half of both references, and score their other halves by it.

    Args:
        human: Rows known to be human.
        synthetic: Rows known to be synthetic.
        rng: Chooses the halves.
        clustered: Whether rows that agree in their column "cluster" stay in one half.

    Returns:
        What scores rows, the scores of the human half with its clusters, and those of the synthetic half.

    Raises:
        SpecError: If a reference has fewer than 20 rows, or one cluster alone.
    """
    from genloss.provenance.detectors import TextClassifier

    halves, clusters = [], []
    for rows, name in ((human, "reference"), (synthetic, "synthetic")):
        if len(rows) < _FEWEST:
            raise SpecError(f"{name}: {len(rows)} documents; a classifier needs {_FEWEST}, half to train on")
        names = [str(row.columns["cluster"]) for row in rows] if clustered else [str(i) for i in range(len(rows))]
        first, second = _halves(names, rng)
        if not len(second):
            raise SpecError(f"{name}: all rows are one cluster; a classifier needs two, one to train on")
        texts = [row.text for row in rows]
        halves.append([[texts[i] for i in half] for half in (first, second)])
        interned = Interned()
        interned.add(names[i] for i in second)
        clusters.append([interned.labels()])
    detector = TextClassifier().fit(halves[0][0], halves[1][0])

    def score(rows: Rows) -> Iterator[tuple[list[Document], Floats]]:
        for some in _batches(rows):
            yield some, detector.score([row.text for row in some])

    return score, (detector.score(halves[0][1]), clusters[0]), (detector.score(halves[1][1]), clusters[1])


def _halves(names: list[str], rng: Generator) -> tuple[Array, Array]:
    """Part rows into two halves without parting a cluster, at random."""
    distinct, cluster = np.unique(names, return_inverse=True)
    order = rng.permutation(len(distinct))
    sizes = np.bincount(cluster)[order]
    early = np.empty(len(distinct), dtype=bool)
    early[order] = np.cumsum(sizes) - sizes < len(names) / 2
    return np.flatnonzero(early[cluster]), np.flatnonzero(~early[cluster])


Label = Callable[[Document], Any]


def scores(score: Score, rows: Rows, labels: Sequence[Label] = ()) -> tuple[Floats, list[Labels]]:
    """Score all rows of a corpus: 8 bytes per row, and 4 for each of its labels.

    Args:
        score: What scores them.
        rows: The rows.
        labels: What gives each label of a row.

    Returns:
        The scores, and the labels as text.
    """
    parts: list[Floats] = []
    named = [Interned() for _ in labels]
    for some, found in score(rows):
        parts.append(found)
        for label, kept in zip(labels, named, strict=True):
            kept.add(map(label, some))
    return np.concatenate(parts) if parts else np.zeros(0), [each.labels() for each in named]


def _batches(rows: Rows) -> Iterator[list[Document]]:
    held: list[Document] = []
    length = 0
    for row in rows:
        held.append(row)
        length += len(row.text)
        if len(held) == _BATCH or length > _CHARACTERS:
            yield held
            held, length = [], 0
    if held:
        yield held
