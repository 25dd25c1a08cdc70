"""Pools and values as plain arrays and JSON, so that a chain can go on from a file; nothing is pickled."""

import hashlib
import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from genloss.chain.data import Array, Batch, Block, Data, Pool, Statistic
from genloss.chain.recursion import Chain
from genloss.errors import SpecError
from genloss.runs.block import Job, Series, Values

_MAGIC = b"genloss-checkpoint-2 "
_OLD = b"genloss-checkpoint-1 "


class Unstorable(Exception):
    """Data of a kind that has no plain form; its block of replicates starts over after an interruption."""


def pack(t: int, pool: Pool, values: Values, digest: str, job: Job) -> bytes:
    """Write a generation's pool, and all values up to it, as bytes with a checksum in front.

    Args:
        t: The generation.
        pool: Its pool.
        values: All values up to it.
        digest: The checksum of the run's description.
        job: The block of replicates.

    Raises:
        Unstorable: Where the data have no plain form.
    """
    arrays: dict[str, Array] = {}
    blocks = []
    for i, block in enumerate(pool.blocks):
        if isinstance(block.maker, int):
            maker: int | None = block.maker
        else:
            maker, arrays[f"maker{i}"] = None, block.maker
        blocks.append({"data": _encode(block.data, f"block{i}", arrays), "maker": maker, "born": block.born})
    for name, found in values.stacked().items():
        arrays[f"probe:{name}"] = found
    header = {
        "digest": digest,
        "job": asdict(job),
        "t": t,
        "blocks": blocks,
        "labels": values.labels,
        "notes": values.notes,
        "film": values.film,
        "probes": list(values.arrays),
    }
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    body = io.BytesIO()
    np.savez(body, allow_pickle=False, **arrays)
    content = body.getvalue()
    return _MAGIC + hashlib.sha256(content).hexdigest().encode() + b"\n" + content


def unpack(content: bytes, chain: Chain, where: Path, digest: str, job: Job) -> tuple[int, Pool, Values]:
    """Read what `pack` wrote.

    Args:
        content: The bytes.
        chain: The chain, which knows how its data are built.
        where: The file, for messages.
        digest: The checksum of the description of the run that asks.
        job: The block of replicates that asks.

    Raises:
        SpecError: If the bytes are not what was written, or belong to another run or block.
    """
    if content.startswith(_OLD):
        raise SpecError(
            f"{where}: written by an older version; delete the file and resume, and its replicates start over"
        )
    head, _, body = content.partition(b"\n")
    if not head.startswith(_MAGIC) or hashlib.sha256(body).hexdigest().encode() != head[len(_MAGIC) :]:
        raise SpecError(f"{where}: damaged checkpoint; delete the file and resume, and its replicates start over")
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as stored:
            arrays = dict(stored)
    except (ValueError, zipfile.BadZipFile) as error:
        raise SpecError(f"{where}: damaged checkpoint ({error}); delete the file and resume") from None
    header = json.loads(arrays["header"].tobytes())
    if header["digest"] != digest:
        raise SpecError(f"{where}: checkpoint of another run, not of the one in run.json; delete the file and resume")
    if header["job"] != asdict(job):
        raise SpecError(f"{where}: checkpoint of another block of replicates; delete the file and resume")
    if not 0 <= header["t"] <= job.generations:
        raise SpecError(
            f"{where}: checkpoint of generation {header['t']} in a run of {job.generations}; delete the file and resume"
        )
    blocks = []
    for i, block in enumerate(header["blocks"]):
        maker = arrays[f"maker{i}"] if block["maker"] is None else block["maker"]
        blocks.append(Block(_decode(block["data"], f"block{i}", arrays, chain), maker, block["born"]))
    values = Values(
        {name: Series(np.moveaxis(arrays[f"probe:{name}"], 1, 0)) for name in header["probes"]},
        {name: (dim, labels) for name, (dim, labels) in header["labels"].items()},
        header["notes"],
        header["film"],
    )
    return header["t"], Pool(blocks), values


def _encode(data: Data, name: str, arrays: dict[str, Array]) -> Any:
    if isinstance(data, np.ndarray) and data.dtype.kind in "iufb":
        arrays[name] = data
        return "array"
    if isinstance(data, Batch):
        arrays[name] = data.rows
        return "batch"
    if isinstance(data, tuple):
        return [_encode(part, f"{name}.{i}", arrays) for i, part in enumerate(data)]
    if isinstance(data, Statistic):
        for part in data.parts():
            arrays[f"{name}.{part}"] = np.asarray(getattr(data, part))
        return {"statistic": {part: _plain(getattr(data, part)) for part in data.parts()}}
    if hasattr(data, "to_arrays"):
        stored = data.to_arrays()
        for part, array in stored.items():
            arrays[f"{name}.{part}"] = array
        return {"documents": list(stored)}
    if isinstance(data, list) and all(isinstance(row, str) for row in data):
        return {"texts": data}
    raise Unstorable(type(data).__name__)


def _decode(kind: Any, name: str, arrays: dict[str, Array], chain: Chain) -> Data:
    if kind == "array":
        return arrays[name]
    if kind == "batch":
        return Batch(arrays[name])
    if isinstance(kind, list):
        return tuple(_decode(part, f"{name}.{i}", arrays, chain) for i, part in enumerate(kind))
    if "statistic" in kind:
        cls: type[Statistic] = chain.learner.statistic  # type: ignore[attr-defined]
        stored = {part: arrays[f"{name}.{part}"] for part in kind["statistic"]}
        return cls.made(
            {part: stored[part].item() if plain else stored[part] for part, plain in kind["statistic"].items()}
        )
    if "documents" in kind:
        from genloss.corpus.tokenizers import documents_from

        found = {part: arrays[f"{name}.{part}"] for part in kind["documents"]}
        return documents_from(found, getattr(chain.source, "tokenizer", None))
    return kind["texts"]


def _plain(value: Any) -> bool:
    return not isinstance(value, np.ndarray)
