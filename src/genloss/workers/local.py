"""Processes of this machine: one, or a pool in which a process that dies is replaced."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from genloss.errors import SpecError
from genloss.workers.tasks import Task, check_sendable, sendable

_TRIES = 3
_queue: Any = None


@dataclass(frozen=True)
class Processes:
    """This process, or a pool of several.

    Attributes:
        count: How many processes share the work; one is this process.
    """

    count: int = 1

    def each(self, tasks: Sequence[Task], step: Callable[[int], Any]) -> Generator[tuple[int, Any], None, None]:
        """Do all tasks; see `Workers`."""
        from threadpoolctl import threadpool_limits

        if self.count > 1 and len(tasks) > 1:
            yield from _in_pool(tasks, min(self.count, len(tasks)), step)
            return
        # One thread for linear algebra, as in every worker: the order of its sums must not depend on the machine.
        with threadpool_limits(1):
            for position, task in enumerate(tasks):
                yield position, task(lambda: step(1))


def _in_pool(tasks: Sequence[Task], workers: int, step: Callable[[int], Any]) -> Generator[tuple[int, Any], None, None]:
    check_sendable(tasks[0])
    context = multiprocessing.get_context("spawn")
    left = dict(enumerate(tasks))
    tries = 0
    while left:
        queue = context.SimpleQueue()
        pool = ProcessPoolExecutor(workers, context, _start, (queue, os.getpid()))
        try:
            with _no_interrupt():
                futures: dict[Future[Any], int] = {pool.submit(_run, task): number for number, task in left.items()}
            waiting = set(futures)
            while waiting:
                done, waiting = wait(waiting, timeout=0.1, return_when=FIRST_COMPLETED)
                while not queue.empty():
                    step(queue.get())
                for future in done:
                    # A result leaves the future with its task, so that no more than the waiting ones are in memory.
                    values = future.result()
                    number = futures.pop(future)
                    del left[number]
                    yield number, values
                    tries = 0
            while not queue.empty():
                step(queue.get())
        except BrokenProcessPool:
            tries += 1
            if tries >= _TRIES:
                raise SpecError(
                    f"workers: a worker process died {tries} times in a row (out of memory, or a script without "
                    "`if __name__ == '__main__':`?); give fewer workers"
                ) from None
        except BaseException:
            # Terminating the workers fails the remaining futures; cancelling them first would race with the pool.
            _stop(pool)
            raise
        finally:
            pool.shutdown(wait=True)


@contextlib.contextmanager
def _no_interrupt() -> Iterator[None]:
    """Block Ctrl-C; workers that start here inherit that, so only the parent gets it and ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stop(pool: ProcessPoolExecutor) -> None:
    for process in list((getattr(pool, "_processes", None) or {}).values()):
        process.terminate()


def _start(queue: Any, parent: int) -> None:
    """Prepare a worker: it ends when its parent has ended."""
    global _queue
    _queue = queue

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _run(task: Task) -> Any:
    from threadpoolctl import threadpool_limits

    reported = time.monotonic()
    steps = 0

    def step() -> None:
        nonlocal reported, steps
        steps += 1
        if time.monotonic() - reported > 0.2:
            _queue.put(steps)
            reported, steps = time.monotonic(), 0

    try:
        with threadpool_limits(1):
            values = task(step)
    except Exception as error:
        raise sendable(error) from None
    with contextlib.suppress(OSError):
        if steps:
            _queue.put(steps)
    return values
