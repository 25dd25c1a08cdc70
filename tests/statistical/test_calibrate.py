"""The guarantees of calibration, for any law of scores, and what the usual mistakes do."""

import numpy as np
import pytest
from scipy.stats import norm

from genloss.provenance.evidence.accuracy import accuracy
from genloss.provenance.evidence.calibrate import calibrate
from helpers import SIGMAS, z_scores

pytestmark = pytest.mark.statistical
FPR = 0.05


def true_rates(references, flag=lambda human: calibrate(human, FPR).cut):
    """The share of human text above the cut that each reference gives, where scores are uniform."""
    return np.array([1 - np.clip(flag(human), 0, 1) for human in references])


@pytest.mark.parametrize("rows", [19, 59, 300])
def test_human_text_is_flagged_no_more_than_promised(rows, seed):
    found = true_rates(np.random.default_rng([seed, rows]).random((3000, rows)))
    expected = np.floor(FPR * (rows + 1)) / (rows + 1)
    assert np.abs(z_scores(found, expected)) < SIGMAS
    assert expected <= FPR


def test_the_plain_quantile_flags_more(seed):
    references = np.random.default_rng(seed).random((6000, 30))
    naive = true_rates(references, lambda human: np.quantile(human, 1 - FPR, method="inverted_cdf"))
    assert z_scores(naive, FPR) > 20
    assert z_scores(true_rates(references), FPR) < SIGMAS


def test_ties_only_lower_the_rate(seed):
    rng = np.random.default_rng(seed)
    human = rng.integers(0, 8, (2000, 50)) ** 2.0
    flagged = [calibrate(each, 0.2).flags(np.arange(8) ** 2.0).mean() for each in human]
    assert z_scores(flagged, 0.2) < SIGMAS
    assert np.mean(flagged) > 0.05


def test_no_group_pays_for_another(seed):
    """A detector that scores the text of a minority higher: the shared cut flags it several times as often."""
    rng = np.random.default_rng(seed)
    shift = {"major": 0.0, "minor": 1.0}
    groups = np.repeat(list(shift), [400, 40])
    rates = {name: [] for name in ("major", "minor", "shared")}
    for _ in range(600):
        human = rng.normal(0, 1, 440) + np.repeat(list(shift.values()), [400, 40])
        found = calibrate(human, FPR, groups=groups)
        for name, off in shift.items():
            rates[name].append(norm.sf(found.groups[name].cut - off))
        rates["shared"].append(norm.sf(found.cut - 1))
    for name in shift:
        assert z_scores(rates[name], FPR) < SIGMAS
        assert np.mean(rates[name]) > 0.8 * FPR
    assert z_scores(rates["shared"], FPR) > 20


def test_a_row_of_a_new_cluster_is_covered(seed):
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(40), 10)
    right, naive = [], []
    for _ in range(600):
        sizes = np.sqrt(0.9) * rng.normal(size=40)
        human = np.repeat(sizes, 10) + np.sqrt(0.1) * rng.normal(size=400)
        right.append(norm.sf(calibrate(human, FPR, clusters=clusters).cut))
        naive.append(norm.sf(np.quantile(human, 1 - FPR)))
    assert z_scores(right, FPR) < SIGMAS
    assert np.mean(right) > 0.5 * FPR
    assert np.mean(naive) > np.mean(right)


def test_confidence_holds_over_references(seed):
    references = np.random.default_rng(seed).random((1500, 400))
    sure = true_rates(references, lambda human: calibrate(human, FPR, confidence=0.9).cut) <= FPR
    error = np.sqrt(0.9 * 0.1 / len(sure))
    assert sure.mean() > 0.9 - SIGMAS * error
    assert sure.mean() < 0.97, "no more careful than needed"
    assert ((true_rates(references) <= FPR).mean() - 0.9) / error < -20


def test_intervals_hold_the_true_accuracy(seed):
    """Normal scores: area Phi(d / sqrt 2), power Phi(d - z)."""
    rng = np.random.default_rng(seed)
    d, level = 1.5, 0.9
    area, power = norm.cdf(d / np.sqrt(2)), norm.sf(norm.isf(FPR) - d)
    held = []
    for _ in range(600):
        found = accuracy(rng.normal(0, 1, 150), rng.normal(d, 1, 80), [FPR], level=level)
        rate = found.powers[0].rate
        binomial = norm.isf(0.05) * np.sqrt(power * (1 - power) / 80)
        held.append([found.auroc.low <= area <= found.auroc.high, rate.low <= power <= rate.high,
                     abs(rate.rate - power) < binomial])  # fmt: skip
    held = np.mean(held, 0)
    error = np.sqrt(level * (1 - level) / 600)
    assert abs(held[0] - level) < SIGMAS * error + 0.01
    assert held[1] > level - SIGMAS * error
    assert held[2] < level - 10 * error, "an interval that takes the cut for known holds too rarely"
