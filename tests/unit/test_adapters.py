import pickle  # noqa: TID251 - in memory only
import subprocess
import sys
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pytest

import genloss as gl
from genloss.chain.data import Batch
from genloss.chain.foreign import as_learner
from genloss.families.tables import Rows
from genloss.plain.describe import describe
from lanes import need

PLANE = np.random.default_rng(0).standard_normal((200, 2))
LINE = PLANE[:, 0]


@dataclass(frozen=True)
class Cloud:
    """A user's model: whatever its rows are turned into by `spoil`."""

    mean: np.ndarray
    spoil: object = None

    def sample(self, n, rng):
        rows = self.mean + rng.standard_normal((n, *self.mean.shape))
        return rows if self.spoil is None else self.spoil(rows)


@dataclass(frozen=True)
class CloudLearner:
    spoil: object = None

    def fit(self, data, rng):
        return Cloud(data.mean(0), self.spoil)


class Stateful:
    """Learner and model in one, the way many write it."""

    def __init__(self):
        self.mean = None

    def fit(self, data, rng):
        self.mean = data.mean(0)
        return self

    def sample(self, n, rng):
        return self.mean + rng.standard_normal((n, *self.mean.shape))


class Returns:
    def __init__(self, what):
        self.what = what

    def fit(self, data, rng):
        return self.what


class Raises:
    def fit(self, data, rng):
        raise ZeroDivisionError("mine")


class NoStream:
    def fit(self, data):
        return self


def steps(learner, data=PLANE, regime=None, generations=2, seed=0):
    chain = gl.Chain(Rows(data), learner, regime or gl.Replace(100), n0=100)
    return list(islice(chain.generations(gl.Streams(seed)), generations + 1))


def test_a_users_class_runs_unchanged():
    learner = CloudLearner()
    last = steps(learner, regime=gl.Accumulate(50))[-1]
    assert last.train.size == 200
    assert last.model.mean.shape == (2,)
    assert type(last.model) is Cloud


def test_results_are_those_of_the_bare_class():
    chain = gl.Chain(Rows(PLANE), CloudLearner(), gl.Replace(100), n0=100)
    wrapped = next(islice(chain.generations(gl.Streams(3)), 1, None)).model.mean
    streams = gl.Streams(3)
    model = CloudLearner().fit(Rows(PLANE).sample(100, streams(0, "real")), streams(0, "fit"))
    model = CloudLearner().fit(model.sample(100, streams(1, "synthetic")), streams(1, "fit"))
    assert np.array_equal(wrapped, model.mean)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows[:, :1], r"drew rows of shape \(1,\), real rows have shape \(2,\)"),
        (lambda rows: rows[:, 0], r"drew rows of shape \(\), real rows have shape \(2,\)"),
        (lambda rows: rows[:-1], "drew 99 rows where 100 were asked for"),
        (lambda rows: np.where(np.arange(100)[:, None] < 3, np.nan, rows), "drew 6 numbers that are NaN or infinite"),
        (lambda rows: np.full_like(rows, np.inf), "drew 200 numbers that are NaN or infinite"),
        (lambda rows: list(rows), r"drew list, real rows have shape \(2,\)"),
    ],
)
def test_bad_draws_are_one_line(spoil, message):
    with pytest.raises(gl.SpecError, match=rf"learner: Cloud, fitted at generation 0, {message}") as error:
        steps(CloudLearner(spoil))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("learner", "message"),
    [
        (Returns(None), r"learner: Returns\.fit returned None, no model: return something with sample\(n, rng\)"),
        (Returns(3), r"Returns\.fit returned int, no model"),
        (Returns(Cloud), r"Returns\.fit returned .*, no model"),
    ],
)
def test_no_model_is_one_line(learner, message):
    with pytest.raises(gl.SpecError, match=message):
        steps(learner)


@pytest.mark.parametrize(
    ("learner", "message"),
    [
        (3, "int is not a learner: give an object with fit"),
        (CloudLearner, r"CloudLearner is not a learner: give an instance, CloudLearner\(\.\.\.\)"),
        (NoStream(), r"NoStream\.fit takes \(data\); give it fit\(data, rng\)"),
    ],
)
def test_no_learner_is_one_line(learner, message):
    with pytest.raises(gl.SpecError, match=message):
        as_learner(learner)


def test_a_users_own_exception_keeps_its_type():
    with pytest.raises(ZeroDivisionError, match="mine"):
        steps(Raises())


def test_learner_and_model_in_one_is_never_changed():
    mine = Stateful()
    seen = steps(mine)
    assert mine.mean is None
    assert len({tuple(g.model.mean) for g in seen}) == 3
    assert np.array_equal(seen[2].first.mean, seen[0].model.mean)


def test_capabilities_pass_through_the_copy():
    class Mean(Stateful):
        batched = True

        def bound(self, source):
            self.start = source.mean
            return self

        def refit(self, parent, data, rng):
            self.parent = parent.mean
            return self.fit(data, rng)

        def fit(self, data, rng):
            self.mean = data.rows.mean()
            return self

        def sample_batch(self, n, rng, replicates):
            return Batch(self.mean + rng.standard_normal((replicates, n)))

    mine = Mean()
    chain = gl.Chain(Rows(LINE + 50), mine, gl.Replace(20), n0=20, warm_start=True)
    assert chain.batchable()
    seen = list(islice(chain.generations(gl.Streams(0), replicates=4), 3))
    assert seen[2].model.parent == seen[1].model.mean
    assert seen[2].model.start == Rows(LINE + 50).mean
    assert mine.mean is None
    assert not hasattr(mine, "start")


def test_copied_learners_are_values_and_can_be_sent():
    learner = as_learner(Stateful())
    assert describe(learner) == describe(Stateful())
    assert isinstance(pickle.loads(pickle.dumps(learner)).learner, Stateful)  # noqa: S301
    assert learner == as_learner(learner.learner)
    assert hash(learner) == hash(as_learner(learner.learner))
    assert not hasattr(learner, "refit")
    with pytest.raises(gl.NotExact, match="Stateful has no sufficient statistic"):
        gl.Chain(gl.Gaussian(), Stateful(), gl.Replace(20), n0=20).check_exact()


def test_learners_that_are_no_models_stay_themselves():
    mine, ours = CloudLearner(), gl.GaussianMLE(ddof=1)
    assert as_learner(mine) is mine
    assert as_learner(ours) is ours


class TestSklearn:
    @pytest.fixture(autouse=True)
    def _needs(self):
        need("sklearn", "full")

    @pytest.fixture
    def estimators(self):
        from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
        from sklearn.neighbors import KernelDensity

        return [
            GaussianMixture(3),
            GaussianMixture(3, random_state=7),
            BayesianGaussianMixture(n_components=2, max_iter=1),
            KernelDensity(bandwidth=0.3),
        ]

    @pytest.mark.parametrize("data", [LINE, PLANE], ids=["line", "plane"])
    def test_estimators_run_unchanged(self, estimators, data):
        for estimator in estimators:
            before = estimator.get_params()
            seen = steps(estimator, data, gl.Accumulate(50))
            assert seen[-1].train.data.shape == (200, *data.shape[1:])
            assert np.isfinite(seen[-1].model.logpdf(data)).all()
            assert estimator.get_params() == before
            assert not hasattr(estimator, "means_")

    def test_every_draw_is_a_new_one_even_with_a_fixed_random_state(self, estimators):
        model = as_learner(estimators[1]).fit(PLANE, np.random.default_rng(0))
        rng = np.random.default_rng(1)
        one, other = model.sample(20, rng), model.sample(20, rng)
        assert not np.array_equal(one, other)
        assert np.array_equal(one, model.sample(20, np.random.default_rng(1)))
        assert model.means_.shape == (3, 2)

    def test_rows_of_one_column_keep_their_column(self, estimators):
        model = as_learner(estimators[3]).fit(LINE[:, None], np.random.default_rng(0))
        assert model.sample(5, np.random.default_rng(0)).shape == (5, 1)

    def test_equality_and_description_are_by_value(self, estimators):
        from sklearn.mixture import GaussianMixture

        assert as_learner(estimators[0]) == as_learner(GaussianMixture(3))
        assert as_learner(estimators[0]) != as_learner(GaussianMixture(4))
        assert describe(as_learner(estimators[0])) == describe(GaussianMixture(3))
        assert describe(as_learner(estimators[0]))["n_components"] == 3
        back = pickle.loads(pickle.dumps(as_learner(estimators[0])))  # noqa: S301
        assert back == as_learner(estimators[0])

    def test_a_chain_that_was_sent_to_a_worker_gives_the_same_result(self, estimators):
        chain = gl.Chain(Rows(PLANE), estimators[0], gl.Replace(50), n0=50)
        sent = pickle.loads(pickle.dumps(chain))  # noqa: S301
        one, two = (
            gl.run(each, {"total": gl.probes.total_variance}, generations=2, replicates=2, seed=1)
            for each in (chain, sent)
        )
        assert np.array_equal(one["total"], two["total"])
        assert one.attrs == two.attrs

    def test_an_estimator_without_sample_is_refused(self):
        from sklearn.linear_model import LinearRegression

        with pytest.raises(gl.SpecError, match="LinearRegression has fit but no sample"):
            as_learner(LinearRegression())

    def test_messages_name_the_estimator(self, estimators):
        with pytest.raises(gl.NotExact, match="GaussianMixture has no sufficient statistic"):
            gl.Chain(gl.Gaussian(), estimators[0], gl.Replace(20), n0=20).check_exact()

    def test_parts_of_a_nested_estimator_are_seeded(self):
        from sklearn.base import BaseEstimator
        from sklearn.mixture import GaussianMixture

        class Outer(BaseEstimator):
            def __init__(self, inner=None):
                self.inner = inner

            def fit(self, X, y=None):  # noqa: N803
                self.inner.fit(X)
                return self

            def sample(self, n_samples=1):
                return self.inner.sample(n_samples)

        model = as_learner(Outer(GaussianMixture(2))).fit(PLANE, np.random.default_rng(0))
        draws = [model.sample(9, np.random.default_rng(seed)) for seed in (1, 1, 2)]
        assert np.array_equal(draws[0], draws[1])
        assert not np.array_equal(draws[0], draws[2])


def test_import_leaves_scikit_learn_alone():
    code = "import sys, genloss, genloss.adapters; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
