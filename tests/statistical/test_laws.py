"""Every law against every engine that can run its example, and classic mistakes that must not pass."""

import dataclasses

import numpy as np
import pytest

from genloss.theory import LAWS
from genloss.theory.check import FALSE_SIGMAS, engines, judge, replicates_of, simulate

TRUE = [law for law in LAWS.values() if law.status == "holds" and law.example is not None]
CASES = [(law, engine) for law in TRUE for engine in engines(law.example)]

pytestmark = pytest.mark.statistical


def check(law, engine, seed):
    replicates = replicates_of(law, engine, law.example)
    seen = simulate(
        law.example, [law.probe], engine=engine, generations=law.generations, replicates=replicates, seed=seed
    )
    return judge(law, seen[law.probe], engine)


@pytest.mark.parametrize(("law", "engine"), CASES, ids=[f"{law.name}-{engine}" for law, engine in CASES])
def test_law_holds(law, engine, seed):
    found = check(law, engine, seed)
    assert found.worst < 5, f"{law.name} is {found.worst:.1f} standard errors off ({engine})"
    assert found.holds, f"{law.name} ({engine}): an error of {found.blind:.1%} would not have been seen"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("variance_replace", lambda n: np.cumprod((1 - 1 / n) ** 2)),  # two degrees of freedom lost
        ("variance_replace", lambda n: np.cumprod(1 - 1 / n) / (1 - 1 / n[0])),  # generation 0 not counted
        ("squared_offset_replace", lambda n: np.arange(len(n)) / n[-1]),  # counted from 0
        ("std_replace", lambda n: np.ones(len(n))),  # s taken for unbiased since s^2 is
        ("variance_accumulate", lambda n: np.cumprod(1 - 1 / np.cumsum(n))),  # pooled rows taken for fresh ones
    ],
)
def test_classic_mistakes_are_seen(name, wrong, seed):
    law = LAWS[name]
    scale = (
        law.values(law.example, 0)[0] / wrong(np.array([1e18]))[0] if name == "std_replace" else law.example.source.var
    )
    mistaken = dataclasses.replace(law, compute=lambda n: scale * wrong(n), replicates=200_000)
    assert check(mistaken, "exact", seed).worst > FALSE_SIGMAS
