"""What a language model says of every token of some documents."""

from dataclasses import dataclass

import numpy as np

from genloss.chain.data import Floats, Ints


@dataclass(frozen=True, eq=False)
class TokenStatistics:
    """What a model says of each scored token, all documents in a row.

    Attributes:
        document: The document of each token: shape (tokens,).
        documents: How many documents there are.
        logprob: The natural log-probability of the token.
        rank: How many tokens were more probable there, and one.
        mean: The mean log-probability of a token drawn there from the sampling model.
        variance: The variance of it.
    """

    document: Ints
    documents: int
    logprob: Floats
    rank: Floats
    mean: Floats
    variance: Floats

    def total(self, values: Floats) -> Floats:
        """The sum over the tokens of each document: shape (documents,)."""
        return np.bincount(self.document, values, minlength=self.documents).astype(float)

    @property
    def tokens(self) -> Floats:
        """How many tokens of each document were scored."""
        return self.total(np.ones(len(self.document)))
