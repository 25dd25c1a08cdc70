"""Published statements that fail: each with a chain that refutes it and the law that holds in its place."""

import numpy as np

from genloss.chain.recursion import Chain
from genloss.chain.regimes import Accumulate, FixedReal, Replace
from genloss.families.categorical import Categorical, CategoricalMLE, Zipf
from genloss.families.gaussian import Gaussian, GaussianMLE
from genloss.families.regression import OLS, LinearModel
from genloss.theory.catalogue.categorical import heterozygosity_of, neutral
from genloss.theory.catalogue.gaussian import SHUMAILOV, likelihood, unbiased
from genloss.theory.catalogue.regression import dimensions
from genloss.theory.laws import Sizes, Status, Values, law

FALSE: Status = "published and false"


@law(
    "wasserstein2_squared",
    statistic="var",
    kind="asymptotic",
    status=FALSE,
    corrected="wasserstein2_squared_spread_replace",
    example=Chain(Gaussian(), GaussianMLE(ddof=1), Replace(50), n0=50),
    when=unbiased,
    reference=SHUMAILOV + " and the encyclopedia's article on model collapse",
    formula=r"\mathrm{Var}\,W_2^2\simeq\tfrac12\sigma^4\Bigl(\sum_i\frac3{n_i^2}+\sum_{i\ne j}\frac4{n_in_j}\Bigr)",
    tolerance=0.1,
    generations=3,
    replicates=400_000,
)
def wasserstein2_squared_spread_published(source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes) -> Values:
    """Wrong at leading order: 1.5 / n^2 in the first generation where 2.5 / n^2 is right."""
    squares, total = np.cumsum(1 / n**2), np.cumsum(1 / n)
    return np.asarray(0.5 * source.var**2 * (3 * squares + 4 * (total**2 - squares)))


@law(
    "wasserstein2_squared",
    kind="lower bound",
    status=FALSE,
    corrected="wasserstein2_squared_bound_replace",
    example=Chain(Gaussian(), GaussianMLE(), Replace(10), n0=10),
    when=likelihood,
    reference=SHUMAILOV + ", divergence of the expected distance, read without its condition",
    formula=r"E W_2^2\ge\sigma^2\sum_{i\le t}1/n_i\to\infty\ \text{whatever the divisor}",
    generations=60,
    replicates=20_000,
)
def wasserstein2_squared_divergence_published(
    source: Gaussian, learner: GaussianMLE, regime: Replace, n: Sizes
) -> Values:
    """The distance diverges with the unbiased divisor only: with maximum likelihood it never exceeds 2 sigma^2."""
    return np.asarray(source.var * np.cumsum(1 / n))


@law(
    "heterozygosity",
    status=FALSE,
    corrected="heterozygosity_fixed_real",
    example=Chain(Categorical([0.3, 0.7]), CategoricalMLE(), FixedReal(12, 3), n0=3),
    when=lambda chain: neutral(chain) and chain.regime.n_real == chain.n0 and not callable(chain.regime.n),  # type: ignore[attr-defined]
    reference="Seddik et al. 2024 (2404.05090), theorem 2, as printed",
    formula=r"1-H_t=\frac{\frac1N[1+2\alpha-(1-\frac1N)\alpha\beta^t]+(1-\frac1N)S_0[1+\alpha-\frac\alpha N\beta^t]}"
    r"{1+(1+\frac1N)\alpha}",
)
def heterozygosity_fixed_real_published(
    source: Categorical | Zipf, learner: CategoricalMLE, regime: FixedReal, n: Sizes
) -> Values:
    """A sign is wrong in the second bracket: it fails in the very first generation, where N rows decide alone."""
    kept = float(regime.n_real)
    alpha = 1 - kept / float(n[-1])
    beta = alpha * ((1 + 1 / kept) * alpha - 1 / kept)
    power = beta ** np.arange(len(n))
    same = 1 - heterozygosity_of(source)
    first = (1 + 2 * alpha - (1 - 1 / kept) * alpha * power) / kept
    second = (1 - 1 / kept) * same * (1 + alpha - alpha / kept * power)
    return np.asarray(1 - (first + second) / (1 + (1 + 1 / kept) * alpha))


@law(
    "variance",
    status=FALSE,
    corrected="variance_accumulate",
    example=Chain(Gaussian(), GaussianMLE(ddof=1), Accumulate(5), n0=5),
    when=unbiased,
    reference="folklore: the unbiased variance of accumulated data is unbiased",
    formula=r"E\sigma_t^2=\sigma^2\ \text{(divisor } N-1)",
    replicates=400_000,
)
def variance_accumulate_published(source: Gaussian, learner: GaussianMLE, regime: Accumulate, n: Sizes) -> Values:
    """Batches of one chain depend on each other, so the pooled unbiased variance is too small."""
    return np.full(len(n), float(source.var))


@law(
    "lost_mass",
    status=FALSE,
    corrected="lost_mass_replace",
    kind="asymptotic",
    tolerance=0.1,
    example=Chain(Zipf(200, 1.5), CategoricalMLE(), Replace(50), n0=50),
    when=neutral,
    reference="linear accumulation of what Dohmatob et al. 2024 (2402.07043) find for one generation",
    formula=r"E\,\text{lost}_t\simeq(t+1)\,E\,\text{lost}_0",
)
def lost_mass_published(source: Categorical | Zipf, learner: CategoricalMLE, regime: Replace, n: Sizes) -> Values:
    """Tails do not go at a constant pace: what is rare goes at once, what is left goes ever more slowly."""
    first = float(source.p @ np.exp(n[0] * np.log1p(-source.p)))
    return np.asarray(first * np.arange(1, len(n) + 1))


@law(
    "excess_risk",
    status=FALSE,
    corrected="excess_risk_accumulate",
    example=Chain(LinearModel([1.0, -1.0, 0.5, 2.0]), OLS(), Accumulate(10), n0=10),
    when=lambda chain: chain.learner.ridge == 0 and chain.regime.n in ("n0", chain.n0),  # type: ignore[attr-defined]
    reference="Gerstgrasser et al. 2024 (2404.01413), their formula for one design taken for new inputs",
    formula=r"E\|w_t-w\|^2=\frac{s^2d}{n-d-1}\sum_{i\le t+1}\frac1{i^2}",
    replicates=400_000,
)
def excess_risk_accumulate_published(source: LinearModel, learner: OLS, regime: Accumulate, n: Sizes) -> Values:
    """With new inputs in every generation the error is smaller: pi^2/6 is sharp for a design used for ever."""
    d = dimensions(source)
    return np.asarray(source.noise**2 * d / (n[0] - d - 1) * np.cumsum(1 / np.arange(1, len(n) + 1) ** 2))
