import numpy as np
import pytest
from scipy import stats

import genloss as gl
from genloss.chain.data import Batch
from genloss.families.kde import KDE, KernelEstimate


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.mark.parametrize("rule", ["scott", "silverman"])
@pytest.mark.parametrize("d", [1, 3])
def test_rules_are_scipys_on_white_rows(rule, d, rng):
    rows = rng.standard_normal((50, d))
    rows = (rows - rows.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(rows.T).reshape(d, d))).T
    reference = stats.gaussian_kde(rows.T, bw_method=rule)
    points = rng.standard_normal((20, d))
    data, at = (rows[:, 0], points[:, 0]) if d == 1 else (rows, points)
    assert np.allclose(KDE(rule).fit(data, rng).logpdf(at), reference.logpdf(points.T))


def test_density_far_away_is_small_and_not_minus_infinity(rng):
    law = KDE(0.1).fit(np.array([0.0, 1.0]), rng)
    assert np.allclose(law.logpdf([100.0]), np.log(0.5) + stats.norm(1, 0.1).logpdf(100))


def test_density_is_evaluated_in_blocks(rng, monkeypatch):
    law = KDE(0.2).fit(rng.standard_normal((30, 2)), rng)
    points = rng.standard_normal((17, 2))
    whole = law.logpdf(points)
    monkeypatch.setattr("genloss.families.kde._CELLS", 100)
    assert np.allclose(law.logpdf(points), whole)
    assert law.logpdf(points[:0]).shape == (0,)


@pytest.mark.parametrize("d", [1, 2])
def test_moments_are_those_of_the_density(d, rng):
    rows = rng.standard_normal((40, d)) * np.arange(1, d + 1) + 3
    law = KDE("scott").fit(rows[:, 0] if d == 1 else rows, rng)
    drawn = law.sample(200_000, rng)
    assert np.allclose(law.mean, drawn.mean(0), atol=0.03)
    assert np.allclose(law.var, drawn.var(0), rtol=0.03)
    if d == 2:
        assert np.allclose(law.cov, np.cov(drawn.T), rtol=0.05, atol=0.05)
        assert np.allclose(np.diag(law.cov), law.var)
    else:
        assert not hasattr(law, "cov")


@pytest.mark.parametrize("bandwidth", [0.3, "silverman"])
@pytest.mark.parametrize("shape", [(4, 25), (4, 25, 2)])
def test_replicates_side_by_side_are_those_one_by_one(bandwidth, shape, rng):
    batch = Batch(rng.standard_normal(shape) * np.arange(1, 5).reshape(4, *[1] * (len(shape) - 1)))
    law = KDE(bandwidth).fit(batch, rng)
    alone = [KDE(bandwidth).fit(rows, rng) for rows in batch.rows]
    points = rng.standard_normal((6, *shape[2:]))
    assert np.allclose(law.logpdf(points), [one.logpdf(points) for one in alone])
    assert np.allclose(law.logpdf(Batch(np.stack([points] * 4))), law.logpdf(points))
    assert np.allclose(law.var, [one.var for one in alone])
    assert np.allclose(law.mean, [one.mean for one in alone])
    assert np.allclose(law.pick(2).bandwidth, alone[2].bandwidth)
    if len(shape) == 3:
        assert np.allclose(law.cov, [one.cov for one in alone])
    assert law.sample_batch(7, rng, 4).rows.shape == (4, 7, *shape[2:])


def test_side_by_side_draws_stay_near_their_own_rows(rng):
    centres = np.array([0.0, 100.0, 200.0])
    law = KDE(0.1).fit(Batch(np.tile(centres[:, None], (1, 5))), rng)
    drawn = law.sample_batch(50, rng, 3).rows
    assert np.abs(drawn - centres[:, None]).max() < 1
    one = KDE(0.1).fit(np.array([1.0, 2.0]), rng).sample_batch(4, rng, 3)
    assert one.rows.shape == (3, 4)


def test_no_bandwidth_resamples_the_rows(rng):
    law = KDE(0).fit(np.array([1.0, 2.0, 4.0]), rng)
    assert set(law.sample(100, rng)) == {1.0, 2.0, 4.0}
    with pytest.raises(gl.SpecError, match="no density"):
        law.logpdf([1.0])


@pytest.mark.parametrize("bandwidth", [-1, np.nan, np.inf, "scot", True])
def test_bad_bandwidth_is_one_line(bandwidth):
    with pytest.raises(gl.SpecError, match=r"kde\.bandwidth"):
        KDE(bandwidth)


def test_bad_data_are_one_line(rng):
    for data, message in (
        (np.empty(0), "at least 1 row"),
        (np.array(["a"]), "kde takes numbers"),
        (np.zeros((2, 2, 2)), "kde takes numbers"),
    ):
        with pytest.raises(gl.SpecError, match=message):
            KDE(0.3).fit(data, rng)
    with pytest.raises(gl.SpecError, match="at least 2 rows"):
        KDE("scott").fit(np.ones(1), rng)
    with pytest.raises(gl.SpecError, match="points of shape"):
        KernelEstimate(np.zeros((3, 2)), 0.1).logpdf(np.zeros(3))


def test_kde_has_no_exact_form():
    chain = gl.Chain(gl.Gaussian(), KDE(), gl.Replace(10), n0=10)
    assert chain.batchable()
    with pytest.raises(gl.NotExact, match="KDE has no sufficient statistic"):
        chain.check_exact()
