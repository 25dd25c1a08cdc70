"""A Dask scheduler that runs already: attached to, never started."""

import contextlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from genloss.errors import SpecError
from genloss.workers.bundles import Bundle, bundles, performer, results, versions
from genloss.workers.tasks import Task

_SECONDS = 10


@dataclass(frozen=True)
class DaskWorkers:
    """The workers of a Dask scheduler.

    Attributes:
        place: HOST:PORT of the scheduler.
    """

    place: str

    @classmethod
    def at(cls, place: str) -> "DaskWorkers":
        """Give the workers of a scheduler; nothing is attached yet.

        Raises:
            SpecError: If Dask is not installed.
        """
        if find_spec("distributed") is None:
            raise SpecError('on: Dask is not installed; pip install "genloss[dask]"')
        return cls(place)

    def each(self, tasks: Sequence[Task], step: Callable[[int], Any]) -> Generator[tuple[int, Any], None, None]:
        """Do all tasks; see `Workers`."""
        import cloudpickle
        from distributed import Client, as_completed
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        on = f"dask://{self.place}"
        try:
            client = Client(f"tcp://{self.place}", timeout=_SECONDS, set_as_default=False)
        except (OSError, TimeoutError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise SpecError(
                f"on: no Dask scheduler at {on} ({reason}); start one (`dask scheduler`) or give its address"
            ) from None
        waiting: dict[Any, Bundle] = {}
        try:
            slots = sum(client.nthreads().values())
            if not slots:
                raise SpecError(f"on: {on} has no worker; add one of one thread (`dask worker tcp://{self.place}`)")
            perform, expected = performer(), versions()
            for bundle in bundles(tasks, slots, cloudpickle.dumps):
                waiting[client.submit(perform, expected, bundle.content, pure=False)] = bundle
            for future in as_completed(list(waiting), loop=client.loop):
                outcome = future.result()
                bundle = waiting.pop(future)
                yield from results(bundle, outcome, on)
                step(bundle.steps)
                future.release()
        except KilledWorker:
            raise SpecError(
                f"on: workers of {on} died again and again at one task (out of memory?); give them more memory"
            ) from None
        except FutureCancelledError:
            raise SpecError(f"on: the connection to {on} was lost; start the scheduler again and resume") from None
        finally:
            with contextlib.suppress(Exception):
                client.cancel(list(waiting))
            client.close()
