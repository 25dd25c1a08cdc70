"""Laws as values: which chains they speak of, how predictions are labelled, and that generation 0 is the first fit."""

import dataclasses

import mpmath as mp
import numpy as np
import pytest

import genloss as gl
from genloss.families.categorical import CategoricalMLE, Zipf
from genloss.families.kde import KDE
from genloss.families.multivariate import MultivariateGaussian, MultivariateGaussianMLE
from genloss.families.regression import OLS, LinearModel
from genloss.theory import LAWS, MEASURES, Values, applicable, cite, law, predict
from genloss.theory.laws import KINDS, canonical, sizes
from genloss.theory.measures import PATHS
from genloss.theory.recursions.chosen import UnsupportedError
from genloss.theory.recursions.duality import ancestors, throw
from genloss.theory.recursions.numerics import log_mean_root
from genloss.theory.recursions.twopoint import fit_of, pair_spread

GAUSSIAN = gl.Gaussian(var=2.0)
MLE = gl.GaussianMLE()
REPLACE = gl.Chain(GAUSSIAN, MLE, gl.Replace(10), 20)


@pytest.mark.parametrize("found", LAWS.values(), ids=LAWS)
def test_every_law_is_complete(found):
    assert found.kind in KINDS
    assert found.reference
    assert found.formula
    assert found.meaning.endswith(".")
    assert (found.example is None) != (found.experiment is None)
    if found.example is not None:
        assert found.applies(found.example)
        assert found.probe in MEASURES
        values = found.values(found.example, 3)
        if found.scalar:
            assert values.shape == ()
            assert found.probe in PATHS
        else:
            assert values.shape[0] == 4
            assert values.ndim == 1 + len(found.dims)
    if found.status == "published and false":
        assert LAWS[found.corrected].status == "holds"


def test_generation_0_is_the_first_fit():
    """One fit to n0 real rows, and then one to each generation's own."""
    np.testing.assert_allclose(predict(REPLACE, 2)["variance"], 2 * np.cumprod([19 / 20, 9 / 10, 9 / 10]))
    np.testing.assert_allclose(predict(REPLACE, 0)["variance"], [2 * 19 / 20])
    grown = gl.Chain(GAUSSIAN, MLE, gl.Accumulate(gl.Linear(10, 5)), 20)
    assert sizes(grown, 2).tolist() == [20, 15, 20]
    np.testing.assert_allclose(
        predict(grown, 2)["variance"], 2 * np.cumprod([1 - 1 / 20, 1 - 15 / 35**2, 1 - 20 / 55**2])
    )


@pytest.mark.parametrize(
    "schedule",
    [7, "n0", gl.Constant(7), gl.Linear(3, 1.5), gl.Power(4, 1.3), gl.Geometric(5, 1.2), lambda t: 10 + t % 3],
)
def test_sizes_are_those_that_the_chain_draws(schedule):
    chain = gl.Chain(GAUSSIAN, MLE, gl.Replace(schedule), 9)
    steps = chain.generations(gl.Streams(0))
    drawn = [next(steps).train.size for _ in range(12)]
    assert sizes(chain, 11).tolist() == drawn


def test_comparison_is_subtraction():
    found = predict(REPLACE, 5)
    assert found["variance"].dims == ("generation",)
    assert found["generation"].values.tolist() == [0, 1, 2, 3, 4, 5]
    result = gl.run(REPLACE, {"variance": gl.probes.variance}, generations=5, replicates=2000, seed=0, engine="exact")
    off = result["variance"].mean("replicate") - found["variance"]
    assert abs(off).max() < 0.2
    assert found["variance"].attrs["kind"] == "exact"
    assert found["std.median"].attrs["statistic"] == "median"
    assert found["std.quantile"].dims == ("generation", "quantile")
    assert found["std.quantile"]["quantile"].values.tolist() == [0.05, 0.25, 0.75, 0.95]


def test_the_best_law_has_the_plain_name():
    chain = gl.Chain(GAUSSIAN, gl.GaussianMLE(ddof=1), gl.Replace(20), 20)
    found = predict(chain, 3)
    assert found["wasserstein2_squared"].attrs["law"] == "wasserstein2_squared_replace"
    assert found["wasserstein2_squared:wasserstein2_squared_leading_replace"].attrs["kind"] == "asymptotic"
    for name, variable in found.items():
        plain = str(name).split(":")[0]
        assert KINDS.index(found[plain].attrs["kind"]) <= KINDS.index(variable.attrs["kind"])


def test_two_point_recursion_serves_where_no_law_speaks(monkeypatch):
    chain = gl.Chain(GAUSSIAN, MLE, gl.Replace(9), 9, gl.Subsample(5))
    named = predict(chain, 4)
    assert named["variance"].attrs["law"] == "variance_filtered"
    monkeypatch.delitem(LAWS, "variance_filtered")
    found = predict(chain, 4)
    assert found["variance"].attrs["law"] == "two-point recursion"
    np.testing.assert_allclose(found["variance"], 2 * 0.8 ** np.arange(1, 6))
    np.testing.assert_allclose(found["variance"], named["variance"])
    looking = gl.TopFraction(np.abs, 0.5)
    assert "variance" not in predict(gl.Chain(GAUSSIAN, MLE, gl.FreshReal(9, 0.5), 9, looking), 4)


def test_nothing_is_said_of_what_is_not_known():
    class Median:
        def fit(self, data, rng):
            return gl.Gaussian(float(np.median(data)), 1.0)

    chain = gl.Chain(GAUSSIAN, Median(), gl.Replace(9), 9)
    assert list(predict(chain, 3)) == []
    assert cite(chain) == "no law in the catalogue applies to this chain"
    with pytest.raises(UnsupportedError, match="Median is not known"):
        fit_of(chain)


def test_hypotheses_are_read():
    names = {found.name for found in applicable(REPLACE)}
    assert "variance_replace" in names
    assert "std_median_leading_replace" not in names  # it is for the divisor n - 1
    assert not any("accumulate" in name for name in names)
    warm = gl.Chain(gl.Gaussian(temperature=0.9), MLE, gl.Replace(9), 9)
    assert applicable(warm) == []
    assert canonical(gl.Chain(GAUSSIAN, MLE, gl.Window(10, 1), 20)) == REPLACE
    assert predict(gl.Chain(GAUSSIAN, MLE, gl.FreshReal(10, 0.0), 20), 4).equals(predict(REPLACE, 4))


def test_cite_names_papers_and_errata():
    text = cite(gl.Chain(GAUSSIAN, gl.GaussianMLE(ddof=1), gl.Replace(20), 20))
    assert "Shumailov et al. 2024" in text
    assert "published and false" in text
    assert "wasserstein2_squared_spread_replace" in text


def test_a_law_is_refused_with_a_reason():
    with pytest.raises(ValueError, match="no kind 'sure'"):
        law("variance", example=REPLACE, reference="", kind="sure")

    def variance_replace(source: gl.Gaussian) -> Values:
        return np.ones(1)

    with pytest.raises(ValueError, match="there is a law variance_replace already"):
        law("variance", example=REPLACE, reference="")(variance_replace)

    def variance_elsewhere(regime: gl.Accumulate) -> Values:
        return np.ones(1)

    with pytest.raises(ValueError, match="does not satisfy its own hypothesis"):
        law("variance", example=REPLACE, reference="")(variance_elsewhere)
    assert "variance_elsewhere" not in LAWS


BIG = [
    gl.Chain(GAUSSIAN, MLE, gl.Replace(10), 10),
    gl.Chain(GAUSSIAN, gl.GaussianMLE(ddof=1), gl.Replace(10**12), 10**12),
    gl.Chain(GAUSSIAN, MLE, gl.Accumulate(10**12), 10**12),
    gl.Chain(GAUSSIAN, MLE, gl.FreshReal(10**12, 0.5), 10**12),
    gl.Chain(GAUSSIAN, MLE, gl.FixedReal(10**12, 10**6), 10**12),
    gl.Chain(GAUSSIAN, MLE, gl.PastModels(2), 2),
    gl.Chain(Zipf(10**5, 1.1), CategoricalMLE(), gl.Replace(10**9), 10**9),
    gl.Chain(MultivariateGaussian([0.0] * 3, 1.0), MultivariateGaussianMLE(ddof=1), gl.Replace(10**9), 10**9),
    gl.Chain(LinearModel([1.0, 2.0]), OLS(), gl.Accumulate(10**9), 10**9),
    gl.Chain(GAUSSIAN, KDE(0.1), gl.Replace(10**9), 10**9),
]


@pytest.mark.parametrize(
    "chain", BIG, ids=lambda chain: f"{type(chain.learner).__name__}-{type(chain.regime).__name__}"
)
def test_large_samples_give_finite_numbers(chain):
    found = predict(chain, 50)
    assert found
    for name, variable in found.items():
        values = variable.values if variable.dims[:1] != ("generation",) else variable.values[25:]
        if name == "draw_beyond_three":  # inverted for the first generations alone
            values = variable.values[:6]
        if LAWS[variable.attrs["law"]].first <= 25:
            assert np.isfinite(values).all(), name


@pytest.mark.parametrize("regime", [gl.Accumulate, gl.PastModels, lambda n: gl.FreshReal(n, 0.25)])
def test_small_losses_keep_their_digits(regime):
    """E (mu_t - mu)^2 for 10^12 rows, against the same recursion in 60 digits."""
    n, t = 10**12, 30
    chain = gl.Chain(gl.Gaussian(), MLE, regime(n), n)
    with mp.workdps(60):
        if regime in (gl.Accumulate, gl.PastModels):
            kept = mp.fprod(1 - mp.mpf(1) / (n * i * i) for i in range(1, t + 2))
            expected = 1 - kept
        else:
            own, expected = 1 - mp.mpf(1) / n, mp.mpf(1) / n
            for _ in range(t):
                offset = mp.mpf(9) / 16 * expected + (mp.mpf(1) / 4 + mp.mpf(3) / 4 * own) / n
                own, expected = 1 - offset, offset
    np.testing.assert_allclose(pair_spread(chain, sizes(chain, t)).offset[-1], float(expected), rtol=1e-12)


def test_expected_roots_keep_their_digits():
    for rows, total in [(2, 4), (100, 200), (10, 2 * 10**7), (50, 1200), (50, 1000)]:
        with mp.workdps(50):
            kept = 1 - mp.mpf(rows) / total
            mean = total - rows + (rows - 1) + kept
            scales = [1 / mean, kept / mean]

            def integrand(v, rows=rows, total=total, mean=mean, scales=scales):
                decay = mp.exp(-(total - rows) / mean * v * v)
                for scale, free in zip(scales, (rows - 1, 1), strict=True):
                    decay *= (1 + 2 * v * v * scale) ** (-mp.mpf(free) / 2)
                return (mp.exp(-v * v) - decay) / v**2

            exact = mp.log(1 + mp.quad(integrand, [1e-14, 0.5, 1, 2, 4, 8, 32, 1000, mp.inf]) / mp.sqrt(mp.pi))
        found = log_mean_root([float((total - rows) / mean)], [[float(s) for s in scales]], [[rows - 1, 1]])
        np.testing.assert_allclose(found[0], float(exact), rtol=1e-9)


def test_balls_in_boxes_by_enumeration():
    """Two or three balls, half each, thrown into three boxes."""
    low, occupied = throw(2, np.array([0.5, 0.5]), 3)
    two, three = np.array([1 / 3, 2 / 3, 0]), np.array([1 / 9, 6 / 9, 2 / 9])
    assert low == 1
    np.testing.assert_allclose(occupied, (two + three) / 2)


def test_duality_gives_the_expected_heterozygosity():
    """Two rows have one ancestor with chance 1/n a generation: E H needs only the chance that all are alike."""
    n = np.array([6.0, 4, 9, 2])
    low, chances = ancestors(n)[-1]
    assert low == 1
    np.testing.assert_allclose(chances[1], np.prod(1 - 1 / n[:-1]))


def test_the_fallback_serves_vectors_and_kernels():
    chain = gl.Chain(MultivariateGaussian([0.0, 0.0], [3.0, 1.0]), MultivariateGaussianMLE(), gl.Window(8, 3), 8)
    np.testing.assert_allclose(predict(chain, 0)["total_variance"], [4 * 7 / 8])
    assert fit_of(gl.Chain(GAUSSIAN, KDE("scott"), gl.Replace(9), 9)).probe == "variance"


def test_laws_may_be_replaced_in_their_own_module_only():
    before = LAWS["variance_replace"]
    assert dataclasses.replace(before).applies(REPLACE)
    assert LAWS["variance_replace"] is before


def test_twenty_thousand_generations():
    for regime in (gl.Replace(50), gl.Replace(gl.Linear(20, 3)), gl.Accumulate(50), gl.FreshReal(50, 0.5)):
        chain = gl.Chain(gl.Gaussian(), MLE, regime, 50)
        found = predict(chain, 20_000)
        assert 0 <= found["variance"][-1] < 1
        assert np.isfinite(found["wasserstein2_squared"]).all()
