"""The command line parses, calls and prints; what it runs is what Python runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import genloss as gl
from genloss.cli.main import main, parser
from genloss.spec.kinds import PARTS, fields_of, kinds

SPEC = """
title: A small chain
source: {kind: gaussian, var: 4}
learner: gaussian-mle
regime: {kind: accumulate, n: 20}
n0: 20
generations: 3
replicates: 5
seed: 1
probes: [variance]
"""
TWO = """
runs:
  first: {source: gaussian, learner: gaussian-mle, regime: replace, n0: 5, generations: 2, probes: [variance]}
  second: {source: gaussian, learner: gaussian-mle, regime: accumulate, n0: 6, generations: 2, probes: [variance]}
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder with a spec."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(SPEC)
    (tmp_path / "two.yaml").write_text(TWO)
    return tmp_path


def ran(*arguments):
    alone = [] if "--workers" in arguments else ["--workers", "1"]
    assert main(["run", *map(str, arguments), *alone, "--no-report"]) == 0


def said(found):
    return json.loads(found.attrs["genloss"])


def test_a_spec_is_run_kept_and_told(here, capsys):
    ran("small.yaml", "--out", "out")
    out, err = capsys.readouterr()
    assert "A small chain" in out
    assert "no collapse" in out or "collapse" in out
    assert err == "running small.yaml …\n"
    chain = gl.Chain(gl.Gaussian(var=4.0), gl.GaussianMLE(), gl.Accumulate(20), n0=20)
    again = gl.run(chain, {"variance": gl.probes.variance}, generations=3, replicates=5, seed=1)
    assert np.array_equal(gl.load("out")["variance"], again["variance"])
    assert gl.load("out").attrs == again.attrs


def test_options_change_the_run(here):
    ran("small.yaml", "--out", "out", "--replicates", 7, "--generations", 2, "--seed", 9, "--engine", "exact")
    found = gl.load("out")
    assert found.sizes == {"replicate": 7, "generation": 3}
    assert (said(found)["seed"], said(found)["engine"]) == (9, "exact")


def test_set_changes_any_value(here):
    ran("small.yaml", "--out", "out", "--set", "regime.n=5", "--set", "learner.ddof=1", "--set", "n0=8")
    assert said(gl.load("out"))["chains"] == [
        {
            "kind": "chain",
            "source": {"kind": "gaussian", "var": 4.0},
            "learner": {"kind": "gaussian-mle", "ddof": 1},
            "regime": {"kind": "accumulate", "n": 5},
            "n0": 8,
        }
    ]


def test_lists_make_a_sweep(here):
    ran("small.yaml", "--out", "out", "--set", "regime.n=[5, 10]", "--set", "regime.kind=replace")
    found = gl.load("out")["variance"]
    assert found.dims == ("regime.n", "replicate", "generation")
    ran("small.yaml", "--out", "alone", "--set", "regime.n=10", "--set", "regime.kind=replace")
    assert np.array_equal(found.sel({"regime.n": 10}), gl.load("alone")["variance"])


def test_two_workers_give_the_same_files(here):
    for workers in (1, 2):
        ran("small.yaml", "--out", workers, "--workers", workers, "--set", "regime.n=[5, 10]")
    one, two = (sorted(path for path in Path(folder).rglob("*.parquet")) for folder in ("1", "2"))
    assert [path.name for path in one] == [path.name for path in two]
    assert len(one) == 2
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_a_study_has_named_runs(here, capsys):
    ran("two.yaml", "--out", "out", "--replicates", 3)
    assert "first" in capsys.readouterr().out
    assert {gl.load(f"out/{name}").sizes["replicate"] for name in ("first", "second")} == {3}
    ran("two.yaml", "--out", "other", "--set", "runs.second.n0=7", "--replicates", 3)
    assert np.array_equal(gl.load("out/first")["variance"], gl.load("other/first")["variance"])
    assert said(gl.load("other/second"))["chains"][0]["n0"] == 7


def test_runs_are_kept_side_by_side_and_the_newest_is_resumed(here, capsys):
    for _ in range(2):
        ran("small.yaml")
    assert sorted(path.name for path in Path("genloss-runs").iterdir()) == ["small-1", "small-2"]
    record = next(Path("genloss-runs/small-2/parts").glob("*.json"))
    record.unlink()
    ran("--resume")
    assert record.exists()
    capsys.readouterr()


def test_resume_without_a_run(here, capsys):
    assert main(["run", "--resume"]) == 2
    assert capsys.readouterr().err == "genloss: --resume: no run in genloss-runs; give the folder of a run by --out\n"


def test_a_report_is_written(here, capsys):
    assert main(["run", "small.yaml", "--out", "out", "--workers", "1"]) == 0
    page = Path("out/report.html").read_text(encoding="utf-8")
    assert "A small chain" in page
    assert main(["report", "out", "--out", "again.html"]) == 0
    assert "report: again.html" in capsys.readouterr().out
    assert "A small chain" in Path("again.html").read_text(encoding="utf-8")
    assert main(["report", "nothing"]) == 2
    assert capsys.readouterr().err == (
        "genloss: nothing: no run here (there is no run.json); give the folder of a run\n"
    )


def test_kinds_lists_everything_with_its_fields(capsys):
    assert main(["kinds"]) == 0
    told = capsys.readouterr().out
    for part in PARTS:
        assert f"{part}s" in told
        for name, thing in kinds(part).items():
            assert f"  {name}: " in told
            for field in fields_of(thing):
                assert f"      {field.name} (" in told
    assert main(["kinds", "regime"]) == 0
    assert "gaussian" not in capsys.readouterr().out


def test_every_option_has_help(capsys):
    for arguments in (["--help"], ["run", "--help"], ["report", "--help"], ["kinds", "--help"]):
        with pytest.raises(SystemExit) as stop:
            parser().parse_args(arguments)
        assert stop.value.code == 0
        assert "usage: genloss" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["walk"], "invalid choice: 'walk'"),
        (["run", "--replicates", "many"], "argument --replicates: invalid int value: 'many'"),
        (["run", "--engine", "fast"], "argument --engine: invalid choice: 'fast'"),
        (["run", "--unknown"], "unrecognized arguments: --unknown"),
        (["kinds", "verbs"], "invalid choice: 'verbs'"),
    ],
)
def test_wrong_arguments_are_one_line(capsys, arguments, told):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1


def python(code, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(Path(gl.__file__).parents[1])}
    return subprocess.run(
        [sys.executable, *arguments, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_importing_genloss_imports_nothing_heavy():
    loaded = set(python("import genloss, sys; print(*sys.modules)").split())
    heavy = {"xarray", "pandas", "sklearn", "torch", "matplotlib", "numba", "pyarrow", "rich", "scipy.stats", "jinja2"}
    assert not heavy & loaded


def test_telling_kinds_apart_imports_nothing_heavy():
    loaded = set(python("from genloss.cli.main import parser; import sys; parser(); print(*sys.modules)").split())
    assert not {"xarray", "pandas", "sklearn", "torch", "matplotlib", "numba", "pyarrow", "scipy.stats"} & loaded


def test_the_module_is_the_command():
    environment = {**os.environ, "PYTHONPATH": str(Path(gl.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-m", "genloss", "--version"], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"genloss {gl.__version__}\n"
