"""What language models say of every token: its log-probability and rank, and the law it was drawn from.

A language model is an `NGramModel` (served by exact sums over its tree, without a vocabulary-wide law) or any object
with `laws`, such as `HuggingFaceLM`.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from genloss.chain.data import Data, Floats, Ints
from genloss.corpus.documents import Documents
from genloss.errors import SpecError
from genloss.families.ngram.learner import NGramModel
from genloss.provenance.detectors.token_statistics import TokenStatistics


class CausalLM(Protocol):
    """A language model that gives the law of every next token."""

    def laws(self, data: Data) -> Iterator[tuple[Ints, Floats]]:
        """Read documents one by one.

        Yields:
            The tokens that were predicted, shape (tokens,), and the natural log-probability of every token of the
            vocabulary at each of these positions, shape (tokens, vocabulary).
        """


def statistics(model: Any, data: Data, where: str, sampler: Any = None, ranks: bool = False) -> TokenStatistics:
    """Read documents with a model.

    Args:
        model: The model that scores.
        data: Documents or texts.
        where: Who asks, for messages.
        sampler: The model whose law the mean and variance are under; None is the scoring model.
        ranks: Whether ranks are needed (they are 1 otherwise).

    Raises:
        SpecError: If there is no document, a document has no token to score, or the model gives probability 0.
    """
    documents = checked(data, where)
    if isinstance(model, NGramModel) and sampler is None:
        from genloss.provenance.detectors.ngram_statistics import read

        found = read(model, encoded(model, documents), ranks)
    else:
        found = _dense(model, sampler, documents, where)
    return _sound(found, where)


def cross_entropy(observer: Any, performer: Any, data: Data, where: str) -> tuple[TokenStatistics, Floats]:
    """Read documents with two models of one vocabulary.

    Returns:
        The observer's statistics, and at every token the cross-entropy of the performer under the observer's law.

    Raises:
        SpecError: As `statistics`; and where the vocabularies differ.
    """
    documents = checked(data, where)
    if isinstance(observer, NGramModel) and isinstance(performer, NGramModel):
        from genloss.provenance.detectors.ngram_statistics import crossed, read

        encoded(performer, encoded(observer, documents))
        found, cross = read(observer, encoded(observer, documents), False), crossed(observer, performer, documents)
    else:
        found = _dense(performer, observer, documents, where)
        cross = -found.mean
        found = _dense(observer, None, documents, where)
    if not np.isfinite(cross).all():
        raise SpecError(f"{where}: the performer gives tokens probability 0; use a smoothed model")
    return _sound(found, where), cross


def checked(data: Data, where: str) -> Any:
    """Refuse what is not a list of documents, in one line."""
    if isinstance(data, (str, bytes)) or not hasattr(data, "__len__") or hasattr(data, "dtype"):
        raise SpecError(
            f"{where}: {type(data).__name__} is not a list of texts; give documents or a list, one text a row"
        )
    if not len(data):
        raise SpecError(f"{where}: no documents; give at least one")
    if not isinstance(data, Documents):
        for i, text in enumerate(data):
            if not isinstance(text, str):
                raise SpecError(f"{where}: document {i} is {type(text).__name__}, not text")
    return data


def encoded(model: NGramModel, documents: Documents | Sequence[str]) -> Documents:
    """The documents in the tokens of a model; text is read again where another tokenizer made the tokens."""
    from genloss.corpus.documents import same_tokens

    if isinstance(documents, Documents) and same_tokens(documents.tokenizer, model.tokenizer):
        return documents
    return model.tokenizer.encode(list(documents))


def _dense(model: Any, sampler: Any, documents: Any, where: str) -> TokenStatistics:
    scored = _laws(model, documents, where)
    drawn = scored if sampler is None else _laws(sampler, documents, where)
    parts = []
    for i, each in enumerate(scored):
        tokens, law = np.asarray(each[0], dtype=np.int64), each[1]
        if sampler is None:
            weight = np.exp(law)
        else:
            others, other = next(drawn)
            if not np.array_equal(others, tokens) or other.shape != law.shape:
                raise SpecError(f"{where}: the two models have different vocabularies; give models with one tokenizer")
            weight = np.exp(other)
        own = law[np.arange(len(tokens)), tokens]
        with np.errstate(invalid="ignore"):
            mean = np.where(weight > 0, weight * law, 0).sum(1)
            variance = np.where(weight > 0, weight * (law - mean[:, None]) ** 2, 0).sum(1)
        rank = 1.0 + (law > own[:, None]).sum(1)
        parts.append((np.full(len(tokens), i), own, rank, mean, variance))
    document, own, rank, mean, variance = (np.concatenate(column) for column in zip(*parts, strict=True))
    return TokenStatistics(document, len(documents), own, rank, mean, variance)


def _laws(model: Any, documents: Any, where: str) -> Iterator[tuple[Ints, Floats]]:
    if isinstance(model, NGramModel):
        from genloss.provenance.detectors.ngram_statistics import laws

        return laws(model, encoded(model, documents))
    if not callable(getattr(model, "laws", None)):
        raise SpecError(f"{where}: {type(model).__name__} is not a language model; give NGramModel, HuggingFaceLM or "
                        "an object with laws(data)")  # fmt: skip
    return iter(model.laws(documents))


def _sound(found: TokenStatistics, where: str) -> TokenStatistics:
    few = np.flatnonzero(found.tokens == 0)
    if len(few):
        raise SpecError(f"{where}: document {few[0]} has no token to score; leave it out")
    if not np.isfinite(found.logprob).all():
        first = found.document[~np.isfinite(found.logprob)][0]
        raise SpecError(f"{where}: the model gives document {first} probability 0; use a smoothed model")
    return found
