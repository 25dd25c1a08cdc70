"""Where work runs: tasks in, results out in any order, tried again where a process dies."""

from genloss.workers.address import WHERE, each, workers_for
from genloss.workers.tasks import Task, Workers

__all__ = ["WHERE", "Task", "Workers", "each", "workers_for"]
