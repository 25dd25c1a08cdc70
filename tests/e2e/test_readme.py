"""What the README shows runs as it stands there."""

import re
from pathlib import Path

import pytest

import genloss as gl
from genloss.spec import build as spec

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("block", _blocks("python"))
def test_python_blocks_run(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(block, "README.md", "exec"), names)
    assert "result" in names
    assert names["result"].sizes["generation"] > 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("block", _blocks("yaml"))
def test_yaml_blocks_build_and_run(block):
    built = spec.run_spec(spec.parse(block))
    assert built.grid.shape == (4, 3)
    result = gl.run(built.grid, built.probes, generations=2, replicates=3, engine="exact")
    assert set(result.dims) >= {"regime", "n0", "generation", "replicate"}


def test_links_and_pictures_are_there():
    root = Path(__file__).parents[2]
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert "://" in target or (root / target).exists(), target
