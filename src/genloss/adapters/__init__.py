"""Foreign models become learners here and nowhere else."""

import inspect
from typing import Any

from genloss.adapters.checked import Checked, takes_two
from genloss.adapters.sklearn import SklearnLearner, is_estimator
from genloss.errors import SpecError
from genloss.protocols import Learner


def as_learner(candidate: Any) -> Learner:
    """Make a learner of what a user brings.

    A scikit-learn estimator with `fit` and `sample` is adapted; any other class with `fit(data, rng)` runs as it is,
    and each of its models and draws is checked. The package's own learners are returned as they are.

    Raises:
        SpecError: Where it is no learner.
    """
    name = getattr(candidate, "__name__", type(candidate).__name__)
    if isinstance(candidate, type) or not callable(getattr(candidate, "fit", None)):
        hint = f"give an instance, {name}(...)" if hasattr(candidate, "fit") else "give an object with fit(data, rng)"
        raise SpecError(f"learner: {name} is no learner: {hint} returning something with sample(n, rng)")
    if type(candidate).__module__.startswith("genloss."):
        return candidate  # type: ignore[no-any-return]
    if is_estimator(candidate):
        if not callable(getattr(candidate, "sample", None)):
            raise SpecError(f"learner: {name} has fit but no sample; give an estimator that draws rows")
        return Checked(SklearnLearner(candidate), name)
    if not takes_two(candidate.fit):
        raise SpecError(f"learner: {name}.fit takes {inspect.signature(candidate.fit)}; give it fit(data, rng)")
    return Checked(candidate, name)


__all__ = ["as_learner"]
