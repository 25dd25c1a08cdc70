"""Compiled loops: numba's cache where it can be written, none elsewhere, and one process that compiles at a time."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from numba import njit

_LOCK = "genloss-compiling.lock"
_here = threading.RLock()


def compiled(function: Callable[..., Any], *, boundscheck: bool | None = None) -> Any:
    """Compile a loop to machine code at its first call.

    The machine code is kept in numba's cache: beside the source, in the user's cache folder, or in `NUMBA_CACHE_DIR`.
    If none of them can be written, as in a read-only installation without a home, every process compiles for itself.
    Of several processes that need the same loop, such as the workers of a new installation, one compiles and the
    others wait for the cache.

    Args:
        function: The loop, in the part of Python that numba reads.
        boundscheck: Whether indices are checked; None leaves it to numba's settings.
    """
    options: Any = {"nogil": True, "error_model": "numpy", "boundscheck": boundscheck}
    try:
        loop = njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no place that it can write
        return njit(**options)(function)
    lock = Path(loop.stats.cache_path) / _LOCK
    compile_alone = loop.compile

    def compile_in_turn(signature: Any) -> Any:
        with _turn(lock):
            return compile_alone(signature)

    loop.compile = compile_in_turn
    return loop


@contextlib.contextmanager
def _turn(lock: Path) -> Iterator[None]:
    """Hold the lock of a cache folder; loops that a loop calls are compiled under the same turn."""
    with _here:
        if _held.depth:
            _held.depth += 1
            try:
                yield
            finally:
                _held.depth -= 1
            return
        file = _opened(lock)
        _held.depth = 1
        try:
            yield
        finally:
            _held.depth = 0
            if file is not None:
                os.close(file)


def _opened(lock: Path) -> int | None:
    """Open and lock the file; None if there can be no lock, in which case two processes may compile the same loop."""
    try:
        import fcntl

        lock.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except (ImportError, OSError):
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:
        os.close(file)
        return None
    return file


class _Held:
    """How deep the turn of this process is nested; read and written under `_here` alone."""

    depth = 0


_held = _Held()
