"""Numerics against mpmath: samples from 2 to 10^12 rows, up to 10^6 generations."""

import mpmath as mp
import numpy as np
import pytest

from genloss.families.gaussian import GaussianMLE
from genloss.theory.recursions.numerics import digamma_gap, expm1_excess, log_c4, log_moment, recurrence
from genloss.theory.recursions.walk import Walk

SIZES = [2, 3, 5, 10, 16, 17, 33, 100, 1_000, 10**6, 10**9, 10**12]


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(80):
        yield


def exact_log_moment(nu, power):
    return mp.loggamma(mp.mpf(nu) / 2 + power) - mp.loggamma(mp.mpf(nu) / 2) + power * mp.log(mp.mpf(2) / nu)


@pytest.mark.parametrize("power", [0.5, 1.5, 2, -0.25])
def test_moments_of_chi_squares_keep_their_digits(power):
    nus = [n - 1 for n in SIZES]
    expected = [float(exact_log_moment(nu, mp.mpf(power))) for nu in nus]
    np.testing.assert_allclose(log_moment(np.array(nus), power), expected, rtol=2e-13)


def test_c4_at_its_ends():
    np.testing.assert_allclose(np.exp(log_c4(2.0)), np.sqrt(2 / np.pi), rtol=1e-14)
    np.testing.assert_allclose(log_c4(1e12), -1 / (4 * (1e12 - 1)), rtol=1e-11)


def test_inverse_moments_are_infinite_where_they_do_not_exist():
    assert log_moment(np.array([2.0, 1.0]), -1).tolist() == [np.inf, np.inf]
    np.testing.assert_allclose(log_moment(5.0, -1), np.log(5 / 3), rtol=1e-13)


def test_digamma_gap():
    xs = [0.5, 1, 3.3, 15.9, 16, 40, 1e6, 1e12]
    expected = [float(mp.digamma(mp.mpf(x)) - mp.log(mp.mpf(x))) for x in xs]
    np.testing.assert_allclose(digamma_gap(np.array(xs)), expected, rtol=1e-13)


def test_expm1_excess():
    xs = [-30.0, -0.6, -0.5, -1e-3, 1e-9, 0.2, 0.5, 3.0]
    expected = [float(mp.expm1(mp.mpf(x)) - mp.mpf(x)) for x in xs]
    np.testing.assert_allclose(expm1_excess(np.array(xs)), expected, rtol=1e-14)


def test_recurrence_is_the_loop():
    assert recurrence(1.0, np.array([2.0, 3.0]), np.array([1.0, -4.0])).tolist() == [3.0, 5.0]


def exact_wasserstein(n, t, ddof):
    """E and Var of W2^2 from the plain sums, in 80 digits."""
    m, nu = mp.mpf(n), n - 1
    ratio = mp.mpf(nu) / (n - ddof)
    e = {k: ratio ** (mp.mpf(k) / 2) * mp.exp(exact_log_moment(nu, mp.mpf(k) / 2)) for k in (1, 2, 3, 4)}
    steps = range(1, t + 2)
    v = sum(e[2] ** (i - 1) for i in steps) / m
    v2 = sum(e[4] ** (min(i, j) - 1) * e[2] ** abs(i - j) for i in steps for j in steps) / m**2
    vs2 = sum(e[4] ** (i - 1) * e[2] ** (t + 2 - i) for i in steps) / m
    vs = sum(e[3] ** (i - 1) * e[1] ** (t + 2 - i) for i in steps) / m
    one, two, three, four = (e[k] ** (t + 1) for k in (1, 2, 3, 4))
    mean = v + two - 2 * one + 1
    square = 3 * v2 + 2 * (vs2 - 2 * vs + v) + four - 4 * three + 6 * two - 4 * one + 1
    return float(mean), float(square - mean**2)


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("t", [0, 1, 30])
def test_wasserstein_keeps_its_digits(t, ddof):
    for n in SIZES:
        walk = Walk(GaussianMLE(ddof=ddof), np.full(t + 1, float(n)))
        mean, var = exact_wasserstein(n, t, ddof)
        np.testing.assert_allclose(walk.wasserstein()[-1], mean, rtol=1e-11, err_msg=f"n={n}")
        np.testing.assert_allclose(walk.wasserstein_variance()[-1], var, rtol=1e-10, err_msg=f"n={n}")


def test_a_million_generations():
    n, t = 10**9, 10**6
    walk = Walk(GaussianMLE(ddof=1), np.full(t + 1, float(n)))
    log_c4_exact = exact_log_moment(n - 1, mp.mpf(1) / 2)
    np.testing.assert_allclose(walk.moment(1)[-1], float((t + 1) * log_c4_exact), rtol=1e-9)
    mean = mp.mpf(t + 1) / n - 2 * mp.expm1((t + 1) * log_c4_exact)
    np.testing.assert_allclose(walk.wasserstein()[-1], float(mean), rtol=1e-9)
    assert np.isfinite(walk.wasserstein_variance()).all()
    small = Walk(GaussianMLE(ddof=0), np.full(t + 1, 2.0))
    np.testing.assert_allclose(small.wasserstein()[-1], 2.0, rtol=1e-9)
    assert np.isfinite(small.wasserstein()).all()
