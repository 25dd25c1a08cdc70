"""Language: what models of text still know of held-out real text, and how various what they write is."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.random import Generator

from genloss import metrics
from genloss.chain.capabilities import held_out_of
from genloss.chain.data import Array, Data, Floats, concat
from genloss.chain.meta import ProbeRole
from genloss.chain.recursion import Generation
from genloss.corpus.documents import Documents, same_tokens
from genloss.corpus.tokenizers import Words
from genloss.errors import SpecError
from genloss.families.ngram.learner import NGram
from genloss.metrics.diversity.lexical import band_names, share_kept
from genloss.metrics.spread import shannon
from genloss.probes import rows
from genloss.probes.naming import probe_name, refusal

EDGES = (30, 100, 1000)
"""Where bands of frequency begin, as counts in all training documents of the source; the first band begins at 1."""


@dataclass(frozen=True)
class Perplexity:
    """The perplexity of the model on held-out real text: exp of the mean of -ln p over its tokens and document ends.

    A quality average: frequent words decide it. Tokens that the vocabulary lacks are left out (they still stand in the
    context of others). It is infinite for a model that gives something probability 0, as maximum likelihood does.

    Attributes:
        documents: The most held-out documents to read; None reads all.
        per: "token" divides by the number of tokens and document ends. "byte" divides by the bytes of the documents in
            UTF-8: models of different tokenizers can only be compared per byte. All tokens count then.
    """

    role: ClassVar[ProbeRole] = "average"
    better: ClassVar[str] = "lower"
    scale: ClassVar[str] = "log"

    documents: int | None = None
    per: Literal["token", "byte"] = "token"

    def __post_init__(self) -> None:
        if self.documents is not None:
            rows.whole(self.documents, 1, self, "documents")
        if self.per not in ("token", "byte"):
            raise SpecError(f"probe {probe_name(self)}.per: must be 'token' or 'byte', got {self.per!r}")

    def __call__(self, g: Generation, rng: Generator) -> float:
        """Measure a generation."""
        real = _held_out(g, self.documents, self)
        surprise = -_logprob(g.model, real, self)
        if self.per == "byte":
            return float(metrics.perplexity(-surprise, units=sum(len(text.encode()) for text in real)))
        return float(metrics.perplexity(-surprise[real.ended() != real.tokenizer.unknown]))


@dataclass(frozen=True)
class BandPerplexity:
    """The perplexity of the model on held-out real text, by how frequent a token is; a vector probe.

    exp of the mean of -ln p over the held-out tokens of a band of frequency; document ends and tokens that the training
    documents lack are in no band. `attrs["noise"]` holds, band by band, the standard error due to the finite set of
    held-out documents (documents are independent, their words are not).

    Attributes:
        edges: Where bands begin, rising: counts of a token in all training documents of the source.
        documents: The most held-out documents to read; None reads all.
    """

    role: ClassVar[ProbeRole] = "tails"
    better: ClassVar[str] = "lower"
    scale: ClassVar[str] = "log"

    edges: tuple[int, ...] = EDGES
    documents: int | None = None

    def __post_init__(self) -> None:
        _check_edges(self)
        if self.documents is not None:
            rows.whole(self.documents, 1, self, "documents")

    def __call__(self, g: Generation, rng: Generator) -> Any:
        """Measure a generation: labels along `band`."""
        real = _held_out(g, self.documents, self)
        band = _bands(g, self.edges, real, self)[real.ended()]
        known = np.flatnonzero(band >= 0)
        names = band_names(self.edges)
        document = np.repeat(np.arange(len(real)), real.lengths + 1)
        cell = document[known] * len(names) + band[known]
        shape = (len(real), len(names))
        tokens = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
        surprise = -_logprob(g.model, real, self)[known]
        total = np.bincount(cell, surprise, minlength=shape[0] * shape[1]).reshape(shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = total.sum(0) / tokens.sum(0)
            off = ((total - mean * tokens) ** 2).sum(0)
            noise = np.exp(mean) * np.sqrt(off) / tokens.sum(0)
        noise = np.where(np.isfinite(noise), noise, 0.0)
        return rows.labelled(np.exp(mean), "band", names, g, noise=noise.tolist())


@dataclass(frozen=True)
class Survival:
    """The share of held-out words that the model still writes, by how frequent they are; a vector probe.

    Among the types (different tokens) of a band of frequency that occur in held-out real documents: the share that
    occurs in as many generated documents as generation 0 was trained on. Each type counts alike. Even a perfect model
    misses rare types, because a sample of that size does: compare with the control that trains on fresh real data, not
    with 1. `attrs["noise"]` holds, band by band, the binomial standard error due to the finite number of held-out
    types.

    Attributes:
        edges: Where bands begin, rising: counts of a type in all training documents of the source.
        documents: Documents to draw; None draws as many as the model of generation 0 was fitted to.
    """

    role: ClassVar[ProbeRole] = "tails"
    better: ClassVar[str] = "higher"
    scale: ClassVar[str] = "linear"

    edges: tuple[int, ...] = EDGES
    documents: int | None = None

    def __post_init__(self) -> None:
        _check_edges(self)
        if self.documents is not None:
            rows.whole(self.documents, 1, self, "documents")

    def __call__(self, g: Generation, rng: Generator) -> Any:
        """Measure a generation: labels along `band`."""
        real = _held_out(g, None, self)
        types = np.flatnonzero(real.counts())
        band = _bands(g, self.edges, real, self)[types]
        types, band = types[band >= 0], band[band >= 0]
        wanted = self.documents if self.documents is not None else getattr(g.first, "documents", None)
        if wanted is None:
            raise SpecError(
                f"probe {probe_name(self)}.documents: {type(g.first).__name__} does not say how many documents it was "
                "fitted to; give a number"
            )
        written = _in_tokens_of(real, g.sample(int(wanted), rng), self).counts()[types] > 0
        names = band_names(self.edges)
        held = np.bincount(band, minlength=len(names))
        share = share_kept(band, written, len(names))
        noise = rows.share_error(np.nan_to_num(share), held)
        return rows.labelled(share, "band", names, g, noise=noise.tolist())


@dataclass(frozen=True)
class Distinct:
    """Distinct-n: the share of different n-grams among those that a model writes (Li et al. 2016); from 0 to 1.

    n-grams lie within documents. The share falls with the amount of text, so it is always taken over the same number
    of tokens.

    Attributes:
        n: Length of the n-grams.
        tokens: Tokens of generated text to read.
    """

    role: ClassVar[ProbeRole] = "language"
    better: ClassVar[str] = "higher"
    scale: ClassVar[str] = "linear"

    n: int = 3
    tokens: int = 20_000

    def __post_init__(self) -> None:
        rows.whole(self.n, 1, self, "n")
        rows.whole(self.tokens, 1, self, "tokens")

    def __call__(self, g: Generation, rng: Generator) -> float:
        """Measure a generation: NaN if no document is long enough."""
        text = _written(g, self.tokens, rng, self)
        left = np.repeat(text.offsets[1:], text.lengths) - np.arange(len(text.tokens))
        grams = text.tokens.astype(np.int64)
        for _ in range(self.n - 1):
            # Shorter n-grams are numbered anew, so that the numbers of longer ones stay small.
            grams = np.unique(grams, return_inverse=True)[1][: max(len(grams) - 1, 0)]
            grams = grams * text.tokenizer.size + text.tokens[len(text.tokens) - len(grams) :]
        grams = grams[left[: len(grams)] >= self.n]
        return len(np.unique(grams)) / len(grams) if len(grams) else np.nan


@dataclass(frozen=True)
class Types:
    """How many different tokens a model writes in a fixed amount of text.

    Attributes:
        tokens: Tokens of generated text to read.
    """

    role: ClassVar[ProbeRole] = "language"
    better: ClassVar[str] = "higher"
    scale: ClassVar[str] = "log"

    tokens: int = 20_000

    def __post_init__(self) -> None:
        rows.whole(self.tokens, 1, self, "tokens")

    def __call__(self, g: Generation, rng: Generator) -> float:
        """Measure a generation."""
        return float(np.count_nonzero(_written(g, self.tokens, rng, self).counts()))


@dataclass(frozen=True)
class TokenEntropy:
    """The entropy of the frequencies of single tokens in what a model writes, in nats.

    It is the plain estimate, which is lower the less text there is, so it is always taken over the same number of
    tokens.

    Attributes:
        tokens: Tokens of generated text to read.
    """

    role: ClassVar[ProbeRole] = "spread"
    better: ClassVar[str] = "higher"
    scale: ClassVar[str] = "linear"

    tokens: int = 20_000

    def __post_init__(self) -> None:
        rows.whole(self.tokens, 1, self, "tokens")

    def __call__(self, g: Generation, rng: Generator) -> float:
        """Measure a generation."""
        counts = _written(g, self.tokens, rng, self).counts()
        return float(shannon(counts[counts > 0] / counts.sum()))


@dataclass(frozen=True)
class ReferencePerplexity:
    """The perplexity of what a model writes under a judge that knows the real text: how usual its text looks.

    It may look better (lower) while the tails go, above all where sampling is truncated.

    Attributes:
        documents: Documents to draw.
        judge: "real" is a Kneser-Ney trigram of all real training text; "first" is the model of generation 0, as in
            Shumailov et al. 2024, which finds text made of its own training documents more usual than any other.
    """

    role: ClassVar[ProbeRole] = "average"
    better: ClassVar[str] = "lower"
    scale: ClassVar[str] = "log"

    documents: int = 200
    judge: Literal["real", "first"] = "real"

    def __post_init__(self) -> None:
        rows.whole(self.documents, 1, self, "documents")
        if self.judge not in ("real", "first"):
            raise SpecError(f"probe {probe_name(self)}.judge: no judge {self.judge!r}; known: first, real")

    def __call__(self, g: Generation, rng: Generator) -> float:
        """Measure a generation."""
        judge = g.first if self.judge == "first" else _judge(g, self)
        if not hasattr(judge, "logprob"):
            raise refusal(self, "models of text with logprob(documents)", judge)
        written = g.sample(self.documents, rng)
        own = getattr(judge, "tokenizer", None)
        if isinstance(written, Documents) and own is not None and not same_tokens(written.tokenizer, own):
            written = own.encode(list(written))
        return float(np.exp(-_logprob(judge, written, self).mean()))


_judges: dict[int, tuple[Documents, Any]] = {}


def _judge(g: Generation, probe: Any) -> Any:
    """The model of all real training text, fitted once in a process."""
    real = getattr(g.source, "train", None)
    if not isinstance(real, Documents) or not len(real):
        raise refusal(probe, "sources that are a corpus", g.source)
    found = _judges.get(id(real))
    if found is None or found[0] is not real:
        if len(_judges) >= 4:
            _judges.clear()
        found = _judges[id(real)] = (real, NGram(3).fit(real, np.random.default_rng(0)))
    return found[1]


def _check_edges(probe: Any) -> None:
    edges = tuple(probe.edges)
    object.__setattr__(probe, "edges", edges)
    for edge in edges:
        rows.whole(edge, 2, probe, "edges")
    if not all(low < high for low, high in pairwise(edges)):
        raise SpecError(f"probe {probe_name(probe)}.edges: {edges}; give rising counts from 2")


def _held_out(g: Generation, documents: int | None, probe: Any) -> Documents:
    """The held-out documents of the source, or the first ones of them."""
    real = held_out_of(g.source)
    if not isinstance(real, Documents) or not len(real):
        raise refusal(probe, "sources with held-out documents (a corpus)", g.source)
    return real if documents is None or documents >= len(real) else real[:documents]


def _bands(g: Generation, edges: tuple[int, ...], real: Documents, probe: Any) -> Array:
    """The band of every token, -1 for none: shape (tokenizer.size,)."""
    counts = getattr(g.source, "counts", None)
    if counts is None:
        raise refusal(probe, "sources that count their training tokens (a corpus)", g.source)
    band = np.where(counts > 0, np.searchsorted(edges, counts, side="right"), -1)
    band[[real.tokenizer.end, *([real.tokenizer.unknown] if real.tokenizer.unknown >= 0 else [])]] = -1
    return band


def _logprob(model: Any, documents: Documents | Sequence[str], probe: Any) -> Floats:
    if not hasattr(model, "logprob"):
        raise refusal(probe, "models of text with logprob(documents)", model)
    found = np.asarray(model.logprob(documents), dtype=float)
    if isinstance(documents, Documents) and found.shape != (len(documents.tokens) + len(documents),):
        raise SpecError(
            f"probe {probe_name(probe)}: logprob gave shape {found.shape} for {len(documents.tokens)} tokens in "
            f"{len(documents)} documents; give one number per token and one per document's end"
        )
    return found


def _in_tokens_of(real: Documents, written: Data, probe: Any) -> Documents:
    """Read what a model wrote by the tokens of the real documents."""
    if isinstance(written, Documents) and same_tokens(written.tokenizer, real.tokenizer):
        return written
    return real.tokenizer.encode(_texts(written, probe))


def _written(g: Generation, tokens: int, rng: Generator, probe: Any) -> Documents:
    """Draw exactly so many tokens of text, the last document cut short; fewer where documents are nearly all empty."""
    found: list[Documents] = []
    drawn = have = 0
    wanted = 1 + tokens // 64
    for _ in range(12):
        part: Any = g.sample(wanted, rng)
        if not isinstance(part, Documents):
            known = found[0].tokenizer if found else getattr(g.source, "tokenizer", None)
            texts = _texts(part, probe)
            part = known.encode(texts) if known is not None else Words().train(texts)
        found.append(part)
        drawn, have = drawn + len(part), have + len(part.tokens)
        if have >= tokens:
            break
        wanted = min(drawn, 1 + (tokens - have) * drawn // have) if have else drawn
    joined: Documents = concat(found)
    return joined.first_tokens(tokens)


def _texts(written: Data, probe: Any) -> list[str]:
    if isinstance(written, (Documents, list)) and all(isinstance(text, str) for text in written):
        return list(written)
    raise SpecError(
        f"probe {probe_name(probe)}: measures models that write documents; this one drew {type(written).__name__}"
    )
