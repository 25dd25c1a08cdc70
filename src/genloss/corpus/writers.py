"""The one writer of corpora: what `readers.read` reads, streamed, and the whole file or none."""

import contextlib
import gzip
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

from genloss.corpus.records import Columns, Document, what
from genloss.corpus.shards import Shard, fsspec_of, is_address, said_of, shard_of
from genloss.errors import SpecError
from genloss.plain.files import beside

_ROWS = 4096
_QUOTED = frozenset('",\r\n')


def write(
    rows: Iterable[Document | Mapping[str, Any]], path: str | Path, columns: Columns | None = None, *, kind: str = ""
) -> int:
    r"""Write documents or records as one file: whole or not at all, in memory that does not grow with it.

    A file is written beside its place, flushed to the disk and renamed. At an address it is put in place when it is
    complete, as far as that storage knows how to.

    Args:
        rows: Documents, or records: mappings of names to values.
        path: The file: .jsonl, .csv or .txt, each also packed as .gz or .zst, or .parquet; or an address.
        columns: Which fields a document becomes: `read` with the same gives it back. By default its text alone.
        kind: What the file holds, whatever its name ends in: "csv", "jsonl", "parquet" or "txt".

    Returns:
        How many rows were written.

    Raises:
        SpecError: If the file cannot be written, or a row does not fit into a file of its kind.

    Example:
        >>> import tempfile, pathlib
        >>> from genloss.corpus import read
        >>> path = pathlib.Path(tempfile.mkdtemp(), "a.jsonl.gz")
        >>> write([{"text": "One."}, {"text": "Two."}], path)
        2
        >>> [document.text for document in read(path)]
        ['One.', 'Two.']
    """
    shard = shard_of(str(path), kind=kind or None)
    adapter = columns or Columns()
    counted = _Counted(adapter.record(row) if isinstance(row, Document) else row for row in rows)
    try:
        with _place(shard) as raw, _packed(raw, shard.packing) as file:
            _WRITERS[shard.kind](counted, file, shard)
    except OSError as error:
        raise SpecError(f"{path}: cannot be written ({error.strerror or error})") from None
    return counted.number


class _Counted:
    """Rows with the number of the last one, for messages."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._rows = iter(rows)
        self.number = 0

    def __iter__(self) -> "_Counted":
        return self

    def __next__(self) -> Mapping[str, Any]:
        row = next(self._rows)
        self.number += 1
        return row


def _write_json(rows: _Counted, file: Any, shard: Shard) -> None:
    for row in rows:
        try:
            line = json.dumps(row, allow_nan=False, ensure_ascii=False) + "\n"
        except (TypeError, ValueError) as error:
            raise SpecError(f"{shard}: row {rows.number} cannot be written as JSON ({error})") from None
        file.write(_coded(line, shard, rows))


def _write_csv(rows: _Counted, file: Any, shard: Shard) -> None:
    header: list[str] | None = None
    for row in rows:
        if header is None:
            header = list(row)
            file.write(_coded(_line(map(str, header)), shard, rows))
        if list(row) != header:
            raise SpecError(f"{shard}: row {rows.number} has other fields than the first; write .jsonl")
        file.write(_coded(_line(_cell(value, shard, rows) for value in row.values()), shard, rows))


def _line(cells: Iterable[str]) -> str:
    quoted = [f'"{cell.replace(chr(34), chr(34) * 2)}"' if _QUOTED & set(cell) else cell for cell in cells]
    # A line without any character would be read as no row at all.
    return ('""' if quoted == [""] else ",".join(quoted)) + "\n"


def _cell(value: Any, shard: Shard, rows: _Counted) -> str:
    if value is None:
        return ""
    if isinstance(value, (str, bool, int, float)):
        return str(value)
    raise SpecError(f"{shard}: row {rows.number} holds {what(value)}, which CSV cannot; write .jsonl or .parquet")


def _write_text(rows: _Counted, file: Any, shard: Shard) -> None:
    for row in rows:
        texts = list(row.values())
        if len(texts) != 1 or not isinstance(texts[0], str):
            raise SpecError(f"{shard}: row {rows.number} holds more than text; write .jsonl, .csv or .parquet")
        text = texts[0]
        if text != text.strip() or "\r\n" in text or not all(part.strip() for part in text.split("\n")):
            raise SpecError(f"{shard}: row {rows.number} is not a single paragraph; write .jsonl, .csv or .parquet")
        file.write(_coded(("\n" if rows.number > 1 else "") + text + "\n", shard, rows))


def _write_parquet(rows: _Counted, file: Any, shard: Shard) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: Any = None
    try:
        for some in _batches(rows):
            try:
                table = pa.Table.from_pylist(some, schema=writer.schema if writer else None)
            except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
                said = (str(error).strip() or type(error).__name__).splitlines()[0][:100]
                raise SpecError(f"{shard}: rows up to {rows.number} do not fit into one table ({said})") from None
            if writer is None:
                table = table.cast(pa.schema([_filled(field) for field in table.schema]))
                writer = pq.ParquetWriter(file, table.schema)
            writer.write_table(table)
        if writer is None:
            writer = pq.ParquetWriter(file, pa.schema([("text", pa.string())]))
    finally:
        if writer is not None:
            writer.close()


def _filled(field: Any) -> Any:
    """A column, as text if nothing stands in it yet that says what it holds."""
    import pyarrow as pa

    return pa.field(field.name, pa.string()) if pa.types.is_null(field.type) else field


def _batches(rows: _Counted) -> Iterator[list[Mapping[str, Any]]]:
    while some := list(islice(rows, _ROWS)):
        names = dict.fromkeys(chain.from_iterable(some))
        yield [{name: row.get(name) for name in names} for row in some]


_WRITERS: dict[str, Callable[[_Counted, Any, Shard], None]] = {
    ".csv": _write_csv,
    ".jsonl": _write_json,
    ".parquet": _write_parquet,
    ".txt": _write_text,
}


def _coded(text: str, shard: Shard, rows: _Counted) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise SpecError(f"{shard}: row {rows.number} cannot be written in UTF-8; mend it") from None


@contextlib.contextmanager
def _place(shard: Shard) -> Iterator[Any]:
    """A file that is put in place when it is complete."""
    if not is_address(shard.name):
        with beside(Path(shard.name)) as file:
            yield file
        return
    try:
        system, path = fsspec_of(shard.name).core.url_to_fs(shard.name)
        with system.transaction, system.open(path, "wb") as file:
            yield file
    except (SpecError, OSError, MemoryError):
        raise
    except Exception as error:
        # Each kind of address raises errors of its own library.
        raise SpecError(f"{shard}: cannot be written ({said_of(error)})") from None


@contextlib.contextmanager
def _packed(file: Any, packing: str) -> Iterator[Any]:
    if packing == ".gz":
        # Without the time of writing equal rows make equal files.
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
            yield packed
    elif packing == ".zst":
        import pyarrow as pa

        with pa.CompressedOutputStream(pa.PythonFile(_Kept(file), "w"), "zstd") as packed:
            yield packed
    else:
        yield file


class _Kept(io.RawIOBase):
    """A file that stays open when what is packed into it is closed."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        return int(self._file.write(content))
