"""The ledger: every law, every erratum and every claim, what was predicted, what was measured, and the verdict."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from genloss.chain.data import Floats
from genloss.theory.catalogue.claims import CLAIMS
from genloss.theory.laws import LAWS, Law
from genloss.theory.predict import subject
from genloss.theory.verification.check import (
    FALSE_SIGMAS,
    SIGMAS,
    Check,
    Way,
    draws_of,
    judge,
    replicates_of,
    simulate,
    ways,
)

PARTS = ("laws", "errata", "claims")


@dataclass(frozen=True)
class LedgerRow:
    """One line of the ledger.

    Attributes:
        part: "laws", "errata" or "claims".
        claim: The statement: a law's name, or a claim in words.
        meaning: What it means.
        source: The paper.
        kind: Exact, asymptotic or a bound.
        probe: What was measured: the statistic over replicates, and of which probe.
        engine: How: "exact", "rows" or "direct" (for claims all of them).
        generation: The generation that predicted and measured are shown for; -1 for the whole chain. Of an erratum it
            is the one where it fails most.
        predicted: The prediction.
        measured: The measurement.
        low: Lower end of its interval, five standard errors wide on each side.
        high: Upper end.
        z: The largest distance over all generations and labels, in standard errors (beyond the law's tolerance).
        blind: The relative error that would just have been seen.
        holds: Whether it stands: a law or claim that holds, an erratum that is refuted while its correction holds, or a
            loose bound that holds and lies more than twenty standard errors off while the sharper law holds.
        verdict: The same in words.
        laws: Names of the laws concerned.
    """

    part: str
    claim: str
    meaning: str
    source: str
    kind: str
    probe: str
    engine: str
    generation: int
    predicted: float
    measured: float
    low: float
    high: float
    z: float
    blind: float
    holds: bool
    verdict: str
    laws: tuple[str, ...]


def rows(only: str | None = None, seed: int = 0, progress: Callable[[str], Any] | None = None) -> list[LedgerRow]:
    """Verify the ledger, or a part of it.

    Args:
        only: "laws", "errata", "claims", or a piece of a law's name; None verifies all.
        seed: The seed of all simulations.
        progress: Called with the name of each law when it is verified.

    Returns:
        One row for each law and engine, each erratum and engine, and each claim.

    Raises:
        ValueError: If `only` names nothing.
    """
    found = []
    for group in groups(chosen(only)):
        for check in group.checks(seed):
            found.append(check)
            if progress is not None:
                progress(check.law.name)
    return rows_of(found, only)


def chosen(only: str | None = None) -> list[Law]:
    """List the laws that must be verified for a part of the ledger, each once.

    Args:
        only: As for `rows`.

    Raises:
        ValueError: If `only` names nothing.
    """
    true = [law for law in LAWS.values() if law.status == "holds"]
    false = [law for law in LAWS.values() if law.status != "holds"]
    wanted: list[Law]
    if only is None:
        wanted = [*true, *false]
    elif only == "laws":
        wanted = true
    elif only == "errata":
        loose = [law for law in true if law.sharper]
        wanted = [*false, *loose, *(LAWS[law.corrected or law.sharper] for law in (*false, *loose))]
    elif only == "claims":
        wanted = [law for law in true if law.tags]
    else:
        wanted = [law for law in LAWS.values() if only in law.name]
        wanted += [LAWS[law.corrected or law.sharper] for law in wanted if law.corrected or law.sharper]
    if not wanted:
        raise ValueError(f"only: nothing is named {only!r}; give laws, errata, claims, or a piece of a law's name")
    return list({law.name: law for law in wanted}.values())


def rows_of(found: Iterable[Check], only: str | None = None) -> list[LedgerRow]:
    """Write the lines of the ledger.

    Args:
        found: The checks of all groups of `chosen(only)`, in their order.
        only: As for `rows`.
    """
    checks: dict[str, list[Check]] = {}
    for check in found:
        checks.setdefault(check.law.name, []).append(check)
    out: list[LedgerRow] = []
    if only not in ("errata", "claims"):
        out += [_law(check) for each in checks.values() for check in each if check.law.status == "holds"]
    if only not in ("laws", "claims"):
        out += [_erratum(check, checks) for each in checks.values() for check in each if check.law.corrected]
        out += [_loose(check, checks) for each in checks.values() for check in each if check.law.sharper]
    if only in (None, "claims"):
        out += list(_claims(checks))
    return out


@dataclass(frozen=True)
class Group:
    """Laws that share one simulation.

    Attributes:
        way: The engine, or "direct".
        laws: The laws; all have the same example.
    """

    way: Way
    laws: tuple[Law, ...]

    def checks(self, seed: int) -> list[Check]:
        """Simulate once and hold all laws against it."""
        if self.way == "direct":
            return [judge(law, draws_of(law, "direct", seed), "direct") for law in self.laws]
        example = self.laws[0].example
        assert example is not None
        draws = simulate(
            example,
            {law.probe for law in self.laws},
            engine=self.way,
            generations=max(law.generations for law in self.laws),
            replicates=max(replicates_of(law, self.way, example) for law in self.laws),
            seed=seed,
        )
        return [judge(law, draws[law.probe][:, : law.generations + 1], self.way) for law in self.laws]


def groups(laws: Iterable[Law]) -> list[Group]:
    """Sort laws by example and engine; long runs apart from short ones, which need more replicates."""
    found: list[tuple[tuple[Way, bool, str], list[Law]]] = []
    for law in laws:
        for way in ways(law):
            effort = (way, law.generations > 30, law.status)
            alike = (members for key, members in found if key == effort and members[0].example == law.example)
            home = None if law.example is None else next(alike, None)
            if home is None:
                found.append((effort, [law]))
            else:
                home.append(law)
    return [Group(key[0], tuple(members)) for key, members in found]


def counted(rows: Iterable[LedgerRow]) -> str:
    """Say how many laws, errata and claims the lines speak of."""
    rows = list(rows)
    said = []
    for part, one in (("laws", "law"), ("errata", "erratum"), ("claims", "claim")):
        number = len({row.claim for row in rows if row.part == part})
        if number:
            said.append(f"{number} {one if number == 1 else part}")
    return ", ".join(said)


def _shown(check: Check, place: tuple[int, ...] | None = None) -> dict[str, Any]:
    """The numbers of one generation: the last one and its last label, or the given place."""
    predicted, measured = np.atleast_1d(check.predicted), np.atleast_1d(check.measured)
    error = np.broadcast_to(np.atleast_1d(check.error), measured.shape)
    if place is None:
        place = tuple(length - 1 for length in predicted.shape)
    middle, width = float(measured[place]), SIGMAS * float(error[place])
    return {
        "engine": check.engine,
        "generation": -1 if check.law.scalar else place[0],
        "predicted": float(predicted[place]),
        "measured": middle,
        "low": middle - width,
        "high": middle + width,
        "z": check.worst,
        "blind": check.blind,
    }


def _law(check: Check) -> LedgerRow:
    law = check.law
    verdict = "holds" if check.holds else "blind: too few replicates" if check.worst < SIGMAS else "FAILS"
    return LedgerRow(holds=check.holds, verdict=verdict, **_said(law, "laws", law.name), **_shown(check))


def _erratum(check: Check, checks: dict[str, list[Check]]) -> LedgerRow:
    law = check.law
    right = all(found.holds for found in checks[law.corrected])
    worst = np.unravel_index(int(np.abs(np.atleast_1d(check.z)).argmax()), np.atleast_1d(check.z).shape)
    verdict = f"refuted; {law.corrected} {'holds' if right else 'FAILS'}" if check.fails else "NOT refuted"
    return LedgerRow(
        holds=check.fails and right,
        verdict=verdict,
        **_said(law, "errata", law.name),
        **_shown(check, tuple(int(i) for i in worst)),
    )


def _loose(check: Check, checks: dict[str, list[Check]]) -> LedgerRow:
    """A bound that holds and that nothing comes near: the law beside it says how things are."""
    law = check.law
    right = all(found.holds for found in checks[law.sharper])
    far = bool(check.worst < SIGMAS and check.gap > FALSE_SIGMAS)
    said = "true but loose" if far else "FAILS" if check.worst >= SIGMAS else "NOT loose"
    return LedgerRow(
        holds=far and right,
        verdict=f"{said}; {law.sharper} {'holds' if right else 'FAILS'}",
        **_said(law, "errata", law.name),
        **_shown(check) | {"z": check.gap},
    )


def _claims(checks: dict[str, list[Check]]) -> Iterator[LedgerRow]:
    for claim in CLAIMS:
        laws = claim.laws(LAWS)
        found = [check for law in laws for check in checks.get(law.name, [])]
        good = bool(found) and all(check.holds for check in found)
        failing = sorted({check.law.name for check in found if not check.holds})
        verdict = (
            f"backed by {len(laws)} law{'s' * (len(laws) > 1)}"
            if good
            else f"FAILS: {', '.join(failing) or 'no law backs it'}"
        )
        said = _said(LAWS[claim.shown], "claims", claim.text) | {
            "source": claim.source,
            "laws": tuple(law.name for law in laws),
        }
        yield LedgerRow(holds=good, verdict=verdict, **said, **_shown(checks[claim.shown][0]))


def _said(law: Law, part: str, claim: str) -> dict[str, Any]:
    return {
        "part": part,
        "claim": claim,
        "meaning": law.meaning,
        "source": law.reference,
        "kind": law.kind,
        "probe": subject(law),
        "laws": tuple(name for name in (law.name, law.corrected or law.sharper) if name),
    }


def curve(check: Check) -> dict[str, Floats]:
    """Give what a plot of a check needs: predicted, measured and the interval's ends."""
    width = SIGMAS * np.asarray(check.error)
    return {
        "predicted": check.predicted,
        "measured": check.measured,
        "low": check.measured - width,
        "high": check.measured + width,
    }
