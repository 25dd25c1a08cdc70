"""Distance probes against brute force and known values."""

import numpy as np
import pytest

import genloss as gl
from genloss import probes
from genloss.families.categorical import Categorical
from genloss.families.exponential import Bernoulli, Exponential, Poisson
from genloss.families.kde import KDE
from genloss.families.multivariate import MultivariateGaussian
from genloss.families.regression import LinearModel
from genloss.families.softmax import NextToken
from probing import Drawer, Held, generation, value

ONE = MultivariateGaussian([1.0, -1.0, 0.5], [[2.0, 0.5, 0.1], [0.5, 1.0, 0.2], [0.1, 0.2, 0.5]])
TWO = MultivariateGaussian([0.0, 0.0, 0.0], [[1.0, -0.3, 0.0], [-0.3, 2.0, 0.4], [0.0, 0.4, 1.5]])
MANY = gl.Gaussian(np.array([0.0, 1.0, -2.0]), np.array([1.0, 0.25, 4.0]))
SHARES = (np.arange(200_000) + 0.5) / 200_000


def normal_quantiles(mean, sd):
    from scipy.special import ndtri

    return mean + sd * ndtri(SHARES)


def test_wasserstein_of_normal_laws_against_quantiles():
    off = normal_quantiles(1.0, 0.5) - normal_quantiles(0.2, 2.0)
    model, source = gl.Gaussian(1.0, 0.25), gl.Gaussian(0.2, 4.0)
    assert value(probes.W1(), model, source) == pytest.approx(np.abs(off).mean(), rel=1e-4)
    assert value(probes.W2(), model, source) == pytest.approx(np.sqrt((off**2).mean()), rel=1e-4)
    assert value(probes.W1(), gl.Gaussian(3.0, 4.0), source) == pytest.approx(2.8)
    assert value(probes.W1(), source, source) == 0


def test_wasserstein_of_rows_against_scipy():
    from scipy.stats import wasserstein_distance

    rng = np.random.default_rng(0)
    drawn, held_out = rng.normal(size=60), rng.exponential(size=35)
    model, source = Drawer(lambda n, _: drawn), Held(held_out)
    assert value(probes.W1(rows=60), model, source) == pytest.approx(wasserstein_distance(drawn, held_out))
    same = np.sort(rng.normal(size=60))
    expected = np.sqrt(((np.sort(drawn) - same) ** 2).mean())
    assert value(probes.W2(rows=60), model, Held(same)) == pytest.approx(expected)


def test_wasserstein_of_rows_against_a_formula():
    drawn = Exponential(2.0).sample(1000, np.random.default_rng(0))
    model = Drawer(lambda n, _: drawn)
    middles = -3.0 * np.log1p(-(np.arange(1000) + 0.5) / 1000)
    assert value(probes.W1(), model, Exponential(3.0)) == pytest.approx(np.abs(np.sort(drawn) - middles).mean())
    assert value(probes.W1(), Exponential(2.0), Exponential(3.0)) == pytest.approx(1.0, rel=1e-2)
    assert value(probes.W1(), gl.Gaussian(5.0), Held(np.array([5.0]))) == pytest.approx(np.sqrt(2 / np.pi), rel=1e-2)


def test_bures_distance_against_matrix_roots():
    from scipy.linalg import sqrtm

    root = sqrtm(TWO.cov)
    cross = np.trace(sqrtm(root @ ONE.cov @ root)).real
    expected = ((ONE.mean - TWO.mean) ** 2).sum() + np.trace(ONE.cov) + np.trace(TWO.cov) - 2 * cross
    assert value(probes.W2(), ONE, TWO) == pytest.approx(np.sqrt(expected))
    assert value(probes.W2(), ONE, ONE) == pytest.approx(0, abs=1e-7)
    gone = MultivariateGaussian([0.0] * 3, 0.0)
    assert value(probes.W2(), gone, TWO) == pytest.approx(np.sqrt(np.trace(TWO.cov)))


def test_sliced_distance():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, 3))
    source = Held(rows)
    same = Drawer(lambda n, _: rows[::-1])
    moved = Drawer(lambda n, _: rows + np.array([3.0, 0.0, 0.0]))
    assert value(probes.SlicedW2(rows=500), same, source) == pytest.approx(0, abs=1e-12)
    # A shift by v moves each projection by its part of v, whose mean square is |v|^2 / d.
    assert value(probes.SlicedW2(projections=4000, rows=500), moved, source) == pytest.approx(np.sqrt(3), rel=0.05)
    line = Drawer(lambda n, _: np.arange(float(n)))
    assert value(probes.SlicedW2(rows=10), line, Held(np.arange(10.0) + 2)) == pytest.approx(2)


@pytest.mark.parametrize("d", [1, 3])
def test_energy_against_all_pairs(d):
    rng = np.random.default_rng(d)
    x, y = rng.normal(size=(40, d)) + 10, rng.normal(size=(30, d)) * 2 + 10

    def mean(a, b):
        return np.linalg.norm(a[:, None] - b, axis=-1).sum()

    expected = 2 * mean(x, y) / (40 * 30) - mean(x, x) / (40 * 39) - mean(y, y) / (30 * 29)
    found = value(probes.Energy(rows=40), Drawer(lambda n, _: x if d > 1 else x[:, 0]), Held(y if d > 1 else y[:, 0]))
    assert found == pytest.approx(expected)


def test_energy_of_normal_laws_in_closed_form():
    model, source = gl.Gaussian(0.5, 4.0), gl.Gaussian()
    rng = np.random.default_rng(0)
    x, y = model.sample(400_000, rng), source.sample(400_000, rng)
    across, within = np.abs(x - y).mean(), np.abs(x[::2] - x[1::2]).mean() + np.abs(y[::2] - y[1::2]).mean()
    assert value(probes.Energy(), model, source) == pytest.approx(2 * across - within, abs=0.02)
    assert value(probes.Energy(), source, source) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("probe", [probes.W1(), probes.W2(), probes.Energy(), probes.KLForward(), probes.KLReverse()])
def test_side_by_side_is_one_by_one(probe):
    takes = (np.random.default_rng(0),) if not isinstance(probe, (probes.KLForward, probes.KLReverse)) else ()
    together = probe(generation(MANY, gl.Gaussian(), 3), *takes)
    alone = [probe(generation(MANY.pick(i), gl.Gaussian()), *takes) for i in range(3)]
    assert together == pytest.approx(np.stack(alone))


def test_vectors_side_by_side_are_one_by_one():
    means = np.stack([ONE.mean, TWO.mean])
    many = MultivariateGaussian.from_factor(means, np.stack([ONE.factor, TWO.factor]))
    for probe in (probes.W2(), probes.TailRatio(), probes.Entropy(), probes.EffectiveRank(), probes.total_variance):
        together = value(probe, many, TWO, 2)
        assert together == pytest.approx(np.stack([value(probe, many.pick(i), TWO) for i in range(2)]), abs=1e-7)
    for probe in (probes.KLForward(), probes.KLReverse()):
        alone = [probe(generation(many.pick(i), TWO)) for i in range(2)]
        assert probe(generation(many, TWO, 2)) == pytest.approx(np.stack(alone), abs=1e-9)


def integral(p, q, low, high):
    x = np.linspace(low, high, 400_001)
    return np.trapezoid(p(x) * np.log(p(x) / q(x)), x)


def test_divergences_against_integrals():
    def normal(mean, var):
        return lambda x: np.exp(-0.5 * (x - mean) ** 2 / var) / np.sqrt(2 * np.pi * var)

    model, source = gl.Gaussian(1.0, 0.5), gl.Gaussian(0.0, 1.0)
    assert probes.KLForward()(generation(model, source)) == pytest.approx(integral(normal(0, 1), normal(1, 0.5), -9, 9))
    assert probes.KLReverse()(generation(model, source)) == pytest.approx(integral(normal(1, 0.5), normal(0, 1), -9, 9))

    def waiting(mean):
        return lambda x: np.exp(-x / mean) / mean

    got = probes.KLForward()(generation(Exponential(3.0), Exponential(2.0)))
    assert got == pytest.approx(integral(waiting(2.0), waiting(3.0), 0, 100), rel=1e-6)
    from scipy.stats import poisson

    k = np.arange(200)
    got = probes.KLReverse()(generation(Poisson(3.0), Poisson(5.0)))
    assert got == pytest.approx((poisson.pmf(k, 3) * (poisson.logpmf(k, 3) - poisson.logpmf(k, 5))).sum())


def test_divergence_of_vectors_against_the_textbook():
    inverse = np.linalg.inv(TWO.cov)
    off = TWO.mean - ONE.mean
    expected = 0.5 * (
        np.trace(inverse @ ONE.cov) + off @ inverse @ off - 3 + np.log(np.linalg.det(TWO.cov) / np.linalg.det(ONE.cov))
    )
    assert probes.KLReverse()(generation(ONE, TWO)) == pytest.approx(expected)
    assert probes.KLForward()(generation(TWO, ONE)) == pytest.approx(expected)


def test_divergence_of_symbols():
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.5, 0.25])
    expected = 0.5 * np.log(2)
    assert probes.KLForward()(generation(Categorical(q), Categorical(p))) == pytest.approx(expected)
    assert probes.KLReverse()(generation(Categorical(q), Categorical(p))) == np.inf
    assert probes.KLForward()(generation(Categorical([0.5, 0.5]), Categorical(q))) == np.inf
    bernoulli = 0.3 * np.log(0.3 / 0.6) + 0.7 * np.log(0.7 / 0.4)
    assert probes.KLForward()(generation(Bernoulli(0.6), Bernoulli(0.3))) == pytest.approx(bernoulli)
    contexts = NextToken([[0.5, 0.5], [0.3, 0.7]], contexts=[0.5, 0.5])
    other = NextToken([[0.5, 0.5], [0.6, 0.4]], contexts=[0.5, 0.5])
    assert probes.KLForward()(generation(other, contexts)) == pytest.approx(bernoulli / 2)


@pytest.mark.parametrize(
    ("model", "source"),
    [
        (gl.Gaussian(var=0.0), gl.Gaussian()),
        (MultivariateGaussian([0.0, 0.0], [1.0, 0.0]), MultivariateGaussian()),
        (Poisson(0.0), Poisson(1.0)),
        (Exponential(0.0), Exponential(1.0)),
    ],
)
def test_a_collapsed_model_is_infinitely_far_forward(model, source):
    assert probes.KLForward()(generation(model, source)) == np.inf


@pytest.mark.parametrize("law", [gl.Gaussian(var=0.0), Poisson(0.0), Exponential(0.0), Categorical([1.0, 0.0]), ONE])
def test_a_law_is_at_no_distance_from_itself(law):
    assert probes.KLForward()(generation(law)) == pytest.approx(0, abs=1e-12)
    assert probes.KLReverse()(generation(law)) == pytest.approx(0, abs=1e-12)


def test_divergence_that_a_source_offers():
    source = Drawer(lambda n, rng: np.zeros(n))
    source.kl = lambda other: 3.0
    assert probes.KLForward()(generation(gl.Gaussian(), source)) == 3
    with pytest.raises(gl.SpecError, match=r"probe kl-reverse: .* there is none for Gaussian and Drawer"):
        probes.KLReverse()(generation(gl.Gaussian(), source))


def test_no_divergence_between_laws_of_two_kinds():
    model = KDE().fit(np.zeros(3), np.random.default_rng(0))
    with pytest.raises(gl.SpecError, match="probe kl-forward: measures two laws of one kind in closed form"):
        probes.KLForward()(generation(model, gl.Gaussian()))


@pytest.mark.parametrize("probe", [probes.W1(), probes.W2()])
def test_wasserstein_refuses_vectors_and_symbols(probe):
    with pytest.raises(gl.SpecError, match=r"measures one-dimensional rows \(SlicedW2 measures vectors\)"):
        value(probe, Drawer(lambda n, rng: rng.normal(size=(n, 2))))
    with pytest.raises(gl.SpecError, match=r"^probe w[12]: measures one-dimensional rows; Categorical has none$"):
        value(probe, Categorical([1.0]))


@pytest.mark.parametrize("probe", [probes.SlicedW2(), probes.Energy()])
def test_rows_must_be_as_wide_as_the_truth(probe):
    with pytest.raises(gl.SpecError, match=r"measures rows as wide as the truth's \(3 numbers, not 2\)"):
        value(probe, Drawer(lambda n, rng: rng.normal(size=(n, 2))), TWO)


def test_excess_risk():
    truth = LinearModel([1.0, 2.0], cov=[[2.0, 0.0], [0.0, 1.0]])
    model = truth.with_weights(np.array([2.0, 4.0]))
    assert probes.excess_risk(generation(model, truth)) == pytest.approx(6.0)
    with pytest.raises(gl.SpecError, match="probe excess-risk: measures regressions"):
        probes.excess_risk(generation(gl.Gaussian()))
