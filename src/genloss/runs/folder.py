"""A run on disk: what is finished is committed by rename, and nothing is ever half there."""

import contextlib
import fcntl
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.chain.data import Pool
from genloss.chain.meta import Meta, meta_of
from genloss.chain.recursion import Chain
from genloss.errors import SpecError
from genloss.plain.describe import checksum
from genloss.plain.files import commit
from genloss.runs.block import Job, Series, Values
from genloss.runs.checkpoint import Unstorable, pack, unpack
from genloss.runs.cut import Plan
from genloss.runs.differences import difference
from genloss.runs.older import upgraded
from genloss.runs.result import dataset

if TYPE_CHECKING:
    import xarray as xr

SECONDS_BETWEEN_CHECKPOINTS = float(os.environ.get("GENLOSS_CHECKPOINT_SECONDS", "5"))
_FORMAT = 1
_STRAY = re.compile(r"\.(study|run)\.json\.\d+\.tmp")


def foreign(folder: Path) -> bool:
    """Whether a folder holds anything that a run of genloss, begun and interrupted at any moment, does not leave."""
    return any(
        path.name not in ("study.json", "parts", "checkpoints", ".lock") and not _STRAY.fullmatch(path.name)
        for path in folder.iterdir()
    )


@dataclass(frozen=True)
class Store:
    """The folder of a run.

    Attributes:
        folder: Where it is.
        spec: The description of the run (`Plan.describe`).
        meta: What is known of each probe.
        jobs: The blocks that the run consists of.
    """

    folder: Path
    spec: Mapping[str, Any]
    meta: Mapping[str, Meta]
    jobs: tuple[Job, ...]

    @cached_property
    def digest(self) -> str:
        """The checksum of the specification, which every part carries."""
        return checksum(_canonical(self.spec))

    def done(self, job: Job) -> bool:
        """Whether a block is committed.

        Raises:
            SpecError: If it is committed and damaged.
        """
        record = self._record(job)
        if not record.exists():
            return False
        self._read(job)
        return True

    def commit(self, job: Job, values: Values) -> None:
        """Commit a block: its values first, then the record that says they are there."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        stacked = values.stacked()
        generations = next(iter(stacked.values())).shape[1]
        columns: dict[str, Any] = {
            "replicate": np.repeat(np.arange(job.begin, job.begin + job.keep), generations),
            "generation": np.tile(np.arange(generations), job.keep),
        }
        for name, found in stacked.items():
            if found.ndim == 2:
                columns[name] = found.ravel()
            else:
                columns[name] = pa.FixedSizeListArray.from_arrays(pa.array(found.ravel()), found.shape[2])
        table = pa.table(columns)
        notes = {"labels": values.labels, "notes": values.notes, "film": values.film}
        table = table.replace_schema_metadata({"genloss": json.dumps(notes)})
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        content = sink.getvalue().to_pybytes()
        commit(self._part(job), content)
        record = {"job": asdict(job), "spec": self.digest, "rows": table.num_rows, "sha256": checksum(content)}
        commit(self._record(job), json.dumps(record).encode())
        self._checkpoint(job).unlink(missing_ok=True)

    def checkpoint(self, chain: Chain, job: Job) -> "Keeper":
        """Where an unfinished block is kept."""
        return Keeper(self._checkpoint(job), chain, self.digest, job)

    def dataset(self, partial: bool = False) -> "xr.Dataset":
        """Assemble the result.

        Args:
            partial: Give what is there, NaN elsewhere, in place of an error where blocks are missing.
        """
        parts = {job: self._read(job) for job in self.jobs if self._record(job).exists()}
        if len(parts) < len(self.jobs) and not (partial and parts):
            raise SpecError(
                f"{self.folder}: {len(parts)} of {len(self.jobs)} blocks of the run are finished; resume the run"
            )
        return dataset(upgraded(self.spec), self.meta, parts)

    def _read(self, job: Job) -> Values:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._part(job)
        repair = f"delete {self._record(job).name} beside it and resume"
        try:
            record = json.loads(self._record(job).read_bytes())
            recorded, spec = record["sha256"], record["spec"]
            content = path.read_bytes()
        except FileNotFoundError:
            raise SpecError(f"{path}: missing, though it is recorded as finished; {repair}") from None
        except (ValueError, KeyError, TypeError):
            raise SpecError(f"{self._record(job)}: damaged; delete it and resume") from None
        if recorded != checksum(content):
            raise SpecError(f"{path}: damaged, its checksum is not the recorded one; {repair}")
        if spec != self.digest:
            raise SpecError(f"{path}: part of another run, not of the one in run.json; {repair}")
        table = pq.read_table(pa.BufferReader(content))
        notes = json.loads(table.schema.metadata[b"genloss"])
        arrays = {}
        for name in table.column_names[2:]:
            column = table[name].combine_chunks()
            if pa.types.is_fixed_size_list(column.type):
                found = column.flatten().to_numpy().reshape(job.keep, -1, column.type.list_size)
            else:
                found = column.to_numpy().reshape(job.keep, -1)
            arrays[name] = Series(np.moveaxis(found, 1, 0))
        labels = {name: (dim, own) for name, (dim, own) in notes["labels"].items()}
        return Values(arrays, labels, notes["notes"], notes["film"])

    def _part(self, job: Job) -> Path:
        return self.folder / "parts" / f"{job.name}.parquet"

    def _record(self, job: Job) -> Path:
        return self.folder / "parts" / f"{job.name}.json"

    def _checkpoint(self, job: Job) -> Path:
        return self.folder / "checkpoints" / f"{job.name}.ckpt"


@dataclass
class Keeper:
    """The checkpoint file of one block.

    Attributes:
        path: Where it is.
        chain: The chain, which knows how its data are built.
        digest: The checksum of the run's description.
        job: The block.
    """

    path: Path
    chain: Chain
    digest: str
    job: Job
    _last: float = field(default_factory=time.monotonic)

    def load(self) -> tuple[int, Pool, Values] | None:
        """Return what the last checkpoint holds; None if there is none."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        return unpack(content, self.chain, self.path, self.digest, self.job)

    def save(self, t: int, pool: Pool, values: Values) -> None:
        """Write a checkpoint if the last one is some seconds old."""
        if time.monotonic() - self._last < SECONDS_BETWEEN_CHECKPOINTS:
            return
        with contextlib.suppress(Unstorable):
            commit(self.path, pack(t, pool, values, self.digest, self.job))
        self._last = time.monotonic()


@contextlib.contextmanager
def opened(folder: Path, plan: Plan, resume: bool) -> Iterator[Store]:
    """Open the folder of a run for writing, alone.

    Raises:
        SpecError: If the folder holds something else, or a run that was not asked to go on.
        OSError: If it cannot be written.
    """
    folder = Path(folder)
    meta = {name: meta_of(probe) for name, probe in plan.probes.items()}
    store = Store(folder, plan.describe(), meta, tuple(plan.jobs()))
    header = folder / "run.json"
    if folder.exists() and not folder.is_dir():
        raise SpecError(f"{folder}: a file; give a folder")
    if header.exists():
        if not resume:
            raise SpecError(f"{folder}: holds a run already; go on with it by resume=True, or give another folder")
        there = _header(folder)["spec"]
        if checksum(_canonical(there)) != store.digest:
            raise SpecError(f"{folder}: holds another run ({difference(there, store.spec)}); give another folder")
    elif folder.exists() and foreign(folder):
        raise SpecError(f"{folder}: not empty and no run of genloss; give an empty or a new folder")
    for part in ("parts", "checkpoints"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SpecError(
                f"{folder}: another process is writing this run; wait for it or give another folder"
            ) from None
        _sweep(folder)
        if not header.exists():
            content = {
                "format": _FORMAT,
                "spec": store.spec,
                "meta": {name: asdict(known) for name, known in meta.items()},
                "jobs": [asdict(job) for job in store.jobs],
            }
            commit(header, json.dumps(content, indent=1).encode())
        try:
            yield store
        finally:
            _sweep(folder)


def _sweep(folder: Path) -> None:
    """Remove what was never put in place: the half-written files of processes that were killed."""
    for pattern in ("parts/.*.tmp", "checkpoints/.*.tmp", ".run.json.*.tmp"):
        for stray in folder.glob(pattern):
            stray.unlink(missing_ok=True)


def load(folder: str | Path, *, partial: bool = False) -> "xr.Dataset":
    """Read the result of a run that was kept in a folder.

    Args:
        folder: The folder that `run(out=...)` or `genloss run --out` wrote.
        partial: Give what is finished, NaN elsewhere, in place of an error where the run is not.

    Raises:
        SpecError: If there is no run, or it is damaged or not finished.
    """
    folder = Path(folder)
    header = _header(folder)
    meta = header["meta"]
    return Store(folder, header["spec"], meta, header["jobs"]).dataset(partial)


def _header(folder: Path) -> dict[str, Any]:
    path = folder / "run.json"
    try:
        header: dict[str, Any] = json.loads(path.read_bytes())
        if header["format"] != _FORMAT:
            raise SpecError(f"{path}: written in format {header['format']}, this version reads {_FORMAT}")
        return {
            "spec": dict(header["spec"]),
            "meta": {name: Meta(**known) for name, known in header["meta"].items()},
            "jobs": tuple(Job(**job) for job in header["jobs"]),
        }
    except FileNotFoundError:
        raise SpecError(f"{folder}: no run here (there is no run.json); give the folder of a run") from None
    except SpecError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SpecError(f"{path}: damaged; the run cannot be read without it") from None


def _canonical(spec: Mapping[str, Any]) -> bytes:
    return json.dumps(spec, sort_keys=True).encode()
