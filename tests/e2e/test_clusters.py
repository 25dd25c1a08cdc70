"""A cluster that runs already gives what this machine gives, bit for bit; one is never started."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import genloss as gl
from genloss.cli.main import main
from genloss.errors import SpecError
from genloss.families.tables import ArrayFile
from genloss.theory.verification.verify import verify
from lanes import need

# Ray and Dask leave sockets and loops to the garbage collector; what genloss warns of is tested elsewhere.
pytestmark = pytest.mark.filterwarnings("default")
VARIANCE = {"variance": gl.probes.variance}
OWN = '''
import os, signal
from pathlib import Path
import numpy as np
import genloss as gl

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
        fits = len(list(folder.glob("fit*")))
        (folder / f"fit-{os.getpid()}-{fits}").touch()
        deaths = len(list(folder.glob("death*")))
        if fits >= self.at and deaths < self.times:
            (folder / f"death-{os.getpid()}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return gl.Gaussian(float(np.mean(data)), float(np.var(data)))

class Fails:
    def fit(self, data, rng):
        raise FileNotFoundError(2, "No such file", "/no/such/file")
'''


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A module of the user's in a folder on the driver's path alone."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "models_of_clusters.py").write_text(OWN)
    sys.path.insert(0, str(folder))
    yield __import__("models_of_clusters")
    sys.path.remove(str(folder))
    del sys.modules["models_of_clusters"]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def listens(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def session(leader):
    """The living processes of a session."""
    members = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, its = path.read_text().rsplit(")", 1)[1].split()[:4]
            if int(its) == leader and state != "Z":
                members.append(int(path.parent.name))
    return members


@contextlib.contextmanager
def started(command, ports, folder, **environment):
    """Start a cluster in a session of its own, and end every process of that session."""
    np.save(Path(folder) / "numbers.npy", np.arange(31.0))
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            start_new_session=True,
            stdout=log,
            stderr=log,
        )
        try:
            end = time.monotonic() + 60
            while not all(map(listens, ports)):
                assert process.poll() is None, (log.seek(0), log.read().decode())
                assert time.monotonic() < end
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            end = time.monotonic() + 15
            while (left := session(process.pid)) and time.monotonic() < end:
                for pid in left:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                time.sleep(0.1)
            assert not session(process.pid)


def attach_once(port):
    """Wait until a Ray Client server, which listens before it can serve, lets a process attach."""
    import ray

    end = time.monotonic() + 60
    while True:
        try:
            ray.init(f"ray://127.0.0.1:{port}", configure_logging=False, log_to_driver=False)
        except Exception:
            assert time.monotonic() < end
            time.sleep(0.5)
        else:
            ray.shutdown()
            return


@pytest.fixture(scope="module")
def ray_ports():
    """A Ray of two processors: the port of its head and that of its Ray Client server."""
    need("ray", "ray")
    head, client = free_port(), free_port()
    folder = tempfile.mkdtemp(prefix="ray")  # short: it holds sockets
    command = [
        sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--node-ip-address", "127.0.0.1",
        "--port", str(head), "--ray-client-server-port", str(client), "--include-dashboard=false",
        "--disable-usage-stats", "--num-cpus", "2", "--object-store-memory", "80000000", "--temp-dir", folder,
    ]  # fmt: skip
    try:
        with started(command, (head, client), folder, RAY_USAGE_STATS_ENABLED="0"):
            attach_once(client)
            yield head, client
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def dask_port():
    """A Dask scheduler with two workers, which are started again when they die."""
    need("distributed", "dask")
    port = free_port()
    code = f"""
import signal, sys, time
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(host="127.0.0.1", scheduler_port={port}, n_workers=2, threads_per_worker=1,
                      dashboard_address=None, silence_logs=50):
        print("started", flush=True)
        signal.sigwait([signal.SIGTERM])
"""
    folder = tempfile.mkdtemp(prefix="dask")
    (Path(folder) / "cluster.py").write_text(code)
    try:
        with started([sys.executable, str(Path(folder) / "cluster.py")], (port,), folder):
            from distributed import Client

            with Client(f"tcp://127.0.0.1:{port}", timeout=30, set_as_default=False) as client:
                client.wait_for_workers(2, timeout=30)
            yield port
    finally:
        shutil.rmtree(folder, ignore_errors=True)


CLUSTERS = [
    pytest.param("ray", marks=pytest.mark.ray),
    pytest.param("ray auto", marks=pytest.mark.ray),
    pytest.param("dask", marks=pytest.mark.dask),
]
TWO = [CLUSTERS[0], CLUSTERS[2]]


@pytest.fixture
def on(request, monkeypatch):
    """The address of a cluster."""
    kind = request.param
    if kind == "dask":
        return f"dask://127.0.0.1:{request.getfixturevalue('dask_port')}"
    head, client = request.getfixturevalue("ray_ports")
    if kind == "ray":
        return f"ray://127.0.0.1:{client}"
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{head}")
    return "ray://auto"


def chain(learner=None, n=20):
    return gl.Chain(gl.Gaussian(), learner or gl.GaussianMLE(), gl.Accumulate(n), n0=n)


@pytest.mark.parametrize("on", CLUSTERS, indirect=True)
def test_a_sweep_gives_what_one_and_two_processes_give_bit_for_bit(on, own, tmp_path):
    chains = {"one by one": chain(own.Foreign()), **{str(n): chain(n=n) for n in range(5, 300)}}
    asked = {"generations": 3, "replicates": 3, "seed": 5}
    one = gl.run(chains, VARIANCE, **asked)
    two = gl.run(chains, VARIANCE, workers=2, **asked)
    there = gl.run(chains, VARIANCE, on=on, out=tmp_path / "run", **asked)
    xr.testing.assert_identical(one, two)
    xr.testing.assert_identical(one, there)
    xr.testing.assert_identical(one, gl.load(tmp_path / "run"))


@pytest.mark.parametrize("on", TWO, indirect=True)
def test_verification_gives_the_same_ledger(on):
    here, there = (verify("variance_accumulate", on=where) for where in ("local", on))
    assert here.rows
    assert repr(here.rows) == repr(there.rows)


@pytest.mark.parametrize("on", TWO, indirect=True)
@pytest.mark.parametrize("kept", [False, True], ids=["in memory", "on disk"])
def test_a_worker_killed_in_the_middle_loses_nothing(on, own, tmp_path, kept):
    marks = [tmp_path / "calm", tmp_path / "deadly"]
    for folder in marks:
        folder.mkdir()
    asked = {"generations": 5, "replicates": 4, "seed": 2, "bootstrap": 0}
    calm = gl.run(chain(own.Dies(str(marks[0]), 10**9, 0)), VARIANCE, **asked)
    out = tmp_path / "run" if kept else None
    deadly = gl.run(chain(own.Dies(str(marks[1]), 8, 1)), VARIANCE, on=on, out=out, **asked)
    assert len(list(marks[1].glob("death*"))) == 1
    assert np.array_equal(calm["variance"], deadly["variance"])
    if kept:
        assert len(list((tmp_path / "run" / "parts").glob("*.parquet"))) == 4
        assert not list((tmp_path / "run").rglob("*.ckpt"))


@pytest.mark.parametrize(
    "on",
    # Both wait long between deaths.
    [
        pytest.param("ray", marks=[pytest.mark.ray, pytest.mark.slow]),
        pytest.param("dask", marks=[pytest.mark.dask, pytest.mark.slow]),
    ],
    indirect=True,
)
def test_a_task_that_kills_every_worker_is_one_line(on, own, tmp_path):
    with pytest.raises(SpecError, match=r"died .* at one task \(out of memory\?\)") as error:
        gl.run(chain(own.Dies(str(tmp_path), 0, 99)), VARIANCE, generations=1, replicates=1, on=on)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("on", TWO, indirect=True)
def test_the_errors_of_workers_come_home(on, own):
    with pytest.raises(FileNotFoundError) as error:
        gl.run(chain(own.Fails()), VARIANCE, generations=1, replicates=2, on=on)
    assert error.value.filename == "/no/such/file"


@pytest.mark.parametrize("on", TWO, indirect=True)
def test_a_worker_with_another_version_is_refused_in_one_line(on, own, monkeypatch):
    monkeypatch.setattr("genloss.version.VERSION", "0.0.9")
    with pytest.raises(SpecError, match=r"has genloss .*, and this process 0\.0\.9; install the same version") as error:
        gl.run(chain(own.Foreign()), VARIANCE, generations=1, replicates=2, on=on)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("on", TWO, indirect=True)
def test_a_worker_that_sees_another_file_is_refused_in_one_line(on, tmp_path, monkeypatch):
    """By the relative path `numbers.npy` the workers find a file of their own."""
    monkeypatch.chdir(tmp_path)
    np.save("numbers.npy", np.arange(30.0))
    asked = gl.Chain(ArrayFile("numbers.npy"), gl.GaussianMLE(), gl.Replace(5), n0=5)
    with pytest.raises(SpecError, match=r"numbers.npy: not the content asked for \(its checksum begins") as error:
        gl.run(asked, VARIANCE, generations=1, replicates=2, on=on)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("on", TWO, indirect=True)
def test_the_command_line_runs_on_a_cluster(on, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    base = ["run", "--example", "gaussian", "--replicates", "20", "--generations", "5", "--no-report"]
    assert main([*base, "--out", "here", "--workers", "1"]) == 0
    assert main([*base, "--out", "there", "--on", on]) == 0
    xr.testing.assert_identical(gl.load("here"), gl.load("there"))
    capsys.readouterr()
    assert main([*base, "--out", "more", "--on", on, "--workers", "2"]) == 2
    said = capsys.readouterr().err
    assert said == f"genloss: --workers: counts processes of this machine; leave it out with --on {on}\n"
