"""Laws of kernel density estimates: resampling with noise."""

from typing import Any

import numpy as np

from genloss.chain.recursion import Chain
from genloss.chain.regimes import Accumulate, FixedReal, FreshReal, PastModels, Replace, Window
from genloss.families.gaussian import Gaussian
from genloss.families.kde import KDE
from genloss.theory.catalogue.gaussian_regimes import TWO_POINT
from genloss.theory.laws import Sizes, Values, law
from genloss.theory.recursions.chosen import Blind
from genloss.theory.recursions.twopoint import FAMILIES, Fit, divided, follows, pair_spread


def _kde(source: Any, learner: Any) -> Fit | None:
    if not (isinstance(source, Gaussian) and isinstance(learner, KDE)):
        return None
    var = float(source.var) * source.temperature**2
    if var == 0:
        return None
    if not isinstance(learner.bandwidth, str):
        return Fit("variance", var, added=float(learner.bandwidth) ** 2 / var)
    scale = 1.0 if learner.bandwidth == "scott" else 0.75
    # h^2 = (scale n)^(-2/5) s^2, and s^2 = v n / (n - 1).
    return Fit("variance", var, lambda rows: (scale * rows) ** -0.4 * (1 + divided(1)(rows)))


FAMILIES.append(_kde)


def _fixed_width(chain: Chain) -> bool:
    return follows(chain) and not isinstance(chain.learner.bandwidth, str)  # type: ignore[attr-defined]


def _by_rule(chain: Chain) -> bool:
    return follows(chain) and isinstance(chain.learner.bandwidth, str)  # type: ignore[attr-defined]


@law(
    "variance",
    example=Chain(Gaussian(), KDE(0.3), Replace(20), n0=20),
    when=_fixed_width,
    reference=TWO_POINT + " with kernel noise",
    formula=r"V_t=V_{t-1}(1-1/n)+h^2\to n h^2",
)
def variance_kde_replace(source: Gaussian, learner: KDE, regime: Replace, n: Sizes, chain: Chain) -> Values:
    """With a fixed bandwidth the spread does not die out: it tends to n h^2, whatever the truth was."""
    return np.asarray(float(source.var) * source.temperature**2 * pair_spread(chain, n).own)


@law(
    "variance",
    example=Chain(Gaussian(), KDE("silverman"), Replace(20), n0=20),
    when=_by_rule,
    reference=TWO_POINT + " with kernel noise",
    formula=r"V_t=V_{t-1}(1-\tfrac1n+c^2n^{-2/5}),\ c=1\ \text{(Scott)},\ (4/3)^{1/5}\ \text{(Silverman)}",
    power=0.15,
    tags=("three sources of error",),
)
def variance_kde_rule_replace(source: Gaussian, learner: KDE, regime: Replace, n: Sizes, chain: Chain) -> Values:
    """With a rule of thumb the spread grows exponentially: the estimate is too smooth every time."""
    return np.asarray(float(source.var) * source.temperature**2 * pair_spread(chain, n).own)


@law(
    "variance",
    example=Chain(Gaussian(), KDE(0.3), Accumulate(10), n0=10),
    when=follows,
    reference=TWO_POINT + " with kernel noise",
    formula=r"C(m,m)=\sum_{s,t}w_sw_tC(s,t)-\tfrac1n\sum_tw_tC(t,t)+h^2",
)
def variance_kde_regimes(
    source: Gaussian,
    learner: KDE,
    regime: Accumulate | FreshReal | FixedReal | PastModels | Window,
    curator: Blind,
    n: Sizes,
    chain: Chain,
) -> Values:
    """Accumulating tames the kernel's noise to a logarithm; fixed real data stop it."""
    return np.asarray(float(source.var) * source.temperature**2 * pair_spread(chain, n).own)


@law(
    "second_moment",
    example=Chain(Gaussian(), KDE(0.3), Accumulate(10), n0=10),
    when=lambda chain: _fixed_width(chain) and not callable(chain.regime.n) and chain.regime.n in ("n0", chain.n0),  # type: ignore[attr-defined]
    reference=TWO_POINT + " with kernel noise",
    formula=r"\mathrm{Var}\,X_t=\sigma^2+h^2\sum_{i=1}^{t+1}\tfrac1i",
)
def second_moment_kde_accumulate(source: Gaussian, learner: KDE, regime: Accumulate, n: Sizes) -> Values:
    """A draw's variance over histories grows by h^2 a generation under replace, and only as a logarithm here."""
    noise = float(learner.bandwidth) ** 2 * np.cumsum(1 / np.arange(1, len(n) + 1))
    return np.asarray(float(source.var) * source.temperature**2 + noise)
