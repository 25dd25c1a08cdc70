"""The specification that repeats a result, as `genloss run` reads it."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from genloss.plain.words import visible

_PARTS = ("source", "learner", "regime", "curator", "n0", "warm_start")
_OPTIONS = ("generations", "replicates", "seed", "engine", "bootstrap", "film")


def repeat(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the specification that a result carries into one that `genloss run` reads.

    What all chains share stands once; what differs along one dimension becomes a mapping of labels. Chains that differ
    in several parts at once become runs of their own.

    Args:
        spec: What `attrs["genloss"]` holds, read from JSON.
    """
    chains = [{name: part for name, part in chain.items() if name != "kind"} for chain in spec["chains"]]
    dims = {name: [_text(label) for label in labels] for name, labels in spec["dims"].items()}
    common = {
        "probes": spec["probes"],
        **{name: spec[name] for name in _OPTIONS if name in spec},
    }
    shape = tuple(len(labels) for labels in dims.values())
    places = list(np.ndindex(*shape)) if shape else [()]
    found: dict[str, Any] = {}
    used: set[int] = set()
    for name in sorted({name for chain in chains for name in chain}, key=_PARTS.index):
        values = [chain.get(name) for chain in chains]
        if all(value == values[0] for value in values):
            found[name] = values[0]
            continue
        along = _along(values, places)
        if along is None or along in used or None in values or not _fits(name, list(dims.values())[along]):
            return {"runs": _runs(chains, dims, places, common)}
        used.add(along)
        labels = list(dims.values())[along]
        each = [values[[place[along] for place in places].index(k)] for k in range(len(labels))]
        found[name] = each if name == "n0" else dict(zip(labels, each, strict=True))
    return {**found, **common}


def document(spec: Mapping[str, Any]) -> str:
    """Write the specification that repeats a result as a YAML document that says how."""
    import yaml

    head = [f"# genloss {spec.get('genloss', '')}, seed {spec.get('seed', '')}"]
    try:
        plain = repeat(spec)
        head.append("# save as chain.yaml; genloss run chain.yaml repeats this result")
    except (KeyError, TypeError, ValueError, AttributeError):
        plain = dict(spec)
    if '"sha256"' in json.dumps(plain):
        head.append("# data that were held in memory are named by their checksum; put your own source in their place")
    body = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
    return visible("\n".join(head) + "\n" + body)


def _along(values: Sequence[Any], places: Sequence[tuple[int, ...]]) -> int | None:
    """Find the one dimension that decides a value."""
    for k in range(len(places[0])):
        by: dict[int, Any] = {}
        if all(by.setdefault(place[k], value) == value for place, value in zip(places, values, strict=True)):
            return k
    return None


def _fits(name: str, labels: Sequence[str]) -> bool:
    """Whether these labels can stand in a mapping of alternatives."""
    return name != "warm_start" and not {"kind", "python"} & set(labels) and len(set(labels)) == len(labels)


def _runs(
    chains: Sequence[Mapping[str, Any]],
    dims: Mapping[str, Sequence[str]],
    places: Sequence[tuple[int, ...]],
    common: Mapping[str, Any],
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for place, chain in zip(places, chains, strict=True):
        labels = [labels[k] for labels, k in zip(dims.values(), place, strict=True)]
        name = re.sub(r"[^A-Za-z0-9]+", "-", "-".join(labels)).strip("-") or "chain"
        while name in found:
            name += "_"
        found[name] = {**chain, **common}
    return found


def _text(label: Any) -> str:
    return label if isinstance(label, str) else json.dumps(label)
