"""Laws of the normal law on the line where real or earlier data stay in the pool."""

import math
from typing import Any

import numpy as np

from genloss.chain.curators import ImperfectFilter, Subsample, Then
from genloss.chain.recursion import Chain
from genloss.chain.regimes import Accumulate, FixedReal, FreshReal, PastModels, Replace, Window
from genloss.chain.schedules import Linear
from genloss.families.gaussian import Gaussian, GaussianMLE
from genloss.theory.catalogue.gaussian import likelihood, plain
from genloss.theory.laws import Sizes, Values, law
from genloss.theory.recursions.chosen import Blind
from genloss.theory.recursions.numerics import log_c4, log_mean_root
from genloss.theory.recursions.twopoint import follows, pair_spread

GENTLE = "accumulation avoids collapse"
TWO_POINT = "two-point recursion"
_KAZDAN = "Kazdan et al. 2024 (2410.16713)"
_ACCUMULATE = Chain(Gaussian(var=3.0), GaussianMLE(), Accumulate(5), n0=5)
_GROWING = Chain(Gaussian(), GaussianMLE(ddof=1), Accumulate(Linear(4, 2)), n0=6)
_FRESH = Chain(Gaussian(), GaussianMLE(ddof=1), FreshReal(12, 0.25), n0=8)
_FIXED = Chain(Gaussian(var=2.0), GaussianMLE(), FixedReal(20, 3), n0=20)
_SUBSAMPLE = Chain(Gaussian(), GaussianMLE(), Accumulate(5), 5, Subsample(5))
_SIEVE = Then((ImperfectFilter(0.8, 0.1), Subsample(9)))
_FILTERED = Chain(Gaussian(), GaussianMLE(ddof=1), FreshReal(60, 0.3, "binomial"), 60, _SIEVE)
Regimes = Replace | Accumulate | FreshReal | FixedReal | PastModels | Window


def followed(chain: Chain) -> bool:
    """Whether the two-point recursion follows the chain, which draws at temperature 1."""
    return plain(chain) and follows(chain)


def _even(chain: Chain) -> bool:
    """Whether every generation draws as many rows as the first, with the divisor n."""
    regime: Any = chain.regime
    return likelihood(chain) and regime.n in ("n0", chain.n0)


@law(
    "variance",
    example=_ACCUMULATE,
    when=plain,
    reference=_KAZDAN + "; any schedule and divisor: " + TWO_POINT,
    formula=r"E\sigma_t^2=\sigma^2\prod_{i\le t}\bigl(1-n_i/N_i^2\bigr),\ N_i=n_0+\dots+n_i\ \text{(divisor } N)",
    tags=(GENTLE,),
    generations=12,
)
def variance_accumulate(source: Gaussian, learner: GaussianMLE, regime: Accumulate, n: Sizes, chain: Chain) -> Values:
    """The expected variance never dies out: for equal n it tends to sigma^2 sin(x)/x with x = pi / sqrt(n)."""
    return source.var * pair_spread(chain, n).own


@law(
    "variance",
    kind="lower bound",
    example=_ACCUMULATE,
    when=_even,
    reference=_KAZDAN,
    formula=r"E\sigma_t^2\ge\sigma^2\,\frac{\sin(\pi/\sqrt n)}{\pi/\sqrt n},\ \text{the limit}",
    tags=(GENTLE,),
    generations=30,
)
def variance_floor_accumulate(source: Gaussian, learner: GaussianMLE, regime: Accumulate, n: Sizes) -> Values:
    """What accumulation keeps for ever."""
    return np.full(len(n), source.var * np.sinc(1 / np.sqrt(n[0])))


@law(
    "variance",
    statistic="var",
    example=Chain(Gaussian(), GaussianMLE(), Accumulate(20), n0=20),
    when=plain,
    reference="independent factors of the pooled variance",
    formula=r"E\sigma_t^4=\sigma^4\prod_i\Bigl[\Bigl(1-\frac{n_i}{N_i^2}\Bigr)^2"
    r"+\frac{2(n_i-1)+2(N_{i-1}/N_i)^2}{N_i^2}\Bigr]",
    power=0.25,
)
def variance_spread_accumulate(source: Gaussian, learner: GaussianMLE, regime: Accumulate, n: Sizes) -> Values:
    """The variance tends to a positive random limit: replicates differ for ever, by an amount that stops growing."""
    mean, spread = _pool_factor(learner, n)
    own = np.cumsum(np.log(mean))
    return np.asarray(source.var**2 * np.exp(2 * own) * np.expm1(np.cumsum(np.log1p(spread / mean**2))))


@law(
    "std",
    example=_GROWING,
    when=plain,
    reference="independent factors of the pooled variance",
    formula=r"E\sigma_t=\sigma\prod_i E\sqrt{R_i},"
    r"\ R_i=\bigl[N_{i-1}+\chi^2_{n_i-1}+\tfrac{N_{i-1}}{N_i}z_i^2\bigr]/N_i",
    tags=(GENTLE,),
)
def std_accumulate(source: Gaussian, learner: GaussianMLE, regime: Accumulate, n: Sizes) -> Values:
    """The mean standard deviation under accumulation, by one integral a generation."""
    return np.asarray(np.sqrt(source.var) * np.exp(np.cumsum(_pool_root(learner, n))))


@law(
    "wasserstein2_squared",
    example=_ACCUMULATE,
    when=plain,
    reference="independent factors of the pooled variance",
    formula=r"E W_2^2=2\sigma(\sigma-E\sigma_t)\ \text{(divisor } N)",
    tags=(GENTLE,),
)
def wasserstein2_squared_accumulate(
    source: Gaussian, learner: GaussianMLE, regime: Accumulate, n: Sizes, chain: Chain
) -> Values:
    """The distance to the truth converges, to a value of order 1/n."""
    spread = pair_spread(chain, n)
    return np.asarray(source.var * (2 * spread.truth - 2 * np.expm1(np.cumsum(_pool_root(learner, n)))))


def _pool_factor(learner: GaussianMLE, n: Sizes) -> tuple[Values, Values]:
    """Mean and variance of the factor of the pooled variance at each generation."""
    total = np.cumsum(n)
    below = total - learner.ddof
    kept = 1 - n / total
    mean = np.where(kept > 0, 1 - n / (total * below), (n - 1) / below)
    return mean, (2 * (n - 1) + 2 * kept**2) / below**2


def _pool_root(learner: GaussianMLE, n: Sizes) -> Values:
    """Compute log E sqrt(R) of the factor R at each generation."""
    total = np.cumsum(n)
    mean, _ = _pool_factor(learner, n)
    unit = (total - learner.ddof) * mean
    kept = 1 - n / total
    constant = (total - n - learner.ddof) / unit
    scales = np.stack([1 / unit, kept / unit], -1)
    freedoms = np.stack([n - 1, np.ones(len(n))], -1)
    out = np.empty(len(n))
    out[0] = log_c4(n[0])
    out[1:] = log_mean_root(constant[1:], scales[1:], freedoms[1:])
    return np.asarray(out + 0.5 * np.log(mean))


@law(
    "squared_offset",
    example=_FRESH,
    when=followed,
    reference=TWO_POINT,
    formula=r"E(\mu_t-\mu)^2=2C(\text{truth},t)-\sigma^2-E\sigma_t^2",
)
def squared_offset_regimes(
    source: Gaussian,
    learner: GaussianMLE,
    regime: Accumulate | FreshReal | FixedReal | PastModels | Window,
    curator: Blind,
    n: Sizes,
    chain: Chain,
) -> Values:
    """How far the mean has strayed, in every regime that the recursion follows."""
    return np.asarray(source.var * pair_spread(chain, n).offset)


@law(
    "squared_offset",
    kind="upper bound",
    example=_ACCUMULATE,
    when=_even,
    reference="Dey and Donoho 2024 (2410.22812): augmenting keeps at least 6/pi^2 of the efficiency",
    formula=r"E(\mu_t-\mu)^2\le\frac{\sigma^2}n\sum_{i=1}^{t+1}\frac1{i^2}\le\frac{\pi^2}6\frac{\sigma^2}n",
    tags=(GENTLE,),
)
def squared_offset_bound_accumulate(source: Gaussian, learner: GaussianMLE, regime: Accumulate, n: Sizes) -> Values:
    """Accumulating costs at most a factor pi^2/6 in the error of the mean, for any number of generations."""
    return np.asarray(source.var / n[0] * np.cumsum(1 / np.arange(1, len(n) + 1) ** 2))


@law(
    "second_moment",
    example=Chain(Gaussian(), GaussianMLE(), Window(8, 3), n0=8),
    when=lambda chain: followed(chain) and likelihood(chain),
    reference=TWO_POINT + ", conservation of a draw's variance",
    formula=r"E\sigma_t^2+E(\mu_t-\mu)^2=\sigma^2",
)
def second_moment_regimes(source: Gaussian, learner: GaussianMLE, regime: Regimes, curator: Blind, n: Sizes) -> Values:
    """With the divisor n a draw keeps its variance over histories: a model that loses spread has strayed."""
    return np.full(len(n), float(source.var))


@law(
    "wasserstein2_squared",
    kind="upper bound",
    example=Chain(Gaussian(), GaussianMLE(), FreshReal(10, 0.2, "binomial"), n0=10),
    when=lambda chain: followed(chain) and likelihood(chain),
    reference=TWO_POINT + ", conservation of a draw's variance",
    formula=r"E W_2^2=2\sigma(\sigma-E\sigma_t)\le2\sigma^2",
)
def wasserstein2_squared_bound_regimes(
    source: Gaussian, learner: GaussianMLE, regime: Regimes, curator: Blind, n: Sizes
) -> Values:
    """With the divisor n the distance to the truth is bounded in every regime."""
    return np.full(len(n), 2.0 * float(source.var))


@law(
    "variance",
    example=_SUBSAMPLE,
    when=plain,
    reference=_KAZDAN + " for the regime; closed form: " + TWO_POINT,
    formula=r"E\sigma_t^2=(1-\tfrac1n)K_t,\ K_t=K_{t-1}\Bigl[1-\frac{3n-1}{n(t+1)(n(t+1)-1)}\Bigr],\ K_0=\sigma^2",
    tags=(GENTLE,),
    generations=12,
    power=0.15,
)
def variance_accumulate_subsample(
    source: Gaussian, learner: GaussianMLE, regime: Accumulate, curator: Subsample, n: Sizes, chain: Chain
) -> Values:
    """Accumulating while training on a fixed number of rows still keeps a positive spread, less than with all rows."""
    return source.var * pair_spread(chain, n).own


@law(
    "variance",
    kind="lower bound",
    example=_SUBSAMPLE,
    when=lambda chain: _even(chain) and chain.curator == Subsample(chain.n0),
    reference=TWO_POINT + ", limit of the product",
    formula=r"\sigma^2(1-\tfrac1n)\frac{\Gamma(2-1/n)}{\Gamma(2-r_+)\Gamma(2-r_-)},\ r_\pm=\frac{1\pm\sqrt{12n-3}}{2n}",
    tags=(GENTLE,),
    generations=20,
)
def variance_floor_accumulate_subsample(
    source: Gaussian, learner: GaussianMLE, regime: Accumulate, curator: Subsample, n: Sizes
) -> Values:
    """The plateau of accumulate-subsample: it does not degrade for ever."""
    return np.full(len(n), float(source.var) * subsample_plateau(float(n[0])))


def subsample_plateau(n: float) -> float:
    """Compute the limit of the expected variance under accumulate-subsample, in units of the true one."""
    from scipy.special import loggamma

    root = math.sqrt(12 * n - 3)
    low, high = (1 - root) / (2 * n), (1 + root) / (2 * n)
    logs = loggamma(2 - 1 / n) - loggamma(2 - low) - loggamma(2 - high)
    return float((1 - 1 / n) * np.exp(logs))


def settled(regime: FreshReal | FixedReal, rows: float) -> float:
    """Compute where the expected spread settles with real rows in every generation, in units of the true one."""
    if isinstance(regime, FixedReal):
        kept = float(regime.n_real)
        alpha = 1 - kept / rows
        return (1 - 1 / kept) * (1 + alpha) / (1 + alpha + alpha / kept)
    alpha = regime.real_fraction if regime.ragged else round(rows * regime.real_fraction) / rows
    rest = (1 - alpha) ** (2 if regime.ragged else 1)
    return 1 - 1 / (rows * alpha * (2 - alpha) + rest)


def _kept_more_than_one(chain: Chain) -> bool:
    """Whether every generation draws equally many rows, with the divisor n, beside two real ones or more that stay."""
    regime: Any = chain.regime
    return likelihood(chain) and not callable(regime.n) and regime.n_real > 1


def limit(regime: FreshReal | FixedReal, n: Sizes) -> Values:
    """Give the limit from the generation on at which a ten thousandth of the first distance to it may be left."""
    rows = float(n[-1])
    if isinstance(regime, FixedReal):
        added = rows - regime.n_real
        kept = (added / rows) ** 2 * (1 - 1 / added) if added else 0.0
    else:
        made = 1 - (regime.real_fraction if regime.ragged else round(rows * regime.real_fraction) / rows)
        kept = made**2 * (1 - 1 / rows) if regime.ragged else made * (made - 1 / rows)
    out = np.full(len(n), settled(regime, rows))
    wait = math.log(1e-4) / math.log(kept) if 0 < kept < 1 else 0.0
    out[: math.ceil(min(wait + 1, len(n)))] = np.nan
    return out


@law(
    "variance",
    example=Chain(Gaussian(), GaussianMLE(), PastModels(5), n0=5),
    when=plain,
    reference="Seddik et al. 2024 (2404.05090) for the regime; closed form: " + TWO_POINT,
    formula=r"E\sigma_t^2=\sigma^2\prod_{i\le t}\bigl(1-\tfrac1{n(i+1)^2}\bigr)"
    r"\ \text{(divisor } n,\ \text{truth included})",
    tags=(GENTLE,),
    generations=12,
    replicates=40_000,
    power=0.15,
)
def variance_past_models(source: Gaussian, learner: GaussianMLE, regime: PastModels, n: Sizes, chain: Chain) -> Values:
    """Fresh draws from all models so far keep on average exactly what accumulating their data keeps."""
    return source.var * pair_spread(chain, n).own


@law(
    "variance",
    example=_FRESH,
    when=plain,
    reference="Alemohammad et al. 2024 (2307.01850) for the regime; closed form: " + TWO_POINT,
    formula=r"V_t=\tfrac{n}{q}[\alpha\sigma^2+(1-\alpha)(V_{t-1}+D_{t-1})-D_t],\ "
    r"D_t=(1-\alpha)^2D_{t-1}+\tfrac1n[\alpha\sigma^2+(1-\alpha)V_{t-1}]",
)
def variance_fresh_real(source: Gaussian, learner: GaussianMLE, regime: FreshReal, n: Sizes, chain: Chain) -> Values:
    """A share of fresh real data stops the loss; the composition may be fixed or binomial."""
    return source.var * pair_spread(chain, n).own


@law(
    "variance",
    kind="asymptotic",
    example=Chain(Gaussian(), GaussianMLE(), FreshReal(20, 0.5), n0=20),
    when=lambda chain: likelihood(chain) and not callable(chain.regime.n),  # type: ignore[attr-defined]
    reference="fixed point of the " + TWO_POINT,
    formula=r"\sigma^2-D_*,\ D_*=\frac{\sigma^2}{n\alpha(2-\alpha)+1-\alpha}\ \text{(fixed)},"
    r"\ \frac{\sigma^2}{n\alpha(2-\alpha)+(1-\alpha)^2}\ \text{(binomial)}",
    generations=20,
    first=10,
    tolerance=0.001,
)
def variance_limit_fresh_real(source: Gaussian, learner: GaussianMLE, regime: FreshReal, n: Sizes) -> Values:
    """The spread settles: c real rows per generation keep at least 2c/(2c+1) of it, however many are synthetic."""
    return source.var * limit(regime, n)


@law(
    "variance",
    example=_FIXED,
    when=plain,
    reference="Bertrand et al. 2024 (2310.00429) for the regime; closed form: " + TWO_POINT,
    formula=r"D_t=\alpha^2(D_{t-1}+V_{t-1}/m),\ V_t+D_t=v_R,\ \alpha=m/(n_R+m),\ E v_R=(1-1/n_R)\sigma^2",
)
def variance_fixed_real(source: Gaussian, learner: GaussianMLE, regime: FixedReal, n: Sizes, chain: Chain) -> Values:
    """The same real rows in every generation hold the model near themselves for ever."""
    return source.var * pair_spread(chain, n).own


@law(
    "variance",
    kind="asymptotic",
    example=Chain(Gaussian(var=2.0), GaussianMLE(), FixedReal(20, 10), n0=20),
    when=_kept_more_than_one,
    reference="fixed point of the " + TWO_POINT,
    formula=r"V_*=\sigma^2(1-\tfrac1{n_R})\frac{1+\alpha}{1+\alpha+\alpha/n_R}",
    generations=16,
    first=10,
    tolerance=0.001,
)
def variance_limit_fixed_real(source: Gaussian, learner: GaussianMLE, regime: FixedReal, n: Sizes) -> Values:
    """However many synthetic rows are added, at least (1 - 1/N) 2N/(2N+1) of the spread stays for N fixed real rows."""
    return source.var * limit(regime, n)


@law(
    "variance",
    example=Chain(Gaussian(), GaussianMLE(), Window(6, 3), n0=6),
    when=plain,
    reference=TWO_POINT,
    formula=r"C(m,m)=\sum_{s,t}w_sw_tC(s,t)\ \text{over the blocks in the window}",
    generations=15,
    replicates=50_000,
)
def variance_window(source: Gaussian, learner: GaussianMLE, regime: Window, n: Sizes, chain: Chain) -> Values:
    """A window of k generations only slows collapse down, by about k^2 in the exponent's time."""
    return source.var * pair_spread(chain, n).own


def _by_chance(chain: Chain) -> bool:
    """Whether the two-point recursion follows the chain, and no closed form does."""
    return followed(chain) and not (isinstance(chain.regime, Accumulate) and isinstance(chain.curator, Subsample))


@law(
    "variance",
    example=_FILTERED,
    when=_by_chance,
    reference=TWO_POINT
    + ", averaged over which rows are left; Drayson, Yilmaz and Lampos 2025 (2502.15654) for such filters",
    formula=r"C(m,m)=\sum_{a,b}E\Bigl[\frac{K_a(K_b-\delta_{ab})}{K^2}\Bigr]C_{ab},"
    r"\ K_r\sim\mathrm{Bin}(n_r,1-f),\ K_s\sim\mathrm{Bin}(n_s,1-p),\ K=K_r+K_s",
)
def variance_filtered(
    source: Gaussian,
    learner: GaussianMLE,
    regime: Regimes,
    curator: Subsample | ImperfectFilter | Then,
    n: Sizes,
    chain: Chain,
) -> Values:
    """What a filter with known error rates, or a blind choice of rows, makes of the spread, in every regime."""
    return source.var * pair_spread(chain, n).own
