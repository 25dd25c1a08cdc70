"""Laws of verified, selected and filtered synthetic data, and of weighted real data."""

import math
from typing import Any

import numpy as np
from numpy.random import Generator

from genloss.chain.curators import ImperfectFilter
from genloss.chain.data import Floats
from genloss.chain.recursion import Chain
from genloss.chain.regimes import FreshReal
from genloss.families.gaussian import Gaussian, GaussianMLE
from genloss.theory.laws import Sizes, Values, law
from genloss.theory.recursions.chosen import RowChoice, UnsupportedError, fixed_weights, mixed_weights

MINORITIES = "average may improve while minorities lose"
_WEIGHTS = np.array([0.3, 0.618, 0.9])
_KEPT, _PASSED = 0.8, 0.45  # a verifier's rates of keeping right and wrong labels
_SIZE, _D, _ROWS = 2.0, 10_000, 20_000
_ERRORS = np.array([0.3, 0.55, 0.64, 0.75])
_SUMMED, _SCHEDULED = 20_000, 1_000


@law(
    "real_share",
    example=Chain(Gaussian(), GaussianMLE(), FreshReal(15, 0.3), 15, ImperfectFilter(0.4, 0.1)),
    reference="Bayes' rule; Drayson, Yilmaz and Lampos 2025 (2502.15654) for the use of detectors",
    formula=r"E\frac R{R+S}\simeq\frac{(1-s)(1-f)}{(1-s)(1-f)+s(1-p)},\ R\sim\mathrm{Bin}((1-s)n,1-f),"
    r"\ S\sim\mathrm{Bin}(sn,1-p)\ \text{(drawn together where the composition is binomial)}",
    replicates=20_000,
    first=1,
)
def real_share_filtered(regime: FreshReal, curator: ImperfectFilter, n: Sizes) -> Values:
    """An imperfect detector or watermark filter acts like a larger real fraction in the laws of fresh real data."""
    rows, back = np.unique(n, return_inverse=True)
    if len(rows) > _SCHEDULED:
        return np.full(len(n), np.nan)
    return np.array([_share_left(regime, curator, float(count)) for count in rows])[back]


def _any_rows(rows: Any) -> Any:
    """Gain nothing from any number of rows, as far as the share of real ones goes."""
    return 0.0 * rows


def _share_left(regime: FreshReal, curator: ImperfectFilter, rows: float) -> float:
    """Compute the expected share of real rows among those that a filter leaves of a pool."""
    choice = RowChoice(1 - curator.false_positive, 1 - curator.true_positive)
    real = rows * regime.real_fraction if regime.ragged else float(round(rows * regime.real_fraction))
    if rows > _SUMMED:
        return filtered_share(real / rows, curator.true_positive, curator.false_positive)
    try:
        if regime.ragged:
            return mixed_weights(rows, regime.real_fraction, choice, _any_rows).real
        return fixed_weights(real, rows - real, choice, _any_rows).real
    except UnsupportedError:
        return math.nan


def filtered_share(real_fraction: float, true_positive: float, false_positive: float) -> float:
    """Compute the real share that an imperfect filter leaves of many rows; NaN if it leaves none."""
    real = real_fraction * (1 - false_positive)
    made = (1 - real_fraction) * (1 - true_positive)
    return real / (real + made) if real + made > 0 else math.nan


def critical_error(kept: float, passed: float) -> float:
    """Compute the share of wrong labels above which training on verified data turns against the truth.

    Args:
        kept: The chance that the verifier keeps a right label.
        passed: The chance that it keeps a wrong one.
    """
    return kept / (kept + passed)


def _verified(rng: Generator, replicates: int) -> Floats:
    rows = 200
    off = np.abs(rng.standard_normal((replicates, rows, 1)))
    wrong = rng.random((replicates, rows, 1)) < _ERRORS
    chosen = rng.random((replicates, rows, 1)) < np.where(wrong, _PASSED, _KEPT)
    return np.asarray((off * np.where(wrong, -1, 1) * chosen).mean(1))


@law(
    "signal",
    example=None,
    experiment=_verified,
    replicates=5_000,
    power=1e9,  # it crosses 0 at the threshold
    reference="Feng et al. 2024 (2406.07515), threshold of imperfect verifiers",
    formula=r"E[\hat w\cdot u]\propto(1-p)\phi-p\psi,\ p^*=\frac{\phi}{\phi+\psi}",
)
def signal_verified() -> Values:
    """Verified labels point to the truth exactly while the share of wrong ones is below phi / (phi + psi)."""
    return np.asarray(((1 - _ERRORS) * _KEPT - _ERRORS * _PASSED) * math.sqrt(2 / math.pi))


def accuracy_verified(errors: Floats, kept: float, passed: float, size: float, load: float) -> Floats:
    """Compute the accuracy of the mean classifier of verified labels on two Gaussian classes, for many rows.

    Args:
        errors: Shares of wrong labels before verification.
        kept: The chance that the verifier keeps a right label.
        passed: The chance that it keeps a wrong one.
        size: Half the distance between the means of the classes, in standard deviations.
        load: Dimensions per row.
    """
    from scipy.special import ndtr

    right, wrong = (1 - errors) * kept, errors * passed
    signal = (right - wrong) * size
    return np.asarray(ndtr(size * signal / np.sqrt(signal**2 + load * (right + wrong))))


def _classified(rng: Generator, replicates: int) -> Floats:
    """Add up verified rows, each turned by its label: normal sums, given how many are kept with each kind of label."""
    from scipy.special import ndtr

    wrong = rng.binomial(_ROWS, _ERRORS, (replicates, len(_ERRORS)))
    right, wrong = rng.binomial(_ROWS - wrong, _KEPT), rng.binomial(wrong, _PASSED)
    along = _SIZE * (right - wrong) + np.sqrt(right + wrong) * rng.standard_normal(wrong.shape)
    across = np.sqrt((right + wrong) * rng.chisquare(_D - 1, wrong.shape))
    return np.asarray(ndtr(_SIZE * along / np.hypot(along, across)))


@law(
    "accuracy",
    kind="asymptotic",
    example=None,
    experiment=_classified,
    replicates=400,
    tolerance=0.003,
    reference="Feng et al. 2024 (2406.07515), threshold of imperfect verifiers",
    formula=r"\text{accuracy}\to\Phi\Bigl(\frac{a\,\mu}{\sqrt{a^2+\frac dn[(1-p)\phi+p\psi]}}\Bigr),"
    r"\ a=\mu[(1-p)\phi-p\psi]",
    tags=(MINORITIES,),
)
def accuracy_of_verified() -> Values:
    """Training on verified labels beats guessing below the threshold and turns against the truth above it."""
    return accuracy_verified(_ERRORS, _KEPT, _PASSED, _SIZE, _D / _ROWS)


def _shares(rng: Generator, replicates: int) -> Floats:
    """Weigh many draws of a truth with a minority of 20% and lower reward by exp(t r)."""
    minority = rng.random((replicates, 2_000)) < 0.2
    reward = np.where(minority, -0.5, 0.0)
    out = []
    for t in range(6):
        weight = np.exp(t * reward)
        share = (weight * minority).sum(1) / weight.sum(1)
        out.append(np.stack([share, -0.5 * share], -1))
    return np.concatenate(out, -1)


@law(
    "minority_share_and_reward",
    kind="asymptotic",
    example=None,
    experiment=_shares,
    replicates=2_000,
    tolerance=0.002,
    reference="Ferbach et al. 2024 (2407.09499), infinitely many candidates",
    formula=r"p_t(x)\propto p_0(x)e^{t\,r(x)}",
    tags=(MINORITIES,),
)
def minority_share_and_reward_selected() -> Values:
    """The average reward improves in every generation exactly because the minority loses its share."""
    weight = 0.2 * np.exp(-0.5 * np.arange(6))
    share = weight / (weight + 0.8)
    return np.stack([share, -0.5 * share], -1).ravel()


def weighted_offset(weight: Floats | float, real: float, synthetic: float) -> Floats:
    """Compute the limit of E (mu_t - mu)^2 / sigma^2 where real rows are weighted against synthetic ones.

    Args:
        weight: The weight of the mean of the real rows.
        real: Fresh real rows per generation.
        synthetic: Synthetic rows per generation.
    """
    w = np.asarray(weight, dtype=float)
    return np.asarray((w**2 / real + (1 - w) ** 2 / synthetic) / (2 * w - w**2))


def best_weight(ratio: float) -> float:
    """Compute the weight of real rows that minimises the limit, for `ratio` = real / synthetic rows."""
    return 2 * ratio / (math.sqrt(ratio**2 + 4 * ratio) + ratio)


def _weighted(rng: Generator, replicates: int) -> Floats:
    mean = np.zeros((replicates, 3))
    for _ in range(40):
        real, made = rng.standard_normal((2, replicates, 3)) / math.sqrt(10)
        mean = _WEIGHTS * real + (1 - _WEIGHTS) * (mean + made)
    return np.asarray(mean**2)


@law(
    "weighted_squared_offset",
    example=None,
    experiment=_weighted,
    reference="He, Xu and Cheng 2025 (2502.18049)",
    formula=r"D_*=\sigma^2\frac{w^2/n+(1-w)^2/m}{2w-w^2},\ w^*=\tfrac12(\sqrt{k^2+4k}-k),\ k=n/m\ (k=1:\ 0.618)",
)
def weighted_squared_offset() -> Values:
    """Real rows are best weighted by the golden ratio where as many rows are synthetic."""
    return weighted_offset(_WEIGHTS, 10, 10)
