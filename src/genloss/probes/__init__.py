"""Probes: functions of a generation that measure what a model has kept."""

from genloss.probes.concepts import Confusion, MeanScore, ModeOccupancy, Precision
from genloss.probes.distance import W1, W2, Energy, KLForward, KLReverse, SlicedW2, excess_risk
from genloss.probes.extremes import ExpectedShortfall, TailRatio
from genloss.probes.meta import Meta, meta_of, probe
from genloss.probes.spread import EffectiveRank, Entropy, heterozygosity, total_variance, variance
from genloss.probes.tails import LostMass, Recall, Support

__all__ = [
    "W1",
    "W2",
    "Confusion",
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
    "Precision",
    "Recall",
    "SlicedW2",
    "Support",
    "TailRatio",
    "excess_risk",
    "heterozygosity",
    "meta_of",
    "probe",
    "total_variance",
    "variance",
]
