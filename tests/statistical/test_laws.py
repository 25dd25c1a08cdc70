"""Every law against every engine that can run its example, and classic mistakes that must not pass."""

import dataclasses

import numpy as np
import pytest

from genloss.theory import LAWS
from genloss.theory.verification.check import FALSE_SIGMAS, draws_of, judge
from genloss.theory.verification.ledger import groups

GROUPS = groups(law for law in LAWS.values() if law.status == "holds")

pytestmark = pytest.mark.statistical


@pytest.mark.parametrize("group", GROUPS, ids=[f"{g.way}-{'+'.join(law.name for law in g.laws)}" for g in GROUPS])
def test_laws_hold(group, seed):
    for check in group.checks(seed):
        name = f"{check.law.name} ({check.engine})"
        assert check.worst < 5, f"{name} is {check.worst:.1f} standard errors off"
        assert check.holds, f"{name}: an error of {check.blind:.1%} would not have been seen"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("variance_replace", lambda n: np.cumprod((1 - 1 / n) ** 2)),  # two degrees of freedom lost
        ("variance_replace", lambda n: np.cumprod(1 - 1 / n) / (1 - 1 / n[0])),  # generation 0 not counted
        ("squared_offset_replace", lambda n: np.arange(len(n)) / n[-1]),  # counted from 0
        ("std_replace", lambda n: np.ones(len(n)) / 2),  # s taken for unbiased since s^2 is
        ("variance_accumulate", lambda n: np.cumprod(1 - 1 / np.cumsum(n))),  # pooled rows taken for fresh ones
        ("variance_fresh_real", lambda n: np.ones(len(n))),  # fresh real data taken for all the data
        ("heterozygosity_replace", lambda n: np.cumprod(1 - 1 / (2 * n))),  # diploid drift
        ("excess_risk_replace", lambda n: 4 * np.cumsum(1 / n)),  # the large-sample formula
    ],
)
def test_classic_mistakes_are_seen(name, wrong, seed):
    law = LAWS[name]
    true = getattr(law.example.source, "var", 1.0)
    mistaken = dataclasses.replace(law, compute=lambda n: true * wrong(n), replicates=200_000)
    assert judge(mistaken, draws_of(mistaken, "exact", seed), "exact").worst > FALSE_SIGMAS


def test_a_law_that_could_not_be_seen_to_fail_does_not_hold(seed):
    law = dataclasses.replace(LAWS["kl_forward_replace"], replicates=100)
    check = judge(law, draws_of(law, "exact", seed), "exact")
    assert check.blind > law.power
    assert not check.holds
