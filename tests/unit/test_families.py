"""Families with an exact engine: what they draw, fit and refuse."""

import dataclasses

import numpy as np
import pytest

from exact_families import FAMILIES
from genloss.chain.data import Batch
from genloss.chain.recursion import Chain
from genloss.chain.regimes import Accumulate, Replace
from genloss.chain.seeds import Streams
from genloss.errors import NotExact, SpecError
from genloss.families.categorical import Categorical, CategoricalMLE, Counts, Zipf
from genloss.families.exponential import Bernoulli, Exponential, Poisson, PoissonMLE
from genloss.families.extremes import LogExcess, Maximum, Pareto, ParetoMLE, Uniform
from genloss.families.gaussian import GaussianMLE
from genloss.families.multivariate import MultivariateGaussian, MultivariateGaussianMLE, Scatter, bartlett, root
from genloss.families.regression import OLS, Gram, LinearModel, OLSNorm, RegressionNorm
from genloss.families.softmax import ContextCounts, NextToken, SoftmaxMLE


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("name", FAMILIES)
def test_equal_by_value_and_frozen(name):
    source, learner = FAMILIES[name].source, FAMILIES[name].learner
    again = dataclasses.replace(source)
    assert source == again
    assert hash(source) == hash(again)
    assert learner == dataclasses.replace(learner)
    assert source != learner
    with pytest.raises(dataclasses.FrozenInstanceError):
        source.mean = 3


def test_arrays_that_differ_are_not_equal():
    assert Categorical([0.5, 0.5]) != Categorical([0.4, 0.6])
    assert Categorical([0.5, 0.5]) != Categorical([0.5, 0.5], top_k=1)
    assert LinearModel([1.0]) != LinearModel([1.0], cov=[[1.0]])


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_stream_draws_the_same(name):
    source = FAMILIES[name].source
    one, other = (source.draw(5, np.random.default_rng(3), (4,)) for _ in range(2))
    for part in type(one).__slots__:
        assert np.array_equal(getattr(one, part), getattr(other, part))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_source_is_its_own_pick(name):
    """A source with plain parameters serves every replicate."""
    assert FAMILIES[name].source.pick(3) == FAMILIES[name].source


# What is refused, and in which words


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MultivariateGaussian([0.0, np.nan]), "mean: holds NaN"),
        (lambda: MultivariateGaussian([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]]), "negative eigenvalue"),
        (lambda: MultivariateGaussian([0.0, 0.0], [[1.0, 0.5], [0.0, 1.0]]), "not symmetric"),
        (lambda: MultivariateGaussian([0.0, 0.0], np.eye(3)), r"shape \(3, 3\) for 2 dimensions"),
        (lambda: MultivariateGaussian([0.0, 0.0], [1.0, 1.0, 1.0]), "3 variances for 2 dimensions"),
        (lambda: MultivariateGaussian(0.0), "give d numbers"),
        (lambda: Categorical([0.5, 0.6]), "adds up to 1.1"),
        (lambda: Categorical([1.5, -0.5]), "-0.5 is not a probability"),
        (lambda: Categorical([np.nan, 1.0]), "NaN"),
        (lambda: Categorical(["a", "b"]), "not an array of numbers"),
        (lambda: Categorical([1.0], temperature=0.0), "temperature: 0.0; give a finite number above 0"),
        (lambda: Categorical([1.0], top_k=0), "top_k: must be a whole number from 1, got 0"),
        (lambda: CategoricalMLE(top_p=0.0), "top_p: 0.0; give a share"),
        (lambda: CategoricalMLE(alpha=-1.0), "alpha: -1.0"),
        (lambda: Zipf(0), "zipf.k: must be a whole number from 1, got 0"),
        (lambda: Zipf(3, -1.0), "zipf.exponent: -1.0"),
        (lambda: NextToken([[0.5, 0.5]], contexts=[0.5, 0.5]), "2 probabilities for 1 contexts"),
        (lambda: Poisson(-1.0), "poisson.rate: -1.0; give a finite number from 0"),
        (lambda: Exponential(np.inf), "exponential.mean: inf"),
        (lambda: Bernoulli(1.2), "bernoulli.p: 1.2"),
        (lambda: Uniform(np.nan), "uniform.high: nan"),
        (lambda: Pareto(0.0), "pareto.scale: 0.0; give a number above 0"),
        (lambda: LinearModel([1.0], noise=-1.0), "noise: -1.0 is not a standard deviation"),
        (lambda: LinearModel([1.0, 2.0], cov=[[1.0]]), r"give a symmetric matrix of shape \(2, 2\)"),
        (lambda: LinearModel([1.0, 2.0], cov=[[1.0, 2.0], [2.0, 1.0]]), "negative eigenvalue"),
        (lambda: OLS(ridge=-1.0), "ridge: -1.0"),
        (lambda: RegressionNorm(0), "d: must be a whole number from 1, got 0"),
        (lambda: RegressionNorm(2, noise=np.nan), "noise: nan"),
    ],
)
def test_a_law_that_cannot_be_is_refused(make, words):
    with pytest.raises(SpecError, match=words):
        make()


@pytest.mark.parametrize(
    ("learner", "data", "words"),
    [
        (MultivariateGaussianMLE(), np.ones(4), "takes d numbers per row"),
        (MultivariateGaussianMLE(), np.full((4, 2), np.nan), "NaN or infinite"),
        (MultivariateGaussianMLE(ddof=1), np.ones((1, 2)), r"needs at least 2 rows, got 1"),
        (GaussianMLE(), np.ones((4, 2)), "takes single numbers"),
        (CategoricalMLE(), np.array([0.5, 1.0]), "whole numbers from 0, got float64"),
        (CategoricalMLE(), np.array([-1, 1]), "got int64 from -1"),
        (CategoricalMLE(k=2), np.array([0, 2]), "symbol 2, but there are k = 2"),
        (CategoricalMLE(alpha=1.0), np.array([0, 2]), "give k"),
        (CategoricalMLE(), np.array([], dtype=int), "needs at least 1 row, got 0"),
        (SoftmaxMLE(), np.array([[0, 1, 2]]), "rows of 3 numbers"),
        (SoftmaxMLE(contexts=[1.0], k=2), np.array([[1, 0]]), "context 1 or token 0 of 1 contexts and 2 tokens"),
        (PoissonMLE(), np.array([1.0, -3.0]), "a mean of -1.0"),
        (PoissonMLE(), np.array([1.0, np.inf]), "NaN or infinite"),
        (ParetoMLE(), np.array([0.0, 1.0]), "not above 0"),
        (ParetoMLE(), np.array([1.0]), "needs at least 2 rows, got 1"),
        (FAMILIES["uniform"].learner, np.array([-1.0, 1.0]), "below 0"),
        (FAMILIES["bernoulli"].learner, np.array([2.0, 1.0]), "a mean of 1.5"),
        (OLS(inputs=LinearModel([1.0])), np.ones(3), "is not a pair"),
        (OLS(inputs=LinearModel([1.0])), (np.ones((3, 1)), np.ones(4)), r"give \(n, d\) and \(n,\)"),
        (OLS(inputs=LinearModel([1.0])), (np.ones((3, 2)), np.ones(3)), "inputs of 2 numbers; the input law has 1"),
        (OLS(), (np.ones((3, 2)), np.ones(3)), "do not tell the law of new inputs"),
    ],
)
def test_data_that_cannot_be_fitted_are_refused(learner, data, words, rng):
    with pytest.raises(SpecError, match=words):
        learner.fit(data, rng)


# Normal law


def test_bartlett_has_the_rank_that_its_rows_have(rng):
    triangles = bartlett(np.array([-1, 0, 1, 2, 3, 4, 9]), 4, rng, (7,))
    assert [int(np.linalg.matrix_rank(t)) for t in triangles] == [0, 0, 1, 2, 3, 4, 4]
    assert not np.triu(triangles, 1).any()


def test_root_of_singular_and_empty_covariances(rng):
    thin = rng.standard_normal((5, 4, 2))
    for cov in (thin @ thin.mT, np.zeros((3, 2, 2)), np.full((2, 2), 1e-320)):
        np.testing.assert_allclose(root(cov) @ root(cov).mT, cov, atol=1e-12)


@pytest.mark.parametrize("engine", ["rows", "exact"])
@pytest.mark.parametrize("replicates", [None, 3])
def test_late_collapse_runs_on_after_all_variances_are_zero(engine, replicates):
    chain = Chain(MultivariateGaussian(np.zeros(4), 1e-280), MultivariateGaussianMLE(), Replace(3), n0=3)
    generations = chain.generations(Streams(0), engine, replicates)
    for _ in range(400):
        model = next(generations).model
    assert np.isfinite(model.mean).all()
    assert not model.cov.any()


def test_the_factor_knows_what_the_covariance_has_rounded_away(rng):
    model = MultivariateGaussian([0.0, 0.0], 1.0)
    for _ in range(200):
        model = MultivariateGaussianMLE().fit(model.draw(4, rng), rng)
    first, second = np.diagonal(model.factor)
    assert 0 < second < 1e-16 * first
    np.testing.assert_allclose(model.factor @ model.factor.T, model.cov)


def test_variances_stand_for_a_covariance():
    assert np.array_equal(MultivariateGaussian([0.0, 0.0], [1.0, 4.0]).cov, [[1.0, 0.0], [0.0, 4.0]])
    assert np.array_equal(MultivariateGaussian([0.0, 0.0], 3.0).cov, 3 * np.eye(2))


def test_few_rows_in_many_dimensions_cannot_be_subsampled(rng):
    with pytest.raises(NotExact, match="Scatter of 3 rows in 3 dimensions"):
        FAMILIES["normal"].source.draw(3, rng).subsample(2, rng)


def test_a_subsample_of_all_rows_is_the_whole(rng):
    whole = FAMILIES["normal"].source.draw(9, rng, (5,))
    again = whole.subsample(9, rng)
    np.testing.assert_allclose(again.mean, whole.mean)
    np.testing.assert_allclose(again.scatter, whole.scatter)


# Symbols and tokens


def test_truncation_by_hand():
    p = [0.1, 0.4, 0.2, 0.3]
    np.testing.assert_allclose(Categorical(p, top_k=2).drawn, [0, 4 / 7, 0, 3 / 7])
    np.testing.assert_allclose(Categorical(p, top_p=0.7).drawn, [0, 4 / 7, 0, 3 / 7])
    np.testing.assert_allclose(Categorical(p, top_p=0.71).drawn, [0, 4 / 9, 2 / 9, 3 / 9])
    np.testing.assert_allclose(Categorical(p, temperature=0.5).drawn, np.square(p) / np.square(p).sum())
    np.testing.assert_allclose(Categorical([0.25] * 4, top_k=2).drawn, [0.5, 0.5, 0, 0])
    # After top-k the nucleus is of what top-k left: 4/7 is less than 0.6 of it.
    np.testing.assert_allclose(Categorical(p, top_k=2, top_p=0.57).drawn, [0, 1, 0, 0])
    np.testing.assert_allclose(Categorical(p, temperature=1e-3).drawn, [0, 1, 0, 0], atol=1e-99)
    assert np.array_equal(Categorical(p, top_k=1).p, p)


def test_an_extinct_symbol_is_never_drawn(rng):
    """NumPy's own multinomial gives the last symbol whatever rounding leaves over."""
    p = np.array([1 - 1e-12, 1e-12, 0.0])
    law = Categorical(p / p.sum())
    assert not law.draw(10**12, rng, (20_000,)).counts[:, 2].any()
    many = rng.dirichlet(np.full(50, 0.1), 300)
    many[:, 40:] = 0
    many /= many.sum(-1, keepdims=True)
    counts = Categorical(many).draw(10**15, rng, (300,)).counts
    assert not counts[:, 40:].any()
    assert (counts.sum(-1) == 10**15).all()
    assert Categorical(many).sample_batch(50, rng, 300).rows.max() < 40


def test_temperature_acts_on_what_is_drawn_and_not_on_the_law(rng):
    p, contexts = np.array([[0.8, 0.2], [0.3, 0.7]]), np.array([0.4, 0.6])
    law = NextToken(p, contexts, temperature=0.5)
    sharp = p**2 / (p**2).sum(-1, keepdims=True)
    np.testing.assert_allclose(law.pairs, (contexts[:, None] * sharp).ravel())
    np.testing.assert_allclose(law.draw(10**12, rng).counts / 10**12, contexts[:, None] * sharp, atol=1e-5)
    assert np.array_equal(law.p, p)
    assert SoftmaxMLE(top_k=1).fit(np.array([[0, 1], [0, 1], [0, 0]]), rng).pairs.tolist() == [0.0, 1.0]
    cold = MultivariateGaussian([0.0, 0.0], [1.0, 4.0], temperature=0.5)
    scatter = cold.draw(10**12, rng).scatter / 10**12
    np.testing.assert_allclose(scatter, [[0.25, 0.0], [0.0, 1.0]], atol=1e-5)
    assert cold.cov[1, 1] == 4.0
    assert MultivariateGaussianMLE(temperature=0.5).fit(np.eye(2), rng).temperature == 0.5


class _DealsZero:
    """The one number at which a search on the wrong side draws an extinct first symbol."""

    def random(self, shape):
        return np.zeros(shape)


def test_zero_is_dealt():
    assert Categorical([0.0, 1.0]).sample(2, _DealsZero()).tolist() == [1, 1]
    assert Categorical([[0.0, 1.0], [1.0, 0.0]]).sample_batch(1, _DealsZero(), 2).rows.tolist() == [[1], [0]]


def test_the_number_of_symbols_stays(rng):
    """Rows show symbols up to the largest that occurs; in a chain the learner knows them all."""
    for engine in ("rows", "exact"):
        chain = Chain(Zipf(50, 2.0), CategoricalMLE(), Replace(3), n0=3)
        assert next(chain.generations(Streams(1), engine)).model.p.shape == (50,)
        assert chain.learner == CategoricalMLE()
    assert CategoricalMLE().fit(np.array([0, 3, 3]), rng).p.tolist() == [1 / 3, 0, 0, 2 / 3]


def test_smoothing_brings_symbols_back(rng):
    model = CategoricalMLE(alpha=0.5, k=4).fit(np.array([0, 0, 1]), rng)
    np.testing.assert_allclose(model.p, np.array([2.5, 1.5, 0.5, 0.5]) / 5)


def test_zipf_is_a_categorical():
    assert Categorical.zipf(5, 1.5) == Zipf(5, 1.5).law
    np.testing.assert_allclose(Zipf(3, 1.0).p, np.array([6, 3, 2]) / 11)
    np.testing.assert_allclose(Categorical.uniform(4).p, 0.25)


def test_more_than_a_billion_symbols_have_no_hypergeometric_draw(rng):
    with pytest.raises(NotExact, match="hypergeometric"):
        Counts(np.array([10**9, 5])).subsample(3, rng)


def test_a_context_that_is_not_seen_is_answered_at_random(rng):
    source = NextToken([[1.0, 0.0], [0.3, 0.7], [0.5, 0.5]])
    model = SoftmaxMLE().bound(source).fit(np.array([[0, 0], [0, 1], [2, 1]]), rng)
    np.testing.assert_allclose(model.p, [[0.5, 0.5], [0.5, 0.5], [0.0, 1.0]])
    np.testing.assert_allclose(model.contexts, 1 / 3)
    alone = SoftmaxMLE().fit(np.array([[0, 0], [0, 1], [2, 1]]), rng)
    np.testing.assert_allclose(alone.contexts, [2 / 3, 0, 1 / 3])


def test_pairs_of_context_and_token_are_counted():
    rows = np.array([[0, 1], [2, 0], [0, 1]])
    assert ContextCounts.of(rows).counts.tolist() == [[0, 2], [0, 0], [1, 0]]
    assert ContextCounts.of(Batch(rows[None])).counts.tolist() == [[[0, 2], [0, 0], [1, 0]]]
    joined = ContextCounts.of(rows) + ContextCounts.of(np.array([[0, 3]]))
    assert joined.counts.tolist() == [[0, 2, 0, 1], [0] * 4, [1, 0, 0, 0]]


# Laws on the line


@pytest.mark.parametrize("name", ["poisson", "exponential", "bernoulli", "uniform", "pareto"])
def test_mean_and_variance_are_those_of_the_rows(name, rng):
    law = dataclasses.replace(FAMILIES[name].source, shape=9.0) if name == "pareto" else FAMILIES[name].source
    rows = law.sample(200_000, rng)
    np.testing.assert_allclose(rows.mean(), law.mean, rtol=0.02)
    np.testing.assert_allclose(rows.var(), law.var, rtol=0.1)


def test_heavy_tails_have_no_moments():
    assert Pareto(1.0, 1.0).mean == np.inf
    assert Pareto(1.0, 2.0).var == np.inf
    assert Pareto(2.0, np.inf).var == 0


def test_extremes_by_hand():
    rows = np.array([2.0, 4.0, 8.0])
    assert Maximum.of(rows).maximum == 8.0
    s = LogExcess.of(rows)
    assert (s.low, s.logs) == (2.0, pytest.approx(np.log(2 * 4)))
    both = s + LogExcess.of(np.array([1.0]))
    assert (both.n, both.low, both.logs) == (4, 1.0, pytest.approx(np.log(2 * 4 * 8)))


def test_a_poisson_chain_that_died_out_stays_dead():
    chain = Chain(Poisson(0.01), PoissonMLE(), Replace(2), n0=2)
    generations = chain.generations(Streams(0), "exact", 50)
    models = [next(generations).model for _ in range(5)]
    assert not models[-1].rate[models[0].rate == 0].any()


# Regression


def test_least_squares_are_least_squares(rng):
    x, y = LinearModel([1.0, -1.0, 2.0]).sample(20, rng)
    learner = OLS(inputs=LinearModel([0.0, 0.0, 0.0]))
    np.testing.assert_allclose(learner.fit((x, y), rng).weights, np.linalg.lstsq(x, y)[0])
    ridge = np.linalg.solve(x.T @ x / 20 + 0.3 * np.eye(3), x.T @ y / 20)
    np.testing.assert_allclose(dataclasses.replace(learner, ridge=0.3).fit((x, y), rng).weights, ridge)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_of_many_solutions_the_one_of_least_norm(n, rng):
    inputs = LinearModel(np.zeros(5), cov=np.diag([1.0, 2.0, 3.0, 4.0, 5.0]))
    x, y = LinearModel(np.arange(5.0), cov=inputs.cov).sample(n, rng)
    np.testing.assert_allclose(OLS(inputs=inputs).fit((x, y), rng).weights, np.linalg.pinv(x) @ y, atol=1e-8)


def test_rows_that_repeat_have_a_solution_too(rng):
    x, y = LinearModel([1.0, 2.0, 3.0]).sample(2, rng)
    model = OLS(inputs=LinearModel(np.zeros(3))).fit((np.tile(x, (4, 1)), np.tile(y, 4)), rng)
    np.testing.assert_allclose(model.weights, np.linalg.pinv(x) @ y, atol=1e-6)


def test_excess_risk_is_the_error_on_new_inputs(rng):
    truth = LinearModel([1.0, 2.0], cov=[[1.0, 0.4], [0.4, 2.0]])
    model = truth.with_weights(np.array([[1.5, 2.0], [1.0, 1.0]]))
    x, _ = truth.sample(200_000, rng)
    expected = np.square(x @ (model.weights - truth.weights).T).mean(0)
    np.testing.assert_allclose(model.excess_risk(truth), expected, rtol=0.03)
    assert model.pick(1).excess_risk(truth) == pytest.approx(2.0)


def test_models_keep_the_law_of_inputs_and_noise(rng):
    source = LinearModel([1.0, 2.0], cov=[[1.0, 0.4], [0.4, 2.0]], noise=0.5)
    model = OLS().bound(source).fit(source.draw(30, rng), rng)
    assert model.noise == 0.5
    assert np.array_equal(model.cov, source.cov)


def test_the_norm_alone_says_what_it_does_not_cover(rng):
    source = RegressionNorm(3)
    with pytest.raises(NotExact, match="no rows to draw"):
        source.sample(5, rng)
    with pytest.raises(NotExact, match="direction of its error"):
        next(_skip(Chain(source, OLSNorm(), Accumulate(9), n0=9).generations(Streams(0), "exact"), 1))
    with pytest.raises(NotExact, match="2 rows for d = 3"):
        source.draw(2, rng)
    with pytest.raises(NotExact, match="no rows"):
        OLSNorm(inputs=source).fit(np.ones(3), rng)
    with pytest.raises(SpecError, match="give a regression-norm"):
        OLSNorm().fit(source.draw(9, rng), rng)


def _skip(generations, n):
    for _ in range(n):
        next(generations)
    return generations


def test_statistics_describe_themselves():
    assert repr(Counts(np.array([1, 2]))) == "Counts([1 2])"
    assert "n=3" in repr(Scatter.of(np.ones((3, 1))))
    assert "n=2" in repr(Gram.of((np.ones((2, 1)), np.ones(2))))
