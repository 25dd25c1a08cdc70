"""Rows of numbers, and the class of each, in the content of a file."""

import io
from typing import Any

import numpy as np

from genloss.chain.data import Array
from genloss.errors import SpecError

Columns = tuple[str | int, ...]


def parsed(content: bytes, kind: str, columns: Columns, label_column: str) -> tuple[Array, Array | None]:
    """Read the content of a file.

    Args:
        content: What the file holds.
        kind: ".csv", ".npy" or ".parquet".
        columns: The columns to read; empty for all columns of numbers.
        label_column: The column of classes; "" if there is none.

    Returns:
        The rows, and the class of each.

    Raises:
        SpecError: If a column is missing or holds no numbers. Libraries raise errors of their own for damaged content.
    """
    return (
        _from_npy(content, columns, label_column)
        if kind == ".npy"
        else _from_table(content, kind, columns, label_column)
    )


def _from_npy(content: bytes, columns: Columns, label_column: str) -> tuple[Array, Array | None]:
    array = np.load(io.BytesIO(content), allow_pickle=False)
    if label_column:
        raise SpecError("array-file.label_column: .npy has no named columns; use .csv or .parquet")
    if columns:
        width = array.shape[1] if array.ndim == 2 else 0
        wrong = [each for each in columns if not isinstance(each, int) or not -width <= each < width]
        if wrong:
            raise SpecError(f"array-file.columns: no column {wrong[0]!r}; give positions from 0 to {width - 1}")
        array = array[:, list(columns)]
    return array, None


def _from_table(content: bytes, kind: str, columns: Columns, label_column: str) -> tuple[Array, Array | None]:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    reads = pyarrow.csv.read_csv if kind == ".csv" else pyarrow.parquet.read_table
    table = reads(pa.BufferReader(content))
    for name in (*columns, *([label_column] if label_column else [])):
        if name not in table.column_names:
            raise SpecError(f"array-file.columns: no column {name!r}; there are {', '.join(table.column_names)}")

    def is_number(name: Any) -> bool:
        kind = table.schema.field(name).type
        return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))

    names = list(columns) or [name for name in table.column_names if is_number(name) and name != label_column]
    text = [name for name in names if not is_number(name)]
    if text or not names:
        raise SpecError(f"array-file.columns: {text[0]!r} holds no numbers" if text else "no column of numbers")
    values = [table.column(name).to_numpy() for name in names]
    array = values[0] if len(values) == 1 else np.stack([np.asarray(column, dtype=float) for column in values], 1)
    labels = np.asarray(table.column(label_column).to_pylist()) if label_column else None
    return array, labels
