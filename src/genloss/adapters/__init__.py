"""Foreign models become learners here and nowhere else."""

from typing import Any

from genloss.errors import SpecError
from genloss.protocols import Learner


def as_learner(candidate: Any) -> Learner:
    """Make a learner of what a user brings: a learner as it is, a scikit-learn estimator adapted."""
    if isinstance(candidate, type) or not callable(getattr(candidate, "fit", None)):
        raise SpecError(
            f"learner: {getattr(candidate, '__name__', type(candidate).__name__)} is no learner: "
            "give an object with fit(data, rng) returning something with sample(n, rng)"
        )
    return candidate
