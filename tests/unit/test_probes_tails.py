"""Tail probes against numbers found by other means."""

import numpy as np
import pytest

import genloss as gl
from genloss import probes
from genloss.families.categorical import Categorical
from genloss.families.exponential import Bernoulli, Exponential, Poisson
from genloss.families.extremes import Pareto, Uniform
from genloss.families.mixture import Mixture
from genloss.families.multivariate import MultivariateGaussian
from genloss.families.softmax import NextToken
from probing import Drawer, Held, generation, value

TRUTH = Categorical([0.5, 0.3, 0.15, 0.05])
LEFT = Categorical([0.6, 0.0, 0.4])


def test_lost_mass_and_support_of_symbols():
    assert value(probes.LostMass(), LEFT, TRUTH) == pytest.approx(0.35)
    assert value(probes.Support(), LEFT, TRUTH) == pytest.approx(0.5)
    assert value(probes.LostMass(), TRUTH, TRUTH) == 0
    assert value(probes.Support(), Categorical([0.5, 0.5]), Categorical([1.0, 0.0])) == 1
    assert value(probes.Support(), Categorical([1.0, 0.0]), Categorical([1.0, 0.0])) == 1
    assert value(probes.LostMass(), Categorical([0.6, 0.4], top_k=1), Categorical([0.6, 0.4])) == pytest.approx(0.4)
    assert value(probes.LostMass(), Bernoulli(0.0), Bernoulli(0.2)) == pytest.approx(0.2)


def test_next_tokens_are_lost_in_their_context():
    truth = NextToken([[0.5, 0.5], [0.5, 0.5]], contexts=[0.8, 0.2])
    model = NextToken([[0.5, 0.5], [1.0, 0.0]], contexts=[0.8, 0.2])
    assert value(probes.LostMass(), model, truth) == pytest.approx(0.1)
    assert value(probes.Support(), model, truth) == pytest.approx(0.75)


def test_side_by_side_is_one_by_one_for_symbols():
    p = np.random.default_rng(0).dirichlet(np.ones(5) / 3, size=7)
    p[p < 0.05] = 0
    p /= p.sum(-1, keepdims=True)
    source = Categorical([0.4, 0.3, 0.2, 0.07, 0.03])
    many = Categorical(p)
    for probe in (probes.LostMass(), probes.Support(), probes.Recall()):
        together = value(probe, many, source, 7)
        assert together == pytest.approx(np.stack([value(probe, many.pick(i), source) for i in range(7)]), nan_ok=True)


def test_lost_values_of_whole_numbers():
    source = Held(np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 9]))
    model = Drawer(lambda n, rng: np.arange(n) % 2)
    assert value(probes.LostMass(), model, source) == pytest.approx(0.5)
    assert value(probes.Support(), model, source) == pytest.approx(0.5)
    assert value(probes.LostMass(), Categorical([0.5, 0.0, 0.5]), source) == pytest.approx(0.3)


def test_lost_classes_of_labelled_rows():
    held_out = np.array([[0.0, 0], [0, 1], [10, 0], [10, 1], [10, 2], [0, 50]])
    source = Held(held_out, np.array(["a", "a", "b", "b", "b", "c"]))
    model = Drawer(lambda n, rng: np.tile([1.0, 0.0], (n, 1)))
    assert value(probes.LostMass(), model, source) == pytest.approx(4 / 6)
    assert value(probes.Support(), model, source) == pytest.approx(1 / 3)


def test_lost_components_of_a_mixture():
    source = Mixture([0.7, 0.2, 0.1], np.array([[0.0, 0], [20, 0], [0, 20]]))
    model = MultivariateGaussian([0.0, 0.0], 1.0)
    assert value(probes.LostMass(), model, source) == pytest.approx(0.3)


def test_lost_bins_of_numbers():
    source = Held(np.arange(1000.0))
    model = Drawer(lambda n, rng: np.linspace(0, 499, n))
    assert value(probes.LostMass(bins=10), model, source) == pytest.approx(0.5)
    assert value(probes.LostMass(bins=10), model, Uniform(999.0)) == pytest.approx(0.5)


def test_expected_loss_of_a_normal_model_is_the_mean_over_draws():
    model, probe = gl.Gaussian(0.3, 0.3), probes.LostMass(rows=50, bins=20)
    rng = np.random.default_rng(0)
    drawn = [probe(generation(Drawer(model.sample), gl.Gaussian()), rng) for _ in range(4000)]
    error = np.std(drawn) / np.sqrt(len(drawn))
    assert float(value(probe, model, gl.Gaussian())) == pytest.approx(np.mean(drawn), abs=5 * error)
    assert error < 0.001
    assert value(probes.LostMass(bins=20), gl.Gaussian(0.01, 0.0), gl.Gaussian()) == pytest.approx(0.95)


def test_vectors_without_classes_are_refused():
    with pytest.raises(gl.SpecError, match=r"probe lost-mass: measures symbols, .* MultivariateGaussian has none"):
        value(probes.LostMass(), MultivariateGaussian())


def test_recall_by_band_of_frequency():
    source = Categorical([0.5, 0.2, 0.15, 0.08, 0.07])
    model = Categorical([0.5, 0.2, 0.0, 0.3, 0.0])
    found = probes.Recall(bands=(0.5, 0.8))(generation(model, source), np.random.default_rng(0))
    assert found.dims == ("band",)
    assert found.band.values.tolist() == ["top 50%", "50-80%", "rarest 20%"]
    assert found.values.tolist() == pytest.approx([1, 0.2 / 0.35, 0.08 / 0.15])
    assert found.attrs["noise"] == [0, 0, 0]


def test_bands_without_symbols_are_nan():
    found = value(probes.Recall(bands=(0.6, 0.9)), Categorical([1.0]), Categorical([1.0]))
    assert np.isnan(found).tolist() == [False, True, True]


def test_recall_of_whole_numbers_has_noise():
    rng = np.random.default_rng(0)
    source = Held(rng.poisson(3, 400))
    model = Drawer(lambda n, rng: np.arange(n) % 5)
    found = probes.Recall()(generation(model, source), rng)
    values, counts = np.unique(source.held_out, return_counts=True)
    assert found.values[0] == 1
    assert found.values[-1] == 0
    lost = counts[values >= 5].sum() / 400
    assert value(probes.LostMass(), model, source) == pytest.approx(lost)
    assert lost > 0.1
    assert all(0 < noise < 0.5 for noise in found.attrs["noise"])


def test_recall_by_class_against_all_pairs():
    rng = np.random.default_rng(3)
    held_out = rng.normal(size=(60, 2)) + 100
    labels = np.repeat(["b", "a", "c"], [30, 20, 10])
    drawn = rng.normal(size=(40, 2)) * 0.5 + 100
    found = probes.Recall(rows=40, k=3)(generation(Drawer(lambda n, _: drawn), Held(held_out, labels)), rng)
    assert found["class"].values.tolist() == ["a", "b", "c"]
    for label, got, noise in zip("abc", found.values, found.attrs["noise"], strict=True):
        rows = held_out[labels == label]
        within = np.sort(np.linalg.norm(rows[:, None] - rows, axis=-1), 1)[:, 3]
        near = np.linalg.norm(rows[:, None] - drawn, axis=-1).min(1)
        expected = (near <= within).mean()
        assert got == pytest.approx(expected)
        shrunk = (expected * len(rows) + 2) / (len(rows) + 4)
        assert noise == pytest.approx(np.sqrt(shrunk * (1 - shrunk) / (len(rows) + 4)))


def test_recall_of_rows_without_classes_and_of_mixtures():
    found = probes.Recall(real=200)(generation(MultivariateGaussian()), np.random.default_rng(0))
    assert found["class"].values.tolist() == ["all"]
    assert 0.5 < float(found[0]) <= 1
    mixture = Mixture([0.5, 0.5], np.array([[0.0, 0], [20, 0]]))
    found = probes.Recall(real=200)(generation(MultivariateGaussian([20.0, 0]), mixture), np.random.default_rng(0))
    assert found["class"].values.tolist() == [0, 1]
    assert found.values[0] == 0
    assert found.values[1] > 0.5


def test_tail_ratio_of_normal_laws_is_the_ratio_of_deviations():
    found = probes.TailRatio(q=0.05)(generation(gl.Gaussian(5.0, 0.25), gl.Gaussian()), np.random.default_rng(0))
    assert found.side.values.tolist() == ["lower 0.05", "upper 0.05"]
    assert found.values == pytest.approx([0.5, 0.5])
    assert value(probes.ExpectedShortfall(), gl.Gaussian(5.0, 0.25), gl.Gaussian()) == pytest.approx([0.5, 0.5])


def test_tails_of_rows_against_numpy():
    rng = np.random.default_rng(0)
    drawn, held_out = rng.exponential(size=333), rng.normal(size=500)
    model, source = Drawer(lambda n, _: drawn), Held(held_out)
    reach = [np.median(x) - np.quantile(x, 0.05) for x in (drawn, held_out)]
    over = [np.quantile(x, 0.95) - np.median(x) for x in (drawn, held_out)]
    expected = [reach[0] / reach[1], over[0] / over[1]]
    assert value(probes.TailRatio(q=0.05, rows=333), model, source) == pytest.approx(expected)
    worst = [np.median(x) - np.sort(x)[:m].mean() for x, m in ((drawn, 17), (held_out, 25))]
    best = [np.sort(x)[-m:].mean() - np.median(x) for x, m in ((drawn, 17), (held_out, 25))]
    expected = [worst[0] / worst[1], best[0] / best[1]]
    assert value(probes.ExpectedShortfall(q=0.05, rows=333), model, source) == pytest.approx(expected)


def test_vectors_are_measured_along_the_leading_direction():
    truth = MultivariateGaussian([0.0, 0.0], np.diag([9.0, 1.0]))
    model = MultivariateGaussian([1.0, 1.0], np.diag([1.0, 100.0]))
    for probe in (probes.TailRatio(), probes.ExpectedShortfall()):
        assert value(probe, model, truth) == pytest.approx([1 / 3, 1 / 3])
    held_out = truth.sample(4000, np.random.default_rng(0))
    assert value(probes.TailRatio(), model, Held(held_out)) == pytest.approx([1 / 3, 1 / 3], rel=0.2)


def test_the_upper_side_is_where_the_leading_direction_grows():
    rng = np.random.default_rng(0)
    truth = np.stack([10 * rng.normal(size=1000), rng.normal(size=1000)], 1)
    skewed = Drawer(lambda n, _: np.stack([rng.exponential(10, n), np.zeros(n)], 1))
    for sign in (1, -1):
        lower, upper = value(probes.TailRatio(), skewed, Held(sign * truth))
        assert lower < 0.6 < upper


@pytest.mark.parametrize(
    ("law", "lower", "upper"),
    [
        (Exponential(1.0), np.log(2) - (1 + 0.9 / 0.1 * np.log(0.9)), 1 - np.log(0.1) - np.log(2)),
        (Uniform(1.0), 0.45, 0.45),
        (Pareto(1.0, 3.0), 2 ** (1 / 3) - (1 - 0.9 ** (2 / 3)) * 15, 1.5 * 0.1 ** (-1 / 3) - 2 ** (1 / 3)),
    ],
)
def test_shortfall_by_quantile_function(law, lower, upper):
    normal = 0.17549833193248685 / 0.1  # phi(z_0.1) / 0.1
    found = value(probes.ExpectedShortfall(q=0.1), law, gl.Gaussian()) * normal
    assert found == pytest.approx([lower, upper], rel=1e-3)


def test_quantiles_of_counts_are_whole():
    rate, q = 3.0, 0.1
    rows = np.sort(np.random.default_rng(0).poisson(rate, 200_001))
    expected = [np.median(rows) - np.quantile(rows, q), np.quantile(rows, 1 - q) - np.median(rows)]
    found = value(probes.TailRatio(q=q), Poisson(rate), gl.Gaussian())
    assert found * 1.2815515655446004 == pytest.approx(expected)
    many = Poisson(np.array([0.0, 3.0, 30.0]))
    together = value(probes.TailRatio(q=q), many, Poisson(3.0), 3)
    assert together == pytest.approx(
        np.stack([value(probes.TailRatio(q=q), many.pick(i), Poisson(3.0)) for i in range(3)])
    )
    assert together[0].tolist() == [0, 0]


def test_a_side_without_tail_is_nan():
    assert np.isnan(value(probes.TailRatio(), Poisson(0.1), Poisson(0.001))).all()


def test_a_users_quantile_function_is_used():
    model = Drawer(lambda n, rng: np.full(n, np.nan))
    model.quantile = lambda q: 2 * np.asarray(q)
    assert value(probes.TailRatio(), model, Uniform(1.0)) == pytest.approx([2, 2])
    assert value(probes.ExpectedShortfall(), model, Uniform(1.0)) == pytest.approx([2, 2])


@pytest.mark.parametrize("probe", [probes.TailRatio(), probes.ExpectedShortfall()])
def test_symbols_have_no_quantiles(probe):
    with pytest.raises(
        gl.SpecError, match=r"^probe (tail-ratio|expected-shortfall): measures one-dimensional rows; Cat"
    ):
        value(probe, TRUTH)


@pytest.mark.parametrize(
    "make",
    [
        lambda: probes.TailRatio(q=0.5),
        lambda: probes.ExpectedShortfall(q=0),
        lambda: probes.TailRatio(rows=1),
        lambda: probes.LostMass(bins=1),
        lambda: probes.Recall(bands=(0.9, 0.5)),
        lambda: probes.Recall(k=0),
        lambda: probes.Recall(rows=2.5),
    ],
)
def test_wrong_settings_are_refused(make):
    with pytest.raises(gl.SpecError, match=r"^probe [a-z-]+\.[a-z]+: (.*; give |must be )") as error:
        make()
    assert "\n" not in str(error.value)
