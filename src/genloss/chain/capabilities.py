"""Capabilities: what a source, model, learner, regime, curator or probe may offer beside its one method.

Nothing is registered and nothing inherited: an object offers what it has. Whoever uses a capability asks by
`isinstance`, or by one of the readers below; the words themselves stand here and nowhere else. `genloss.testing.offers`
lists what an object of yours offers, and what works with it because of that.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from genloss.chain.data import Floats, Statistic

Quantile = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Normal:
    """A normal law as it is drawn from, temperature included.

    Attributes:
        mean: A number, or (replicates,); for vectors (d,), or (replicates, d).
        spread: The standard deviation; for vectors the covariance, (d, d) or (replicates, d, d).
        factor: For vectors a matrix F with F F' = spread, in which small variances keep their digits; None on the line.
    """

    mean: Any
    spread: Any
    factor: Any = None


@runtime_checkable
class HasNormal(Protocol):
    """Draws from a normal law: closed forms for distances, tails, entropy and divergences."""

    @property
    def normal(self) -> Normal:
        """The law that is drawn from."""


@runtime_checkable
class HasVariance(Protocol):
    """Knows the variance of what it was fitted to be: a number, or one per replicate."""

    @property
    def var(self) -> Any:
        """The variance, before any temperature."""


@runtime_checkable
class HasCovariance(Protocol):
    """A law of vectors with mean (d,) and covariance (d, d), or one of each per replicate."""

    @property
    def mean(self) -> Any:
        """The mean."""

    @property
    def cov(self) -> Any:
        """The covariance, before any temperature."""


@runtime_checkable
class HasProbabilities(Protocol):
    """Symbols 0 to k - 1 with probabilities (k,), or (replicates, k): exact tails, spread and divergences."""

    @property
    def p(self) -> Any:
        """The probabilities as they were fitted."""


@runtime_checkable
class HasDrawnProbabilities(Protocol):
    """Symbols whose probabilities after temperature and truncation differ from `p`."""

    @property
    def drawn(self) -> Any:
        """The probabilities that symbols are drawn with: (k,), or (replicates, k)."""


@runtime_checkable
class Conditional(Protocol):
    """Tokens after contexts: `contexts` (contexts,), `drawn` (contexts, k), `pairs` (contexts * k,)."""

    @property
    def contexts(self) -> Any:
        """The probability of each context."""

    @property
    def drawn(self) -> Any:
        """The probabilities of tokens after each context, as they are drawn."""

    @property
    def pairs(self) -> Any:
        """The probability of each pair of a context and a token."""


@runtime_checkable
class HasQuantile(Protocol):
    """A law on the line with a quantile function: closed forms for tails and distances."""

    def quantile(self, q: Floats) -> Floats:
        """The quantiles at shares (m,): (m,), or (replicates, m)."""


@runtime_checkable
class HasCostlyQuantile(HasQuantile, Protocol):
    """A quantile function that is searched for: used for a few quantiles, not for thousands."""

    @property
    def costly_quantile(self) -> bool:
        """True."""


@runtime_checkable
class HasEntropy(Protocol):
    """Knows the entropy of what it draws, in nats: a number, or a method without arguments."""

    @property
    def entropy(self) -> Any:
        """The entropy."""


@runtime_checkable
class HasKL(Protocol):
    """Knows its divergence from a law of the same kind."""

    def kl(self, other: Any) -> Any:
        """KL(self || other) in nats; NotImplemented for a law that it cannot be compared with."""


@runtime_checkable
class HasExcessRisk(Protocol):
    """A regression that knows the expected squared error of its predictions beyond the truth's own."""

    def excess_risk(self, truth: Any) -> Any:
        """The excess risk, in squared units of the label."""


@runtime_checkable
class HasResponsibilities(Protocol):
    """A mixture that says which component made a row."""

    def responsibilities(self, rows: Any) -> Any:
        """The probability of each component given each row: (m, K)."""


@runtime_checkable
class HasHeldOut(Protocol):
    """A source of real data that keeps some which no generation trains on; None if it keeps none."""

    @property
    def held_out(self) -> Any:
        """The held-out rows."""


@runtime_checkable
class HasWidth(Protocol):
    """Rows of `width` numbers."""

    @property
    def width(self) -> int:
        """Numbers in a row."""


@runtime_checkable
class HasTokenizer(Protocol):
    """A source or model of documents."""

    @property
    def tokenizer(self) -> Any:
        """What reads its documents."""


@runtime_checkable
class HasLabels(Protocol):
    """A source whose rows belong to classes; None if they are not known."""

    @property
    def labels(self) -> Any:
        """The class of each row."""


@runtime_checkable
class HasWeights(Protocol):
    """A linear regression: `weights` (d,) and the standard deviation `noise` of its labels."""

    @property
    def weights(self) -> Any:
        """The weights."""

    @property
    def noise(self) -> Any:
        """The noise."""


@runtime_checkable
class Batched(Protocol):
    """Handles many replicates side by side, if `batched` is True."""

    @property
    def batched(self) -> bool:
        """Whether it does."""


@runtime_checkable
class Reduces(Protocol):
    """A learner that needs no more of its rows than a statistic: it runs in the exact engine."""

    @property
    def statistic(self) -> type[Statistic]:
        """The statistic."""


@runtime_checkable
class Refits(Protocol):
    """A learner that can train on from an earlier model (`warm_start`)."""

    def refit(self, parent: Any, data: Any, rng: Any) -> Any:
        """Fit, beginning with the parent model."""


@runtime_checkable
class Bound(Protocol):
    """A learner that takes from the source what data alone do not say."""

    def bound(self, source: Any) -> Any:
        """The learner for this source."""


@runtime_checkable
class Starts(Protocol):
    """A regime with a say in how the first real data are laid down."""

    def start(self, n0: int, draw: Any) -> Any:
        """The pool of generation 0."""


CAPABILITIES: dict[str, type[Any]] = {
    "batched": Batched,
    "bound(source)": Bound,
    "contexts, drawn, pairs": Conditional,
    "drawn": HasDrawnProbabilities,
    "entropy": HasEntropy,
    "excess_risk(truth)": HasExcessRisk,
    "held_out": HasHeldOut,
    "kl(other)": HasKL,
    "labels": HasLabels,
    "mean, cov": HasCovariance,
    "normal": HasNormal,
    "p": HasProbabilities,
    "quantile(q)": HasQuantile,
    "refit(parent, data, rng)": Refits,
    "responsibilities(rows)": HasResponsibilities,
    "start(n0, draw)": Starts,
    "statistic": Reduces,
    "tokenizer": HasTokenizer,
    "var": HasVariance,
    "width": HasWidth,
}
"""Every capability by the words that an object offers it with."""


def is_batched(part: Any) -> bool:
    """Whether a learner or curator handles many replicates side by side."""
    return isinstance(part, Batched) and bool(part.batched)


def statistic_of(learner: Any) -> type[Statistic] | None:
    """The statistic that a learner needs of its rows; None if it needs the rows."""
    return learner.statistic if isinstance(learner, Reduces) else None


def thins(curator: Any) -> bool:
    """Whether a curator can choose rows of statistics; it says so by `thins = True`."""
    return bool(getattr(curator, "thins", False))


def reuses(regime: Any) -> bool:
    """Whether a block may train more than one generation; a regime denies it by `reuses = False`."""
    return bool(getattr(regime, "reuses", True))


def is_ragged(regime: Any) -> bool:
    """Whether the number of rows differs between replicates; a regime says so by `ragged = True`."""
    return bool(getattr(regime, "ragged", False))


def keeps_models(regime: Any) -> bool:
    """Whether a regime draws from models before the last; it says so by `keeps_models = True`."""
    return bool(getattr(regime, "keeps_models", False))


def synthetic_share_of(regime: Any) -> Callable[[int], Any] | None:
    """How a regime says which share of a generation's rows models made; None if it does not say."""
    said = getattr(regime, "synthetic_share", None)
    return said if callable(said) else None


def held_out_of(source: Any) -> Any:
    """The real rows that no generation trains on; None if there are none."""
    return source.held_out if isinstance(source, HasHeldOut) else None


def width_of(source: Any) -> int:
    """Numbers in a row; 1 if a source does not say."""
    return int(source.width) if isinstance(source, HasWidth) else 1


def statistic_width_of(source: Any) -> int:
    """Numbers in the statistic of a draw, by `statistic_width`; the width of a row if a source does not say."""
    return int(getattr(source, "statistic_width", width_of(source)))


# The readers below ask by `getattr`: `isinstance` of a Protocol computes each property once more (Python 3.11).


def variance_of(model: Any) -> Any:
    """The variance that a model was fitted to; None if it does not say."""
    return getattr(model, "var", None)


def covariance_of(model: Any) -> NDArray[Any] | None:
    """The covariance that a model of vectors was fitted to; one without a mean beside it belongs to something else."""
    cov = getattr(model, "cov", None)
    if cov is None or callable(cov) or getattr(model, "mean", None) is None or np.ndim(cov) < 2:
        return None
    return np.asarray(cov, dtype=float)


def normal_of(model: Any) -> Normal | None:
    """A model as a normal law on the line, if it is one."""
    normal = getattr(model, "normal", None)
    return normal if isinstance(normal, Normal) and normal.factor is None else None


def normals_of(model: Any) -> Normal | None:
    """A model as a normal law of vectors, if it is one."""
    normal = getattr(model, "normal", None)
    return normal if isinstance(normal, Normal) and normal.factor is not None else None


def symbols_of(model: Any) -> NDArray[Any] | None:
    """The probabilities that a model draws symbols with, if it draws symbols: shape (..., k)."""
    if isinstance(model, Conditional):
        p = model.pairs
    elif isinstance(model, HasDrawnProbabilities):
        p = model.drawn
    else:
        p = getattr(model, "pairs", None) if not isinstance(model, HasProbabilities) else model.p
    if p is None or callable(p) or np.ndim(p) == 0:
        return None
    return np.asarray(p, dtype=float)


def quantile_of(model: Any) -> Quantile | None:
    """A model's quantile function, if it has one: shares of shape (m,) to (m,), or (replicates, m)."""
    return model.quantile if isinstance(model, HasQuantile) else None


def mixes_numbers(source: Any) -> bool:
    """Whether a mixture is one of plain numbers, by its `means` (K,) or its width."""
    return np.ndim(getattr(source, "means", 0)) == 1
