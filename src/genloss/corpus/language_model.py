"""What a language model offers, whoever made it."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from numpy.random import Generator

from genloss.chain.data import Floats
from genloss.corpus.documents import Documents, Tokenizer


@runtime_checkable
class LanguageModel(Protocol):
    """A model of documents: n-grams offer all of it, and a model of your own that does is treated alike."""

    @property
    def tokenizer(self) -> Tokenizer:
        """What reads documents for it."""

    def logprob(self, documents: Documents | Sequence[str]) -> Floats:
        """The natural log-probability of every token and every document's end, as in `Documents.ended()`."""

    def next_laws(self, contexts: Sequence[Any]) -> Floats:
        """The probabilities of the next token after the beginnings of documents: shape (contexts, tokenizer.size)."""

    def sample(self, n: int, rng: Generator) -> Documents:
        """Draw n documents."""
