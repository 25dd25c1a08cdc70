"""Probes that read drawn rows, against what theory says of them."""

import numpy as np
import pytest

import genloss as gl
from genloss import probes
from genloss.families.categorical import Categorical, CategoricalMLE
from genloss.families.mixture import Mixture
from helpers import assert_mean, z_scores
from probing import Drawer, Held, generation

pytestmark = pytest.mark.statistical


def repeat(measure, times, seed):
    rng = np.random.default_rng(seed)
    return np.stack([np.asarray(measure(rng), dtype=float) for _ in range(times)])


def energies(seed, rows=30, real=20):
    model, truth, probe = gl.Gaussian(0.5, 4.0), gl.Gaussian(), probes.Energy(rows=rows)
    return repeat(
        lambda rng: probe(generation(Drawer(model.sample), Held(truth.sample(real, rng))), rng), 4000, seed
    ), float(probe(generation(model, truth), None))


def test_energy_of_rows_is_unbiased(seed):
    drawn, closed = energies(seed)
    assert_mean(drawn, closed, power=0.1)


def test_control_comparing_rows_with_themselves_would_be_seen(seed):
    drawn, closed = energies(seed)
    # The V-statistic divides the distances within by n^2 in place of n (n - 1): it is too large by their mean / n.
    bias = 2 / np.sqrt(np.pi) * (2 / 30 + 1 / 20)
    assert abs(z_scores(drawn + bias, closed)) > 20


def test_total_variance_of_rows_is_unbiased(seed):
    sample = lambda n, rng: gl.Gaussian(var=3.0).sample(5, rng)
    drawn = repeat(lambda rng: probes.total_variance(generation(Drawer(sample)), rng), 20_000, seed)
    assert_mean(drawn, 3.0, power=0.05)
    assert abs(z_scores(drawn * 4 / 5, 3.0)) > 20  # the control: divided by n


def test_entropy_of_rows_meets_the_closed_form(seed):
    model, probe = gl.Gaussian(var=2.0), probes.Entropy()
    drawn = repeat(lambda rng: probe(generation(Drawer(model.sample)), rng), 60, seed)
    assert_mean(drawn, float(probe(generation(model), None)), power=0.02)
    psi_as_log = np.log(3) - 0.9227843350984671
    assert abs(z_scores(drawn - psi_as_log, float(probe(generation(model), None)))) > 20


def coverage(seed, k):
    """Recall of one law by itself: n = 40 generated rows, m = 60 held out."""
    draw = lambda n, rng: rng.normal(size=(n, 2))
    probe = probes.Recall(rows=40, k=k)
    return repeat(lambda rng: probe(generation(Drawer(draw), Held(draw(60, rng))), rng)[0], 1000, seed)


def expected_coverage(n, m, k):
    """A held-out row is missed where its k nearest rows of all others are held out (Naeem et al. 2020, Lemma 2)."""
    j = np.arange(1, k + 1)
    return 1 - np.prod((m - j) / (n + m - j))


def test_recall_of_a_law_by_itself(seed):
    drawn = coverage(seed, 3)
    assert_mean(drawn, expected_coverage(40, 60, 3), power=0.02)
    # The control: a row counted among its own neighbours leaves k - 1 others.
    assert abs(z_scores(drawn, expected_coverage(40, 60, 2))) > 20


def test_noise_of_recall_is_its_spread_over_held_out_sets(seed):
    reached = np.linspace(0.0, 1.0, 500)
    model = Drawer(lambda n, rng: reached)
    probe = probes.Recall(rows=500, k=1)

    def found(rng):
        recall = probe(generation(model, Held(rng.uniform(-1, 1, 200))), rng)
        return float(recall[0]), recall.attrs["noise"][0]

    draws = repeat(found, 600, seed)
    assert draws[:, 1].mean() == pytest.approx(draws[:, 0].std(ddof=1), rel=5 / np.sqrt(2 * 600))


def test_confusion_of_a_mixture_is_its_bayes_error(seed):
    law = Mixture([0.5, 0.5], [-1.0, 1.0], 1.0)
    drawn = repeat(lambda rng: probes.Confusion()(generation(law), rng), 200, seed)
    bayes_error = 0.15865525393145707
    assert_mean(drawn, bayes_error, power=0.05)
    assert abs(z_scores(drawn, bayes_error * 2)) > 20  # the control: the error of guessing by the posterior is larger


def test_occupancy_of_a_mixture_is_its_weights(seed):
    law = Mixture([0.7, 0.2, 0.1], [-20.0, 0.0, 20.0], 1.0)
    drawn = repeat(lambda rng: probes.ModeOccupancy()(generation(law), rng), 200, seed)
    assert_mean(drawn, [0.7, 0.2, 0.1], power=0.05)


@pytest.mark.parametrize("engine", ["exact", "rows"])
def test_lost_mass_and_support_after_one_sample(engine, seed):
    p, n = np.array([0.5, 0.3, 0.15, 0.05]), 10
    chain = gl.Chain(Categorical(p), CategoricalMLE(), gl.Replace(n), n0=n)
    measured = {"lost": probes.LostMass(), "support": probes.Support(), "diversity": probes.heterozygosity}
    result = gl.run(chain, measured, generations=0, replicates=30_000, seed=seed, engine=engine)
    gone = (1 - p) ** n
    lost = result["lost"].values[:, 0]
    assert_mean(lost, p @ gone, power=0.1)
    assert_mean(result["support"].values[:, 0], 1 - gone.mean(), power=0.02)
    assert_mean(result["diversity"].values[:, 0], (1 - p @ p) * (1 - 1 / n), power=0.02)
    assert abs(z_scores(lost, p @ (1 - p) ** (n - 1))) > 20  # the control: one row fewer
