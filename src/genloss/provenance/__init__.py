"""Who made this: watermarks and detectors, evidence with p-values that hold, and the synthetic share of a corpus."""

from genloss.provenance import detectors
from genloss.provenance.evidence.accuracy import Accuracy, accuracy
from genloss.provenance.evidence.calibrate import Calibrated, Calibration, calibrate
from genloss.provenance.evidence.p_values import (
    Evidence,
    Evidences,
    against_reference,
    benjamini_hochberg,
    benjamini_yekutieli,
    combine,
)
from genloss.provenance.share.prevalence import Prevalence, prevalence
from genloss.provenance.watermarks import KGW, BayesianHead, Gumbel, SynthID, Unigram, WatermarkSpec
from genloss.provenance.watermarks.spans import Span
from genloss.provenance.watermarks.watermarked import Watermarked

__all__ = [
    "KGW",
    "Accuracy",
    "BayesianHead",
    "Calibrated",
    "Calibration",
    "Evidence",
    "Evidences",
    "Gumbel",
    "Prevalence",
    "Span",
    "SynthID",
    "Unigram",
    "WatermarkSpec",
    "Watermarked",
    "accuracy",
    "against_reference",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "calibrate",
    "combine",
    "detectors",
    "prevalence",
]
