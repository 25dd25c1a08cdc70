"""Learners that users bring: scikit-learn estimators, and objects that are learner and model in one."""

import inspect
from typing import Any

from genloss.chain.copied import Copied
from genloss.chain.estimators import SklearnLearner, is_estimator
from genloss.chain.protocols import Learner
from genloss.errors import SpecError


def as_learner(candidate: Any) -> Learner:
    """Make a learner of what a user brings.

    A scikit-learn estimator with `fit` and `sample` is adapted, and an object that is learner and model in one is
    copied before each fit; any other object with `fit(data, rng)` is a learner as it is.

    Raises:
        SpecError: If it is not a learner.
    """
    name = getattr(candidate, "__name__", type(candidate).__name__)
    if isinstance(candidate, type) or not callable(getattr(candidate, "fit", None)):
        hint = f"give an instance, {name}(...)" if hasattr(candidate, "fit") else "give an object with fit(data, rng)"
        raise SpecError(f"learner: {name} is not a learner: {hint} returning something with sample(n, rng)")
    if type(candidate).__module__.startswith("genloss."):
        return candidate  # type: ignore[no-any-return]
    samples = callable(getattr(candidate, "sample", None))
    if is_estimator(candidate):
        if not samples:
            raise SpecError(f"learner: {name} has fit but no sample; give an estimator that draws rows")
        return SklearnLearner(candidate)
    if not _takes_two(candidate.fit):
        raise SpecError(f"learner: {name}.fit takes {inspect.signature(candidate.fit)}; give it fit(data, rng)")
    return Copied(candidate) if samples else candidate


def _takes_two(method: Any) -> bool:
    """Whether a method can be called with two arguments, as far as it tells."""
    try:
        inspect.signature(method).bind(None, None)
    except TypeError:
        return False
    except ValueError:
        return True
    return True
