"""Metrics: pure functions of rows, counts, probabilities, documents or samples, the same for a run, a law and an audit.

They know nothing of chains, generations or files, and take plain arrays and lists. Every metric returns an `Estimate`;
its error is computed only if you ask for it (`interval=True`).

Example:
    >>> from genloss import metrics
    >>> float(metrics.distinct(["the tails go", "the head stays"], n=1))
    0.8333333333333334
    >>> float(metrics.lost_mass([0.5, 0.3, 0.2], [1.0, 0.0, 0.0]))
    0.5
    >>> found = metrics.heterozygosity([60, 30, 10], interval=True)
    >>> bool(found.low < 0.545 < found.high)
    True
"""

from genloss.metrics.concepts import confusion, mean_score, mode_occupancy, precision
from genloss.metrics.distance import energy, kl_forward, kl_reverse, sliced_w2, w1, w2
from genloss.metrics.diversity.lexical import distinct, self_repetition, survival, token_entropy, types
from genloss.metrics.diversity.semantic import mean_cosine_distance, vendi
from genloss.metrics.diversity.syntactic import compression_ratio
from genloss.metrics.estimate import Estimate, over_replicates
from genloss.metrics.likelihoods import perplexity
from genloss.metrics.predictions import excess_risk
from genloss.metrics.spread import (
    differential_entropy,
    effective_rank,
    entropy,
    heterozygosity,
    hill_number,
    total_variance,
    variance,
)
from genloss.metrics.tails import expected_shortfall, lost_mass, recall, support, tail_ratio

__all__ = [
    "Estimate",
    "compression_ratio",
    "confusion",
    "differential_entropy",
    "distinct",
    "effective_rank",
    "energy",
    "entropy",
    "excess_risk",
    "expected_shortfall",
    "heterozygosity",
    "hill_number",
    "kl_forward",
    "kl_reverse",
    "lost_mass",
    "mean_cosine_distance",
    "mean_score",
    "mode_occupancy",
    "over_replicates",
    "perplexity",
    "precision",
    "recall",
    "self_repetition",
    "sliced_w2",
    "support",
    "survival",
    "tail_ratio",
    "token_entropy",
    "total_variance",
    "types",
    "variance",
    "vendi",
    "w1",
    "w2",
]
