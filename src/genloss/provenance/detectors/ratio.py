"""The ratio of the densities that two n-gram models give a document."""

from dataclasses import dataclass

import numpy as np

from genloss.chain.data import Data, Floats
from genloss.errors import SpecError
from genloss.families.ngram.learner import NGram, NGramModel
from genloss.provenance.detectors.reading import checked, encoded


@dataclass(frozen=True, eq=False)
class DensityRatio:
    """How much likelier a document is under a model of synthetic text than under a model of human text.

    Both models see the same tokens, so that the ratio needs no reference to the length of words. Documents that
    trained either model score too extremely: calibrate on others.

    Attributes:
        human: The model of human text.
        synthetic: The model of synthetic text.
        per_token: Whether the log of the ratio is divided by the number of tokens, so that long and short documents
            compare; the sum is the sharper test of one document.
    """

    human: NGramModel
    synthetic: NGramModel
    per_token: bool = True

    @classmethod
    def fit(cls, human: Data, synthetic: Data, learner: NGram | None = None, per_token: bool = True) -> "DensityRatio":
        """Fit both models to documents of both kinds.

        The synthetic documents are read in the tokens of the human ones.

        Args:
            human: Documents or texts.
            synthetic: Documents or texts.
            learner: How models are fitted; a bigram model with Kneser-Ney smoothing if None.
            per_token: Whether scores are per token.

        Raises:
            SpecError: If there are no documents of a kind, or the learner does not smooth.
        """
        learner = NGram(2) if learner is None else learner
        if learner.smoothing == "none":
            raise SpecError("density-ratio.learner: maximum likelihood gives new text probability 0; use kneser-ney")
        unused = np.random.default_rng(0)
        one = learner.fit(checked(human, "density-ratio.human"), unused)
        other = learner.fit(encoded(one, checked(synthetic, "density-ratio.synthetic")), unused)
        return cls(one, other, per_token)

    def score(self, data: Data) -> Floats:
        """Score each document: the log of the ratio, natural logarithm; shape (documents,)."""
        read = encoded(self.human, checked(data, "density-ratio"))
        off = self.synthetic.logprob(encoded(self.synthetic, read)) - self.human.logprob(read)
        if not np.isfinite(off).all():
            raise SpecError("density-ratio: a model gives tokens probability 0; use smoothed models")
        document = np.repeat(np.arange(len(read)), read.lengths + 1)
        total = np.bincount(document, off, minlength=len(read)).astype(float)
        return total / (read.lengths + 1) if self.per_token else total
