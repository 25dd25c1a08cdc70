"""Laws of symbols that models smooth when they are fitted, or truncate when they are drawn from."""

from typing import Any

import numpy as np

from genloss.chain.recursion import Chain
from genloss.chain.regimes import FreshReal, Replace
from genloss.families.categorical import CategoricalMLE, Zipf
from genloss.theory.catalogue.categorical import Symbols, heterozygosity_of
from genloss.theory.laws import Sizes, Values, law

_SMOOTHED = Chain(Zipf(10), CategoricalMLE(alpha=0.5), Replace(30), n0=30)
_CUT = Chain(Zipf(20), CategoricalMLE(top_k=5), FreshReal(50, real_fraction=0.5), n0=50)


def _as_it_is(source: Any) -> bool:
    """Whether real symbols come with the probabilities that are written down."""
    return isinstance(source, Zipf) or (source.temperature == 1 and source.top_k is None and source.top_p == 1)


def _smoothed(chain: Chain) -> bool:
    """Counts are smoothed, and nothing is sharpened or truncated."""
    learner: Any = chain.learner
    drawn = learner.temperature == 1 and learner.top_k is None and learner.top_p == 1
    bound = learner.bound(chain.source)
    return bool(drawn and learner.alpha > 0 and bound.k == chain.source.k and _as_it_is(chain.source))  # type: ignore[attr-defined]


def _truncated(chain: Chain) -> bool:
    """Models draw only the most likely symbols, and fewer than there are."""
    learner: Any = chain.learner
    return learner.top_k is not None and learner.top_k < chain.source.k and _as_it_is(chain.source)  # type: ignore[attr-defined]


@law(
    "heterozygosity",
    example=_SMOOTHED,
    when=_smoothed,
    reference="second moment of a multinomial; Wright-Fisher drift with parent-independent mutation",
    formula=r"1-H_t=\frac{n_t+n_t(n_t-1)(1-H_{t-1})+2\alpha n_t+k\alpha^2}{(n_t+k\alpha)^2}",
)
def heterozygosity_smoothed_replace(source: Symbols, learner: CategoricalMLE, regime: Replace, n: Sizes) -> Values:
    """Smoothing is mutation: lost symbols come back, and diversity settles where gain and drift balance."""
    k, alpha = source.k, learner.alpha
    same = 1 - heterozygosity_of(source)
    out = np.empty(len(n))
    for t, rows in enumerate(n):
        same = (rows + rows * (rows - 1) * same + 2 * alpha * rows + k * alpha**2) / (rows + k * alpha) ** 2
        out[t] = 1 - same
    return out


@law(
    "support",
    kind="upper bound",
    example=_CUT,
    when=_truncated,
    reference="definition of top-k sampling (Fan, Lewis and Dauphin 2018 (1805.04833))",
    formula=r"S_t\le K/k",
)
def support_top_k(source: Symbols, learner: CategoricalMLE, regime: Any, curator: Any, n: Sizes) -> Values:
    """A model that draws its K most likely symbols has lost all others at once, whatever real data are added."""
    true = int(np.count_nonzero(source.p))
    return np.full(len(n), min(int(learner.top_k or true), true) / true)


@law(
    "lost_mass",
    kind="lower bound",
    example=_CUT,
    when=_truncated,
    reference="definition of top-k sampling (Fan, Lewis and Dauphin 2018 (1805.04833))",
    formula=r"L_t\ge 1-\sum_{i\le K}p_{(i)}",
)
def lost_mass_top_k(source: Symbols, learner: CategoricalMLE, regime: Any, curator: Any, n: Sizes) -> Values:
    """Truncation to K symbols loses at least the true mass beyond the K most frequent ones, in every generation."""
    rare = np.sort(source.p)[: max(0, source.k - int(learner.top_k or source.k))]
    return np.full(len(n), rare.sum())


@law(
    "heterozygosity",
    kind="upper bound",
    example=_CUT,
    when=_truncated,
    reference="K symbols differ most if all are equally likely",
    formula=r"H_t\le 1-1/K",
)
def heterozygosity_top_k(source: Symbols, learner: CategoricalMLE, regime: Any, curator: Any, n: Sizes) -> Values:
    """What is drawn from K symbols is no more diverse than K equally likely ones."""
    return np.full(len(n), 1 - 1 / int(learner.top_k or source.k))
