"""What is wrong is one line on stderr, exit status 2 (1 if the user's own code fails); nothing else is touched."""

import errno
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

import genloss as gl
from genloss.cli.main import main

OWN = '''
import numpy as np

class Says:
    """A source, learner and model in one, which draws what it is told to."""
    def __init__(self, draws=None, returns="self", raises=None):
        self.draws, self.returns, self.raises = draws, returns, raises
    def fit(self, data, rng):
        if self.raises:
            raise RuntimeError(self.raises)
        return {"self": Says(self.draws), "none": None, "number": 3, "class": Says}[self.returns]
    def sample(self, n, rng):
        rows = rng.normal(size=n)
        if self.draws == "nan":
            rows[0] = np.nan
        if self.draws == "inf":
            rows[0] = np.inf
        if self.draws == "short":
            rows = rows[1:]
        if self.draws == "wide":
            rows = np.stack([rows, rows], 1)
        if self.draws == "text":
            rows = [str(row) for row in rows]
        return rows

class NoFit:
    def sample(self, n, rng):
        return np.zeros(n)

class NoSample:
    def fit(self, data, rng):
        return object()

def probe(g):
    return {}["mass"]

def none(g):
    return None
'''
PARTS = {
    "source": "{kind: gaussian}",
    "learner": "{kind: gaussian-mle}",
    "regime": "{kind: accumulate}",
    "n0": "10",
    "generations": "3",
    "replicates": "2",
    "probes": "[variance]",
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "bad_input_own", raising=False)
    (tmp_path / "bad_input_own.py").write_text(OWN)
    return tmp_path


def spec(**changes):
    parts = {**PARTS, **changes}
    return "".join(f"{name}: {value}\n" for name, value in parts.items() if value is not None)


def refused(capsys, *arguments, status=2):
    """Run, and give the one line that says why not."""
    alone = [] if "--workers" in arguments else ["--workers", "1"]
    assert main(["run", *map(str, arguments), *alone, "--no-report"]) == status
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line for line in err.splitlines() if not line.startswith("running ")]
    assert len(lines) == 1, err
    assert lines[0].startswith("genloss: ")
    assert "Traceback" not in err
    return lines[0]


def own(name, **fields):
    settings = "".join(f", {field}: {value}" for field, value in fields.items())
    return f"{{python: 'bad_input_own.py:{name}'{settings}}}"


BEFORE = {
    "unknown kind": (spec(regime="{kind: replacee}"), "small.yaml: regime.kind: no kind 'replacee'; known kinds: acc"),
    "missing field": (spec(regime=None), "small.yaml: regime is missing; a run needs source, learner, regime and n0"),
    "missing n of a curator": (spec(curator="{kind: subsample}"), "small.yaml: curator: subsample needs n"),
    "unknown field": (spec(regime="{kind: replace, m: 3}"), "small.yaml: regime: replace has no m; it has n"),
    "unknown option": (spec(replicate="3"), "small.yaml: replicate: no such field; a run has"),
    "wrong type": (spec(regime="{kind: replace, n: soon}"), "small.yaml: regime.n: 'soon' is not a number of rows"),
    "wrong type of source": (
        spec(source="{kind: gaussian, var: wide}"),
        "small.yaml: source.var: 'wide' is not a number",
    ),
    "n = 0": (spec(regime="{kind: replace, n: 0}"), "small.yaml: regime.n: 0 rows"),
    "n < 0": (spec(regime="{kind: replace, n: -3}"), "small.yaml: regime.n: -3 rows"),
    "n nan": (spec(regime="{kind: replace, n: .nan}"), "small.yaml: regime.n: nan is not a whole number"),
    "n huge": (spec(regime="{kind: replace, n: 1e30}"), "small.yaml: regime.n: 1000000000000000019884624838656 rows"),
    "n0 = 0": (spec(n0="0"), "small.yaml: n0: 0 rows"),
    "n0 < 0": (spec(n0="-1"), "small.yaml: n0: -1 rows"),
    "replicates": (spec(replicates="0"), "replicates: must be a whole number from 1, got 0"),
    "generations": (spec(generations="-1"), "generations: must be a whole number from 0, got -1"),
    "engine": (spec(engine="fast"), "small.yaml: engine: no 'fast'; known: rows, exact"),
    "not exact": (spec(engine="exact", curator="{kind: subsample, n: 5}"), "curator: Subsample subsamples rows that"),
    "nan variance": (
        spec(source="{kind: gaussian, var: .nan}"),
        "small.yaml: source: gaussian.var: nan is not a variance",
    ),
    "infinite mean": (spec(source="{kind: gaussian, mean: .inf}"), "source: gaussian.mean: inf is not a mean"),
    "yaml": ("source: [gaussian", "small.yaml: line 1: no YAML"),
    "tabs": ("source: gaussian\n\tlearner: x", "small.yaml: line 2: no YAML"),
    "duplicate key": (spec() + "n0: 3\n", "no YAML (key 'n0' given twice)"),
    "tag": ("n0: !!python/object/apply:os.system ['touch hacked']", "could not determine a constructor for the tag"),
    "no mapping": ("- 3", "small.yaml: list, no mapping; a spec has source, learner, regime and n0"),
    "empty": ("", "small.yaml: NoneType, no mapping"),
    "no learner": (spec(learner=own("NoFit")), "small.yaml: learner: NoFit is not a learner"),
    "no source": (spec(source=own("NoSample")), "small.yaml: source: NoSample is not a source: give it sample(n, rng)"),
    "no import": (spec(learner=own("Gone")), "small.yaml: learner: cannot import bad_input_own.py:Gone"),
    "own field": (spec(learner=own("Says", colour="red")), "small.yaml: learner: "),
    "no probe": (spec(probes="{a: {python: 'json:decoder'}}"), "probes: a: <module"),
    "runs": ("runs: {a: 3}", "small.yaml: a: 3 is no run"),
}


@pytest.mark.parametrize(("text", "said"), BEFORE.values(), ids=BEFORE)
def test_a_wrong_spec_is_refused_before_anything_is_written(here, capsys, text, said):
    Path("small.yaml").write_text(text)
    assert said in refused(capsys, "small.yaml", "--out", "out")
    assert not Path("out").exists()
    assert not Path("hacked").exists()


WHILE = {
    "nan source": (spec(source=own("Says", draws="nan")), 2, "source: drew 1 numbers that are NaN or infinite"),
    "infinite source": (spec(source=own("Says", draws="inf")), 2, "source: drew 1 numbers that are NaN or infinite"),
    "short source": (spec(source=own("Says", draws="short")), 2, "source: drew 9 rows where 10 were asked for"),
    "nan model": (spec(learner=own("Says", draws="nan"), probes="[total-variance]"), 2, "NaN"),
    "wrong shape": (
        spec(learner=own("Says", draws="wide"), probes="[total-variance]"),
        2,
        "rows of shape (2,), real rows",
    ),
    "too few rows": (spec(learner=own("Says", draws="short"), probes="[total-variance]"), 2, "9"),
    "text rows": (spec(learner=own("Says", draws="text")), 2, "Says"),
    "no model": (spec(learner=own("Says", returns="none")), 2, "Says.fit returned None"),
    "a number": (spec(learner=own("Says", returns="number")), 2, "Says.fit returned int, no model"),
    "a class": (spec(learner=own("Says", returns="class")), 2, "Says.fit returned the class Says, no model"),
    "no sample": (spec(learner=own("NoSample")), 2, "NoSample.fit returned object, no model: return something"),
    "own error": (spec(learner=own("Says", raises="out of luck")), 1, "RuntimeError: out of luck (GENLOSS_DEBUG=1"),
    "own probe": (spec(probes=f"{{a: {own('probe')}}}"), 1, "KeyError: 'mass'"),
    "empty probe": (spec(probes=f"{{a: {own('none')}}}"), 2, "probe 'a': gave NoneType, no number"),
    "falling schedule": (
        spec(regime="{kind: replace, n: {kind: linear, start: 2, step: -1}}"),
        2,
        "regime.n: 0 rows at generation 2",
    ),
    "fixed real": (spec(regime="{kind: fixed-real, n_real: 50}"), 2, "regime.n_real: 50 rows, but generation 0 has"),
}


@pytest.mark.parametrize(("text", "status", "said"), WHILE.values(), ids=WHILE)
def test_what_breaks_while_it_runs_is_one_line(here, capsys, text, status, said):
    Path("small.yaml").write_text(text)
    assert said in refused(capsys, "small.yaml", "--out", "out", status=status)


def everything(folder):
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in Path(folder).rglob("*") if path.is_file()}


@pytest.fixture
def earlier(here, capsys):
    """A run that was finished before."""
    Path("good.yaml").write_text(spec())
    assert main(["run", "good.yaml", "--out", "out", "--workers", "1", "--no-report"]) == 0
    capsys.readouterr()
    return everything("out")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["good.yaml"], "out: holds a run already; go on with it by --resume, or give another folder"),
        (["good.yaml", "--set", "n0=0"], "good.yaml: n0: 0 rows"),
        (["good.yaml", "--resume", "--seed", "5"], "out: holds a run of another spec; resume it without FILE"),
        (["--resume", "--workers", "0"], "workers: must be a whole number from 1, got 0"),
        (["--set", "nothing.n=3", "good.yaml"], "--set nothing: no such key; there is source, learner, regime"),
        (["--set", "n0", "good.yaml"], "--set n0: no assignment; write key=value"),
        (["--set", "regime.n=[1,", "good.yaml"], "--set regime.n: line 1: no YAML"),
        (["gone.yaml"], "gone.yaml: no such file; give a YAML file"),
        (["."], ".: a folder; give a YAML file"),
    ],
)
def test_earlier_results_are_left_whole(earlier, capsys, arguments, said):
    assert said in refused(capsys, *arguments, "--out", "out")
    assert everything("out") == earlier
    assert gl.load("out")["variance"].notnull().all()


UNWRITABLE = ["good.yaml", "good.yaml/below", "/proc/genloss-run", "/dev/null", "/dev/null/run"]


@pytest.mark.parametrize("place", UNWRITABLE)
def test_a_folder_that_cannot_be_written_is_one_line(earlier, capsys, place):
    assert place in refused(capsys, "good.yaml", "--out", place)
    assert Path("good.yaml").read_text() == spec()


def test_a_folder_of_the_users_is_left_alone(earlier, capsys):
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("all of it")
    said = refused(capsys, "good.yaml", "--out", "mine")
    assert "mine: not empty and no run of genloss; give an empty or a new folder" in said
    assert [path.name for path in Path("mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace"])
def test_a_full_disk_is_one_line_and_leaves_what_was_finished(earlier, capsys, monkeypatch, call):
    Path("sweep.yaml").write_text(spec(n0="[10, 12, 14]"))
    calls = []
    real = {"os.fsync": __import__("os").fsync, "pathlib.Path.replace": Path.replace}[call]

    def full(*arguments):
        calls.append(arguments)
        if len(calls) > 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(call, full)
        said = refused(capsys, "sweep.yaml", "--out", "sweep")
    assert said.startswith("genloss: sweep/parts/")
    assert said.endswith(": No space left on device; what was finished is kept")
    assert len(list(Path("sweep/parts").glob("*.json"))) == 1
    assert not list(Path("sweep").rglob("*.tmp"))
    assert everything("out") == earlier
    assert main(["run", "--resume", "--out", "sweep", "--workers", "1", "--no-report"]) == 0
    assert gl.load("sweep")["variance"].notnull().all()


def test_a_disk_that_is_really_full(earlier, capsys):
    Path("disk").mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", "disk"], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        Path("long.yaml").write_text(spec(n0=str(list(range(10, 60))), generations="200"))
        said = refused(capsys, "long.yaml", "--out", "disk/run")
        assert said.endswith(": No space left on device; what was finished is kept")
        kept = list(Path("disk/run/parts").glob("*.json"))
        assert kept
        assert gl.load("disk/run", partial=True)["variance"].notnull().any()
    finally:
        subprocess.run(["umount", "disk"], check=True)


def test_text_from_outside_cannot_paint_the_terminal(here, capsys):
    Path("small.yaml").write_text(spec(regime='{kind: "\\e[31mred\\nand more"}'))
    assert "no kind '\\x1b[31mred\\nand more'" in refused(capsys, "small.yaml", "--out", "out")
