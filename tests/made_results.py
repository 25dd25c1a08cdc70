"""Results as `genloss.run` returns them, made of given numbers."""

import json

import numpy as np
import xarray as xr

KINDS = {"fresh": {"kind": "fresh-real"}, "loop": {"kind": "replace"}, "pile": {"kind": "accumulate"}}


def made(probes, chains=("loop", "fresh"), regimes=None, n0=100, redraws=None, labels=None):
    """A result with one dimension "chain".

    Args:
        probes: For each name: its values (chain, replicate, generation[, label]) and attributes.
        chains: The names of the chains.
        regimes: Their regimes; by default after their names.
        redraws: For each name, values (chain, redraw[, label]).
        labels: The labels of vector probes.
    """
    regimes = [KINDS[name] for name in chains] if regimes is None else regimes
    described = [{"source": {"kind": "gaussian"}, "learner": {"kind": "mle"}, "regime": r, "n0": n0} for r in regimes]
    variables = {}
    for name, (values, attrs) in probes.items():
        values = np.asarray(values)
        own = ("band",) * (values.ndim - 3)
        variables[name] = (("chain", "replicate", "generation", *own), values, attrs)
        if redraws:
            variables[f"{name}:redraws"] = (("chain", "redraw", *own), redraws[name], attrs)
    shape = np.asarray(next(iter(probes.values()))[0]).shape
    coords = {"chain": list(chains), "replicate": np.arange(shape[1]), "generation": np.arange(shape[2])}
    if labels is not None:
        coords["band"] = list(labels)
    control = [r.get("kind") == "fresh-real" and r.get("real_fraction", 1) == 1 for r in regimes]
    spec = {"dims": {"chain": list(chains)}, "chains": described, "control": control}
    return xr.Dataset(variables, coords, {"genloss": json.dumps(spec)})


def attrs(role="tails", better="higher", scale="linear", **more):
    return {"role": role, "better": better, "scale": scale, **more}
