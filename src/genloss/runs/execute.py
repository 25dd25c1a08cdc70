"""Hand work to this process or to several, and try again where a process dies."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from genloss.chain.recursion import Chain, Engine
from genloss.errors import SpecError
from genloss.plain.numbers import whole_number
from genloss.runs.block import Job, Values, run_block
from genloss.runs.cut import Plan
from genloss.runs.folder import Store

_TRIES = 3
_queue: Any = None


class Task(Protocol):
    """A piece of work that does not depend on who does it.

    Attributes:
        steps: How many steps it takes, for the bar.
        size: How long it takes, for the order; in units that the tasks share.
    """

    @property
    def steps(self) -> int:
        """How many steps it takes."""

    @property
    def size(self) -> float:
        """How long it takes."""

    def parts(self) -> Mapping[str, Any]:
        """Name the parts that must reach another process."""

    def __call__(self, step: Any) -> Any:
        """Do it; `step` is called after each step."""


_T = TypeVar("_T", bound=Task)


@dataclass(frozen=True)
class _Work:
    """One block with all that it takes to run it."""

    chain: Chain
    probes: dict[str, Any]
    job: Job
    seed: int
    engine: Engine
    film: bool
    store: Store | None

    @property
    def steps(self) -> int:
        return self.job.generations + 1

    @property
    def size(self) -> float:
        return max(self.job.width, 1) * self.steps

    def parts(self) -> dict[str, Any]:
        return {"chain": self.chain, **{f"probes: {name!r}": probe for name, probe in self.probes.items()}}

    def __call__(self, step: Any) -> Values | None:
        checkpoint = None if self.store is None else self.store.checkpoint(self.chain, self.job)
        film = self.film and self.job.block == 0
        values = run_block(self.chain, self.probes, self.job, self.seed, self.engine, film, checkpoint, step)
        if self.store is None:
            return values
        self.store.commit(self.job, values)
        return None


def check_workers(workers: Any) -> None:
    """Refuse what is no number of processes."""
    whole_number(workers, "workers", 1)


def in_memory(plan: Plan, workers: int, progress: bool) -> Iterator[tuple[Job, Values]]:
    """Run all blocks and give their values."""
    for work, values in each([_work(plan, job, None) for job in plan.jobs()], workers, progress):
        yield work.job, values


def to_store(plan: Plan, store: Store, workers: int, progress: bool) -> None:
    """Run the blocks that a folder does not hold yet; each is committed where it runs."""
    missing = [_work(plan, job, store) for job in plan.jobs() if not store.done(job)]
    for _ in each(missing, workers, progress):
        pass


def _work(plan: Plan, job: Job, store: Store | None) -> _Work:
    chain = plan.grid.chains[job.cell]
    return _Work(chain, dict(plan.probes), job, plan.seed, plan.engine, plan.film, store)


def each(works: Sequence[_T], workers: int, progress: bool, unit: str = "gen") -> Iterator[tuple[_T, Any]]:
    """Do all work, the largest pieces first, so that the last ones are small.

    Args:
        works: The pieces.
        workers: Processes that share them.
        progress: Whether to show a bar.
        unit: What a step is called.

    Yields:
        Each piece with what it gave, as it is done.
    """
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    works = sorted(works, key=lambda work: -work.size)
    total = sum(work.steps for work in works)
    with tqdm(total=total, disable=not progress, unit=unit, smoothing=0.05, dynamic_ncols=True) as bar:
        if workers == 1 or len(works) <= 1:
            # One thread for linear algebra, as in every worker: the order of its sums must not depend on the machine.
            with threadpool_limits(1):
                for work in works:
                    yield work, work(bar.update)
        else:
            yield from _in_pool(works, min(workers, len(works)), bar)


def _in_pool(works: Sequence[_T], workers: int, bar: Any) -> Iterator[tuple[_T, Any]]:
    _check_sendable(works[0])
    context = multiprocessing.get_context("spawn")
    left = dict(enumerate(works))
    tries = 0
    while left:
        queue = context.SimpleQueue()
        pool = ProcessPoolExecutor(workers, context, _start, (queue, os.getpid()))
        try:
            with _no_interrupt():
                futures: dict[Future[Any], int] = {pool.submit(_run, work): number for number, work in left.items()}
            waiting = set(futures)
            while waiting:
                done, waiting = wait(waiting, timeout=0.1, return_when=FIRST_COMPLETED)
                while not queue.empty():
                    bar.update(queue.get())
                for future in done:
                    values = future.result()
                    work = left.pop(futures[future])
                    yield work, values
                    tries = 0
            while not queue.empty():
                bar.update(queue.get())
        except BrokenProcessPool:
            tries += 1
            if tries >= _TRIES:
                raise SpecError(
                    f"workers: a worker process died {tries} times in a row (out of memory, or a script without "
                    "`if __name__ == '__main__':`?); give fewer workers"
                ) from None
        except BaseException:
            # The pool sees its workers die and fails what is left; a future cancelled here would upset it meanwhile.
            _stop(pool)
            raise
        finally:
            pool.shutdown(wait=True)


@contextlib.contextmanager
def _no_interrupt() -> Iterator[None]:
    """Hold Ctrl-C back; a worker started meanwhile never hears of it and leaves it to its parent."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _check_sendable(work: Task) -> None:
    """Say what cannot be sent to another process, before any is started."""
    from multiprocessing.reduction import ForkingPickler

    for name, part in work.parts().items():
        try:
            ForkingPickler.dumps(part)
        except Exception:
            raise SpecError(
                f"{name} cannot be sent to a worker process; define its functions and classes at the top level of a "
                "module, or use workers=1"
            ) from None


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


def _run(work: Task) -> Any:
    from threadpoolctl import threadpool_limits

    told = time.monotonic()
    steps = 0

    def step() -> None:
        nonlocal told, steps
        steps += 1
        if time.monotonic() - told > 0.2:
            _queue.put(steps)
            told, steps = time.monotonic(), 0

    try:
        with threadpool_limits(1):
            values = work(step)
    except Exception as error:
        raise _sendable(error) from None
    with contextlib.suppress(OSError):
        if steps:
            _queue.put(steps)
    return values


def _sendable(error: Exception) -> Exception:
    """An error that reaches the parent process: one that cannot be sent as it is, is sent as its words."""
    from multiprocessing.reduction import ForkingPickler

    try:
        again = ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:
        again = None
    if type(again) is type(error):
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")
