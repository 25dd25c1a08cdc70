"""Objects as plain data: the fields of a dataclass are the only schema."""

import dataclasses
import functools
import hashlib
import json
import re
import types
from collections.abc import Mapping
from typing import Any

import numpy as np


def kebab(name: str) -> str:
    """Write the name of a class or function as a spec does: in kebab case, acronyms kept together.

    Example:
        >>> kebab("GaussianMLE"), kebab("total_variance")
        ('gaussian-mle', 'total-variance')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower().replace("_", "-")


def kind_of(cls: type) -> str:
    """Name a class as a spec does."""
    return kebab(cls.__name__)


def describe(thing: Any) -> Any:
    """Describe an object as plain data: numbers, text, lists and mappings.

    A dataclass becomes its kind and the fields that differ from their defaults. Data held in memory become their shape
    and checksum, a function or a foreign object its import path and settings: enough to recognise, not to rebuild.
    """
    if hasattr(type(thing), "__describe__"):
        return thing.__describe__()
    if thing is None or isinstance(thing, (bool, int, float, str)):
        return thing
    if isinstance(thing, (np.integer, np.floating, np.bool_)):
        return thing.item()
    if isinstance(thing, np.ndarray):
        if thing.size <= 64 and thing.dtype.kind in "iufb":
            return thing.tolist()
        return {"array": list(thing.shape), "sha256": checksum(np.ascontiguousarray(thing).tobytes())}
    if isinstance(thing, Mapping):
        return {str(name): describe(value) for name, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        if len(thing) > 64:
            return {"list": len(thing), "sha256": checksum(json.dumps([describe(item) for item in thing]).encode())}
        return [describe(item) for item in thing]
    if isinstance(thing, functools.partial):
        settings = [describe(thing.args), describe(thing.keywords)]
        return {"python": "functools:partial", "func": describe(thing.func), "settings": settings}
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        return {"kind": kind_of(type(thing)), **_changed(thing)}
    if hasattr(thing, "get_params"):
        return {"python": path_of(type(thing)), **describe(thing.get_params())}
    if callable(thing) and hasattr(thing, "__qualname__"):
        owner = getattr(thing, "__self__", None)
        bound = owner is not None and not isinstance(owner, (type, types.ModuleType))
        return {"python": path_of(thing), **({"of": describe(owner)} if bound else {})}
    return {"python": path_of(type(thing)), **describe(vars(thing) if hasattr(thing, "__dict__") else {})}


def checksum(data: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def path_of(thing: Any) -> str:
    """The import path of a class or function, as `module:name`."""
    return f"{thing.__module__}:{thing.__qualname__}"


def _changed(thing: Any) -> dict[str, Any]:
    found = {}
    for field in dataclasses.fields(thing):
        if not field.init or not field.compare:
            continue
        value = getattr(thing, field.name)
        if field.default is not dataclasses.MISSING:
            usual = field.default
        elif field.default_factory is not dataclasses.MISSING:
            usual = field.default_factory()
        else:
            usual = dataclasses.MISSING
        if usual is dataclasses.MISSING or not (
            (isinstance(value, np.ndarray) or type(value) is type(usual)) and same(value, usual)
        ):
            found[field.name] = describe(value)
    return found


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, arrays element by element."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return bool(np.array_equal(one, other))
    return bool(one == other)
