"""A lane that must have everything refuses to skip; other lanes skip."""

import pytest

from lanes import LANES, need, required


def test_what_is_missing_is_skipped_except_where_its_lane_requires_it(monkeypatch):
    monkeypatch.delenv("GENLOSS_REQUIRE_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match="needs no_such_library; the lane ray has it"):
        need("no_such_library", "ray")
    monkeypatch.setenv("GENLOSS_REQUIRE_ALL", "full,dask")
    with pytest.raises(pytest.skip.Exception):
        need("no_such_library", "ray")
    with pytest.raises(pytest.fail.Exception, match="no_such_library is missing, and GENLOSS_REQUIRE_ALL=dask"):
        need("no_such_library", "dask")
    assert need("json", "dask").loads("1") == 1


def test_a_lane_that_does_not_exist_is_refused(monkeypatch):
    monkeypatch.setenv("GENLOSS_REQUIRE_ALL", "1")
    with pytest.raises(pytest.UsageError, match=r"must name lanes .*, got '1'"):
        required()
    assert "full" in LANES
