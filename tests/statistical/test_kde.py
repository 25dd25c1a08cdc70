"""Kernel density chains follow their closed forms (the two-point recursion); mixtures are found again."""

from itertools import islice

import numpy as np
import pytest

import genloss as gl
from genloss.chain.data import Batch
from genloss.families.kde import KDE
from genloss.families.mixture import Mixture, MixtureEM
from genloss.families.multivariate import MultivariateGaussian
from genloss.families.tables import Rows
from helpers import assert_mean, assert_same_mean, z_scores

pytestmark = pytest.mark.statistical

N, H, STEPS, REPLICATES = 20, 0.3, 30, 4_000


def spread(regime, learner, seed, steps=STEPS, replicates=REPLICATES):
    """The unbiased variance of the training rows of every generation: shape (replicates, steps + 1)."""
    chain = gl.Chain(gl.Gaussian(), learner, regime, n0=N)
    generations = islice(chain.generations(gl.Streams(seed), replicates=replicates), steps + 1)
    return np.stack([g.train.data.rows.var(1, ddof=1) for g in generations], 1)


def replaced(steps, n=N, h=H):
    """E of the unbiased variance after t replacements: the rows lose a share 1/n and gain h^2 at each."""
    kept = (1 - 1 / n) ** np.arange(steps + 1)
    return kept + n * h**2 * (1 - kept)


def accumulated(steps, n=N, h=H):
    """The same when batches are kept: two rows of the pool are both old, both new, or one of each."""
    expected = [1.0]
    for t in range(1, steps + 1):
        old, rows = n * t, n * (t + 1)
        both_old, both_new, mixed = (
            pairs / (rows * (rows - 1)) for pairs in (old * (old - 1), n * (n - 1), 2 * n * old)
        )
        drawn = (1 - 1 / old) * expected[-1]
        expected.append(both_old * expected[-1] + both_new * (drawn + h**2) + mixed * (drawn + h**2 / 2))
    return np.array(expected)


def test_fixed_bandwidth_replace(seed):
    assert_mean(spread(gl.Replace(N), KDE(H), seed, replicates=20_000), replaced(STEPS), power=0.05)


def test_fixed_bandwidth_accumulate(seed):
    assert_mean(spread(gl.Accumulate(N), KDE(H), seed), accumulated(STEPS), power=0.04)


def test_no_bandwidth_is_drift(seed):
    seen = spread(gl.Replace(N), KDE(0), seed, steps=15, replicates=10_000)
    assert_mean(seen, replaced(15, h=0), power=0.1)


def test_scott_replace_grows_exponentially(seed):
    factor = 1 - 1 / N + N ** (-2 / 5)
    seen = spread(gl.Replace(N), KDE("scott"), seed, steps=6, replicates=20_000)
    assert_mean(seen, factor ** np.arange(7), power=0.1)


def test_silverman_accumulate_grows_less_than_replace(seed):
    ratio = [spread(regime, KDE("silverman"), seed, steps=10)[:, -1] for regime in (gl.Accumulate(N), gl.Replace(N))]
    assert z_scores(ratio[1], ratio[0].mean()) > 20


def test_models_variance_is_that_of_its_rows_and_the_kernel(seed):
    chain = gl.Chain(gl.Gaussian(), KDE(H), gl.Replace(N), n0=N)
    seen = np.stack([g.model.var for g in islice(chain.generations(gl.Streams(seed), replicates=REPLICATES), 11)], 1)
    assert_mean(seen, (1 - 1 / N) * replaced(10) + H**2, power=0.07)


def test_single_chains_follow_the_same_law(seed):
    chain = gl.Chain(gl.Gaussian(), KDE(H), gl.Replace(N), n0=N)
    seen = [
        [g.train.data.var(ddof=1) for g in islice(chain.generations(gl.Streams(seed, 10_000 + i)), 6)]
        for i in range(1_500)
    ]
    assert_mean(seen, replaced(5), power=0.12)


def test_in_the_plane_each_coordinate_follows_the_line(seed):
    source = MultivariateGaussian(mean=[0, 0], cov=[[1, 0.8], [0.8, 1]])
    chain = gl.Chain(source, KDE(H), gl.Replace(N), n0=N)
    rows = [g.train.data.rows for g in islice(chain.generations(gl.Streams(seed), replicates=10_000), 11)]
    off = [each - each.mean(1, keepdims=True) for each in rows]
    assert_mean(np.stack([(each**2).sum(1) / (N - 1) for each in off], 1), replaced(10)[:, None], power=0.07)
    between = np.stack([(each[..., 0] * each[..., 1]).sum(1) / (N - 1) for each in off], 1)
    assert_mean(between, 0.8 * (1 - 1 / N) ** np.arange(11), power=0.1)


@pytest.mark.parametrize("mistake", ["divisor n", "bandwidth for its square", "no kernel"])
def test_the_classic_mistakes_would_be_seen(mistake, seed):
    steps = 10
    seen = spread(gl.Replace(N), KDE(H), seed, steps, replicates=40_000)
    wrong = {
        "divisor n": replaced(steps) * (1 - 1 / N),
        "bandwidth for its square": replaced(steps, h=H**0.5),
        "no kernel": replaced(steps, h=0),
    }[mistake]
    assert np.abs(z_scores(seen, wrong)).max() > 20


WELL_APART = Mixture([0.3, 0.7], [[0.0, 0.0], [12.0, 6.0]], [[[1.0, 0.5], [0.5, 1.0]], [[2.0, 0.0], [0.0, 0.5]]])


def test_em_finds_a_well_separated_mixture(seed):
    rng = np.random.default_rng(seed)
    n = 300
    fitted = MixtureEM(2).fit(WELL_APART.sample_batch(n, rng, 400), rng)
    order = np.argsort(fitted.means[..., 0], 1)
    weights = np.take_along_axis(fitted.weights, order, 1)
    means = np.take_along_axis(fitted.means, order[..., None], 1)
    covs = np.take_along_axis(fitted.covs, order[..., None, None], 1)
    assert_mean(weights, WELL_APART.weights, power=0.03)
    assert_mean(1 + means, 1 + WELL_APART.means, power=0.05)
    # Within a component of m rows the divisor is m: its covariance is (1 - E 1/m) of the truth.
    m = np.random.default_rng(seed).binomial(n, WELL_APART.weights, (20_000, 2))
    expected = WELL_APART.covs * (1 - (1 / m).mean(0))[:, None, None]
    assert_mean(2 + covs, 2 + expected, power=0.05)
    assert np.abs(z_scores(2 + covs, 2 + WELL_APART.covs * 1.1)).max() > 10


def test_mixture_chain_of_one_component_is_the_gaussian_chain(seed):
    n, steps, replicates = 25, 10, 8_000
    chain = gl.Chain(gl.Gaussian(), MixtureEM(1), gl.Replace(n), n0=n)
    seen = np.stack(
        [g.model.var for g in islice(chain.generations(gl.Streams(seed), replicates=replicates), steps + 1)], 1
    )
    assert_mean(seen, (1 - 1 / n) ** np.arange(1, steps + 2), power=0.1)


def test_mixture_chains_side_by_side_follow_the_law_of_single_ones(seed):
    n, steps = 60, 4
    chain = gl.Chain(Mixture(), MixtureEM(2), gl.Replace(n), n0=n)

    def seen(model):
        apart = np.abs(np.diff(model.means, axis=-1))[..., 0]
        return np.stack([model.var, apart], -1)

    side = list(islice(chain.generations(gl.Streams(seed), replicates=600), steps))[-1].model
    single = [seen(list(islice(chain.generations(gl.Streams(seed, 10_000 + i)), steps))[-1].model) for i in range(600)]
    assert_same_mean(seen(side), np.stack(single), power=0.1)


def test_rows_are_drawn_from_the_training_part_evenly(seed):
    source = Rows(np.arange(10.0))
    drawn: Batch = source.sample_batch(50, np.random.default_rng(seed), 2_000)
    shares = (drawn.rows[..., None] == source.train).mean(1)
    assert_mean(shares, np.full(8, 1 / 8), power=0.1)
