"""The lines of a file; one that is too long is refused before it is held."""

from collections.abc import Iterator

from genloss.corpus.shards import Seen, Shard
from genloss.errors import SpecError

LONGEST = 1 << 26
"""Bytes that one row may have."""


def longest() -> int:
    """How many bytes one row may have."""
    return LONGEST


def too_long(where: str) -> str:
    """What is said of a row that is too long."""
    return f"{where}: longer than {LONGEST >> 20} MiB; give one document per row, and cut what is longer"


def lines(shard: Shard, seen: Seen | None = None) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers, without the ends of lines.

    Raises:
        SpecError: If a line is too long, or the file cannot be read.
    """
    number = length = 0
    held: list[bytes] = []
    for piece in shard.pieces(seen):
        first, *rest = piece.split(b"\n")
        held.append(first)
        length += len(first)
        if length > LONGEST:
            raise SpecError(too_long(f"{shard}: line {number + 1}"))
        if not rest:
            continue
        rest.insert(0, b"".join(held))
        last = rest.pop()
        for line in rest:
            number += 1
            if len(line) > LONGEST:
                raise SpecError(too_long(f"{shard}: line {number}"))
            yield number, line
        held, length = [last], len(last)
    if length > LONGEST:
        raise SpecError(too_long(f"{shard}: line {number + 1}"))
    if length:
        yield number + 1, b"".join(held)
