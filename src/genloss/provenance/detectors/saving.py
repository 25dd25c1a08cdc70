"""A fitted detector as one file: arrays and a header in JSON, no pickle, put in place whole or not at all."""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from genloss.data import Array
from genloss.errors import SpecError
from genloss.files import commit

_FORMAT = 1


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
        SpecError: Where the file is missing, damaged, or of another kind.
    """
    try:
        with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
        header = json.loads(arrays.pop("header").tobytes())
        settings = dict(header["settings"])
        known = header["genloss-detector"] == _FORMAT and header["kind"]
    except FileNotFoundError:
        raise SpecError(f"{path}: no such file; give a detector that was saved") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error):
        raise SpecError(f"{path}: no detector, or a damaged one; save it again") from None
    if known != kind:
        raise SpecError(f"{path}: holds {known or 'another format'}, not {kind}")
    return settings, arrays
