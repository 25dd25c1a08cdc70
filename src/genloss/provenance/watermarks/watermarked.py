"""A learner whose models write watermarked text, so that a chain's generations bear a mark."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator

from genloss.chain.data import Data, Floats
from genloss.chain.protocols import Learner
from genloss.errors import SpecError
from genloss.provenance.watermarks.gumbel import Gumbel
from genloss.provenance.watermarks.kgw import _HASHED, KGW
from genloss.provenance.watermarks.scheme import Scheme, check_law, choosing, drawn, tournaments
from genloss.provenance.watermarks.synthid import SynthID
from genloss.provenance.watermarks.unigram import Unigram
from genloss.provenance.watermarks.watermark_spec import WatermarkSpec

if TYPE_CHECKING:
    from genloss.corpus.documents import Documents
    from genloss.families.ngram.learner import NGramModel

_HOW = {"last": 0, "sum": 1, "skipgram": 2, "minhash": 3, "anchored-minhash": 4}


@dataclass(frozen=True)
class Watermarked:
    """Fit as another learner does, and embed a watermark in all that its models write.

    Of n-gram models every green token is raised, also with lists that hang on the token itself, where
    `WatermarkSpec.process` raises only the most probable ones. The watermark covers the end of the document too.

    Where a `Gumbel` or a `SynthID` chooses, the first tokens of a document, whose windows are not full, are drawn by
    chance: their windows, filled up alike, would begin all documents alike.

    Attributes:
        learner: Its models give the law of the next token: `NGram`, or anything whose models have
            `probabilities(context, drawn=True)` and a tokenizer.
        spec: The watermark, a `WatermarkSpec` or a scheme; its vocab_size is the tokenizer's size.

    Example:
        >>> import numpy as np
        >>> from genloss.families.ngram.learner import NGram
        >>> from genloss.provenance import KGW, WatermarkSpec
        >>> learner = Watermarked(NGram(order=2), WatermarkSpec(KGW(9)))
        >>> model = learner.fit(["the tails go first", "the head goes last"], np.random.default_rng(0))
        >>> len(model.sample(3, np.random.default_rng(0)))
        3
    """

    learner: Learner
    spec: WatermarkSpec | Scheme

    def __post_init__(self) -> None:
        if isinstance(self.learner, type) or not callable(getattr(self.learner, "fit", None)):
            raise SpecError(f"watermarked.learner: {self.learner!r} is not a learner; give it fit(data, rng)")
        object.__setattr__(self, "spec", WatermarkSpec.of(self.spec))

    def fit(self, data: Data, rng: Generator) -> "WatermarkedModel":
        """Fit the learner to the data.

        Raises:
            SpecError: If the watermark is made for another vocabulary.
        """
        spec = WatermarkSpec.of(self.spec)
        model: Any = self.learner.fit(data, rng)
        if not hasattr(model, "probabilities") or not hasattr(model, "tokenizer"):
            raise SpecError(
                f"watermarked: a {type(model).__name__} has no law of the next token; "
                "give it probabilities(context, drawn=True) and a tokenizer"
            )
        size, wanted = model.tokenizer.size, spec.scheme.vocab_size
        if size != wanted:
            raise SpecError(
                f"watermarked: the watermark knows {wanted} ids, the tokenizer {size}; set vocab_size={size}"
            )
        return WatermarkedModel(model, spec)


@dataclass(frozen=True, eq=False, repr=False)
class WatermarkedModel:
    """A fitted model that writes watermarked documents; its own law, without the watermark, is what it is scored by.

    Attributes:
        model: The fitted model.
        spec: The watermark.
    """

    model: Any
    spec: WatermarkSpec

    def __repr__(self) -> str:
        return f"WatermarkedModel({self.model!r}, {type(self.spec.scheme).__name__})"

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of the training documents."""
        return self.model.tokenizer

    @property
    def documents(self) -> int:
        """How many documents the model was fitted to."""
        found: int = self.model.documents
        return found

    def logprob(self, documents: Any) -> Floats:
        """The model's log probabilities, without the watermark."""
        found: Floats = self.model.logprob(documents)
        return found

    def probabilities(self, context: Any = (), *, drawn: bool = False) -> Floats:
        """The model's law of the next token, without the watermark."""
        found: Floats = self.model.probabilities(context, drawn=drawn)
        return found

    def sample(self, n: int, rng: Generator) -> "Documents":
        """Draw n watermarked documents."""
        from genloss.families.ngram.learner import NGramModel

        if isinstance(self.model, NGramModel):
            if isinstance(self.spec.scheme, (KGW, Unigram)):
                return self._green(self.model, n, rng)
            if isinstance(self.spec.scheme, (Gumbel, SynthID)) and len(getattr(self.spec.scheme, "keys", ())) <= 64:
                return self._chosen(self.model, n, rng)
            return self._documents([self._walk(self.model, rng) for _ in range(n)])
        return self._documents([self._any(rng) for _ in range(n)])

    def _documents(self, written: list[list[int]]) -> "Documents":
        from genloss.corpus.documents import Documents

        offsets = np.concatenate([[0], np.cumsum([len(each) for each in written])]).astype(np.int64)
        return Documents(np.array([token for each in written for token in each], np.int32), offsets, self.tokenizer)

    def _any(self, rng: Generator) -> list[int]:
        """One document of any model, by its law of the next token."""
        written: list[int] = []
        most = getattr(getattr(self.model, "learner", None), "max_length", 10_000)
        while len(written) < most:
            law = self.model.probabilities(written, drawn=True)
            token = self._choose(written, law, rng)
            if token == self.tokenizer.end:
                break
            written.append(token)
        return written

    def _choose(self, written: list[int], law: Floats, rng: Generator) -> int:
        """The next token; by chance while windows are not full, since padded ones would begin all documents alike."""
        scheme = self.spec.scheme
        window = scheme.width if isinstance(scheme, Gumbel) else scheme.ngram - 1 if isinstance(scheme, SynthID) else 0
        if len(written) < window:
            return drawn(check_law(law, len(law)), rng)
        return self.spec.choose(written, law, rng)

    def _walk(self, model: "NGramModel", rng: Generator) -> list[int]:
        """One document of an n-gram model, from context to context."""
        drawing, ngrams = _drawing(), import_module("genloss.families.ngram.tree")
        tree, drawn, end = model.tree, model._drawn, self.tokenizer.end
        law = np.empty(self.tokenizer.size)
        ranks = _ranks(model)
        context = int(ngrams.after(tree.suffix, tree.contexts, end))
        written: list[int] = []
        while len(written) < model.learner.max_length:
            drawing.dense(len(law), tree.token, tree.begin, tree.suffix, drawn.gamma, drawn.mass, context, law)
            _, total, root = model._running
            bound, _ = drawing.least_mass(
                tree.token, tree.begin, tree.suffix, drawn.gamma, total, root, drawn.mass, *ranks,
                np.full(len(law), -1, np.int64), 0, context,
            )  # fmt: skip
            token = self._choose(written, np.where(law >= bound, law, 0.0), rng)
            if token == end:
                break
            written.append(token)
            node = ngrams.longest(tree.token, tree.begin, tree.suffix, context, token)
            context = int(ngrams.after(tree.suffix, tree.contexts, node))
        return written

    def _chosen(self, model: "NGramModel", n: int, rng: Generator) -> "Documents":
        from genloss.corpus.documents import Documents

        scheme, tree, drawn, size = self.spec.scheme, model.tree, model._drawn, self.tokenizer.size
        can_follow = drawn.mass[:size] > 0
        can_follow[tree.token[size:]] = True
        known, place = np.flatnonzero(can_follow), np.cumsum(can_follow) - 1
        common = (
            n, model.learner.max_length, self.tokenizer.end, tree.token, tree.begin, tree.suffix, drawn.gamma,
            *model._running, rng.integers(0, 2**64, 4, dtype=np.uint64), tree.parent, drawn.mass, *_ranks(model),
            known, place,
        )  # fmt: skip
        if isinstance(scheme, Gumbel):
            key, start = np.uint64(int(scheme.key)), np.uint64(scheme.start)
            philox = scheme.prf == "philox"
            tokens, offsets = choosing().gumbel_draws(*common, philox, key, scheme.width, scheme.once, start)
        else:
            assert isinstance(scheme, SynthID)
            tokens, offsets = tournaments().synthid_draws(
                *common, scheme._every_bit, scheme.hash == "rounds", scheme._keys, scheme._bits_table,
                np.int64(scheme._start), scheme.ngram, scheme.history, True,
            )  # fmt: skip
        return Documents(tokens, offsets, self.tokenizer)

    def _green(self, model: "NGramModel", n: int, rng: Generator) -> "Documents":
        from genloss.corpus.documents import Documents

        scheme, tree, drawn = self.spec.scheme, model.tree, model._drawn
        assert isinstance(scheme, (KGW, Unigram))
        mask, packed = np.zeros(0, np.bool_), np.zeros((0, 0), np.uint8)
        lookup, hashes = np.zeros(0, np.uint32), np.zeros(0, np.int32)
        how, own, width, key = 0, False, 1, np.int64(0)
        if isinstance(scheme, Unigram):
            mask = np.array(scheme.mask)
        else:
            how, own, width, key = _HOW[scheme.seeding], scheme.own, scheme.width, np.int64(scheme.key)
            if scheme.table is not None:
                packed = scheme.table
            elif how >= 3:
                hashes = scheme._hashes
            elif how == 2:
                lookup = (scheme._hashes[key * np.arange(scheme.vocab_size) % _HASHED] + 1).astype(np.uint32)
            else:
                lookup = scheme._products(np.arange(scheme.vocab_size * (width if how == 1 else 1)))
        with _verdicts(scheme.vocab_size, scheme.greens) as verdicts:
            tokens, offsets = _drawing().green_draws(
                n, model.learner.max_length, self.tokenizer.end, self.tokenizer.size, tree.token, tree.begin,
                tree.suffix, drawn.gamma, *model._running, rng.integers(0, 2**64, 4, dtype=np.uint64), tree.parent,
                drawn.mass, *_ranks(model), scheme.vocab_size, scheme.greens, float(scheme.bias), mask, packed, how,
                own, width, lookup, hashes, key, *verdicts,
            )  # fmt: skip
        return Documents(tokens, offsets, self.tokenizer)


_PAIRS, _LISTS = 1 << 20, 1 << 26
"""How many verdicts on pairs of seed and token are remembered, and how many bytes of whole green lists."""
_NONE = 2**64 - 1
_kept: dict[tuple[int, int], list[tuple[Any, ...]]] = {}


@contextmanager
def _verdicts(vocab: int, greens: int) -> Iterator[tuple[Any, ...]]:
    """What shuffles of so many ids have dealt so far, for one caller at a time; no seed and no pair is all ones."""
    there = _kept.get((vocab, greens), [])
    try:
        held = there.pop()
    except IndexError:
        row = -(-vocab // 8)
        places = max(1, min(_LISTS // row, 1 << 16))
        held = (
            np.full(_PAIRS, _NONE, np.uint64), np.zeros(_PAIRS, np.bool_), np.full(places, _NONE, np.uint64),
            np.full(places, _NONE, np.uint64), np.zeros(places, np.int64), np.empty((places, row), np.uint8),
        )  # fmt: skip
    yield held
    # What an interrupted call leaves half done is not given back; one vocabulary is remembered.
    if (vocab, greens) not in _kept:
        _kept.clear()
    _kept.setdefault((vocab, greens), []).append(held)


def _ranks(model: "NGramModel") -> tuple[Any, Any, int, float, Floats]:
    """What truncation needs: the ranked tokens, how many and what share may be drawn, and the least mass by context."""
    learner = model.learner
    k = model.tokenizer.size if learner.top_k is None else learner.top_k
    if k >= model.tokenizer.size and learner.top_p == 1:
        none = np.zeros(0, np.int64)
        return none, none, k, 1.0, np.zeros(model.tree.contexts + 1)
    return *model._ranked, k, learner.top_p, model._least


def _drawing() -> Any:
    try:
        return import_module("genloss.provenance.watermarks.drawing")
    except ImportError:
        raise SpecError('watermarked: needs numba; pip install "genloss[text]"') from None
