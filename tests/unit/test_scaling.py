"""Scaling laws of ridge: exponents and constants against the deterministic equivalent, and that against simulation."""

import math

import numpy as np
import pytest

from genloss.theory.catalogue import scaling
from genloss.theory.catalogue.regression import carried
from genloss.theory.catalogue.ridge import effective_ridge, ridge_risk
from genloss.theory.catalogue.scaling import PowerLaw, noise_level

D = 200_000
POWERS = [PowerLaw(2.0, 0.75), PowerLaw(1.5, 0.5), PowerLaw(3.0, 0.25), PowerLaw(2.0, 1.75), PowerLaw(1.3, 2.0)]


def equivalent(power, penalty, rows, noise=1.0, folds=0, rows0=math.inf, d=D):
    """The error by the deterministic equivalent, all its sums written out."""
    return ridge_risk(power.eigenvalues(d), power.weights(d), penalty, rows, noise, folds, rows0, 1.0)


@pytest.mark.parametrize("power", POWERS, ids=str)
def test_leading_orders_are_those_of_the_deterministic_equivalent(power):
    """The relative error of the leading order falls with the penalty, and is small where the penalty is."""
    off = []
    for penalty in (1e-2, 1e-3, 1e-4):
        true, noisy = equivalent(power, penalty, 1e9), equivalent(power, penalty, 1e9, noise=2.0)
        degrees = power.spread * penalty ** (-1 / power.capacity)
        assert (noisy - true) / 3 * 1e9 == pytest.approx(degrees - 0.5, rel=0.01)  # half a direction less
        off.append(abs(power.risk(penalty, 1e-9) / true - 1))
    assert off[2] < off[0]
    assert off[2] < 0.06


@pytest.mark.parametrize("power", POWERS, ids=str)
@pytest.mark.parametrize("share", [0.6, 1.0, 1.3])
def test_exponents_of_clean_data(power, share):
    """With a penalty n^-l the error falls like n^-min(2 r l, 1 - l / beta), which the tuned l makes greatest."""
    ell = share * power.tuned()
    rows = np.array([1e7, 1e8])
    error = np.array([equivalent(power, n**-ell, n) for n in rows])
    exponents = 2 * power.saturated * ell, 1 - ell / power.capacity
    assert min(exponents) <= 1 - power.tuned() / power.capacity + 1e-12
    slope = -np.log(error[1] / error[0]) / np.log(rows[1] / rows[0])
    assert slope == pytest.approx(min(exponents), abs=0.06)


@pytest.mark.parametrize("power", POWERS[:3], ids=str)
def test_the_best_penalty_is_the_best(power):
    for folds in (0, 5):
        level = float(noise_level(1e7, 1.0, folds, 1e6, 1.0, 5_000))
        best = float(power.best_penalty(level))
        tried = [equivalent(power, best * factor, 1e7, 1.0, folds, 1e6, 5_000) for factor in (0.5, 0.8, 1, 1.25, 2)]
        assert tried[2] < tried[0]
        assert tried[2] < tried[4]
        assert tried[2] < 1.01 * min(tried)
        assert power.risk(best, level) == pytest.approx(tried[2], rel=0.12)


def test_generations_cost_what_the_noise_level_says():
    """rho of the deterministic equivalent is df2 (1 + d / n) / (n0 - d - 1) where few directions are learned."""
    power, d = PowerLaw(), 20_000
    for rows in (5_000.0, 1e6):  # fewer rows than dimensions, and many more
        true = equivalent(power, 1e-3, rows, folds=1, rows0=1e5, d=d) - equivalent(power, 1e-3, rows, d=d)
        more = float(noise_level(rows, 1.0, 1, 1e5, 1.0, d) - noise_level(rows, 1.0))
        degrees = power.spread * 1e-3 ** (-1 / power.capacity)
        assert more * degrees == pytest.approx(true, rel=0.03)


def test_past_some_rows_more_data_make_the_error_rise_unless_the_penalty_adapts():
    power, rows0, folds, d = PowerLaw(), 1e6, 10, 3_000
    rows = np.geomspace(1e4, 1e9, 26)
    tuned = [equivalent(power, n ** -power.tuned(), n, 1.0, folds, rows0, d) for n in rows]
    level = noise_level(rows, 1.0, folds, rows0, 1.0, d)
    adapted = [
        equivalent(power, float(x), n, 1.0, folds, rows0, d)
        for x, n in zip(power.best_penalty(level), rows, strict=True)
    ]
    least = rows[int(np.argmin(tuned))]
    assert rows0 / folds < least < 10 * rows0 / folds
    assert tuned[-1] > 2 * min(tuned)
    assert (np.diff(adapted) < 0).all()
    floor = float(power.risk(power.best_penalty(folds / (rows0 - d - 1)), folds / (rows0 - d - 1)))
    assert adapted[-1] == pytest.approx(floor, rel=0.05)
    slope = np.log(tuned[-1] / tuned[-6]) / np.log(rows[-1] / rows[-6])
    assert slope == pytest.approx(power.tuned() / power.capacity, abs=0.02)


@pytest.mark.parametrize("capacity", [1.5, 2.0, 4.0])
def test_without_penalty_noise_stays_whatever_the_rows(capacity):
    """The effective penalty is then n^-capacity up to a constant, and capacity - 1 times the noise remains."""
    power = PowerLaw(capacity, 0.5)
    values, rows = power.eigenvalues(D), 500
    kappa = effective_ridge(values, 0.0, rows)
    df2 = ((values / (values + kappa)) ** 2).sum()
    assert df2 / (rows - df2) == pytest.approx(capacity - 1, rel=0.05)


def test_the_floor_is_the_limit_of_exact_least_squares():
    for share in (0.01, 0.3, 0.9):
        assert carried(1e9, share * 1e9, 50) == pytest.approx(share**2, rel=1e-4)


@pytest.mark.statistical
def test_the_simulation_agrees_with_the_deterministic_equivalent(seed):
    """At the penalties and rows of the laws, to the 1 / n that the equivalent leaves out."""
    power, d = PowerLaw(), scaling._D
    draw = np.random.default_rng(seed)
    for rows in scaling._ROWS[:2]:
        penalty = rows ** -power.tuned()
        own, passed = scaling._risks(draw, 40, rows, penalty)
        whole = equivalent(power, penalty, rows, d=d)
        more = equivalent(power, penalty, rows, folds=1, rows0=scaling._ROWS0, d=d) - whole
        for found, expected in ((own, whole), (passed, more)):
            error = found.std(ddof=1) / math.sqrt(len(found))
            assert abs(found.mean() - expected) < 5 * error + 1e-3 * expected
            assert 5 * error < 0.02 * expected
