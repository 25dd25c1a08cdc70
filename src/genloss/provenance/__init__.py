"""Who made this: watermarks, and evidence with p-values that hold."""

from genloss.provenance.evidence import (
    Evidence,
    Evidences,
    against_reference,
    benjamini_hochberg,
    benjamini_yekutieli,
    combine,
)
from genloss.provenance.spans import Span
from genloss.provenance.watermarks import KGW, BayesianHead, Gumbel, SynthID, Unigram, WatermarkSpec
from genloss.provenance.watermarks.learner import Watermarked

__all__ = [
    "KGW",
    "BayesianHead",
    "Evidence",
    "Evidences",
    "Gumbel",
    "Span",
    "SynthID",
    "Unigram",
    "WatermarkSpec",
    "Watermarked",
    "against_reference",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "combine",
]
