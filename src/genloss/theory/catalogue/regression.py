"""Laws of linear regression refitted to its own labels, with new inputs in every generation."""

from typing import Any

import numpy as np

from genloss.chain.data import Floats
from genloss.chain.recursion import Chain
from genloss.chain.regimes import Accumulate, FreshReal, Replace
from genloss.chain.schedules import Linear
from genloss.families.regression import OLS, LinearModel, OLSNorm, RegressionNorm
from genloss.theory.catalogue.gaussian_regimes import GENTLE
from genloss.theory.laws import Sizes, Values, law
from genloss.theory.recursions.numerics import recurrence

SCALING = "regression scaling laws"
DOHMATOB = "Dohmatob et al. 2024 (2402.07712)"
_FOUR = LinearModel([1.0, -1.0, 0.5, 2.0], noise=1.0)
_WIDE = LinearModel(np.linspace(1, 2, 25), noise=1.0)


def dimensions(source: Any) -> int:
    """Count a regression's inputs."""
    return int(source.d if isinstance(source, RegressionNorm) else source.weights.shape[-1])


def _ordinary(chain: Chain) -> bool:
    """Whether the first generation has at least d + 2 rows, so that its error has a mean, and there is no ridge."""
    return getattr(chain.learner, "ridge", 0.0) == 0 and chain.n0 >= dimensions(chain.source) + 2


def while_fitted(values: Values, rows: Sizes, d: int) -> Values:
    """Keep what was computed for fits to d + 2 rows or more.

    From the first fit to d or d + 1 rows the expectation is infinite; from the first to fewer rows than inputs, where
    many weights fit alike, nothing is known.
    """
    values = np.where(np.logical_or.accumulate(rows < d + 2), np.inf, values)
    return np.where(np.logical_or.accumulate(rows < d), np.nan, values)


def _noise(rows: Sizes, source: Any, d: int) -> Floats:
    """Compute the error that each fit's own labels add."""
    return np.asarray(source.noise**2 * d / np.maximum(rows - d - 1, 1))


def _overparametrised(chain: Chain) -> bool:
    rows: Any = chain.regime.n  # type: ignore[attr-defined]
    most = max(chain.n0, *([chain.n0] if rows == "n0" or callable(rows) else [rows]))
    source: Any = chain.source
    plain = not callable(rows) and chain.learner.ridge == 0 and source.cov is None  # type: ignore[attr-defined]
    return plain and most <= dimensions(source) - 2


@law(
    "excess_risk",
    example=Chain(_FOUR, OLS(), Replace(Linear(12, 2)), n0=12),
    when=_ordinary,
    reference=DOHMATOB,
    formula=r"E\|w_t-w\|_\Sigma^2=s^2d\sum_{i\le t}\frac1{n_i-d-1}",
    tags=(SCALING,),
)
def excess_risk_replace(
    source: LinearModel | RegressionNorm, learner: OLS | OLSNorm, regime: Replace, n: Sizes
) -> Values:
    """The error adds up linearly over generations."""
    d = dimensions(source)
    return while_fitted(np.cumsum(_noise(n, source, d)), n, d)


@law(
    "excess_risk",
    example=Chain(RegressionNorm(d=1000), OLSNorm(), Replace(3000), n0=2000),
    when=_ordinary,
    reference=DOHMATOB,
    formula=r"E\|w_t-w\|^2=s^2d\sum_{i\le t}\frac1{n_i-d-1}",
    tags=(SCALING,),
)
def excess_risk_norm_replace(source: RegressionNorm, learner: OLSNorm, regime: Replace, n: Sizes) -> Values:
    """The same law at the size of real regressions, where only the error's norm is drawn."""
    return while_fitted(np.cumsum(_noise(n, source, source.d)), n, source.d)


@law(
    "excess_risk",
    example=Chain(_FOUR, OLS(), Accumulate(12), n0=12),
    when=_ordinary,
    reference="recursive least squares; with one design for ever: Gerstgrasser et al. 2024 (2404.01413)",
    formula=r"E\|w_t-w\|_\Sigma^2=s^2d\sum_{i\le t}\frac{n_i}{N_i(N_i-d-1)}",
    tags=(SCALING, GENTLE),
)
def excess_risk_accumulate(source: LinearModel, learner: OLS, regime: Accumulate, n: Sizes) -> Values:
    """Accumulating bounds the error; with new inputs in each generation it stays below pi^2/6 of the first."""
    d, total = dimensions(source), np.cumsum(n)
    return np.cumsum(_noise(total, source, d) * n / total)


@law(
    "excess_risk",
    kind="upper bound",
    example=Chain(_FOUR, OLS(), Accumulate(12), n0=12),
    when=lambda chain: _ordinary(chain) and chain.regime.n in ("n0", chain.n0),  # type: ignore[attr-defined]
    reference="Gerstgrasser et al. 2024 (2404.01413)",
    formula=r"E\|w_t-w\|^2\le\frac{\pi^2}6\frac{s^2d}{n-d-1}",
    tags=(SCALING, GENTLE),
    sharper="excess_risk_accumulate",
)
def excess_risk_bound_accumulate(source: LinearModel, learner: OLS, regime: Accumulate, n: Sizes) -> Values:
    """The error under accumulation never exceeds pi^2/6 times that of the first fit."""
    d = dimensions(source)
    return np.full(len(n), np.pi**2 / 6 * source.noise**2 * d / (n[0] - d - 1))


def carried(rows: Any, synthetic: Any, d: int) -> Any:
    """Compute the share of the last model's error that survives a fit to `synthetic` of its rows among `rows`."""
    between = synthetic * (rows - synthetic) / (rows * (rows - 1) * (rows + 2))
    within = synthetic * (synthetic + 2) / (rows * (rows + 2)) - between
    return within + between * (rows * d - 2) / (rows - d - 1)


@law(
    "excess_risk",
    example=Chain(_FOUR, OLS(), FreshReal(15, 1 / 3), n0=15),
    when=lambda chain: _ordinary(chain) and not chain.regime.ragged,  # type: ignore[attr-defined]
    reference="moments of the matrix Beta law",
    formula=r"E_t=c\,E_{t-1}+\frac{s^2d}{n-d-1},\ c=a_1+a_2\frac{nd-2}{n-d-1},\ a_2=\frac{p(n-p)}{n(n-1)(n+2)},\ "
    r"a_1=\frac{p(p+2)}{n(n+2)}-a_2",
    tags=(SCALING,),
)
def excess_risk_fresh_real(source: LinearModel, learner: OLS, regime: FreshReal, n: Sizes) -> Values:
    """A share of fresh real labels bounds the error."""
    d = dimensions(source)
    enough = np.maximum(n, d + 2)
    keep = np.asarray(carried(enough, enough - np.rint(enough * regime.real_fraction), d))
    return while_fitted(recurrence(0.0, keep, _noise(n, source, d)), n, d)


@law(
    "excess_risk",
    example=Chain(_WIDE, OLS(), Replace(10), n0=12),
    when=_overparametrised,
    reference=DOHMATOB + "; exact recursion for the least norm",
    formula=r"E_t=\|w\|^2(1-r^{t+1})+\frac{s^2n}{d-n-1}\frac{1-r^{t+1}}{1-r},\ r=n/d\ \text{(equal sizes)}",
    tags=(SCALING,),
)
def excess_risk_minimum_norm(source: LinearModel, learner: OLS, regime: Replace, n: Sizes) -> Values:
    """With fewer rows than inputs each generation forgets all but a share n/d of the last one, even without noise."""
    d = dimensions(source)
    kept, own = n / d, source.noise**2 * n / (d - n - 1)
    length: Floats = np.asarray(float((source.weights**2).sum()))
    squared = recurrence(float(length), kept, own)
    return np.asarray(squared - 2 * length * np.cumprod(kept) + length)
