"""Published statements that are false are refuted by more than twenty standard errors, and what replaces them holds."""

import dataclasses

import pytest

from genloss.theory import LAWS
from genloss.theory.check import draws_of, judge
from genloss.theory.ledger import groups, rows

GROUPS = groups(law for law in LAWS.values() if law.status == "published and false")

pytestmark = pytest.mark.statistical


@pytest.mark.parametrize("group", GROUPS, ids=[f"{g.way}-{'+'.join(law.name for law in g.laws)}" for g in GROUPS])
def test_errata_fail(group, seed):
    for check in group.checks(seed):
        assert check.fails, f"{check.law.name} ({check.engine}) is only {check.worst:.1f} standard errors off"


@pytest.mark.parametrize("group", GROUPS, ids=[f"{g.way}-{'+'.join(law.name for law in g.laws)}" for g in GROUPS])
def test_corrections_hold_on_the_same_chain(group, seed):
    """The law beside an erratum speaks of the same probe and holds where the erratum fails."""
    for law in group.laws:
        right = LAWS[law.corrected]
        assert right.probe == law.probe
        assert right.applies(law.example)
        moved = dataclasses.replace(right, example=law.example, generations=law.generations, replicates=40_000)
        check = judge(moved, draws_of(moved, group.way, seed), group.way)
        assert check.worst < 5, f"{right.name} ({group.way}) is {check.worst:.1f} standard errors off"


def test_the_ledger_says_so(seed):
    found = rows(only="variance_accumulate_published", seed=seed)
    errata = [row for row in found if row.part == "errata"]
    assert errata
    assert all(row.holds and row.verdict.startswith("refuted; variance_accumulate holds") for row in errata)
    assert {row.claim for row in found if row.part == "laws"} == {"variance_accumulate"}
