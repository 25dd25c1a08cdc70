"""A user's own learner, with each model and each draw held to the contract."""

import copy
import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from genloss.data import Batch, Data, Statistic, size
from genloss.describe import describe
from genloss.errors import SpecError


@dataclass(frozen=True, eq=False)
class Checked:
    """A learner whose models and draws are checked; its other attributes are those of the learner.

    A class that is learner and model in one (its `fit` returns itself) is copied before each fit, so that the object
    given is never changed and the models of two generations share nothing.

    Attributes:
        learner: The user's learner.
        name: What to call it in messages.
    """

    learner: Any
    name: str

    @property
    def __wrapped__(self) -> Any:
        return self.learner

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "learner":
            raise AttributeError(name)
        found = getattr(self.learner, name)
        if name == "bound":
            return lambda source: Checked(found(source), self.name)
        if name == "refit":
            return lambda parent, data, rng: self._model(found(_inner(parent), data, rng), data, "refit")
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Checked) and bool(self.learner == other.learner)

    def __hash__(self) -> int:
        return hash((Checked, self.name))

    def __repr__(self) -> str:
        return repr(self.learner)

    def __describe__(self) -> Any:
        return describe(self.learner)

    def fit(self, data: Data, rng: Generator) -> Any:
        """Fit and check that a source comes of it.

        Raises:
            SpecError: Where `fit` returns nothing to sample from.
        """
        learner = copy.deepcopy(self.learner) if hasattr(self.learner, "sample") else self.learner
        return self._model(learner.fit(data, rng), data, "fit")

    def _model(self, model: Any, data: Data, made_by: str) -> Any:
        if not callable(getattr(model, "sample", None)):
            what = "None" if model is None else f"a {type(model).__name__} without sample"
            raise SpecError(f"learner: {self.name}.{made_by} returned {what}; give something with sample(n, rng)")
        if isinstance(model, type):
            raise SpecError(
                f"learner: {self.name}.{made_by} returned the class {model.__name__}; give an instance of it"
            )
        if type(model).__module__.startswith("genloss.families."):
            return model
        if not takes_two(model.sample):
            given = inspect.signature(model.sample)
            raise SpecError(f"learner: {type(model).__name__}.sample takes {given}; give it sample(n, rng)")
        return CheckedModel(model, self.name, _like(data))


class CheckedModel:
    """A user's model whose draws are checked; everything else is the model's own.

    Attributes:
        model: The user's model, also as `__wrapped__`.
    """

    __slots__ = ("_like", "_name", "model")

    def __init__(self, model: Any, name: str, like: Any) -> None:
        self.model = model
        self._name = name
        self._like = like

    @property
    def __wrapped__(self) -> Any:
        return self.model

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in CheckedModel.__slots__:
            raise AttributeError(name)
        found = getattr(self.model, name)
        if name == "sample_batch":
            return lambda n, rng, replicates: self._batch(found(n, rng, replicates), n, replicates)
        return found

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the user's model."""
        return self.model(*args, **kwargs)

    def __repr__(self) -> str:
        return repr(self.model)

    def __describe__(self) -> Any:
        return describe(self.model)

    def sample(self, n: int, rng: Generator) -> Data:
        """Draw n rows and check their number, shape and finiteness.

        Raises:
            SpecError: Where they are not n rows like those that the model was fitted to.
        """
        rows = self.model.sample(n, rng)
        try:
            drawn = size(rows)
        except TypeError:
            raise SpecError(f"learner: {self._name} drew {_kind(rows)}; give n rows") from None
        like = self._like
        if like is not None and _like(rows) != like:
            raise SpecError(f"learner: {self._name} drew rows {_shape(rows)}, its training rows are {_of(like, n)}")
        if drawn != n:
            raise SpecError(f"learner: {self._name} drew {drawn} rows of {n}; sample(n, rng) gives n rows")
        self._finite(rows)
        return rows

    def _batch(self, batch: Any, n: int, replicates: int) -> Batch:
        shape = np.shape(getattr(batch, "rows", ()))
        if not isinstance(batch, Batch) or shape[:2] != (replicates, n):
            what = f"shape {shape}" if isinstance(batch, Batch) else f"a {type(batch).__name__}"
            raise SpecError(f"learner: {self._name}.sample_batch gave {what}; give a Batch of ({replicates}, {n}) rows")
        if self._like is not None and ("rows", shape[2:]) != self._like:
            raise SpecError(f"learner: {self._name} drew rows {shape[1:]}, its training rows are {_of(self._like, n)}")
        self._finite(batch.rows)
        return batch

    def _finite(self, rows: Data) -> None:
        parts = rows if isinstance(rows, tuple) else (rows,)
        for part in parts:
            if isinstance(part, np.ndarray) and part.dtype.kind in "fc" and not np.isfinite(part).all():
                bad = int((~np.isfinite(part.reshape(len(part), -1)).all(1)).sum())
                raise SpecError(f"learner: {self._name} drew NaN or infinite numbers in {bad} of {len(part)} rows")


def takes_two(method: Any) -> bool:
    """Whether a method can be called with two arguments, as far as it tells."""
    try:
        inspect.signature(method).bind(None, None)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _inner(model: Any) -> Any:
    return model.model if isinstance(model, CheckedModel) else model


def _like(data: Data) -> Any:
    """What the rows of two datasets must have in common; None where only their number can be checked."""
    if isinstance(data, Batch):
        return ("rows", data.rows.shape[2:])
    if isinstance(data, np.ndarray):
        return ("rows", data.shape[1:])
    if isinstance(data, tuple):
        return ("parts", tuple(_like(part) for part in data))
    if isinstance(data, Statistic):
        return None
    return ("kind", _kind(data))


def _of(like: Any, n: int) -> str:
    how, what = like
    if how == "rows":
        return str((n, *what))
    return ", ".join(_of(part, n) for part in what) if how == "parts" else str(what)


def _shape(rows: Data) -> str:
    if isinstance(rows, np.ndarray):
        return str(rows.shape)
    return ", ".join(map(_shape, rows)) if isinstance(rows, tuple) else f"of kind {_kind(rows)}"


def _kind(data: Data) -> str:
    return type(data).__name__
