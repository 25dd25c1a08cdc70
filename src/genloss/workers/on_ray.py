"""A Ray that runs already: attached to, never started."""

import logging
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from genloss.errors import SpecError
from genloss.workers.bundles import Bundle, bundles, performer, results, versions
from genloss.workers.tasks import Task

_RETRIES = 2
_ATTEMPTS = 3


@dataclass(frozen=True)
class RayWorkers:
    """The workers of a Ray cluster.

    Attributes:
        place: "auto" for the Ray of this machine, or HOST:PORT of a Ray Client server.
    """

    place: str

    @classmethod
    def at(cls, place: str) -> "RayWorkers":
        """Give the workers at a place; nothing is attached yet.

        Raises:
            SpecError: If Ray is not installed.
        """
        if find_spec("ray") is None:
            raise SpecError('on: Ray is not installed; pip install "genloss[ray]"')
        return cls(place)

    def each(self, tasks: Sequence[Task], step: Callable[[int], Any]) -> Generator[tuple[int, Any], None, None]:
        """Do all tasks; see `Workers`."""
        import ray
        from ray import cloudpickle
        from ray.exceptions import RayError, WorkerCrashedError

        on = f"ray://{self.place}"
        mine = self._attach()
        waiting: dict[Any, Bundle] = {}
        try:
            slots = int(ray.cluster_resources().get("CPU", 0))
            if not slots:
                raise SpecError(f"on: {on} has no CPU to work on; add a worker to it")
            perform = ray.remote(max_retries=_RETRIES, num_cpus=1)(performer())
            expected = versions()
            for bundle in bundles(tasks, slots, cloudpickle.dumps):
                waiting[perform.remote(expected, bundle.content)] = bundle
            while waiting:
                done, _ = ray.wait(list(waiting), num_returns=1, timeout=0.5)
                for reference in done:
                    bundle = waiting.pop(reference)
                    yield from results(bundle, ray.get(reference), on)
                    step(bundle.steps)
        except WorkerCrashedError:
            raise SpecError(
                f"on: a worker of {on} died {_RETRIES + 1} times at one task (out of memory?); give it more memory"
            ) from None
        except (RayError, ConnectionError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise SpecError(f"on: {on} failed ({type(error).__name__}: {reason}); see the logs of Ray") from None
        finally:
            for reference in waiting:
                _cancel(reference)
            if mine:
                ray.shutdown()

    def _attach(self) -> bool:
        """Attach to the cluster; True if this process was not attached to it before."""
        import ray

        if ray.is_initialized():
            if self.place == "auto":
                return False
            raise SpecError("on: this process is attached to a Ray already; give ray://auto to use that one")
        address = "auto" if self.place == "auto" else f"ray://{self.place}"
        for attempt in range(_ATTEMPTS):
            try:
                ray.init(address=address, configure_logging=False, log_to_driver=False, logging_level=logging.ERROR)
                break
            except Exception as error:
                # A Ray Client server starts a process for each client, and gives up on it when the machine is busy.
                if "Initialization failure" in str(error) and attempt + 1 < _ATTEMPTS:
                    continue
                reason = " ".join(str(error).split())[:120]
                raise SpecError(
                    f"on: no Ray at ray://{self.place} ({reason}); start one (`ray start`) or give its address"
                ) from None
        return True


def _cancel(reference: Any) -> None:
    import contextlib

    import ray

    with contextlib.suppress(Exception):
        ray.cancel(reference, force=True)
