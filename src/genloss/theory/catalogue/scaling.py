"""Scaling laws of ridge regression on data whose spectrum falls like a power, with true and with synthetic labels."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Floats
from genloss.theory.catalogue.regression import DOHMATOB, SCALING
from genloss.theory.catalogue.ridge import STRONG
from genloss.theory.laws import Values, law

_D, _ROWS, _ROWS0, _FOLDS = 150, (10_000, 100_000, 1_000_000), 100_000, 4
_MANY = (0, 1, 4, 16)


@dataclass(frozen=True)
class PowerLaw:
    """Inputs and weights whose spectra fall like powers, and what a ridge makes of them.

    The i-th eigenvalue of the inputs' covariance is i ** -capacity, and the i-th weight squared times it is
    i ** -(1 + 2 source capacity): the larger the capacity, the fewer directions matter; the larger the source, the
    easier the weights.

    Attributes:
        capacity: Above 1.
        source: Above 0, other than 1, where a logarithm comes in.
    """

    capacity: float = 2.0
    source: float = 0.75

    def eigenvalues(self, d: int) -> Floats:
        """List the first d eigenvalues."""
        return np.asarray(np.arange(1.0, d + 1) ** -self.capacity)

    def weights(self, d: int) -> Floats:
        """List the first d weights, along the eigenvectors."""
        return np.asarray(np.arange(1.0, d + 1) ** -((1 + (2 * self.source - 1) * self.capacity) / 2))

    @property
    def saturated(self) -> float:
        """The source as far as a ridge can make use of it: at most 1."""
        return min(self.source, 1.0)

    @property
    def bias(self) -> float:
        """The constant a of the bias a penalty ** (2 saturated)."""
        from scipy.special import zeta

        r, beta = self.source, self.capacity
        if r > 1:
            return float(zeta(1 + 2 * beta * (r - 1)))
        return math.gamma(2 - 2 * r) * math.gamma(2 * r) / beta

    @property
    def spread(self) -> float:
        """The constant b of the degrees of freedom b penalty ** (-1 / capacity) that take up noise."""
        beta = self.capacity
        return (1 - 1 / beta) * math.pi / beta / math.sin(math.pi / beta)

    def risk(self, penalty: Array | float, level: Array | float) -> Floats:
        """Compute the leading order of the error of a ridge at a level of noise (`noise_level`)."""
        penalty = np.asarray(penalty, dtype=float)
        return np.asarray(
            self.bias * penalty ** (2 * self.saturated) + level * self.spread * penalty ** (-1 / self.capacity)
        )

    def tuned(self) -> float:
        """Compute the best exponent l of a penalty n ** -l on n rows with true labels."""
        return self.capacity / (2 * self.saturated * self.capacity + 1)

    def best_penalty(self, level: Array | float) -> Floats:
        """Compute the penalty with the least error at a level of noise."""
        ratio = self.spread * np.asarray(level) / (2 * self.saturated * self.capacity * self.bias)
        return np.asarray(ratio ** self.tuned())


def noise_level(
    rows: Array | float,
    noise: float,
    folds: Array | float = 0,
    rows0: float = math.inf,
    noise0: float = 0.0,
    d: int = 0,
) -> Floats:
    """Compute the noise that one degree of freedom takes up, in true labels or in those of a late generation.

    Args:
        rows: Rows that the ridge is fitted to.
        noise: Standard deviation of their labels.
        folds: Generations of models, each fitted to the labels of the one before.
        rows0: Rows that each of those was fitted to, by least squares.
        noise0: Standard deviation of their labels.
        d: Dimensions.
    """
    rows = np.asarray(rows, dtype=float)
    passed = 0.0 if math.isinf(rows0) else (1 + d / rows) / (rows0 - d - 1)
    return np.asarray(noise**2 / rows + np.asarray(folds) * noise0**2 * passed)


def _bartlett(rng: Generator, replicates: int, rows: int, d: int = _D) -> Floats:
    """Draw triangular roots of the sums of squares of `rows` standard normal rows."""
    root = np.tril(rng.standard_normal((replicates, d, d)), -1)
    root[:, np.arange(d), np.arange(d)] = np.sqrt(rng.chisquare(rows - np.arange(d), (replicates, d)))
    return root


def _risks(rng: Generator, replicates: int, rows: int, penalty: float) -> tuple[Floats, Floats]:
    """Fit a ridge to random inputs; give the error from true labels, and what each generation before adds to it.

    Both are means over the noise in the labels, given the inputs: variance 1 everywhere.
    """
    law = PowerLaw()
    values, weights = law.eigenvalues(_D), law.weights(_D)
    half = np.sqrt(values)
    root = half[:, None] * _bartlett(rng, replicates, rows) / math.sqrt(rows)
    inverse = np.linalg.inv(root @ root.mT + penalty * np.eye(_D))
    bias = penalty**2 * (values * (inverse @ weights) ** 2).sum(1)
    fit = np.eye(_D) - penalty * inverse
    spread = (values[:, None] * fit * inverse).sum((1, 2)) / rows
    before = np.linalg.inv(_bartlett(rng, replicates, _ROWS0))
    passed = ((before @ (half[:, None] * fit / half).mT) ** 2).sum((1, 2))
    return np.asarray(bias + spread), np.asarray(passed)


def _tuned(rng: Generator, replicates: int) -> tuple[Floats, Floats]:
    found = [_risks(rng, replicates, rows, rows ** -PowerLaw().tuned()) for rows in _ROWS]
    return np.stack([own for own, _ in found], -1), np.stack([passed for _, passed in found], -1)


def _clean(rng: Generator, replicates: int) -> Floats:
    return _tuned(rng, replicates)[0]


def _relabelled(rng: Generator, replicates: int) -> Floats:
    own, passed = _tuned(rng, replicates)
    return own + _FOLDS * passed


def _adapted(rng: Generator, replicates: int) -> Floats:
    out = []
    for folds in _MANY:
        level = noise_level(_ROWS[-1], 1.0, folds, _ROWS0, 1.0, _D)
        own, passed = _risks(rng, replicates, _ROWS[-1], float(PowerLaw().best_penalty(level)))
        out.append(own + folds * passed)
    return np.stack(out, -1)


@law(
    "ridge_risk",
    kind="asymptotic",
    example=None,
    experiment=_clean,
    replicates=20,
    tolerance=0.07,
    reference=DOHMATOB + "; constants from the deterministic equivalent",
    formula=r"E\simeq a\,n^{-2r\ell}+s^2b\,n^{-(1-\ell/\beta)},\ \lambda=n^{-\ell},\ \ell^*=\frac\beta{2r\beta+1}"
    r"\Rightarrow E\propto n^{-2r\beta/(2r\beta+1)},\ a=\frac{\Gamma(2-2r)\Gamma(2r)}\beta,\ "
    r"b=(1-\tfrac1\beta)\frac{\pi/\beta}{\sin(\pi/\beta)}\ (0<r<1)",
    tags=(SCALING,),
)
def ridge_risk_power_law() -> Values:
    """With true labels and a well-tuned penalty the error falls like a power of the number of rows."""
    law, rows = PowerLaw(), np.array(_ROWS, dtype=float)
    return law.risk(rows ** -law.tuned(), noise_level(rows, 1.0))


@law(
    "ridge_risk",
    kind="asymptotic",
    example=None,
    experiment=_relabelled,
    replicates=20,
    tolerance=0.07,
    reference=DOHMATOB + "; constants from the deterministic equivalent",
    formula=r"E\simeq a\,n^{-2r\ell}+s^2b\,n^{-(1-\ell/\beta)}+t\,s_0^2b\,\frac{1+d/n}{n_0-d-1}\,n^{\ell/\beta}",
    tags=(SCALING,),
)
def ridge_risk_power_law_replace() -> Values:
    """On labels of the t-th generation the same penalty fails: past the order of n_0 / t rows the error rises."""
    law, rows = PowerLaw(), np.array(_ROWS, dtype=float)
    return law.risk(rows ** -law.tuned(), noise_level(rows, 1.0, _FOLDS, _ROWS0, 1.0, _D))


@law(
    "ridge_risk",
    kind="asymptotic",
    example=None,
    experiment=_adapted,
    replicates=20,
    tolerance=0.07,
    reference=DOHMATOB + ", adaptive regularisation; constants from the deterministic equivalent",
    formula=r"\lambda^*=\Bigl(\frac{b\,\nu}{2r\beta a}\Bigr)^{\beta/(2r\beta+1)},"
    r"\ E^*\propto\nu^{2r\beta/(2r\beta+1)},\ \nu=\frac{s^2}n+t\,s_0^2\frac{1+d/n}{n_0-d-1}",
    tags=(SCALING,),
)
def ridge_risk_power_law_adapted() -> Values:
    """A penalty that knows of the generations keeps the error from rising, but more rows no longer make it fall."""
    law = PowerLaw()
    level = noise_level(_ROWS[-1], 1.0, np.array(_MANY), _ROWS0, 1.0, _D)
    return law.risk(law.best_penalty(level), level)


_GAP = np.linspace(0.2, 2.0, 8)
_SHARES = np.array([0.01, 0.1, 0.5])


def _floored(rng: Generator, replicates: int) -> Floats:
    """Fit least squares to very many rows, a small share of them labelled with other weights."""
    out = []
    for share in _SHARES:
        made = _bartlett(rng, replicates, round(share * _ROWS[-1]), len(_GAP))
        real = _bartlett(rng, replicates, round((1 - share) * _ROWS[-1]), len(_GAP))
        wrong = made @ made.mT
        gap = np.sqrt(_GAP) * rng.standard_normal((replicates, len(_GAP)))
        off = np.linalg.solve(wrong + real @ real.mT, wrong @ gap[..., None])
        out.append((off**2).sum((1, 2)))
    return np.stack(out, -1)


@law(
    "strong_collapse",
    kind="asymptotic",
    example=None,
    experiment=_floored,
    replicates=10_000,
    tolerance=0.002,
    reference=STRONG,
    formula=r"\lim_{n\to\infty}\lim_{\lambda\to0}\zeta=p_2^2\,\mathrm{tr}\,\Delta\Sigma",
    tags=(SCALING,),
)
def strong_collapse_floor_mixture() -> Values:
    """Even one wrong row in a hundred leaves an error that no number of rows removes; it falls as the share squared."""
    return np.asarray(_SHARES**2 * _GAP.sum())
