"""Concepts: which modes or classes a model still makes, whether it keeps them apart, and how good its rows look."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from genloss.chain.capabilities import symbols_of
from genloss.chain.data import Array, Data
from genloss.chain.meta import ProbeRole
from genloss.chain.recursion import Generation
from genloss.errors import SpecError
from genloss.metrics.concepts import near
from genloss.probes import rows
from genloss.probes.classes import classifier


@dataclass(frozen=True)
class ModeOccupancy:
    """The share of generated rows that falls to each mode of the truth; a vector probe that adds up to 1.

    For a mixture as source a row falls to the component that most likely made it; for labelled rows to the class of the
    nearest held-out row. Symbols are modes themselves: the probabilities of up to 1,000 of them. `attrs["truth"]` holds
    the true shares, `attrs["noise"]` the standard error of each share on `rows` generated rows at the true shares.

    Attributes:
        rows: Rows drawn from the model.
        real: The most held-out rows to compare with.
    """

    role: ClassVar[ProbeRole] = "concepts"
    better: ClassVar[str] = "higher"
    scale: ClassVar[str] = "linear"
    vectorized: ClassVar[bool] = True

    rows: int = 1000
    real: int = 2000

    def __post_init__(self) -> None:
        _check(self)

    def one_by_one(self, g: Generation) -> bool:
        """Whether replicates are better measured one by one: rows are compared with held-out rows."""
        return symbols_of(g.source) is None

    def __call__(self, g: Generation, rng: Generator) -> Any:
        """Measure a generation: labels along `class`."""
        p, q = symbols_of(g.source), symbols_of(g.model)
        if p is not None and q is not None and max(len(p), q.shape[-1]) <= 1000:
            k = max(len(p), q.shape[-1])
            shares = np.zeros((*q.shape[:-1], k))
            shares[..., : q.shape[-1]] = q
            return rows.labelled(shares, "class", range(k), g, truth=p.tolist(), noise=[0.0] * k)
        known = classifier(g, 1, self)
        truth = known.shares

        def occupied(one: Generation) -> Array:
            best = known.posteriors(rows.generated(one, self.rows, rng, self)).argmax(-1)
            return np.bincount(best, minlength=len(known.names)) / self.rows

        noise = rows.share_error(truth, self.rows)
        found = rows.one_by_one(g, occupied)
        return rows.labelled(found, "class", known.names, g, truth=truth.tolist(), noise=noise.tolist())


@dataclass(frozen=True)
class Confusion:
    """How often the class of a generated row would be guessed wrong, by who knows the truth; from 0 to 1 - 1 / classes.

    The mean over generated rows of 1 - max_c P(c | row): the error of the Bayes rule at these rows (Fukunaga 1990).
    It rises where a model fills the gaps between components or merges them. For a mixture as source the posterior is
    exact; for labelled rows it is the vote of the k nearest held-out rows (Cover and Hart 1967), every class weighing
    as often as it is held out. Compare it with generation 0 or with a control: the truth itself has a positive error
    where classes overlap.

    Attributes:
        rows: Rows drawn from the model.
        real: The most held-out rows to vote.
        k: How many of them vote on a row.
    """

    role: ClassVar[ProbeRole] = "concepts"
    better: ClassVar[str] = "lower"
    scale: ClassVar[str] = "linear"
    vectorized: ClassVar[bool] = True

    rows: int = 1000
    real: int = 2000
    k: int = 10

    def __post_init__(self) -> None:
        _check(self)
        rows.whole(self.k, 2, self, "k")

    def one_by_one(self, g: Generation) -> bool:
        """Whether replicates are better measured one by one: rows are compared with held-out rows."""
        return True

    def __call__(self, g: Generation, rng: Generator) -> Any:
        """Measure a generation: a number, or one number per replicate."""
        posteriors = classifier(g, self.k, self).posteriors

        def confused(one: Generation) -> float:
            return float(1 - posteriors(rows.generated(one, self.rows, rng, self)).max(-1).mean())

        return rows.one_by_one(g, confused)


@dataclass(frozen=True)
class Precision:
    """The share of generated rows that look real: that lie within the k-nearest-row ball of some held-out row.

    The improved precision of Kynkaanniemi et al. (2019). It is an average of quality: it rises towards 1 while a model
    narrows onto the middle of the truth and its recall dies.

    Attributes:
        rows: Rows drawn from the model.
        real: The most real rows: held-out ones, or as many drawn from the truth, the same every time.
        k: Which nearest real row sets the radius of a ball.
    """

    role: ClassVar[ProbeRole] = "average"
    better: ClassVar[str] = "higher"
    scale: ClassVar[str] = "linear"
    vectorized: ClassVar[bool] = True

    rows: int = 1000
    real: int = 2000
    k: int = 5

    def __post_init__(self) -> None:
        _check(self)
        rows.whole(self.k, 1, self, "k")

    def one_by_one(self, g: Generation) -> bool:
        """Whether replicates are better measured one by one: all pairs of rows are compared."""
        return True

    def __call__(self, g: Generation, rng: Generator) -> Any:
        """Measure a generation: a number, or one number per replicate."""
        truth = rows.real(g, self.real, self)

        def precise(one: Generation) -> float:
            drawn = rows.like(rows.generated(one, self.rows, rng, self), truth, self, g)
            return float(near(truth, drawn, self.k).mean())

        return rows.one_by_one(g, precise)


@dataclass(frozen=True)
class MeanScore:
    """The mean of a user's score over generated rows: a quality average, which may rise while the tails go.

    Attributes:
        score: A function of the rows (as the model draws them: an array, a pair, a list of documents) that gives one
            number per row; higher is better.
        rows: Rows drawn from the model.
    """

    role: ClassVar[ProbeRole] = "average"
    better: ClassVar[str] = "higher"
    scale: ClassVar[str] = "linear"
    vectorized: ClassVar[bool] = True

    score: Callable[[Data], Any]
    rows: int = 1000

    def __post_init__(self) -> None:
        if not callable(self.score):
            raise SpecError(f"probe mean-score.score: {self.score!r} is not a function; give one that scores rows")
        rows.whole(self.rows, 1, self, "rows")

    def one_by_one(self, g: Generation) -> bool:
        """Whether replicates are better measured one by one: the score takes the rows of one model."""
        return True

    def __call__(self, g: Generation, rng: Generator) -> Any:
        """Measure a generation: a number, or one number per replicate."""

        def scored(one: Generation) -> float:
            try:
                scores = np.asarray(self.score(one.sample(self.rows, rng)), dtype=float)
            except (TypeError, ValueError) as error:
                raise SpecError(f"probe mean-score.score: gave no numbers ({error}); give one per row") from None
            if scores.shape != (self.rows,):
                raise SpecError(
                    f"probe mean-score.score: gave shape {scores.shape} for {self.rows} rows; give one per row"
                )
            return float(scores.mean())

        return rows.one_by_one(g, scored)


def _check(probe: Any) -> None:
    rows.whole(probe.rows, 1, probe, "rows")
    rows.whole(probe.real, 1, probe, "real")
