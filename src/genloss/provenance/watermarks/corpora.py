"""The evidence for a watermark in every document of a corpus on disk, and in the corpus as a whole."""

import math
import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from genloss.chain.data import Array, Floats, Ints
from genloss.corpus.readers import Cut, Policy, read
from genloss.corpus.records import Document
from genloss.corpus.shards import Shard
from genloss.corpus.writers import write
from genloss.errors import SpecError
from genloss.plain.numbers import share as check_share
from genloss.provenance.evidence.p_values import Evidence, benjamini_yekutieli
from genloss.provenance.watermarks.corpus_rows import columns_of, tokens_of
from genloss.provenance.watermarks.watermark_spec import WatermarkSpec


@dataclass(frozen=True, eq=False)
class Detected:
    """The evidence of a corpus: 36 bytes per document, however long documents are.

    Attributes:
        file: The number of each document's file in `files`: shape (documents,).
        line: Its line or row there: shape (documents,).
        files: What stands before that line.
        statistic: Shape (documents,).
        units: Shape (documents,).
        log10_p: Shape (documents,).
        log10_adjusted: Adjusted over all documents under any dependence (Benjamini and Yekutieli 2001).
        corpus: The evidence of all documents as one text, whose units are distinct over all of them.
        fdr: Documents are flagged if the adjusted p-value is at most this.
        empty: How many documents without text were left out.
        broken: How many rows that could not be read were left out.
    """

    file: Array
    line: Array
    files: tuple[str, ...]
    statistic: Floats
    units: Array
    log10_p: Floats
    log10_adjusted: Floats
    corpus: Evidence
    fdr: float
    empty: int = 0
    broken: int = 0

    @property
    def flagged(self) -> Ints:
        """The positions of flagged documents, the strongest evidence first."""
        found = np.flatnonzero(self.log10_adjusted <= math.log10(self.fdr))
        return found[np.argsort(self.log10_p[found], kind="stable")]

    @property
    def share(self) -> float:
        """The share of documents that are flagged, a low estimate of the watermarked share."""
        return len(self.flagged) / len(self.units)

    def where(self, i: int) -> str:
        """Where a document stands."""
        return f"{self.files[self.file[i]]}{self.line[i]}"

    def document(self, i: int) -> dict[str, Any]:
        """The evidence of a document as plain data."""
        return {
            "where": self.where(i),
            "statistic": float(self.statistic[i]),
            "units": int(self.units[i]),
            "log10_p": _finite(self.log10_p[i]),
            "log10_adjusted_p": _finite(self.log10_adjusted[i]),
            "flagged": bool(self.log10_adjusted[i] <= math.log10(self.fdr)),
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything but the evidence of documents that are not flagged, as plain data."""
        return {
            "documents": len(self.units),
            "flagged": len(self.flagged),
            "share": self.share,
            "fdr": self.fdr,
            "too_short": int((self.units == 0).sum()),
            "left_out": {"empty": self.empty, "broken": self.broken},
            "corpus": {
                "statistic": self.corpus.statistic,
                "units": self.corpus.units,
                "log10_p": _finite(self.corpus.log10_p),
                "method": self.corpus.method,
            },
            "found": [self.document(int(i)) for i in self.flagged],
        }

    def exceeds(self, share: float) -> bool:
        """Whether more than a share of the documents is flagged."""
        return self.share > share

    def write(self, path: str | Path) -> None:
        """Write the evidence of every document, as JSON lines unless the name ends in .csv or .parquet: whole or not.

        Raises:
            SpecError: If the file cannot be written.
        """
        table = re.search(r"\.(csv(\.gz|\.zst)?|parquet)$", str(path)) is not None
        write((self.document(i) for i in range(len(self.units))), path, kind="" if table else "jsonl")


def detect_files(
    paths: str | Path | Shard | Sequence[str | Path | Shard],
    spec: WatermarkSpec,
    tokenizer: Any = None,
    *,
    field: str | None = None,
    fdr: float = 0.01,
    cut: Cut = "paragraphs",
    empty: Policy = "skip",
    broken: Policy = "error",
    kind: str | None = None,
    told: Callable[[int], Any] | None = None,
) -> Detected:
    """Test every document of a corpus on disk, and the corpus as one text, reading it once.

    Args:
        paths: What to test, as `genloss.corpus.read` takes it.
        spec: The watermark.
        tokenizer: A tokenizer of the library `tokenizers`; None to read token ids.
        field: The field of the text, or of the token ids; by default "text" or "ids".
        fdr: The expected share of false flags among the flagged documents.
        cut: What is a document of a .txt file.
        empty: What to do with a document without text: "skip" counts it and leaves it out, "error" refuses it.
        broken: What to do with a row that cannot be read: "error" or "skip".
        kind: What the files hold, whatever their names end in.
        told: Called with the number of bytes that were read since its last call.

    Raises:
        SpecError: If a file or a row cannot be read, an id is outside the vocabulary, or there are no documents.
    """
    check_share(fdr, "fdr")
    columns = columns_of(field, tokenizer)
    documents = read(paths, columns, cut=cut, empty=empty, broken=broken, kind=kind, told=told)
    found = detect_rows(documents, spec, tokenizer, fdr)
    return replace(found, empty=documents.empty, broken=documents.broken)


def detect_rows(rows: Iterable[Document], spec: WatermarkSpec, tokenizer: Any = None, fdr: float = 0.01) -> Detected:
    """Test every row of a corpus, and the corpus as one text, reading it once.

    Args:
        rows: Documents with text; without a tokenizer, with token ids in their column "ids".
        spec: The watermark.
        tokenizer: A tokenizer of the library `tokenizers`.
        fdr: The expected share of false flags among the flagged documents.

    Raises:
        SpecError: If a row holds an id outside the vocabulary, or there are no documents.
    """
    tally = spec.tally()
    files: dict[str, int] = {}
    file, line, units = array("i"), array("I"), array("i")
    statistic, log10_p = array("d"), array("d")
    for chunk in tokens_of(rows, spec, tokenizer):
        found = spec.detect_each([ids for _, ids in chunk], tally=tally)
        for row, _ in chunk:
            before, _, number = row.where.rpartition(" ")
            file.append(files.setdefault(before + " ", len(files)))
            line.append(int(number))
        for kept, values in ((statistic, found.statistic), (units, found.units), (log10_p, found.log10_p)):
            kept.extend(values.tolist())
    if not units:
        raise SpecError("detect: no documents; give at least one")
    logs = np.frombuffer(log10_p, dtype=float)
    return Detected(
        np.frombuffer(file, dtype=np.int32),
        np.frombuffer(line, dtype=np.uint32),
        tuple(files),
        np.frombuffer(statistic, dtype=float),
        np.frombuffer(units, dtype=np.int32),
        logs,
        benjamini_yekutieli(logs),
        tally.evidence(),
        fdr,
    )


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
