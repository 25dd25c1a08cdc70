"""Corpora on disk, read row by row in memory that does not grow with them.

A row that is no proper document stops the reading in one line that says where it stands; no part of it is guessed.
"""

import gzip
import json
import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np

from genloss.corpus.records import decoded
from genloss.errors import SpecError
from genloss.provenance.watermarks.scheme import CHUNK, Tokens, ids_of
from genloss.provenance.watermarks.watermark_spec import WatermarkSpec

LONGEST = 1 << 26
"""Bytes that one row may have: a longer line is refused before it is read."""
_KINDS = (".jsonl", ".jsonl.gz", ".parquet", ".txt")
_ROWS = 512


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file.

    Attributes:
        where: File and line (of Parquet, row) for messages.
        value: What its field holds: text, a list of token ids, a number.
        labels: What its other fields hold, in the order that they were asked for.
    """

    where: str
    value: Any
    labels: tuple[Any, ...] = ()


def files_of(paths: Sequence[str | Path]) -> list[Path]:
    """Check that paths name files of known kinds.

    Raises:
        SpecError: Where one is missing, a folder, or of no known kind.
    """
    found = []
    for path in map(Path, paths):
        if path.is_dir():
            raise SpecError(f"{path}: is a folder; name its files, for example {path}/*.jsonl")
        if not path.is_file():
            raise SpecError(f"{path}: no such file")
        if not path.name.endswith(_KINDS):
            raise SpecError(f"{path}: is of no known kind; known: {', '.join(_KINDS)}")
        found.append(path)
    return found


def rows_of(
    files: Iterable[Path], field: str, others: Sequence[str] = (), told: Callable[[int], Any] | None = None
) -> Iterator[Row]:
    """Read the rows of files, one after the other.

    Args:
        files: .jsonl (one object a line, also gzipped), .parquet, or .txt (paragraphs parted by blank lines).
        field: The field of a row that holds its text, its token ids or its score.
        others: More fields, given as labels.
        told: Called with the bytes that were read since the last call.

    Raises:
        SpecError: Where a row is too long, no UTF-8, no JSON, or lacks a field.
    """
    for file in files:
        if file.suffix == ".parquet":
            yield from _parquet(file, field, others, told)
        elif file.suffix == ".txt":
            yield from _paragraphs(file, others, told)
        else:
            yield from _lines(file, field, others, told)


def text_of(row: Row) -> str:
    """The text of a row.

    Raises:
        SpecError: Where it holds something else, or what UTF-8 cannot write.
    """
    found = row.value
    if isinstance(found, bytes):
        found = decoded(found, row.where)
    if not isinstance(found, str):
        raise SpecError(f"{row.where}: holds {what(found)}, not text; name the field of the text, or give --ids")
    try:
        found.encode()
    except UnicodeEncodeError as error:
        raise SpecError(f"{row.where}: cannot be written in UTF-8 at character {error.start}; mend it") from None
    return found


def score_of(row: Row) -> float:
    """The score of a row.

    Raises:
        SpecError: Where it holds something else, or NaN.
    """
    if isinstance(row.value, bool) or not isinstance(row.value, (int, float, np.number)):
        raise SpecError(f"{row.where}: holds {what(row.value)}, not a score; name the field of the score")
    try:
        found = float(row.value)
    except OverflowError:
        found = math.nan
    if math.isnan(found):
        raise SpecError(f"{row.where}: the score is NaN; leave the row out, or score it again")
    return found


def ids_in(row: Row, vocab_size: int) -> Tokens:
    """The token ids of a row.

    Raises:
        SpecError: Where it holds something else, or an id outside the vocabulary.
    """
    if isinstance(row.value, (str, bytes)) or not hasattr(row.value, "__len__"):
        raise SpecError(f"{row.where}: holds {what(row.value)}, not token ids; leave --ids out to read text")
    if isinstance(row.value, list) and any(isinstance(each, (bool, str, list, dict)) for each in row.value):
        raise SpecError(f"{row.where}: holds more than whole numbers; give a list of token ids")
    return ids_of(row.value, vocab_size, row.where)


def tokens_of(rows: Iterable[Row], spec: WatermarkSpec, tokenizer: Any = None) -> Iterator[list[tuple[Row, Tokens]]]:
    """Read rows as token ids, some 2^20 tokens at a time.

    Args:
        rows: Rows of text, or of token ids.
        spec: The watermark; ids must lie in its vocabulary.
        tokenizer: A tokenizer of the library `tokenizers`; None where rows hold token ids.

    Raises:
        SpecError: Where an id is outside the vocabulary.
    """
    size = spec.scheme.vocab_size
    held: list[tuple[Row, Tokens]] = []
    waiting: list[tuple[Row, str]] = []
    length = characters = 0
    for row in rows:
        if tokenizer is None:
            held.append((Row(row.where, None, row.labels), ids_in(row, size)))
            length += len(held[-1][1])
        else:
            waiting.append((Row(row.where, None, row.labels), text_of(row)))
            characters += len(waiting[-1][1])
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


def _encoded(waiting: list[tuple[Row, str]], tokenizer: Any, size: int) -> list[tuple[Row, Tokens]]:
    if not waiting:
        return []
    coded = tokenizer.encode_batch([text for _, text in waiting], add_special_tokens=False)
    return [(row, ids_of(each.ids, size, row.where)) for (row, _), each in zip(waiting, coded, strict=True)]


def _lines(file: Path, field: str, others: Sequence[str], told: Callable[[int], Any] | None) -> Iterator[Row]:
    for number, line in _limited(file, told):
        where = f"{file}: line {number}"
        text = decoded(line, where)
        if not text.strip():
            continue
        try:
            found: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SpecError(f"{where}: no JSON ({getattr(error, 'msg', 'too deep or too large')})") from None
        if not isinstance(found, dict):
            raise SpecError(f"{where}: holds {what(found)}; give one JSON object a line")
        for name in (field, *others):
            if name not in found:
                raise SpecError(f"{where}: no field {name!r}; it has {_names(found)}")
        yield Row(where, found[field], tuple(found[name] for name in others))


def _paragraphs(file: Path, others: Sequence[str], told: Callable[[int], Any] | None) -> Iterator[Row]:
    if others:
        raise SpecError(f"{file}: .txt has no fields ({', '.join(others)}); give .jsonl or .parquet")
    held: list[str] = []
    begin = length = 0
    for number, line in _limited(file, told):
        text = decoded(line, f"{file}: line {number}").strip()
        if text:
            begin = begin or number
            held.append(text)
            length += len(line)
            if length > LONGEST:
                raise SpecError(_too_long(f"{file}: line {begin}"))
        elif held:
            yield Row(f"{file}: line {begin}", "\n".join(held))
            held, begin, length = [], 0, 0
    if held:
        yield Row(f"{file}: line {begin}", "\n".join(held))


def _limited(file: Path, told: Callable[[int], Any] | None) -> Iterator[tuple[int, bytes]]:
    """Lines and their numbers; a line is never read beyond the limit."""
    try:
        with open(file, "rb") as raw:
            stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if file.suffix == ".gz" else raw  # type: ignore[assignment]
            number = at = 0
            while line := stream.readline(LONGEST + 1):
                number += 1
                if len(line) > LONGEST:
                    raise SpecError(_too_long(f"{file}: line {number}"))
                if told is not None and raw.tell() - at >= 1 << 16:
                    told(raw.tell() - at)
                    at = raw.tell()
                yield number, line
            if told is not None:
                told(raw.tell() - at)
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise SpecError(f"{file}: is damaged, or not gzipped; write it again") from None
    except OSError as error:
        raise SpecError(f"{file}: unreadable ({error.strerror or error})") from None


def _parquet(file: Path, field: str, others: Sequence[str], told: Callable[[int], Any] | None) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [field, *others]
    try:
        with pq.ParquetFile(file) as table:
            known = table.schema_arrow.names
            for name in names:
                if name not in known:
                    raise SpecError(f"{file}: no column {name!r}; it has {', '.join(known)}")
            number = 0
            groups = table.metadata.num_row_groups
            size = file.stat().st_size
            for group in range(groups):
                if _heavy(table.metadata.row_group(group), field):
                    raise SpecError(_too_long(f"{file}: rows from {number + 1}"))
                for batch in table.iter_batches(batch_size=_ROWS, row_groups=[group], columns=names):
                    labels = [batch.column(name).to_pylist() for name in others]
                    for i, value in enumerate(_values(batch.column(field))):
                        where = f"{file}: row {number + 1}"
                        if isinstance(value, (str, bytes)) and len(value) > LONGEST:
                            raise SpecError(_too_long(where))
                        yield Row(where, value, tuple(each[i] for each in labels))
                        number += 1
                if told is not None:
                    told(size * (group + 1) // groups - size * group // groups)
    except UnicodeDecodeError:
        raise SpecError(f"{file}: row {number + 1} or a later one: no UTF-8; convert it to UTF-8") from None
    except (pa.ArrowException, OSError) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0][:100]
        raise SpecError(f"{file}: no Parquet that can be read ({said})") from None


def _heavy(group: Any, field: str) -> bool:
    """Whether the rows of a group are longer than a row may be, on average; nothing of it is read to know that."""
    columns = [group.column(i) for i in range(group.num_columns)]
    total = sum(each.total_uncompressed_size for each in columns if each.path_in_schema.split(".")[0] == field)
    return bool(total > LONGEST * max(group.num_rows, 1))


def _values(column: Any) -> Iterator[Any]:
    """The values of a column; lists of numbers as arrays."""
    import pyarrow as pa

    kind = column.type
    if (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and not column.null_count:
        numbers = column.values.to_numpy(zero_copy_only=False)
        edges = column.offsets.to_numpy()
        yield from (numbers[begin:end] for begin, end in pairwise(edges))
        return
    yield from (each.as_py() for each in column)


def _too_long(where: str) -> str:
    return f"{where}: longer than {LONGEST >> 20} MiB; give one document a row, and cut what is longer"


def _names(found: dict[str, Any]) -> str:
    names = [name[:40] for name in found][:8]
    return ", ".join(names) + (", ..." if len(found) > len(names) else "") or "none"


def what(value: Any) -> str:
    """Names what stands in place of something else."""
    kinds = {dict: "an object", list: "a list", str: "text", bool: "a truth value", type(None): "nothing"}
    return kinds.get(type(value), "a number" if isinstance(value, (int, float)) else type(value).__name__)
