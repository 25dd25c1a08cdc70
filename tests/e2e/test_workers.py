"""Workers share the work and change nothing; one that dies is replaced."""

import os
import sys

import numpy as np
import pytest
import xarray as xr

import genloss as gl
from genloss.errors import SpecError

VARIANCE = {"variance": gl.probes.variance}
OWN = '''
import os, signal, time
from pathlib import Path
import numpy as np
import genloss as gl

def noisy(g, rng):
    return float(np.mean(g.sample(5, rng)))

class Foreign:
    """One replicate at a time."""
    def fit(self, data, rng):
        return gl.Gaussian(float(np.mean(data)), float(np.var(data)) * rng.uniform(0.9, 1.1))

class Dies:
    """Kills its process at the fit with this number, as often as it is told to."""
    def __init__(self, folder, at, times):
        self.folder, self.at, self.times = folder, at, times
    def fit(self, data, rng):
        folder = Path(self.folder)
        (folder / f"fit-{os.getpid()}-{time.monotonic_ns()}").touch()
        deaths = len(list(folder.glob("death*")))
        if len(list(folder.glob("fit*"))) >= self.at and deaths < self.times:
            (folder / f"death-{os.getpid()}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return gl.Gaussian(float(np.mean(data)), float(np.var(data)))

class Odd(Exception):
    """Cannot be made again from its message."""
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")

class Fails:
    def fit(self, data, rng):
        raise Odd("this", "that")

class Opens:
    def fit(self, data, rng):
        open("/no/such/file")
'''


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module of the user's, which worker processes find on their path."""
    name = f"own_models_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__(name)
    yield sys.modules[name]
    del sys.modules[name]


def chain(learner=None):
    return gl.Chain(gl.Gaussian(), learner or gl.GaussianMLE(), gl.Accumulate(20), n0=20)


def test_two_workers_give_what_one_gives_bit_for_bit(own, tmp_path):
    chains = {"batched": chain(), "one by one": chain(own.Foreign())}
    probes = {**VARIANCE, "noisy": own.noisy}
    asked = {"generations": 4, "replicates": 6, "seed": 5}
    one = gl.run(chains, probes, workers=1, **asked)
    two = gl.run(chains, probes, workers=2, out=tmp_path / "two", **asked)
    xr.testing.assert_identical(one, two)
    assert not np.array_equal(one["variance"].sel(chain="batched"), one["variance"].sel(chain="one by one"))


def test_two_workers_give_what_one_gives_exactly():
    grid = {str(n): gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.FreshReal(n, 0.3, "binomial"), n0=n) for n in (9, 90)}
    asked = {"generations": 3, "replicates": 3000, "seed": 5, "engine": "exact"}
    xr.testing.assert_identical(gl.run(grid, VARIANCE, workers=1, **asked), gl.run(grid, VARIANCE, workers=2, **asked))


@pytest.mark.parametrize("kept", [False, True], ids=["in memory", "on disk"])
def test_a_worker_killed_in_the_middle_is_replaced_and_nothing_changes(own, tmp_path, kept, monkeypatch):
    monkeypatch.setenv("GENLOSS_CHECKPOINT_SECONDS", "0")
    marks = [tmp_path / "calm", tmp_path / "deadly"]
    for folder in marks:
        folder.mkdir()
    asked = {"generations": 5, "replicates": 4, "seed": 2, "bootstrap": 0}
    calm = gl.run(chain(own.Dies(str(marks[0]), 10**9, 0)), VARIANCE, workers=1, **asked)
    out = tmp_path / "run" if kept else None
    deadly = gl.run(chain(own.Dies(str(marks[1]), 8, 1)), VARIANCE, workers=2, out=out, **asked)
    assert len(list(marks[1].glob("death*"))) == 1
    assert np.array_equal(calm["variance"], deadly["variance"])
    if kept:
        assert not list((tmp_path / "run").rglob("*.ckpt"))


def test_a_block_that_kills_every_worker_is_given_up_in_one_line(own, tmp_path):
    with pytest.raises(SpecError, match="a worker process died 3 times in a row") as error:
        gl.run(chain(own.Dies(str(tmp_path), 0, 99)), VARIANCE, generations=1, replicates=2, workers=2)
    assert "\n" not in str(error.value)
    deaths = {int(path.name.split("-")[1]) for path in tmp_path.glob("death*")}
    assert deaths
    assert not any(alive(pid) for pid in deaths)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0] != "Z"


def test_the_errors_of_workers_come_home(own):
    with pytest.raises(RuntimeError, match="Odd: this and that"):
        gl.run(chain(own.Fails()), VARIANCE, generations=1, replicates=2, workers=2)
    with pytest.raises(FileNotFoundError) as error:
        gl.run(chain(own.Opens()), VARIANCE, generations=1, replicates=2, workers=2)
    assert error.value.filename == "/no/such/file"


def test_what_cannot_be_sent_to_a_worker_says_so():
    with pytest.raises(SpecError, match="probes: 'a' cannot be sent to a worker process; define its functions and"):
        gl.run(chain(), {"a": lambda g: 1.0}, generations=1, replicates=5000, workers=2)
