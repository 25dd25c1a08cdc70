"""Compiled loops run in a read-only installation without a home, and workers do not all compile the same loop."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import genloss
from lanes import need

need("numba", "full")
PROGRAM = """
import numpy as np
import genloss as gl
from genloss.provenance import KGW

texts = ["the tails go first", "the head goes last"]
size = gl.NGram(2).fit(texts, np.random.default_rng(0)).tokenizer.size
for learner in (gl.NGram(2), gl.Watermarked(gl.NGram(2), KGW(size))):
    print(list(learner.fit(texts, np.random.default_rng(0)).sample(3, np.random.default_rng(1))))
"""
COUNTING = """
import numpy as np
import genloss as gl
from genloss.families.ngram import sampling, tree

model = gl.NGram(2).fit(["the tails go first", "the head goes last"], np.random.default_rng(0))
model.sample(3, np.random.default_rng(1))
loops = [loop for module in (tree, sampling) for loop in vars(module).values() if hasattr(loop, "stats")]
print(sum(sum(loop.stats.cache_misses.values()) for loop in set(loops)))
"""


def environment(tmp_path, cache):
    """No home that can be written, and numba's cache where it is said."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/proc/nowhere",
        "XDG_CACHE_HOME": "/proc/nowhere",
        "PYTHONPATH": str(tmp_path),
        "PYTHONDONTWRITEBYTECODE": "1",
        **({} if cache is None else {"NUMBA_CACHE_DIR": str(cache)}),
    }


def copied(tmp_path):
    """A copy of the package without anything compiled."""
    package = Path(genloss.__file__).parent
    shutil.copytree(package, tmp_path / "genloss", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "genloss"


def test_an_installation_that_cannot_be_written_runs_without_a_cache(tmp_path):
    package = copied(tmp_path)
    # A file called __pycache__ stands in the way of every cache folder, also for root.
    for folder in [package, *(path for path in package.rglob("*") if path.is_dir())]:
        (folder / "__pycache__").write_text("")
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment(tmp_path, None), capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    expected = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(Path(genloss.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == expected.stdout


def counted(site, cache, processes):
    """Loops compiled by each of several processes that start at once."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", COUNTING],
            env=environment(site, cache),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    said = [process.communicate(timeout=300) for process in started]
    assert all(process.returncode == 0 for process in started), said
    return [int(out) for out, _ in said]


def test_of_several_processes_that_start_at_once_only_one_compiles_each_loop(tmp_path):
    copied(tmp_path / "site")
    (alone,) = counted(tmp_path / "site", tmp_path / "one", 1)
    assert alone > 3
    assert sum(counted(tmp_path / "site", tmp_path / "several", 3)) == alone
    assert counted(tmp_path / "site", tmp_path / "several", 1) == [0]
