"""Objects as plain data: enough to recognise every setting that decides a result."""

import functools
import json
from dataclasses import dataclass, field

import numpy as np
import pytest

import genloss as gl
from genloss.plain.describe import checksum, describe, kind_of, path_of


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("GaussianMLE", "gaussian-mle"),
        ("FreshReal", "fresh-real"),
        ("KDE", "kde"),
        ("KLForward", "kl-forward"),
        ("MultivariateGaussianMLE", "multivariate-gaussian-mle"),
        ("Replace", "replace"),
    ],
)
def test_kinds_are_named_in_kebab_case(name, kind):
    assert kind_of(type(name, (), {})) == kind


@dataclass(frozen=True)
class Thing:
    """A thing with every sort of field."""

    needed: int
    usual: float = 1.0
    made: list = field(default_factory=list)
    hidden: int = field(default=0, compare=False)
    late: int = field(default=3, init=False)


class Plain:
    def __init__(self, **settings):
        self.__dict__.update(settings)

    def method(self, t):
        return t


class Says:
    def __describe__(self):
        return "said"


class Estimator:
    """Has settings as scikit-learn has them."""

    def get_params(self):
        return {"alpha": 2}


HERE = __name__
LONG = list(range(65))
DESCRIBED = [
    (None, None),
    (True, True),
    ("text", "text"),
    (np.int64(3), 3),
    (np.float64(0.5), 0.5),
    (np.bool_(True), True),
    (np.arange(3), [0, 1, 2]),
    ((1, 2), [1, 2]),
    ({1: (2,)}, {"1": [2]}),
    (Thing(1), {"kind": "thing", "needed": 1}),
    (Thing(1, 1), {"kind": "thing", "needed": 1, "usual": 1}),
    (Thing(1, 2.0, [3], 9), {"kind": "thing", "needed": 1, "usual": 2.0, "made": [3]}),
    (gl.Replace(gl.Linear(1, 2)), {"kind": "replace", "n": {"kind": "linear", "start": 1, "step": 2}}),
    (Plain(a=1), {"python": f"{HERE}:Plain", "a": 1}),
    (Says(), "said"),
    (Estimator(), {"python": f"{HERE}:Estimator", "alpha": 2}),
    (checksum, {"python": "genloss.plain.describe:checksum"}),
    (np.zeros(65), {"array": [65], "sha256": checksum(np.zeros(65).tobytes())}),
    (LONG, {"list": 65, "sha256": checksum(json.dumps(LONG).encode())}),
]


@pytest.mark.parametrize(("thing", "plain"), DESCRIBED, ids=[str(i) for i in range(len(DESCRIBED))])
def test_described(thing, plain):
    assert describe(thing) == plain
    assert json.loads(json.dumps(describe(thing))) == describe(thing)


def power(t, base=2):
    return base**t


DIFFERENT = [
    (functools.partial(power, base=2), functools.partial(power, base=3)),
    (functools.partial(power, 2), functools.partial(power, 3)),
    (Plain(a=1).method, Plain(a=2).method),
    (np.zeros(100), np.ones(100)),
    (np.zeros((100, 1)), np.zeros(100)),
    ([0] * 100, [1] * 100),
    (Plain(a=np.zeros(100)), Plain(a=np.ones(100))),
    (gl.Gaussian(var=2), gl.Gaussian(var=3)),
    (gl.Replace(), gl.Accumulate()),
    (gl.Gaussian(mean=np.zeros(100)), gl.Gaussian(mean=np.ones(100))),
    (gl.Gaussian(mean=np.zeros(2)), gl.Gaussian()),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=[str(i) for i in range(len(DIFFERENT))])
def test_settings_are_told_apart(one, other):
    assert describe(one) != describe(other)
    assert describe(one) == describe(one)


def test_paths_are_import_paths():
    assert path_of(Thing) == f"{HERE}:Thing"
    assert path_of(Plain.method) == f"{HERE}:Plain.method"
