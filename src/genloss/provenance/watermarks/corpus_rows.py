"""What the documents of a corpus hold beside text: token ids and scores; and text as token ids, some at a time."""

import contextlib
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from genloss.corpus.records import Columns, Document, what
from genloss.errors import SpecError
from genloss.provenance.watermarks.scheme import CHUNK, Tokens, ids_of
from genloss.provenance.watermarks.watermark_spec import WatermarkSpec

_ROWS = 512


def columns_of(field: str | None, tokenizer: Any) -> Columns:
    """Which field of a record is read to test it for a watermark.

    Args:
        field: The field of the text, or of the token ids; None for "text" or "ids".
        tokenizer: None if rows hold token ids.
    """
    return Columns(None, further={"ids": field or "ids"}) if tokenizer is None else Columns(field or "text")


def score_of(document: Document) -> float:
    """The score of a document, in its column "score".

    Raises:
        SpecError: If it is something else, or NaN.
    """
    value = document.columns["score"]
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise SpecError(f"{document.where}: holds {what(value)}, not a score; name the field of the score")
    try:
        found = float(value)
    except OverflowError:
        found = math.nan
    if math.isnan(found):
        raise SpecError(f"{document.where}: the score is NaN; leave the row out, or score it again")
    return found


def ids_in(document: Document, vocab_size: int) -> Tokens:
    """The token ids of a document, in its column "ids".

    Raises:
        SpecError: If it holds something else, or an id outside the vocabulary.
    """
    value = document.columns.get("ids")
    if isinstance(value, (str, bytes)) or not hasattr(value, "__len__"):
        raise SpecError(f"{document.where}: holds {what(value)}, not token ids; give tokenizer= to read text")
    if isinstance(value, list) and any(isinstance(each, (bool, str, list, dict)) for each in value):
        raise SpecError(f"{document.where}: holds more than whole numbers; give a list of token ids")
    return ids_of(value, vocab_size, document.where)


def tokens_of(
    documents: Iterable[Document], spec: WatermarkSpec, tokenizer: Any = None
) -> Iterator[list[tuple[Document, Tokens]]]:
    """Read documents as token ids, some 2^20 tokens at a time.

    Args:
        documents: Documents with text, or with token ids in their column "ids".
        spec: The watermark; ids must lie in its vocabulary.
        tokenizer: A tokenizer of the library `tokenizers`; None if documents hold token ids.

    Returns:
        The documents, without text and ids, and the ids of each.

    Raises:
        SpecError: If an id is outside the vocabulary.
    """
    size = spec.scheme.vocab_size
    held: list[tuple[Document, Tokens]] = []
    waiting: list[tuple[Document, str]] = []
    length = characters = 0
    for document in documents:
        bare = _bare(document)
        if tokenizer is None:
            held.append((bare, ids_in(document, size)))
            length += len(held[-1][1])
        else:
            waiting.append((bare, document.text))
            characters += len(document.text)
            if characters < CHUNK and len(waiting) < _ROWS:
                continue
            held += _encoded(waiting, tokenizer, size)
            length += sum(len(ids) for _, ids in held[-len(waiting) :])
            waiting, characters = [], 0
        if length >= CHUNK or len(held) >= 1 << 14:
            yield held
            held, length = [], 0
    held += _encoded(waiting, tokenizer, size)
    if held:
        yield held


def _bare(document: Document) -> Document:
    columns = {name: value for name, value in document.columns.items() if name != "ids"}
    return Document(document.where, "", document.id, document.group, document.time, columns)


def _encoded(waiting: list[tuple[Document, str]], tokenizer: Any, size: int) -> list[tuple[Document, Tokens]]:
    if not waiting:
        return []
    coded = tokenizer.encode_batch([text for _, text in waiting], add_special_tokens=False)
    return [(bare, ids_of(each.ids, size, bare.where)) for (bare, _), each in zip(waiting, coded, strict=True)]
