"""Claim: a corpus is read and tested at half a million tokens a CPU second, in memory that the units bound.

`python bench/detect.py` writes corpora of two sizes, runs `detect_files` over them, and prints tokens a CPU second by
kind of file, and the peak of memory for a corpus and one ten times as large.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

DOCUMENTS, LENGTH, SIZE = 2_000, 400, 32_000


def corpus(folder: Path, documents: int) -> dict[str, Path]:
    """Files of random token ids, with repeats as text has them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    weight = 1 / np.arange(1, SIZE + 1)
    ids = rng.choice(SIZE, (documents, LENGTH), p=weight / weight.sum()).astype(np.int32)
    files = {kind: folder / f"{documents}.{kind}" for kind in ("jsonl", "parquet")}
    with open(files["jsonl"], "w", encoding="utf-8") as file:
        file.writelines(json.dumps({"ids": row.tolist()}) + "\n" for row in ids)
    pq.write_table(pa.table({"ids": list(ids)}), files["parquet"], row_group_size=1000)
    return files


def detected(path: Path) -> Any:
    from genloss.provenance import KGW, WatermarkSpec
    from genloss.provenance.watermarks.corpora import detect_files

    return detect_files(path, WatermarkSpec(KGW(SIZE)))


class Files:
    """Reading and testing ids by kind of file."""

    params = ("jsonl", "parquet")

    def setup(self, kind: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = corpus(Path(self.folder.name), DOCUMENTS)[kind]
        detected(self.path)

    def time_detect(self, kind: str) -> None:
        detected(self.path)

    def teardown(self, kind: str) -> None:
        self.folder.cleanup()


def peak(path: Path) -> float:
    """The peak of memory of a process that tests a file, in MB."""
    code = f"import detect, pathlib, resource; detect.detected(pathlib.Path({str(path)!r})); print(detect.used())"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    return float(found.stdout)


def used() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, large = corpus(folder, DOCUMENTS), corpus(folder, 10 * DOCUMENTS)
        for kind, path in small.items():
            detected(path)
            begin = time.process_time()
            detected(path)
            spent = time.process_time() - begin
            print(f"{kind}: {DOCUMENTS * LENGTH / spent / 1e6:.2f}M tokens a CPU second")
        before, after = (peak(each["parquet"]) for each in (small, large))
        print(f"peak memory: {before:.0f} MB for {DOCUMENTS} documents, {after:.0f} MB for {10 * DOCUMENTS}")


if __name__ == "__main__":
    main()
