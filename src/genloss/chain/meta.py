"""What a probe says of itself, so that a run can label it and `stages` can read it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

ProbeRole = Literal["spread", "tails", "distance", "concepts", "language", "average", ""]
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Meta:
    """What a probe says of itself.

    Attributes:
        role: What it measures: "spread" and "tails" decide the stages of collapse, "average" is a quality that may look
            better while tails go, the others are shown only.
        better: The direction in which less is lost.
        scale: "log" for positive quantities that shrink by factors (a variance), "linear" for shares, counts and
            entropies, which may be 0.
        vectorized: Whether it measures many replicates at once; other probes are called replicate by replicate.
    """

    role: ProbeRole = ""
    better: Literal["higher", "lower"] = "higher"
    scale: Literal["linear", "log"] = "linear"
    vectorized: bool = False


def probe(
    *,
    role: ProbeRole = "",
    better: Literal["higher", "lower"] = "higher",
    scale: Literal["linear", "log"] = "linear",
    vectorized: bool = False,
) -> Callable[[F], F]:
    """Mark a function as a probe; see `Meta` for the fields.

    Example:
        >>> @probe(role="spread", scale="log", vectorized=True)
        ... def spread(g):
        ...     return g.model.var
        >>> spread.role
        'spread'
    """

    def mark(function: F) -> F:
        for name, value in (("role", role), ("better", better), ("scale", scale), ("vectorized", vectorized)):
            setattr(function, name, value)
        return function

    return mark


def meta_of(candidate: Any) -> Meta:
    """Read what a probe says of itself; what it does not say has the defaults of `Meta`."""
    usual = Meta()
    return Meta(*(getattr(candidate, name, getattr(usual, name)) for name in ("role", "better", "scale", "vectorized")))
