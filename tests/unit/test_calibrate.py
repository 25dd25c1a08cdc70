"""Cuts, p-values and the accuracy of detectors: against counting, closed forms and other implementations."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

import genloss as gl
from genloss.chain.data import Block, Pool
from genloss.errors import SpecError
from genloss.provenance.evidence.accuracy import accuracy, binomial_interval
from genloss.provenance.evidence.calibrate import Calibrated, calibrate
from genloss.provenance.evidence.scores import Scores, auroc


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("rows", "fpr", "kept"), [(99, 0.01, 99), (99, 0.1, 90), (100, 0.1, 91), (19, 0.05, 19)])
def test_the_cut_lies_just_above_an_order_statistic(rows, fpr, kept):
    human = rng().permutation(rows).astype(float)
    found = calibrate(human, fpr)
    assert found.cut == np.nextafter(kept - 1.0, np.inf)
    assert found.flags([kept - 1, kept]).tolist() == [False, True]


@pytest.mark.parametrize(("rows", "fpr"), [(98, 0.01), (5, 0.1)])
def test_too_few_human_scores_flag_nothing_and_say_so(rows, fpr):
    found = calibrate(np.arange(float(rows)), fpr)
    assert found.cut == math.inf
    assert not found.flags([1e300]).any()
    (warning,) = found.warnings
    assert f"{rows} rows, and {round(1 / fpr) - 1} are the fewest" in warning


def test_a_cut_of_infinity_flags_nothing_infinite_scores_neither():
    endless = np.full(30, np.inf)
    half = calibrate(np.concatenate([rng().normal(size=50), np.full(50, np.inf)]), 0.05, synthetic_scores=endless)
    assert not half.flags([np.inf, 1e300]).any()
    assert half.p_values([np.inf]) == pytest.approx(51 / 101)
    assert half.power.rate == half.unguarded_power.rate == 0
    (warning,) = half.warnings
    assert "infinite scores of the human reference" in warning
    assert not calibrate([1.0, 2.0], 0.05).flags([np.inf]).any()
    groups = np.tile(["a", "b"], 500)
    mixed = np.where(rng().random(1000) < 0.3, np.inf, rng(1).normal(size=1000))
    found = calibrate(mixed, 0.1, groups=groups)
    assert not found.flags(mixed, groups).any()
    assert all(each.shared_rate.rate == 0 for each in found.groups.values())
    few = calibrate(np.append(np.arange(98.0), np.inf), 0.05)
    assert few.flags([np.inf, 97.0, 0.0]).tolist() == [True, True, False]
    assert accuracy(mixed, endless, [0.1]).powers[0].rate.rate == 0


@given(
    human=st.lists(st.one_of(st.integers(0, 6), st.just(math.inf)), min_size=1, max_size=40),
    fpr=st.sampled_from([0.01, 0.05, 0.1, 0.25, 0.5]),
    clustered=st.booleans(),
)
def test_a_row_is_flagged_exactly_where_its_p_value_is_small(human, fpr, clustered):
    clusters = np.arange(len(human)) // 2 if clustered else None
    found = calibrate(human, fpr, clusters=clusters)
    scores = np.append(np.arange(-1.0, 8.0, 0.5), np.inf)
    p = found.p_values(scores)
    assert (found.flags(scores) == (p <= fpr)).all()
    if not clustered:
        counted = [(1 + sum(h >= s for h in human)) / (1 + len(human)) for s in scores]
        assert p.tolist() == counted


def test_rows_of_a_cluster_share_its_weight():
    found = calibrate([0.0, 1.0, 5.0, 5.0, 5.0, 5.0], 0.3, clusters=["a", "b", "c", "c", "c", "c"])
    assert found.p_values([5.0, 1.0, 0.0]) == pytest.approx([2 / 4, 3 / 4, 1])


def test_each_group_gets_its_own_cut_and_the_harm_of_a_shared_one_is_told():
    major, minor = rng().normal(0, 1, 2000), rng(1).normal(1.5, 1, 200)
    made = rng(2).normal(3, 1, 500)
    groups = np.repeat(["major", "minor"], [2000, 200])
    found = calibrate(np.concatenate([major, minor]), 0.05, groups=groups, synthetic_scores=made)
    minority = found.groups["minor"]
    assert minority.shared_rate.low > 0.05
    assert minority.cut > found.cut > found.groups["major"].cut
    assert minority.power.rate < minority.shared_power.rate
    assert found.power.rate == np.mean(made >= found.cut)
    assert any("group 'minor', more than 5.00%" in warning for warning in found.warnings)
    assert "minor: from" in str(found)
    own = found.flags(np.concatenate([major, minor]), groups)
    assert own[2000:].mean() <= 0.05
    p = found.p_values(minor, np.repeat("minor", 200))
    assert ((p <= 0.05) == own[2000:]).all()
    with pytest.raises(SpecError, match="group 'other' was not calibrated; known: major, minor"):
        found.flags([1.0], ["other"])


def test_confidence_raises_the_cut():
    human = rng().random(1000)
    mean, sure = calibrate(human, 0.05), calibrate(human, 0.05, confidence=0.95)
    assert sure.cut > mean.cut
    assert calibrate(human[:58], 0.05, confidence=0.95).cut == math.inf
    assert calibrate(human[:59], 0.05, confidence=0.95).cut < math.inf


def test_a_calibrated_detector_serves_a_curator():
    class Plain:
        def score(self, data):
            return data

    calibration = calibrate(np.arange(99.0), 0.1)
    pool = Pool((Block(np.array([5.0, 89.0, 90.0, 200.0]), False, 0),))
    kept = gl.Below(Calibrated(Plain(), calibration), -0.1).select(pool, rng())
    assert kept.data.tolist() == [5.0, 89.0]
    groups = calibrate(np.arange(99.0), 0.1, groups=np.repeat(["a", "b"], [50, 49]))
    detector = Calibrated(Plain(), groups, lambda rows: np.where(rows < 50, "a", "b"))
    assert (detector.score(np.array([47.0, 49.0])) >= -0.1).tolist() == [True, True]


def test_the_area_is_the_share_of_pairs_in_order():
    human, made = rng().integers(0, 5, 30).astype(float), rng(1).integers(1, 7, 40).astype(float)
    pairs = (made[:, None] > human) + 0.5 * (made[:, None] == human)
    area, error = auroc(Scores(human), Scores(made))
    assert area == pytest.approx(pairs.mean())
    # DeLong: the variances of the placements, each over its number.
    expected = pairs.mean(0).var(ddof=1) / 30 + pairs.mean(1).var(ddof=1) / 40
    assert error == pytest.approx(np.sqrt(expected))
    found = accuracy(human, made)
    assert found.auroc.low < area < found.auroc.high


def test_repeating_every_row_as_a_cluster_changes_no_error():
    human, made = rng().normal(0, 1, 50), rng(1).normal(1, 1, 60)
    once = auroc(Scores(human), Scores(made))
    clusters = [np.repeat(np.arange(n), 3) for n in (50, 60)]
    thrice = auroc(Scores(np.repeat(human, 3), clusters[0]), Scores(np.repeat(made, 3), clusters[1]))
    assert thrice == pytest.approx(once)


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (10, 10), (1, 1)])
def test_the_binomial_interval_is_clopper_and_pearsons(successes, trials):
    expected = binomtest(successes, trials).proportion_ci(0.9)
    assert binomial_interval(successes, trials, 0.9) == pytest.approx((expected.low, expected.high))


def test_a_rate_beyond_the_reference_is_bounded_from_above_alone():
    found = accuracy(rng().normal(0, 1, 500), rng().normal(4, 1, 300))
    one, two, three = found.powers
    assert one.warning == ""
    assert 0 < one.rate.low < one.rate.rate < one.rate.high
    for power, needed in ((two, 4380), (three, 43819)):
        assert power.rate.low == 0
        assert power.needed == needed
        assert f"500 rows; at least {needed} are needed" in power.warning
    assert len(found.warnings) == 2
    assert "TPR at FPR 0.01" in str(found)


def test_separable_scores_have_an_interval_still():
    found = accuracy(np.arange(20.0), np.arange(20.0) + 100)
    assert found.auroc == (1.0, binomial_interval(20, 20, 0.95)[0], 1.0)


def test_clusters_widen_the_intervals():
    centres = rng().normal(0, 1, 80)
    human, made = (np.repeat(c, 10) + rng(2).normal(0, 0.1, 400) for c in (centres[:40], centres[40:] + 1))
    clusters = np.repeat(np.arange(40), 10)
    naive = accuracy(human, made, [0.1])
    right = accuracy(human, made, [0.1], human_clusters=clusters, synthetic_clusters=clusters, resamples=200)
    for one, other in ((naive.auroc, right.auroc), (naive.powers[0].rate, right.powers[0].rate)):
        assert one.rate == other.rate
        assert other.high - other.low > 1.5 * (one.high - one.low)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: calibrate([]), "calibrate.human_scores: no scores"),
        (lambda: calibrate([1.0, np.nan, np.nan]), "calibrate.human_scores: 2 of 3 are NaN, the first at 1"),
        (lambda: calibrate([[1.0]]), "shape (1, 1)"),
        (lambda: calibrate(["a"]), "holds no numbers"),
        (lambda: calibrate([1.0], 0), "calibrate.fpr: 0; give a number above 0"),
        (lambda: calibrate([1.0], 1.5), "calibrate.fpr: 1.5"),
        (lambda: calibrate([1.0], groups=["a", "b"]), "calibrate.human_groups: labels of shape (2,) for 1 scores"),
        (lambda: calibrate([1.0], synthetic_groups=["a"]), "there are no synthetic_scores"),
        (lambda: calibrate([1.0], synthetic_scores=[]), "calibrate.synthetic_scores: no scores"),
        (lambda: calibrate([1.0], clusters=[1], confidence=0.9), "calibrate.confidence"),
        (lambda: calibrate([1.0]).flags([np.nan]), "calibration.scores: 1 of 1 are NaN"),
        (lambda: accuracy([], [1.0]), "accuracy.human_scores: no scores"),
        (lambda: accuracy([1.0], []), "accuracy.synthetic_scores: no scores"),
        (lambda: accuracy([1.0], [1.0], [0.0]), "accuracy.fprs: 0.0"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(call, message):
    with pytest.raises(SpecError) as caught:
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
