"""Tokenizers: words, bytes and byte-pair pieces."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np

from genloss.chain.data import Array
from genloss.corpus.documents import Documents, Tokenizer, Tokens
from genloss.errors import SpecError

_WORD = re.compile(r"\d+(?:[.,]\d+)*|\w+(?:['’-]\w+)*|[^\w\s]")
_CLINGS_LEFT = frozenset(".,;:!?)]}%’”")
_CLINGS_RIGHT = frozenset("([{$#“")
_DASHES = frozenset("—–/")


@dataclass(frozen=True)
class Words:
    """Words, numbers and marks of punctuation; the vocabulary is what the training texts hold.

    Attributes:
        lower: Whether capital letters become small ones.
        min_count: Words that come less often in the training texts are unknown, as are words of other texts that the
            training texts lack.
    """

    lower: bool = False
    min_count: int = 1

    def __post_init__(self) -> None:
        if self.min_count < 1:
            raise SpecError(f"words.min_count: {self.min_count}; at least 1")

    def train(self, texts: Sequence[str]) -> Documents:
        """Read training texts and make their vocabulary: the documents carry the tokenizer.

        Ids go from the most frequent word down; words of one count are in alphabetical order.
        """
        first: dict[str, int] = {}
        found = _word_ids(texts, self.lower, first, grow=True)
        words = np.array(list(first))
        counts = np.bincount(found.tokens, minlength=len(words))
        order = np.lexsort((words, -counts))
        order = order[counts[order] >= self.min_count]
        vocabulary = WordTokenizer(tuple(words[order].tolist()), self.lower)
        renamed = np.full(len(words), vocabulary.unknown, dtype=np.int32)
        renamed[order] = np.arange(len(order)) + 2
        return Documents(renamed[found.tokens], found.offsets, vocabulary)


@dataclass(frozen=True)
class Bytes:
    """The bytes of the text in UTF-8: 256 ids and the end symbol."""

    def train(self, texts: Sequence[str]) -> Documents:
        """Read training texts; a vocabulary is not needed."""
        return ByteTokenizer().encode(texts)


@dataclass(frozen=True)
class BPE:
    """Byte-pair pieces, learned from the training texts by the library `tokenizers` (Sennrich et al. 2016).

    Attributes:
        vocab_size: Pieces in the vocabulary, 256 bytes among them; the end symbol comes on top.
    """

    vocab_size: int = 2000

    def __post_init__(self) -> None:
        if self.vocab_size < 257:
            raise SpecError(f"bpe.vocab_size: {self.vocab_size}; at least 257, one piece more than there are bytes")

    def train(self, texts: Sequence[str]) -> Documents:
        """Learn the pieces and read the training texts with them."""
        library = _library()
        learned = library.Tokenizer(library.models.BPE())
        learned.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        learned.decoder = library.decoders.ByteLevel()
        alphabet = sorted(library.pre_tokenizers.ByteLevel.alphabet())
        trainer = library.trainers.BpeTrainer(
            vocab_size=self.vocab_size, initial_alphabet=alphabet, show_progress=False
        )
        learned.train_from_iterator(texts, trainer)
        return BPETokenizer(learned.to_str()).encode(texts)


@dataclass(frozen=True, repr=False)
class WordTokenizer:
    """A vocabulary of words: id 0 ends a document, id 1 is any word that the vocabulary lacks.

    Attributes:
        words: The words of ids 2, 3 and so on.
        lower: Whether capital letters become small ones.
    """

    words: tuple[str, ...]
    lower: bool = False

    def __repr__(self) -> str:
        return f"WordTokenizer({len(self.words)} words)"

    @property
    def size(self) -> int:
        """Words, the end symbol and the unknown word."""
        return len(self.words) + 2

    @property
    def end(self) -> int:
        """The end symbol."""
        return 0

    @property
    def unknown(self) -> int:
        """Any other word."""
        return 1

    @cached_property
    def fingerprint(self) -> str:
        """Names the vocabulary."""
        return _fingerprint(f"words {self.lower}", "\n".join(self.words))

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: i + 2 for i, word in enumerate(self.words)}

    @cached_property
    def _written(self) -> tuple[str, ...]:
        return ("", "<unk>", *self.words)

    def __getstate__(self) -> dict[str, Any]:
        return {"words": self.words, "lower": self.lower}

    def encode(self, texts: Sequence[str]) -> Documents:
        """Read texts, one document each."""
        found = _word_ids(texts, self.lower, self._ids, grow=False)
        return Documents(found.tokens, found.offsets, self)

    def decode(self, tokens: Tokens) -> str:
        """Write one document; spaces are put where English usually has them."""
        written = self._written
        pieces: list[str] = []
        glue = True
        opened = False
        for word in (written[i] for i in tokens.tolist()):
            closes = word == '"' and opened
            if not (glue or closes or word in _CLINGS_LEFT or word in _DASHES):
                pieces.append(" ")
            pieces.append(word)
            opened ^= word == '"'
            glue = word in _CLINGS_RIGHT or word in _DASHES or (word == '"' and opened)
        return "".join(pieces)

    def to_arrays(self) -> dict[str, Array]:
        """Give the vocabulary as arrays."""
        return _arrays("words", self.fingerprint, "\n".join(self.words), self.lower)


@dataclass(frozen=True)
class ByteTokenizer:
    """Bytes 0 to 255 as they are; id 256 ends a document."""

    size = 257
    end = 256
    unknown = -1
    fingerprint = "bytes"

    def encode(self, texts: Sequence[str]) -> Documents:
        """Read texts, one document each."""
        coded = [text.encode() for text in texts]
        offsets = np.cumsum([0, *map(len, coded)])
        return Documents(np.frombuffer(b"".join(coded), dtype=np.uint8), offsets, self)

    def decode(self, tokens: Tokens) -> str:
        """Write one document; bytes that are no UTF-8 become the replacement character."""
        return tokens.astype(np.uint8).tobytes().decode(errors="replace")

    def to_arrays(self) -> dict[str, Array]:
        """Give the name, which is all there is."""
        return _arrays("bytes", self.fingerprint, "", False)


@dataclass(frozen=True, repr=False)
class BPETokenizer:
    """Learned byte-pair pieces; the id after the last piece ends a document.

    Attributes:
        settings: What the library `tokenizers` writes for them, as JSON.
    """

    settings: str

    def __repr__(self) -> str:
        return f"BPETokenizer({self.size - 1} pieces)"

    @cached_property
    def _learned(self) -> Any:
        return _library().Tokenizer.from_str(self.settings)

    def __getstate__(self) -> dict[str, Any]:
        return {"settings": self.settings}

    @cached_property
    def size(self) -> int:
        """Pieces and the end symbol."""
        return int(self._learned.get_vocab_size()) + 1

    @property
    def end(self) -> int:
        """The end symbol."""
        return self.size - 1

    @property
    def unknown(self) -> int:
        """Nothing is unknown: all bytes are pieces."""
        return -1

    @cached_property
    def fingerprint(self) -> str:
        """Names the pieces."""
        return _fingerprint("bpe", self.settings)

    def encode(self, texts: Sequence[str]) -> Documents:
        """Read texts, one document each."""
        found = [coded.ids for coded in self._learned.encode_batch(list(texts))]
        offsets = np.cumsum([0, *map(len, found)])
        return Documents(np.fromiter(chain.from_iterable(found), np.int32, int(offsets[-1])), offsets, self)

    def decode(self, tokens: Tokens) -> str:
        """Write one document."""
        return str(self._learned.decode(tokens.tolist(), skip_special_tokens=False))

    def to_arrays(self) -> dict[str, Array]:
        """Give the pieces as arrays."""
        return _arrays("bpe", self.fingerprint, self.settings, False)


Recipe = Words | Bytes | BPE
RECIPES: dict[str, type[Recipe]] = {"bpe": BPE, "byte": Bytes, "word": Words}


def restored(arrays: Mapping[str, Array]) -> Tokenizer:
    """Build one of our tokenizers again from the arrays of its `to_arrays`.

    Raises:
        SpecError: If it was another's: nothing is guessed, and it must be given again.
    """
    kind, fingerprint, text = (_text(arrays, name) for name in ("kind", "fingerprint", "text"))
    found: Tokenizer | None = None
    if kind == "words":
        found = WordTokenizer(tuple(text.split("\n")) if text else (), bool(arrays.get("lower", False)))
    elif kind == "bpe":
        found = BPETokenizer(text)
    elif kind == "bytes":
        found = ByteTokenizer()
    if found is None or found.fingerprint != fingerprint:
        raise SpecError(
            f"tokenizer: the text was read by a tokenizer of your own ({kind or 'unnamed'}, fingerprint "
            f"{fingerprint[:60] or 'none'}); give that tokenizer again (tokenizer=...)"
        )
    return found


def documents_from(arrays: Mapping[str, Array], tokenizer: Tokenizer | None = None) -> Documents:
    """Build documents from the arrays of `Documents.to_arrays`.

    Args:
        arrays: The arrays.
        tokenizer: Used in place of the stored one if it has the same fingerprint: ours are then held once, and one of
            your own can be had in no other way.

    Raises:
        SpecError: If the text was read by a tokenizer of your own, and that is not given.
    """
    prefix = "tokenizer."
    own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    if tokenizer is None or tokenizer.fingerprint.encode() != np.asarray(own.get("fingerprint", ())).tobytes():
        tokenizer = restored(own)
    return Documents(arrays["tokens"], arrays["offsets"], tokenizer)


def _text(arrays: Mapping[str, Array], name: str) -> str:
    """A text among the arrays; "" if there is none."""
    found = arrays.get(name)
    return "" if found is None else np.asarray(found).tobytes().decode(errors="replace")


class _Ids(dict[str, int]):
    """Ids by word: a new word gets the next id, or the id of the unknown word."""

    grow = False

    def __missing__(self, word: str) -> int:
        if not self.grow:
            return 1
        self[word] = number = len(self)
        return number


def _word_ids(texts: Sequence[str], lower: bool, ids: dict[str, int], *, grow: bool) -> Documents:
    known = _Ids(ids)
    known.grow = grow
    find = _WORD.findall
    read = [list(map(known.__getitem__, find(text.lower() if lower else text))) for text in texts]
    if grow:
        ids.update(known)
    offsets = np.cumsum([0, *map(len, read)])
    return Documents(np.fromiter(chain.from_iterable(read), np.int32, int(offsets[-1])), offsets, ByteTokenizer())


def _fingerprint(kind: str, text: str) -> str:
    return f"{kind} {hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"


def _arrays(kind: str, fingerprint: str, text: str, lower: bool) -> dict[str, Array]:
    plain = {"kind": kind, "fingerprint": fingerprint, "text": text}
    return {name: np.frombuffer(value.encode(), dtype=np.uint8) for name, value in plain.items()} | {
        "lower": np.array(lower)
    }


def _library() -> Any:
    try:
        import tokenizers
    except ImportError:
        raise SpecError('tokens: "bpe" needs the library tokenizers; pip install "genloss[text]"') from None
    return tokenizers
