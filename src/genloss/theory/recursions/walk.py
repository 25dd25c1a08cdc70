"""The random walk of log sigma under replace: log-moments of its steps and stable sums of their products."""

from fractions import Fraction

import numpy as np

from genloss.chain.data import Floats
from genloss.families.gaussian import GaussianMLE
from genloss.theory.laws import Sizes
from genloss.theory.recursions.numerics import before, expm1_excess, gamma_ratio, log_moment, recurrence

_FOURTH = {Fraction(2): 1, Fraction(3, 2): -4, Fraction(1, 2): -4}


class Walk:
    """The steps of sigma, sigma_t = sigma_{t-1} f_t with independent f_t, where f_t^2 is a multiple of chi2_nu / nu.

    All moments are in units of the true standard deviation; entry t is generation t.

    Attributes:
        n: Rows drawn at each generation.
        nu: Degrees of freedom of each step.
        drift: The deterministic part of each step of log sigma: divisor and temperature.
        heat: The temperature of what models draw, on the scale of the standard deviation.
        share: The part of the variance before the step that is the variance of the step of the mean.
    """

    def __init__(self, learner: GaussianMLE, n: Sizes) -> None:
        heat = np.full(len(n), float(learner.temperature))
        heat[0] = 1.0
        self.n = n
        self.heat = float(learner.temperature)
        self.nu = n - 1
        self.share = heat**2 / n
        self.drift = np.log(heat) + 0.5 * (np.log1p(-1 / n) - np.log1p(-learner.ddof / n))

    def step(self, k: int) -> Floats:
        """Compute log E f^k of every step."""
        return np.asarray(k * self.drift + (log_moment(self.nu, k / 2) if k != 2 else 0.0))

    def moment(self, k: int) -> Floats:
        """Compute log E sigma_t^k."""
        return np.asarray(np.cumsum(self.step(k)))

    def offset(self) -> Floats:
        """Compute E V_t, where V_t is the variance of the mean given the path of sigma."""
        return np.asarray(np.cumsum(self.share * np.exp(before(self.moment(2)))))

    def offset_squared(self) -> Floats:
        """Compute E V_t^2."""
        own = self.share * np.exp(before(self.moment(4)))
        step = np.exp(np.concatenate(([0.0], self.step(2)[:-1])))
        carried = recurrence(0.0, step, step * before(own))
        return np.asarray(np.cumsum(self.share * (own + 2 * carried)))

    def offset_times_variance(self) -> Floats:
        """Compute E V_t sigma_t^2."""
        step = np.exp(self.step(2))
        return recurrence(0.0, step, step * self.share * np.exp(before(self.moment(4))))

    def offset_times_shift(self) -> Floats:
        """Compute E V_t (sigma_t - 1)^2 without cancellation: each term is carried as its distance from 1."""
        total = before(np.cumsum(self.share))

        def carried(held: int, k: int) -> Floats:
            grow = self.step(k)
            term = np.expm1(grow) * total + self.share * np.expm1(before(self.moment(held)) + grow)
            return recurrence(0.0, np.exp(grow), term)

        held = np.cumsum(self.share * np.expm1(before(self.moment(2))))
        return np.asarray(carried(4, 2) - 2 * carried(3, 1) + held)

    def shift_fourth(self) -> Floats:
        """Compute E (sigma_t - 1)^4 without cancellation."""
        logs = [(1, self.moment(4)), (-4, self.moment(3)), (6, self.moment(2)), (-4, self.moment(1))]
        linear = np.cumsum(gamma_ratio(self.nu / 2, _FOURTH))
        near = linear + sum(weight * expm1_excess(value) for weight, value in logs)
        far = sum(weight * np.expm1(value) for weight, value in logs)
        return np.asarray(np.where(np.max([np.abs(value) for _, value in logs], axis=0) < 0.1, near, far))

    def wasserstein(self) -> Floats:
        """Compute E W2^2 of what the models draw."""
        shift = np.expm1(self.moment(2)) - 2 * np.expm1(self.moment(1))
        if self.heat != 1:
            shift = self.heat**2 * np.exp(self.moment(2)) - 2 * self.heat * np.exp(self.moment(1)) + 1
        return np.asarray(self.offset() + shift)

    def wasserstein_variance(self) -> Floats:
        """Compute Var W2^2."""
        mean = self.wasserstein()
        square = 3 * self.offset_squared() + 2 * self.offset_times_shift() + self.shift_fourth()
        return np.asarray(np.where(np.isfinite(square), square - mean**2, np.inf))
