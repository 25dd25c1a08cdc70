"""How many rows at generation t, and what is not a number of rows."""

import numpy as np
import pytest

from genloss.chain.schedules import MOST, Constant, Geometric, Linear, Power, check_size, size_at, whole
from genloss.errors import SpecError

SCHEDULES = {
    "constant": (Constant(7), [7, 7, 7, 7]),
    "linear": (Linear(10, 2.5), [10, 12, 15, 18]),
    "power": (Power(10, 2), [10, 40, 90, 160]),
    "geometric": (Geometric(8, 0.5), [8, 4, 2, 1]),
    "callable": (lambda t: 3 * t + 1, [1, 4, 7, 10]),
    "number": (100, [100] * 4),
    "float": (1e3, [1000] * 4),
    "numpy": (np.int64(5), [5] * 4),
}


@pytest.mark.parametrize(("size", "expected"), SCHEDULES.values(), ids=SCHEDULES)
def test_sizes_by_generation(size, expected):
    found = [size_at(size, t) for t in range(4)]
    assert found == expected
    assert {type(n) for n in found} == {int}


BAD = {
    "zero": (0, "n: 0 rows"),
    "negative": (-5, "n: -5 rows"),
    "fraction": (1.5, "n: 1.5 is not a number of rows"),
    "nan": (float("nan"), "n: nan is not a number of rows"),
    "infinite": (float("inf"), "n: inf is not a number of rows"),
    "huge": (10**16, "needs 1 to 1e"),
    "true": (True, "n: True is not a number of rows"),
    "text": ("many", "n: 'many' is not a number of rows; give a whole number, 'n0' or a schedule"),
    "none": (None, "n: None is not a number"),
    "list": ([1], "is not a number"),
    "falls to 0": (Linear(1, -1), "n: 0 rows at generation 1"),
    "nan schedule": (lambda t: float("nan"), "n: nan rows at generation 1"),
    "text schedule": (lambda t: "5", "n: the schedule gives '5' at generation 1"),
    "no answer": (lambda t: None, "the schedule gives None"),
    "overflow": (Geometric(1e300, 1e300), "n: inf rows at generation 1"),
}


@pytest.mark.parametrize(("size", "said"), BAD.values(), ids=BAD)
def test_wrong_sizes_are_one_line(size, said):
    with pytest.raises(SpecError) as error:
        size_at(size, 1)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("size", [0, -1, 2.5, "n1", float("nan"), None, True])
def test_what_is_wrong_at_every_generation_is_refused_at_once(size):
    with pytest.raises(SpecError, match=r"regime\.n: "):
        check_size(size, "regime.n")


@pytest.mark.parametrize("size", [1, "n0", 5.0, Linear(0, 0), MOST])
def test_what_may_be_right_is_let_through(size):
    assert check_size(size, "regime.n") is None


def test_a_number_that_stands_for_itself_knows_no_words():
    assert whole(3.0, "n0") == 3
    with pytest.raises(SpecError, match=r"n0: .n0. is not a number of rows; give a whole number$"):
        whole("n0", "n0")
