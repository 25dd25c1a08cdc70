"""A theorem as a value: what it predicts, for which chains, whether it is exact, and where it comes from."""

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.random import Generator

from genloss.chain.curators import KeepAll
from genloss.chain.data import Floats
from genloss.chain.recursion import Chain
from genloss.chain.regimes import FixedReal, FreshReal, Replace, Window
from genloss.chain.schedules import Constant, Geometric, Linear, Power, Size, size_at
from genloss.errors import SpecError

Kind = Literal["exact", "asymptotic", "upper bound", "lower bound"]
Status = Literal["holds", "published and false"]
Sizes = Floats
"""Rows drawn at each generation: n[0] = n0 real rows, n[t] what the regime says of generation t."""
Values = Floats
"""What a law predicts: one number per generation (0 first), or one row of numbers per generation."""

KINDS: tuple[Kind, ...] = ("exact", "asymptotic", "upper bound", "lower bound")
SIGNS = {"asymptotic": "≈ ", "upper bound": "≤ ", "lower bound": "≥ "}
"""What stands before a predicted number that is not exact."""
_PARTS = ("source", "learner", "regime", "curator")


@dataclass(frozen=True)
class Law:
    """A theorem of model collapse.

    Attributes:
        name: Its name, `<probe>_<regime>`.
        probe: The measurement whose law it is: a name in `genloss.theory.MEASURES`.
        statistic: What of the probe over replicates it predicts: "mean", "var", "median", "quantile" or
            "kurtosis".
        kind: Whether it is exact, asymptotic, or a bound.
        reference: The paper and its equation.
        formula: The statement in LaTeX; n_0 is the number of real rows and generation 0 the model fitted to them.
        meaning: The theorem in words.
        example: A chain it holds for (for a false one: a chain it fails for).
        compute: The formula as a function of the chain's parts.
        hypothesis: The type that each part must have.
        when: What else a chain must satisfy.
        status: Whether it holds, or was published and is false.
        corrected: For a false statement, the name of the law that holds in its place.
        sharper: For a published bound that holds but is loose, the name of the law that says how things are.
        tags: The claims of the literature on model collapse that it backs.
        dims: Labelled dimensions of its values after the generation; empty for one number per generation.
        levels: For statistic "quantile", the levels that the last dimension runs through.
        scalar: Whether it predicts one number for the whole chain and none a generation.
        generations: How many generations its example runs for when it is verified.
        replicates: How many replicates verify it with the exact engine (fewer by rows).
        power: The relative error that its verification must be able to see (four times that by rows).
        tolerance: For an asymptotic law, its own relative error at the example.
        first: The first generation that it speaks of.
        experiment: For a statement about something that is not a chain: a function (rng, replicates) that simulates it,
            giving shape (replicates, m); the formula then takes no arguments and gives (m,).
        ways: The engines that keep enough digits to verify it.
    """

    name: str
    probe: str
    statistic: str
    kind: Kind
    reference: str
    formula: str
    meaning: str
    example: Chain | None
    compute: Callable[..., Any] = field(repr=False)
    hypothesis: Mapping[str, Any] = field(repr=False)
    when: Callable[[Chain], bool] | None = field(default=None, repr=False)
    status: Status = "holds"
    corrected: str = ""
    sharper: str = ""
    tags: tuple[str, ...] = ()
    dims: tuple[str, ...] = ()
    levels: tuple[float, ...] = ()
    scalar: bool = False
    generations: int = 8
    replicates: int = 20_000
    power: float = 0.1
    tolerance: float = 0.0
    first: int = 0
    experiment: Callable[[Generator, int], Floats] | None = field(default=None, repr=False)
    ways: tuple[str, ...] = ("exact", "rows")

    def applies(self, chain: Chain) -> bool:
        """Whether the chain satisfies the hypothesis."""
        chain = canonical(chain)
        if chain.warm_start or self.experiment is not None:
            return False
        for part in _PARTS:
            kind = self.hypothesis.get(part, KeepAll if part == "curator" else object)
            if not isinstance(getattr(chain, part), kind):
                return False
        return self.when is None or bool(self.when(chain))

    def values(self, chain: Chain, generations: int) -> Any:
        """Compute what it predicts for generations 0 to `generations`."""
        chain = canonical(chain)
        known: dict[str, Any] = {part: getattr(chain, part) for part in _PARTS}
        known["chain"] = chain
        asked = inspect.signature(self.compute).parameters
        if "n" in asked:
            known["n"] = sizes(chain, generations)
        if "generations" in asked:
            known["generations"] = generations
        with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
            return np.asarray(self.compute(**{name: known[name] for name in asked}), dtype=float)


LAWS: dict[str, Law] = {}
"""Every law by name, filled when `genloss.theory` is imported and by users' own `@law`."""


def law(
    probe: str,
    *,
    example: Chain | None,
    reference: str,
    formula: str = "",
    kind: Kind = "exact",
    statistic: str = "mean",
    when: Callable[[Chain], bool] | None = None,
    status: Status = "holds",
    **more: Any,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a law of a function whose annotations are the hypothesis and whose body is the formula.

    The function may ask for `source`, `learner`, `regime`, `curator` (each annotated with the type it must have; a law
    that does not ask for the curator holds for `KeepAll`), `n` (`Sizes`), `generations` and `chain`. It returns one
    value for each of generations 0 to T. Its docstring says what the theorem means.

    Args:
        probe: The name of the measurement that it predicts.
        example: A chain that it is verified on; None for a law with an `experiment`.
        reference: The paper and the equation.
        formula: The statement in LaTeX.
        kind: "exact", "asymptotic", "upper bound" or "lower bound".
        statistic: What of the probe over replicates is predicted.
        when: A further condition on the chain.
        status: "holds", or "published and false" for an erratum.
        **more: The other attributes of `Law`.

    Raises:
        ValueError: If the kind is unknown, the name is taken, or the example does not satisfy the hypothesis.
    """
    if kind not in KINDS:
        raise ValueError(f"law: no kind {kind!r}; known kinds: {', '.join(KINDS)}")

    def register(compute: Callable[..., Any]) -> Callable[..., Any]:
        name = compute.__name__
        hints = typing.get_type_hints(compute)
        made = Law(
            name=name,
            probe=probe,
            statistic=statistic,
            kind=kind,
            reference=reference,
            formula=formula,
            meaning=inspect.getdoc(compute) or "",
            example=example,
            compute=compute,
            hypothesis={part: _kinds(hints[part]) for part in _PARTS if part in hints},
            when=when,
            status=status,
            **more,
        )
        if name in LAWS and LAWS[name].compute.__module__ != compute.__module__:
            raise ValueError(f"law: there is a law {name} already, of {LAWS[name].compute.__module__}")
        if example is not None and not made.applies(example):
            raise ValueError(f"law: the example of {name} does not satisfy its own hypothesis")
        LAWS[name] = made
        return compute

    return register


def _kinds(hint: Any) -> Any:
    """Turn `A | B` into what isinstance takes, `Any` into object."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return tuple(typing.get_args(hint))
    return object if hint is Any else hint


def canonical(chain: Chain) -> Chain:
    """Write a chain in its simplest form, so that a law of replace serves a window of one generation too."""
    regime: Any = chain.regime
    fully_synthetic = isinstance(regime, FreshReal) and regime.real_fraction == 0
    if fully_synthetic or (isinstance(regime, Window) and regime.k == 1):
        return Chain(chain.source, chain.learner, Replace(regime.n), chain.n0, chain.curator, chain.warm_start)
    return chain


def sizes(chain: Chain, generations: int) -> Sizes:
    """List the rows drawn at each generation: n0 real ones, then what the regime's size says.

    Raises:
        SpecError: If a generation has no row, or less than the real ones that stay.
    """
    out = np.empty(generations + 1)
    out[0] = chain.n0
    out[1:] = _schedule(getattr(chain.regime, "n", chain.n0), chain.n0, generations)
    least = chain.regime.n_real if isinstance(chain.regime, FixedReal) else 1
    if not (out >= least).all():
        t = int(np.argmin(out >= least))
        where = "regime.n" if t else "n0"
        needs = f"the n_real = {least} real ones" if least > 1 else "1"
        raise SpecError(f"{where}: {out[t]:g} rows at generation {t}; a generation needs at least {needs}")
    return out


def _schedule(size: Size, n0: int, generations: int) -> Floats | float:
    t = np.arange(1, generations + 1, dtype=float)
    if size == "n0":
        return float(n0)
    if not callable(size) or isinstance(size, Constant):
        return float(size_at(size, 1))
    if isinstance(size, Linear):
        return np.asarray(np.rint(size.start + size.step * t))
    if isinstance(size, Power):
        return np.asarray(np.rint(size.scale * (t + 1) ** size.exponent))
    if isinstance(size, Geometric):
        with np.errstate(over="ignore"):
            return np.asarray(np.rint(size.start * size.ratio**t))
    return np.array([size_at(size, i) for i in range(1, generations + 1)], dtype=float)
