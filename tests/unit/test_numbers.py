"""Settings that are numbers are read in one way, and refused in one line."""

import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

import genloss
from genloss import SpecError
from genloss.plain.numbers import positive, share, whole_number


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_of_any_type_are_read(value):
    assert whole_number(value, "n") == 3
    assert type(whole_number(value, "n")) is int


@pytest.mark.parametrize("value", [True, np.True_, 2.0, 2.5, float("nan"), "3", None, [3], 1j, int, -1, 11])
def test_anything_else_is_refused(value):
    with pytest.raises(SpecError, match=r"^n: must be a whole number from 0 to 10, got "):
        whole_number(value, "n", 0, 10)


@pytest.mark.parametrize("value", [True, float("nan"), "half", None, -0.1, 1.1, float("inf"), 0, 1])
def test_shares_outside_their_range_are_refused(value):
    with pytest.raises(SpecError, match=r"^q: must be a number above 0 and below 1, got "):
        share(value, "q")


def test_the_ends_of_a_share_are_allowed_one_by_one():
    assert share(0, "q", zero=True) == 0
    assert share(np.float32(1), "q", one=True) == 1
    with pytest.raises(SpecError, match="from 0 and below 1"):
        share(1, "q", zero=True)
    with pytest.raises(SpecError, match="above 0 and at most 1"):
        share(0, "q", one=True)


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan"), "1", None, False])
def test_only_finite_numbers_above_0_are_positive(value):
    with pytest.raises(SpecError, match=r"^tol: must be a finite number above 0, got "):
        positive(value, "tol")


def test_a_decimal_is_a_number():
    assert positive(Decimal("0.5"), "tol") == 0.5


def test_nobody_writes_the_check_again():
    source = Path(genloss.__file__).parent
    again = re.compile(r'hasattr\([^)]*"__index__"\)')
    writers = {path.relative_to(source).as_posix() for path in source.rglob("*.py") if again.search(path.read_text())}
    assert writers <= {"plain/numbers.py", "plain/secret.py", "chain/schedules.py"}
