"""Laws of the normal law on the line under replace, for any schedule of sizes: moments and distances."""

import numpy as np

from genloss.chain.recursion import Chain
from genloss.chain.regimes import Replace
from genloss.chain.schedules import Power
from genloss.families.gaussian import Gaussian, GaussianMLE
from genloss.theory.laws import Sizes, Values, law
from genloss.theory.recursions.numerics import digamma_gap, log_moment, recurrence
from genloss.theory.recursions.walk import Walk

UNBIASED = Chain(Gaussian(var=4.0), GaussianMLE(ddof=1), Replace(20), n0=30)
MLE = Chain(Gaussian(mean=1.0, var=2.0), GaussianMLE(ddof=0), Replace(20), n0=30)
TEMPERED = Chain(Gaussian(), GaussianMLE(ddof=1, temperature=0.9), Replace(20), n0=20)
SHUMAILOV = "Shumailov et al. 2024 (Nature 631; 2305.17493), Gaussian model"
COCHRAN = "exact, from Cochran's theorem"
SIMPLEST = "collapse in the simplest model"
ZERO_DISTANCE = "only infinite sampling gives zero distance"


def cool(chain: Chain) -> bool:
    """Whether real data are drawn from the source as it stands."""
    return bool(chain.source.temperature == 1)  # type: ignore[attr-defined]


def plain(chain: Chain) -> bool:
    """Whether nothing is drawn at another temperature than 1."""
    return cool(chain) and chain.learner.temperature == 1  # type: ignore[attr-defined]


def unbiased(chain: Chain) -> bool:
    """Whether the divisor is n - 1, at temperature 1."""
    return plain(chain) and chain.learner.ddof == 1  # type: ignore[attr-defined]


def likelihood(chain: Chain) -> bool:
    """Whether the divisor is n, at temperature 1."""
    return plain(chain) and chain.learner.ddof == 0  # type: ignore[attr-defined]


@law(
    "variance",
    example=MLE,
    when=cool,
    reference=COCHRAN,
    formula=r"E\sigma_t^2=\sigma^2\prod_{i\le t}(1-1/n_i)\ \text{(divisor } n),\quad \sigma^2\ \text{(divisor } n-1)",
    tags=(SIMPLEST, "three sources of error"),
)
def variance_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """The expected variance falls by 1/n a generation with divisor n; with n - 1 it is a martingale."""
    return np.asarray(source.var * np.exp(Walk(learner, n).moment(2)))


@law(
    "variance",
    example=TEMPERED,
    when=lambda chain: cool(chain) and chain.learner.ddof == 1,  # type: ignore[attr-defined]
    reference="Alemohammad et al. 2024 (2307.01850), sampling bias",
    formula=r"E\sigma_t^2=\sigma^2\lambda^{2t}\ \text{(divisor } n-1,\ \text{drawing with }\lambda\sigma)",
    tags=("three sources of error",),
)
def variance_temperature_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """A bias in how models are sampled from acts in every generation: below 1 it kills the spread by itself."""
    return np.asarray(source.var * learner.temperature ** (2.0 * np.arange(len(n))))


@law(
    "variance",
    statistic="var",
    example=UNBIASED,
    when=cool,
    reference=COCHRAN,
    formula=r"\mathrm{Var}\,\sigma_t^2=\sigma^4\left[\prod_{i\le t}\frac{n_i+1}{n_i-1}-1\right]\ \text{(divisor } n-1)",
    power=0.25,
    generations=4,
)
def variance_spread_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """Between replicates the variance spreads exponentially, although its mean stands still: a few chains explode."""
    walk = Walk(learner, n)
    return np.asarray(source.var**2 * np.exp(2 * walk.moment(2)) * np.expm1(walk.moment(4) - 2 * walk.moment(2)))


@law(
    "squared_offset",
    example=UNBIASED,
    when=cool,
    reference=SHUMAILOV,
    formula=r"E(\mu_t-\mu)^2=\sigma^2\sum_{i\le t}\frac{1}{n_i}\prod_{j<i}E f_j^2",
    tags=(SIMPLEST,),
)
def squared_offset_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """The mean is a random walk; its steps shrink as the spread does."""
    return np.asarray(source.var * Walk(learner, n).offset())


@law(
    "second_moment",
    example=UNBIASED,
    when=cool,
    reference=SHUMAILOV + ", variance of X_n",
    formula=r"\mathrm{Var}\,X_t=\sigma^2\Bigl(1+\sum_{i\le t}1/n_i\Bigr)\ \text{(divisor } n-1),"
    r"\quad\sigma^2\ \text{(divisor } n)",
    tags=(SIMPLEST,),
)
def second_moment_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """A draw's variance over all histories grows linearly with divisor n - 1 and is conserved with divisor n."""
    walk = Walk(learner, n)
    return np.asarray(source.var * (walk.offset() + walk.heat**2 * np.exp(walk.moment(2))))


@law(
    "fourth_moment",
    example=Chain(Gaussian(), GaussianMLE(ddof=1), Replace(40), n0=40),
    when=cool,
    reference=COCHRAN,
    formula=r"E(X_t-\mu)^4=3\,(E V_t^2+2E V_t\sigma_t^2+E\sigma_t^4)",
    power=0.25,
    generations=4,
)
def fourth_moment_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """Over all histories a draw is heavy-tailed (kurtosis above 3) though each model is normal."""
    walk = Walk(learner, n)
    return np.asarray(
        3
        * source.var**2
        * (
            walk.offset_squared()
            + 2 * walk.heat**2 * walk.offset_times_variance()
            + walk.heat**4 * np.exp(walk.moment(4))
        )
    )


@law(
    "std",
    example=UNBIASED,
    when=cool,
    reference=COCHRAN + "; rate c4(n): Bertrand et al. 2024 (2310.00429)",
    formula=r"E\sigma_t=\sigma\prod_{i\le t}E f_i,\ E f_i=\sqrt{\nu_i/q_i}\,c_4(n_i)",
    tags=(SIMPLEST,),
)
def std_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """The mean standard deviation decays like exp(-t/(4n)) with divisor n - 1; a typical one decays twice as fast."""
    return np.asarray(np.sqrt(source.var) * np.exp(Walk(learner, n).moment(1)))


@law(
    "wasserstein2_squared",
    example=UNBIASED,
    when=cool,
    reference=SHUMAILOV + ", with the exact constant",
    formula=r"E W_2^2=\sigma^2\Bigl[\sum_{i\le t} 1/n_i+2\Bigl(1-\prod_{i\le t} c_4(n_i)\Bigr)\Bigr]"
    r"\ \text{(divisor } n-1)",
    tags=(SIMPLEST, ZERO_DISTANCE),
)
def wasserstein2_squared_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """The distance grows without bound with divisor n - 1, to 2 sigma^2 with n; it is 0 only for n infinite."""
    return np.asarray(source.var * Walk(learner, n).wasserstein())


@law(
    "wasserstein2_squared",
    statistic="var",
    example=UNBIASED,
    when=plain,
    reference=COCHRAN,
    formula=r"\mathrm{Var}\,W_2^2=3EV^2+2E[V(\sigma_t-\sigma)^2]+E(\sigma_t-\sigma)^4-(E W_2^2)^2",
    power=0.25,
    generations=4,
    replicates=200_000,
)
def wasserstein2_squared_spread_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """The exact variance of the squared distance between replicates."""
    return np.asarray(source.var**2 * Walk(learner, n).wasserstein_variance())


@law(
    "wasserstein2_squared",
    kind="asymptotic",
    example=Chain(Gaussian(), GaussianMLE(ddof=1), Replace(200), n0=200),
    when=unbiased,
    reference="leading order of the exact law; Shumailov et al. 2024 for the mean",
    formula=r"E W_2^2\simeq\tfrac32\sigma^2\sum_{i\le t}1/n_i",
    tolerance=0.03,
)
def wasserstein2_squared_leading_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """While the sum of 1/n is small the distance is three halves of it."""
    return np.asarray(1.5 * source.var * np.cumsum(1 / n))


@law(
    "wasserstein2_squared",
    statistic="var",
    kind="asymptotic",
    example=Chain(Gaussian(), GaussianMLE(ddof=1), Replace(200), n0=200),
    when=unbiased,
    reference="leading order of the exact law",
    formula=r"\mathrm{Var}\,W_2^2\simeq\tfrac52\sigma^4\Bigl(\sum_{i\le t}1/n_i\Bigr)^2",
    tolerance=0.1,
    power=0.25,
)
def wasserstein2_squared_spread_leading_replace(
    source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes
) -> Values:
    """The squared distance behaves like S (A^2 + B^2/2) with independent standard normal A and B, S the sum of 1/n."""
    return np.asarray(2.5 * source.var**2 * np.cumsum(1 / n) ** 2)


@law(
    "log_std",
    example=UNBIASED,
    when=cool,
    reference=COCHRAN,
    formula=r"E\log\sigma_t=\log\sigma+\tfrac12\sum_{i\le t}[\psi(\nu_i/2)-\log(q_i/2)]",
    tags=(SIMPLEST,),
)
def log_std_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """Log sigma is a random walk with downward drift: sigma tends to 0 unless the sum of 1/n converges."""
    walk = Walk(learner, n)
    return np.asarray(0.5 * np.log(source.var) + np.cumsum(walk.drift + 0.5 * digamma_gap(walk.nu / 2)))


@law(
    "log_std",
    statistic="var",
    example=MLE,
    when=cool,
    reference=COCHRAN,
    formula=r"\mathrm{Var}\log\sigma_t=\tfrac14\sum_{i\le t}\psi'(\nu_i/2)",
    power=0.25,
)
def log_std_spread_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """The fates of replicates part by about sqrt(t/(2n)) in log sigma."""
    from scipy.special import zeta

    return np.asarray(0.25 * np.cumsum(zeta(2.0, Walk(learner, n).nu / 2)))


@law(
    "kl_reverse",
    example=UNBIASED,
    when=cool,
    reference=COCHRAN,
    formula=r"E\,\mathrm{KL}(N_t\|N)=-E\log(\sigma_t/\sigma)+\tfrac12(E\sigma_t^2/\sigma^2-1)+\tfrac12E(\mu_t-\mu)^2/\sigma^2",
)
def kl_reverse_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """The divergence of the truth from the model grows linearly, about the sum of 1/n."""
    walk = Walk(learner, n)
    fall = np.cumsum(walk.drift + 0.5 * digamma_gap(walk.nu / 2))
    spread = np.expm1(walk.moment(2) + 2 * np.log(walk.heat))
    return np.asarray(-fall - np.log(walk.heat) + 0.5 * spread + 0.5 * walk.offset())


@law(
    "kl_forward",
    example=UNBIASED,
    when=cool,
    reference=COCHRAN,
    formula=r"E\,\mathrm{KL}(N\|N_t)=E\log\frac{\sigma_t}{\sigma}+\tfrac12\Bigl[\prod_{i\le t} k_i"
    r"+\sum_{i\le t}\frac1{n_i}\prod_{j=i}^{t}k_j-1\Bigr],\ k_i=E f_i^{-2}=\frac{q_i}{\nu_i-2}",
    power=0.15,
    generations=5,
)
def kl_forward_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """The divergence of the model from the truth grows exponentially; it is infinite for three rows or fewer."""
    walk = Walk(learner, n)
    inverse = log_moment(walk.nu, -1) - 2 * walk.drift
    ratio = recurrence(0.0, np.exp(inverse), np.exp(inverse) * walk.share)
    fall = np.cumsum(walk.drift + 0.5 * digamma_gap(walk.nu / 2))
    heat = np.log(walk.heat)
    return np.asarray(fall + heat + 0.5 * np.expm1(np.cumsum(inverse) - 2 * heat) + 0.5 * ratio * np.exp(-2 * heat))


@law(
    "wasserstein2_squared",
    kind="upper bound",
    example=MLE,
    when=likelihood,
    reference="conservation of a draw's variance: E W2^2 = 2 sigma (sigma - E sigma_t)",
    formula=r"E W_2^2=2\sigma(\sigma-E\sigma_t)\le 2\sigma^2",
)
def wasserstein2_squared_bound_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """With the maximum-likelihood divisor the distance never exceeds twice the true variance."""
    return np.full(len(n), 2.0 * float(source.var))


@law(
    "wasserstein2_squared",
    kind="upper bound",
    example=Chain(Gaussian(), GaussianMLE(ddof=1), Replace(Power(20, 1.5)), n0=20),
    when=unbiased,
    reference=SHUMAILOV + ", schedule criterion",
    formula=r"E W_2^2\le 2\sigma^2+\sigma^2\sum_{i\le t}1/n_i",
    tags=("super-linear sampling bounds it",),
)
def wasserstein2_squared_schedule_replace(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """The distance stays bounded for ever where the sum of 1/n converges: sizes must grow faster than linearly."""
    return np.asarray(source.var * (2 + np.cumsum(1 / n)))
