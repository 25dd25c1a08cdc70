"""Laws of symbols, regressions and choices at the edges: odd numbers of rows, sure symbols, integer rewards."""

import numpy as np
import pytest

import genloss as gl
from genloss import Accumulate, Chain, FixedReal, FreshReal, Gaussian, GaussianMLE, Replace
from genloss.chain.curators import ImperfectFilter, Preferred
from genloss.chain.schedules import Linear, Power
from genloss.families.categorical import Categorical, CategoricalMLE, Zipf
from genloss.families.regression import OLS, LinearModel
from genloss.families.softmax import NextToken, SoftmaxMLE
from genloss.theory import LAWS, applicable
from genloss.theory.catalogue.curation import filtered_share
from genloss.theory.verification.check import engines, simulate


def symbols(source, regime, n0=None, **more):
    return Chain(source, CategoricalMLE(), regime, regime.n if n0 is None else n0, **more)


def values(name, chain, generations):
    assert LAWS[name].applies(chain)
    return LAWS[name].values(chain, generations)


def test_rewards_may_be_whole_numbers():
    def chain(rewards):
        return symbols(Zipf(6), Replace(1_500), 1_000, curator=Preferred(rewards, k=4))

    whole, floating = [1, 1, 0, 2, -1, 5], [1.0, 1.0, 0.0, 2.0, -1.0, 5.0]
    np.testing.assert_array_equal(
        gl.predict(chain(whole), 5)["frequency"].values, gl.predict(chain(floating), 5)["frequency"].values
    )


@pytest.mark.parametrize(("n0", "n"), [(3_000, 300), (300, 3_000), (400, 400), (1_000, 40)])
def test_rare_symbols_branch_whatever_the_first_rows(n0, n):
    chain = symbols(Zipf(500, 1.1), Replace(n), n0)
    rows = np.array([n0, *[n] * 6])
    # One line of descent: from the last generation back to the first.
    alive = []
    for t in range(7):
        lines = 1.0
        for i in range(t, 0, -1):
            lines = -np.expm1(-rows[i] / rows[i - 1] * lines)
        alive.append(n0 * lines)
    expected = np.exp(-np.outer(alive, chain.source.p)) @ chain.source.p
    got = values("lost_mass_branching_replace", chain, 6)
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert LAWS["lost_mass_replace"].values(symbols(Zipf(50, 1.1), Replace(30), 90), 1)[1] > 0


@pytest.mark.parametrize(("n0", "n"), [(1_000, 100), (100, 1_000), (200, 200)])
def test_the_power_of_long_tails_whatever_the_first_rows(n0, n):
    chain = symbols(Zipf(30_000, 1.5), Replace(n), n0)
    exact = values("lost_mass_replace", chain, 8)
    np.testing.assert_allclose(values("lost_mass_zipf_replace", chain, 8), exact, rtol=0.06)
    np.testing.assert_allclose(values("lost_mass_branching_replace", chain, 8), exact, rtol=0.03)


def test_laws_of_rare_symbols_are_silent_of_common_ones_and_short_tails():
    assert np.isnan(values("lost_mass_branching_replace", symbols(Categorical([0.0, 1.0]), Replace(5)), 8)).all()
    assert np.isnan(values("lost_mass_branching_replace", symbols(Categorical([0.5, 0.5]), Replace(50)), 8)).all()
    assert np.isnan(values("lost_mass_zipf_replace", symbols(Zipf(500, 1.1), Replace(300), 3_000), 8)).all()
    long = values("lost_mass_branching_replace", symbols(Zipf(3_000, 1.5), Replace(100)), 400)
    assert np.isfinite(long[:15]).all()
    assert np.isnan(long[50:]).all()


def test_regressions_on_too_few_rows_have_no_finite_error():
    source = LinearModel([1.0, 2.0], noise=0.5)
    for fewer, then in ((2, np.inf), (3, np.inf), (1, np.nan)):
        chain = Chain(source, OLS(), Replace(lambda t, few=fewer: 10 if t < 3 else few), 9)
        got = values("excess_risk_replace", chain, 6)
        np.testing.assert_allclose(got[:3], 0.25 * 2 * np.cumsum([1 / 6, 1 / 7, 1 / 7]))
        np.testing.assert_array_equal(got[3:], then)
    got = values("excess_risk_fresh_real", Chain(source, OLS(), FreshReal(Power(20, -0.5), 0.3), 9), 120)
    rows = np.array([9, *np.rint(20 * np.arange(2.0, 122) ** -0.5)])
    assert (got[rows >= 4] > 0).all()
    assert np.isfinite(got[rows >= 4]).all()
    assert np.isinf(got[rows < 4]).all()
    assert (values("excess_risk_accumulate", Chain(source, OLS(), Accumulate(1), 9), 5) > 0).all()


def test_fixed_symbols_wait_for_the_chain_to_settle():
    source = Categorical([0.5, 0.3, 0.2])
    assert np.isnan(values("fixed_symbols_replace", symbols(source, Replace(10**6)), 500)).all()
    chain = symbols(source, Replace(20))
    fixed, collapsed = values("fixed_symbols_replace", chain, 600), values("collapsed_replace", chain, 600)
    speaks = np.isfinite(fixed).all(1)
    assert speaks[-1]
    assert (1 - collapsed[speaks] < 1e-4).all()
    assert (collapsed[~speaks] < 1 - 1e-6).all()


@pytest.mark.parametrize("source", [Categorical([0.0, 1.0]), Zipf(1)])
@pytest.mark.parametrize("composition", ["fixed", "binomial"])
def test_a_sure_symbol_is_never_lost(source, composition):
    found = gl.predict(symbols(source, FreshReal(8, 0.3, composition)), 5)
    np.testing.assert_array_equal(found["lost_mass"], 0)
    np.testing.assert_array_equal(found["support"], 1)


def test_one_symbol_has_no_diversity_to_lose():
    for source in (Categorical([0.0, 1.0]), Zipf(1)):
        assert "tails_before_spread" not in gl.predict(symbols(source, Replace(5)), 3)
    assert "tails_before_spread" in gl.predict(symbols(Zipf(2), Replace(5)), 3)


def test_a_filter_that_leaves_nothing_leaves_no_share():
    assert np.isnan(filtered_share(0.3, 1.0, 1.0))
    chain = Chain(Gaussian(), GaussianMLE(), FreshReal(8, 0.3), 8, ImperfectFilter(1.0, 1.0))
    assert "real_share" not in gl.predict(chain, 3)


def test_no_spread_is_left_to_choose_from():
    chain = Chain(Gaussian(var=0), GaussianMLE(), Replace(10), 10, Preferred(1.0, 2))
    for law in applicable(chain):
        if law.probe == "variance":
            np.testing.assert_array_equal(law.values(chain, 3), 0)


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("regime", "curator"),
    [
        (FreshReal(5, 0.5), ImperfectFilter(0.1, 0.0)),
        (FreshReal(12, 0.37, "binomial"), ImperfectFilter(0.3, 0.05)),
    ],
)
def test_the_share_of_real_rows_counts_them(regime, curator, seed):
    chain = Chain(Gaussian(), GaussianMLE(), regime, 6, curator)
    draws = simulate(chain, ["real_share"], engine="exact", generations=2, replicates=40_000, seed=seed)["real_share"]
    expected = values("real_share_filtered", chain, 2)[1:]
    error = draws[:, 1:].std(0) / np.sqrt(len(draws))
    assert (np.abs(draws[:, 1:].mean(0) - expected) < 5 * error).all()
    assert (5 * error < 0.02 * expected).all()


def test_shares_of_many_rows_are_those_of_bayes():
    near = Chain(Gaussian(), GaussianMLE(), FreshReal(19_999, 0.25), 6, ImperfectFilter(0.3, 0.1))
    far = Chain(Gaussian(), GaussianMLE(), FreshReal(10**9, 0.25), 6, ImperfectFilter(0.3, 0.1))
    np.testing.assert_allclose(values("real_share_filtered", far, 1)[1], filtered_share(0.25, 0.3, 0.1), rtol=1e-12)
    np.testing.assert_allclose(
        values("real_share_filtered", near, 1)[1], values("real_share_filtered", far, 1)[1], rtol=1e-4
    )
    assert engines(near) == ("exact", "rows")


REGIMES = [
    Replace(Linear(7, 2)),
    FreshReal(9, 0.4),
    FreshReal(Linear(5, 3), 0.4, "binomial"),
    FixedReal(Linear(8, 1), 4),
    Accumulate(Linear(1, 2)),
]


def softmax(chain):
    (law,) = (law for law in applicable(chain) if law.probe == "heterozygosity" and law.kind == "exact")
    assert law.name.startswith("heterozygosity_softmax")
    return law.values


@pytest.mark.parametrize("regime", REGIMES)
def test_one_context_is_a_chain_of_symbols(regime):
    p = [0.5, 0.3, 0.2]
    chain = Chain(NextToken([p, [1.0, 0.0, 0.0]], [1.0, 0.0]), SoftmaxMLE(), regime, 8)
    alone = values("heterozygosity_regimes", symbols(Categorical(p), regime, 8), 9)
    np.testing.assert_allclose(softmax(chain)(chain, 9), alone, rtol=1e-12)


@pytest.mark.parametrize("regime", REGIMES)
def test_contexts_may_stand_in_any_order_and_rare_ones_fare_worse(regime):
    p, q = [0.5, 0.3, 0.2], [0.1, 0.2, 0.7]
    first = Chain(NextToken([p, q], [0.25, 0.75]), SoftmaxMLE(), regime, 8)
    second = Chain(NextToken([q, p], [0.75, 0.25]), SoftmaxMLE(), regime, 8)
    np.testing.assert_allclose(softmax(first)(first, 6), softmax(second)(second, 6), rtol=1e-12)
    halved = Chain(NextToken([p, p], [0.5, 0.5]), SoftmaxMLE(), Replace(40), 40)
    whole = Chain(NextToken([p]), SoftmaxMLE(), Replace(40), 40)
    assert (softmax(halved)(halved, 6) < softmax(whole)(whole, 6)).all()


def test_many_rows_of_a_context_keep_their_digits():
    chain = Chain(NextToken([[0.5, 0.5]]), SoftmaxMLE(), Replace(10**9), 10**9)
    np.testing.assert_allclose(softmax(chain)(chain, 5), 0.5 * (1 - 1e-9) ** np.arange(1, 7), rtol=1e-14)
    source = NextToken([[0.5, 0.5], [0.9, 0.1]], [0.3, 0.7])
    near, far = (Chain(source, SoftmaxMLE(), Replace(n), n) for n in (999_999, 1_000_001))
    np.testing.assert_allclose(softmax(near)(near, 5), softmax(far)(far, 5), rtol=1e-10)


def test_contexts_too_many_to_average_over_are_not_foretold():
    chance = np.random.default_rng(0)
    source = NextToken(chance.dirichlet(np.ones(4), 200), chance.dirichlet(np.ones(200)))
    for regime in (Accumulate(Linear(100, 1)), FixedReal(Linear(500, 3), 100)):
        chain = Chain(source, SoftmaxMLE(), regime, 500)
        found = softmax(chain)(chain, 400)
        assert np.isfinite(found[:10]).all()
        assert np.isnan(found[-1])


def test_contexts_must_be_asked_for_as_they_come():
    source = NextToken([[0.5, 0.5], [0.9, 0.1]], [0.3, 0.7])
    for learner in (SoftmaxMLE(contexts=[0.5, 0.5]), SoftmaxMLE(k=3), SoftmaxMLE(temperature=0.5)):
        assert not applicable(Chain(source, learner, Replace(9), 9))
    assert applicable(Chain(source, SoftmaxMLE(contexts=[0.3, 0.7]), Replace(9), 9))
