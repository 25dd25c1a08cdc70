"""Only what is asked is computed, and what was computed before is still read."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import genloss as gl
from genloss.chain.data import Batch, Block, Pool
from genloss.runs.block import Series
from genloss.runs.folder import Store

OLD = Path(__file__).parents[1] / "fixtures" / "runs" / "draws-1"
"""A run that the code before wrote: two chains, 4 replicates, exact engine, seed 1."""


def chains():
    regimes = {"control": gl.FreshReal(), "loop": gl.Replace()}
    return {name: gl.Chain(gl.Gaussian(), gl.GaussianMLE(), regime, 10) for name, regime in regimes.items()}


def test_a_folder_begun_under_other_draws_is_read_and_reported(tmp_path):
    shutil.copytree(OLD, tmp_path / "run")
    result = gl.load(tmp_path / "run")
    assert result["variance"].dims == ("chain", "replicate", "generation")
    assert result["variance"].shape == (2, 4, 4)
    assert gl.stages(result).of(chain="control").control
    assert "control" in gl.report.html(result)


def test_a_folder_begun_under_other_draws_is_refused_at_resume_in_one_line(tmp_path):
    shutil.copytree(OLD, tmp_path / "run")
    (tmp_path / "run" / "parts" / "0001-0000000.json").unlink()
    asked = {"generations": 3, "replicates": 4, "seed": 1, "engine": "exact", "bootstrap": 0}
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    with pytest.raises(gl.SpecError) as error:
        gl.run(chains(), {"variance": gl.probes.variance}, out=tmp_path / "run", resume=True, **asked)
    assert "holds another run" in str(error.value)
    assert "\n" not in str(error.value)
    assert {path: path.read_bytes() for path in before} == before
    result = gl.run(chains(), {"variance": gl.probes.variance}, **asked)
    assert json.loads(result.attrs["genloss"])["draws"] == 2


def test_one_replicate_draws_the_numbers_of_one_replicate():
    """Counted, not timed: a chain of one replicate in 100 dimensions asks for no more numbers than it needs."""
    drawn = []

    class Counting(gl.MultivariateGaussian):
        def draw(self, n, rng, shape=()):
            drawn.append(shape)
            return super().draw(n, rng, shape)

    chain = gl.Chain(Counting(np.zeros(100)), gl.MultivariateGaussianMLE(), gl.FreshReal(200), n0=200)
    gl.run(chain, {"variance": gl.probes.total_variance}, generations=2, engine="exact", bootstrap=0)
    assert drawn == [(1,)] * 3


def test_plain_probes_pick_each_replicate_once():
    picked = []

    class Model(gl.Gaussian):
        def pick(self, i):
            picked.append(i)
            return super().pick(i)

    class Learner(gl.GaussianMLE):
        def fit(self, data, rng):
            model = super().fit(data, rng)
            return Model(model.mean, model.var)

    probes = {name: lambda g: float(g.model.var) for name in "abc"}
    chain = gl.Chain(gl.Gaussian(), Learner(), gl.Replace(10), n0=10)
    gl.run(chain, probes, generations=1, replicates=5, engine="exact", bootstrap=0)
    assert len(picked) == 2 * 2 * 5  # two generations, the model and the first one, five replicates


def test_kept_values_are_copies():
    series = Series()
    large = np.zeros((3, 1000))
    for t in range(20):
        large[:] = t
        series.append(large[:, 0])
    np.testing.assert_array_equal(series.values, np.arange(20.0)[:, None] * np.ones(3))
    assert series.values.base.nbytes < 2_000


def test_a_folder_knows_its_digest_once(tmp_path, monkeypatch):
    calls = []
    from genloss.runs import folder

    canonical = folder._canonical
    monkeypatch.setattr(folder, "_canonical", lambda spec: calls.append(1) or canonical(spec))
    cells = {str(i): gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(10 + i), 10) for i in range(20)}
    gl.run(cells, {"variance": gl.probes.variance}, generations=1, out=tmp_path / "run", bootstrap=0)
    assert len(calls) <= 2
    assert isinstance(Store(tmp_path, {}, {}, ()).digest, str)


@pytest.mark.parametrize("side_by_side", [False, True])
def test_pools_of_rows_grow_in_place_and_never_mix(side_by_side):
    def block(value, t, n=3):
        rows = np.full((2, n), float(value)) if side_by_side else np.full(n, float(value))
        return Block(Batch(rows) if side_by_side else rows, int(t > 0), t)

    def rows(pool):
        return pool.data.rows[0].tolist() if side_by_side else pool.data.tolist()

    first = Pool((block(0, 0),))
    assert rows(first) == [0.0] * 3
    one, other = first.append(block(1, 1)), first.append(block(2, 1))
    assert rows(one) == [0.0] * 3 + [1.0] * 3
    assert rows(other) == [0.0] * 3 + [2.0] * 3  # grown from the same pool, not after the first one
    assert rows(one) == [0.0] * 3 + [1.0] * 3
    pool = one
    for t in range(2, 40):
        pool = pool.append(block(t, t))
        assert pool.size == 3 * (t + 1)
        assert rows(pool)[-1] == t
    assert rows(pool)[::3] == [0.0, 1.0, *map(float, range(2, 40))]


def test_growing_copies_a_number_of_rows_in_proportion_to_the_pool():
    """Doubling: T generations copy at most a few times what is there in the end, not T^2."""
    pool = Pool((Block(np.zeros(100), 0, 0),))
    bases = set()
    for t in range(1, 200):
        pool = pool.append(Block(np.full(100, float(t)), 1, t))
        bases.add(id(pool.data.base))
    assert len(bases) < 12


def test_a_subsample_of_a_batch_takes_positions_that_exist():
    batch = Batch(np.arange(6.0).reshape(2, 3))
    from genloss.chain.data import take

    assert take(batch, np.array([[2, 0], [1, 1]])).rows.tolist() == [[2.0, 0.0], [4.0, 4.0]]
    with pytest.raises(IndexError, match="positions must lie from 0 to 2"):
        take(batch, np.array([[3, 0], [1, 1]]))
