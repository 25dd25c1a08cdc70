"""The rows of Parquet, streamed a few at a time."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from genloss.corpus.lines import longest, too_long
from genloss.corpus.records import Record
from genloss.corpus.shards import Seen, Shard
from genloss.errors import SpecError

_ROWS = 512
_PIECE = 1 << 20


def parquet_records(shard: Shard, names: Sequence[str], seen: Seen | None = None) -> Iterator[Record]:
    """The records of a Parquet file, with some of its columns.

    Raises:
        SpecError: If the file cannot be read or lacks a column, or a row is too long.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with shard.opened() as file:
        if seen is not None:
            while piece := file.read(_PIECE):
                seen(piece)
            file.seek(0)
        try:
            # Without `buffer_size` whole column chunks are held, which may be as large as the file.
            table = pq.ParquetFile(file, buffer_size=_PIECE, pre_buffer=False)
            known = table.schema_arrow.names
            for name in names:
                if name not in known:
                    raise SpecError(f"{shard}: no column {name!r}; it has {', '.join(known)}")
            number = 0
            for group in range(table.metadata.num_row_groups):
                if _heavy(table.metadata.row_group(group), names):
                    raise SpecError(too_long(f"{shard}: rows from {number + 1}"))
                for batch in table.iter_batches(
                    batch_size=_ROWS, row_groups=[group], columns=list(names), use_threads=False
                ):
                    begin, number = number, number + batch.num_rows
                    yield from _records(shard, begin, batch, names)
        except (pa.ArrowException, OSError, UnicodeDecodeError, OverflowError) as error:
            said = (str(error).strip() or type(error).__name__).splitlines()[0][:100]
            raise SpecError(f"{shard}: no Parquet that can be read ({said})") from None


def _records(shard: Shard, begin: int, batch: Any, names: Sequence[str]) -> Iterator[Record]:
    """The records of a few rows."""
    columns = [batch.column(name) for name in names]
    sound = not any(_has_long(column) for column in columns)
    values = [_values(column) for column in columns]
    sound = sound and not any(isinstance(each, _Spoiled) for each in values)
    for number, row in enumerate(zip(*values, strict=True) if values else [()] * batch.num_rows, begin + 1):
        where = f"{shard.shown}: row {number}"
        yield Record(where, dict(zip(names, row, strict=True)) if sound else _checked(where, names, row))


def _checked(where: str, names: Sequence[str], row: tuple[Any, ...]) -> dict[str, Any] | SpecError:
    for value in row:
        if isinstance(value, (str, bytes)) and len(value) > longest():
            raise SpecError(too_long(where))
        if isinstance(value, UnicodeDecodeError):
            said = f"{where}: not valid UTF-8 at byte {value.start} (0x{value.object[value.start]:02x})"
            return SpecError(f"{said}; convert it to UTF-8")
    return dict(zip(names, row, strict=True))


def _has_long(column: Any) -> bool:
    """Whether a value of a column may be longer than a row may be."""
    return bool(column.nbytes > longest())


def _heavy(group: Any, names: Sequence[str]) -> bool:
    """Whether the rows of a group are longer than a row may be, on average; nothing of it is read to know that."""
    columns = [group.column(i) for i in range(group.num_columns)]
    total = sum(each.total_uncompressed_size for each in columns if each.path_in_schema.split(".")[0] in names)
    return bool(total > longest() * max(group.num_rows, 1))


def _values(column: Any) -> list[Any]:
    """The values of a column: lists of numbers as arrays, bytes that are not UTF-8 as the error that they raise."""
    import pyarrow as pa

    kind = column.type
    if (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and not column.null_count:
        numbers = column.values.to_numpy(zero_copy_only=False)
        return [numbers[begin:end] for begin, end in pairwise(column.offsets.to_numpy())]
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return _Spoiled(_value(each) for each in column)


def _value(each: Any) -> Any:
    try:
        return each.as_py()
    except UnicodeDecodeError as error:
        return error


class _Spoiled(list[Any]):
    """Values some of which are the error that they raise."""
