"""A user's class that is learner and model in one."""

import copy
from dataclasses import dataclass
from typing import Any

from numpy.random import Generator

from genloss.chain.data import Data
from genloss.plain.describe import describe


@dataclass(frozen=True, eq=False)
class Copied:
    """Fit a copy of an object that keeps what it has learned in itself, as many models do.

    So the object given is never changed, and the models of two generations share nothing. Other attributes are those
    of the object.

    Attributes:
        learner: The user's object, with `fit` and `sample`.
    """

    learner: Any

    @property
    def __wrapped__(self) -> Any:
        return self.learner

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "learner":
            raise AttributeError(name)
        found = getattr(self.learner, name)
        if name == "refit":
            return lambda parent, data, rng: copy.deepcopy(self.learner).refit(parent, data, rng)
        if name == "bound":
            return lambda source: Copied(copy.deepcopy(self.learner).bound(source))
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Copied) and bool(self.learner == other.learner)

    def __hash__(self) -> int:
        return hash((Copied, type(self.learner)))

    def __repr__(self) -> str:
        return repr(self.learner)

    def __describe__(self) -> Any:
        return describe(self.learner)

    def fit(self, data: Data, rng: Generator) -> Any:
        """Fit a copy and return what its `fit` returns, most often the copy."""
        return copy.deepcopy(self.learner).fit(data, rng)
