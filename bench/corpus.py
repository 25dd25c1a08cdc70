"""Claim: reading a corpus costs little more than parsing it, in memory that does not grow with its size.

`python bench/corpus.py` writes one corpus as every kind of file and prints the CPU seconds of reading it against those
of the plain loop over the same file (`json.loads` on the lines, pyarrow's batches, `csv.reader`, a split at blank
lines), and the peak of memory for a corpus and one eight times as large. Times are those of `time.process_time` in one
process, both ways in turn, the least of seven.
"""

import csv
import gzip
import io
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

DOCUMENTS, WORDS = 20_000, 80
KINDS = ("jsonl", "jsonl.gz", "jsonl.zst", "parquet", "csv", "txt")
MOST = {"jsonl": 3.5, "jsonl.gz": 2.5, "jsonl.zst": 3.0, "parquet": 5.0, "csv": 2.5, "txt": 6.0}
"""How many times the plain loop's CPU seconds reading may cost: some 4 microseconds per document, of 500 bytes here."""


def corpus(folder: Path, documents: int, kinds: tuple[str, ...] = KINDS) -> dict[str, Path]:
    """One corpus of words with a Zipf law as files of several kinds."""
    from genloss.corpus import Document, write

    files = {kind: folder / f"{documents}.{kind}" for kind in kinds}
    for path in files.values():
        write((Document("", text) for text in texts(documents)), path)
    return files


def texts(documents: int) -> Iterator[str]:
    rng = np.random.default_rng(0)
    words = np.array([f"w{i}," if i % 11 == 0 else f"word{i}" for i in range(5000)])
    for _ in range(documents):
        yield " ".join(words[np.minimum(rng.zipf(1.3, WORDS), 5000) - 1])


def read(path: Path) -> int:
    """Read a corpus, and count its characters."""
    from genloss.corpus import read

    return sum(len(document.text) for document in read(path))


def plainly(path: Path) -> int:
    """Do the same by the plain loop over such a file."""
    return PLAIN[path.name.partition(".")[2]](path)


def _json(file: Any) -> int:
    return sum(len(json.loads(line)["text"]) for line in file)


def _json_file(path: Path) -> int:
    with open(path, encoding="utf-8") as file:
        return _json(file)


def _json_gz(path: Path) -> int:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return _json(file)


def _json_zst(path: Path) -> int:
    import pyarrow as pa

    with pa.input_stream(str(path), compression="zstd") as stream:
        return _json(io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8"))


def _parquet(path: Path) -> int:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        batches = file.iter_batches(batch_size=512, columns=["text"], use_threads=False)
        return sum(len(text) for batch in batches for text in batch.column("text").to_pylist())


def _csv(path: Path) -> int:
    with open(path, encoding="utf-8", newline="") as file:
        return sum(len(row["text"]) for row in csv.DictReader(file))


def _text(path: Path) -> int:
    return sum(len(part.strip()) for part in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")))


PLAIN: dict[str, Callable[[Path], int]] = {
    "jsonl": _json_file, "jsonl.gz": _json_gz, "jsonl.zst": _json_zst, "parquet": _parquet, "csv": _csv, "txt": _text,
}  # fmt: skip


def seconds(path: Path, turns: int = 7) -> tuple[float, float]:
    """CPU seconds of reading a file, and of the plain loop over it."""
    found: tuple[list[float], list[float]] = ([], [])
    assert read(path) == plainly(path)
    for _ in range(turns):
        for way, spent in zip((read, plainly), found, strict=True):
            begin = time.process_time()
            way(path)
            spent.append(time.process_time() - begin)
    return min(found[0]), min(found[1])


def peak(path: Path) -> float:
    """The peak of memory of a process that reads a file, in MB."""
    code = f"import corpus, pathlib; corpus.read(pathlib.Path({str(path)!r})); print(corpus.used())"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    return float(found.stdout)


def used() -> float:
    """The peak of memory of this process; the usual figure would hold that of the process that started it."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024  # type: ignore[index]


class Reading:
    """Reading a corpus by kind of file."""

    params = KINDS

    def setup(self, kind: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = corpus(Path(self.folder.name), DOCUMENTS // 20, (kind,))[kind]

    def time_read(self, kind: str) -> None:
        read(self.path)

    def track_ratio(self, kind: str) -> float:
        mine, plain = seconds(self.path, 3)
        return mine / plain

    def teardown(self, kind: str) -> None:
        self.folder.cleanup()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, large = corpus(folder, DOCUMENTS), corpus(folder, 8 * DOCUMENTS)
        failed = []
        for kind, path in small.items():
            mine, plain = seconds(path)
            before, after = peak(path), peak(large[kind])
            size, larger = (file.stat().st_size / 1e6 for file in (path, large[kind]))
            print(
                f"{kind:9} {size:6.1f} MB in {mine:.3f} s of CPU, {mine / plain:.2f} times the plain loop; "
                f"peak {before:.0f} MB, and {after:.0f} MB for {larger:.0f} MB"
            )
            if mine > MOST[kind] * plain or after > before + 10:
                failed.append(kind)
        if failed:
            raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
