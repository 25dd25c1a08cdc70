"""Spec files as plain data: numbers, text, lists and mappings; no tags, no code, nothing twice."""

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from genloss.errors import SpecError


def read(path: str | Path) -> dict[str, Any]:
    """Read a spec file as plain data.

    Raises:
        SpecError: If it is not YAML mapping.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SpecError(f"{path}: not UTF-8 at byte {error.start}; save the file as UTF-8") from None
    except IsADirectoryError:
        raise SpecError(f"{path}: a folder; give a YAML file") from None
    except FileNotFoundError:
        raise SpecError(f"{path}: no such file; give a YAML file") from None
    return parse(text, str(path))


def parse(text: str, where: str = "spec") -> dict[str, Any]:
    """Read a spec from text."""
    spec = _loaded(text, where)
    if not isinstance(spec, dict):
        raise SpecError(f"{where}: {type(spec).__name__}, no mapping; a spec has source, learner, regime and n0")
    return spec


def _loaded(text: str, where: str) -> Any:
    try:
        found = yaml.load(text, _Loader)
        _check(found, itertools.count(), 0)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        reason = getattr(error, "problem", None) or (str(error) if isinstance(error, SpecError) else "unreadable")
        raise SpecError(f"{where}:{line} no YAML ({reason})") from None
    return found


def _check(value: Any, seen: Iterator[int], depth: int) -> None:
    """Refuse what JSON cannot keep, and aliases that repeat a part without end."""
    if depth > 50 or next(seen) > 100_000:
        raise SpecError("nested too deeply, or too long")
    if isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            _check(each, seen, depth + 1)
    elif value is not None and not isinstance(value, (bool, int, float, str)):
        raise SpecError(f"a {type(value).__name__} has no place in a spec")
    if isinstance(value, dict) and not all(isinstance(name, (bool, int, float, str)) for name in value):
        raise SpecError("the name of a field is not text")


def change(spec: Mapping[str, Any], assignment: str) -> dict[str, Any]:
    """Set one value of a spec by an assignment such as "part.field=value"; the value is read as YAML."""
    target, equals, text = assignment.partition("=")
    if not equals or not target:
        raise SpecError(f"{assignment}: no assignment; write key=value")
    value = _loaded(text, target)
    changed: dict[str, Any] = _copied(spec)
    place: Any = changed
    *path, last = target.split(".")
    for i, name in enumerate(path):
        place = _step(place, name, ".".join(path[: i + 1]))
    if isinstance(place, list):
        place[_index(place, last, target)] = value
    elif isinstance(place, dict):
        place[last] = value
    else:
        raise SpecError(f"{target}: {'.'.join(path)} is {place!r} and has no fields")
    return changed


def _copied(plain: Any) -> Any:
    if isinstance(plain, Mapping):
        return {name: _copied(value) for name, value in plain.items()}
    return [_copied(value) for value in plain] if isinstance(plain, list) else plain


def _step(place: Any, name: str, where: str) -> Any:
    if isinstance(place, list):
        return place[_index(place, name, where)]
    if not isinstance(place, dict):
        raise SpecError(f"{where}: {place!r} has no fields")
    if isinstance(place.get(name), str):
        place[name] = {"kind": place[name]}
    if name not in place:
        raise SpecError(f"{where}: no such key; there is {', '.join(map(str, place)) or 'nothing'}")
    return place[name]


def _index(place: list[Any], name: str, where: str) -> int:
    if not name.isdigit() or int(name) >= len(place):
        raise SpecError(f"{where}: {name!r} is not a position in a list of {len(place)}")
    return int(name)


class _Loader(yaml.SafeLoader):
    """Safe YAML with decimal exponents read as numbers, dates as text, and no key given twice."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    seen: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        name = loader.construct_object(key_node, deep=True)
        if isinstance(name, (list, dict)) or name in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key {name!r} given twice", key_node.start_mark)
        seen[name] = loader.construct_object(value_node, deep=True)
    return seen


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)
