"""Workers by their address: this machine, or a cluster that runs already."""

import re
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any, TypeVar

from genloss.errors import SpecError
from genloss.plain.numbers import whole_number
from genloss.workers.local import Processes
from genloss.workers.tasks import Task, Workers

WHERE = "local, ray://HOST:PORT, ray://auto, or dask://HOST:PORT"
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})")

_T = TypeVar("_T", bound=Task)


def workers_for(on: str = "local", workers: int | None = None) -> Workers:
    """Give the workers at an address; a cluster is attached to when there is work, and never started.

    Args:
        on: "local" for processes of this machine, "ray://HOST:PORT" for a Ray Client server, "ray://auto" for the Ray
            that runs on this machine, "dask://HOST:PORT" for a Dask scheduler.
        workers: Processes that share the work, for "local" alone; None is one.

    Raises:
        SpecError: If the address is none of these, or its library is not installed.
    """
    if on == "local":
        return Processes(1 if workers is None else whole_number(workers, "workers", 1))
    kind, separator, place = on.partition("://") if isinstance(on, str) else ("", "", "")
    host = _HOST.fullmatch(place)
    right = host is not None and 0 < int(host[2]) < 65536
    if not separator or kind not in ("ray", "dask") or not (right or (kind, place) == ("ray", "auto")):
        raise SpecError(f"on: must be {WHERE}, got {on!r}")
    if workers is not None:
        raise SpecError(f"workers: counts processes of this machine; leave it out with on={on!r}")
    if kind == "ray":
        from genloss.workers.on_ray import RayWorkers

        return RayWorkers.at(place)
    from genloss.workers.on_dask import DaskWorkers

    return DaskWorkers.at(place)


def each(
    tasks: Sequence[_T], workers: Workers, progress: bool, unit: str = "gen"
) -> Generator[tuple[_T, Any], None, None]:
    """Do all tasks, the largest first, so that the last ones are small.

    Args:
        tasks: The tasks.
        workers: Who does them.
        progress: Whether to show a bar.
        unit: What a step is called.

    Yields:
        Each task with its result, as it is done.
    """
    from tqdm import tqdm

    tasks = sorted(tasks, key=lambda task: -task.size)
    total = sum(task.steps for task in tasks)
    with tqdm(total=total, disable=not progress, unit=unit, smoothing=0.05, dynamic_ncols=True) as bar:
        if not tasks:
            return
        with closing(workers.each(tasks, bar.update)) as results:
            for position, result in results:
                yield tasks[position], result
