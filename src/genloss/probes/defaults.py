"""Default probes when a spec lists none."""

from typing import Any

from genloss.chain.capabilities import Conditional, HasLabels, HasProbabilities, HasTokenizer, HasWeights, width_of
from genloss.chain.recursion import Chain
from genloss.probes.concepts import ModeOccupancy, Precision
from genloss.probes.distance import W2, excess_risk
from genloss.probes.language import Perplexity, Survival, TokenEntropy
from genloss.probes.reach import TailRatio
from genloss.probes.spread import EffectiveRank, heterozygosity, total_variance, variance
from genloss.probes.tails import LostMass, Recall, Support


def usual(chain: Chain) -> dict[str, Any]:
    """The probes that tell tails and spread for a chain's kind of data, by name.

    A source with a tokenizer is text, one with probabilities is symbols, one with weights and noise a regression;
    labels and the width of a row mark pictures and tables. Everything else is taken for numbers on the line.
    """
    source: Any = chain.source
    if isinstance(source, HasTokenizer):
        return {"survival": Survival(), "token_entropy": TokenEntropy(), "perplexity": Perplexity()}
    if isinstance(source, HasWeights):
        return {"excess_risk": excess_risk}
    if isinstance(source, (HasProbabilities, Conditional)):
        return {"support": Support(), "lost_mass": LostMass(), "heterozygosity": heterozygosity}
    if isinstance(source, HasLabels) and source.labels is not None:
        return {
            "recall": Recall(),
            "total_variance": total_variance,
            "effective_rank": EffectiveRank(),
            "precision": Precision(),
            "mode_occupancy": ModeOccupancy(),
        }
    if width_of(source) > 1:
        return {"total_variance": total_variance, "effective_rank": EffectiveRank(), "precision": Precision()}
    return {"variance": variance, "tail_ratio": TailRatio(), "w2": W2()}
