"""Chains that are run together and differ in named ways."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.chain.recursion import Chain
from genloss.errors import SpecError


@dataclass(frozen=True)
class Grid:
    """Chains that differ in named ways, run together.

    Attributes:
        dims: For each way in which they differ, its name and its labels.
        chains: One chain for every combination of labels, the last dimension fastest.
    """

    dims: Mapping[str, tuple[Any, ...]]
    chains: tuple[Chain, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "dims", {name: tuple(labels) for name, labels in self.dims.items()})
        object.__setattr__(self, "chains", tuple(self.chains))
        wanted = int(np.prod(self.shape, dtype=int))
        if len(self.chains) != wanted or not wanted:
            raise SpecError(f"grid: {len(self.chains)} chains for {self.shape} labels; give {wanted or 'at least one'}")
        for chain in self.chains:
            if not isinstance(chain, Chain):
                raise SpecError(f"grid: {type(chain).__name__} is not a chain; give a Chain")

    @property
    def shape(self) -> tuple[int, ...]:
        """How many labels each dimension has."""
        return tuple(len(labels) for labels in self.dims.values())
