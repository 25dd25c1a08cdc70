"""Names stand once: a search for a module or a public class has one answer."""

import ast
from collections import defaultdict
from pathlib import Path

import genloss

SOURCE = Path(genloss.__file__).parent


def modules():
    return [path for path in SOURCE.rglob("*.py") if not path.name.startswith("__")]


def may_share(path):
    """A law file may be called like its family, a probe file like its metric."""
    place = path.relative_to(SOURCE)
    partner = {"theory/catalogue": "families", "probes": "metrics"}.get(place.parent.as_posix())
    return partner is not None and any(found.stem == path.stem for found in (SOURCE / partner).rglob("*.py"))


def test_no_two_modules_have_one_name():
    places = defaultdict(list)
    for path in modules():
        if not may_share(path):
            places[path.stem].append(path.relative_to(SOURCE).as_posix())
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert not twice, twice
    packages = [path.name for path in SOURCE.rglob("*") if path.is_dir() and (path / "__init__.py").exists()]
    assert not set(packages) & set(places), "a module is called like a package"


def test_no_two_public_classes_have_one_name():
    places = defaultdict(list)
    for path in modules():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path.relative_to(SOURCE).as_posix())
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert not twice, twice


def test_no_module_is_called_by_nothing():
    for path in modules():
        assert path.stem not in ("utils", "base", "common", "core", "helpers", "misc"), path
