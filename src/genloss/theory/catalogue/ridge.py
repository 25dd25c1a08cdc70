"""Laws of regression that no chain here runs: one design for ever, ridge after many generations, mixed label laws."""

import math

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Floats
from genloss.theory.catalogue.gaussian_regimes import GENTLE
from genloss.theory.catalogue.regression import DOHMATOB, SCALING, carried
from genloss.theory.laws import Values, law

_D, _T, _T0, _FOLDS = 60, 120, 180, 3
_REAL, _MADE = 160, 80
_EIGENVALUES = np.linspace(0.5, 2.0, _D)
_WEIGHTS = np.ones(_D) / np.sqrt(_D)
_PENALTIES = np.array([0.01, 0.1, 1.0])
STRONG = "Dohmatob et al. 2024 (2410.04840)"


def _same_design(rng: Generator, replicates: int) -> Floats:
    x = rng.standard_normal((replicates, 12, 4))
    inverse = np.linalg.pinv(x)
    error, out = np.zeros((replicates, 4)), []
    for i in range(1, 9):
        error = error + (inverse @ rng.standard_normal((replicates, 12, 1)))[..., 0] / i
        out.append((error**2).sum(1))
    return np.stack(out, -1)


@law(
    "excess_risk_same_design",
    example=None,
    experiment=_same_design,
    replicates=20_000,
    reference="Gerstgrasser et al. 2024 (2404.01413)",
    formula=r"E\|w_t-w\|^2=\frac{s^2d}{n-d-1}\sum_{i=1}^{t+1}\frac1{i^2}\ \text{(the same inputs in every generation)}",
    tags=(SCALING, GENTLE),
)
def excess_risk_same_design_accumulate() -> Values:
    """Relabelling one design and accumulating bounds the error by pi^2/6 of the first; the constant is sharp here."""
    return np.asarray(4 / (12 - 4 - 1) * np.cumsum(1 / np.arange(1, 9) ** 2))


def effective_ridge(values: Floats, penalty: float, rows: float) -> float:
    """Solve kappa - penalty = kappa df1(kappa) / rows for the effective penalty.

    Without penalty it is 0 if there are as many rows as eigenvalues, and the positive root where there are fewer.
    """
    from scipy.optimize import brentq

    if penalty == 0 and rows >= len(values):
        return 0.0

    def off(log: float) -> float:
        return float(1 - penalty / math.exp(log) - (values / (values + math.exp(log))).sum() / rows)

    low, high = max(penalty, 1e-300), penalty + float(values.sum()) / rows
    return math.exp(brentq(off, math.log(low) - 1e-9, math.log(high) + 1e-9, xtol=1e-14))


def ridge_risk(
    values: Floats, weights: Floats, penalty: float, rows: float, noise: float, folds: int, rows0: float, noise0: float
) -> float:
    """Compute the error of ridge on labels that passed through `folds` generations of least squares."""
    k = effective_ridge(values, penalty, rows)
    d, shrink = len(values), values + k
    df2 = (values**2 / shrink**2).sum()
    bias = k**2 * (weights**2 * values / shrink**2).sum() / (1 - df2 / rows)
    spread = noise**2 * df2 / (rows - df2)
    passed = ((values**2 / shrink**2).sum() + k**2 * (1 / shrink**2).sum() * df2 / (rows - df2)) / (rows0 - d - 1)
    return float(bias + spread + folds * noise0**2 * passed)


def _least_squares(rng: Generator, replicates: int, rows: int) -> tuple[Floats, Floats]:
    x = rng.standard_normal((replicates, rows, _D)) * np.sqrt(_EIGENVALUES)
    return x, x.mT


def _ridge(rng: Generator, replicates: int) -> Floats:
    w = np.broadcast_to(_WEIGHTS, (replicates, _D))[..., None]
    for _ in range(_FOLDS):
        x, xt = _least_squares(rng, replicates, _T0)
        w = np.linalg.solve(xt @ x, xt @ (x @ w + rng.standard_normal((replicates, _T0, 1))))
    x, xt = _least_squares(rng, replicates, _T)
    gram, moment = xt @ x / _T, xt @ (x @ w + rng.standard_normal((replicates, _T, 1))) / _T
    out = []
    for penalty in _PENALTIES:
        off = np.linalg.solve(gram + penalty * np.eye(_D), moment)[..., 0] - _WEIGHTS
        out.append((off**2 * _EIGENVALUES).sum(1))
    return np.stack(out, -1)


@law(
    "ridge_risk",
    kind="asymptotic",
    example=None,
    experiment=_ridge,
    replicates=800,
    tolerance=0.03,
    reference=DOHMATOB + "; deterministic equivalents with exact powers",
    formula=r"E=\frac{\kappa^2w^\top\Sigma(\Sigma+\kappa)^{-2}w}{1-df_2/n}+\frac{s^2df_2}{n-df_2}+t\,s_0^2\rho,\ "
    r"\kappa-\lambda=\kappa\,df_1/n",
    tags=(SCALING,),
)
def ridge_risk_replace() -> Values:
    """A ridge on labels of the t-th generation pays for each generation; a larger penalty pays less."""
    return np.array([ridge_risk(_EIGENVALUES, _WEIGHTS, p, _T, 1.0, _FOLDS, _T0, 1.0) for p in _PENALTIES])


def strong_collapse(values: Floats, gap: Floats, penalty: float, real: float, synthetic: float) -> float:
    """Compute the extra error of ridge on real rows mixed with rows whose weights differ by N(0, gap)."""
    rows = real + synthetic
    k = effective_ridge(values, penalty, rows)
    p1, p2, shrink = real / rows, synthetic / rows, values + k
    df2 = (values**2 / shrink**2).sum()
    u = df2 / rows / (1 - df2 / rows)
    floor = p2**2 * (1 + p1 * u) * (gap * values**3 / shrink**2).sum()
    return float(floor + p2 * u * (gap * values * (p1 * values + k) ** 2 / shrink**2).sum())


def _mixed(rng: Generator, replicates: int) -> Floats:
    real, made = _REAL, _MADE
    gap = rng.standard_normal((replicates, _D))
    x, xt = _least_squares(rng, replicates, real + made)
    label = np.concatenate([np.zeros((replicates, real)), (x[:, real:] @ gap[..., None])[..., 0]], 1)[..., None]
    out = []
    for penalty in (0.0, *_PENALTIES):
        off = np.linalg.solve(xt @ x / (real + made) + penalty * np.eye(_D), xt @ label / (real + made))[..., 0]
        out.append((off**2 * _EIGENVALUES).sum(1))
    return np.stack(out, -1)


@law(
    "strong_collapse",
    kind="asymptotic",
    example=None,
    experiment=_mixed,
    replicates=600,
    tolerance=0.03,
    reference=STRONG + "; without penalty exact by the matrix Beta law",
    formula=r"\zeta=p_2^2(1+p_1u)\,\mathrm{tr}\,\Delta\Sigma^3(\Sigma+\kappa)^{-2}+p_2u\,\mathrm{tr}\,\Delta\Sigma(p_1\Sigma+\kappa)^2"
    r"(\Sigma+\kappa)^{-2}",
    tags=(SCALING,),
)
def strong_collapse_mixture() -> Values:
    """A fixed share of wrong synthetic data leaves an error that no amount of data removes."""
    real, made = _REAL, _MADE
    exact = carried(real + made, made, _D) * float(_EIGENVALUES.sum())
    rest = [strong_collapse(_EIGENVALUES, np.ones(_D), p, real, made) for p in _PENALTIES]
    return np.array([exact, *rest])
