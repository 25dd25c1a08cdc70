"""The ledger of theory held against simulation, by one process or several."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.errors import SpecError
from genloss.plain.numbers import whole_number
from genloss.theory.laws import LAWS, Law, sizes
from genloss.theory.verification.check import Check
from genloss.theory.verification.ledger import PARTS, Group, LedgerRow, chosen, groups, rows_of
from genloss.workers import each, workers_for
from genloss.workers.local import Processes


@dataclass(frozen=True)
class Ledger:
    """What was verified, and how it came out.

    Attributes:
        only: The part that was asked for; None for all of it.
        seed: The seed of all simulations.
        rows: One line for each law and engine, each erratum and engine, and each claim.
        checks: The curves behind the lines: every law held against every engine that can run its example.
    """

    only: str | None
    seed: int
    rows: tuple[LedgerRow, ...]
    checks: tuple[Check, ...]

    @property
    def holds(self) -> bool:
        """Whether all of it holds."""
        return all(row.holds for row in self.rows)


def verify(
    only: str | None = None, seed: int = 0, *, workers: int | None = None, on: str = "local", progress: bool = False
) -> Ledger:
    """Verify the ledger of theory, or a part of it.

    The same seed gives the same ledger for any number of workers.

    Args:
        only: "laws", "errata", "claims", or a piece of a law's name; None verifies all.
        seed: The seed of all simulations.
        workers: Processes of this machine that share the work; one if it is left out.
        on: Where the work runs, as in `run`. Laws that are not part of genloss are verified in this process.
        progress: Show a bar with the time left.

    Raises:
        SpecError: If `only` names nothing, or seed or workers are no such numbers.
    """
    who = workers_for(on, workers)
    whole_number(seed, "seed")
    try:
        wanted = chosen(only)
    except ValueError:
        raise SpecError(
            f"only: nothing is named {only!r}; give {', '.join(PARTS)}, or a piece of a law's name"
        ) from None
    shares = [
        _Share(i, group.way, tuple(law.name for law in group.laws), seed) for i, group in enumerate(groups(wanted))
    ]
    home = [share for share in shares if not share.shipped]
    done: dict[int, list[Check]] = {}
    for some, among in ((home, Processes()), ([share for share in shares if share.shipped], who)):
        for share, found in each(some, among, progress and bool(some), "law"):
            done[share.number] = [Check(LAWS[name], *rest) for name, *rest in found]
    checks = [check for number in sorted(done) for check in done[number]]
    return Ledger(only, int(seed), tuple(rows_of(checks, only)), tuple(checks))


@dataclass(frozen=True)
class _Share:
    """A group of laws by their names, which every process knows; laws themselves hold functions and stay."""

    number: int
    way: Any
    names: tuple[str, ...]
    seed: int

    @property
    def laws(self) -> tuple[Law, ...]:
        return tuple(LAWS[name] for name in self.names)

    @property
    def shipped(self) -> bool:
        return all(law.compute.__module__.startswith("genloss.") for law in self.laws)

    @property
    def steps(self) -> int:
        return len(self.names)

    @property
    def size(self) -> float:
        """One chain at a time is slow; else the rows that are drawn, or the generations."""
        law = self.laws[0]
        if law.example is None:
            return float("inf")
        slow = 100.0 if not law.example.batchable() else 1.0
        rows = float(np.mean(sizes(law.example, law.generations))) if self.way == "rows" else 100.0
        return slow * rows * max(law.generations for law in self.laws) * len(self.names)

    def parts(self) -> dict[str, Any]:
        return {"laws": self.names}

    def __call__(self, step: Any) -> list[tuple[Any, ...]]:
        found = []
        for check in Group(self.way, self.laws).checks(self.seed):
            found.append((check.law.name, check.engine, check.predicted, check.measured, check.error, check.replicates))
            step()
        return found
