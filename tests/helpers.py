"""What statistical tests share: tolerances from the sample's own error, and power that is asserted."""

from typing import Any

import numpy as np

SIGMAS = 5.0


def z_scores(draws: Any, expected: Any) -> np.ndarray:
    """How many standard errors the mean over the first axis lies from what is expected."""
    draws = np.asarray(draws, dtype=float)
    error = draws.std(0, ddof=1) / np.sqrt(len(draws))
    off = draws.mean(0) - expected
    return np.where(error > 0, off / np.where(error > 0, error, 1), np.where(off == 0, 0, np.inf))


def assert_mean(draws: Any, expected: Any, *, power: float) -> None:
    """Assert the mean over the first axis, at five standard errors of this very sample.

    Also fails where an error of `power` times the expected value would not have been seen.
    """
    draws = np.asarray(draws, dtype=float)
    error = draws.std(0, ddof=1) / np.sqrt(len(draws))
    worst = np.abs(z_scores(draws, expected)).max()
    assert worst < SIGMAS, f"mean is {worst:.1f} standard errors from what is expected"
    blind = (SIGMAS * error / np.abs(expected)).max() if np.all(expected) else np.inf
    assert blind < power, f"an error of {power:.1%} would not have been seen; this sample sees {blind:.1%}"


def assert_same_mean(one: Any, other: Any, *, power: float) -> None:
    """Assert that two independent samples have one mean, at five standard errors, with power as in `assert_mean`."""
    one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    error = np.sqrt(one.var(0, ddof=1) / len(one) + other.var(0, ddof=1) / len(other))
    off = np.abs(one.mean(0) - other.mean(0))
    worst = np.where(error > 0, off / np.where(error > 0, error, 1), np.where(off == 0, 0, np.inf)).max()
    assert worst < SIGMAS, f"means are {worst:.1f} standard errors apart"
    scale = np.abs(one.mean(0))
    blind = np.where(scale > 0, SIGMAS * error / np.where(scale > 0, scale, 1), 0).max()
    assert blind < power, f"a difference of {power:.1%} would not have been seen; these samples see {blind:.1%}"
