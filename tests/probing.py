"""What tests of probes share: a generation made by hand, and a user's model that has nothing but rows."""

from typing import Any

import numpy as np

from genloss.chain.data import Pool
from genloss.chain.recursion import Generation


def generation(model: Any, source: Any = None, replicates: int | None = None) -> Generation:
    source = model if source is None else source
    return Generation(0, model, Pool(), Pool(), source, model, replicates)


def value(probe: Any, model: Any, source: Any = None, replicates: int | None = None) -> np.ndarray:
    """Measure a model against a source (itself if none is given), with a fixed stream."""
    return np.asarray(probe(generation(model, source, replicates), np.random.default_rng(1)))


class Drawer:
    """A user's model: nothing but rows."""

    def __init__(self, draw: Any) -> None:
        self.draw_rows = draw

    def sample(self, n: int, rng: np.random.Generator) -> Any:
        return self.draw_rows(n, rng)


class Held:
    """A source with a held-out part, and labels where there are any."""

    def __init__(self, held_out: Any, labels: Any = None) -> None:
        self.held_out = held_out
        self.held_out_labels = labels

    def sample(self, n: int, rng: np.random.Generator) -> Any:
        return self.held_out[rng.integers(len(self.held_out), size=n)]
