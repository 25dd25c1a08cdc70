"""Plain data to objects: a YAML file says what Python says, and the dataclass fields are the only schema."""

import collections.abc
import contextlib
import importlib
import itertools
import re
import sys
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np

from genloss.chain.grid import Grid
from genloss.chain.recursion import Chain
from genloss.errors import SpecError
from genloss.spec.kinds import fields_of, find
from genloss.spec.yaml import change, parse, read

_CHAIN = {"source": "source", "learner": "learner", "regime": "regime", "curator": "curator"}
_OPTIONS = ("generations", "replicates", "seed", "engine", "bootstrap", "film")


@dataclass(frozen=True)
class RunSpec:
    """One run as a spec describes it.

    Attributes:
        grid: Its chains.
        probes: What is measured, by name.
        options: The other arguments of `genloss.run` that the spec gives.
    """

    grid: Grid
    probes: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)


def runs(spec: Mapping[str, Any], folder: Path | None = None, where: str = "spec") -> dict[str, RunSpec]:
    """Build every run of a spec: one, named "", or several under `runs`."""
    if "runs" not in spec:
        return {"": run_spec(spec, folder, where)}
    unknown = sorted(set(spec) - {"runs", "title"})
    if unknown or not isinstance(spec["runs"], dict) or not spec["runs"]:
        raise SpecError(
            f"{where}: {unknown[0] if unknown else 'runs'}: a spec with runs has a title and named runs only"
        )
    for name in spec["runs"]:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", str(name)):
            raise SpecError(f"{where}: runs: {name!r} is not a name; use letters, digits, - and _")
    return {str(name): run_spec(each, folder, f"{where}: {name}") for name, each in spec["runs"].items()}


def run_spec(spec: Mapping[str, Any], folder: Path | None = None, where: str = "spec") -> RunSpec:
    """Build one run: every list in place of a single value makes a dimension of its result.

    Args:
        spec: Plain data with source, learner, regime, n0 and, where wanted, curator, warm_start, probes, generations,
            replicates, seed, engine, bootstrap, film and title.
        folder: Where import paths to files start.
        where: What to call the spec in messages.
    """
    if not isinstance(spec, Mapping):
        raise SpecError(f"{where}: {spec!r} is no run; give a mapping with source, learner, regime and n0")
    if not isinstance(spec.get("title", ""), str):
        raise SpecError(f"{where}: title: {spec['title']!r} is not text")
    known = {*_CHAIN, "n0", "warm_start", "probes", "title", *_OPTIONS}
    for name in spec:
        if name not in known:
            raise SpecError(f"{where}: {name}: no such field; a run has {', '.join(sorted(known))}")
    for name in ("source", "learner", "regime", "n0"):
        if name not in spec:
            raise SpecError(f"{where}: {name} is missing; a run needs source, learner, regime and n0")
    axes = _Axes(where)
    plain = {name: axes.find(spec[name], name, name) for name in (*_CHAIN, "n0", "warm_start") if name in spec}
    chains = []
    for choice in itertools.product(*(range(len(values)) for values in axes.values.values())):
        chosen = dict(zip(axes.values, choice, strict=True))
        chains.append(_chain(axes.resolve(plain, chosen), folder, where))
    grid = Grid({name: tuple(labels) for name, labels in axes.labels.items()}, tuple(chains))
    options = {name: _option(name, spec[name], where) for name in _OPTIONS if name in spec}
    return RunSpec(grid, _probes(spec.get("probes"), grid.chains[0], folder, where), options)


def build(part: str, plain: Any, folder: Path | None = None, where: str | None = None) -> Any:
    """Build one part of a chain ("source", "learner", "regime", "curator", "schedule", "probe") from plain data.

    Example:
        >>> build("regime", {"kind": "fresh-real", "n": 100, "real_fraction": 0.1})
        FreshReal(n=100, real_fraction=0.1, composition='fixed')
    """
    return _build(part, plain, folder, where or part)


def _build(part: str | None, plain: Any, folder: Path | None, where: str) -> Any:
    if isinstance(plain, str):
        plain = {"kind": plain}
    if not isinstance(plain, Mapping) or not ({"kind", "python"} & set(plain)):
        raise SpecError(f"{where}: {plain!r} says no kind; give a mapping with kind and fields, or the name of a kind")
    given = {name: value for name, value in plain.items() if name not in ("kind", "python")}
    if "python" in plain:
        made = _imported(plain["python"], folder, where)
        if not isinstance(made, type):
            return made
        return _call(made, {name: _value(value, folder, f"{where}.{name}") for name, value in given.items()}, where)
    if not isinstance(plain["kind"], str):
        raise SpecError(f"{where}.kind: {plain['kind']!r} is not a name of a kind")
    cls = find(plain["kind"], part, where)
    fields = {each.name: each for each in fields_of(cls)}
    for name in given:
        if name not in fields:
            has = f"it has {', '.join(fields)}" if fields else "it has no fields"
            raise SpecError(f"{where}: {plain['kind']} has no {name}; {has}")
    for name, each in fields.items():
        if each.default is MISSING and name not in given:
            raise SpecError(f"{where}: {plain['kind']} needs {name}" + (f" ({each.text})" if each.text else ""))
    if not isinstance(cls, type):
        return cls
    values = {
        # What holds a key is read by its class, whose messages do not show it.
        name: value if fields[name].secret else _fitted(value, fields[name].hint, folder, f"{where}.{name}")
        for name, value in given.items()
    }
    return _call(cls, values, where)


def _call(cls: Any, values: dict[str, Any], where: str) -> Any:
    try:
        return cls(**values)
    except SpecError as error:
        part = where.rsplit(": ", 1)[-1]
        said = str(error)
        raise SpecError(where + (said[len(part) :] if said.startswith(f"{part}.") else f": {said}")) from None
    except (TypeError, ValueError) as error:
        raise SpecError(f"{where}: {str(error).splitlines()[0]}") from None


def _fitted(value: Any, hint: Any, folder: Path | None, where: str) -> Any:
    """Bring a plain value to the type of its field."""
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if isinstance(value, Mapping) and {"kind", "python"} & set(value):
        return _build(None, value, folder, where)
    if isinstance(value, (list, tuple)):
        return tuple(_value(item, folder, f"{where}[{i}]") for i, item in enumerate(value))
    if isinstance(value, str) and any(_is_callable(option) for option in options) and ":" in value:
        return _imported(value, folder, where)
    if isinstance(value, str) and str not in options and any(_is_part(option) for option in options):
        return _build(None, value, folder, where)
    literals = [choice for option in options if get_origin(option) is Literal for choice in get_args(option)]
    if literals and value not in literals and not any(option in (int, float, str) for option in options):
        raise SpecError(f"{where}: no {value!r}; known: {', '.join(map(str, literals))}")
    if isinstance(value, bool):
        if bool not in options and not literals:
            raise SpecError(f"{where}: {value} is not a {_words(options)}")
        return value
    if isinstance(value, float) and float not in options and int in options:
        if not value.is_integer():
            raise SpecError(f"{where}: {value} is not a whole number")
        return int(value)
    if isinstance(value, int) and float in options and int not in options:
        return float(value)
    if isinstance(value, str) and {int, float} & set(options) and str not in options and value not in literals:
        raise SpecError(f"{where}: {value!r} is not a {_words(options)}")
    if options == (bool,):
        raise SpecError(f"{where}: {value!r} is not a truth value; write true or false")
    if isinstance(value, (int, float)) and options == (str,):
        raise SpecError(f"{where}: {value!r} is not text")
    return value


def _value(value: Any, folder: Path | None, where: str) -> Any:
    if isinstance(value, Mapping) and {"kind", "python"} & set(value):
        return _build(None, value, folder, where)
    if isinstance(value, list):
        return tuple(_value(item, folder, where) for item in value)
    return value


def _words(options: tuple[Any, ...]) -> str:
    names = {int: "whole number", float: "number", str: "text", bool: "truth value"}
    return " or ".join(names.get(option, getattr(option, "__name__", str(option))) for option in options)


def _is_callable(option: Any) -> bool:
    return get_origin(option) is collections.abc.Callable


def _is_part(option: Any) -> bool:
    """Whether a field holds a part of a chain, such as a learner, which its kind alone may name."""
    return bool(getattr(option, "_is_protocol", False))


def _chain(plain: Mapping[str, Any], folder: Path | None, where: str) -> Chain:
    parts = {
        name: _build(part, plain[name], folder, f"{where}: {name}") for name, part in _CHAIN.items() if name in plain
    }
    n0 = _fitted(plain["n0"], int, folder, f"{where}: n0")
    warm_start = _fitted(plain.get("warm_start", False), bool, folder, f"{where}: warm_start")
    try:
        return Chain(n0=n0, warm_start=warm_start, **parts)
    except SpecError as error:
        raise SpecError(f"{where}: {error}") from None


def _probes(plain: Any, chain: Chain, folder: Path | None, where: str) -> dict[str, Any]:
    where = f"{where}: probes"
    if plain is None:
        from genloss.probes.defaults import usual

        found: dict[str, Any] = usual(chain)
        return found
    if isinstance(plain, list):
        named = {}
        for each in plain:
            name = each if isinstance(each, str) else str(each.get("kind")) if isinstance(each, Mapping) else ""
            if name in named:
                raise SpecError(f"{where}: {name} stands twice; give the probes names: {{name: {{kind: {name}}}}}")
            named[name] = each
        plain = named
    if not isinstance(plain, Mapping) or not plain:
        raise SpecError(f"{where}: nothing to measure; give names and kinds of probes")
    return {
        str(name).replace("-", "_"): _build("probe", each, folder, f"{where}.{name}") for name, each in plain.items()
    }


def _option(name: str, value: Any, where: str) -> Any:
    hint: Any = {"engine": Literal["rows", "exact"], "film": bool}.get(name, int)
    return _fitted(value, hint, None, f"{where}: {name}")


class _Axes:
    """The lists in a spec: each is a dimension of the result."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.values: dict[str, list[Any]] = {}
        self.labels: dict[str, list[Any]] = {}

    def find(self, plain: Any, path: str, part: str | None) -> Any:
        """Put a mark in place of every list that stands for several values."""
        if part in _CHAIN and isinstance(plain, Mapping) and not {"kind", "python"} & set(plain):
            return self._add(path, list(plain.values()), [str(name) for name in plain], part)
        if part in (*_CHAIN, "n0") and isinstance(plain, list):
            return self._add(path, plain, _labelled(plain), part)
        if isinstance(plain, Mapping) and part in _CHAIN and "kind" in plain:
            cls = find(str(plain["kind"]), part, f"{self.where}: {path}")
            hints = {each.name: each.hint for each in fields_of(cls)}
            return {
                name: self._add(f"{path}.{name}", value, _labelled(value), None)
                if isinstance(value, list) and name in hints and not _sequence(hints[name])
                else value
                for name, value in plain.items()
            }
        return plain

    def _add(self, path: str, values: list[Any], labels: list[Any], part: str | None) -> "_Mark":
        if not values:
            raise SpecError(f"{self.where}: {path}: an empty list; give at least one value")
        self.values.setdefault(path, values)
        self.labels.setdefault(path, labels)
        if self.values[path] != values:
            raise SpecError(f"{self.where}: {path}: {values} here and {self.values[path]} before; give the same list")
        return _Mark(path, [self.find(value, path, part) for value in values] if part else values)

    def resolve(self, plain: Any, chosen: Mapping[str, int]) -> Any:
        """Put the chosen values back in place of the marks."""
        if isinstance(plain, _Mark):
            return self.resolve(plain.values[chosen[plain.path]], chosen)
        if isinstance(plain, Mapping):
            return {name: self.resolve(value, chosen) for name, value in plain.items()}
        return plain


@dataclass(frozen=True)
class _Mark:
    path: str
    values: list[Any]


def _labelled(values: list[Any]) -> list[Any]:
    """Name the alternatives by what they are."""
    labels = []
    for value in values:
        if isinstance(value, Mapping):
            rest = ", ".join(f"{name}={each}" for name, each in _shown(value).items() if name not in ("kind", "python"))
            labels.append(f"{value.get('kind', value.get('python'))}{f' ({rest})' if rest else ''}")
        else:
            labels.append(value)
    if len({str(label) for label in labels}) < len(labels):
        return [f"{i}: {label}" for i, label in enumerate(labels)]
    return labels


def _shown(plain: Any) -> Any:
    """Plain data without the keys in it: their fingerprints stand in their place."""
    if isinstance(plain, list):
        return [_shown(each) for each in plain]
    if not isinstance(plain, Mapping):
        return plain
    hidden: set[str] = set()
    if isinstance(plain.get("kind"), str):
        with contextlib.suppress(SpecError):
            hidden = {each.name for each in fields_of(find(plain["kind"], None, "")) if each.secret}
    if hidden:
        from genloss.plain.secret import shown
    return {name: shown(value) if name in hidden else _shown(value) for name, value in plain.items()}


def _sequence(hint: Any) -> bool:
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return any((get_origin(option) or option) in (tuple, list, np.ndarray, Any) for option in options)


def _imported(path: Any, folder: Path | None, where: str) -> Any:
    """Import what a path names: "package.module:name", or "file.py:name" beside the spec."""
    module_name, colon, name = str(path).partition(":")
    if not colon or not name:
        raise SpecError(f"{where}: {path!r} is not an import path; write module:name or file.py:name")
    try:
        module = _file_module((folder or Path()) / module_name) if module_name.endswith(".py") else None
        thing: Any = module or importlib.import_module(module_name)
        for each in name.split("."):
            thing = getattr(thing, each)
    except (ImportError, AttributeError, OSError, SyntaxError) as error:
        raise SpecError(f"{where}: cannot import {path} ({error})") from None
    return thing


def _file_module(file: Path) -> Any:
    """Import a file as a module that worker processes find again."""
    folder = str(file.resolve().parent)
    if not file.exists():
        raise FileNotFoundError(f"no file {file}")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    importlib.invalidate_caches()
    module = importlib.import_module(file.stem)
    if Path(getattr(module, "__file__", None) or "").resolve() != file.resolve():
        raise ImportError(f"another module is called {file.stem}; rename {file.name}")
    return module


__all__ = ["RunSpec", "build", "change", "parse", "read", "run_spec", "runs"]
