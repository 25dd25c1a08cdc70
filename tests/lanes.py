"""Lanes: sets of libraries that tests run with. `GENLOSS_REQUIRE_ALL=LANE` refuses to skip in that lane.

Several lanes are separated by commas. CONTRIBUTING.md has the table of lanes with their markers.
"""

import importlib
import os

import pytest

LANES = ("full", "browser", "ray", "dask", "huggingface")


def required():
    """The lanes in which nothing may be skipped."""
    named = [lane for lane in os.environ.get("GENLOSS_REQUIRE_ALL", "").split(",") if lane]
    wrong = [lane for lane in named if lane not in LANES]
    if wrong:
        raise pytest.UsageError(f"GENLOSS_REQUIRE_ALL must name lanes ({', '.join(LANES)}), got {wrong[0]!r}")
    return named


def missing(what, lane):
    """Skip the test for want of something, or fail it where its lane must have it."""
    if lane in required():
        pytest.fail(f"{what} is missing, and GENLOSS_REQUIRE_ALL={lane} requires it", pytrace=False)
    pytest.skip(f"needs {what}; the lane {lane} has it", allow_module_level=True)


def need(module, lane):
    """Import a module that only some lanes have."""
    assert lane in LANES
    try:
        return importlib.import_module(module)
    except ImportError:
        missing(module, lane)
