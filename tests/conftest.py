"""The seed is a fixture with a contract: a test that takes it promises to pass for every seed from 0 to 99.

`GENLOSS_TEST_SEED=0-19` runs every such test for twenty seeds; 42 is used otherwise.
"""

import os

import pytest

from lanes import required


def _seeds() -> list[int]:
    asked = os.environ.get("GENLOSS_TEST_SEED", "42")
    first, _, last = asked.partition("-")
    return list(range(int(first), int(last or first) + 1))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", _seeds())


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a lane that does not exist before any test runs."""
    required()
