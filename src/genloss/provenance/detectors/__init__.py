"""Detectors: `score(data)` gives one number per row, higher is more synthetic."""

from genloss.provenance.detectors.classifier import TextClassifier, TextDetector
from genloss.provenance.detectors.embedding import EmbeddingClassifier, EmbeddingDetector
from genloss.provenance.detectors.huggingface import HuggingFaceLM
from genloss.provenance.detectors.likelihood import LRR, Binoculars, FastDetectGPT, LogLikelihood, Rank
from genloss.provenance.detectors.oracle import Oracle
from genloss.provenance.detectors.ratio import DensityRatio
from genloss.provenance.detectors.saved import SavedDetector

__all__ = [
    "LRR",
    "Binoculars",
    "DensityRatio",
    "EmbeddingClassifier",
    "EmbeddingDetector",
    "FastDetectGPT",
    "HuggingFaceLM",
    "LogLikelihood",
    "Oracle",
    "Rank",
    "SavedDetector",
    "TextClassifier",
    "TextDetector",
]
