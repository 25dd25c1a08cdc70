"""A fitted detector as one file: arrays and a header in JSON, no pickle, put in place whole or not at all."""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from genloss.chain.data import Array
from genloss.errors import SpecError
from genloss.plain.files import commit

_FORMAT = 1
_LARGEST = 1 << 32
"""Bytes that the arrays of a file may unpack to."""


def save(path: str | Path, kind: str, settings: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Write a detector; a reader sees the old file or the new one.

    Args:
        path: The file, usually with the ending .npz.
        kind: What is saved.
        settings: Its settings, as JSON can keep them.
        arrays: Its arrays.
    """
    path = Path(path)
    header = json.dumps({"genloss-detector": _FORMAT, "kind": kind, "settings": dict(settings)})
    content = io.BytesIO()
    packed: dict[str, Any] = {"header": np.frombuffer(header.encode(), dtype=np.uint8), **arrays}
    np.savez_compressed(content, **packed)
    try:
        commit(path, content.getvalue())
    except OSError as error:
        raise SpecError(f"{path}: cannot be written ({error.strerror}); give a file in a folder that exists") from None


def load(path: str | Path, kind: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read a detector that `save` wrote.

    Returns:
        Its settings and its arrays.

    Raises:
        SpecError: If the file is missing, damaged, or of another kind.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise SpecError(f"{path}: no such file; give a detector that was saved") from None
    except OSError:
        raise damaged(path) from None
    known, settings, arrays = parse(content, path)
    if known != kind:
        raise SpecError(f"{path}: holds {known}, not {kind}")
    return settings, arrays


def parse(content: bytes, path: str | Path) -> tuple[str, dict[str, Any], dict[str, Array]]:
    """Read the content of a file that `save` wrote; whoever wrote it, nothing of it is run, nor unpacked without limit.

    Args:
        content: The bytes of the file.
        path: Its name, for messages.

    Returns:
        What it is, its settings and its arrays of finite numbers.

    Raises:
        SpecError: If it is damaged, or of another format.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(each.file_size for each in packed.infolist()) > _LARGEST:
                raise SpecError(f"{path}: unpacks to more than {_LARGEST >> 30} GiB; no detector is so large")
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        header = json.loads(arrays.pop("header").tobytes())
        settings, kind = dict(header["settings"]), str(header["kind"])
        known = header["genloss-detector"] == _FORMAT
        sound = all(each.dtype.kind in "iuf" and np.isfinite(each).all() for each in arrays.values())
    except SpecError:
        raise
    except (
        OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, MemoryError, RecursionError,
        NotImplementedError, zipfile.BadZipFile, zlib.error,
    ):  # fmt: skip
        raise damaged(path) from None
    if not known:
        raise SpecError(f"{path}: a detector in a format that this version does not read; save it again")
    if not sound:
        raise damaged(path)
    return kind[:100], settings, arrays


def damaged(path: str | Path) -> SpecError:
    """What is said of a file that holds no detector."""
    return SpecError(f"{path}: no detector, or a damaged one; save it again")
