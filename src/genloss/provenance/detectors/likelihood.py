"""Detectors without training: what a language model finds likely, a language model may have written.

Each works with any language model (see `genloss.provenance.detectors.reading`). Their scores depend on the model, the
length and the kind of text: calibrate them (`genloss.provenance.calibrate`) on human text like the text to be judged.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.chain.data import Data, Floats
from genloss.provenance.detectors.reading import cross_entropy, statistics


@dataclass(frozen=True)
class LogLikelihood:
    """The mean log-probability of a token (Solaiman et al. 2019).

    Attributes:
        model: The language model.
    """

    model: Any

    def score(self, data: Data) -> Floats:
        """Score each document: natural logarithm, at most 0; shape (documents,)."""
        found = statistics(self.model, data, "log-likelihood")
        return found.total(found.logprob) / found.tokens


@dataclass(frozen=True)
class Rank:
    """How high tokens stand among those that could have come in their place (Gehrmann et al. 2019).

    Attributes:
        model: The language model.
        log: Whether the mean is that of log ranks (Mitchell et al. 2023), which rare words sway less.
    """

    model: Any
    log: bool = True

    def score(self, data: Data) -> Floats:
        """Score each document: minus the mean (log) rank; shape (documents,)."""
        found = statistics(self.model, data, "rank", ranks=True)
        return -found.total(np.log(found.rank) if self.log else found.rank) / found.tokens


@dataclass(frozen=True)
class LRR:
    """The log-likelihood log-rank ratio (Su et al. 2023, 2306.05540, equation 2).

    Attributes:
        model: The language model.
    """

    model: Any

    def score(self, data: Data) -> Floats:
        """Score each document: minus the sum of log-probabilities over the sum of log ranks; shape (documents,).

        Documents whose every token is the most probable one have log ranks of 0; half of a rank 2 stands in for them.
        """
        found = statistics(self.model, data, "lrr", ranks=True)
        ranks: Floats = np.maximum(found.total(np.log(found.rank)), np.log(2) / 2)
        ratio: Floats = -found.total(found.logprob) / ranks
        return ratio


@dataclass(frozen=True)
class FastDetectGPT:
    """The conditional probability curvature, in closed form (Bao et al. 2024, 2310.05130, equations 5 and 6).

    The log-probability of a document, less its mean over tokens drawn one by one from the sampling model at the same
    positions, in units of its standard deviation.

    Attributes:
        model: The model that scores.
        sampler: The model that the mean and deviation are under, of the same vocabulary; None is the scoring model.
    """

    model: Any
    sampler: Any = None

    def score(self, data: Data) -> Floats:
        """Score each document: shape (documents,)."""
        found = statistics(self.model, data, "fast-detect-gpt", sampler=self.sampler)
        spread = np.sqrt(np.maximum(found.total(found.variance), 1e-12))
        return found.total(found.logprob - found.mean) / spread


@dataclass(frozen=True)
class Binoculars:
    """How surprised one model is by the text, over how surprised it is by another model (Hans et al. 2024, 2401.12070).

    Attributes:
        observer: The model whose log-perplexity on the text is taken, and whose law weighs the cross-entropy.
        performer: The model whose log-probabilities are weighed, of the same vocabulary.
    """

    observer: Any
    performer: Any

    def score(self, data: Data) -> Floats:
        """Score each document: minus log-perplexity over cross-entropy (equation 4); shape (documents,)."""
        found, cross = cross_entropy(self.observer, self.performer, data, "binoculars")
        return found.total(found.logprob) / np.maximum(found.total(cross), 1e-12)
