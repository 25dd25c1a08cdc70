"""The synthetic share of a corpus on disk, by comparison with references on disk."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import numpy as np

from genloss.corpus.readers import Cut, Policy, Reading, read
from genloss.corpus.records import Columns, Document
from genloss.corpus.shards import Shard
from genloss.errors import SpecError
from genloss.plain.numbers import share as check_share
from genloss.plain.numbers import whole_number
from genloss.provenance.share import estimates
from genloss.provenance.share.prevalence import Prevalence, prevalence
from genloss.provenance.watermarks.corpus_rows import columns_of
from genloss.provenance.watermarks.watermark_spec import WatermarkSpec

Paths = str | Path | Shard | Sequence[str | Path | Shard]
_FLAGGED = 0.01
"""Documents whose p-value is at most this are counted if there is no synthetic reference."""


@dataclass(frozen=True)
class CorpusShare:
    """The synthetic share of a corpus on disk.

    Attributes:
        prevalence: The estimate with its interval.
        lower_bound: Whether documents whose watermark does not show are not counted, so that the share is at least so.
        empty: How many documents without text were left out of the corpus.
        broken: How many rows that could not be read were left out of the corpus.
    """

    prevalence: Prevalence
    lower_bound: bool
    empty: int = 0
    broken: int = 0

    @property
    def known(self) -> bool:
        """Whether the references say anything about the share."""
        found = self.prevalence
        return found.identified and not (found.low <= 0 and found.high >= 1)

    def exceeds(self, share: float) -> bool:
        """Whether the whole interval lies above a share.

        Raises:
            SpecError: If the share cannot be known, so that no answer can be given.
        """
        if not self.known:
            raise SpecError("fail_above: the share cannot be known from these references, so nothing is passed")
        return self.prevalence.low > share

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain data, as JSON can keep it."""
        more = {"lower_bound": self.lower_bound, "left_out": {"empty": self.empty, "broken": self.broken}}
        return self.prevalence.to_dict() | more


def share_of_files(
    files: Paths,
    reference: Paths,
    synthetic: Paths | None = None,
    *,
    spec: WatermarkSpec | None = None,
    tokenizer: Any = None,
    scores: str | None = None,
    field: str | None = None,
    group: str | None = None,
    time: str | None = None,
    cluster: str | None = None,
    method: Literal["pacc", "acc", "likelihood", "moments"] = "pacc",
    level: float = 0.95,
    most: int = 20_000,
    seed: int = 0,
    cut: Cut = "paragraphs",
    empty: Policy = "skip",
    broken: Policy = "error",
    kind: str | None = None,
    told: Callable[[int], Any] | None = None,
) -> CorpusShare:
    """Estimate which share of a corpus on disk is synthetic.

    Documents are scored by the evidence for a watermark (`spec`), by a detector's scores in the files (`scores`), or by
    a text classifier that is trained on half of both references and compared with their other halves. With a watermark
    and no synthetic reference, documents that bear it are counted and the share is a lower bound.

    Args:
        files: The corpus, as `genloss.corpus.read` takes it.
        reference: Files known to be human, of the same kind.
        synthetic: Files known to be synthetic; None only with `spec`.
        spec: A watermark.
        tokenizer: A tokenizer of the library `tokenizers`; None to read token ids, with `spec` only.
        scores: The field that holds a detector's score of each row.
        field: The field of the text, or of the token ids; by default "text" or "ids".
        group: A field: every group gets a share of its own.
        time: A field: every time gets a share of its own.
        cluster: A field of all files: rows that agree in it are drawn together.
        method: How the share is estimated (`genloss.provenance.prevalence`).
        level: The confidence of the interval.
        most: Documents of each reference to use, chosen at random.
        seed: Decides all random choices.
        cut: What is a document of a .txt file.
        empty: What to do with a document without text: "skip" counts it and leaves it out, "error" refuses it.
        broken: What to do with a row that cannot be read: "error" or "skip".
        kind: What the files hold, whatever their names end in.
        told: Called with the number of bytes of the corpus that were read since its last call.

    Raises:
        SpecError: If what was asked for does not go together, or a file or a row cannot be read.
    """
    known = synthetic is not None and not (isinstance(synthetic, Sequence) and not synthetic)
    _check(spec, tokenizer, scores, known)
    check_share(level, "level")
    whole_number(most, "most", 1)
    bare = columns_of(field, tokenizer if spec is not None else True)
    if scores is not None:
        bare = Columns(None, further={"score": scores})
    if cluster is not None:
        bare = replace(bare, further={**bare.further, "cluster": cluster})
    columns = replace(bare, group=group, time=time)

    def reading(paths: Paths, parts: Columns, hear: Callable[[int], Any] | None = None) -> Reading:
        return read(paths, parts, cut=cut, empty=empty, broken=broken, kind=kind, told=hear)

    def sample(paths: Any, name: str) -> list[Document]:
        found = estimates.sampled(reading(paths, bare), most, rng)
        if not found:
            raise SpecError(f"{name}: no documents; give at least one")
        return found

    rng = np.random.default_rng(seed)
    corpus = reading(files, columns, told)
    by_cluster = [_cluster] if cluster is not None else []
    made: Any = None
    makers: list[Any] = []
    if scores is None and spec is None:
        human, other = sample(reference, "reference"), sample(synthetic, "synthetic")
        score, *halves = estimates.by_classifier(human, other, rng, cluster is not None)
        (real, authors), (made, makers) = halves
    else:
        score = estimates.by_field if spec is None else estimates.by_watermark(spec, tokenizer)
        if not known:
            score, method, made = estimates.flagged(score, _FLAGGED), "moments", 1.0
        real, authors = estimates.scores(score, sample(reference, "reference"), by_cluster)
        if made is None:
            made, makers = estimates.scores(score, sample(synthetic, "synthetic"), by_cluster)
    labels: dict[str, estimates.Label] = {}
    labels |= {"groups": attrgetter("group")} if group is not None else {}
    labels |= {"times": attrgetter("time")} if time is not None else {}
    labels |= {"clusters": _cluster} if cluster is not None else {}
    values, named = estimates.scores(score, corpus, list(labels.values()))
    if not len(values):
        raise SpecError(f"{corpus.shards[0]}: no documents; give at least one")
    options: dict[str, Any] = dict(zip(labels, named, strict=True))
    if cluster is not None:
        options["human_clusters"] = authors[0]
        options |= {"synthetic_clusters": makers[0]} if makers else {}
    found = prevalence(values, real, made, method, level=level, seed=seed, **options)
    return CorpusShare(found, spec is not None and not known, corpus.empty, corpus.broken)


def _cluster(document: Document) -> Any:
    return document.columns["cluster"]


def _check(spec: Any, tokenizer: Any, scores: str | None, known: bool) -> None:
    if scores is not None and spec is not None:
        raise SpecError("scores: the files hold scores already; leave out spec=")
    if not known and (scores is not None or spec is None):
        raise SpecError("synthetic: nothing known to be synthetic to compare with; give it, or a watermark by spec=")
    if spec is None and tokenizer is not None:
        raise SpecError("tokenizer: goes with spec=; leave it out")
