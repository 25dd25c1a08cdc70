"""Tasks on their way to a cluster: many small ones in a bundle, and what a worker checks before it does them."""

import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

from genloss.errors import SpecError
from genloss.plain.describe import describe
from genloss.workers.tasks import Task, check_sendable, sendable

MOST = 100
"""The most tasks in a bundle: handing over a bundle costs a cluster 1 to 5 ms."""
_EACH = 8
"""The bundles that a worker gets at least, if there are tasks enough, so that all end at about one time."""
_ALONE = threading.Lock()

Outcome = tuple[str, Any]
"""What a worker answers: a word and what belongs to it."""


@dataclass(frozen=True)
class Bundle:
    """Tasks that a worker does one after another.

    Attributes:
        positions: Where they stand among all tasks.
        steps: Their steps together.
        content: The tasks, their descriptions and the import path, as bytes.
    """

    positions: tuple[int, ...]
    steps: int
    content: bytes


def bundles(tasks: Sequence[Task], slots: int, dumps: Callable[[Any], bytes]) -> Iterator[Bundle]:
    """Join small tasks to bundles; a large one goes alone.

    Args:
        tasks: The tasks, the largest first.
        slots: How many tasks the cluster does at a time.
        dumps: Writes an object as bytes, functions of `__main__` included.

    Raises:
        SpecError: If a task cannot be sent.
    """
    check_sendable(tasks[0], dumps)
    path = _import_path()
    for positions in cut([task.size for task in tasks], slots):
        chosen = [tasks[i] for i in positions]
        parts: dict[int, tuple[str, Any]] = {}
        for task in chosen:
            for name, part in task.parts().items():
                parts.setdefault(id(part), (name, part))
        known = [(name, part, describe(part)) for name, part in parts.values()]
        yield Bundle(positions, sum(task.steps for task in chosen), dumps((path, dumps((known, chosen)))))


def cut(sizes: Sequence[float], slots: int) -> Iterator[tuple[int, ...]]:
    """Cut tasks, the largest first, to bundles of at most `MOST`, none larger than a share of the whole."""
    limit = sum(sizes) / (_EACH * max(slots, 1))
    most = min(MOST, max(1, -(-len(sizes) // max(slots, 1))))
    bundle: list[int] = []
    size = 0.0
    for i, own in enumerate(sizes):
        if bundle and (len(bundle) >= most or not size + own <= limit):
            yield tuple(bundle)
            bundle, size = [], 0.0
        bundle.append(i)
        size += own
    if bundle:
        yield tuple(bundle)


def performer() -> Callable[[Mapping[str, str], bytes], Outcome]:
    """Make the function that a worker runs: it reports the worker's versions before anything of genloss is read.

    A function made here travels as it is written, so that a worker with another genloss, or none, can run it.
    """

    def perform(expected: Any, content: Any) -> Any:
        import importlib
        import platform
        import socket

        for name, version in expected.items():
            try:
                if name == "Python":
                    own = platform.python_version()
                elif name == "genloss":
                    own = importlib.import_module("genloss.version").VERSION
                else:
                    own = importlib.import_module(name.lower()).__version__
            except ImportError:
                own = "missing"
            if own != version:
                return "version", (socket.gethostname(), name, own, version)
        return importlib.import_module("genloss.workers.bundles").do(content)

    return perform


def versions() -> dict[str, str]:
    """The versions that decide a result, by name; of what is not installed, "missing"."""
    import platform
    from importlib import import_module

    from genloss.version import VERSION

    own = {"genloss": VERSION, "Python": platform.python_version()}
    for name in ("NumPy", "SciPy", "Numba"):
        try:
            own[name] = import_module(name.lower()).__version__
        except ImportError:
            own[name] = "missing"
    return own


def do(content: bytes) -> Outcome:
    """Do the tasks of a bundle, in a worker of a cluster."""
    from threadpoolctl import threadpool_limits

    host = socket.gethostname()
    try:
        # The import path first: what follows is read with it.
        path, inner = ForkingPickler.loads(content)
        sys.path.extend(place for place in path if place not in sys.path and Path(place).is_dir())
        known, tasks = ForkingPickler.loads(inner)
    except Exception as error:
        return "unread", (host, f"{type(error).__name__}: {error}")
    try:
        for name, part, there in known:
            try:
                own = describe(part)
            except (SpecError, OSError) as error:
                return "differs", (host, name, str(error))
            if own != there:
                return "differs", (host, name, _difference(there, own))
        # A worker of Dask may run several threads; the caches of compiled loops and of tables are for one.
        with _ALONE, threadpool_limits(1):
            return "done", [task(lambda: None) for task in tasks]
    except Exception as error:
        return "error", sendable(error)


def results(bundle: Bundle, outcome: Outcome, on: str) -> Iterator[tuple[int, Any]]:
    """Read what a worker answered.

    Raises:
        SpecError: If the worker has other versions or other files, or cannot import what it was sent.
        Exception: What a task raised.
    """
    word, said = outcome
    if word == "error":
        raise said
    if word == "version":
        host, name, own, wanted = said
        raise SpecError(
            f"on: worker {host} of {on} has {name} {own}, and this process {wanted}; install the same version"
        )
    if word == "differs":
        host, name, where = said
        raise SpecError(f"on: worker {host} of {on} sees another {name} ({where}); give it the same files")
    if word == "unread":
        host, reason = said
        raise SpecError(f"on: worker {host} of {on} cannot read its tasks ({reason}); install there what they import")
    yield from zip(bundle.positions, said, strict=True)


def _import_path() -> list[str]:
    """The folders from which this process imports the user's own modules: not those of installed packages."""
    own = (sys.prefix, sys.base_prefix)
    places = (str(Path(place).resolve()) for place in sys.path)
    return [place for place in places if not place.startswith(own) and not place.endswith(("-packages", ".zip"))]


def _difference(here: Any, there: Any, path: str = "") -> str:
    """Name the first place where two descriptions differ."""
    if isinstance(here, Mapping) and isinstance(there, Mapping):
        for name in sorted({*here, *there}):
            if here.get(name) != there.get(name):
                file = f" of {here['path']}" if name == "checksum" and "path" in here else ""
                return _difference(here.get(name), there.get(name), f"{path}.{name}{file}" if path else f"{name}{file}")
    return f"{path or 'it'} is {str(there)[:40]!r} there and {str(here)[:40]!r} here"
