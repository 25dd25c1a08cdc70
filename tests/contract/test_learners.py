"""Everything that ships is held to the contract; wrong classes fail with the right sentence."""

import importlib
import inspect
import pkgutil
from dataclasses import dataclass, field

import numpy as np
import pytest

import genloss as gl
from genloss import families
from genloss.chain.data import Batch, Statistic
from genloss.families.categorical import Categorical
from genloss.families.gaussian import Gaussian, Moments
from genloss.families.kde import KDE
from genloss.families.mixture import Mixture, MixtureEM
from genloss.families.regression import LinearModel
from genloss.families.softmax import NextToken
from genloss.families.tables import Digits, Rows
from genloss.testing import check_learner, check_probe, check_source, check_statistic
from lanes import need

LINE = np.random.default_rng(0).standard_normal(200)
PLANE = np.random.default_rng(1).standard_normal((200, 2)) * [1, 3]
REAL = {"Digits", "ArrayFile", "Rows"}
NO_ROWS = {"OLSNorm", "RegressionNorm"}
"""Kinds that exist as a statistic alone."""
TRUTHS = {
    "CategoricalMLE": Categorical([0.4, 0.3, 0.2, 0.1]),
    "KDE": Gaussian(),
    "MixtureEM": Mixture(),
    "OLS": LinearModel([1.0, -2.0]),
    "SoftmaxMLE": NextToken([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]),
}
"""What a learner learns here, where it is not the law that it is named after."""


def _classes():
    for found in pkgutil.walk_packages(families.__path__, "genloss.families."):
        module = importlib.import_module(found.name)
        for name, cls in vars(module).items():
            if inspect.isclass(cls) and cls.__module__ == module.__name__ and not name.startswith("_"):
                yield module, name, cls


def _default(cls):
    try:
        return cls()
    except TypeError:
        return None


LEARNERS = {
    name: _default(cls)
    for _, name, cls in _classes()
    if callable(getattr(cls, "fit", None)) and name not in NO_ROWS | {"NGram"}
}
SOURCES = {
    name: _default(cls)
    for _, name, cls in _classes()
    if callable(getattr(cls, "sample", None)) and name not in REAL | NO_ROWS and _default(cls) is not None
}


def _truth(name):
    """The law that a learner is named after, or the one given for it."""
    return TRUTHS[name] if name in TRUTHS else SOURCES[name.removesuffix("MLE")]


def test_every_family_is_found():
    assert {"GaussianMLE", "KDE", "MixtureEM"} <= set(LEARNERS)
    assert {"Gaussian", "Mixture"} <= set(SOURCES)
    assert all(learner is not None for learner in LEARNERS.values())


@pytest.mark.parametrize("name", LEARNERS)
def test_learners_that_ship_keep_the_contract(name):
    learner, source = LEARNERS[name], _truth(name)
    learner = learner.bound(source) if hasattr(learner, "bound") else learner
    check_learner(learner, source.sample(200, np.random.default_rng(4)))
    if getattr(learner, "statistic", None) is not None:
        check_statistic(learner.statistic, *(source.sample(n, np.random.default_rng(n)) for n in (20, 7, 40)))


def test_language_models_keep_the_contract():
    need("numba", "full")
    ngram, corpus = importlib.import_module("genloss.families.ngram.learner"), importlib.import_module("genloss.corpus")
    rng = np.random.default_rng(5)
    texts = [" ".join(rng.choice(["tails", "go", "first", "head", "stays"], rng.integers(3, 12))) for _ in range(100)]
    check_learner(ngram.NGram(order=3), corpus.Words().train(texts))


@pytest.mark.parametrize("name", SOURCES)
def test_sources_that_ship_keep_the_contract(name):
    check_source(SOURCES[name])


@pytest.mark.parametrize(
    "learner",
    [
        KDE("scott"),
        KDE("silverman"),
        KDE(0),
        MixtureEM(3),
        MixtureEM(4, "diagonal"),
        MixtureEM(1),
    ],
    ids=repr,
)
@pytest.mark.parametrize("data", [LINE, PLANE], ids=["line", "plane"])
def test_learners_of_rows_keep_the_contract(learner, data):
    check_learner(learner, data)


def test_real_rows_keep_the_contract():
    check_source(Rows(LINE))
    check_source(Rows(PLANE, labels=np.arange(200) % 3))
    check_source(Rows(PLANE, replacement=False), n=100)
    check_source(Mixture([0.2, 0.8], [[0, 0], [3, 3]], [[[1, 0.5], [0.5, 1]], [[2, 0], [0, 1]]]))
    check_source(Mixture([0.2, 0.8], [[0, 0], [3, 3]], [1, 2]))


def test_digits_keep_the_contract():
    need("sklearn", "full")
    check_source(Digits())


@pytest.mark.parametrize("name", ["KernelDensity", "GaussianMixture"])
@pytest.mark.parametrize("data", [LINE, PLANE], ids=["line", "plane"])
def test_estimators_keep_the_contract(name, data):
    need("sklearn", "full")
    estimator = getattr(importlib.import_module("sklearn.neighbors" if name[0] == "K" else "sklearn.mixture"), name)()
    check_learner(estimator, data)


def test_probes_that_ship_keep_the_contract():
    chain = gl.Chain(Gaussian(), gl.GaussianMLE(), gl.Replace(50), n0=50)
    check_probe(gl.probes.variance, chain)
    check_probe(gl.probes.total_variance, gl.Chain(Rows(PLANE), KDE(), gl.Replace(50), n0=50))


@dataclass(frozen=True)
class Normal:
    """A right model, and the parent of wrong ones."""

    shape: tuple = ()

    def sample(self, n, rng):
        return rng.standard_normal((n, *self.shape))


class Learner:
    def fit(self, data, rng):
        return Normal(data.shape[1:])


def test_right_classes_of_a_user_pass():
    check_learner(Learner(), PLANE)
    check_source(Normal())


class Fixed(Normal):
    def sample(self, n, rng):
        return np.random.default_rng(0).standard_normal((n, *self.shape))


class Wild(Normal):
    def sample(self, n, rng):
        return np.random.default_rng().standard_normal((n, *self.shape))


class Global(Normal):
    def sample(self, n, rng):
        return np.random.standard_normal((n, *self.shape))  # noqa: NPY002


class Short(Normal):
    def sample(self, n, rng):
        return super().sample(n - 1, rng)


class Squeezed(Normal):
    def sample(self, n, rng):
        return super().sample(n, rng).squeeze() if n == 1 else super().sample(n, rng)


class Gaps(Normal):
    def sample(self, n, rng):
        return np.where(np.arange(n) == 3, np.nan, super().sample(n, rng))


class Scalar(Normal):
    def sample(self, n, rng):
        return 0.5


class NoStream(Normal):
    def sample(self, n):
        return np.zeros(n)


class SharedBatch(Normal):
    def sample_batch(self, n, rng, replicates):
        return Batch(np.stack([self.sample(n, rng)] * replicates))


class OtherBatch(Normal):
    def sample_batch(self, n, rng, replicates):
        return Batch(rng.standard_normal((replicates, n)) * 2)


class TransposedBatch(Normal):
    def sample_batch(self, n, rng, replicates):
        return Batch(rng.standard_normal((n, replicates)))


class ArrayBatch(Normal):
    def sample_batch(self, n, rng, replicates):
        return rng.standard_normal((replicates, n))


class HoldsOutOthers(Normal):
    held_out = np.zeros((5, 3))


class DrawsFewer(Normal):
    def draw(self, n, rng, shape=()):
        return Gaussian().draw(n - 1, rng, shape)


class DrawsTheSame(Normal):
    def draw(self, n, rng, shape=()):
        return Gaussian().draw(n, np.random.default_rng(0), shape)


class DrawsRows(Normal):
    def draw(self, n, rng, shape=()):
        return rng.standard_normal(n)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (3, "int is not a source"),
        (Fixed(), "different streams must draw different rows"),
        (Wild(), "the same stream must draw the same rows"),
        (Global(), "uses NumPy's global state"),
        (Short(), "must draw n rows: Short drew 199 of 200"),
        (Squeezed((2,)), "rows must keep their shape"),
        (Gaps(), "rows must be finite"),
        (Scalar(), "must draw n rows: Scalar drew a float"),
        (NoStream(), "NoStream.sample raised"),
        (SharedBatch(), "replicates must not share rows"),
        (OtherBatch(), r"must have the law of sample\(\)"),
        (TransposedBatch(), r"drew shape \(200, 3\) for \(3, 200\)"),
        (ArrayBatch(), "must return a Batch"),
        (HoldsOutOthers(), "held-out rows must be like those drawn"),
        (DrawsFewer(), "must stand for n rows: DrawsFewer gives n = 199"),
        (DrawsTheSame(), "different streams must draw different statistics"),
        (DrawsRows(), "must return a Statistic"),
    ],
    ids=lambda each: type(each).__name__ if not isinstance(each, str) else "",
)
def test_wrong_sources_fail_with_the_sentence(source, sentence):
    with pytest.raises(AssertionError, match=sentence):
        check_source(source)


class NoModel:
    def fit(self, data, rng):
        pass


class OneColumn:
    def fit(self, data, rng):
        return Normal((1,))


class Counts:
    fits = 0

    def fit(self, data, rng):
        self.fits = self.fits + 1
        return Normal(data.shape[1:])


class Sorts:
    def fit(self, data, rng):
        data.sort(0)
        return Normal(data.shape[1:])


class Restless:
    def fit(self, data, rng):
        return Moved(np.random.default_rng().random())


@dataclass(frozen=True)
class Moved:
    by: float

    def sample(self, n, rng):
        return self.by + rng.standard_normal((n, 2))


class Shares:
    """One box for the parameters of all its models."""

    _box: dict = {}  # noqa: RUF012

    def fit(self, data, rng):
        self._box["mean"] = data.mean(0)
        return Boxed(self._box)


@dataclass(frozen=True)
class Boxed:
    box: dict

    def sample(self, n, rng):
        return self.box["mean"] + rng.standard_normal((n, 2))


@dataclass
class Consumes:
    """Its model writes on it at every draw."""

    drawn: list = field(default_factory=list)

    def fit(self, data, rng):
        return Drawn(self.drawn)


@dataclass(frozen=True)
class Drawn:
    drawn: list

    def sample(self, n, rng):
        self.drawn.append(n)
        return rng.standard_normal((n, 2))


@pytest.mark.parametrize(
    ("learner", "sentence"),
    [
        (3, "int is not a learner"),
        (NoModel(), r"fit\(\) must return something with sample\(n, rng\): NoModel\.fit returned NoneType"),
        (OneColumn(), r"fitted on \(200, 2\), draws \(200, 1\)"),
        (Counts(), r"fit\(\) must not change the learner"),
        (Sorts(), r"fit\(\) must not change the data"),
        (Restless(), "the same data and the same stream must fit the same model"),
        (Shares(), "a model must be usable after another fit"),
        (Consumes(), "drawing must not change the learner"),
    ],
    ids=lambda each: type(each).__name__ if not isinstance(each, str) else "",
)
def test_wrong_learners_fail_with_the_sentence(learner, sentence):
    with pytest.raises(AssertionError, match=sentence):
        check_learner(learner, PLANE.copy())


class FirstReplicateOnly:
    """Fits every replicate by the first one."""

    batched = True

    def fit(self, data, rng):
        if isinstance(data, Batch):
            return KDE(0.01).fit(Batch(np.stack([np.abs(data.rows[0])] * len(data.rows))), rng)
        return KDE(0.01).fit(data, rng)


class WrongDivisor:
    """Forgets a row where it is given the moments."""

    statistic = Moments

    def fit(self, data, rng):
        if isinstance(data, Moments):
            return Gaussian(data.mean, data.m2 / (data.n - 1))
        return Gaussian(data.mean(), data.var())


@pytest.mark.parametrize(
    ("learner", "sentence"),
    [
        (FirstReplicateOnly(), "replicate i of a batched fit must be the fit of replicate i"),
        (WrongDivisor(), "the same model for rows and for their statistic"),
    ],
    ids=["FirstReplicateOnly", "WrongDivisor"],
)
def test_wrong_capabilities_fail_with_the_sentence(learner, sentence):
    with pytest.raises(AssertionError, match=sentence):
        check_learner(learner, LINE)


class ForgetsTheShift(Moments):
    __slots__ = ()

    def __add__(self, other):
        return type(self)(self.n + other.n, (self.mean + other.mean) / 2, self.m2 + other.m2)


class LastWins(Moments):
    __slots__ = ()

    def __add__(self, other):
        return other


class HalfCounts(Moments):
    __slots__ = ()

    @classmethod
    def of(cls, data):
        found = super().of(data)
        return found if isinstance(data, Statistic) else cls(found.n // 2, found.mean, found.m2)


@pytest.mark.parametrize(
    ("cls", "sentence"),
    [
        (ForgetsTheShift, r"of\(x \+\+ y\) must equal of\(x\) \+ of\(y\)"),
        (LastWins, r"of\(x \+\+ y\) must equal"),
        (HalfCounts, "n must be the number of rows"),
    ],
)
def test_wrong_statistics_fail_with_the_sentence(cls, sentence):
    with pytest.raises(AssertionError, match=sentence):
        check_statistic(cls, LINE[:50], LINE[50:60], LINE[60:])


def matrix(g):
    return np.zeros((2, 2))


def growing(g):
    return np.zeros(g.t + 1)


def unseeded(g):
    return np.random.default_rng().random()


@gl.probes.probe(vectorized=True)
def single(g):
    return 0.0


@gl.probes.probe(vectorized=True)
def mixed_up(g):
    return g.model.var if g.replicates is None else g.model.var[::-1]


@pytest.mark.parametrize(
    ("probe", "sentence"),
    [
        (3, "int is not a probe"),
        (matrix, "a number or one labelled vector"),
        (growing, "one shape at all generations"),
        (unseeded, "the same stream must measure the same"),
        (single, "one value per replicate"),
        (mixed_up, "each replicate as if it were alone"),
    ],
)
def test_wrong_probes_fail_with_the_sentence(probe, sentence):
    with pytest.raises(AssertionError, match=sentence):
        check_probe(probe, gl.Chain(Gaussian(), gl.GaussianMLE(), gl.Replace(50), n0=50))
