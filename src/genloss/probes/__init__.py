"""Probes: functions of a generation that measure what a model has kept.

A probe says what it measures (`role`), which direction is better (`better`) and on which scale it moves (`scale`). It
is exact where model and truth have a closed form (`genloss.probes.laws` lists what a model may offer); elsewhere it
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
from genloss.probes.extremes import ExpectedShortfall, TailRatio
from genloss.probes.language import (
    BandPerplexity,
    Distinct,
    Perplexity,
    ReferencePerplexity,
    Survival,
    TokenEntropy,
    Types,
)
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
    "excess_risk",
    "heterozygosity",
    "meta_of",
    "probe",
    "total_variance",
    "variance",
]
