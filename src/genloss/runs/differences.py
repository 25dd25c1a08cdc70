"""Where two specifications of a run differ, in words."""

import json
from collections.abc import Mapping
from typing import Any


def difference(one: Any, other: Any, path: str = "") -> str:
    """Name the first place where two specifications differ; of a file that was rewritten, say which file.

    Args:
        one: What the folder holds.
        other: What is asked for now.
        path: Where in the specification this is.
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in sorted({*one, *other}):
            if one.get(name) != other.get(name):
                if name == "checksum" and one.get("path") == other.get("path"):
                    return _rewritten(one, other, path)
                return difference(one.get(name), other.get(name), f"{path}.{name}" if path else name)
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            if a != b:
                return difference(a, b, f"{path}[{i}]")
    return f"{path}: {json.dumps(one)[:60]} there, {json.dumps(other)[:60]} here"


def _rewritten(one: Mapping[str, Any], other: Mapping[str, Any], path: str) -> str:
    named = other.get("path", other.get("kind", path))
    files = ", ".join(map(str, named)) if isinstance(named, list) else str(named)
    if one.get("checksum") is None:
        return f"{path}: begun by a version that did not keep the checksum of {files}, so it cannot be resumed"
    if other.get("checksum") is None:
        return f"{path}: {files} is here without a checksum"
    return (
        f"{path}: {files} has changed since the run began; its checksum begins {str(other['checksum'])[:12]}, "
        f"not {str(one['checksum'])[:12]}"
    )
