"""The n-gram language model: interpolated Kneser-Ney or maximum likelihood, over words, bytes or byte-pair pieces."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Any, Literal

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Array, Data, Floats
from genloss.corpus.documents import Documents, Tokenizer, same_tokens
from genloss.corpus.tokenizers import Words
from genloss.errors import SpecError
from genloss.families.ngram.smoothing import Tree, Weights, kneser_ney, likelihood, of_seen, tempered
from genloss.plain.numbers import whole_number

_MOST_ORDER = 12


@dataclass(frozen=True)
class NGram:
    """Fit the next token given the order - 1 tokens before it.

    A document is a row: n in a regime counts documents. The end of a document is a token like any other, so the model
    decides how long its documents are; its first token is predicted from the start of the document.

    "kneser-ney" is interpolated Kneser-Ney smoothing, modified with three discounts (Chen and Goodman 1999, equations
    17 and 26): it gives every token of the vocabulary a positive probability everywhere. "none" is maximum likelihood:
    it gives probability 0 to what it has not seen, and so to nearly every held-out document.

    `draws`, `temperature`, `top_k` and `top_p` change what is drawn, not `NGramModel.logprob`. A smoothed model draws
    only tokens that its own training text holds, because the vocabulary is that of all real text: whoever draws "any"
    of it brings lost words back out of knowledge that the training text has not got. "seen-ngrams" draws by maximum
    likelihood from a model that is still scored with smoothing. Temperature and truncation apply to the law of the next
    token over the whole vocabulary, in this order: probabilities to the power 1 / temperature, then the `top_k` most
    probable tokens, then the fewest most probable ones of these that hold the share `top_p`. All of it is exact. Tokens
    that tie with the last one kept are kept.

    Attributes:
        order: Length of the n-grams: 1 draws tokens independently, 3 is a trigram model; at most 12.
        smoothing: "kneser-ney" or "none".
        discount: What every count is lowered by, from 0 to 1; None estimates three discounts from the data (Chen and
            Goodman), with 0.5, 1 and 1.5 where the data are too few for that.
        draws: What may be drawn: "seen-tokens" (the smoothed law, backing off in the end to the tokens that its
            training text holds), "any" token, or only "seen-ngrams" (maximum likelihood).
        temperature: Below 1 favours the probable, above 1 the improbable.
        top_k: How many of the most probable tokens may be drawn; None for all.
        top_p: The share of the probability that the drawn tokens hold; 1 for all.
        max_length: Documents are cut at so many tokens.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> model = NGram(order=2).fit(["the tails go first", "the head goes last"], rng)
        >>> len(model.sample(3, rng))
        3
    """

    order: int = 3
    smoothing: Literal["kneser-ney", "none"] = "kneser-ney"
    discount: float | None = None
    draws: Literal["any", "seen-ngrams", "seen-tokens"] = "seen-tokens"
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0
    max_length: int = 10_000

    def __post_init__(self) -> None:
        _check_whole(self.order, "order", _MOST_ORDER)
        _check_whole(self.max_length, "max_length")
        if self.top_k is not None:
            _check_whole(self.top_k, "top_k")
        for name, known in (("smoothing", ("kneser-ney", "none")), ("draws", ("any", "seen-ngrams", "seen-tokens"))):
            if getattr(self, name) not in known:
                raise SpecError(f"ngram.{name}: no {name} {getattr(self, name)!r}; known: {', '.join(known)}")
        if self.discount is not None and not 0 <= self.discount <= 1:
            raise SpecError(f"ngram.discount: {self.discount} is not a discount; give a number from 0 to 1, or null")
        if not 0 < self.temperature < np.inf:
            raise SpecError(f"ngram.temperature: {self.temperature} is not a temperature; give a number above 0")
        if not 0 < self.top_p <= 1:
            raise SpecError(f"ngram.top_p: {self.top_p} is not a share; give a number above 0 and at most 1")

    def fit(self, data: Data, rng: Generator) -> "NGramModel":
        """Fit to documents, or to a list of texts, whose words then become the vocabulary.

        Raises:
            SpecError: If there is no document, or numba is not installed.
        """
        documents = data if isinstance(data, Documents) else _read(data)
        if not len(documents):
            raise SpecError("learner: NGram needs at least 1 document, got 0")
        tokenizer = documents.tokenizer
        tree = Tree(*_kernels().grow(documents.tokens, documents.offsets, tokenizer.end, tokenizer.size, self.order))
        weights = likelihood(tree) if self.smoothing == "none" else kneser_ney(tree, self.discount)
        return NGramModel(self, tokenizer, len(documents), len(documents.tokens), tree, weights)


@dataclass(frozen=True, eq=False, repr=False)
class NGramModel:
    """A fitted n-gram model; a source of documents.

    Attributes:
        learner: The recipe it was fitted by.
        tokenizer: The tokenizer of its training documents.
        documents: How many documents it was fitted to.
        tokens: How many tokens these hold.
        tree: Their n-grams.
        weights: The model's law.
    """

    learner: NGram
    tokenizer: Tokenizer
    documents: int
    tokens: int
    tree: Tree = field(repr=False)
    weights: Weights = field(repr=False)

    def __repr__(self) -> str:
        return f"NGramModel(order={self.learner.order}, {self.documents} documents, {self.tokens} tokens)"

    def sample(self, n: int, rng: Generator) -> Documents:
        """Draw n documents."""
        learner, tree, drawn = self.learner, self.tree, self._drawn
        state = rng.integers(0, 2**64, 4, dtype=np.uint64)
        common = (tree.token, tree.begin, tree.suffix, drawn.gamma, *self._running, state)
        lengths = (n, learner.max_length, self.tokenizer.end)
        if self._truncates:
            k = self.tokenizer.size if learner.top_k is None else learner.top_k
            ranks = (tree.parent, drawn.mass, *self._ranked, k, learner.top_p, self._least)
            tokens, offsets = _draws().draws_truncated(*lengths, *common, *ranks)
        else:
            tokens, offsets = _draws().draws(*lengths, *common)
        return Documents(tokens, offsets, self.tokenizer)

    def logprob(self, documents: Documents | Sequence[str]) -> Floats:
        """The natural logarithm of the model's probability of every token and every document's end.

        Sampling settings play no part. Maximum likelihood gives -inf to what it has not seen.

        Returns:
            One number per token, in the order of `Documents.ended()`: shape (tokens + documents,).
        """
        if not isinstance(documents, Documents):
            documents = self.tokenizer.encode(list(documents))
        if not same_tokens(documents.tokenizer, self.tokenizer):
            raise SpecError("ngram: the documents were made by another tokenizer than the model's; encode them anew")
        tree, weights = self.tree, self.weights
        found: Floats = _kernels().logprobs(
            documents.tokens, documents.offsets, self.tokenizer.end, tree.token, tree.parent, tree.suffix, tree.begin,
            weights.gamma, weights.mass,
        )  # fmt: skip
        return found

    def probabilities(self, context: str | Sequence[int] = (), *, drawn: bool = False) -> Floats:
        """The law of the next token after the beginning of a document.

        Args:
            context: The document so far, as text or token ids.
            drawn: Whether to give the law that `sample` draws from; else the model's own, as `logprob`.

        Returns:
            One probability per token, the end symbol among them: shape (tokenizer.size,).
        """
        tokens = self.tokenizer.encode([context]).tokens if isinstance(context, str) else np.asarray(context, dtype=int)
        tree, law = self.tree, self._drawn if drawn else self.weights
        chain = []
        at = self._context(tokens)
        while at >= 0:
            chain.append(at)
            at = int(tree.suffix[at])
        found = law.mass[: self.tokenizer.size].copy()
        for at in reversed(chain):
            children = slice(int(tree.begin[at]), int(tree.begin[at + 1]))
            found = law.gamma[at] * found
            found[tree.token[children]] = law.mass[children]
        if drawn:
            found = self._truncated(found)
        return found / found.sum() if drawn else found

    def next_laws(self, contexts: Sequence[str | Sequence[int]]) -> Floats:
        """The laws of the next token after the beginnings of documents: shape (contexts, tokenizer.size).

        They are the model's own, as in `logprob`; sampling settings play no part.
        """
        return np.array([self.probabilities(context) for context in contexts]).reshape(-1, self.tokenizer.size)

    def _context(self, tokens: Array) -> int:
        """The longest known context at the end of a document's beginning."""
        tree, kernels = self.tree, _kernels()
        context = int(kernels.after(tree.suffix, tree.contexts, self.tokenizer.end))
        for token in tokens:
            node = kernels.longest(tree.token, tree.begin, tree.suffix, context, int(token))
            context = int(kernels.after(tree.suffix, tree.contexts, node))
        return context

    @property
    def _truncates(self) -> bool:
        return self.learner.top_k is not None or self.learner.top_p < 1

    def _truncated(self, mass: Floats) -> Floats:
        """Set the mass of tokens that may not be drawn to 0."""
        ranked = np.sort(mass)[::-1]
        least = 0.0
        if self.learner.top_k is not None:
            least = float(ranked[min(self.learner.top_k, len(ranked)) - 1])
            ranked = ranked[ranked >= least]
        if self.learner.top_p < 1:
            held = np.cumsum(ranked)
            least = max(least, float(ranked[np.searchsorted(held, self.learner.top_p * held[-1])]))
        return np.where(mass >= least, mass, 0.0)

    @cached_property
    def _drawn(self) -> Weights:
        """The law that is drawn from, before truncation; its masses need not add up to 1."""
        tree, learner = self.tree, self.learner
        weights = self.weights
        if learner.draws == "seen-ngrams":
            weights = likelihood(tree)
        elif learner.draws == "seen-tokens" and learner.smoothing != "none":
            weights = of_seen(tree, weights)
        return weights if learner.temperature == 1 else tempered(tree, weights, learner.temperature)

    @cached_property
    def _running(self) -> tuple[Floats, Floats, Floats]:
        """Running sums over the children of each context, the totals of the contexts, running sums over all tokens."""
        tree, drawn = self.tree, self._drawn
        root = np.cumsum(drawn.mass[: self.tokenizer.size])
        return (*_draws().cumulate(drawn.own, tree.begin, tree.suffix, drawn.gamma, root[-1]), root)

    @cached_property
    def _ranked(self) -> tuple[Array, Array]:
        """The children of each context from the most probable on, and so the tokens alone."""
        size, mass = self.tokenizer.size, self._drawn.mass
        order = np.lexsort((-mass[size:], self.tree.parent[size:]))
        return np.concatenate([np.zeros(size, dtype=np.int64), size + order]), np.argsort(-mass[:size], kind="stable")

    @cached_property
    def _least(self) -> Floats:
        """The smallest mass that may be drawn after each context, filled in as contexts are met; NaN before."""
        return np.full(self.tree.contexts + 1, np.nan)


def _read(data: Any) -> Documents:
    if isinstance(data, (str, bytes)) or not hasattr(data, "__iter__") or hasattr(data, "dtype"):
        raise SpecError(f"learner: NGram needs documents or a list of texts, got {type(data).__name__}")
    texts = list(data)
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise SpecError(f"learner: NGram needs texts; document {i} is {type(text).__name__}")
    if not texts:
        raise SpecError("learner: NGram needs at least 1 document, got 0")
    return Words().train(texts)


def _check_whole(value: Any, name: str, most: int | None = None) -> None:
    whole_number(value, f"ngram.{name}", 1, most)


def _kernels() -> Any:
    return _compiled("genloss.families.ngram.tree")


def _draws() -> Any:
    return _compiled("genloss.families.ngram.sampling")


def _compiled(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise SpecError('learner: NGram needs numba; pip install "genloss[text]"') from None
