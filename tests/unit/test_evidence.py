"""Tails are exact and finite; combination, false discovery rates, decoys and references keep what they promise."""

import math

import mpmath
import numpy as np
import pytest
from scipy import stats

from genloss import SpecError
from genloss.provenance import (
    KGW,
    Evidence,
    WatermarkSpec,
    against_reference,
    benjamini_hochberg,
    benjamini_yekutieli,
    combine,
)
from genloss.provenance.evidence.tail_areas import (
    LatticeSum,
    lattice_of,
    log_binomial_tail,
    log_gamma_tail,
    log_hypergeometric_tail,
)

mpmath.mp.dps = 40


def of(log10_p: float) -> Evidence:
    return Evidence(1.0, 10, log10_p, "test")


@pytest.mark.parametrize(
    ("k", "n", "p"), [(10, 20, 0.25), (500, 1000, 0.25), (1000, 1000, 0.25), (29_000, 40_000, 0.3)]
)
def test_binomial_tails_are_exact_at_any_distance(k, n, p):
    p = mpmath.mpf(p)
    exact = mpmath.log(sum(mpmath.binomial(n, j) * p**j * (1 - p) ** (n - j) for j in range(k, min(n, k + 3000) + 1)))
    assert float(log_binomial_tail(k, n, float(p))) == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize(("shape", "x"), [(5, 20), (64, 236.0), (100, 2000), (1e5, 1.3e5)])
def test_gamma_tails_are_exact_at_any_distance(shape, x):
    exact = mpmath.log(mpmath.gammainc(shape, x, regularized=True))
    assert float(log_gamma_tail(shape, x)) == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize(("k", "v", "g", "n"), [(3, 100, 50, 5), (200, 2000, 1000, 500), (5000, 50_000, 25_000, 6000)])
def test_hypergeometric_tails_are_exact_at_any_distance(k, v, g, n):
    terms = (mpmath.binomial(g, j) * mpmath.binomial(v - g, n - j) for j in range(k, min(n, g, k + 2000) + 1))
    exact = mpmath.log(sum(terms) / mpmath.binomial(v, n))
    assert float(log_hypergeometric_tail(k, v, g, n)) == pytest.approx(float(exact), rel=1e-11)


def test_tails_at_the_ends():
    assert log_binomial_tail([0, 3, 4], 3, 0.5).tolist() == pytest.approx([0, 3 * math.log(0.5), -math.inf])
    assert log_gamma_tail([0, 4], [0.0, 0.0]).tolist() == [0, 0]
    assert log_hypergeometric_tail([0, 2, 3], 10, 5, 2).tolist() == pytest.approx([0, math.log(2 / 9), -math.inf])


@pytest.mark.parametrize("n", [1, 3, 24, 25, 60])
def test_sums_of_a_lattice_law_have_its_convolution(n):
    rng = np.random.default_rng(n)
    law = rng.dirichlet(np.full(8, 0.4))
    whole = np.ones(1)
    for _ in range(n):
        whole = np.convolve(whole, law)
    exact = np.log(np.cumsum(whole[::-1])[::-1])
    at = np.flatnonzero((exact > -40) & (exact < -0.05))[:: max(1, n // 8)]
    found = LatticeSum(law).log_tail(at, n)
    # The saddle point formula is used above 24 numbers.
    assert np.abs(found - exact[at]).max() < (1e-8 if n <= 24 else 0.7 / n)


def test_lattice_tails_stay_finite_far_out():
    law = lattice_of(np.random.default_rng(0).integers(0, 31, 1000))
    far = float(LatticeSum(law).log_tail(30 * 20_000 - 1000, 20_000))
    assert -math.inf < far < -20_000


def test_p_values_are_finite_at_ten_to_the_minus_ten_thousand():
    log_p = float(log_binomial_tail(17_000, 20_000, 0.25))
    assert -math.inf < log_p / math.log(10) < -5_000
    assert of(-10_000.0).p_value == 0.0
    assert combine([of(-10_000.0), of(-3.0)]).log10_p == pytest.approx(-10_000 + math.log10(2))
    assert combine([of(-10_000.0), of(-3.0)], "sidak").log10_p == pytest.approx(-10_000 + math.log10(2))
    assert combine([of(-10_000.0)] * 2, "fisher").log10_p < -19_990
    assert benjamini_hochberg(np.array([-10_000.0, -1.0])).tolist() == pytest.approx([-10_000 + math.log10(2), -1.0])


def test_combination_agrees_with_its_formulas():
    p = [0.03, 0.2, 0.5]
    evidence = [of(math.log10(each)) for each in p]
    assert combine(evidence).p_value == pytest.approx(0.09)
    assert combine(evidence, "sidak").p_value == pytest.approx(1 - 0.97**3)
    assert combine(evidence, "fisher").p_value == pytest.approx(stats.combine_pvalues(p).pvalue)
    assert combine([of(0.0)], "sidak").p_value == 1
    with pytest.raises(SpecError, match="no evidence"):
        combine([])
    with pytest.raises(SpecError, match="no way"):
        combine(evidence, "vote")


def test_false_discovery_rates_agree_with_scipy():
    p = np.random.default_rng(0).uniform(size=40) ** 3
    for ours, method in ((benjamini_hochberg, "bh"), (benjamini_yekutieli, "by")):
        assert 10 ** ours(np.log10(p)) == pytest.approx(stats.false_discovery_control(p, method=method))
    assert benjamini_hochberg([of(math.log10(each)) for each in p]) == pytest.approx(benjamini_hochberg(np.log10(p)))
    assert len(benjamini_hochberg(np.zeros(0))) == 0
    for wrong in ([0.5], [math.nan], [[-1.0]]):
        with pytest.raises(SpecError, match="one number per document"):
            benjamini_yekutieli(np.array(wrong))


def test_a_reference_and_decoys_count_themselves():
    assert against_reference(of(-5.0), np.array([-1.0, -6.0, -5.0])).p_value == pytest.approx(3 / 4)
    spec = WatermarkSpec(KGW(500))
    rng = np.random.default_rng(1)
    written: list[int] = []
    for _ in range(200):
        written.append(spec.choose(written, np.full(500, 1 / 500), rng))
    assert spec.against_decoys(written, rng, decoys=19).p_value == pytest.approx(1 / 20)
    with pytest.raises(SpecError, match="must be a whole number from 1"):
        spec.against_decoys(written, rng, decoys=0)
