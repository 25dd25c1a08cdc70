"""The intervals of the synthetic share hold it as often as they say, and what the usual mistakes do."""

import numpy as np
import pytest

from genloss.provenance.share.prevalence import prevalence
from helpers import SIGMAS, z_scores

pytestmark = pytest.mark.statistical
SHARES = (0.02, 0.2, 0.5)
MIXTURES, DOCUMENTS, PASSAGES = 200, 200, 2
NAMES = ("clusters", "human_clusters", "synthetic_clusters")


def normal(rng, documents, synthetic, passages=PASSAGES, within=0.7):
    centre = rng.normal(2 * synthetic, np.sqrt(1 - within**2), (documents, 1))
    return centre + rng.normal(0, within, (documents, passages))


def skewed(rng, documents, synthetic):
    shape = rng.gamma(4, 0.25, (documents, 1)) * (1 + 2 * synthetic)
    return rng.gamma(2 * shape, 1, (documents, PASSAGES))


def mixture(draw, rng, share, **settings):
    """Scores of a corpus, of human and of synthetic text: shape (documents, passages) each."""
    made = round(DOCUMENTS * share)
    corpus = [draw(rng, DOCUMENTS - made, 0, **settings), draw(rng, made, 1, **settings)]
    return [np.concatenate(corpus), draw(rng, 150, 0, **settings), draw(rng, 150, 1, **settings)]


def estimate(parts, method, clustered=True, seed=0):
    clusters = {name: np.repeat(np.arange(len(part)), part.shape[1]) for name, part in zip(NAMES, parts, strict=True)}
    scores = [part.ravel() for part in parts]
    return prevalence(*scores, method, **(clusters if clustered else {}), resamples=100, seed=seed)


@pytest.mark.parametrize(("method", "draw"), [("pacc", normal), ("likelihood", skewed)])
def test_intervals_hold_the_share_of_clustered_mixtures(method, draw, seed):
    rng = np.random.default_rng([seed, len(method), draw is normal])
    held, warned, errors = [], [], []
    for share in SHARES:
        found = [estimate(mixture(draw, rng, share), method, seed=i) for i in range(MIXTURES)]
        held.append(np.mean([each.low <= share <= each.high for each in found]))
        warned.append(np.mean([bool(each.warnings) for each in found]))
        errors.append(np.mean([abs(each.share - share) for each in found]))
    assert np.mean(held) >= 0.9
    assert min(held) >= 0.9 - 2 * np.sqrt(0.9 * 0.1 / MIXTURES)
    assert np.mean(warned) < 0.05, "a corpus of the references' own domain raises no alarm"
    assert (np.array(errors) < [0.03, 0.05, 0.06]).all()


def test_a_small_share_is_nearer_the_truth_than_the_formula_cut_at_zero(seed):
    rng = np.random.default_rng(seed)
    found = [estimate(mixture(normal, rng, 0.02), "pacc", seed=i) for i in range(MIXTURES)]
    given, cut = (
        np.abs(np.array(each) - 0.02) for each in ([f.share for f in found], [max(f.unbounded, 0) for f in found])
    )
    assert given.mean() < 0.95 * cut.mean()
    assert z_scores(cut - given, 0.0) > SIGMAS
    # What comes of it far from the ends: nothing.
    half = [estimate(mixture(normal, rng, 0.5), "pacc", seed=i) for i in range(20)]
    assert max(abs(f.share - f.unbounded) for f in half) < 0.01


def test_passages_taken_for_independent_hold_it_rarely(seed):
    rng = np.random.default_rng(seed)
    parts = [mixture(normal, rng, 0.2, passages=10, within=0.2) for _ in range(MIXTURES)]
    held = {
        clustered: np.mean(
            [each.low <= 0.2 <= each.high for each in (estimate(p, "moments", clustered) for p in parts)]
        )
        for clustered in (True, False)
    }
    assert held[True] >= 0.9 - 2 * np.sqrt(0.9 * 0.1 / MIXTURES)
    assert (0.95 - held[False]) / np.sqrt(0.95 * 0.05 / MIXTURES) > 20


def test_counting_flags_is_wrong_and_adjusting_mends_it(seed):
    rng = np.random.default_rng(seed)
    counted, adjusted = [], []
    for i in range(100):
        parts = mixture(normal, rng, 0.02)
        counted.append((parts[0] > 1).mean())
        adjusted.append(estimate(mixture(normal, rng, 0.3), "acc", seed=i).unbounded)
    assert z_scores(counted, 0.02) > 20
    assert np.abs(z_scores(adjusted, 0.3)) < SIGMAS


def test_a_shifted_domain_raises_the_alarm(seed):
    rng = np.random.default_rng(seed)
    alarms = []
    for i in range(40):
        parts = mixture(normal, rng, 0.2)
        parts[0] = 0.4 * parts[0] + 0.3
        alarms.append(bool(estimate(parts, "pacc", seed=i).warnings))
    assert np.mean(alarms) > 0.9
