"""Descriptions of runs that older versions wrote, with what they did not say."""

from collections.abc import Mapping
from typing import Any


def upgraded(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add to a description which chains are controls, if the version that wrote it did not say.

    Only `FreshReal()` was taken for a control then.
    """
    if "control" in spec:
        return spec
    regimes = [chain.get("regime", {}) for chain in spec["chains"]]
    fresh = [
        isinstance(regime, Mapping) and regime.get("kind") == "fresh-real" and regime.get("real_fraction", 1.0) == 1.0
        for regime in regimes
    ]
    return {**spec, "control": fresh}
