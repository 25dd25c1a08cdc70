"""From a record of any file to a document with named parts, and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

from genloss.errors import SpecError

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Record(NamedTuple):
    """One record of a file as it was read.

    Attributes:
        where: The file and the line (of Parquet, the row), for messages.
        fields: What it holds; the error that says why it cannot be read, if it cannot.
    """

    where: str
    fields: Mapping[str, Any] | SpecError


class Document(NamedTuple):
    """One document of a corpus.

    Attributes:
        where: The file and the line (of Parquet, the row), for messages.
        text: Its text; "" if no text was asked for.
        id: What its file calls it; None if that was not asked for, as for the next two.
        group: The group that it belongs to.
        time: When it was written.
        columns: Further values, by our names.
    """

    where: str
    text: str = ""
    id: Any = None
    group: Any = None
    time: Any = None
    columns: Mapping[str, Any] = _NOTHING


@dataclass(frozen=True)
class Columns:
    """Which fields of a record are which part of a document: the one adapter from records to documents.

    Attributes:
        text: The field that holds the text; None to read no text.
        id: The field that names a document; None for none, as in the next two.
        group: The field that names its group.
        time: The field that says when it was written.
        further: Further fields to keep: our name of each, and the file's.

    Example:
        >>> columns = Columns(text="body", group="site", further={"score": "p_synthetic"})
        >>> columns.document(Record("a.jsonl: line 1", {"body": "One.", "site": 3, "p_synthetic": 0.2})).group
        3
    """

    text: str | None = "text"
    id: str | None = None
    group: str | None = None
    time: str | None = None
    further: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The fields of a record that are read, each once."""
        named = (self.text, self.id, self.group, self.time, *self.further.values())
        return tuple(dict.fromkeys(name for name in named if name is not None))

    @property
    def others(self) -> tuple[str, ...]:
        """The fields beside the text."""
        return tuple(name for name in self.names if name != self.text)

    def document(self, record: Record) -> Document:
        """Make a document of a record.

        Raises:
            SpecError: If the record could not be read, lacks a field, or holds no proper text.
        """
        where, fields = record
        if isinstance(fields, SpecError):
            raise fields
        try:
            text = "" if self.text is None else fields[self.text]
            if type(text) is not str or not text.isascii():
                text = text_of(text, where)
            if self._alone:
                return Document(where, text)
            return Document(
                where,
                text,
                None if self.id is None else fields[self.id],
                None if self.group is None else fields[self.group],
                None if self.time is None else fields[self.time],
                {name: fields[own] for name, own in self.further.items()},
            )
        except KeyError as missing:
            raise SpecError(f"{where}: no field {missing.args[0]!r}; it has {_listed(fields)}") from None

    @cached_property
    def _alone(self) -> bool:
        """Whether nothing but the text is read."""
        return not self.others

    def record(self, document: Document) -> dict[str, Any]:
        """Make a record of a document: `document` reads it back."""
        parts: tuple[tuple[str | None, Any], ...] = (
            (self.text, document.text),
            (self.id, document.id),
            (self.group, document.group),
            (self.time, document.time),
        )
        named = {name: value for name, value in parts if name is not None}
        return named | {own: document.columns[name] for name, own in self.further.items()}


def text_of(value: Any, where: str) -> str:
    """Read a value as text.

    Raises:
        SpecError: If it is something else, or what UTF-8 cannot write.
    """
    if isinstance(value, bytes):
        value = decoded(value, where)
    if not isinstance(value, str):
        raise SpecError(f"{where}: holds {what(value)}, not text; name the field of the text (field=...)")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise SpecError(f"{where}: cannot be written in UTF-8 at character {error.start}; mend it") from None
    return str(value)


def decoded(content: bytes, where: str, *, first: bool = True) -> str:
    """Read UTF-8.

    Args:
        content: The bytes.
        where: Where they stand, for the message.
        first: Whether they begin a file, so that a byte order mark is left out.

    Raises:
        SpecError: If the bytes are something else; the message says at which byte.
    """
    skipped = 3 if first and content[:3] == b"\xef\xbb\xbf" else 0
    try:
        return str(content[skipped:] if skipped else content, "utf-8")
    except UnicodeDecodeError as error:
        start = error.start + skipped
        raise SpecError(
            f"{where}: not valid UTF-8 at byte {start} (0x{content[start]:02x}); convert it to UTF-8"
        ) from None


def what(value: Any) -> str:
    """Names what stands in place of something else."""
    kinds = {dict: "an object", list: "a list", str: "text", bool: "a truth value", type(None): "nothing"}
    return kinds.get(type(value), "a number" if isinstance(value, (int, float)) else type(value).__name__)


def _listed(fields: Mapping[str, Any]) -> str:
    names = [str(name)[:40] for name in fields][:8]
    return ", ".join(names) + (", ..." if len(fields) > len(names) else "") or "none"
