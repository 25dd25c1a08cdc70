"""The two-point recursion in every regime, under every choice of rows that does not look at them."""

import numpy as np
import pytest

import genloss as gl
from genloss.theory.laws import sizes
from genloss.theory.recursions.chosen import RowChoice, UnsupportedError, follow
from genloss.theory.recursions.twopoint import _RECURSIONS, _Path, fit_of, follows, pair_spread
from genloss.theory.verification.check import FALSE_SIGMAS, engines, simulate
from helpers import assert_mean, z_scores

REGIMES = [
    gl.Replace(30),
    gl.Accumulate(20),
    gl.FreshReal(30, 0.3),
    gl.FreshReal(30, 0.3, "binomial"),
    gl.FixedReal(30, 12),
    gl.PastModels(30),
    gl.PastModels(30, include_real=False),
    gl.Window(20, 3),
]
FILTER = gl.ImperfectFilter(0.4, 0.1)
CURATORS = {
    "filter": FILTER,
    "filter, then some": gl.Then((FILTER, gl.Subsample(6))),
    "some": gl.Subsample(7),
    "filter, then some again": gl.Then((FILTER, gl.Subsample(6, replacement=True))),
}


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("regime", [*REGIMES, gl.Accumulate(gl.Linear(4, 2))], ids=str)
@pytest.mark.parametrize("base", [0.0, 1.0])
def test_choosing_all_rows_is_the_closed_recursion(regime, ddof, base):
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(ddof=ddof), regime, 28)
    n = sizes(chain, 15)
    closed = _RECURSIONS[type(regime)](regime, n, _Path(fit_of(chain), base))
    general = follow(regime, RowChoice(), n, _Path(fit_of(chain), base))
    np.testing.assert_allclose(general.own, closed.own, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(general.truth, closed.truth, rtol=1e-12, atol=1e-13)


@pytest.mark.statistical
@pytest.mark.parametrize("curator", CURATORS.values(), ids=CURATORS)
@pytest.mark.parametrize("regime", REGIMES, ids=str)
def test_spread_and_offset_under_a_blind_choice(regime, curator, seed):
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(ddof=1), regime, 26, curator)
    expected = pair_spread(chain, sizes(chain, 4))
    engine = engines(chain)[0]
    found = simulate(
        chain,
        ["variance", "squared_offset"],
        engine=engine,
        generations=4,
        replicates=8_000 if engine == "exact" else 1_500,
        seed=seed,
    )
    assert_mean(found["variance"][:, -1], expected.own[-1], power=0.15 if engine == "exact" else 0.5)
    assert_mean(found["squared_offset"][:, -1], expected.offset[-1], power=0.3 if engine == "exact" else 0.8)


@pytest.mark.statistical
def test_a_filter_that_is_forgotten_is_seen(seed):
    """The classic mistake: the raw share of real rows in place of what the filter leaves."""
    curator = gl.Then((gl.ImperfectFilter(0.8, 0.1), gl.Subsample(6)))
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.FreshReal(40, 0.3), 40, curator)
    forgotten = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.FreshReal(6, 0.3), 6)
    found = simulate(chain, ["squared_offset"], engine="exact", generations=5, replicates=40_000, seed=seed)
    right, wrong = (pair_spread(each, sizes(each, 5)).offset[-1] for each in (chain, forgotten))
    assert abs(z_scores(found["squared_offset"][:, -1], right)) < 5
    assert abs(z_scores(found["squared_offset"][:, -1], wrong)) > FALSE_SIGMAS


def test_where_too_few_rows_may_be_left_nothing_is_predicted():
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(10), 10, gl.ImperfectFilter(0.7, 0.1))
    assert not follows(chain)
    with pytest.raises(UnsupportedError, match="may leave too few rows"):
        pair_spread(chain, sizes(chain, 3)).own  # noqa: B018  (computed when it is asked for)
    assert "variance" not in gl.predict(chain, 3)


def test_symbols_follow_the_same_choice():
    """A categorical law's heterozygosity is the Gaussian's variance, filtered or not."""
    curator, regime = CURATORS["filter, then some"], gl.FreshReal(30, 0.3)
    symbols = gl.Chain(gl.Categorical([0.5, 0.3, 0.2]), gl.CategoricalMLE(), regime, 26, curator)
    numbers = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), regime, 26, curator)
    left = gl.predict(symbols, 6)["heterozygosity"] / (1 - 0.25 - 0.09 - 0.04)
    np.testing.assert_allclose(left, gl.predict(numbers, 6)["variance"], rtol=1e-12)
