"""Laws of next-token prediction: contexts that come at random, each a chain of symbols with random numbers of rows.

A context's rows among n are binomial with its probability, independently in every generation, and a context without
rows is fitted by equal probabilities for all K tokens. The two-point recursion holds for each context given these
numbers, so its average over them is exact.
"""

from typing import Any

import numpy as np

from genloss.chain.data import Array, Floats, Ints
from genloss.chain.recursion import Chain
from genloss.chain.regimes import Accumulate, FixedReal, FreshReal, Replace
from genloss.families.softmax import NextToken, SoftmaxMLE
from genloss.theory.catalogue.categorical import SEDDIK
from genloss.theory.catalogue.collapse import SOFTMAX
from genloss.theory.catalogue.gaussian_regimes import GENTLE, TWO_POINT
from genloss.theory.laws import Sizes, Values, law

_BUDGET = 1e8
_MOST = 1e6
_SOURCE = NextToken([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]], [0.7, 0.3])
_REPLACE = Chain(_SOURCE, SoftmaxMLE(), Replace(12), n0=12)


def _plain(chain: Chain) -> bool:
    """Tokens are drawn as fitted, after contexts that come as in the truth."""
    source: Any = chain.source
    learner: Any = chain.learner
    drawn = all(part.temperature == 1 and part.top_k is None and part.top_p == 1 for part in (source, learner))
    bound = learner.bound(source)
    return bool(drawn and bound.k == source.k and np.array_equal(bound.contexts, source.contexts))


def _counts(rows: float, chances: Array) -> tuple[Ints, Floats]:
    """Give the laws of the contexts' numbers of rows: the smallest number that counts, and the chances from there on.

    They are built up from ratios of successive ones, so that they keep their digits for any number of rows.

    Args:
        rows: Rows of all contexts.
        chances: The contexts' probabilities.

    Returns:
        Shapes (contexts,) and (contexts, width).
    """
    chances = np.clip(chances, 1e-300, 1 - 1e-16)
    mean = rows * chances
    reach = 9 * np.sqrt(mean * (1 - chances)) + 14
    low = np.floor(np.maximum(0, mean - reach)).astype(int)
    high = np.minimum(rows, mean + reach)[:, None]
    k = low[:, None] + np.arange(int((high[:, 0] - low).max()) + 1)
    ratio = (rows - k[:, 1:] + 1) / np.maximum(k[:, 1:], 1) * (chances / (1 - chances))[:, None]
    logs = np.zeros(k.shape)
    logs[:, 1:] = np.cumsum(np.log(np.where(k[:, 1:] <= high, np.maximum(ratio, 0), 0)), axis=1)
    law = np.exp(logs - logs.max(1, keepdims=True))
    return low, law / law.sum(1, keepdims=True)


def _seen(rows: float, contexts: Array) -> tuple[Floats, Floats, Floats]:
    """Compute of each context's rows N: P(N = 0), E (1 - 1/N) over N > 0, and P(N = 1)."""
    if rows > _MOST:
        mean = np.maximum(rows * contexts, 1e-300)
        one = np.exp(np.log(mean) - mean)
        # The mean of 1 / N in powers of 1 / mean; contexts too rare for that are not foretold.
        inverse = np.where(mean > 1e3, (1 + (1 - contexts) / mean) / mean, np.where(mean < 1e-12, 1, np.nan))
        return np.exp(-mean), 1 - inverse, one
    low, law = _counts(rows, contexts)
    k = low[:, None] + np.arange(law.shape[1])
    return np.where(k == 0, law, 0).sum(1), (law * (1 - 1 / np.maximum(k, 1))).sum(1), np.where(k == 1, law, 0).sum(1)


def _known(source: NextToken, n: Sizes) -> dict[float, tuple[Floats, Floats, Floats]]:
    """List what is `_seen` of the first of many sizes: as many as the budget allows."""
    out: dict[float, tuple[Floats, Floats, Floats]] = {}
    spent = 0.0
    for rows in n.tolist():
        if rows not in out:
            spent += 3_000 + len(source.contexts) * 20 * min(np.sqrt(rows) / 2 + 3, np.sqrt(_MOST))
            if spent > _BUDGET / 10:
                break
            out[rows] = _seen(rows, source.contexts)
    return out


def _apart(source: NextToken) -> Floats:
    """Compute for each context the chance that two draws from the truth differ."""
    return np.asarray(1 - (source.p**2).sum(-1))


def _unseen(source: NextToken) -> float:
    """Compute the chance that a token, of whatever law, differs from one of K equally probable ones."""
    return 1 - 1 / source.k


def _mixed(source: NextToken, regime: Replace | FreshReal, n: Sizes) -> Floats:
    """Follow each context's diversity where every generation draws all its rows anew: shape (t, contexts).

    A context's rows are a random choice of all n, so each two are both real, or not, with the chances of any two.
    """
    truth, unseen = _apart(source), _unseen(source)
    known = _known(source, n)
    out = np.full((len(n), len(truth)), np.nan)
    cross = truth
    for t, rows in enumerate(n.tolist()):
        if rows not in known:
            break
        none, two, _ = known[rows]
        share = 1.0 if t == 0 else regime.real_fraction if isinstance(regime, FreshReal) else 0.0
        if isinstance(regime, FreshReal) and regime.ragged and t > 0:
            both, neither = share**2, (1 - share) ** 2
        else:
            real = round(rows * share)
            pairs = max(rows * (rows - 1), 1)
            share, both, neither = real / rows, real * (real - 1) / pairs, (rows - real) * (rows - real - 1) / pairs
        before = out[t - 1] if t else truth
        differ = both * truth + (1 - both - neither) * cross + neither * before
        out[t] = two * differ + none * unseen
        cross = (1 - none) * (share * truth + (1 - share) * cross) + none * unseen
    return out


@law(
    "heterozygosity",
    example=_REPLACE,
    when=_plain,
    reference=SEDDIK + ", equation 6, with contexts that come at random",
    formula=r"H_{t,c}=H_{t-1,c}\,E[(1-1/N)1_{N>0}]+(1-\tfrac1K)P(N=0),\ N\sim\mathrm{Bin}(n_t,\pi_c),"
    r"\ E H_t=\sum_c\pi_cH_{t,c}",
    tags=(SOFTMAX,),
)
def heterozygosity_softmax(source: NextToken, learner: SoftmaxMLE, regime: Replace, n: Sizes) -> Values:
    """A context collapses at the rate of its own rows: rare contexts first."""
    return np.asarray(_mixed(source, regime, n) @ source.contexts)


@law(
    "heterozygosity",
    example=Chain(_SOURCE, SoftmaxMLE(), FreshReal(10, 0.3), n0=12),
    when=_plain,
    reference=TWO_POINT + "; for contexts " + SEDDIK,
    formula=r"H_{t,c}=E[(1-\tfrac1N)1_{N>0}]\,(a_2H_c+2a_1X_{t-1,c}+a_0H_{t-1,c})+(1-\tfrac1K)P(N=0),"
    r"\ X_{t,c}=P(N>0)\,(\alpha H_c+(1-\alpha)X_{t-1,c})+(1-\tfrac1K)P(N=0),\ a_i:\ i\text{ of two rows of } n"
    r"\text{ are real}",
    tags=(SOFTMAX, GENTLE),
)
def heterozygosity_softmax_fresh_real(source: NextToken, learner: SoftmaxMLE, regime: FreshReal, n: Sizes) -> Values:
    """Fresh real rows keep frequent contexts diverse; a rare one sees few of them, and rows of its own as seldom."""
    return np.asarray(_mixed(source, regime, n) @ source.contexts)


def _kept(source: NextToken, regime: FixedReal, n: Sizes) -> Floats:
    """Follow each context's diversity given how many of the rows that stay are its own: the mean, shape (t, contexts).

    NaN if there are too many numbers to average over.
    """
    truth, unseen = _apart(source), _unseen(source)
    out = np.full((len(n), len(truth)), np.nan)
    if n.max() > _MOST:
        return out
    low, law = _counts(regime.n_real, source.contexts)
    kept = low[:, None] + np.arange(law.shape[1])
    real = truth[:, None] * (1 - 1 / np.maximum(kept, 1))
    known: dict[float, tuple[Floats, Floats, Floats]] = {}
    spent, own, cross = 0.0, real, real
    for t, rows in enumerate(n.tolist()):
        if rows not in known:
            first, others = _counts(rows - regime.n_real, source.contexts)
            spent += 4_000 + 5 * law.size * others.shape[1]
            if spent > _BUDGET:
                break
            total = kept[:, :, None] + first[:, None, None] + np.arange(others.shape[1])
            inverse = np.where(total > 0, 1 / np.maximum(total, 1), 0)
            means = (inverse, inverse**2, np.where(total == 0, 1.0, 0.0))
            known[rows] = tuple((mean @ others[:, :, None])[..., 0] for mean in means)  # type: ignore[assignment]
        # With N rows, R of them kept, the shares are R / N and 1 - R / N; all means are of 1 / N and 1 / N^2.
        once, twice, none = known[rows]
        some, share = 1 - none, kept * once
        if t == 0:
            # All rows are real: two draws of the model are one row by chance 1 / N, and so are a kept row and one.
            own, cross = truth[:, None] * (some - once) + none * unseen, truth[:, None] * (some - once)
        else:
            both = kept**2 * twice
            neither = some - 2 * share + both - once + kept * twice
            own = both * real + 2 * (share - both) * cross + neither * own + none * unseen
            cross = share * real + (some - share) * cross
        out[t] = (law * own).sum(1)
    return out


@law(
    "heterozygosity",
    example=Chain(_SOURCE, SoftmaxMLE(), FixedReal(12, 4), n0=6),
    when=_plain,
    reference=SEDDIK + ", theorem 2 corrected, with contexts that come at random; " + TWO_POINT,
    formula=r"H_t=\sum_c\pi_cE_RH_{t,c}(R),\ H_{t,c}(R)=E\bigl[r^2H_{R}+2r\bar rX_{t-1}"
    r"+(\bar r^2-\tfrac{\bar r}N)H_{t-1,c}(R)\bigr]+(1-\tfrac1K)P(N=0),\ X_t=E[r]H_R+E[\bar r]X_{t-1},"
    r"\ H_R=H_c(1-\tfrac1R),\ N=R+S,\ r=1-\bar r=\tfrac RN,"
    r"\ R\sim\mathrm{Bin}(n_R,\pi_c),\ S\sim\mathrm{Bin}(n_t-n_R,\pi_c)",
    tags=(SOFTMAX, GENTLE),
)
def heterozygosity_softmax_fixed_real(source: NextToken, learner: SoftmaxMLE, regime: FixedReal, n: Sizes) -> Values:
    """With real rows kept, a context stays diverse exactly as far as some of them are its own."""
    return np.asarray(_kept(source, regime, n) @ source.contexts)


def _pooled(source: NextToken, n: Sizes) -> Floats:
    """Follow each context's diversity in a pool that grows: shape (t, contexts); NaN if it would take too long.

    Over the number m of the context's rows in the pool: f(m) = E[H; m rows], and s more rows, drawn from a model fitted
    to the m, leave 1 - s / (m + s)^2 of it; after no rows at all H is that of equal probabilities.
    """
    truth, unseen = _apart(source), _unseen(source)
    out = np.full((len(n), len(truth)), np.nan)
    if n.max() > _MOST:
        return out
    low, law = _counts(n[0], source.contexts)
    rows = low[:, None] + np.arange(law.shape[1])
    held = law * np.where(rows > 0, truth[:, None] * (1 - 1 / np.maximum(rows, 1)), unseen)
    out[0] = held.sum(1)
    spent, size, pool = 0.0, -1.0, n[0]
    for t, added in enumerate(n[1:].tolist(), 1):
        if added != size:
            size, (first, law) = added, _counts(added, source.contexts)
        pool += added
        spent += 20_000 + law.shape[1] * (3_000 + held.size)
        if spent > _BUDGET:
            break
        width = held.shape[1]
        joined, lost = np.zeros((2, len(held), width + law.shape[1] - 1))
        for i in range(law.shape[1]):
            part = held * law[:, i : i + 1]
            joined[:, i : i + width] += part
            lost[:, i : i + width] += part * (first[:, None] + i)
        total = (low + first)[:, None] + np.arange(joined.shape[1])
        held, low = _within(joined - lost / np.maximum(total, 1) ** 2, low + first, pool * source.contexts)
        out[t] = held.sum(1)
    return out


def _within(values: Floats, low: Ints, mean: Floats) -> tuple[Floats, Ints]:
    """Cut off numbers of rows that are too far from the mean to count: the rest, and its smallest numbers."""
    reach = 9 * np.sqrt(mean) + 14
    start = np.maximum(np.floor(mean - reach).astype(int) - low, 0)
    end = np.minimum(np.ceil(mean + reach).astype(int) - low + 1, values.shape[1])
    width = int((end - start).max())
    place = start[:, None] + np.arange(width)
    inside = place < values.shape[1]
    cut = np.take_along_axis(values, np.where(inside, place, 0), 1)
    return np.where(inside, cut, 0.0), low + start


@law(
    "heterozygosity",
    example=Chain(_SOURCE, SoftmaxMLE(), Accumulate(5), n0=6),
    when=_plain,
    reference=TWO_POINT + "; for contexts " + SEDDIK,
    formula=r"H_{t,c}=E\Bigl[H_{0,c}(M_0)\prod_{i=1}^t\Bigl(1-\frac{S_i}{M_i^2}\Bigr)\Bigr],\ M_i=M_{i-1}+S_i,"
    r"\ S_i\sim\mathrm{Bin}(n_i,\pi_c),\ H_{0,c}(m)=H_c(1-\tfrac1m),\ H_{0,c}(0)=1-\tfrac1K",
    tags=(SOFTMAX, GENTLE),
)
def heterozygosity_softmax_accumulate(source: NextToken, learner: SoftmaxMLE, regime: Accumulate, n: Sizes) -> Values:
    """Accumulating keeps every context about as diverse as it was first seen."""
    return np.asarray(_pooled(source, n) @ source.contexts)


@law(
    "diversity_by_context",
    dims=("context",),
    example=_REPLACE,
    when=_plain,
    reference=SEDDIK + ", equation 6, with contexts that come at random",
    formula=r"H_{t,c}=H_{t-1,c}\,E[(1-1/N)1_{N>0}]+(1-\tfrac1K)P(N=0),\ N\sim\mathrm{Bin}(n_t,\pi_c)",
    power=0.2,
    tags=(SOFTMAX,),
)
def diversity_by_context_softmax(source: NextToken, learner: SoftmaxMLE, regime: Replace, n: Sizes) -> Values:
    """The diversity of each context: what is often seen lasts."""
    return _mixed(source, regime, n)


def _previous(source: NextToken, regime: Replace, n: Sizes) -> tuple[Floats, Floats, Floats, Floats]:
    """List each context's diversity in the model drawn from, its mean rows, P(no row) and P(one row)."""
    before = np.concatenate((_apart(source)[None], _mixed(source, regime, n)[:-1]))
    known = _known(source, n)
    unknown = np.full((3, len(source.contexts)), np.nan)
    seen = np.array([known.get(rows, unknown) for rows in n.tolist()])
    return before, n[:, None] * source.contexts, seen[:, 0], seen[:, 2]


@law(
    "collapsed_by_context",
    kind="upper bound",
    dims=("context",),
    example=_REPLACE,
    when=lambda chain: _plain(chain) and chain.source.k > 1,  # type: ignore[attr-defined]
    reference=SEDDIK + ", equation 7, with contexts that come at random",
    formula=r"P(\text{collapsed}_{t,c})\le1-\frac{H_{t,c}}{1-1/K}",
    tags=(SOFTMAX,),
)
def collapsed_by_context_most_softmax(source: NextToken, learner: SoftmaxMLE, regime: Replace, n: Sizes) -> Values:
    """A context cannot be down to one token more surely than its diversity has fallen."""
    return np.asarray(1 - _mixed(source, regime, n) / _unseen(source))


@law(
    "collapsed_by_context",
    kind="lower bound",
    dims=("context",),
    example=_REPLACE,
    when=_plain,
    reference="twice as sharp as " + SEDDIK + ", equation 7, with contexts that come at random",
    formula=r"P(\text{collapsed}_{t,c})\ge1-P(N=0)-\tfrac12H_{t-1,c}\,[n_t\pi_c-P(N=1)],\ H_{-1,c}=H_c",
    generations=30,
    tags=(SOFTMAX,),
)
def collapsed_by_context_least_softmax(source: NextToken, learner: SoftmaxMLE, regime: Replace, n: Sizes) -> Values:
    """Two tokens among N rows differ with a chance of 2 (N - 1) / N^2 at least, so little diversity means one token."""
    before, rows, none, one = _previous(source, regime, n)
    return np.asarray(np.maximum(0, 1 - none - before * (rows - one) / 2))


@law(
    "support_by_context",
    kind="lower bound",
    dims=("context",),
    example=_REPLACE,
    when=_plain,
    reference="Jensen's inequality, on " + SEDDIK + ", equation 6",
    formula=r"E\,\text{tokens}_{t,c}\ge\frac1{1-H_{t,c}}",
    tags=(SOFTMAX,),
)
def support_by_context_least_softmax(source: NextToken, learner: SoftmaxMLE, regime: Replace, n: Sizes) -> Values:
    """As many tokens are left as the diversity needs."""
    return np.asarray(1 / (1 - _mixed(source, regime, n)))


@law(
    "support_by_context",
    kind="upper bound",
    dims=("context",),
    example=_REPLACE,
    when=_plain,
    reference=SEDDIK + ", equation 6, and what N rows can hold",
    formula=r"E\,\text{tokens}_{t,c}\le\min\bigl(K,1+(K-1)P(N=0)+H_{t-1,c}\,[n_t\pi_c-P(N>0)]\bigr)",
    generations=30,
    tags=(SOFTMAX,),
)
def support_by_context_most_softmax(source: NextToken, learner: SoftmaxMLE, regime: Replace, n: Sizes) -> Values:
    """Where N rows hold k tokens, two of them differ with a chance of (k - 1) / N at least."""
    before, rows, none, _ = _previous(source, regime, n)
    return np.asarray(np.minimum(source.k, 1 + (source.k - 1) * none + before * (rows - (1 - none))))
