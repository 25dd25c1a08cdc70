"""One labelled result: seeds, sweeps, probes, and what is kept on disk."""

import json

import numpy as np
import pytest
import xarray as xr

import genloss as gl
from genloss.errors import NotExact, SpecError
from genloss.plain.files import commit
from genloss.runs.block import Job
from genloss.runs.layout import layout

VARIANCE = {"variance": gl.probes.variance}


def chain(regime=None, n0=20, learner=None):
    return gl.Chain(gl.Gaussian(), learner or gl.GaussianMLE(), regime or gl.Accumulate(20), n0=n0)


class Foreign:
    """A user's learner, which runs one replicate at a time."""

    def fit(self, data, rng):
        return gl.Gaussian(float(np.mean(data)), float(np.var(data)) * rng.uniform(0.9, 1.1))


ENGINES = {
    "rows": (chain(), "rows"),
    "exact": (chain(), "exact"),
    "one by one": (chain(learner=Foreign()), "rows"),
}


def noisy(g, rng):
    return float(np.mean(g.sample(5, rng)))


def test_the_result_is_labelled():
    found = gl.run(chain(), VARIANCE, generations=4, replicates=3, seed=1)
    assert found["variance"].dims == ("replicate", "generation")
    assert found.sizes == {"replicate": 3, "generation": 5}
    assert found["generation"].values.tolist() == [0, 1, 2, 3, 4]
    assert found["variance"].attrs == {"role": "spread", "better": "higher", "scale": "log"}
    said = json.loads(found.attrs["genloss"])
    assert said["genloss"] == gl.__version__
    assert said["chains"] == [
        {
            "kind": "chain",
            "source": {"kind": "gaussian"},
            "learner": {"kind": "gaussian-mle"},
            "regime": {"kind": "accumulate", "n": 20},
            "n0": 20,
        }
    ]
    assert (said["seed"], said["engine"], said["generations"], said["replicates"]) == (1, "rows", 4, 3)


@pytest.mark.parametrize(("chain", "engine"), ENGINES.values(), ids=ENGINES)
def test_replicate_7_is_the_same_whether_10_or_many_run(chain, engine):
    many = {"rows": 10_000, "exact": 10_000}[engine] if chain.batchable() else 40
    probes = {**VARIANCE, "noisy": noisy} if many < 100 else VARIANCE
    few = gl.run(chain, probes, generations=3, replicates=10, seed=5, engine=engine)
    more = gl.run(chain, probes, generations=3, replicates=many, seed=5, engine=engine)
    xr.testing.assert_identical(few.drop_attrs(), more.isel(replicate=slice(10)).drop_attrs())


@pytest.mark.parametrize(("chain", "engine"), ENGINES.values(), ids=ENGINES)
def test_one_more_probe_and_one_more_generation_change_nothing(chain, engine):
    one = gl.run(chain, {"noisy": noisy}, generations=3, replicates=4, seed=5, engine=engine)
    two = gl.run(
        chain, {**VARIANCE, "other": noisy, "noisy": noisy}, generations=5, replicates=4, seed=5, engine=engine
    )
    assert np.array_equal(one["noisy"], two["noisy"].sel(generation=slice(0, 3)))
    assert not np.array_equal(two["noisy"], two["other"])


def test_another_seed_gives_another_result():
    one, two = (gl.run(chain(), VARIANCE, generations=1, replicates=2, seed=seed)["variance"] for seed in (1, 2))
    assert not np.any(one.values == two.values)


@pytest.mark.parametrize(("alone", "engine"), ENGINES.values(), ids=ENGINES)
def test_a_cell_of_a_sweep_equals_its_chain_run_alone(alone, engine):
    other = gl.Chain(alone.source, alone.learner, gl.Replace(5), n0=7)
    both = gl.run({"other": other, "this": alone}, VARIANCE, generations=3, replicates=3, seed=2, engine=engine)
    single = gl.run(alone, VARIANCE, generations=3, replicates=3, seed=2, engine=engine)
    assert both["variance"].dims == ("chain", "replicate", "generation")
    assert np.array_equal(both["variance"].sel(chain="this"), single["variance"])


def test_regimes_side_by_side_start_from_the_same_real_data():
    found = gl.run({"a": chain(gl.Replace(5)), "b": chain(gl.Accumulate(9))}, VARIANCE, generations=1, replicates=3)
    first = found["variance"].sel(generation=0)
    assert np.array_equal(first.sel(chain="a"), first.sel(chain="b"))


def test_a_grid_has_its_own_dimensions():
    chains = tuple(chain(gl.Replace(n), n0=m) for n in (3, 4) for m in (5, 6, 7))
    grid = gl.Grid({"n": (3, 4), "n0": (5, 6, 7)}, chains)
    found = gl.run(grid, VARIANCE, generations=1, replicates=2, seed=3)
    assert found["variance"].dims == ("n", "n0", "replicate", "generation")
    single = gl.run(chains[4], VARIANCE, generations=1, replicates=2, seed=3)
    assert np.array_equal(found["variance"].sel(n=4, n0=6), single["variance"])


def test_one_replicate_is_drawn_anew_to_measure_its_noise():
    found = gl.run(chain(), VARIANCE, generations=2, seed=3)
    redraws = found["variance:redraws"]
    assert redraws.dims == ("redraw",)
    assert redraws.size == 20
    assert len(set(redraws.values)) == 20
    assert float(found["variance"][0, 0]) not in redraws.values
    assert "variance:redraws" not in gl.run(chain(), VARIANCE, generations=2, replicates=2)
    assert gl.run(chain(), VARIANCE, generations=2, bootstrap=3)["variance:redraws"].size == 3


@gl.probes.probe(role="tails", vectorized=True)
def quantiles(g):
    shape = () if g.replicates is None else (g.replicates,)
    values = np.broadcast_to(np.array([1.0, 2.0, 3.0]), (*shape, 3)) + 0.0
    dims = ("quantile",) if g.replicates is None else ("replicate", "quantile")
    return xr.DataArray(values, dims=dims, coords={"quantile": ["low", "mid", "high"]}, attrs={"noise": np.ones(3)})


@pytest.mark.parametrize(("chain", "engine"), ENGINES.values(), ids=ENGINES)
def test_vector_probes_keep_their_labels(chain, engine, tmp_path):
    probes = {"q": quantiles, "plain": lambda g: [1, 2]}
    found = gl.run(chain, probes, generations=2, replicates=3, engine=engine, out=tmp_path / "run")
    assert found["q"].dims == ("replicate", "generation", "quantile")
    assert found["quantile"].values.tolist() == ["low", "mid", "high"]
    assert found["q"].attrs["noise"] == [1, 1, 1]
    assert found["q"].sel(quantile="high").values.tolist() == [[3.0] * 3] * 3
    assert found["plain"].dims == ("replicate", "generation", "plain_index")
    memory = gl.run(chain, probes, generations=2, replicates=3, engine=engine)
    xr.testing.assert_identical(memory, found)


def test_two_probes_may_have_labels_of_one_name():
    def short(g):
        return xr.DataArray([1.0], dims="quantile", coords={"quantile": ["all"]})

    found = gl.run(chain(), {"q": quantiles, "short": short}, generations=1, replicates=2)
    assert found["short"].dims == ("replicate", "generation", "short_quantile")


def test_a_probe_with_a_setting_is_not_given_randomness():
    def scaled(g, factor=2.0):
        return factor

    found = gl.run(chain(), {"scaled": scaled}, generations=1, replicates=2)
    assert found["scaled"].values.tolist() == [[2, 2], [2, 2]]


def test_film_keeps_samples_of_the_first_replicate():
    found = gl.run(chain(), VARIANCE, generations=2, replicates=3, film=True)
    assert found["film"].dims == ("generation", "shot")
    assert found["film"].shape == (3, 2000)
    again = gl.run(chain(), VARIANCE, generations=2, replicates=1, film=True)
    assert np.array_equal(found["film"], again["film"])


def bare(g):
    raise ZeroDivisionError("division by zero")


def labels_by_n(g):
    return xr.DataArray([1.0, 2.0], dims="k", coords={"k": [g.pool.size, -1]})


BAD = {
    "no chain": ({"chain": 3}, "chain: int is not a chain; give a Chain, a mapping of names to chains, or a Grid"),
    "mapping": ({"chain": {"a": 3}}, "grid: int is not a chain"),
    "empty mapping": ({"chain": {}}, "grid: 0 chains"),
    "no probes": ({"probes": {}}, "probes: nothing to measure"),
    "list of probes": ({"probes": [gl.probes.variance]}, "probes: nothing to measure; give a mapping"),
    "probe": ({"probes": {"a": 3}}, "probes: a: 3 is not a probe"),
    "taken name": ({"probes": {"generation": gl.probes.variance}}, "the name 'generation' is taken"),
    "colon": ({"probes": {"a:b": gl.probes.variance}}, "the name 'a:b' is taken"),
    "text probe": ({"probes": {"a": lambda g: "many"}}, "probe 'a': gave str, no number"),
    "no answer": ({"probes": {"a": lambda g: None}}, "probe 'a': gave NoneType, no number"),
    "matrix": ({"probes": {"a": lambda g: np.zeros((2, 2))}}, "probe 'a': gave shape (2, 2)"),
    "ragged": ({"probes": {"a": lambda g: [0] * (1 + g.t)}}, "gave shape (2,) at generation 1 and (1,) before"),
    "two dims": ({"probes": {"a": lambda g: xr.DataArray(np.zeros((2, 2)))}}, "gave dims ('dim_0', 'dim_1')"),
    "generations": ({"generations": -1}, "generations: must be a whole number from 0, got -1"),
    "generations fraction": ({"generations": 1.5}, "generations: must be a whole number from 0, got 1.5"),
    "replicates": ({"replicates": 0}, "replicates: must be a whole number from 1, got 0"),
    "replicates truth": ({"replicates": True}, "replicates: must be a whole number from 1, got True"),
    "seed": ({"seed": -1}, "seed: must be a whole number from 0, got -1"),
    "bootstrap": ({"bootstrap": -1}, "bootstrap: must be a whole number from 0, got -1"),
    "engine": ({"engine": "fast"}, "engine: no engine 'fast'; known engines: exact, rows"),
    "workers": ({"workers": 0}, "workers: must be a whole number from 1, got 0"),
    "workers fraction": ({"workers": 1.5}, "workers: must be a whole number from 1, got 1.5"),
    "resume": ({"resume": True}, "resume: a run that is kept nowhere cannot be resumed; give out=DIR"),
}


@pytest.mark.parametrize(("wrong", "said"), BAD.values(), ids=BAD)
def test_what_cannot_be_is_one_line(wrong, said):
    asked = {"chain": chain(), "probes": VARIANCE, "generations": 2, "replicates": 2, **wrong}
    with pytest.raises(SpecError) as error:
        gl.run(asked.pop("chain"), asked.pop("probes"), **asked)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_vectorised_probes_give_one_value_a_replicate():
    wrong = gl.probes.probe(vectorized=True)(lambda g: 1.0)
    with pytest.raises(SpecError, match="probe 'a': gave shape \\(\\) for 2 replicates"):
        gl.run(chain(), {"a": wrong}, generations=1, replicates=2)
    wrong = gl.probes.probe(vectorized=True)(lambda g: xr.DataArray([1.0, 2.0], dims="k"))
    with pytest.raises(SpecError, match="gave dims \\('k',\\) for many replicates; give 'replicate' too"):
        gl.run(chain(), {"a": wrong}, generations=1, replicates=2)


def test_labels_that_differ_between_chains_are_refused():
    chains = {str(n0): chain(n0=n0, learner=Foreign()) for n0 in (4, 5)}
    with pytest.raises(SpecError, match="probe 'a': gave other labels in another chain"):
        gl.run(chains, {"a": labels_by_n}, generations=0, replicates=2)


def test_a_users_error_is_his_own():
    with pytest.raises(ZeroDivisionError):
        gl.run(chain(), {"a": bare}, generations=1)


def test_the_exact_engine_refuses_before_anything_is_written(tmp_path):
    with pytest.raises(NotExact):
        gl.run(chain(learner=Foreign()), VARIANCE, generations=1, engine="exact", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_blocks_of_replicates_do_not_depend_on_how_many_run():
    for each in (chain(), chain(n0=100_000)):
        for engine in ("rows", "exact"):
            many = list(layout(each, engine).blocks(5000))
            for n in (1, 10, 900, 1100, 2500, 4999):
                few = list(layout(each, engine).blocks(n))
                assert many[: len(few)] == few
            begins = [begin for _, begin, _ in many]
            widths = [width for _, _, width in many]
            assert begins == np.concatenate([[0], np.cumsum(widths)[:-1]]).tolist()
            assert sum(widths) >= 5000
    assert layout(chain(learner=Foreign()), "rows").first == 0


def test_a_run_is_kept_and_read_back(tmp_path):
    there = tmp_path / "deep" / "run"
    found = gl.run(chain(), VARIANCE, generations=2, seed=4, out=there, film=True)
    memory = gl.run(chain(), VARIANCE, generations=2, seed=4, film=True)
    xr.testing.assert_identical(found, memory)
    xr.testing.assert_identical(found, gl.load(there))
    xr.testing.assert_identical(
        found, gl.run(chain(), VARIANCE, generations=2, seed=4, out=there, film=True, resume=True)
    )
    kinds = {path.suffix for path in there.rglob("*") if path.is_file()}
    assert kinds == {".json", ".parquet", ""}
    assert {path.name for path in there.rglob("*") if path.is_file() and not path.suffix} == {".lock"}


def test_an_unfinished_run_is_read_in_part(tmp_path):
    gl.run(chain(), VARIANCE, generations=2, seed=4, out=tmp_path)
    whole = gl.load(tmp_path)
    (tmp_path / "parts" / "0000-0000000.json").unlink()
    with pytest.raises(SpecError, match="blocks of the run are finished; resume the run"):
        gl.load(tmp_path)
    part = gl.load(tmp_path, partial=True)
    assert part["variance"].isnull().all()
    assert part["variance"].shape == whole["variance"].shape
    assert np.array_equal(part["variance:redraws"], whole["variance:redraws"])


def test_a_folder_is_claimed_by_one_run(tmp_path):
    gl.run(chain(), VARIANCE, generations=1, out=tmp_path / "run")
    with pytest.raises(SpecError, match="holds a run already; go on with it by resume=True"):
        gl.run(chain(), VARIANCE, generations=1, out=tmp_path / "run")
    with pytest.raises(SpecError, match=r"holds another run \(seed: 0 there, 9 here\)"):
        gl.run(chain(), VARIANCE, generations=1, seed=9, out=tmp_path / "run", resume=True)
    with pytest.raises(SpecError, match=r"holds another run \(chains\[0\]\.n0: 20 there, 9 here\)"):
        gl.run(chain(n0=9), VARIANCE, generations=1, out=tmp_path / "run", resume=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(SpecError, match="not empty and no run of genloss"):
        gl.run(chain(), VARIANCE, generations=1, out=tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    with pytest.raises(SpecError, match="no run here"):
        gl.load(tmp_path / "mine")
    with pytest.raises(SpecError, match="a file; give a folder"):
        gl.run(chain(), VARIANCE, generations=1, out=tmp_path / "mine" / "thesis.txt")


@pytest.mark.parametrize("left", [("parts", "checkpoints"), ("parts", "checkpoints", ".lock", ".run.json.123.tmp"), ()])
def test_a_folder_left_by_a_run_that_had_just_begun_is_taken_up(tmp_path, left):
    for name in left:
        path = tmp_path / name
        path.touch() if "." in name else path.mkdir()
    for resume in (False, True):
        there = gl.run(chain(), VARIANCE, generations=1, out=tmp_path, resume=resume)
    assert there["variance"].notnull().all()
    assert not list(tmp_path.rglob("*.tmp"))


def test_jobs_have_names_in_order():
    names = [Job(cell, block, 0, 1, 1, 1).name for cell in (0, 10) for block in (0, 1_000_000)]
    assert names == sorted(names)


def test_a_file_is_put_in_place_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "file"
    commit(path, b"one")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left on device") as error:
        commit(path, b"two")
    assert error.value.filename == str(path)
    assert path.read_bytes() == b"one"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
