"""Chains at the edges of what laws speak of: infeasible ones, far tails, other divisors, schedules that shrink."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import chi2

import genloss as gl
from genloss.errors import SpecError
from genloss.theory import LAWS, StdLaw, applicable, cite, first_passage, predict
from genloss.theory.recursions.inversion import LogChiSquares
from genloss.theory.verification.check import draws_of, judge, simulate

GAUSSIAN = gl.Gaussian()


def chain(ddof, regime, n0, **source):
    return gl.Chain(gl.Gaussian(**source), gl.GaussianMLE(ddof=ddof), regime, n0)


@pytest.mark.parametrize(
    ("infeasible", "says"),
    [
        (chain(0, gl.FixedReal(3, 5), 9), "3 rows at generation 1; a generation needs at least the n_real = 5"),
        (chain(0, gl.FixedReal(30, 15), 9), "n0: 9 rows at generation 0; a generation needs at least the n_real = 15"),
        (chain(0, gl.Replace(gl.Linear(5, -1)), 9), "regime.n: 0 rows at generation 5"),
        (chain(0, gl.Accumulate(gl.Linear(5, -1)), 9), "regime.n: 0 rows at generation 5"),
    ],
)
def test_an_infeasible_chain_is_one_line(infeasible, says):
    with pytest.raises(SpecError, match=says) as error:
        predict(infeasible, 8)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("generations", [2.5, "x", -1, True])
def test_generations_are_a_whole_number(generations):
    with pytest.raises(SpecError, match="must be a whole number from 0"):
        predict(chain(0, gl.Replace(9), 9), generations)
    with pytest.raises(SpecError, match="is not a chain"):
        predict("x")


@pytest.mark.parametrize(
    "odd",
    [
        chain(0, gl.Replace(1), 9),
        chain(0, gl.Replace(9), 1),
        chain(2, gl.Replace(10), 10),
        chain(1, gl.Replace(10), 1),
        chain(0, gl.Accumulate(10), 10, var=0.0),
        gl.Chain(gl.Gaussian(), gl.KDE("scott"), gl.Replace(1), 9),
    ],
)
def test_odd_chains_break_no_prediction(odd):
    found = predict(odd, 6)
    assert isinstance(cite(odd), str)
    for name, values in found.items():
        assert not (values < -1e-12).any() or name.split(":")[0].startswith(("log", "collapse")), name


def test_a_law_that_fails_is_named_and_stops_no_other(monkeypatch):
    broken = dataclasses.replace(LAWS["variance_replace"], name="broken", compute=lambda n: 1 // 0)
    monkeypatch.setitem(LAWS, "broken", broken)
    found = predict(chain(0, gl.Replace(9), 9), 4)
    assert "variance" in found
    assert found.attrs["notes"] == [
        "broken is left out: ZeroDivisionError: integer division or modulo by zero"
    ] or found.attrs["notes"][0].startswith("broken is left out: ZeroDivisionError")


@pytest.mark.parametrize(("ddof", "n"), [(0, 2), (0, 3), (1, 2), (1, 10)])
def test_the_chance_to_keep_a_tenth_falls_and_stays_below_its_bound(ddof, n):
    some = chain(ddof, gl.Replace(n), n)
    exact, bound = (
        LAWS[name].values(some, 1000) for name in ("std_above_tenth_exact_replace", "std_above_tenth_replace")
    )
    assert (np.diff(exact) <= 1e-8).all()
    assert (exact <= bound + 1e-8).all()
    assert exact[-1] < 1e-9


@pytest.mark.parametrize("nu", [1.0, 2.0, 3.0, 9.0, 50.0])
def test_one_chi_square_far_into_its_tails(nu):
    found = LogChiSquares(np.array([nu]))
    y = np.linspace(-40 / nu - 1, 3, 60)
    at = nu * np.exp(y)
    np.testing.assert_allclose(found.cdf(y[None])[0], chi2.cdf(at, nu), atol=1e-9)
    np.testing.assert_allclose(found.pdf(y[None])[0], chi2.pdf(at, nu) * at, atol=1e-9)


@pytest.mark.parametrize("ddof", [0, 1])
def test_density_distribution_and_quantiles_of_sigma_belong_together(ddof):
    found = StdLaw(gl.GaussianMLE(ddof=ddof), np.array([8.0, 5, 5, 20, 6, 300]))
    x = np.linspace(0.2, 2, 20_001)
    mass = np.trapezoid(found.pdf(x), x, axis=1)
    np.testing.assert_allclose(mass, np.diff(found.cdf([0.2, 2.0]))[:, 0], atol=1e-7)
    assert (mass > 0.5).all()
    np.testing.assert_allclose(found.cdf(found.quantile(0.3)[:, 0])[range(6), range(6)], 0.3, atol=1e-8)


def test_first_passage_below_any_share():
    exact, closed = (first_passage(chain(1, gl.Replace(n), n), 0.01) for n in (10, 50))
    assert exact.mean == pytest.approx(83.09, abs=5 * 0.28)
    assert closed.mean == pytest.approx(2 * 50 * np.log(100), rel=0.03)
    steps = 0.5 * np.log(np.random.default_rng(3).chisquare(9, (4_000, 400)) / 9)
    passed = (np.cumsum(steps, axis=1) < np.log(0.01)).argmax(axis=1) + 1
    assert (passed <= 83).mean() == pytest.approx(float(np.ravel(exact.cdf(83))[-1]), abs=5 * 0.5 / 4_000**0.5)
    with pytest.raises(SpecError, match="is not a share"):
        first_passage(chain(1, gl.Replace(9), 9), 1.5)
    with pytest.raises(SpecError, match="no Gaussian replace-chain"):
        first_passage(chain(1, gl.Accumulate(9), 9), 0.1)


def test_other_divisors_have_no_first_passage_and_no_limit_below():
    wide = {each.name for each in applicable(chain(2, gl.Replace(10), 10))}
    assert not any("passage" in name or "below_tenth" in name for name in wide)
    assert "std_limit_replace" not in {each.name for each in applicable(chain(2, gl.Replace(gl.Power(4, 1.2)), 9))}
    assert "std_limit_replace" in {each.name for each in applicable(chain(1, gl.Replace(gl.Power(4, 1.2)), 9))}


@pytest.mark.parametrize("ddof", [0, 1])
def test_the_limit_of_the_spread_is_below_it(ddof):
    some = chain(ddof, gl.Replace(gl.Power(4, 1.2)), 9, var=3.0)
    found = predict(some, 3000)
    assert (found["std"] >= found["std:std_limit_replace"]).all()
    assert found["std"][-1] == pytest.approx(float(found["std:std_limit_replace"][-1]), rel=0.3)


def test_limits_are_told_once_they_are_near():
    slow = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.FreshReal(200, 0.02), 200)
    found = predict(slow, 600)
    limit = found["variance:variance_limit_fresh_real"]
    assert np.isnan(limit[:100]).all()
    known = np.isfinite(limit)
    assert known.any()
    np.testing.assert_allclose(found["variance"][known], limit[known], rtol=1e-3)


def test_a_variance_that_grows_beyond_all_numbers_is_infinite():
    found = predict(chain(1, gl.Replace(100), 100), 100_000)["wasserstein2_squared.var"]
    assert not np.isnan(found).any()
    assert np.isinf(found[-1])


def test_a_law_without_numbers_does_not_hold():
    bound = LAWS["wasserstein2_squared_bound_replace"]
    nothing = dataclasses.replace(bound, compute=lambda n: np.full(len(n), np.nan))
    for each, holds in ((bound, True), (nothing, False)):
        assert judge(each, draws_of(each, "exact", 0), "exact").holds == holds


def test_a_citation_shows_itself_as_lines():
    text = cite(chain(1, gl.Replace(20), 20))
    assert repr(text) == str(text)
    assert "(variance of wasserstein2_squared); see wasserstein2_squared_spread_replace" in text


@pytest.mark.statistical
def test_the_density_of_sigma_is_that_of_simulation(seed):
    some = chain(0, gl.Replace(6), 9)
    found = simulate(some, ["std"], engine="exact", generations=6, replicates=40_000, seed=seed)["std"][:, -1]
    edges = np.array([0.2, 0.4, 0.6, 0.9])
    below = StdLaw(some.learner, np.array([9.0] + [6.0] * 6)).cdf(edges)[-1]
    shares = (found[:, None] < edges).mean(0)
    np.testing.assert_allclose(shares, below, atol=5 * 0.5 / 200)
    assert np.abs(shares - StdLaw(some.learner, np.array([9.0] + [6.0] * 5)).cdf(edges)[-1]).max() > 20 * 0.5 / 200
