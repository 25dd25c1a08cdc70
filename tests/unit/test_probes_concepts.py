"""Concept probes against assignments made by hand."""

import numpy as np
import pytest

import genloss as gl
from genloss import probes
from genloss.families.categorical import Categorical
from genloss.families.mixture import Mixture
from probing import Drawer, Held, generation, value

FAR = Mixture([0.5, 0.3, 0.2], np.array([[0.0, 0], [20, 0], [0, 20]]))
HELD_OUT = np.array([[0.0, 0], [0, 1], [0, 2], [10, 0], [10, 1], [10, 2]])
LABELS = np.array(["low"] * 3 + ["high"] * 3)


def test_occupancy_of_components():
    rows = np.array([[0.1, 0], [19, 1], [18, 0], [0, -3]])
    found = probes.ModeOccupancy(rows=4)(generation(Drawer(lambda n, rng: rows), FAR), np.random.default_rng(0))
    assert found.values == pytest.approx([0.5, 0.5, 0])
    assert found["class"].values.tolist() == [0, 1, 2]
    assert found.attrs["truth"] == pytest.approx([0.5, 0.3, 0.2])
    assert len(found.attrs["noise"]) == 3


def test_occupancy_of_components_on_the_line():
    model = Drawer(lambda n, rng: np.array([-2.0, -2.5, 2.0, 9.0]))
    assert value(probes.ModeOccupancy(rows=4), model, Mixture()) == pytest.approx([0.5, 0.5])


def test_occupancy_of_labels_is_that_of_the_nearest_row():
    rows = np.array([[1.0, 0], [9, 0], [9, 5], [4, 1]])
    found = probes.ModeOccupancy(rows=4)(
        generation(Drawer(lambda n, rng: rows), Held(HELD_OUT, LABELS)), np.random.default_rng(0)
    )
    assert found["class"].values.tolist() == ["high", "low"]
    assert found.values == pytest.approx([0.5, 0.5])
    assert found.attrs["truth"] == [0.5, 0.5]


def test_occupancy_of_symbols_is_their_probability():
    found = probes.ModeOccupancy()(generation(Categorical([0.9, 0.1]), Categorical([0.3, 0.3, 0.4])), None)
    assert found.values.tolist() == [0.9, 0.1, 0]
    assert found.attrs["truth"] == [0.3, 0.3, 0.4]


def test_confusion_of_components_is_the_posterior_error():
    source = Mixture([0.5, 0.5], [-1.0, 1.0], 1.0)
    rows = np.array([0.0, 1.0, -3.0])
    error = 1 / (1 + np.exp(2 * np.abs(rows)))
    assert value(probes.Confusion(rows=3), Drawer(lambda n, rng: rows), source) == pytest.approx(error.mean())
    assert value(probes.Confusion(), FAR, FAR) == pytest.approx(0, abs=1e-9)


def test_confusion_of_labels_is_the_share_of_votes_lost():
    rows = np.array([[0.0, 1.0], [5.2, 1.0]])
    found = value(probes.Confusion(rows=2, k=4), Drawer(lambda n, rng: rows), Held(HELD_OUT, LABELS))
    assert found == pytest.approx((1 / 4 + 1 / 4) / 2)
    assert value(probes.Confusion(rows=2, k=6), Drawer(lambda n, rng: rows), Held(HELD_OUT, LABELS)) == 0.5


@pytest.mark.parametrize("probe", [probes.ModeOccupancy(), probes.Confusion()])
def test_classes_must_be_known(probe):
    with pytest.raises(gl.SpecError, match="measures mixtures and labelled rows; Gaussian has none"):
        value(probe, gl.Gaussian())


def test_precision_against_all_pairs():
    rng = np.random.default_rng(0)
    held_out, drawn = rng.normal(size=(50, 2)) + 7, 2 * rng.normal(size=(30, 2)) + 7
    radius = np.sort(np.linalg.norm(held_out[:, None] - held_out, axis=-1), 1)[:, 3]
    inside = (np.linalg.norm(drawn[:, None] - held_out, axis=-1) <= radius).any(1).mean()
    found = value(probes.Precision(rows=30, k=3), Drawer(lambda n, _: drawn), Held(held_out))
    assert found == pytest.approx(inside)
    assert 0.1 < inside < 0.9


def test_precision_rises_while_recall_dies():
    narrow, truth = gl.Gaussian(var=0.01), gl.Gaussian()
    assert value(probes.Precision(), narrow, truth) >= value(probes.Precision(), truth, truth)
    assert value(probes.Recall(), narrow, truth)[0] < 0.5 < value(probes.Recall(), truth, truth)[0]


def test_mean_score():
    model = Drawer(lambda n, rng: np.arange(float(n)))
    assert value(probes.MeanScore(lambda rows: 2 * rows, rows=5), model) == 4
    text = Drawer(lambda n, rng: ["word"] * n)
    assert value(probes.MeanScore(lambda documents: [len(d) for d in documents], rows=3), text) == 4


@pytest.mark.parametrize("score", [lambda rows: 1.0, lambda rows: rows[:2], lambda rows: ["a"] * len(rows)])
def test_a_score_gives_one_number_a_row(score):
    with pytest.raises(gl.SpecError, match=r"^probe mean-score\.score: gave .* give one per row$"):
        value(probes.MeanScore(score), Drawer(lambda n, rng: np.zeros(n)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: probes.MeanScore(3),
        lambda: probes.MeanScore(len, rows=0),
        lambda: probes.Confusion(k=1),
        lambda: probes.Precision(k=0),
        lambda: probes.ModeOccupancy(real=0),
    ],
)
def test_wrong_settings_are_refused(make):
    with pytest.raises(gl.SpecError, match=r"^probe [a-z-]+\.[a-z]+: (.*; give |must be )"):
        make()
