"""Duality: sums over symbols cost one pass whatever their number, and keep their digits."""

import mpmath
import numpy as np
import pytest

import genloss as gl
from genloss.chain.schedules import Linear
from genloss.families.categorical import Categorical, CategoricalMLE, Zipf
from genloss.theory import LAWS
from genloss.theory.catalogue.categorical import dual_sum, losing
from genloss.theory.catalogue.collapse import keeping
from genloss.theory.catalogue.fresh import lost, stand_ins
from genloss.theory.recursions.duality import (
    ancestors,
    expected_generations,
    merged,
    power_sums,
    transform,
    transform_sum,
)

V = 20_000
RANDOM = np.random.default_rng(0)
MASSES = {
    "zipf 1.1": np.arange(1, V + 1.0) ** -1.1,
    "zipf 2": np.arange(1, V + 1.0) ** -2.0,
    "alike": RANDOM.uniform(1, 2, V),
    "over forty decades": np.exp(-np.linspace(0, 92, V)),
    "two common ones": np.concatenate([[1e3, 1e5], RANDOM.exponential(size=V - 2)]),
    "nearly none": RANDOM.gamma(0.05, size=V) + 1e-300,
}


def source(name):
    return Categorical(MASSES[name] / MASSES[name].sum())


@pytest.mark.parametrize("name", MASSES)
@pytest.mark.parametrize("side", ["lost mass", "lost symbols", "kept"])
def test_merged_symbols_have_the_same_sums_of_powers(name, side):
    values, decay, counts = losing(source(name))
    weights = values * counts if side == "lost mass" else counts
    if side == "kept":
        decay, weights = keeping(source(name))
    a = np.unique(np.geomspace(1, 1e4, 80).astype(int)).astype(float)
    few = merged(decay, weights, a[-1])
    assert len(few[0]) < V / 4
    direct = np.array([(np.exp(-x * decay.astype(np.longdouble)) * weights).sum() for x in a])
    np.testing.assert_allclose(power_sums(a, *few), direct.astype(float), rtol=1e-12, atol=1e-290)


def test_the_number_of_nodes_does_not_grow_with_the_symbols():
    nodes = [len(merged(*_lost(Zipf(k, 1.1)), 1_000.0)[0]) for k in (10_000, 100_000, 1_000_000)]
    assert max(nodes) < 1_500


def _lost(law):
    values, decay, counts = losing(law)
    return decay, values * counts


def test_merging_leaves_out_what_adds_nothing_and_keeps_few_as_they_are():
    decay, weights = np.array([0.5, np.inf, 0.1, 3.0]), np.array([1.0, 2.0, 0.0, 4.0])
    assert [x.tolist() for x in merged(decay, weights, 10)] == [[0.5, 3.0], [1.0, 4.0]]
    assert power_sums(np.array([1.0, 2.0]), *merged(decay[:0], weights[:0], 5)).tolist() == [0.0, 0.0]


def test_dual_sums_of_many_symbols_agree_with_the_transform_of_each():
    n = np.concatenate(([60.0], np.full(20, 45.0)))
    values, decay, counts = losing(Zipf(5_000, 1.3))
    direct = transform(ancestors(n), 1 - values) @ (values * counts)
    np.testing.assert_allclose(dual_sum(n, decay, values * counts), direct, rtol=1e-12)


def test_dual_sums_have_the_digits_of_exact_arithmetic():
    """The law of ancestors by Stirling numbers in 60 digits, pushed through three generations of 12 rows."""
    mpmath.mp.dps = 60
    rows, probabilities = 12, [mpmath.mpf(k) / 21 for k in range(1, 7)]
    step = [[_occupied(a, rows, b) for b in range(rows + 1)] for a in range(rows + 1)]
    law = [mpmath.mpf(b == rows) for b in range(rows + 1)]
    source = Categorical([float(p) for p in probabilities])
    got = dual_sum(np.full(4, float(rows)), *_lost(source))
    for t in range(4):
        exact = sum(p * weight * (1 - p) ** b for p in probabilities for b, weight in enumerate(law))
        assert got[t] == pytest.approx(float(exact), rel=1e-13)
        law = [sum(law[a] * step[a][b] for a in range(rows + 1)) for b in range(rows + 1)]


def _occupied(balls, boxes, found):
    """The chance that balls thrown at random into boxes occupy just so many."""
    if found > balls:
        return mpmath.mpf(0)
    ways = mpmath.binomial(boxes, found) * mpmath.factorial(found) * mpmath.stirling2(balls, found)
    return ways / mpmath.mpf(boxes) ** balls


def test_transforms_of_laws_put_into_tables_agree_with_one_law_at_a_time():
    laws = ancestors(np.full(120, 30.0))
    base = np.array([0.0, 1e-8, 0.3, 0.999, 1.0])
    one = [sum(weight * base ** (low + i) for i, weight in enumerate(law)) for low, law in laws]
    np.testing.assert_allclose(transform(laws, base), one, rtol=1e-13)
    weights = np.arange(1.0, 6.0)
    with np.errstate(divide="ignore"):
        decay = -np.log(base)
    np.testing.assert_allclose(transform_sum(laws, decay, weights), one @ weights, rtol=1e-13)


def test_the_time_of_collapse_is_the_sum_over_all_generations():
    """However long they take: of two lines of descent the waiting time is geometric, the mean that of n rows is n."""
    assert expected_generations(2, np.array([0, 0, 1.0])) == pytest.approx(2)
    rows, p = 40, np.array([0.5, 0.3, 0.2])
    cost = 1 - (p ** np.arange(rows + 1)[:, None]).sum(1)
    laws = ancestors(np.full(60 * rows, float(rows)))
    assert expected_generations(rows, cost) == pytest.approx((1 - transform(laws, p).sum(1)).sum(), rel=1e-12)


@pytest.mark.parametrize("n", [100, 1_000, 10_000])
def test_the_time_of_collapse_nears_that_of_the_diffusion(n):
    """Two symbols alike: 2 n log 2 generations (Kimura and Ohta 1969), but for a number of order log n."""
    chain = gl.Chain(Categorical([0.5, 0.5]), CategoricalMLE(), gl.Replace(n), n)
    assert LAWS["collapsed_time_replace"].values(chain, 1) == pytest.approx(2 * n * np.log(2), abs=2 + np.log(n) / 2)


def test_symbols_that_are_certain_or_impossible_are_no_trouble():
    sure = gl.Chain(Categorical([1.0, 0.0]), CategoricalMLE(), gl.Replace(10), 10)
    assert LAWS["lost_mass_replace"].values(sure, 3).tolist() == [0, 0, 0, 0]
    assert LAWS["support_replace"].values(sure, 3).tolist() == [1, 1, 1, 1]
    np.testing.assert_allclose(LAWS["collapsed_replace"].values(sure, 3), 1, rtol=1e-12)
    assert LAWS["collapsed_time_replace"].values(sure, 3) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("regime", "n"),
    [
        (gl.FreshReal(9, 0.3), [7, 9, 9, 9, 9]),
        (gl.FreshReal(9, 0.7), [7, 9, 9, 9, 9]),
        (gl.FreshReal(9, 0.04), [7, 9, 9]),
        (gl.FreshReal(9, 0.3, "binomial"), [12, 9, 9, 4, 11]),
        (gl.FreshReal(9, 0.8, "binomial"), [3, 9, 9, 9, 2]),
        (gl.FreshReal(9, 0.5), [12, 9, 4, 11, 2]),
    ],
)
def test_what_fresh_real_rows_bring_back_is_what_the_forward_chain_says(regime, n):
    """Follow how many rows hold a symbol of chance p: binomial copies of the frequency before, and real ones."""
    from scipy.stats import binom

    p = np.array([0.0, 0.03, 0.2, 0.77, 1.0])
    got = lost(regime, np.array(n, dtype=float), 1 - p)
    for k, chance in enumerate(p):
        law = binom.pmf(np.arange(n[0] + 1), n[0], chance)
        for t, rows in enumerate(n):
            if t > 0:
                frequency = np.arange(n[t - 1] + 1)[:, None] / n[t - 1]
                held = np.arange(rows + 1)
                if regime.ragged:
                    share = regime.real_fraction
                    step = binom.pmf(held, rows, share * chance + (1 - share) * frequency)
                else:
                    real = round(rows * regime.real_fraction)
                    own = binom.pmf(np.arange(real + 1), real, chance)
                    made = binom.pmf(np.arange(rows - real + 1), rows - real, frequency)
                    step = np.array([np.convolve(own, row) for row in made])
                law = law @ step
            assert got[t, k] == pytest.approx(law[0], rel=1e-11, abs=1e-15)


@pytest.mark.parametrize("degree", [20, 400])
@pytest.mark.parametrize("width", [0.01, 0.3, 1.0])
def test_few_points_stand_in_for_powers_at_many(degree, width):
    x = 1 - width * RANDOM.random(500)
    few, share = stand_ins(x, degree)
    assert len(few) < 150
    for power in (0, 1, degree // 3, degree):
        np.testing.assert_allclose(share @ few**power, x**power, atol=1e-12)


def test_stand_ins_are_what_they_stand_for_where_those_are_few():
    x = np.array([0.1, 0.9, 0.95])
    assert stand_ins(x, 400) == (x, None)
    assert stand_ins(x[:0], 400)[1] is None


def test_many_symbols_are_summed_over_as_they_are_listed():
    for regime in (gl.FreshReal(Linear(10, 4), 0.2), gl.FreshReal(60, 0.4, "binomial")):
        chain = gl.Chain(Zipf(200, 0.7), CategoricalMLE(), regime, 50)
        listed = LAWS["lost_symbols_fresh_real"].values(chain, 9)
        np.testing.assert_allclose(LAWS["lost_mass_fresh_real"].values(chain, 9), listed @ chain.source.p, rtol=1e-10)
        np.testing.assert_allclose(LAWS["support_fresh_real"].values(chain, 9), 1 - listed.mean(1), rtol=1e-10)


def test_fresh_real_rows_of_many_generations_are_followed_within_a_budget():
    settled = gl.Chain(Zipf(100), CategoricalMLE(), gl.FreshReal(100, 0.1), 100)
    assert np.isfinite(LAWS["lost_mass_fresh_real"].values(settled, 1_000)).all()
    slow = gl.Chain(Zipf(100), CategoricalMLE(), gl.FreshReal(Linear(300, 0.01), 0.4, "binomial"), 300)
    found = LAWS["lost_mass_fresh_real"].values(slow, 2_000)
    assert np.isfinite(found[:20]).all()
    assert np.isnan(found[-1])
