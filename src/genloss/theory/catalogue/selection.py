"""Laws of selection: of every K outputs users choose one, and the next generation learns from what they chose."""

import math
from typing import Any

import numpy as np
from numpy.random import Generator

from genloss.chain.curators import Preferred
from genloss.chain.data import Array, Floats
from genloss.chain.recursion import Chain
from genloss.chain.regimes import Replace
from genloss.families.categorical import Categorical, CategoricalMLE
from genloss.families.gaussian import Gaussian, GaussianMLE
from genloss.theory.catalogue.categorical import Symbols, neutral
from genloss.theory.catalogue.curation import MINORITIES
from genloss.theory.laws import Sizes, Values, law
from genloss.theory.recursions.preference import Choice, Preferences, best_of, chosen

FERBACH = "Ferbach et al. 2024 (2407.09499)"
_MOST_SYMBOLS = 10_000
_COMPETE = (2, 3, 10, math.inf)
_DRAWS = 8_000
_LONGEST = 100_000
_SETTLED, _BUDGET = 1e-16, 1e9


def _linear(chain: Chain) -> bool:
    """Whether single numbers are rewarded in proportion, fitted and drawn at temperature 1."""
    plain = chain.source.temperature == 1 and chain.learner.temperature == 1  # type: ignore[attr-defined]
    return bool(plain and isinstance(chain.curator.reward, (int, float)))  # type: ignore[attr-defined]


def _best_of_linear(chain: Chain) -> bool:
    """The reward is linear and nothing is left to chance; drawn at temperature 1."""
    return _linear(chain) and chain.curator.temperature == 0 and chain.curator.reward != 0  # type: ignore[attr-defined]


def _softly(chain: Chain) -> bool:
    """The reward is linear and something is left to chance; drawn at temperature 1."""
    return _linear(chain) and chain.curator.temperature > 0  # type: ignore[attr-defined]


def _weakly(chain: Chain) -> bool:
    """The reward is linear and over a standard deviation at most half the temperature; drawn at temperature 1."""
    curator: Any = chain.curator
    return _softly(chain) and abs(curator.reward) * math.sqrt(chain.source.var) <= curator.temperature / 2  # type: ignore[attr-defined]


_BEST = Chain(Gaussian(var=4.0), GaussianMLE(), Replace(30), 30, Preferred(1.0, k=3, temperature=0.0))
_SOFT = Chain(Gaussian(), GaussianMLE(ddof=1), Replace(3_000), 3_000, Preferred(2.0, k=3))


def _kept(curator: Preferred, learner: GaussianMLE, n: Sizes) -> Floats:
    """Compute by how much fitting to the rows that are left shrinks the variance on average."""
    rows = np.floor(n / curator.k)
    return np.where(rows > 1, (rows - 1) / (rows - learner.ddof), np.nan)


@law(
    "variance",
    example=_BEST,
    when=_best_of_linear,
    reference="order statistics; " + FERBACH + " for reward selection",
    formula=r"E\sigma_t^2=\sigma^2\prod_{i\le t}q^2\,\frac{m_i-1}{m_i-\mathrm{ddof}},\ q^2=\mathrm{Var}\,Z_{(K)},"
    r"\ m_i=\lfloor n_i/K\rfloor,\ Z_{(K)}\text{ the largest of } K",
    tags=(MINORITIES,),
)
def variance_best_of_replace(
    source: Gaussian, learner: GaussianMLE, regime: Replace, curator: Preferred, n: Sizes
) -> Values:
    """Training on the best of every K kills the spread exponentially, however many rows there are."""
    return np.asarray(source.var * np.cumprod(best_of(curator.k)[1] * _kept(curator, learner, n)))


@law(
    "mean",
    kind="asymptotic",
    example=Chain(Gaussian(1.0), GaussianMLE(), Replace(2_000), 2_000, Preferred(-1.0, k=2, temperature=0.0)),
    when=_best_of_linear,
    reference="order statistics; " + FERBACH + " for reward selection",
    formula=r"E\mu_t\simeq\mu\pm\sigma\,E Z_{(K)}\sum_{i\le t}\prod_{j<i}q\,a_j,\ a_j^2=\frac{m_j-1}{m_j-\mathrm{ddof}}"
    r"\ (a=1:\ \frac{1-q^{t+1}}{1-q};\ K=2:\ \mu_\infty=\mu\pm3.236\,\sigma),\ \pm\text{ the sign of } r",
    generations=5,
    tolerance=0.003,
    tags=(MINORITIES,),
)
def mean_best_of_replace(
    source: Gaussian, learner: GaussianMLE, regime: Replace, curator: Preferred, n: Sizes
) -> Values:
    """The average reward rises by less and less, to a limit: what is left is all alike."""
    gain, var = best_of(curator.k)
    std = np.sqrt(source.var * np.cumprod(var * _kept(curator, learner, n)))
    before = np.concatenate(([math.sqrt(source.var)], std[:-1]))
    shift = math.copysign(gain, curator.reward) * np.cumsum(before)  # type: ignore[arg-type]
    return np.asarray(float(source.mean) + shift)


def _steps(source: Gaussian, learner: GaussianMLE, curator: Preferred, n: Sizes) -> tuple[Floats, Floats]:
    """Follow mean and variance for many rows, over 100,000 generations at most."""
    reward: Any = curator.reward
    slope, sign = abs(reward) / curator.temperature, math.copysign(1.0, reward)
    mean, var, out = float(source.mean), float(source.var), np.full((2, len(n)), np.nan)
    chosen_of = Preferences(curator.k)
    for t, kept in enumerate(_kept(curator, learner, n[:_LONGEST]).tolist()):
        if math.isnan(kept):
            break
        std = math.sqrt(var)
        gain, shrink = chosen_of(slope * std)
        mean, var = mean + sign * gain * std, var * shrink * kept
        out[:, t] = mean, var
    return out[0], out[1]


@law(
    "variance",
    kind="asymptotic",
    example=_SOFT,
    when=_softly,
    reference=FERBACH + ", K-wise choice, with the Gaussian refitted",
    formula=r"\sigma_{t}^2=\sigma_{t-1}^2\,\mathrm{Var}\,Z_c\,\frac{m_t-1}{m_t-\mathrm{ddof}},\ "
    r"Z_c\text{ chosen of } K\text{ normal draws in proportion to }e^{cz},\ c=\sigma_{t-1}r/\tau,"
    r"\ m_t=\lfloor n_t/K\rfloor",
    generations=4,
    tolerance=0.005,
    tags=(MINORITIES,),
)
def variance_preferred_replace(
    source: Gaussian, learner: GaussianMLE, regime: Replace, curator: Preferred, n: Sizes
) -> Values:
    """Preferences that leave something to chance kill the spread too: the slower the less of it is left."""
    return _steps(source, learner, curator, n)[1]


@law(
    "mean",
    kind="asymptotic",
    example=_SOFT,
    when=_softly,
    reference=FERBACH + ", K-wise choice, with the Gaussian refitted",
    formula=r"\mu_t=\mu_{t-1}+\sigma_{t-1}\,E Z_c",
    generations=4,
    tolerance=0.005,
    tags=(MINORITIES,),
)
def mean_preferred_replace(
    source: Gaussian, learner: GaussianMLE, regime: Replace, curator: Preferred, n: Sizes
) -> Values:
    """The average reward rises in every generation."""
    return _steps(source, learner, curator, n)[0]


@law(
    "variance",
    kind="asymptotic",
    example=Chain(Gaussian(), GaussianMLE(ddof=1), Replace(1_000), 1_000, Preferred(0.5, k=4)),
    when=_weakly,
    reference="second-order expansion of " + FERBACH + ", K-wise choice",
    formula=r"\sigma_t^2\simeq\frac{a_0^2\cdots a_t^2}{\sigma^{-2}+(t+1)\frac{K-1}{K^2}\frac{r^2}{\tau^2}},"
    r"\ a_i^2=\frac{m_i-1}{m_i-\mathrm{ddof}},\ m_i=\lfloor n_i/K\rfloor",
    tolerance=0.03,
    tags=(MINORITIES,),
)
def variance_weakly_preferred_replace(
    source: Gaussian, learner: GaussianMLE, regime: Replace, curator: Preferred, n: Sizes
) -> Values:
    """A weak preference kills the spread like 1/t, not exponentially; choosing of many is gentler than of two."""
    k, slope = curator.k, float(curator.reward) / curator.temperature  # type: ignore[arg-type]
    gained = (np.arange(len(n)) + 1) * (k - 1) / k**2 * slope**2
    return np.asarray(source.var * np.cumprod(_kept(curator, learner, n)) / (1 + source.var * gained))


def _rewarded(chain: Chain) -> bool:
    """Every symbol has its reward and is refitted by its frequency."""
    rewards, symbols = chain.curator.reward, len(chain.source.p)  # type: ignore[attr-defined]
    known = isinstance(rewards, tuple) and len(rewards) == symbols <= _MOST_SYMBOLS
    return bool(known and neutral(chain))


@law(
    "frequency",
    kind="asymptotic",
    dims=("symbol",),
    example=Chain(
        Categorical([0.4, 0.3, 0.2, 0.1]),
        CategoricalMLE(),
        Replace(3_000),
        3_000,
        Preferred([0.2, -0.4, 0.3, 0.5], k=3),
    ),
    when=_rewarded,
    reference=FERBACH + ", K-wise choice",
    formula=r"p_{t}(x)=p_{t-1}(x)\,E\frac{K e^{r(x)}}{e^{r(x)}+\sum_{i<K}e^{r(x_i)}},\ x_i\sim p_{t-1}",
    generations=4,
    tolerance=0.005,
    tags=(MINORITIES,),
)
def frequency_preferred_replace(
    source: Symbols, learner: CategoricalMLE, regime: Replace, curator: Preferred, n: Sizes
) -> Values:
    """What users like better takes the place of the rest, until what they like best is alone."""
    choice = Choice(source.p, np.asarray(curator.reward), curator.k, curator.temperature)
    p = source.p
    out = np.full((len(n), len(p)), np.nan)
    for t in range(min(len(n), 1 + int(_BUDGET / choice.cost))):
        before, p = p, choice.after(p)
        out[t] = p
        if np.abs(p - before).max() < _SETTLED:
            out[t:] = p
            break
    return out


def _gains(rng: Generator, replicates: int) -> Floats:
    """Measure by how much selection beats the bound, over random laws and rewards."""
    out = np.empty((replicates, len(_COMPETE)))
    for i in range(replicates):
        p, reward = rng.dirichlet(np.ones(6)), 2 * rng.standard_normal(6)
        weight = np.exp(reward)
        before = p @ weight
        least = (p @ weight**2 - before**2) / weight.max()
        for j, k in enumerate(_COMPETE):
            out[i, j] = chosen(p, reward, k) @ weight - before - (1 - 1 / k) * least
    return out


@law(
    "reward_gain",
    kind="lower bound",
    example=None,
    experiment=_gains,
    replicates=1_000,
    reference=FERBACH,
    formula=r"E_{t+1}e^r-E_te^r\ge\frac{K-1}K\frac{\mathrm{Var}_te^r}{\max e^r}"
    r"\ \text{(difference of the two sides, } K=2,3,10,\infty)",
    tags=(MINORITIES,),
)
def reward_gain_selected() -> Values:
    """Selection by reward raises the average reward in every step, until all reward is alike."""
    return np.zeros(len(_COMPETE))


def _quadratic(rng: Generator, replicates: int) -> Floats:
    """Weigh draws of a Gaussian by exp of a reward with one best value, and refit."""
    mean, var = np.full(replicates, 1.0), np.full(replicates, 2.0)
    out = []
    for _ in range(4):
        x = mean[:, None] + np.sqrt(var)[:, None] * rng.standard_normal((replicates, _DRAWS))
        weight = np.exp(-((x - 3.0) ** 2) / 2)
        weight /= weight.sum(1, keepdims=True)
        mean = (weight * x).sum(1)
        var = (weight * (x - mean[:, None]) ** 2).sum(1)
        out.append(np.stack([mean, var], -1))
    return np.concatenate(out, -1)


@law(
    "mean_and_variance",
    kind="asymptotic",
    example=None,
    experiment=_quadratic,
    replicates=100,
    tolerance=0.002,
    reference=FERBACH + ", infinitely many candidates",
    formula=r"\sigma_t^{-2}=\sigma^{-2}+t\tau^{-2},\ \mu_t=\sigma_t^2(\mu\sigma^{-2}+t\,a\,\tau^{-2}),"
    r"\ r(x)=-\frac{(x-a)^2}{2\tau^2}",
    tags=(MINORITIES,),
)
def mean_and_variance_quadratic_selected() -> Values:
    """A reward with one best value pulls a Gaussian there and narrows it like 1/t."""
    mean, var = quadratic(1.0, 2.0, 3.0, 1.0, np.arange(1, 5))
    return np.stack([mean, var], -1).ravel()


def quadratic(mean: float, var: float, best: float, width: float, t: Array) -> tuple[Floats, Floats]:
    """Compute mean and variance of a Gaussian after t choices of infinitely many by -(x - best)^2 / (2 width^2)."""
    after = 1 / (1 / var + t / width**2)
    return np.asarray(after * (mean / var + t * best / width**2)), np.asarray(after)
