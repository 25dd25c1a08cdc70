"""scikit-learn estimators that fit and sample, unchanged."""

import inspect
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Data
from genloss.errors import SpecError
from genloss.plain.describe import describe


def is_estimator(candidate: Any) -> bool:
    """Whether an object follows scikit-learn's conventions and not those of a learner, `fit(data, rng)`."""
    if not (hasattr(candidate, "get_params") and hasattr(candidate, "set_params")):
        return False
    try:
        return "rng" not in inspect.signature(candidate.fit).parameters
    except (TypeError, ValueError):
        return True


@dataclass(frozen=True, eq=False)
class SklearnLearner:
    """Fit a copy of a scikit-learn estimator; the estimator given is never changed.

    Attributes:
        estimator: An estimator with `fit` and `sample`, such as `KernelDensity` or `GaussianMixture`.
    """

    estimator: Any

    @property
    def __wrapped__(self) -> Any:
        return self.estimator

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SklearnLearner) and describe(self) == describe(other)

    def __hash__(self) -> int:
        return hash(type(self.estimator))

    def __describe__(self) -> Any:
        return describe(self.estimator)

    def fit(self, data: Data, rng: Generator) -> "SklearnModel":
        """Fit to rows (n,) or (n, d)."""
        from sklearn.base import clone
        from sklearn.exceptions import ConvergenceWarning

        rows = np.asarray(data)
        if rows.ndim not in (1, 2):
            raise SpecError(f"data: an array of shape {rows.shape}; scikit-learn takes rows (n,) or (n, d)")
        estimator = _seeded(clone(self.estimator), rng)
        with warnings.catch_warnings():
            # A generation that stops short of convergence is data, not a reason to stop a run.
            warnings.simplefilter("ignore", ConvergenceWarning)
            estimator.fit(rows[:, None] if rows.ndim == 1 else rows)
        return SklearnModel(estimator, rows.ndim == 1)


@dataclass(frozen=True, eq=False)
class SklearnModel:
    """A fitted scikit-learn estimator as a source; its own attributes, such as `means_`, are those of the estimator.

    Attributes:
        estimator: The fitted estimator.
        flat: Whether it was fitted to rows of shape (n,), so that it must draw such rows.
    """

    estimator: Any
    flat: bool

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "estimator":
            raise AttributeError(name)
        return getattr(self.estimator, name)

    def sample(self, n: int, rng: Generator) -> Array:
        """Draw n rows: shape (n,) or (n, d), as the training rows were."""
        if "random_state" in inspect.signature(self.estimator.sample).parameters:
            drawn = self.estimator.sample(n, random_state=_seed(rng))
        else:
            # Mixtures draw from their own integer seed, so one that is not set anew gives the same rows for ever.
            drawn = _seeded(self.estimator, rng).sample(n)
        rows = np.asarray(drawn[0] if isinstance(drawn, tuple) else drawn)  # mixtures return (rows, labels)
        return rows[:, 0] if self.flat and rows.ndim == 2 and rows.shape[1] == 1 else rows

    def logpdf(self, x: Any) -> Array:
        """The log density at points (m,) or (m, d), from the estimator's `score_samples`: shape (m,)."""
        points = np.asarray(x)
        return np.asarray(self.estimator.score_samples(points[:, None] if points.ndim == 1 else points))


def _seeded(estimator: Any, rng: Generator) -> Any:
    """Set every random state of an estimator, also those of its parts."""
    names = [name for name in estimator.get_params() if name == "random_state" or name.endswith("__random_state")]
    return estimator.set_params(**{name: _seed(rng) for name in names}) if names else estimator


def _seed(rng: Generator) -> int:
    return int(rng.integers(2**32, dtype=np.uint32, endpoint=False))
