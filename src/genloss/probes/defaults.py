"""What is measured where a spec names no probes."""

from typing import Any

from genloss.chain.recursion import Chain
from genloss.probes.concepts import ModeOccupancy, Precision
from genloss.probes.distance import W2, excess_risk
from genloss.probes.extremes import TailRatio
from genloss.probes.language import Perplexity, Survival, TokenEntropy
from genloss.probes.spread import EffectiveRank, heterozygosity, total_variance, variance
from genloss.probes.tails import LostMass, Recall, Support


def usual(chain: Chain) -> dict[str, Any]:
    """The probes that tell tails and spread for a chain's kind of data, by name.

    Text is told by its tokenizer, symbols by their probabilities, regression by its weights, pictures and tables by the
    dimension of the rows; everything else is taken for numbers on the line.
    """
    source: Any = chain.source
    if hasattr(source, "tokenizer"):
        return {"survival": Survival(), "token_entropy": TokenEntropy(), "perplexity": Perplexity()}
    if hasattr(source, "weights") and hasattr(source, "noise"):
        return {"excess_risk": excess_risk}
    if hasattr(source, "p") or hasattr(source, "pairs"):
        return {"support": Support(), "lost_mass": LostMass(), "heterozygosity": heterozygosity}
    if getattr(source, "labels", None) is not None:
        return {
            "recall": Recall(),
            "total_variance": total_variance,
            "effective_rank": EffectiveRank(),
            "precision": Precision(),
            "mode_occupancy": ModeOccupancy(),
        }
    if getattr(source, "width", 1) > 1:
        return {"total_variance": total_variance, "effective_rank": EffectiveRank(), "precision": Precision()}
    return {"variance": variance, "tail_ratio": TailRatio(), "w2": W2()}
