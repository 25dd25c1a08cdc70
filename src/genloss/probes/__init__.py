"""Probes: functions of a generation that measure what a model has kept.

A probe says what it measures (`role`), which direction is better (`better`) and on which scale it moves (`scale`). It
is exact where model and truth have a closed form (`genloss.probes.naming` lists what a model may offer); elsewhere it
looks at rows drawn from the model and at the source's held-out rows, or at a fixed draw from the source where nothing
is held out.

Example:
    >>> import genloss as gl
    >>> chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(20), n0=20)
    >>> result = gl.run(chain, {"tails": gl.probes.TailRatio(0.05)}, generations=40, replicates=100, engine="exact")
    >>> result["tails"].dims
    ('replicate', 'generation', 'side')
    >>> bool(result["tails"].median("replicate")[-1].max() < 0.6)
    True
"""

from genloss.chain.meta import Meta, meta_of, probe
from genloss.probes.concepts import Confusion, MeanScore, ModeOccupancy, Precision
from genloss.probes.distance import W1, W2, Energy, KLForward, KLReverse, SlicedW2, excess_risk
from genloss.probes.drift import (
    collapsed,
    collapsed_by_context,
    distance_to_first,
    diversity_by_context,
    fixed_symbols,
    frequency,
    lost_symbols,
    squared_distance_to_first,
    support_by_context,
    tails_before_spread,
)
from genloss.probes.language import (
    BandPerplexity,
    Distinct,
    Perplexity,
    ReferencePerplexity,
    Survival,
    TokenEntropy,
    Types,
)
from genloss.probes.parameters import (
    alive,
    collapse_rates,
    covariance,
    determinant,
    draw,
    draw_beyond_three,
    ever_below_tenth,
    fourth_moment,
    log_determinant,
    log_mean,
    log_std,
    mean,
    real_share,
    second_moment,
    squared_offset,
    squared_spectrum,
    std,
    std_above_tenth,
    std_below_tenth,
    symmetric_functions,
    tail_exponent,
    wasserstein2_squared,
    wasserstein2_squared_vectors,
)
from genloss.probes.reach import ExpectedShortfall, TailRatio
from genloss.probes.spread import EffectiveRank, Entropy, heterozygosity, total_variance, variance
from genloss.probes.tails import LostMass, Recall, Support

__all__ = [
    "W1",
    "W2",
    "BandPerplexity",
    "Confusion",
    "Distinct",
    "EffectiveRank",
    "Energy",
    "Entropy",
    "ExpectedShortfall",
    "KLForward",
    "KLReverse",
    "LostMass",
    "MeanScore",
    "Meta",
    "ModeOccupancy",
    "Perplexity",
    "Precision",
    "Recall",
    "ReferencePerplexity",
    "SlicedW2",
    "Support",
    "Survival",
    "TailRatio",
    "TokenEntropy",
    "Types",
    "alive",
    "collapse_rates",
    "collapsed",
    "collapsed_by_context",
    "covariance",
    "determinant",
    "distance_to_first",
    "diversity_by_context",
    "draw",
    "draw_beyond_three",
    "ever_below_tenth",
    "excess_risk",
    "fixed_symbols",
    "fourth_moment",
    "frequency",
    "heterozygosity",
    "log_determinant",
    "log_mean",
    "log_std",
    "lost_symbols",
    "mean",
    "meta_of",
    "probe",
    "real_share",
    "second_moment",
    "squared_distance_to_first",
    "squared_offset",
    "squared_spectrum",
    "std",
    "std_above_tenth",
    "std_below_tenth",
    "support_by_context",
    "symmetric_functions",
    "tail_exponent",
    "tails_before_spread",
    "total_variance",
    "variance",
    "wasserstein2_squared",
    "wasserstein2_squared_vectors",
]
