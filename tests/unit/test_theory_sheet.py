"""Figures that the closed forms must give, to the digits they are known to."""

import math

import numpy as np
import pytest

import genloss as gl
from genloss.families.categorical import Categorical
from genloss.theory import predict
from genloss.theory.catalogue.categorical import survival
from genloss.theory.catalogue.curation import best_weight, critical_error, weighted_offset
from genloss.theory.catalogue.draws import Draws
from genloss.theory.catalogue.gaussian_paths import std_quantiles
from genloss.theory.catalogue.gaussian_regimes import subsample_plateau
from genloss.theory.catalogue.passage import ExactPassage, FirstPassage
from genloss.theory.catalogue.regression import carried
from genloss.theory.catalogue.selection import best_of
from genloss.theory.laws import sizes
from genloss.theory.recursions.duality import ancestors, transform
from genloss.theory.recursions.inversion import LogChiSquares
from genloss.theory.recursions.twopoint import pair_spread
from genloss.theory.recursions.walk import Walk

UNBIASED, MLE = gl.GaussianMLE(ddof=1), gl.GaussianMLE(ddof=0)


def equal(n, generations):
    return np.full(generations, float(n))


def test_variance_of_the_squared_distance():
    figures = {
        (1000, 1): 2.5006e-6, (1000, 5): 6.288e-5, (1000, 50): 6.783e-3, (50, 10): 0.13234,
        (100, 3): 2.314e-3, (20, 5): 0.2108,
    }  # fmt: skip
    for (n, t), figure in figures.items():
        np.testing.assert_allclose(Walk(UNBIASED, equal(n, t)).wasserstein_variance()[-1], figure, rtol=1e-3)
    growing = Walk(UNBIASED, np.array([50.0, 100, 200, 400])).wasserstein_variance()[-1]
    np.testing.assert_allclose(growing, 3.621e-3, rtol=1e-3)


def test_expected_squared_distance():
    np.testing.assert_allclose(Walk(UNBIASED, equal(50, 10)).wasserstein()[-1], 0.29948, rtol=2e-5)
    np.testing.assert_allclose(Walk(MLE, equal(15, 25)).wasserstein()[-1], 1.4595, rtol=5e-5)


@pytest.mark.parametrize(("n", "t", "figure"), [(10, 10, 0.57378), (20, 200, 0.0047665), (3, 3, 0.47233)])
def test_medians_of_sigma(n, t, figure):
    np.testing.assert_allclose(std_quantiles(UNBIASED, equal(n, t), 0.5)[-1, 0], figure, rtol=1e-5)


@pytest.mark.parametrize(
    ("learner", "n", "share", "figure"),
    [
        (UNBIASED, 10, 0.1, 43.08), (UNBIASED, 10, 0.01, 83.05), (UNBIASED, 5, 0.01, 36.38),
        (UNBIASED, 50, 0.1, 230.5), (UNBIASED, 100, 0.1, 463.2), (MLE, 10, 0.1, 22.62),
    ],
)  # fmt: skip
def test_first_passage(learner, n, share, figure):
    found = FirstPassage(learner, n, share)
    np.testing.assert_allclose(found.mean, figure, rtol=4e-4)
    below = found.cdf([1e-9, found.mean, 1e9])
    assert below[[0, 2]] == pytest.approx([0, 1], abs=1e-9)
    assert 0.5 < below[1] < 0.7


def test_first_passage_law_is_close_to_simulation():
    rng = np.random.default_rng(0)
    steps = 0.5 * np.log(rng.chisquare(9, (20_000, 300)) / 9)
    passed = (np.cumsum(steps, axis=1) < math.log(0.1)).argmax(axis=1) + 1
    at = np.array([20, 30, 43, 60, 90])
    measured = (passed[:, None] <= at).mean(0)
    np.testing.assert_allclose(ExactPassage(UNBIASED, 10, 0.1).cdf(90)[at - 1], measured, atol=5 * 0.5 / 20_000**0.5)
    np.testing.assert_allclose(FirstPassage(UNBIASED, 10, 0.1).cdf(at), measured, atol=0.016 + 5 * 0.5 / 20_000**0.5)


def test_divergences_and_fourth_moment():
    chain = gl.Chain(gl.Gaussian(), UNBIASED, gl.Replace(12), 12)
    found = predict(chain, 5)
    np.testing.assert_allclose(found["kl_forward"][-1], 1.4205, rtol=1e-4)
    np.testing.assert_allclose(found["kl_reverse"][-1], 0.53096, rtol=1e-4)
    np.testing.assert_allclose(found["fourth_moment"][-1], 13.91, rtol=1e-3)


@pytest.mark.parametrize(
    ("regime", "curator", "ddof", "n0", "t", "figure"),
    [
        (gl.Accumulate(5), gl.KeepAll(), 0, 5, 10, 0.71549),
        (gl.Accumulate(20), gl.KeepAll(), 1, 20, 30, 0.96925),
        (gl.Accumulate(5), gl.Subsample(5), 0, 5, 10, 0.5643),
        (gl.Accumulate(5), gl.Subsample(5), 0, 5, 60, 0.5397),
        (gl.Accumulate(5), gl.Subsample(5), 1, 5, 60, 1.427),
        (gl.PastModels(5), gl.KeepAll(), 0, 5, 10, 0.71549),
    ],
)
def test_spread_in_other_regimes(regime, curator, ddof, n0, t, figure):
    """Model t of the sheet is generation t - 1 here."""
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(ddof=ddof), regime, n0, curator)
    np.testing.assert_allclose(pair_spread(chain, sizes(chain, t - 1)).own[-1], figure, rtol=5e-4)


@pytest.mark.parametrize(
    ("regime", "offset"),
    [(gl.FreshReal(20, 0.1), 0.2128), (gl.FreshReal(20, 0.5), 0.06452), (gl.FreshReal(20, 0.1, "binomial"), 0.2169)],
)
def test_limits_of_fresh_real_data(regime, offset):
    chain = gl.Chain(gl.Gaussian(), MLE, regime, 20)
    np.testing.assert_allclose(pair_spread(chain, sizes(chain, 400)).offset[-1], offset, rtol=3e-4)


@pytest.mark.parametrize(("n_real", "n", "ddof", "figure"), [(3, 20, 0, 0.5781), (10, 1010, 0, 0.8574)])
def test_limits_of_fixed_real_data(n_real, n, ddof, figure):
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(ddof=ddof), gl.FixedReal(n, n_real), n)
    np.testing.assert_allclose(pair_spread(chain, sizes(chain, 3000)).own[-1], figure, rtol=1e-4)


def test_accumulating_keeps_what_the_limit_says():
    chain = gl.Chain(gl.Gaussian(), MLE, gl.Accumulate(5), 5)
    np.testing.assert_allclose(pair_spread(chain, sizes(chain, 4000)).own[-1], np.sinc(1 / np.sqrt(5)), rtol=1e-4)
    np.testing.assert_allclose([subsample_plateau(5), subsample_plateau(100)], [0.5347, 0.9710], rtol=1e-4)


def test_symbols():
    p = Categorical.zipf(50, 1.5).p
    laws = ancestors(equal(40, 600))
    lost = transform(laws, 1 - p)
    np.testing.assert_allclose((1 - lost[9]).sum(), 4.3880, rtol=1e-5)
    np.testing.assert_allclose(p @ lost[9], 0.39229, rtol=1e-5)
    alone = transform(laws, p).sum(1)
    np.testing.assert_allclose(alone[[9, 39]], [0.00454, 0.28560], atol=5e-6)
    np.testing.assert_allclose(1 + (1 - alone).sum(), 67.87, rtol=1e-4)


def test_branching():
    np.testing.assert_allclose(-np.expm1(-5 * survival(200)[[9, 199]]), [0.57738, 0.04817], rtol=1e-4)


def test_curation():
    assert critical_error(0.8, 0.45) == pytest.approx(0.64)
    gain, var = best_of(2)
    assert gain / (1 - math.sqrt(var)) == pytest.approx(3.2359, abs=1e-4)
    golden = (math.sqrt(5) - 1) / 2
    assert best_weight(1.0) == pytest.approx(golden)
    assert weighted_offset(golden, 1, 1) == pytest.approx(golden)
    for ratio in (0.1, 1.0, 7.0):
        grid = np.linspace(0.001, 0.999, 9_999)
        assert grid[weighted_offset(grid, ratio, 1.0).argmin()] == pytest.approx(best_weight(ratio), abs=2e-4)


def test_regression_share():
    assert carried(8, 5, 4) == pytest.approx(0.67857, abs=1e-5)


def test_draws_over_histories():
    found = Draws(equal(12, 4))
    x = np.linspace(-40, 40, 20_001)
    density = found.pdf(x)
    step = x[1] - x[0]
    assert density.min() > -1e-9
    shown = [density.sum(1) * step, (density * x**2).sum(1) * step]
    np.testing.assert_allclose(shown, [np.ones(4), 1 + np.arange(1, 5) / 12], rtol=1e-8)
    walk = Walk(UNBIASED, equal(12, 4))
    fourth = 3 * (walk.offset_squared() + 2 * walk.offset_times_variance() + np.exp(walk.moment(4)))
    np.testing.assert_allclose((density * x**4).sum(1) * step, fourth, rtol=1e-6)
    np.testing.assert_allclose(found.cdf(x[12_500])[:, 0], 0.5 + density[:, 10_001:12_501].sum(1) * step, atol=1e-3)


def test_draws_of_unequal_generations_follow_the_same_recursion():
    equal_sizes = Draws(np.array([8.0, 12, 12, 12]), ddof=0)
    one_by_one = Draws(np.array([8.0, 12, 12, 12.0000001]), ddof=0)
    x = [-3.0, -0.5, 1.0]
    np.testing.assert_allclose(equal_sizes.cdf(x), one_by_one.cdf(x), atol=1e-8)


def test_a_first_draw_is_variance_gamma_about_a_normal_shift():
    """Two rows: the model's variance is a chi-square of one degree; mpmath integrates over it."""
    import mpmath

    def below(v):
        std = mpmath.sqrt(mpmath.mpf(1) / 2 + v)
        return mpmath.ncdf(-3 / std) * mpmath.exp(-v / 2) / mpmath.sqrt(2 * mpmath.pi * v)

    exact = mpmath.quad(below, [0, 0.01, 1, 10, 40, 200])
    np.testing.assert_allclose(Draws(equal(2, 1)).cdf(-3.0)[0, 0], float(exact), rtol=1e-7)


def test_kurtosis_of_draws():
    """Kurtosis 13.91 / (1 + 6 / 12)^2 in the sixth generation of twelve rows."""
    chain = gl.Chain(gl.Gaussian(), UNBIASED, gl.Replace(12), 12)
    np.testing.assert_allclose(predict(chain, 5)["draw.kurtosis"][-1], 13.91 / 1.5**2, rtol=1e-3)


def test_exact_first_passage():
    """The means are the simulated ones of the closed form's test; a path of one step is a chi-square's tail."""
    from scipy.stats import chi2

    for learner, n, share, figure in ((UNBIASED, 10, 0.1, 43.094), (UNBIASED, 5, 0.01, 36.407), (MLE, 10, 0.1, 22.613)):
        found = ExactPassage(learner, n, share)
        np.testing.assert_allclose(found.mean, figure, rtol=2e-5)
        below = found.cdf(3000)
        np.testing.assert_allclose(found.mean, 1 + (1 - below).sum(), rtol=1e-6)
        assert (np.diff(below) >= 0).all()
        close = FirstPassage(learner, n, share)
        np.testing.assert_allclose([close.mean, close.std], [found.mean, found.std], rtol=4e-3)
        np.testing.assert_allclose(close.cdf(np.arange(1, 3001)), below, atol=0.03)
    divisor = 3
    first = ExactPassage(UNBIASED, divisor + 1, 0.5).cdf(1)[0]
    np.testing.assert_allclose(first, chi2.cdf(0.25 * divisor, 3), rtol=1e-6)


def test_quantiles_of_one_chi_square():
    from scipy.stats import chi2

    levels = [0.01, 0.3, 0.5, 0.99]
    for nu in (1.0, 2.0, 7.0, 500.0):
        found = np.exp(LogChiSquares(np.array([nu])).quantile(levels))[0] * nu
        np.testing.assert_allclose(found, chi2.ppf(levels, nu), rtol=1e-7)


def test_quantiles_of_a_growing_schedule_agree_with_direct_sums():
    nu = 3.0 * np.arange(1, 121)
    by_cumulants = LogChiSquares(nu).quantile([0.05, 0.5])[-1]
    rng = np.random.default_rng(1)
    sums = np.log(rng.chisquare(nu, (40_000, 120)) / nu).sum(1)
    shares = (sums[:, None] < by_cumulants).mean(0)
    np.testing.assert_allclose(shares, [0.05, 0.5], atol=5 * 0.5 / math.sqrt(40_000))


def test_distribution_function_and_quantile_are_inverse():
    for nu in (np.full(60, 4.0), np.full(400, 30.0)):
        found = LogChiSquares(nu)
        for level in (0.001, 0.5, 0.99):
            np.testing.assert_allclose(found.cdf(found.quantile(level)[:, 0]), level, atol=2e-8)
    far = LogChiSquares(np.full(3000, 30.0)).cdf(np.full(3000, -1.0))
    assert (np.diff(far) > -1e-9).all()
    assert far[[0, -1]] == pytest.approx([0, 1], abs=1e-3)


def test_limits_of_super_linear_sizes():
    """The limits are where the exact laws arrive, which for a power takes a sum of infinitely many terms."""
    import mpmath

    chain = gl.Chain(gl.Gaussian(), MLE, gl.Replace(gl.Geometric(8, 1.5)), 8)
    found = predict(chain, 80)
    np.testing.assert_allclose(found["std"][-1], found["std:std_limit_replace"][-1], rtol=1e-12)
    chain = gl.Chain(gl.Gaussian(), UNBIASED, gl.Replace(gl.Power(10, 2.0)), 10)
    found = predict(chain, 3)
    scale, four = mpmath.mpf(10), mpmath.nsum(lambda i: mpmath.log(_c4(10 * i**2)), [1, mpmath.inf])
    exact = mpmath.zeta(2) / scale + 2 * (1 - mpmath.exp(four))
    law = found["wasserstein2_squared:wasserstein2_squared_limit_replace"]
    np.testing.assert_allclose(law, float(exact), rtol=1e-8)


def _c4(n):
    import mpmath

    return mpmath.sqrt(2 / (n - 1)) * mpmath.gammaprod([n / 2], [(n - 1) / 2])
