"""A drawn statistic has the law of the statistic of rows: means, variances and all cross moments."""

import numpy as np
import pytest

from exact_families import FAMILIES, counted, features
from genloss.chain.data import Batch
from genloss.families.categorical import Categorical, Counts
from genloss.families.gaussian import Gaussian
from genloss.families.multivariate import MultivariateGaussian, Scatter
from genloss.families.regression import OLS, Gram, LinearModel, OLSNorm, RegressionNorm
from helpers import SIGMAS, assert_mean, assert_same_mean

pytestmark = pytest.mark.statistical
R = 20_000


def apart(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """How many standard errors two samples of vectors differ in first, second or cross moments, and what would be seen.

    Vectors are standardised together, so that a moment's natural scale is 1.
    """
    both = np.concatenate((one, other))
    spread = both.std(0)
    moving = spread > 1e-12 * np.abs(both).max(0)
    assert np.allclose(one[:, ~moving].mean(0), other[:, ~moving].mean(0)), "a number that does not vary differs"
    moments = []
    for sample in (one, other):
        z = ((sample - both.mean(0)) / np.where(moving, spread, 1))[:, moving]
        i, j = np.triu_indices(z.shape[1])
        moments.append(np.concatenate((z, z[:, i] * z[:, j]), 1))
    a, b = moments
    error = np.sqrt(a.var(0) / len(a) + b.var(0) / len(b))
    off = np.abs(a.mean(0) - b.mean(0))
    return float((off / np.maximum(error, 1e-12)).max()), float(SIGMAS * error.max())


def assert_same_law(one: np.ndarray, other: np.ndarray, *, power: float) -> None:
    worst, blind = apart(one, other)
    assert worst < SIGMAS, f"moments are {worst:.1f} standard errors apart"
    assert blind < power, f"a moment off by {power} of its scale would not have been seen, only {blind:.2f}"


@pytest.mark.parametrize("n", [1, 2, 3, 9])
@pytest.mark.parametrize("name", FAMILIES)
def test_drawn_statistic_has_the_law_of_rows(name, n, seed):
    family = FAMILIES[name]
    rng = np.random.default_rng([seed, n])
    drawn = family.source.draw(n, rng, (R,))
    by_rows = counted(family.source.sample_batch(n, rng, R), like=drawn)
    assert_same_law(features(drawn), features(by_rows), power=0.5)


@pytest.mark.parametrize("name", FAMILIES)
def test_models_of_many_replicates_draw_each_their_own(name, seed):
    """The law drawn from a model with a replicate axis is that of each replicate's own model."""
    family = FAMILIES[name]
    rng = np.random.default_rng(seed)
    n = 15
    model = family.bound.fit(family.source.draw(n, rng, (3,)), rng)
    for i in range(3):
        one = model.pick(i).draw(n, rng, (R // 4,))
        # Three replicates at a time, of which the i-th is looked at.
        drawn = [features(model.draw(n, rng, (3,)))[i] for _ in range(R // 16)]
        rows = [features(counted(model.sample_batch(n, rng, 3), like=one))[i] for _ in range(R // 16)]
        assert_same_law(features(one), np.stack(drawn), power=1.0)
        assert_same_law(features(one), np.stack(rows), power=1.0)


@pytest.mark.parametrize("name", FAMILIES)
def test_one_size_a_replicate(name, seed):
    """Sizes that differ between replicates, zeros among them, give each replicate the law of its own size."""
    family = FAMILIES[name]
    rng = np.random.default_rng(seed)
    sizes = np.tile([0, 1, 5, 0, 5], R // 5)
    drawn = family.source.draw(sizes, rng, (len(sizes),))
    assert np.array_equal(np.broadcast_to(drawn.n, sizes.shape), sizes)
    fives = features(family.source.draw(5, rng, (R,)))
    assert_same_law(features(drawn)[sizes == 5], fives, power=0.6)
    # No rows added change nothing.
    more = family.source.draw(4, rng, (len(sizes),))
    none = sizes == 0
    assert np.allclose(features(drawn + more)[none], features(more)[none])


@pytest.mark.parametrize("n", [1, 2, 4, 7, 8])
@pytest.mark.parametrize(
    "source",
    [Gaussian(1.0, 4.0), FAMILIES["normal"].source, FAMILIES["categorical"].source, FAMILIES["softmax"].source],
    ids=["gaussian", "normal", "categorical", "softmax"],
)
def test_subsampled_statistic_has_the_law_of_subsampled_rows(source, n, seed):
    """Jointly with the statistic of all 8 rows that it was taken from."""
    rng = np.random.default_rng([seed, n])
    rows = source.sample_batch(8, rng, R)
    whole = source.draw(8, rng, (R,))
    sub = whole.subsample(n, rng)
    assert np.all(sub.n == n)
    drawn = [features(whole), features(sub)]
    by_rows = [features(counted(Batch(rows.rows[:, :m]), like=whole)) for m in (8, n)]
    assert_same_law(np.concatenate(drawn, 1), np.concatenate(by_rows, 1), power=0.7)


def test_counts_are_subsampled_again_and_again(seed):
    """Two subsamples of one set of rows: the hypergeometric variance, and no dependence between them."""
    rng = np.random.default_rng(seed)
    counts = Counts(np.tile([3, 5, 0, 12], (R, 1)))
    one, other = counts.subsample(7, rng).counts, counts.subsample(7, rng).counts
    assert_mean(one[:, [0, 1, 3]], 7 * np.array([3, 5, 12]) / 20, power=0.05)
    expected = 7 * (12 / 20) * (8 / 20) * (13 / 19)
    assert_mean((one[:, 3] - 4.2) ** 2, expected, power=0.1)
    assert_mean(1 + (one[:, 3] - 4.2) * (other[:, 3] - 4.2), 1.0, power=0.1)
    assert not one[:, 2].any()


def test_drawing_a_trillion_rows(seed):
    """At 10^12 rows the mean's error is 10^-6 of a standard deviation, neither more nor less."""
    rng = np.random.default_rng(seed)
    n = 10**12
    counts = Categorical.zipf(4).draw(n, rng, (R,)).counts
    p = Categorical.zipf(4).p
    assert_mean((counts - n * p) ** 2 / n, p * (1 - p), power=0.1)
    scatter = MultivariateGaussian([0.0, 0.0], [[2.0, 1.0], [1.0, 3.0]]).draw(n, rng, (R,))
    assert_mean(scatter.mean[:, 0] ** 2 * n, 2.0, power=0.1)
    off = (scatter.scatter / n - [[2.0, 1.0], [1.0, 3.0]]) * np.sqrt(n)
    assert_mean(off[:, 0, 1] ** 2, 2 * 3 + 1, power=0.1)
    gram = LinearModel([1.0, 2.0], noise=0.5).draw(n, rng, (R,))
    off = np.linalg.solve(gram.xtx, gram.xty[..., None])[..., 0] - [1.0, 2.0]
    assert_mean(off**2 * n, [0.25, 0.25], power=0.2)


def test_norm_only_regression_is_regression(seed):
    """Three generations of the excess risk alone against three of all coefficients."""
    rng = np.random.default_rng(seed)
    full, norm = LinearModel([1.0, 0.0, 2.0], noise=0.7), RegressionNorm(3, noise=0.7)
    model, short = full, norm
    for _ in range(3):
        model = OLS(inputs=full).fit(model.draw(15, rng, (R,)), rng)
        short = OLSNorm(inputs=norm).fit(short.draw(15, rng, (R,)), rng)
    one, other = model.excess_risk(full), short.excess_risk(norm)
    for feature in (np.sqrt, lambda risk: risk):
        assert_same_mean(feature(one), feature(other), power=0.1)
    assert_mean(other, 3 * 0.7**2 * 3 / (15 - 3 - 1), power=0.1)


def test_late_collapse_keeps_its_rates(seed):
    """Directions far below 1e-16 of each other still shrink at the rates of Newman's exponents."""
    from scipy.special import psi

    rng = np.random.default_rng(seed)
    d, n, generations = 3, 12, 300
    model = MultivariateGaussian(np.zeros(d), 1.0)
    learner = FAMILIES["normal"].learner
    for _ in range(generations):
        model = learner.fit(model.draw(n, rng, (400,)), rng)
    rates = np.log(np.diagonal(model.factor, axis1=-2, axis2=-1)) / generations
    assert_mean(rates, (psi((n - 1 - np.arange(d)) / 2) - np.log(n / 2)) / 2, power=0.05)


CONTROLS = {
    "n for n - 1 degrees of freedom": (
        lambda rng: MultivariateGaussian([0.0, 0.0], 1.0).draw(9, rng, (R,)),
        lambda rng: _with(MultivariateGaussian([0.0, 0.0], 1.0).draw(10, rng, (R,)), mean_factor=np.sqrt(10 / 9)),
    ),
    "chi-squared off by one row down the diagonal": (
        lambda rng: MultivariateGaussian([0.0, 0.0], 1.0).draw(9, rng, (R,)),
        lambda rng: _square_wishart(rng, 9),
    ),
    "diploid for haploid drift": (
        lambda rng: Categorical([0.5, 0.3, 0.2]).draw(8, rng, (R,)),
        lambda rng: Counts(2 * Categorical([0.5, 0.3, 0.2]).draw(4, rng, (R,)).counts),
    ),
    "labels that forget their inputs' noise": (
        lambda rng: LinearModel([1.0, -1.0]).draw(9, rng, (R,)),
        lambda rng: _forgetful(LinearModel([1.0, -1.0]), rng),
    ),
    "the extreme of one row too many": (
        lambda rng: FAMILIES["pareto"].source.draw(3, rng, (R,)),
        lambda rng: FAMILIES["pareto"].source.draw(4, rng, (R,)),
    ),
}


@pytest.mark.parametrize("mistake", CONTROLS)
def test_a_classic_mistake_is_seen(mistake, seed):
    right, wrong = CONTROLS[mistake]
    worst, _ = apart(
        features(right(np.random.default_rng([seed, 1]))), features(wrong(np.random.default_rng([seed, 2])))
    )
    assert worst > 20, f"the mistake shows at {worst:.1f} standard errors only"


def _with(s, mean_factor):
    return Scatter(9, s.mean * mean_factor, s.scatter)


def _square_wishart(rng, n):
    s = MultivariateGaussian([0.0, 0.0], 1.0).draw(n, rng, (R,))
    triangle = np.zeros((R, 2, 2))
    triangle[:, [0, 1], [0, 1]] = np.sqrt(rng.chisquare(n - 1, (R, 2)))
    triangle[:, 1, 0] = rng.standard_normal(R)
    return Scatter(n, s.mean, triangle @ triangle.mT)


def _forgetful(source, rng):
    s, other = source.draw(9, rng, (R,)), source.draw(9, rng, (R,))
    return Gram(9, s.xtx, s.xty, s.yty * 0 + other.yty)
