"""The rows of CSV, streamed: the first is the header, cells are text, and quoted cells may hold commas and lines."""

from collections.abc import Iterator

from genloss.corpus.lines import lines, longest, too_long
from genloss.corpus.records import Record, decoded
from genloss.corpus.shards import Seen, Shard
from genloss.errors import SpecError


def csv_records(shard: Shard, seen: Seen | None = None) -> Iterator[Record]:
    """The records of a CSV file (RFC 4180); every value is text.

    Raises:
        SpecError: If the header cannot be one, or a row is too long.
    """
    header: list[str] | None = None
    for where, cells in _rows(shard, seen):
        if isinstance(cells, SpecError):
            if header is None:
                raise cells
            yield Record(where, cells)
        elif header is None:
            twice = sorted({name for name in cells if cells.count(name) > 1})
            if twice:
                raise SpecError(f"{where}: the header has column {twice[0]!r} twice; give every column a name")
            header = cells
        elif len(cells) != len(header):
            yield Record(where, SpecError(f"{where}: {len(cells)} cells, but the header has {len(header)}"))
        else:
            yield Record(where, dict(zip(header, cells, strict=True)))


def _rows(shard: Shard, seen: Seen | None) -> Iterator[tuple[str, list[str] | SpecError]]:
    row = _Row()
    begin = 0
    for number, content in lines(shard, seen):
        if not row.open:
            row = _Row()
            begin = number
        where = f"{shard.shown}: line {begin}"
        try:
            line = decoded(content, f"{shard}: line {number}", first=number == 1)
            if not row.open and (not line or line == "\r"):
                continue
            whole = row.feed(line)
        except SpecError as error:
            row = _Row()
            yield where, error
            continue
        except _BadQuote:
            row = _Row()
            yield where, SpecError(f"{where}: a quote inside a cell; quote the whole cell and double its quotes")
            continue
        if row.length > longest():
            raise SpecError(too_long(where))
        if whole:
            yield where, row.cells
    if row.open:
        yield f"{shard}: line {begin}", SpecError(f"{shard}: line {begin}: a quote is opened and never closed")


class _BadQuote(Exception):
    pass


class _Row:
    """One row, fed line by line."""

    def __init__(self) -> None:
        self.cells: list[str] = []
        self.open = False
        self.length = 0
        self._parts: list[str] = []

    def feed(self, content: str) -> bool:
        """Read one line more, and say whether the row ends with it."""
        self.length += len(content) + 1
        line = content.removesuffix("\r")
        if not self.open and '"' not in line:
            self.cells += line.split(",")
            return True
        at = 0
        while True:
            if self.open:
                end = line.find('"', at)
                if end < 0:
                    self._parts.append(content[at:] + "\n")
                    return False
                self._parts.append(line[at:end])
                at = end + 1
                if line.startswith('"', at):
                    self._parts.append('"')
                    at += 1
                    continue
                self.open = False
                self.cells.append("".join(self._parts))
                if at == len(line):
                    return True
                if line[at] != ",":
                    raise _BadQuote
                at += 1
            elif line.startswith('"', at):
                self.open = True
                self._parts = []
                at += 1
            else:
                end = line.find(",", at)
                cell = line[at:] if end < 0 else line[at:end]
                if '"' in cell:
                    raise _BadQuote
                self.cells.append(cell)
                if end < 0:
                    return True
                at = end + 1
