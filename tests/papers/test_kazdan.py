"""Kazdan et al. 2024 (2410.16713), their published runs: one-dimensional Gaussian, 100 generations, about 100 chains.

They printed the median over chains of sigma_100^2 / sigma_0^2. The divisor is n (ddof = 0): with n - 1 the published
replace medians would be about three of their own standard errors too low, at three of the four sizes.
"""

import numpy as np
import pytest

import genloss as gl

PUBLISHED_CHAINS = 100
ACCUMULATE = {10: 0.730, 32: 0.869, 100: 0.975, 316: 0.986}
REPLACE = {10: 0.000, 32: 0.0024, 100: 0.141, 316: 0.530}


def _off(n: int, regime: object, ddof: int, published: float, seed: int, digits: float) -> float:
    """How many standard errors of a median over 100 chains the published median lies from ours."""
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(ddof), regime, n0=n)
    run = gl.run(chain, {"variance": gl.probes.variance}, generations=100, replicates=20_000, seed=seed, engine="exact")
    last = run["variance"].values[:, -1]
    picks = np.random.default_rng(seed).choice(last, (2_000, PUBLISHED_CHAINS))
    error = np.hypot(np.median(picks, 1).std(), digits / np.sqrt(12))
    return float((published - np.median(last)) / error)


@pytest.mark.statistical
@pytest.mark.parametrize("n", ACCUMULATE)
def test_accumulate_meets_the_published_medians(n, seed):
    assert abs(_off(n, gl.Accumulate(), 0, ACCUMULATE[n], seed, 0.001)) < 4


@pytest.mark.statistical
@pytest.mark.parametrize("n", REPLACE)
def test_replace_meets_the_published_medians(n, seed):
    digits = 0.0001 if n == 32 else 0.001
    assert abs(_off(n, gl.Replace(), 0, REPLACE[n], seed, digits)) < 4


@pytest.mark.statistical
def test_the_divisor_was_n(seed):
    """The unbiased divisor misses the published medians taken together by more than four standard errors."""
    off = [_off(n, gl.Replace(), 1, REPLACE[n], seed, 0.001) for n in (32, 100, 316)]
    assert np.sum(off) / np.sqrt(len(off)) < -4
    right = [_off(n, gl.Replace(), 0, REPLACE[n], seed, 0.001) for n in (32, 100, 316)]
    assert abs(np.sum(right) / np.sqrt(len(right))) < 3
