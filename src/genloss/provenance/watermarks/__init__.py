"""Watermarks, one scheme a file: each embeds and detects."""

from genloss.provenance.watermarks.gumbel import Gumbel
from genloss.provenance.watermarks.kgw import KGW
from genloss.provenance.watermarks.scheme import Scheme
from genloss.provenance.watermarks.synthid import BayesianHead, SynthID
from genloss.provenance.watermarks.unigram import Unigram
from genloss.provenance.watermarks.watermark_spec import WatermarkSpec

__all__ = ["KGW", "BayesianHead", "Gumbel", "Scheme", "SynthID", "Unigram", "WatermarkSpec"]
