"""A run killed at any moment goes on and ends as if nothing had happened; what is damaged on disk is named."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import genloss as gl
from genloss.cli.main import main
from genloss.errors import SpecError
from genloss.runs import folder as storage
from lanes import need

SLOW = """
import time
import numpy as np
import genloss as gl

class Slow:
    def __init__(self, seconds):
        self.seconds = seconds
    def fit(self, data, rng):
        time.sleep(self.seconds)
        return gl.Gaussian(float(np.mean(data)), float(np.var(data)) * rng.uniform(0.9, 1.1))
"""
SPEC = """
source: gaussian
learner: {python: "slow_models.py:Slow", seconds: SECONDS}
regime: {kind: window, n: 20, k: 3}
curator: {kind: subsample, n: 30}
n0: 20
generations: 25
replicates: REPLICATES
bootstrap: 2
seed: 7
probes: [variance]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a slow chain of the user's own, and what its runs give without interruption."""
    there = tmp_path_factory.mktemp("slow")
    (there / "slow_models.py").write_text(SLOW)
    for replicates, seconds in ((1, "0.06"), (4, "0.03")):
        (there / f"{replicates}.yaml").write_text(
            SPEC.replace("REPLICATES", str(replicates)).replace("SECONDS", seconds)
        )
    return there


def started(folder, *arguments):
    package = str(Path(gl.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": package, "GENLOSS_CHECKPOINT_SECONDS": "0", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "genloss", "run", *map(str, arguments), "--no-report"],
        cwd=folder,
        env=environment,
        start_new_session=True,
        # A suite that runs in the background of a shell ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def group(leader):
    """The living processes of a process group."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, pgrp = path.read_text().rsplit(")", 1)[1].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(pgrp) == leader and state != "Z":
            found.append(int(path.parent.name))
    return found


def written(out):
    """The files of a run that its work has changed."""
    return [*out.glob("checkpoints/*.ckpt"), *out.glob("parts/*.json")]


def wait(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def identical(folder, name, found):
    """Whether a result is that of the run never interrupted, made in one process."""
    reference = folder / f"reference-{name}"
    if not reference.exists():
        process = started(folder, f"{name}.yaml", "--out", reference, "--workers", 1)
        said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    xr.testing.assert_identical(gl.load(reference), found)
    return True


@pytest.mark.parametrize(("name", "workers"), [("1", 1), ("4", 2)])
def test_a_run_killed_at_any_moment_goes_on_to_the_same_result(folder, name, workers):
    rng = np.random.default_rng(42)
    out = folder / f"killed-{name}"
    whole_tree = True
    killed = 0
    for turn in range(3):
        how = ["--resume"] if turn else [f"{name}.yaml"]
        process = started(folder, *how, "--out", out, "--workers", workers)
        before = {path: path.stat().st_mtime_ns for path in written(out)}
        wait(lambda before=before, process=process: changed(out, before) or process.poll() is not None)
        time.sleep(float(rng.uniform(0, 0.15)))
        try:
            (os.killpg if whole_tree else os.kill)(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            break
        process.wait(60)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        wait(lambda process=process: not group(process.pid), 10)
        whole_tree = not whole_tree
        assert not list(out.rglob("*.pkl"))
    assert killed >= 2
    process = started(folder, "--resume", "--out", out, "--workers", workers)
    said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert identical(folder, name, gl.load(out))
    left = {path.name for path in out.rglob("*") if path.is_file()}
    assert not [each for each in left if each.endswith((".tmp", ".ckpt", ".pkl", ".pickle"))]
    for path in out.rglob("*"):
        assert not path.is_file() or path.suffix in (".json", ".parquet") or path.name == ".lock"


def changed(out, before):
    return any(before.get(path) != path.stat().st_mtime_ns for path in written(out) if path.exists())


@pytest.mark.parametrize(
    ("name", "workers", "early"), [("1", 1, False), ("4", 2, False), ("4", 2, True)], ids=["one", "two", "two, early"]
)
def test_control_c_leaves_a_run_that_can_be_resumed(folder, name, workers, early):
    out = folder / f"stopped-{name}-{early}"
    process = started(folder, f"{name}.yaml", "--out", out, "--workers", workers)
    wait(lambda: (len(group(process.pid)) > 3 if early else written(out)) or process.poll() is not None)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.splitlines() == [
        f"running {name}.yaml …",
        f"genloss: stopped; go on with: genloss run --resume --out {out}",
    ]
    wait(lambda: not group(process.pid), 10)
    assert not list(out.rglob("*.tmp"))
    with pytest.raises(SpecError, match="blocks of the run are finished; resume the run"):
        gl.load(out)
    process = started(folder, "--resume", "--out", out, "--workers", 3 - workers)
    said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert identical(folder, name, gl.load(out))


class Stop(Exception):
    """Stops a run in this process, as a kill would."""


REGIMES = {
    "accumulate": gl.Accumulate(20),
    "fixed real": gl.FixedReal(20, 5),
    "window": gl.Window(20, 3),
    "past models": gl.PastModels(20),
    "binomial": gl.FreshReal(20, 0.3, "binomial"),
}
ENGINES = {"rows": ("rows", None), "exact": ("exact", None), "subsampled": ("rows", gl.Subsample(15))}


@pytest.mark.parametrize("regime", REGIMES.values(), ids=REGIMES)
@pytest.mark.parametrize(("engine", "curator"), ENGINES.values(), ids=ENGINES)
@pytest.mark.parametrize("replicates", [1, 3])
def test_every_checkpoint_leads_to_the_same_result(tmp_path, monkeypatch, regime, engine, curator, replicates):
    """Stop after every generation in turn, and go on each time from what is on disk."""
    monkeypatch.setattr(storage, "SECONDS_BETWEEN_CHECKPOINTS", 0)
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), regime, 20, curator or gl.KeepAll())
    asked = {"generations": 6, "replicates": replicates, "seed": 3, "engine": engine, "bootstrap": 0}
    calm = gl.run(chain, {"variance": gl.probes.variance}, **asked)
    last = -1

    def stopping(g):
        nonlocal last
        if g.t > last and g.t > 0:
            last = g.t
            raise Stop
        return g.model.var

    stopping.__qualname__ = "stopping"
    stopping.role, stopping.better, stopping.scale, stopping.vectorized = "spread", "higher", "log", True
    for turn in range(20):
        try:
            found = gl.run(chain, {"variance": stopping}, **asked, out=tmp_path / "run", resume=turn > 0)
            break
        except Stop:
            assert chain.resumable() == bool(list(tmp_path.rglob("*.ckpt")))
    assert last == 6
    xr.testing.assert_identical(found.drop_attrs(deep=False), calm.drop_attrs(deep=False))


@pytest.fixture
def finished(tmp_path, capsys):
    """A finished study of two runs."""
    run = "{source: gaussian, learner: gaussian-mle, regime: replace, n0: 5, generations: 2, probes: [variance]}"
    (tmp_path / "two.yaml").write_text(f"runs:\n  one: {run}\n  two: {run}\n")
    out = tmp_path / "out"
    assert main(["run", str(tmp_path / "two.yaml"), "--out", str(out), "--workers", "1", "--no-report"]) == 0
    capsys.readouterr()
    return out


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def cut(path):
    path.write_bytes(path.read_bytes()[:40])


def garbage(path):
    path.write_bytes(b"garbage")


def empty_object(path):
    path.write_text("{}")


def empty_list(path):
    path.write_text("[]")


PART = "one/parts/0000-0000000.parquet"
RECORD = "one/parts/0000-0000000.json"
DAMAGE = {
    "part": (PART, flip, "parquet: damaged, its checksum is not the recorded one; delete 0000-0000000.json beside it"),
    "cut part": (PART, cut, "parquet: damaged, its checksum is not the recorded one"),
    "missing part": (PART, Path.unlink, "parquet: missing, though it is recorded as finished"),
    "cut record": (RECORD, cut, "0000-0000000.json: damaged; delete it and resume"),
    "empty record": (RECORD, empty_object, "0000-0000000.json: damaged"),
    "cut run.json": ("one/run.json", cut, "run.json: damaged; the run cannot be read without it"),
    "empty run.json": ("one/run.json", empty_object, "run.json: damaged"),
    "list for run.json": ("one/run.json", empty_list, "run.json: damaged"),
    "garbage run.json": ("one/run.json", garbage, "run.json: damaged"),
    "cut study.json": ("study.json", cut, "study.json: damaged; the run cannot be read without it"),
    "list for study.json": ("study.json", empty_list, "study.json: damaged"),
    "missing study.json": ("study.json", Path.unlink, "no run here (there is no study.json)"),
}


@pytest.mark.parametrize(("place", "damage", "said"), DAMAGE.values(), ids=DAMAGE)
def test_what_is_damaged_is_named_in_one_line(finished, capsys, place, damage, said):
    damage(finished / place)
    whole = finished / "two"
    before = {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()}
    assert main(["run", "--resume", "--out", str(finished), "--workers", "1", "--no-report"]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("running")]
    assert len(lines) == 1
    assert lines[0].startswith("genloss: ")
    assert said in lines[0]
    assert {path: path.read_bytes() for path in whole.rglob("*") if path.is_file()} == before
    assert gl.load(whole)["variance"].notnull().all()


def test_a_damaged_part_is_mended_as_the_message_says(finished, capsys):
    sound = gl.load(finished / "one")
    flip(finished / PART)
    with pytest.raises(SpecError, match="damaged"):
        gl.load(finished / "one")
    (finished / RECORD).unlink()
    assert main(["run", "--resume", "--out", str(finished), "--workers", "1", "--no-report"]) == 0
    xr.testing.assert_identical(gl.load(finished / "one"), sound)


def test_a_part_of_another_run_is_not_taken_for_ones_own(finished, tmp_path, capsys):
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(), 5)
    gl.run(chain, {"variance": gl.probes.variance}, generations=2, seed=99, out=tmp_path / "other")
    for suffix in ("parquet", "json"):
        shutil.copy(tmp_path / "other" / "parts" / f"0000-0000000.{suffix}", finished / "one" / "parts")
    assert main(["run", "--resume", "--out", str(finished), "--workers", "1", "--no-report"]) == 2
    assert "part of another run, not of the one in run.json" in capsys.readouterr().err


@pytest.mark.parametrize("damage", [flip, cut, garbage])
def test_a_damaged_checkpoint_is_named_and_its_deletion_is_enough(tmp_path, monkeypatch, damage):
    monkeypatch.setattr(storage, "SECONDS_BETWEEN_CHECKPOINTS", 0)
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Accumulate(), 5)
    armed = [True]

    def spread(g):
        if armed[0] and g.t == 3:
            raise Stop
        return g.model.var

    asked = {"generations": 5, "bootstrap": 0}
    with pytest.raises(Stop):
        gl.run(chain, {"spread": spread}, out=tmp_path / "run", **asked)
    armed[0] = False
    (checkpoint,) = tmp_path.rglob("*.ckpt")
    damage(checkpoint)
    with pytest.raises(SpecError, match=r"0000-0000000\.ckpt: damaged checkpoint; delete the file and resume"):
        gl.run(chain, {"spread": spread}, out=tmp_path / "run", resume=True, **asked)
    checkpoint.unlink()
    found = gl.run(chain, {"spread": spread}, out=tmp_path / "run", resume=True, **asked)
    xr.testing.assert_identical(found, gl.run(chain, {"spread": spread}, **asked))


def test_two_processes_do_not_write_one_run(folder, tmp_path):
    process = started(folder, "1.yaml", "--out", tmp_path / "run", "--workers", 1)
    wait(lambda: written(tmp_path / "run") or process.poll() is not None)
    second = started(folder, "--resume", "--out", tmp_path / "run")
    _, said = second.communicate(timeout=60)
    assert second.returncode == 2
    assert said.splitlines()[-1].endswith(
        "run: another process is writing this run; wait for it or give another folder"
    )
    said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert identical(folder, "1", gl.load(tmp_path / "run"))


def test_a_resumed_run_takes_no_other_spec(finished, tmp_path, capsys):
    for changes in (["--seed", "9"], ["--generations", "9"], ["--set", "runs.one.n0=9"]):
        assert main(["run", str(tmp_path / "two.yaml"), "--resume", "--out", str(finished), *changes]) == 2
        assert "holds a run of another spec; resume it without FILE and changes" in capsys.readouterr().err
    assert (
        main(["run", str(tmp_path / "two.yaml"), "--resume", "--out", str(finished), "--workers", "1", "--no-report"])
        == 0
    )


def test_what_is_kept_can_be_read_by_others(finished):
    parquet = need("pyarrow.parquet", "full")
    table = parquet.read_table(finished / PART)
    assert table.column_names == ["replicate", "generation", "variance"]
    assert table.num_rows == 3
    record = json.loads((finished / RECORD).read_text())
    assert record["rows"] == 3
