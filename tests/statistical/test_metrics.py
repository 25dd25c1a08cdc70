"""Metrics: several forms of one metric agree, standard errors are right, and a run and a table give one number."""

import numpy as np
import pytest

import genloss as gl
from genloss import SpecError, metrics
from genloss.families.categorical import Categorical
from helpers import SIGMAS

N = 1_000_000
P = np.array([0.5, 0.25, 0.15, 0.1])
SYMBOLS = {
    "plain": Categorical(P),
    "temperature": Categorical(P, 0.9),
    "top-k": Categorical(P, top_k=2),
    "top-p": Categorical(P, top_p=0.8),
}


@pytest.mark.statistical
@pytest.mark.parametrize("setting", SYMBOLS)
@pytest.mark.parametrize("name", ["heterozygosity", "entropy", "hill_number"])
def test_parameters_and_counts_of_a_million_symbols_agree(name, setting, seed):
    law = SYMBOLS[setting]
    counts = law.draw(N, np.random.default_rng(seed)).counts
    metric = getattr(metrics, name)
    counted = metric(counts, interval=True)
    assert counted.n == N
    assert abs(float(counted) - float(metric(law.drawn))) < SIGMAS * counted.se + 1e-12
    assert counted.se < 0.01


@pytest.mark.statistical
@pytest.mark.parametrize("setting", ["plain", "temperature"])
@pytest.mark.parametrize(("name", "counted"), [("kl_forward", 0), ("kl_reverse", 1)])
def test_divergences_of_parameters_and_counts_agree(name, counted, setting, seed):
    true, made = P, SYMBOLS[setting].drawn if setting != "plain" else np.array([0.4, 0.3, 0.2, 0.1])
    counts = np.random.default_rng(seed).multinomial(N, made if counted else true)
    exact = float(getattr(metrics, name)(true, made))
    pair = (true, counts) if counted else (counts, made)
    found = getattr(metrics, name)(*pair, interval=True)
    assert abs(float(found) - exact) < SIGMAS * found.se + 3 / N


@pytest.mark.statistical
@pytest.mark.parametrize("setting", SYMBOLS)
def test_lost_mass_and_support_of_parameters_and_counts_agree(setting, seed):
    law = SYMBOLS[setting]
    counts = law.draw(N, np.random.default_rng(seed)).counts
    assert float(metrics.lost_mass(P, counts)) == float(metrics.lost_mass(P, law.drawn))
    assert float(metrics.support(P, counts)) == float(metrics.support(P, law.drawn))


@pytest.mark.statistical
def test_rows_of_normal_laws_agree_with_their_parameters(seed):
    rng = np.random.default_rng(seed)
    law = gl.Gaussian(1.0, 4.0, temperature=0.9)
    drawn, real = law.sample(N, rng), gl.Gaussian(1.0, 4.0).sample(N, rng)
    found = metrics.variance(drawn, interval=True)
    assert abs(float(found) - 4.0 * 0.81) < SIGMAS * found.se
    # Equal shapes: every reach shrinks by the temperature; the density at the quantiles gives the error.
    for name, q, error in (("tail_ratio", 0.01, 0.004), ("expected_shortfall", 0.05, 0.003)):
        assert np.abs(getattr(metrics, name)(real, drawn, q).value - 0.9).max() < SIGMAS * error
    for name, exact in (("w1", 0.2 * np.sqrt(2 / np.pi)), ("w2", 0.2)):
        assert abs(float(getattr(metrics, name)(real, drawn)) - exact) < SIGMAS * 0.003
    few = metrics.differential_entropy(drawn[:20_000], interval=True)
    assert abs(float(few) - (0.5 * np.log(2 * np.pi * np.e * 4 * 0.81))) < SIGMAS * few.se


@pytest.mark.statistical
def test_vectors_agree_with_their_covariance(seed):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((N // 5, 3)) * [2.0, 1.0, 0.5]
    found = metrics.total_variance(rows, interval=True)
    assert abs(float(found) - 5.25) < SIGMAS * found.se
    share = np.array([4, 1, 0.25]) / 5.25
    exact = np.exp(-(share * np.log(share)).sum())
    assert abs(float(metrics.effective_rank(rows)) - exact) < SIGMAS * 0.003


def samples(name, rng):
    """One sample of moderate size, and the metric of it."""
    if name in ("variance", "total_variance", "differential_entropy", "effective_rank"):
        rows = (
            rng.standard_normal((400, 2)) * [2, 1]
            if name in ("total_variance", "effective_rank")
            else rng.normal(size=400)
        )
        return getattr(metrics, name)(rows, interval=True)
    if name in ("heterozygosity", "entropy", "hill_number"):
        return getattr(metrics, name)(rng.multinomial(500, P), interval=True)
    if name == "kl_forward":
        return metrics.kl_forward(rng.multinomial(500, P), np.array([0.4, 0.3, 0.2, 0.1]), interval=True)
    if name == "kl_reverse":
        return metrics.kl_reverse(np.array([0.4, 0.3, 0.2, 0.1]), rng.multinomial(500, P), interval=True)
    if name in ("w1", "w2", "energy", "sliced_w2"):
        real, rows = rng.normal(size=(150, 1)), rng.normal(0.7, 1.4, size=(150, 1))
        return getattr(metrics, name)(real, rows, interval=True)
    if name in ("mean_score", "perplexity"):
        values = rng.normal(size=300)
        return (
            metrics.mean_score(values, interval=True)
            if name == "mean_score"
            else metrics.perplexity(-(values**2), interval=True)
        )
    if name == "mode_occupancy":
        return metrics.mode_occupancy(rng.integers(2, size=300), 2, interval=True)
    if name == "mean_cosine_distance":
        return metrics.mean_cosine_distance(rng.normal(1.0, 1.0, size=(200, 3)), interval=True)
    words = [[f"w{i}" for i in np.minimum(rng.geometric(0.1, size=30), 60)] for _ in range(60)]
    return getattr(metrics, name)(words, interval=True)


ERRORS = {
    "variance": 1.25,
    "total_variance": 1.25,
    "differential_entropy": 1.6,
    "effective_rank": 1.25,
    "heterozygosity": 1.25,
    "entropy": 1.25,
    "hill_number": 1.3,
    "kl_forward": 1.25,
    "kl_reverse": 1.25,
    "w1": 1.35,
    "w2": 1.4,
    "energy": 1.35,
    "sliced_w2": 1.4,
    "mean_score": 1.25,
    "perplexity": 1.35,
    "mode_occupancy": 1.25,
    "mean_cosine_distance": 1.3,
    "token_entropy": 1.35,
}
"""How far the stated error may be off, up or down, from the scatter of 300 samples (which is known to 4% itself)."""


@pytest.mark.statistical
@pytest.mark.parametrize("name", ERRORS)
def test_the_standard_error_is_the_scatter_of_the_metric(name, seed):
    rng = np.random.default_rng(seed)
    found = [samples(name, rng) for _ in range(300)]
    values = np.array([np.ravel(one.value)[0] for one in found])
    stated = np.mean([np.ravel(one.se)[0] for one in found])
    ratio = stated / values.std(ddof=1)
    assert 1 / ERRORS[name] < ratio < ERRORS[name], ratio


def test_forgetting_the_square_root_of_n_would_be_seen(seed):
    """A negative control of the test above: an error that is a standard deviation of rows."""
    rng = np.random.default_rng(seed)
    values = [metrics.mean_score(rng.normal(size=300)).value for _ in range(300)]
    assert 1.0 / np.std(values, ddof=1) > 10


test_forgetting_the_square_root_of_n_would_be_seen = pytest.mark.statistical(
    test_forgetting_the_square_root_of_n_would_be_seen
)


def test_a_probe_and_a_metric_are_one_number(seed):
    chain = gl.Chain(gl.Zipf(12), gl.CategoricalMLE(top_k=6), gl.Replace(50), n0=50)
    g = next(chain.generations(gl.Streams(seed), "exact", 5))
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(gl.probes.heterozygosity(g), metrics.heterozygosity(g.model.drawn).value)
    np.testing.assert_allclose(gl.probes.Entropy()(g, rng), metrics.entropy(g.model.drawn).value, rtol=1e-14)
    np.testing.assert_array_equal(gl.probes.LostMass()(g, rng), metrics.lost_mass(g.source.p, g.model.drawn).value)
    np.testing.assert_array_equal(gl.probes.Support()(g, rng), metrics.support(g.source.p, g.model.drawn).value)
    np.testing.assert_array_equal(gl.probes.KLReverse()(g), metrics.kl_reverse(g.source.p, g.model.drawn).value)


test_a_probe_and_a_metric_are_one_number = pytest.mark.statistical(test_a_probe_and_a_metric_are_one_number)


def test_an_error_is_computed_only_if_it_is_asked_for(monkeypatch):
    calls = []
    monkeypatch.setattr("genloss.metrics.distance.resampled", lambda *_: calls.append(1) or 0.1)
    metrics.w1([1.0, 2.0], [2.0, 3.0])
    assert not calls
    assert metrics.w1([1.0, 2.0], [2.0, 3.0], interval=True).se == 0.1
    assert calls == [1]


def test_replicates_lead():
    p = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(metrics.heterozygosity(p).value, [0.5, 0.0])
    np.testing.assert_allclose(metrics.lost_mass([0.2, 0.3, 0.5], p).value, [0.5, 0.8])
    rows = np.random.default_rng(0).normal(size=(4, 100))
    found = metrics.over_replicates(metrics.variance, rows)
    np.testing.assert_allclose(found.value, rows.var(1, ddof=1))
    assert found.se is None
    assert metrics.over_replicates(lambda one: metrics.variance(one, interval=True), rows).se.shape == (4,)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: metrics.variance([1.0]), "metrics.variance: needs at least 2 rows, got 1"),
        (lambda: metrics.variance([[1.0, 2.0], [3.0, 4.0]]), "rows must be single numbers"),
        (lambda: metrics.variance(["a", "b"]), "rows must be numbers"),
        (lambda: metrics.variance([1.0, np.nan]), "rows must be finite, got 1 NaN"),
        (lambda: metrics.heterozygosity([0.5, 0.6]), "probabilities must add up to 1, got 1.1"),
        (lambda: metrics.heterozygosity([0, 0]), "no symbol was counted"),
        (lambda: metrics.heterozygosity([-1, 2]), "must be finite and >= 0"),
        (lambda: metrics.entropy("ab"), "give counts"),
        (lambda: metrics.hill_number([1, 2], -1), "order must be finite and >= 0, got -1"),
        (lambda: metrics.recall([[1.0, 2.0], [2.0, 3.0]], [1.0]), "rows of one width"),
        (lambda: metrics.tail_ratio([1.0, 2.0], [1.0, 2.0], 0.7), "q must be above 0 and below 0.5"),
        (lambda: metrics.distinct("one text"), "give a list of documents"),
        (lambda: metrics.distinct(["a"], n=0), "n must be a whole number from 1"),
        (lambda: metrics.survival(["a"], ["a"], edges=(5, 3)), "rising counts"),
        (lambda: metrics.mode_occupancy([0, 3], 2), "whole numbers from 0 to 1"),
        (lambda: metrics.perplexity([np.nan]), "none of them NaN"),
        (lambda: metrics.vendi([[0.0, 0.0], [1.0, 0.0]]), "1 embeddings are zero"),
        (lambda: metrics.compression_ratio([]), "at least one text"),
        (lambda: metrics.over_replicates(metrics.variance, []), "at least 1 replicate"),
        (lambda: metrics.excess_risk([1.0], [1.0], [[1.0, 0.0]]), "cov must have shape"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(call, says):
    with pytest.raises(SpecError) as error:
        call()
    assert str(error.value).startswith("metrics.")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_every_metric_says_the_same_things_in_the_same_order():
    order = ["Definition: ", "Units: ", "Sample size: ", "Standard error: ", "Source: "]
    for name in metrics.__all__:
        if name in ("Estimate", "over_replicates"):
            continue
        text = getattr(metrics, name).__doc__
        places = [text.find(part) for part in order]
        assert all(place > 0 for place in places), name
        assert places == sorted(places), name
        assert " Range: " in text, name


def test_documents_are_measured_as_texts_or_as_tokens():
    texts = ["the tails go", "the head stays", "the tails go again"]
    tokens = [text.split() for text in texts]
    for name in ("distinct", "types", "token_entropy", "self_repetition"):
        assert getattr(metrics, name)(texts).value == getattr(metrics, name)(tokens).value
    assert metrics.types(texts).value == 6
    assert metrics.distinct(texts, n=2).value == 5 / 7
    assert metrics.self_repetition(texts, n=3).value == 2 / 3
    np.testing.assert_allclose(metrics.survival(texts, ["the tails"], edges=(2,)).value, [0.0, 2 / 3])
    assert metrics.compression_ratio(["same words"] * 50).value > 5 * metrics.compression_ratio(texts).value
    assert metrics.vendi(np.eye(4)).value == pytest.approx(4)
    assert metrics.vendi([[1.0, 0.0]] * 4).value == pytest.approx(1)
    assert metrics.mean_cosine_distance([[1.0, 0.0], [0.0, 1.0]]).value == pytest.approx(1)
    assert metrics.perplexity(np.log([0.25] * 8)).value == pytest.approx(4)
    assert metrics.perplexity(np.log([0.25] * 8), units=16).value == pytest.approx(2)
