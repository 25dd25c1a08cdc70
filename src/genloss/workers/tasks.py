"""What is handed to workers, and what workers are."""

from collections.abc import Callable, Generator, Mapping, Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any, Protocol

from genloss.errors import SpecError


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
        """Name the parts that must reach another process, and must be there what they are here."""

    def __call__(self, step: Callable[[], Any]) -> Any:
        """Do it; `step` is called after each step."""


class Workers(Protocol):
    """Something that does tasks: this process, several, or a cluster."""

    def each(self, tasks: Sequence[Task], step: Callable[[int], Any]) -> Generator[tuple[int, Any], None, None]:
        """Do all tasks; a task whose process dies is done again.

        Args:
            tasks: The tasks, the largest first.
            step: Called with the number of steps that were done since the last call.

        Yields:
            The position of each task with its result, as it is done.
        """


def check_sendable(task: Task, dumps: Callable[[Any], Any] = ForkingPickler.dumps) -> None:
    """Raise if a task cannot be sent to another process, before any is started.

    Args:
        task: The task.
        dumps: Writes an object as bytes.

    Raises:
        SpecError: If a part of it cannot be sent; the message names the part.
    """
    for name, part in task.parts().items():
        try:
            dumps(part)
        except Exception:
            raise SpecError(
                f"{name} cannot be sent to a worker process; define its functions and classes at the top level of a "
                "module, or use workers=1"
            ) from None


def sendable(error: Exception) -> Exception:
    """An error that reaches another process: one that cannot be sent as it is, is sent as its words."""
    try:
        again = ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:
        again = None
    if type(again) is type(error):
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")
