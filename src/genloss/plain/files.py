"""Files that are there whole or not at all."""

import contextlib
import os
from pathlib import Path


def commit(path: Path, content: bytes) -> None:
    """Put a file in place whole or not at all: written beside, flushed to the disk, renamed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
