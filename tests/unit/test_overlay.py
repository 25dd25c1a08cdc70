"""What theory says of a result has its labels, says the statistic it predicts, and never breaks a report."""

import json

import numpy as np
import pytest
import xarray as xr

import genloss as gl
from genloss import report
from genloss.report import grids as tables
from genloss.report import overlay
from genloss.report.curves import overlay as drawn
from genloss.report.summary import cells_of, summary
from made_results import attrs, made


def chains(n=50):
    source, learner = gl.Gaussian(), gl.GaussianMLE()
    return {
        "replace": gl.Chain(source, learner, gl.Replace(n), n0=n),
        "accumulate": gl.Chain(source, learner, gl.Accumulate(n), n0=n),
        "control": gl.Chain(source, learner, gl.FreshReal(n), n0=n),
    }


@pytest.fixture(scope="module")
def result():
    probes = {"spread": gl.probes.variance, "w": gl.probes.W2(), "entropy": gl.probes.Entropy()}
    return gl.run(chains(), probes, generations=10, replicates=4000, engine="exact", seed=3)


def statistic_of(values, name):
    if name == "root mean square":
        return np.sqrt((values**2).mean("replicate")), 3 * values.std("replicate")
    return getattr(values, name)("replicate"), 1.6 * values.std("replicate")


def test_predictions_have_the_labels_of_the_result_and_hold(result):
    found = overlay.predictions(result)
    assert found.attrs["notes"] == []
    assert list(found["spread"].dims) == ["chain", "generation"]
    checked = 0
    for name in ("spread", "w", "entropy"):
        for i, law in enumerate(found[name].attrs["laws"]):
            if law is None or "bound" in law["kind"]:
                continue
            measured, spread = statistic_of(result[name][i], law["statistic"])
            error = 5 * spread.values / np.sqrt(4000)
            assert (np.abs(measured - found[name][i]).values <= error).all(), (name, law)
            assert (error < 0.2).all()
            checked += 1
    assert checked >= 5


def test_the_median_is_preferred_where_it_is_known(result):
    laws = overlay.predictions(result)["spread"].attrs["laws"]
    assert [law["statistic"] for law in laws] == ["median", "mean", "mean"]
    assert laws[0]["law"] == "std_median_replace"


def test_a_law_is_drawn_dashed_with_its_name_and_the_mean_it_speaks_of(result):
    predictions = overlay.predictions(result)
    figure = report.plots.probe(result, "spread", predictions=predictions)
    axes = figure.subfigs[0].axes[0]
    lines = [tuple(line.get_ydata()) for line in axes.lines]
    for i in range(3):
        assert tuple(predictions["spread"].values[i]) in lines
    texts = [text.get_text() for text in figure.subfigs[0].texts]
    assert "std_median_replace (median)" in texts
    assert "variance_accumulate (mean)" in texts
    assert "mean of the replicates" in texts
    mean = result["spread"].mean("replicate").values
    every = np.unique(np.linspace(0, 10, 9).round().astype(int))
    assert [tuple(line[every]) in lines for line in mean] == [False, True, True]


def test_the_table_behind_the_picture_holds_the_prediction(result):
    from genloss.report.grids import of_summary

    predictions = overlay.predictions(result)
    frame = of_summary(summary(result, "spread"), cells_of(result), predictions)
    assert np.array_equal(frame["predicted"], predictions["spread"].values.ravel())
    assert set(frame["law"]) > {"variance_accumulate (mean)"}
    assert np.allclose(frame["mean"], result["spread"].mean("replicate").values.ravel())


def test_a_probe_is_told_by_what_it_is_and_not_by_its_name():
    def variance(g):
        return 2.0

    result = gl.run(chains(), {"variance": variance}, generations=2, replicates=3, engine="exact", seed=1)
    found = overlay.predictions(result)
    assert not found.data_vars
    assert found.attrs["notes"] == ["No theory curve: no law speaks of what was measured."]


def test_why_there_is_no_prediction_is_said(monkeypatch):
    source, learner = gl.Gaussian(), gl.GaussianMLE()
    rows = gl.Rows(np.arange(40.0))
    some = {
        "known": gl.Chain(source, learner, gl.Replace(20), n0=20),
        "rows": gl.Chain(rows, gl.KDE(), gl.Replace(20), 20),
    }
    result = gl.run(some, {"total_variance": gl.probes.total_variance}, generations=2, replicates=2, seed=1)
    found = overlay.predictions(result)
    assert [law is not None for law in found["total_variance"].attrs["laws"]] == [True, False]
    assert len(found.attrs["notes"]) == 1
    assert "for rows: no law in the catalogue speaks of" in found.attrs["notes"][0]
    assert found.attrs["notes"][0] in report.html(result, stages=False, predictions=found)

    def broken(chain, generations):
        raise RuntimeError("the integral <b>diverged</b>\nsecond line")

    monkeypatch.setattr(overlay, "predict", broken)
    found = overlay.predictions(result)
    assert any("RuntimeError: the integral <b>diverged</b>." in note for note in found.attrs["notes"])
    page = report.html(result, stages=False, predictions=found)
    assert "No theory curve for known: RuntimeError: the integral &lt;b&gt;diverged&lt;/b&gt;." in page


def test_nothing_is_imported_to_predict_what_a_result_describes():
    values = np.ones((1, 2, 3))
    result = made({"variance": (values, attrs("spread"))}, chains=("loop",))
    spec = {
        "dims": {"chain": ["loop"]},
        "probes": {"variance": {"python": "genloss.probes.spread:variance"}},
        "chains": [
            {
                "kind": "chain",
                "source": {"kind": "gaussian"},
                "learner": {"python": "no_such_module:Learner"},
                "regime": {"kind": "replace"},
                "n0": 10,
            }
        ],
    }
    result.attrs["genloss"] = json.dumps(spec)
    assert "of your own making" in overlay.predictions(result).attrs["notes"][0]


@pytest.mark.parametrize("said", ["", "[]", "{}", '{"chains": [1], "probes": {"variance": 3}}'])
def test_a_result_that_says_nothing_of_itself_has_no_prediction(said):
    result = made({"variance": (np.ones((1, 2, 3)), attrs("spread"))}, chains=("loop",))
    result.attrs["genloss"] = said
    found = overlay.predictions(result)
    assert not found.data_vars
    assert found.attrs["notes"][0].startswith("No theory curve")


def test_a_grid_of_two_dimensions_keeps_its_shape():
    every = [gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(n), n0=m) for m in (10, 20) for n in (5, 10, 15)]
    grid = gl.Grid({"n0": (10, 20), "regime.n": (5, 10, 15)}, tuple(every))
    result = gl.run(grid, {"variance": gl.probes.variance}, generations=3, replicates=3, engine="exact", seed=1)
    found = overlay.predictions(result)
    assert dict(found["variance"].sizes) == {"n0": 2, "regime.n": 3, "generation": 4}
    mean = (1 - 1 / 10) * (1 - 1 / 15) ** 3
    median = float(found["variance"].sel({"n0": 10, "regime.n": 15})[-1])
    assert 0.6 * mean < median < mean
    cells = cells_of(result)
    theory = list(drawn(summary(result, "variance"), found, cells, range(len(cells)), None))
    assert [law.cell for law in theory] == list(range(6))
    assert isinstance(found, xr.Dataset)


SYMBOLS = gl.Categorical([0.3, 0.02, 0.25, 0.15, 0.0, 0.15, 0.1, 0.03, 0.0])
VECTORS = {
    "by_band": gl.probes.Recall(bands=(0.6, 0.9)),
    "by_symbol": gl.probes.ModeOccupancy(),
    "left": gl.probes.Support(),
}
SIDES = {"reach": gl.probes.TailRatio(0.02), "beyond": gl.probes.ExpectedShortfall()}


@pytest.fixture(scope="module")
def of_symbols():
    chain = gl.Chain(SYMBOLS, gl.CategoricalMLE(), gl.Replace(20), n0=20)
    return gl.run(chain, VECTORS, generations=6, replicates=4000, engine="exact", seed=5)


@pytest.fixture(scope="module")
def of_numbers():
    source, learner = gl.Gaussian(1.0, 9.0), gl.GaussianMLE()
    some = {
        "replace": gl.Chain(source, learner, gl.Replace(12), n0=12),
        "accumulate": gl.Chain(source, learner, gl.Accumulate(12), n0=12),
        "cool": gl.Chain(source, gl.GaussianMLE(temperature=0.9), gl.Replace(12), n0=12),
    }
    return gl.run(some, SIDES, generations=6, replicates=4000, engine="exact", seed=6)


def off(measured, predicted, statistic):
    """How many standard errors lie between a prediction and the statistic over 4,000 replicates."""
    found, spread = statistic_of(measured, statistic)
    return ((found - predicted) / (spread / np.sqrt(4000) + 1e-4)).fillna(0)


@pytest.mark.parametrize("name", [*VECTORS])
def test_vector_probes_of_symbols_are_predicted_label_by_label(of_symbols, name):
    found = overlay.predictions(of_symbols)[name]
    measured = of_symbols[name].transpose("replicate", ...)
    assert found.dims == measured.dims[1:]
    for dim in found.dims:
        assert found[dim].values.tolist() == measured[dim].values.tolist()
    assert np.isfinite(found).all()
    assert float(np.abs(off(measured, found, "mean")).max()) < 5
    (law,) = found.attrs["laws"]
    assert (law["statistic"], law["kind"]) == ("mean", "exact")


def test_symbols_that_the_truth_lacks_are_not_missing(of_symbols):
    law = gl.theory.predict(gl.Chain(SYMBOLS, gl.CategoricalMLE(), gl.Replace(20), n0=20), 6)["support"]
    measured = of_symbols["left"].transpose("replicate", ...)
    assert float(np.abs(off(measured, law.values, "mean")).max()) < 5
    assert float(np.abs(off(measured, law.values * 7 / 9, "mean")).max()) > 20
    assert np.allclose(overlay.predictions(of_symbols)["left"], law.values)


def test_tails_of_a_normal_law_go_with_its_spread(of_numbers):
    found = overlay.predictions(of_numbers)
    for name in SIDES:
        laws = found[name].attrs["laws"]
        assert [law and law["statistic"] for law in laws] == ["median", "mean", None]
        for i, law in enumerate(laws[:2]):
            measured = of_numbers[name].isel(chain=i).transpose("replicate", ...)
            z = np.abs(off(measured, found[name].isel(chain=i), law["statistic"]))
            assert float(z.max()) < 5, (name, i)
        assert np.isnan(found[name].isel(chain=2)).all()


def test_bands_that_are_not_those_of_the_probe_have_no_prediction(of_symbols):
    other = of_symbols.assign_coords(band=["a", "b", "c"])
    found = overlay.predictions(other)
    assert "by_band" not in found
    assert "by_symbol" in found


def test_the_report_draws_vector_predictions_and_names_the_laws(of_symbols):
    found = overlay.predictions(of_symbols)
    page = report.html(of_symbols, stages=False, predictions=found)
    assert page.count("lost_symbols_replace (mean) says") == 3
    for name in ("lost_symbols_replace", "support_replace"):
        assert f"<dt><bdi>{name}</bdi>" in page
    assert "<math" in page
    frame = tables.of_summary(summary(of_symbols, "by_band"), cells_of(of_symbols), found)
    assert np.allclose(frame["predicted"], found["by_band"].values.ravel())
    assert set(frame["law"]) == {"lost_symbols_replace (mean)"}
    mean = of_symbols["by_band"].mean("replicate").transpose("generation", "band")
    assert np.allclose(frame["mean"], mean.values.ravel())


def test_distances_are_drawn_at_any_temperature_for_their_laws_speak_of_what_is_drawn():
    cool = gl.Chain(gl.Gaussian(), gl.GaussianMLE(ddof=1, temperature=0.9), gl.Replace(100), n0=100)
    probes = {"forward": gl.probes.KLForward(), "reverse": gl.probes.KLReverse(), "far": gl.probes.W2()}
    result = gl.run(cool, probes, generations=4, replicates=4000, engine="exact", seed=6)
    lines = overlay.predictions(result)
    assert set(lines.data_vars) == set(probes)
    for name in probes:
        (law,) = lines[name].attrs["laws"]
        distance = off(result[name].transpose("replicate", ...), lines[name], law["statistic"])
        assert float(np.abs(distance).max()) < 5
