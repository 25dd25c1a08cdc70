"""The values of all blocks, assembled and labelled."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.chain.data import Array
from genloss.chain.meta import meta_of
from genloss.errors import SpecError
from genloss.runs.block import REDRAWS, Job, Values

if TYPE_CHECKING:
    import xarray as xr


def dataset(spec: Mapping[str, Any], probes: Mapping[str, Any], parts: Mapping[Job, Values]) -> "xr.Dataset":
    """Assemble the labelled result from the values of its blocks.

    Args:
        spec: The description of the run (`Plan.describe`).
        probes: The probes, or what is known of them (`Meta`), by name.
        parts: The values of every block.
    """
    import xarray as xr

    dims: dict[str, list[Any]] = dict(spec["dims"])
    shape = tuple(len(labels) for labels in dims.values())
    cells = int(np.prod(shape, dtype=int))
    variables: dict[str, Any] = {}
    coords: dict[str, Any] = {name: [_label(label) for label in labels] for name, labels in dims.items()}
    coords["generation"] = np.arange(spec["generations"] + 1)
    coords["replicate"] = np.arange(spec["replicates"])
    arrays: dict[str, dict[str, Array]] = {}
    for job, values in sorted(parts.items(), key=lambda item: item[0].name):
        redraw = job.block >= REDRAWS
        for name, found in values.stacked().items():
            rows = spec["bootstrap"] if redraw else spec["replicates"]
            kind = "redraw" if redraw else "replicate"
            target = arrays.setdefault(name, {}).get(kind)
            if target is None:
                # In memory generations come before replicates, as blocks have them: assigning is then a plain copy.
                whole = np.full((cells, found.shape[1], rows, *found.shape[2:]), np.nan)
                target = arrays[name][kind] = whole.swapaxes(1, 2)
            if target.shape[2:] != found.shape[1:]:
                raise SpecError(
                    f"probe {name!r}: gave {found.shape[2:]} labels in one chain, {target.shape[3:]} in another"
                )
            target[job.cell, job.begin : job.begin + job.keep] = found
    labels: dict[str, tuple[str, list[Any]]] = {}
    for values in parts.values():
        for name, label in values.labels.items():
            if str(labels.setdefault(name, label)) != str(label):
                raise SpecError(f"probe {name!r}: gave other labels in another chain; run the chains apart")
    for name in probes:
        known = meta_of(probes[name])
        own, own_labels = labels.get(name, (None, []))
        extra = () if own is None else (own,)
        if own is not None:
            if own in coords and list(coords[own]) != list(own_labels):
                own = f"{name}_{own}"
                extra = (own,)
            coords[own] = own_labels
        attrs = {"role": known.role, "better": known.better, "scale": known.scale}
        notes = next((values.notes[name] for values in parts.values() if name in values.notes), {})
        attrs |= {note: value for note, value in notes.items() if note not in attrs}
        if name not in arrays:
            continue
        if "replicate" not in arrays[name]:
            apart = arrays[name]["redraw"].shape[3:]
            arrays[name]["replicate"] = np.full((cells, spec["replicates"], spec["generations"] + 1, *apart), np.nan)
        found = arrays[name]["replicate"]
        variables[name] = ((*dims, "replicate", "generation", *extra), found.reshape(*shape, *found.shape[1:]), attrs)
        if "redraw" in arrays[name]:
            redrawn = arrays[name]["redraw"][:, :, 0]
            variables[f"{name}:redraws"] = (
                (*dims, "redraw", *extra),
                redrawn.reshape(*shape, *redrawn.shape[1:]),
                attrs,
            )
    film = _film(spec, shape, parts)
    if film is not None:
        variables["film"] = ((*dims, "generation", "shot", "pixel")[: film.ndim], film)
    return xr.Dataset(variables, coords, {"genloss": json.dumps(spec)})


def _film(spec: Mapping[str, Any], shape: tuple[int, ...], parts: Mapping[Job, Values]) -> Array | None:
    """Join the samples of all chains where they have one shape."""
    cells = {job.cell: values.film for job, values in parts.items() if job.block == 0 and values.film}
    if not cells or any(shots is None for film in cells.values() for shots in film):
        return None
    text = isinstance(next(iter(cells.values()))[0][0], str)
    shots = [np.array(cells[cell], dtype=object if text else float) for cell in sorted(cells)]
    if len({one.shape for one in shots}) > 1 or len(shots) != int(np.prod(shape, dtype=int)):
        return None
    joined = np.stack(shots)
    return joined.reshape(*shape, *joined.shape[1:])


def _label(label: Any) -> Any:
    return label if isinstance(label, (bool, int, float, str)) else json.dumps(label)
