"""What is chosen of k draws, by how much it is liked: of symbols, and of normal draws with a linear reward."""

import functools
import math

import numpy as np

from genloss.chain.data import Array, Floats

_STEP = 0.25
_SINGLE, _NODES, _PIECES = 20, (28, 64), 512


class Choice:
    """The choice of one of k independent draws of a symbol, in proportion to exp(reward / temperature).

    With 1 / x as the integral of exp(-s x) over s, the chance of a symbol of weight x is p k x times the integral of
    exp(-s x) L(s)^(k - 1), where L is the Laplace transform of a draw's weight: one sum for any k, to rounding errors.

    Args:
        p: The law of a draw, which says what symbols there are: shape (symbols,).
        reward: The reward of each symbol.
        k: Draws that compete; may be infinite.
        temperature: How much chance there is in the choice; 0 chooses the best, of equally good ones any.
    """

    def __init__(self, p: Array, reward: Array, k: float, temperature: float = 1.0) -> None:
        there = np.asarray(p) > 0
        reward = np.asarray(reward, dtype=float)
        reward = np.where(there, reward, np.min(reward, where=there, initial=np.inf))
        levels, self._level = np.unique(reward, return_inverse=True)
        self._k, self._best = k, temperature == 0
        if self._best:
            return
        # What is 700 below the best has no chance against it; how far below does not matter.
        self._weight = np.exp(np.maximum((levels - levels[-1]) / temperature, -700))
        if not math.isinf(k):
            s = np.exp(np.arange(-37 - math.log(k), 4 - math.log(self._weight[0]), _STEP))
            exponent = -np.outer(s, self._weight)
            self._s, self._falls, self._rises = s, np.exp(exponent), -np.expm1(exponent)

    @property
    def cost(self) -> int:
        """About how many numbers are gone through in one step."""
        table = 1 if self._best or math.isinf(self._k) else len(self._s)
        return 20_000 + 5 * len(self._level) + 3 * table * (int(self._level.max()) + 1)

    def after(self, p: Array) -> Floats:
        """Compute the law of what is chosen, where p is the law of a draw; nothing that was not there may be."""
        mass = np.asarray(np.bincount(self._level, weights=p), dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = self._of_best(mass) if self._best else self._of_weighted(mass)
            return np.asarray(np.where(p > 0, p * gain[self._level], 0.0))

    def _of_best(self, mass: Floats) -> Floats:
        below = np.log(np.minimum(np.cumsum(mass), 1.0))
        return np.asarray(np.diff(np.exp(self._k * below), prepend=0.0) / mass)

    def _of_weighted(self, mass: Floats) -> Floats:
        if math.isinf(self._k):
            return np.asarray(self._weight / (mass @ self._weight))
        others = np.exp((self._k - 1) * _log(self._falls @ mass, self._rises @ mass))
        return np.asarray(self._weight * self._k * _STEP * ((self._s * others) @ self._falls))


def chosen(p: Array, reward: Array, k: float, temperature: float = 1.0) -> Floats:
    """Compute the law of the symbol that is chosen of k independent draws; see `Choice`."""
    return Choice(p, reward, k, temperature).after(p)


def _log(share: Floats, rest: Floats) -> Floats:
    """Take the logarithm of a share to all digits, wherever it lies; the rest is what it lacks of 1."""
    return np.where(share < 0.5, np.log(np.maximum(share, 1e-300)), np.log1p(-np.minimum(rest, 0.9)))


def best_of(k: int) -> tuple[float, float]:
    """Compute mean and variance of the largest of k standard normal draws."""
    from scipy.special import log_ndtr

    z = np.arange(-9, 14, 1 / 64)
    density = np.exp(math.log(k) - z**2 / 2 + (k - 1) * log_ndtr(z))
    density /= density.sum()
    mean = float(density @ z)
    return mean, float(density @ (z - mean) ** 2)


def preferred(k: float, slope: float) -> tuple[float, float]:
    """Compute mean and variance of the one of k standard normal draws that is chosen in proportion to exp(slope x)."""
    if k == 1 or slope == 0:
        return 0.0, 1.0
    c = abs(slope)
    mean, square = _steep(k, c) if c > 1 else _gentle(k, c)
    return math.copysign(mean, slope), square - mean**2


class Preferences:
    """Mean and variance of the chosen one of k standard normal draws, for slope after slope: see `preferred`.

    Slopes up to 1 are read off a table, and so are steeper ones from the 20th on: few are asked for in most chains.

    Args:
        k: Draws that compete.
    """

    def __init__(self, k: int) -> None:
        self._k, self._asked = k, 0

    def __call__(self, slope: float) -> tuple[float, float]:
        """Compute mean and variance for a slope of 0 or more."""
        if slope <= 1:
            gain, fall = _read(_table(self._k, False), slope)
            return slope * gain, 1 - slope**2 * fall
        self._asked += 1
        if self._asked < _SINGLE:
            return preferred(self._k, slope)
        return _read(_table(self._k, True), 1 / slope)


@functools.lru_cache(maxsize=16)
def _table(k: int, steep: bool) -> list[list[float]]:
    """Tabulate mean / slope and (1 - variance) / slope^2, or for steep ones mean and variance by 1 / slope.

    Both are smooth, so that few values, at Chebyshev's points, say all.
    """
    from scipy.interpolate import CubicSpline

    nodes = _NODES[steep]
    x = (np.cos(np.pi * (np.arange(nodes) + 0.5) / nodes) + 1) / 2
    found = np.array([preferred(k, 1 / c if steep else c) for c in x])
    if not steep:
        found = np.stack([found[:, 0] / x, (1 - found[:, 1]) / x**2], -1)
    order = np.arange(nodes)
    series = (
        np.cos(np.outer(order, np.pi * (order + 0.5) / nodes)) @ found * np.where(order == 0, 1, 2)[:, None] / nodes
    )
    grid = np.linspace(0, 1, _PIECES + 1)
    pieces = CubicSpline(grid, np.cos(np.outer(np.arccos(2 * grid - 1), order)) @ series)
    return pieces.c.transpose(1, 2, 0).reshape(_PIECES, 8).tolist()


def _read(table: list[list[float]], x: float) -> tuple[float, float]:
    """Read two numbers off a table of cubic pieces on [0, 1]."""
    i = min(int(x * _PIECES), _PIECES - 1)
    d = x - i / _PIECES
    a3, a2, a1, a0, b3, b2, b1, b0 = table[i]
    return ((a3 * d + a2) * d + a1) * d + a0, ((b3 * d + b2) * d + b1) * d + b0


def _gentle(k: float, slope: float) -> tuple[float, float]:
    """Compute the first two moments of what is chosen on a grid of draws, which is fine enough for slopes up to 1."""
    z = np.arange(-10, 10 + slope, 0.5)
    density = np.exp(-(z**2) / 2)
    density = chosen(density / density.sum(), slope * z, k)
    return float(density @ z), float(density @ z**2)


def _steep(k: float, slope: float) -> tuple[float, float]:
    """Compute them by the largest of k draws with Gumbel noise, which is what is chosen."""
    from scipy.special import ndtr

    far = 42 + math.log(k)
    noise = np.arange(-4.5, far, _STEP)
    share = np.exp(-noise - np.exp(-noise)) * _STEP
    step = max(1 / 32, 0.2 / slope)
    largest = np.arange(-10 - 4.5 / slope, math.sqrt(2 * far) + far / slope, step)
    draw = largest[:, None] - noise / slope
    others = _log(ndtr(draw) @ share, ndtr(-draw) @ share)
    weight = k * step * np.exp((k - 1) * others)[:, None] * np.exp(-(draw**2) / 2) / math.sqrt(2 * math.pi) * share
    return float((weight * draw).sum()), float((weight * draw**2).sum())
