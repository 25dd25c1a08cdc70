import numpy as np
import pytest
from scipy import stats

import genloss as gl
from genloss.chain.data import Batch
from genloss.families.mixture import Mixture, MixtureEM
from genloss.plain.describe import describe

PLANE = Mixture([0.25, 0.75], [[0.0, 0.0], [6.0, 3.0]], [[[1.0, 0.5], [0.5, 1.0]], [[2.0, 0.0], [0.0, 0.5]]])


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_density_is_the_weighted_sum(rng):
    points = rng.standard_normal((20, 2)) * 4
    parts = [stats.multivariate_normal(m, c).pdf(points) for m, c in zip(PLANE.means, PLANE.covs, strict=True)]
    parts = np.stack(parts, 1) * PLANE.weights
    assert np.allclose(np.exp(PLANE.logpdf(points)), parts.sum(1))
    assert np.allclose(PLANE.responsibilities(points), parts / parts.sum(1, keepdims=True))
    line = Mixture([0.1, 0.9], [-3, 3], [1, 4])
    direct = 0.1 * stats.norm(-3, 1).pdf([0, 2]) + 0.9 * stats.norm(3, 2).pdf([0, 2])
    assert np.allclose(np.exp(line.logpdf([0, 2])), direct)


def test_diagonal_and_full_covariances_say_the_same(rng):
    diagonal = Mixture(PLANE.weights, PLANE.means, [[1, 2], [3, 4]])
    full = Mixture(PLANE.weights, PLANE.means, [np.diag([1, 2]), np.diag([3, 4])])
    points = rng.standard_normal((9, 2))
    assert np.allclose(diagonal.logpdf(points), full.logpdf(points))
    assert np.allclose(diagonal.cov, full.cov)
    assert np.allclose(diagonal.var, np.diag(full.cov))
    assert np.allclose(diagonal.var, full.var)
    assert np.array_equal(
        diagonal.sample(5, np.random.default_rng(1)).round(9), full.sample(5, np.random.default_rng(1)).round(9)
    )


@pytest.mark.parametrize("law", [PLANE, Mixture([0.3, 0.7], [-1, 5], [1, 3])], ids=["plane", "line"])
def test_draws_follow_the_law(law, rng):
    rows, component = law.sample_labelled(100_000, rng)
    assert np.allclose(np.bincount(component) / 100_000, law.weights, atol=0.01)
    assert np.allclose(rows.mean(0), law.mean, atol=0.05)
    assert np.allclose(rows.var(0), law.var, rtol=0.03)
    for j in range(2):
        assert np.allclose(rows[component == j].mean(0), law.means[j], atol=0.05)
        assert np.allclose(np.cov(rows[component == j].T), law.covs[j], atol=0.1)
    side = law.sample_batch(30_000, rng, 3).rows
    assert side.shape == (3, 30_000, *rows.shape[1:])
    assert np.allclose(side.mean(1), law.mean, atol=0.1)


def test_temperature_narrows_what_is_drawn_and_not_the_law(rng):
    cold = Mixture([1.0], [2.0], [9.0], temperature=0)
    assert np.all(cold.sample(5, rng) == 2)
    assert cold.var == 9


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_fit_keeps_mean_and_covariance(covariance, d, rng):
    rows = rng.standard_normal((150, d)) * np.arange(1, d + 1) + 100
    rows = rows[:, 0] if d == 1 else rows
    law = MixtureEM(3, covariance).fit(rows, rng)
    assert np.allclose(law.mean, rows.mean(0))
    assert np.allclose(law.var, rows.var(0), rtol=1e-4)
    if d > 1 and covariance == "full":
        assert np.allclose(law.cov, np.cov(rows.T, ddof=0), rtol=1e-4, atol=1e-4)


def test_each_step_gains_likelihood(rng):
    rows = PLANE.sample(300, rng)
    seen = [
        MixtureEM(3, max_iter=steps, tol=0).fit(rows, np.random.default_rng(2)).logpdf(rows).mean()
        for steps in range(1, 12)
    ]
    assert np.all(np.diff(seen) > -1e-9)
    assert seen[-1] > seen[0]


def test_fit_depends_on_rows_and_stream_alone(rng):
    rows = PLANE.sample(100, rng)
    one, other = (MixtureEM(4).fit(rows, np.random.default_rng(7)) for _ in range(2))
    assert one == other


@pytest.mark.parametrize("law", [PLANE, Mixture([0.5, 0.5], [-4, 4], [1, 1])], ids=["plane", "line"])
@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_replicates_side_by_side_converge_each_for_itself(law, covariance, rng):
    batch = law.sample_batch(200, rng, 6)
    side = MixtureEM(2, covariance).fit(batch, rng)
    for i, rows in enumerate(batch.rows):
        alone, picked = MixtureEM(2, covariance).fit(rows, rng), side.pick(i)
        order = np.argsort(alone.weights), np.argsort(picked.weights)
        assert np.allclose(alone.means[order[0]], picked.means[order[1]], atol=0.3)
        assert np.allclose(picked.mean, rows.mean(0))
        assert np.allclose(side.logpdf(batch)[i], picked.logpdf(rows))
        assert np.allclose(side.responsibilities(batch)[i], picked.responsibilities(rows))
    assert np.allclose(side.var[3], side.pick(3).var)
    assert side.sample_batch(10, rng, 6).rows.shape == (6, 10, *batch.rows.shape[2:])
    if law is PLANE:
        assert np.allclose(side.cov[3], side.pick(3).cov)


def test_fit_scales_with_its_rows(rng):
    rows = PLANE.sample(100, rng)
    small = MixtureEM(2).fit(rows * 1e-3, np.random.default_rng(1))
    large = MixtureEM(2).fit(rows * 1e3, np.random.default_rng(1))
    assert np.allclose(small.means * 1e6, large.means)
    assert np.allclose(small.covs * 1e12, large.covs)


def test_rows_without_spread_are_fitted_by_the_floor(rng):
    law = MixtureEM(2).fit(np.full(20, 3.0), rng)
    assert np.allclose(law.means[law.weights > 0], 3)
    assert np.allclose(law.covs, 1e-12)
    assert np.isfinite(law.sample(10, rng)).all()
    assert np.isfinite(law.logpdf([3.0])).all()


def test_a_single_row_a_component_keeps_the_ridge(rng):
    law = MixtureEM(3, ridge=1e-2).fit(np.array([0.0, 10.0, 20.0]), rng)
    assert sorted(law.means.round(6)) == [0, 10, 20]
    assert np.allclose(law.covs, 1e-2 * np.var([0, 10, 20]))


def test_wide_rows_are_fitted(rng):
    rows = rng.standard_normal((60, 64))
    law = MixtureEM(10).fit(rows, rng)
    assert law.covs.shape == (10, 64, 64)
    assert np.isfinite(law.logpdf(rows)).all()
    assert law.width == 64


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weights": [0.5, 0.6]}, "add up to 1"),
        ({"weights": [1.5, -0.5]}, "from 0"),
        ({"weights": 1.0}, "one share a component"),
        ({"means": [1, 2, 3]}, "means: shape"),
        ({"means": [np.nan, 1]}, "NaN"),
        ({"covs": [-1, 1]}, "a variance of -1"),
        ({"covs": [1, 1, 1]}, "covs: shape"),
        ({"means": [[0, 0], [1, 1]], "covs": [[[1, 2], [2, 1]]] * 2}, "positive definite"),
        ({"temperature": -1}, "temperature"),
    ],
)
def test_bad_laws_are_one_line(fields, message):
    with pytest.raises(gl.SpecError, match=message):
        Mixture(**fields)


@pytest.mark.parametrize(
    "fields", [{"k": 0}, {"k": 1.5}, {"covariance": "round"}, {"ridge": -1}, {"max_iter": 0}, {"tol": np.nan}]
)
def test_bad_recipes_are_one_line(fields):
    with pytest.raises(gl.SpecError, match=r"mixture-em\."):
        MixtureEM(**fields)


def test_bad_data_are_one_line(rng):
    with pytest.raises(gl.SpecError, match=r"MixtureEM\(k=5\) needs at least 5 rows, got 4"):
        MixtureEM(5).fit(np.arange(4.0), rng)
    with pytest.raises(gl.SpecError, match="NaN or infinite"):
        MixtureEM(2).fit(np.array([1.0, np.nan, 2.0]), rng)
    with pytest.raises(gl.SpecError, match="rows of shape"):
        MixtureEM(2).fit(np.zeros((5, 2, 2)), rng)
    with pytest.raises(gl.SpecError, match="points of shape"):
        PLANE.logpdf(np.zeros(3))


def test_laws_are_values():
    assert Mixture((0.5, 0.5), (-2, 2), (1, 1)) == Mixture()
    assert Mixture() != Mixture(means=(-2, 3))
    assert describe(Mixture(means=(-1, 1)))["means"] == [-1, 1]
    assert Mixture([1], [[0, 0]], 2).covs.tolist() == [[2, 2]]
    assert Batch(np.zeros((2, 3))).rows.shape == (2, 3)
