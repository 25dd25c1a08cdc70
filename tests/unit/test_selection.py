"""Selection by reward: the curator that lets users choose, and the laws of what comes of it."""

import itertools
import math

import mpmath
import numpy as np
import pytest

import genloss as gl
from genloss.chain.curators import Preferred
from genloss.chain.data import Batch, Block, Pool
from genloss.errors import NotExact, SpecError
from genloss.families.categorical import Categorical, CategoricalMLE, Counts, Zipf
from genloss.plain.describe import describe
from genloss.spec import build as spec
from genloss.theory import LAWS, applicable
from genloss.theory.catalogue.curation import accuracy_verified, critical_error
from genloss.theory.catalogue.selection import quadratic
from genloss.theory.recursions.preference import Preferences, best_of, chosen, preferred
from helpers import assert_mean

P = np.array([0.4, 0.25, 0.2, 0.15, 0.0])
REWARD = np.array([0.3, -1.0, 2.0, 0.3, 9.0])


def rng(seed=0):
    return np.random.default_rng(seed)


def pool(*blocks):
    return Pool([Block(rows, synthetic, t) for t, (rows, synthetic) in enumerate(blocks)])


def enumerated(p, reward, k, temperature):
    """Go through all draws of k symbols."""
    out = np.zeros(len(p))
    for draw in itertools.product(range(len(p)), repeat=k):
        draw = np.array(draw)
        if temperature == 0:
            weight = (reward[draw] == reward[draw].max()).astype(float)
        else:
            weight = np.exp(reward[draw] / temperature)
        np.add.at(out, draw, p[draw].prod() * weight / weight.sum())
    return out


@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("temperature", [0, 0.2, 1.0, 30.0])
def test_the_law_of_a_choice_is_that_of_all_draws(k, temperature):
    np.testing.assert_allclose(
        chosen(P, REWARD, k, temperature), enumerated(P, REWARD, k, temperature), rtol=1e-13, atol=1e-16
    )


def test_the_law_of_a_choice_of_many_is_that_of_infinitely_many():
    many = P * np.exp(REWARD) / (P @ np.exp(REWARD))
    np.testing.assert_allclose(chosen(P, REWARD, 10**9), many, rtol=1e-8)
    np.testing.assert_allclose(chosen(P, REWARD, math.inf), many, rtol=1e-15)
    assert chosen(P, REWARD, 10**9).sum() == pytest.approx(1, abs=1e-12)
    assert chosen(P, REWARD, 200, temperature=0)[2] == pytest.approx(1, abs=1e-12)


def test_a_reward_far_below_the_others_is_no_trouble():
    law = chosen(np.array([0.5, 0.5]), np.array([0.0, -600.0]), 2)
    np.testing.assert_allclose(law, [0.75, 0.25], rtol=1e-12)
    assert chosen(np.array([0.5, 0.5]), np.array([0.0, -1e6]), 2).sum() == pytest.approx(1)


@pytest.mark.parametrize("k", [1, 2, 3, 50, 10**6])
def test_the_best_of_many_normal_draws(k):
    mpmath.mp.dps = 20
    spans = [-9, 0, 2, 4, 6, 14]

    def moment(power):
        return mpmath.quad(lambda z: z**power * k * mpmath.npdf(z) * mpmath.ncdf(z) ** (k - 1), spans)

    mean, var = best_of(k)
    assert mean == pytest.approx(float(moment(1)), rel=1e-11, abs=1e-12)
    assert var == pytest.approx(float(moment(2) - moment(1) ** 2), rel=1e-10)


def test_figures_of_the_best_of_two_and_three():
    mean, var = best_of(2)
    assert (mean, var) == pytest.approx((1 / math.sqrt(math.pi), 1 - 1 / math.pi))
    assert mean / (1 - math.sqrt(var)) == pytest.approx(3.2359, abs=5e-5)
    assert best_of(3)[0] == pytest.approx(1.5 / math.sqrt(math.pi))


def test_a_choice_with_a_linear_reward_lies_between_chance_and_the_best():
    assert preferred(3, 0.0) == pytest.approx((0, 1))
    np.testing.assert_allclose(preferred(3, 1e4), best_of(3), rtol=1e-6)
    np.testing.assert_allclose(preferred(3, -1.5), np.array(preferred(3, 1.5)) * [-1, 1], rtol=1e-12)
    mean, var = preferred(2, 1.7)
    assert var == pytest.approx(1 - mean**2, rel=1e-12)  # of two, the sum says nothing of the choice
    k, slope = 4, 1e-3
    assert 1 - preferred(k, slope)[1] == pytest.approx(slope**2 * (k - 1) / k**2, rel=1e-4)
    assert preferred(10**12, 1.3) == pytest.approx((1.3, 1.0), abs=1e-9)  # tilting moves a Gaussian and no more


@pytest.mark.parametrize("k", [2, 10, 10**6])
def test_preferences_read_off_a_table_have_the_digits_of_those_computed(k):
    read = Preferences(k)
    for slope in [0.0, 1e-9, 0.01, 0.3337, 0.98, 1.0] + 5 * [1.001, 1.7, 4.2, 9.9, 300.0]:
        np.testing.assert_allclose(read(slope), preferred(k, slope), rtol=1e-8, atol=1e-15)


@pytest.mark.parametrize("slope", [0.3, 0.999, 1.001, 4.0])
def test_a_choice_of_three_by_adding_up_all_triples(slope):
    z = np.arange(-8, 8.01, 0.125)
    density = np.exp(-(z**2) / 2)
    density /= density.sum()
    weight = np.exp(slope * z)
    rival = weight[:, None] + weight
    share = [3 * w * (np.outer(density, density) / (w + rival)).sum() for w in weight] * density
    np.testing.assert_allclose(preferred(3, slope), [share @ z, share @ z**2 - (share @ z) ** 2], rtol=1e-9)


def test_infinitely_many_candidates_with_one_best_value():
    x = np.linspace(-12, 12, 4_001)
    p = np.exp(-((x - 1) ** 2) / 4)
    p /= p.sum()
    for t in range(1, 4):
        p = chosen(p, -((x - 3) ** 2) / (2 * 1.5**2), math.inf)
        mean, var = quadratic(1.0, 2.0, 3.0, 1.5, np.array(t))
        assert (p @ x, p @ (x - p @ x) ** 2) == pytest.approx((float(mean), float(var)), rel=1e-9)


@pytest.mark.parametrize("k", [2, 3, 17, math.inf])
def test_the_reward_rises_by_at_least_the_bound(k):
    draw = rng(3)
    for _ in range(50):
        p, reward = draw.dirichlet(np.ones(5)), draw.normal(size=5) * draw.exponential()
        weight = np.exp(reward)
        rise = (chosen(p, reward, k) - p) @ weight
        assert rise >= (1 - 1 / k) * (p @ weight**2 - (p @ weight) ** 2) / weight.max() - 1e-12


def test_verifiers_are_worth_nothing_at_the_threshold():
    assert critical_error(0.8, 0.45) == pytest.approx(0.64)
    assert accuracy_verified(np.array([0.64]), 0.8, 0.45, 3.0, 0.5) == pytest.approx([0.5])
    below, above = accuracy_verified(np.array([0.6, 0.7]), 0.8, 0.45, 3.0, 0.5)
    assert below > 0.5 > above


# The curator


def test_one_of_every_k_is_kept_with_its_provenance():
    real, made = np.arange(10.0), 100 + np.arange(7.0)
    train = Preferred(1.0, k=3).select(pool((real, False), (made, True)), rng())
    assert train.size == 17 // 3
    assert len(set(train.data)) == 5
    for block in train.blocks:
        assert {bool(row >= 100) for row in block.data} == {block.synthetic}


def test_replicates_side_by_side():
    batch = pool((Batch(np.tile(np.arange(10.0), (6, 1))), False), (Batch(np.tile(100 + np.arange(7.0), (6, 1))), True))
    train = Preferred(1.0, k=3).select(batch, rng())
    (block,) = train.blocks
    assert train.data.rows.shape == (6, 5)
    assert block.synthetic.tolist() == (train.data.rows >= 100).tolist()
    assert len({tuple(row) for row in train.data.rows}) > 1
    assert not Preferred(np.sin).batched


def test_the_best_wins_where_nothing_is_left_to_chance():
    rows = rng(1).permutation(9).astype(float)
    assert Preferred(1.0, k=9, temperature=0).select(pool((rows, True)), rng()).data.tolist() == [8]
    assert Preferred(-2.0, k=9, temperature=0).select(pool((rows, True)), rng()).data.tolist() == [0]
    assert Preferred(lambda x: -((x - 4) ** 2), k=9, temperature=0).select(pool((rows, True)), rng()).data == [4]
    ties = [
        Preferred([1, 1, 0], k=3, temperature=0).select(pool((np.arange(3), True)), rng(i)).data[0] for i in range(40)
    ]
    assert set(ties) == {0, 1}


@pytest.mark.statistical
@pytest.mark.parametrize("temperature", [0.0, 0.7])
@pytest.mark.parametrize("k", [2, 3])
def test_symbols_are_chosen_as_the_law_says(k, temperature, seed):
    draw = rng(seed)
    rows = draw.choice(4, (4_000, 6 * k), p=P[:4])
    train = Preferred(REWARD, k, temperature).select(pool((Batch(rows), True)), draw)
    shares = (train.data.rows[..., None] == np.arange(4)).mean(1)
    assert_mean(shares, chosen(P, REWARD, k, temperature)[:4], power=0.5)


def test_it_is_described_by_its_fields():
    for reward in ([0.0, 1.0, 2.5], 1.5):
        plain = {"kind": "preferred", "reward": reward, "k": 3}
        assert describe(spec.build("curator", plain)) == plain
    assert Preferred(np.array([1.0, 2.0])) == Preferred((1.0, 2.0))
    assert spec.build("curator", {"kind": "preferred", "reward": {"python": "math:sqrt"}}).reward is math.sqrt


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Preferred(1.0, k=0), "curator.k: 0 rows"),
        (lambda: Preferred(1.0, k=2.5), "curator.k: 2.5 is not a number of rows"),
        (lambda: Preferred(1.0, temperature=-1), "curator.temperature: -1; give a finite number from 0"),
        (lambda: Preferred(1.0, temperature=math.nan), "curator.temperature: nan"),
        (lambda: Preferred([1.0, math.inf]), r"curator.reward: \[1.0, inf\]"),
        (lambda: Preferred("best"), "curator.reward: 'best'; give a finite number"),
        (lambda: Preferred([[1.0]]), "curator.reward: "),
        (
            lambda: Preferred(1.0, k=5).select(pool((np.arange(4.0), True)), rng()),
            "curator.k: 5 rows compete, but there",
        ),
        (lambda: Preferred([1.0, 2.0]).select(pool((np.arange(4), True)), rng()), "curator.reward: 2 numbers; rows"),
        (lambda: Preferred([1.0, 2.0]).select(pool((np.ones(4), True)), rng()), "curator.reward: 2 numbers; rows"),
        (lambda: Preferred(1.0).select(pool((np.ones((4, 2)), True)), rng()), "rows are no single numbers"),
        (lambda: Preferred(1.0).select(pool((["a", "b"], True)), rng()), "rows are no single numbers"),
        (lambda: Preferred(len).select(pool((np.ones(4), True)), rng()), r"curator.reward: gave shape \(\) for 4 rows"),
    ],
)
def test_what_is_wrong_is_said(make, message):
    with pytest.raises(SpecError, match=message):
        make()


def test_statistics_have_no_rows_to_compare():
    with pytest.raises(NotExact, match="Preferred compares rows"):
        Preferred(1.0).select(pool((Counts(np.array([3, 4])), True)), rng())
    with pytest.raises(NotExact, match="curator: Preferred needs the rows"):
        next(gaussian(Preferred(1.0)).generations(gl.Streams(0), "exact"))


# Which laws speak of which chain


def gaussian(curator):
    return gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(60), 60, curator)


def names(chain):
    return {law.name for law in applicable(chain)}


def test_laws_speak_of_the_choice_that_the_chain_makes():
    assert {"variance_best_of_replace", "mean_best_of_replace"} <= names(gaussian(Preferred(1.0, 5, 0.0)))
    assert "variance_preferred_replace" not in names(gaussian(Preferred(1.0, 5, 0.0)))
    assert {"variance_preferred_replace", "mean_preferred_replace"} <= names(gaussian(Preferred(1.0, 5)))
    assert "variance_weakly_preferred_replace" in names(gaussian(Preferred(1.0, 5, 2.0)))
    assert "variance_weakly_preferred_replace" not in names(gaussian(Preferred(1.0, 5, 1.9)))
    assert not names(gaussian(Preferred(np.abs, 5)))
    chain = gl.Chain(Zipf(4), CategoricalMLE(), gl.Replace(60), 60, Preferred([1.0, 2.0, 3.0, 4.0]))
    assert names(chain) == {"frequency_preferred_replace"}
    assert not names(gl.Chain(Zipf(3), CategoricalMLE(), gl.Replace(60), 60, Preferred([1.0, 2.0, 3.0, 4.0])))


@pytest.mark.parametrize("k", [2, 7])
def test_k_is_read_off_the_curator(k):
    found = LAWS["variance_best_of_replace"].values(gaussian(Preferred(1.0, k, 0.0)), 3)
    np.testing.assert_allclose(found[1:] / found[:-1], best_of(k)[1] * (1 - 1 / (60 // k)), rtol=1e-12)


def test_a_preference_without_strength_changes_only_the_number_of_rows():
    plain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(20), 20)
    none = LAWS["variance_preferred_replace"].values(gaussian(Preferred(0.0, 3)), 5)
    np.testing.assert_allclose(none, LAWS["variance_replace"].values(plain, 5), rtol=1e-12)


@pytest.mark.parametrize("reward", [3.0, -0.4])
def test_preferences_are_followed_over_many_generations(reward):
    chain = gl.Chain(
        gl.Gaussian(2.0, 4.0), gl.GaussianMLE(ddof=1), gl.Replace(3_000), 3_000, Preferred(reward, 3, temperature=0.5)
    )
    mean, var = 2.0, 4.0
    means, variances = [], []
    for _ in range(40):
        gain, shrink = preferred(3, reward * math.sqrt(var) / 0.5)
        mean, var = mean + gain * math.sqrt(var), var * shrink
        means.append(mean)
        variances.append(var)
    np.testing.assert_allclose(LAWS["mean_preferred_replace"].values(chain, 39), means, rtol=1e-9)
    np.testing.assert_allclose(LAWS["variance_preferred_replace"].values(chain, 39), variances, rtol=1e-9)
    long = LAWS["variance_preferred_replace"].values(chain, 110_000)
    assert (np.diff(long[:100_000]) < 0).all()
    assert np.isnan(long[100_000:]).all()
    # In the long run like 1 / t, by the expansion for weak preferences.
    assert long[99_999] == pytest.approx(9 / 2 * 0.25 / reward**2 / 1e5, rel=1e-3)


def test_choices_among_very_many_symbols_are_followed_within_a_budget():
    rewards = np.linspace(0, 1, 5_000)
    chain = gl.Chain(Zipf(5_000), CategoricalMLE(), gl.Replace(60), 60, Preferred(rewards, 2))
    found = LAWS["frequency_preferred_replace"].values(chain, 3_000)
    assert np.isfinite(found[:50]).all()
    assert np.isnan(found[-1]).all()
    few = gl.Chain(Zipf(3), CategoricalMLE(), gl.Replace(60), 60, Preferred([0.0, 1.0, 2.0], 2))
    assert LAWS["frequency_preferred_replace"].values(few, 3_000)[-1].tolist() == pytest.approx([0, 0, 1])


def test_symbols_that_are_alike_keep_their_frequencies():
    law = LAWS["frequency_preferred_replace"]
    chain = gl.Chain(Categorical(P[:4]), CategoricalMLE(), gl.Replace(60), 60, Preferred([2.0] * 4, 3))
    np.testing.assert_allclose(law.values(chain, 6), np.tile(P[:4], (7, 1)), rtol=1e-11)


def test_too_few_rows_for_a_choice_are_not_foretold():
    for curator in (Preferred(1.0, 60, 0.0), Preferred(1.0, 60), Preferred(1.0, 100)):
        chain = gaussian(curator)
        assert all(np.isnan(law.values(chain, 3)[1:]).all() for law in applicable(chain))
