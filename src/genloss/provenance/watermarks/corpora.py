"""The evidence for a watermark in every document of a corpus on disk, and in the corpus as a whole."""

import json
import math
import os
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genloss.chain.data import Array, Floats, Ints
from genloss.errors import SpecError
from genloss.provenance.evidence.p_values import Evidence, benjamini_yekutieli
from genloss.provenance.watermarks.corpus_rows import Row, tokens_of
from genloss.provenance.watermarks.watermark_spec import WatermarkSpec


@dataclass(frozen=True, eq=False)
class Detected:
    """The evidence of a corpus: 36 bytes a document, however long documents are.

    Attributes:
        file: The number of each document's file in `files`: shape (documents,).
        line: Its line or row there: shape (documents,).
        files: What stands before that line.
        statistic: Shape (documents,).
        units: Shape (documents,).
        log10_p: Shape (documents,).
        log10_adjusted: Adjusted over all documents under any dependence (Benjamini and Yekutieli 2001).
        corpus: The evidence of all documents as one text, whose units are distinct over all of them.
        fdr: Documents are flagged where the adjusted p-value is at most this.
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
            "corpus": {
                "statistic": self.corpus.statistic,
                "units": self.corpus.units,
                "log10_p": _finite(self.corpus.log10_p),
                "method": self.corpus.method,
            },
            "found": [self.document(int(i)) for i in self.flagged],
        }

    def write(self, path: Path) -> None:
        """Write the evidence of every document as JSON lines: the whole file or none.

        Raises:
            SpecError: Where the file cannot be written.
        """
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with open(part, "w", encoding="utf-8") as file:
                for i in range(len(self.units)):
                    file.write(json.dumps(self.document(i), allow_nan=False, ensure_ascii=False) + "\n")
            os.replace(part, path)
        except OSError as error:
            raise SpecError(f"{path}: cannot be written ({error.strerror})") from None
        finally:
            part.unlink(missing_ok=True)


def detect_rows(rows: Iterable[Row], spec: WatermarkSpec, tokenizer: Any = None, fdr: float = 0.01) -> Detected:
    """Test every row of a corpus, and the corpus as one text, reading it once.

    Args:
        rows: What `corpus_rows.rows_of` gives: text, or token ids where there is no tokenizer.
        spec: The watermark.
        tokenizer: A tokenizer of the library `tokenizers`.
        fdr: The expected share of false flags among the flagged documents.

    Raises:
        SpecError: Where a row is no document, or holds an id outside the vocabulary, or there is none.
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
