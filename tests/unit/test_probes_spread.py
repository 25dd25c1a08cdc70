"""Spread probes against numbers found by other means."""

from types import SimpleNamespace

import numpy as np
import pytest

import genloss as gl
from genloss import probes
from genloss.families.categorical import Categorical
from genloss.families.exponential import Bernoulli, Exponential, Poisson
from genloss.families.kde import KDE
from genloss.families.mixture import Mixture
from genloss.families.multivariate import MultivariateGaussian
from genloss.families.softmax import NextToken
from probing import Drawer, generation, value

RNG = np.random.default_rng(0)


def test_variance_is_the_models_own():
    assert probes.variance(generation(gl.Gaussian(var=3.0))) == 3.0
    many = gl.Gaussian(mean=np.zeros(3), var=np.array([1.0, 2.0, 3.0]))
    assert probes.variance(generation(many, replicates=3)).tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    "model", [MultivariateGaussian(), Drawer(lambda n, rng: rng.normal(size=n)), Categorical([1.0])]
)
def test_variance_points_to_total_variance(model):
    with pytest.raises(gl.SpecError, match=r"^probe variance: .* has none; total_variance measures") as error:
        probes.variance(generation(model))
    assert "\n" not in str(error.value)


def test_a_users_class_is_named_and_a_method_is_no_variance():
    class Frozen(Drawer):
        def var(self):
            return 1.0

    class Learner:
        def fit(self, data, rng):
            return Frozen(lambda n, rng: rng.normal(size=n))

    chain = gl.Chain(gl.Gaussian(), Learner(), gl.Replace(20), n0=20)
    with pytest.raises(gl.SpecError, match=r"with a variance; Frozen has none"):
        probes.variance(next(chain.generations(gl.Streams(1))))


def test_total_variance_of_laws():
    assert value(probes.total_variance, MultivariateGaussian([0, 0], [[2, 1], [1, 3]])) == 5
    assert value(probes.total_variance, gl.Gaussian(var=3.0)) == 3
    mixture = Mixture([0.25, 0.75], np.array([[0.0, 0], [4, 0]]), np.array([np.eye(2), 2 * np.eye(2)]))
    assert value(probes.total_variance, mixture) == pytest.approx(0.25 * 2 + 0.75 * 4 + 16 * 0.25 * 0.75)
    line = KDE(0.5).fit(np.array([-1.0, 1.0]), RNG)
    assert value(probes.total_variance, line) == pytest.approx(1.25)


def test_total_variance_of_rows_is_unbiased():
    rows = np.arange(1000.0)
    drawer = Drawer(lambda n, rng: np.stack([rows[:n], -rows[:n]], 1))
    assert value(probes.total_variance, drawer) == pytest.approx(2 * rows.var(ddof=1))


def test_covariance_of_a_regressions_inputs_is_no_covariance_of_the_model():
    model = Drawer(lambda n, rng: (np.zeros((n, 1)), np.arange(float(n))))
    model.cov = np.eye(1)
    assert value(probes.total_variance, model) == pytest.approx(np.arange(1000.0).var(ddof=1))


def test_heterozygosity_is_the_chance_that_two_symbols_differ():
    p = np.array([0.5, 0.3, 0.2])
    brute = sum(p[i] * p[j] for i in range(3) for j in range(3) if i != j)
    assert probes.heterozygosity(generation(Categorical(p))) == pytest.approx(brute)
    assert probes.heterozygosity(generation(Bernoulli(0.3))) == pytest.approx(0.42)
    law = NextToken([[0.5, 0.5], [1.0, 0.0]], contexts=[0.25, 0.75])
    assert probes.heterozygosity(generation(law)) == pytest.approx(0.125)


def test_heterozygosity_needs_symbols():
    with pytest.raises(gl.SpecError, match="probe heterozygosity: measures models of symbols; Gaussian has none"):
        probes.heterozygosity(generation(gl.Gaussian()))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (Categorical([0.5, 0.5, 0.0]), np.log(2)),
        (Categorical([0.25] * 4, top_k=2), np.log(2)),
        (NextToken([[0.5, 0.5], [1.0, 0.0]], contexts=[0.25, 0.75]), np.log(2) / 4),
        (Bernoulli(0.5), np.log(2)),
        (gl.Gaussian(var=4.0), 0.5 * np.log(2 * np.pi * np.e * 4)),
        (gl.Gaussian(var=1.0, temperature=2.0), 0.5 * np.log(2 * np.pi * np.e * 4)),
        (gl.Gaussian(var=0.0), -np.inf),
        (MultivariateGaussian([0, 0], [[2, 1], [1, 3]]), 0.5 * np.log((2 * np.pi * np.e) ** 2 * 5)),
        (Exponential(3.0), 1 + np.log(3)),
        (Poisson(0.0), 0.0),
        (Poisson(3.0), 1.9314701981485691),
    ],
)
def test_entropy_in_closed_form(model, expected):
    assert value(probes.Entropy(), model) == pytest.approx(expected)


def test_entropy_of_poisson_goes_over_into_its_expansion():
    below, above = (float(value(probes.Entropy(), Poisson(rate))) for rate in (1000.0, 1000.0000001))
    assert above == pytest.approx(below, abs=1e-9)


def test_entropy_that_a_model_offers():
    model = Drawer(lambda n, rng: rng.normal(size=n))
    model.entropy = lambda: 7.0
    assert value(probes.Entropy(), model) == 7
    model.entropy = 5.0
    assert value(probes.Entropy(), model) == 5


def test_entropy_of_rows():
    dice = Drawer(lambda n, rng: np.arange(n) % 6)
    assert value(probes.Entropy(rows=600), dice) == pytest.approx(np.log(6) + 5 / 1200)
    same = Drawer(lambda n, rng: np.zeros(n))
    assert value(probes.Entropy(), same) == -np.inf


def test_entropy_of_text_is_refused():
    with pytest.raises(gl.SpecError, match="probe entropy: measures rows of numbers; the model draws text"):
        value(probes.Entropy(), Drawer(lambda n, rng: ["a word"] * n))


def test_effective_rank():
    cov = np.diag([3.0, 1.0])
    expected = np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    assert value(probes.EffectiveRank(), MultivariateGaussian([0, 0], cov)) == pytest.approx(expected)
    assert value(probes.EffectiveRank(), MultivariateGaussian([0, 0, 0], np.eye(3))) == pytest.approx(3)
    offered = SimpleNamespace(mean=np.zeros(2), cov=cov, sample=None)
    assert value(probes.EffectiveRank(), offered) == pytest.approx(expected)
    rows = np.array([[3.0, 0], [-3, 0], [0, 1], [0, -1]])
    drawer = Drawer(lambda n, rng: rows)
    p = np.array([0.9, 0.1])
    assert value(probes.EffectiveRank(rows=4), drawer) == pytest.approx(np.exp(-(p * np.log(p)).sum()))
    assert value(probes.EffectiveRank(), Drawer(lambda n, rng: np.zeros((n, 2)))) == 0


def test_entropy_keeps_directions_that_the_covariance_has_lost():
    law = MultivariateGaussian.from_factor(np.zeros(2), np.array([[1.0, 0.0], [1.0, 1e-9]]))
    assert value(probes.Entropy(), law) == pytest.approx(np.log(2 * np.pi * np.e) + np.log(1e-9))


@pytest.mark.parametrize("model", [gl.Gaussian(), Drawer(lambda n, rng: rng.normal(size=n)), Categorical([0.5, 0.5])])
def test_effective_rank_needs_vectors(model):
    with pytest.raises(gl.SpecError, match="probe effective-rank: measures rows of"):
        value(probes.EffectiveRank(), model)


def test_rows_with_nan_are_refused():
    with pytest.raises(gl.SpecError, match="probe total-variance: the rows hold NaN or infinite numbers"):
        value(probes.total_variance, Drawer(lambda n, rng: np.full(n, np.nan)))


@pytest.mark.parametrize(
    "make", [lambda: probes.Entropy(rows=2), lambda: probes.Entropy(k=0), lambda: probes.EffectiveRank(rows=True)]
)
def test_wrong_settings_are_refused(make):
    with pytest.raises(gl.SpecError, match=r"^probe (entropy|effective-rank)\.(rows|k): must be a whole number from"):
        make()
