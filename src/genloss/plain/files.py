"""Files that are there whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def beside(path: Path) -> Iterator[BinaryIO]:
    """Write a file beside its place; on leaving it is flushed to the disk and renamed, on an error it is removed."""
    written = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with written.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            written.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def commit(path: Path, content: bytes) -> None:
    """Put a file in place whole or not at all: written beside, flushed to the disk, renamed."""
    with beside(path) as file:
        file.write(content)
