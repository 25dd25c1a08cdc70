"""The files of a corpus: what paths, folders, patterns and addresses name, and the bytes of each.

Bytes are read a piece at a time, so that memory does not grow with a file, and unpacked on the way.
"""

import contextlib
import glob
import gzip
import hashlib
import io
import os
import re
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from genloss.errors import SpecError
from genloss.plain.words import either

KINDS = (".csv", ".jsonl", ".parquet", ".txt")
PACKINGS = (".gz", ".zst")
STANDARD_INPUT = "-"
Seen = Callable[[bytes], Any]
"""Called with the bytes that were read since its last call."""

_PIECE = 1 << 20
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+::)*[A-Za-z][A-Za-z0-9+.-]+://")
_MAGIC = {b"\x1f\x8b": ".gz", b"\x28\xb5\x2f\xfd": ".zst"}


@dataclass(frozen=True)
class Shard:
    """One file of a corpus.

    Attributes:
        name: Its path or address; "-" for standard input.
        kind: What it holds: ".csv", ".jsonl", ".parquet" or ".txt".
        packing: How it is packed: ".gz", ".zst" or "".
    """

    name: str
    kind: str
    packing: str = ""

    @property
    def shown(self) -> str:
        """Its name for messages."""
        return "standard input" if self.name == STANDARD_INPUT else self.name

    def __str__(self) -> str:
        return self.shown

    @property
    def remote(self) -> bool:
        """Whether it is named by an address."""
        return is_address(self.name)

    @property
    def size(self) -> int:
        """Its bytes as they are stored; 0 if that is not known."""
        try:
            return 0 if self.remote or self.name == STANDARD_INPUT else os.stat(self.name).st_size
        except OSError:
            return 0

    @contextlib.contextmanager
    def opened(self) -> Iterator[Any]:
        """The file, open for reading bytes.

        Raises:
            SpecError: If it cannot be opened or read.
        """
        with _readable(self):
            if self.name == STANDARD_INPUT:
                yield sys.stdin.buffer
            elif self.remote:
                with fsspec_of(self.name).open(self.name, "rb") as file:
                    yield file
            else:
                with open(self.name, "rb") as file:
                    yield file

    def pieces(self, seen: Seen | None = None) -> Iterator[bytes]:
        """The unpacked content, a piece at a time.

        Args:
            seen: Called with the bytes as they are stored.

        Raises:
            SpecError: If the file cannot be read, or is damaged.
        """
        with self.opened() as file:
            raw = _Watched(file, seen)
            packing = self.packing or (_sniffed(file) if self.name == STANDARD_INPUT else "")
            unpacked: Any = raw
            if packing == ".gz":
                unpacked = gzip.GzipFile(fileobj=raw)
            elif packing == ".zst":
                import pyarrow as pa

                unpacked = pa.CompressedInputStream(pa.PythonFile(raw, "r"), "zstd")
            while piece := unpacked.read(_PIECE):
                yield piece
            while raw.read(_PIECE):
                pass  # what stands behind the packed content belongs to the file all the same


def shards_of(
    paths: "str | Path | Shard | Sequence[str | Path | Shard]", where: str = "", kind: str | None = None
) -> list[Shard]:
    """Find the files that paths, folders, patterns and addresses name, sorted within each.

    Args:
        paths: Files, folders (all files of known kinds in them), patterns such as `texts/*.txt`, addresses such as
            `s3://bucket/texts/*.jsonl`, and "-" for standard input.
        where: What asks for them, for messages.
        kind: What the files hold, whatever their names end in: "csv", "jsonl", "parquet" or "txt".

    Raises:
        SpecError: If one names nothing, or a file of no known kind.
    """
    head = f"{where}: " if where else ""
    if kind is not None and f".{kind}" not in KINDS:
        raise SpecError(f"{head}kind must be {either(each[1:] for each in KINDS)}, got {kind!r}")
    if isinstance(paths, (str, Path, Shard)):
        paths = [paths]
    found: list[Shard] = []
    for path in paths:
        if isinstance(path, Shard):
            found.append(path)
            continue
        name = str(path)
        if name == STANDARD_INPUT:
            if kind == "parquet":
                raise SpecError(f"{head}Parquet cannot be read from standard input; give a file")
            found.append(Shard(name, f".{kind or 'jsonl'}"))
        else:
            files = _remote(name, head) if is_address(name) else _local(name, head, kind)
            found += [shard_of(each, head, kind) for each in files]
    return found


def is_address(name: str) -> bool:
    """Whether a name is an address such as `s3://bucket/file.jsonl`, not a path."""
    return _ADDRESS.match(name) is not None


def checksum_of(shards: Sequence[Shard]) -> str:
    """The SHA-256 of a file as it is stored; of several, the SHA-256 of theirs.

    Raises:
        SpecError: If a file cannot be read.
    """
    return joined([_digest(shard) for shard in shards])


def joined(digests: Sequence[str]) -> str:
    """One checksum for the checksums of several files, in their order; that of a single file is its own."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def bytes_of(shard: Shard) -> bytes:
    """The whole content of a file, as it is stored.

    Raises:
        SpecError: If it cannot be read.
    """
    with shard.opened() as file:
        return bytes(file.read())


def check_checksum(checksum: str, wanted: str | None, name: Any) -> None:
    """Refuse a file that is not the one asked for.

    Raises:
        SpecError: If a checksum is wanted and the file has another.
    """
    if wanted is not None and checksum != wanted:
        raise SpecError(
            f"{name}: not the content asked for (its checksum begins {checksum[:12]}, not {str(wanted)[:12]}): "
            "put the old content back, or leave the checksum out"
        )


def shard_of(name: str, head: str = "", kind: str | None = None) -> Shard:
    """The file of a name, whose ending says what it holds unless `kind` does.

    Raises:
        SpecError: If the ending says nothing that is known.
    """
    packing, found = _ending(name)
    if kind is not None:
        found = f".{kind}"
    if found not in KINDS or (found == ".parquet" and packing):
        raise SpecError(f"{head}{name}: of no known kind; known: {', '.join(KINDS)}, packed also as .gz and .zst")
    return Shard(name, found, packing)


def said_of(error: Exception) -> str:
    """What an error of another library says, in one short line."""
    said = str(getattr(error, "strerror", None) or error).strip().splitlines() or [type(error).__name__]
    return said[0][:100]


def _ending(name: str) -> tuple[str, str]:
    """The packing and the kind that a name ends in; "" for what is not known."""
    ending = name.lower()
    packing = next((each for each in PACKINGS if ending.endswith(each)), "")
    return packing, next((each for each in KINDS if ending.removesuffix(packing).endswith(each)), "")


def _known(name: str) -> bool:
    packing, kind = _ending(name)
    return bool(kind) and not (packing and kind == ".parquet")


def _local(name: str, head: str, kind: str | None) -> list[str]:
    if "\0" in name:
        raise SpecError(f"{head}{name!r}: a path cannot hold the character NUL")
    with _readable(f"{head}{name}"):
        return _found(name, head, kind)


def _found(name: str, head: str, kind: str | None) -> list[str]:
    here = Path(name)
    if here.is_dir():
        found = sorted(
            str(each)
            for each in here.rglob("*")
            if each.is_file()
            and (kind or _known(each.name))
            and not any(part.startswith(".") for part in each.relative_to(here).parts)
        )
        if not found:
            raise SpecError(f"{head}{name}: a folder without files of a known kind; known: {', '.join(KINDS)}")
        return found
    matches = [name] if here.exists() else sorted(glob.glob(name, recursive=True))
    found = [match for match in matches if Path(match).is_file()]
    if not found:
        raise SpecError(f"{head}{name}: {'not a file' if matches else 'no such file'}")
    return found


def _remote(name: str, head: str) -> list[str]:
    with _readable(name):
        files = fsspec_of(name)
        system, path = files.core.url_to_fs(name)
        if glob.has_magic(path):
            matches = [str(each) for each in sorted(system.glob(path)) if system.isfile(each)]
        elif system.isdir(path):
            matches = [str(each) for each in sorted(system.find(path)) if _known(str(each))]
        else:
            matches = [path] if system.exists(path) else []
        found = [name] if matches == [path] else [str(system.unstrip_protocol(each)) for each in matches]
    if not found:
        raise SpecError(f"{head}{name}: no such file")
    return found


def fsspec_of(name: str) -> Any:
    """The library that reads addresses.

    Raises:
        SpecError: If it is missing.
    """
    try:
        import fsspec.core
    except ImportError:
        raise SpecError(f'{name}: addresses are read by the library fsspec; pip install "genloss[remote]"') from None
    return fsspec


@contextlib.contextmanager
def _readable(name: Any) -> Iterator[None]:
    """Say in one line why a file cannot be read."""
    try:
        yield
    except (SpecError, GeneratorExit, MemoryError):
        raise
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise SpecError(f"{name}: damaged, or not gzipped; write it again") from None
    except OSError as error:
        said = said_of(error)
        if "zstd" in said.lower() or "compressed stream" in said.lower():
            raise SpecError(f"{name}: damaged, or not packed as zst; write it again") from None
        raise SpecError(f"{name}: unreadable ({said})") from None
    except Exception as error:
        # Each kind of address raises errors of its own library.
        if not is_address(str(name)):
            raise
        raise SpecError(f"{name}: unreadable ({said_of(error)})") from None


def _sniffed(file: Any) -> str:
    begin = file.peek(4)[:4] if hasattr(file, "peek") else b""
    return next((packing for magic, packing in _MAGIC.items() if begin.startswith(magic)), "")


class _Watched(io.RawIOBase):
    """A file that shows to another reader all bytes that are read from it."""

    def __init__(self, file: Any, seen: Seen | None) -> None:
        self._file = file
        self._seen = seen

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        found: bytes = self._file.read(size)
        if self._seen is not None and found:
            self._seen(found)
        return found

    def readinto(self, buffer: Any) -> int:
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


def _digest(shard: Shard) -> str:
    """The checksum of a file, computed again only if the file is another one or was written since."""
    if shard.remote or shard.name == STANDARD_INPUT:
        return _hashed(shard)
    try:
        state = os.stat(shard.name)
    except OSError:
        return _hashed(shard)
    # A file may be written twice within one tick of the clock that its state keeps: a young one is read each time.
    if time.time_ns() - state.st_ctime_ns < 2_000_000_000:
        return _hashed(shard)
    return _remembered(shard, state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


@lru_cache(maxsize=1 << 14)
def _remembered(shard: Shard, *state: int) -> str:
    return _hashed(shard)


def _hashed(shard: Shard) -> str:
    digest = hashlib.sha256()
    with shard.opened() as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
