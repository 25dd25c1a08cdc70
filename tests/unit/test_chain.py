"""The recursion: what is drawn, trained on and yielded, what is refused, and what it costs."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

import genloss as gl
from genloss.chain.data import Pool
from genloss.errors import NotExact, SpecError
from genloss.families.gaussian import Moments


def taken(chain, generations, engine="rows", replicates=None, start=None, seed=3):
    steps = chain.generations(gl.Streams(seed), engine, replicates, start)
    return list(itertools.islice(steps, generations))


GAUSSIAN = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Accumulate(50), n0=50)
CASES = {
    "single": ("rows", None),
    "batch": ("rows", 4),
    "exact single": ("exact", None),
    "exact": ("exact", 4),
}
REGIMES = [
    gl.Replace(20),
    gl.Accumulate(20),
    gl.FreshReal(20, 0.3),
    gl.FixedReal(20, 5),
    gl.Window(20, 3),
    gl.FreshReal(20, 0.3, "binomial"),
]


@pytest.mark.parametrize(("engine", "replicates"), CASES.values(), ids=CASES)
def test_generations_are_numbered_and_know_their_first(engine, replicates):
    steps = taken(GAUSSIAN, 4, engine, replicates)
    assert [g.t for g in steps] == [0, 1, 2, 3]
    assert all(g.first is steps[0].model for g in steps)
    assert all(g.source is GAUSSIAN.source for g in steps)
    assert [int(np.max(g.pool.size)) for g in steps] == [50, 100, 150, 200]
    assert np.shape(steps[2].model.var) == (() if replicates is None else (replicates,))


@pytest.mark.parametrize("regime", REGIMES, ids=repr)
@pytest.mark.parametrize(("engine", "replicates"), CASES.values(), ids=CASES)
def test_a_chain_resumes_from_the_pool_of_any_generation(regime, engine, replicates):
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), regime, n0=20)
    if engine == "rows" and replicates and not chain.batchable():
        replicates = None
    whole = taken(chain, 8, engine, replicates)
    for t in (0, 1, 4):
        pool = Pool(whole[t].pool.blocks)
        again = taken(chain, 8 - t, engine, replicates, start=(t, pool))
        for one, other in zip(whole[t:], again, strict=True):
            assert one.t == other.t
            assert np.array_equal(one.model.var, other.model.var)
            assert np.array_equal(one.first.var, other.first.var)


def test_a_chain_that_needs_its_models_starts_at_0_only():
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.PastModels(20), n0=20)
    assert not chain.resumable()
    with pytest.raises(SpecError, match="this chain needs its models to go on from"):
        taken(chain, 2, start=(1, taken(chain, 1)[0].pool))


def test_two_regimes_with_one_seed_see_the_same_real_data():
    found = []
    for regime in (gl.FreshReal(40, 0.5), gl.FreshReal(20, 1.0)):
        chain = gl.Chain(gl.Gaussian(), Foreign(), regime, n0=30)
        found.append([block.data for g in taken(chain, 4) for block in g.pool.blocks if block.synthetic is False])
    assert [np.array_equal(a, b) for a, b in zip(*found, strict=True)] == [True] * 4
    for replicates in (None, 3):
        first = [
            taken(gl.Chain(gl.Gaussian(), gl.GaussianMLE(), regime, n0=30), 1, replicates=replicates)[0].model.var
            for regime in REGIMES[:3]
        ]
        assert np.array_equal(first[0], first[1])
        assert np.array_equal(first[0], first[2])


@dataclass(frozen=True)
class Foreign:
    """A user's learner: neither statistic nor batches."""

    def fit(self, data, rng):
        return gl.Gaussian(float(np.mean(data)), float(np.var(data)))


def test_replicates_can_be_looked_at_one_by_one():
    last = taken(GAUSSIAN, 3, replicates=4)[-1]
    assert [g.model.var for g in last.each()] == list(last.model.var)
    assert {g.replicates for g in last.each()} == {None}
    assert last.sample(5, np.random.default_rng(0)).rows.shape == (4, 5)
    single = taken(GAUSSIAN, 1)[0]
    assert list(single.each()) == [single]
    assert single.sample(5, np.random.default_rng(0)).shape == (5,)
    assert single.sample(5, np.random.default_rng(0), gl.Gaussian(var=0)).tolist() == [0] * 5


class Growing:
    """A learner with `refit`: counts how often it went on from a parent."""

    warmed = 0

    def fit(self, data, rng):
        return gl.Gaussian(float(np.mean(data)), 1.0)

    def refit(self, parent, data, rng):
        Growing.warmed += 1
        assert isinstance(parent, gl.Gaussian)
        return gl.Gaussian(parent.mean + 1, 1.0)


def test_a_warm_start_goes_on_from_the_last_model():
    Growing.warmed = 0
    chain = gl.Chain(gl.Gaussian(), Growing(), gl.Replace(10), n0=10, warm_start=True)
    steps = taken(chain, 4)
    assert Growing.warmed == 3
    assert steps[3].model.mean == pytest.approx(steps[0].model.mean + 3)
    assert not chain.resumable()


class Knows:
    """A learner that takes from the source what data do not tell."""

    def __init__(self, told=None):
        self.told = told

    def bound(self, source):
        return Knows(source.var)

    def fit(self, data, rng):
        return gl.Gaussian(0.0, self.told)


def test_a_learner_is_told_of_its_source():
    chain = gl.Chain(gl.Gaussian(var=9.0), Knows(), gl.Replace(10), n0=10)
    assert [g.model.var for g in taken(chain, 2)] == [9.0, 9.0]


class Drawing:
    """A model that draws what it is told to."""

    def __init__(self, drawn):
        self.drawn = drawn

    def sample(self, n, rng):
        return self.drawn(n)


class Learning:
    """A learner that returns what it is told to."""

    def __init__(self, model):
        self.model = model

    def fit(self, data, rng):
        return self.model


def broken(model):
    return lambda: taken(gl.Chain(gl.Gaussian(), Learning(model), gl.Accumulate(10), n0=10), 3)


BROKEN = {
    "no model": (broken(None), "Learning"),
    "a number": (broken(3), "Learning"),
    "a class": (broken(gl.Gaussian), "Learning"),
    "too few rows": (broken(Drawing(lambda n: np.zeros(n - 1))), "9"),
    "columns": (broken(Drawing(lambda n: np.zeros((n, 2)))), "(2,), real rows have shape ()"),
    "nan": (broken(Drawing(lambda n: np.full(n, np.nan))), "NaN"),
    "infinite": (broken(Drawing(lambda n: np.full(n, np.inf))), "infinite"),
    "nan source": (
        lambda: taken(gl.Chain(Drawing(lambda n: np.full(n, np.nan)), Foreign(), gl.Replace(), 4), 1),
        "NaN",
    ),
    "short source": (lambda: taken(gl.Chain(Drawing(lambda n: np.zeros(2)), Foreign(), gl.Replace(), 4), 1), "4"),
    "no source": (
        lambda: gl.Chain(3, Foreign(), gl.Replace(), 4),
        "source: int is not a source: give it sample(n, rng)",
    ),
    "source class": (lambda: gl.Chain(gl.Gaussian, Foreign(), gl.Replace(), 4), "source: Gaussian is a class"),
    "learner class": (lambda: gl.Chain(gl.Gaussian(), gl.GaussianMLE, gl.Replace(), 4), "learner: GaussianMLE"),
    "no learner": (lambda: gl.Chain(gl.Gaussian(), None, gl.Replace(), 4), "learner: NoneType"),
    "no regime": (lambda: gl.Chain(gl.Gaussian(), Foreign(), None, 4), "regime: NoneType is not a regime"),
    "regime class": (lambda: gl.Chain(gl.Gaussian(), Foreign(), gl.Replace, 4), "regime: Replace is a class"),
    "no curator": (
        lambda: gl.Chain(gl.Gaussian(), Foreign(), gl.Replace(), 4, curator=3),
        "curator: int is not a curator",
    ),
    "n0 = 0": (lambda: gl.Chain(gl.Gaussian(), Foreign(), gl.Replace(), 0), "n0: 0 rows"),
    "n0 < 0": (lambda: gl.Chain(gl.Gaussian(), Foreign(), gl.Replace(), -4), "n0: -4 rows"),
    "n0 fraction": (lambda: gl.Chain(gl.Gaussian(), Foreign(), gl.Replace(), 4.5), "n0: 4.5 is not a number of rows"),
    "n0 nan": (lambda: gl.Chain(gl.Gaussian(), Foreign(), gl.Replace(), float("nan")), "n0: nan is not a number"),
    "n0 schedule": (
        lambda: gl.Chain(gl.Gaussian(), Foreign(), gl.Replace(), gl.Constant(3)),
        "n0: Constant(n=3) is no",
    ),
    "cold": (
        lambda: gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(), 4, warm_start=True),
        "warm_start: GaussianMLE cannot go on from a model; give it refit(parent, data, rng)",
    ),
    "engine": (lambda: taken(GAUSSIAN, 1, "fast"), "engine: no engine 'fast'; known engines: exact, rows"),
    "one row": (lambda: taken(gl.Chain(gl.Gaussian(), gl.GaussianMLE(ddof=1), gl.Replace(), 1), 1), "at least 2 rows"),
}


@pytest.mark.parametrize(("run", "said"), BROKEN.values(), ids=BROKEN)
def test_a_broken_contract_is_one_line(run, said):
    with pytest.raises(SpecError) as error:
        run()
    assert said in str(error.value)
    assert "\n" not in str(error.value)


NOT_EXACT = {
    "foreign learner": (gl.Chain(gl.Gaussian(), Foreign(), gl.Replace(), 4), "Foreign"),
    "foreign source": (gl.Chain(Drawing(np.zeros), gl.GaussianMLE(), gl.Replace(), 4), "source: Drawing has no"),
    "rows curator": (
        gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(), 4, gl.TopFraction(abs, 0.5)),
        "curator: TopFraction needs the rows",
    ),
    "reused rows": (
        gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Accumulate(), 4, gl.Subsample(4)),
        "curator: Subsample subsamples rows that Accumulate uses again, and Moments has forgotten which",
    ),
    "composed": (
        gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(), 4, gl.Then((gl.Subsample(4), gl.TopFraction(abs, 1)))),
        "curator: Then needs the rows",
    ),
}


@pytest.mark.parametrize(("chain", "said"), NOT_EXACT.values(), ids=NOT_EXACT)
def test_what_has_no_exact_form_is_named(chain, said):
    with pytest.raises(NotExact) as error:
        taken(chain, 1, "exact")
    assert said in str(error.value)
    assert "use engine='rows'" in str(error.value)


class Adds(Moments):
    """Counts additions and the rows it was made of."""

    __slots__ = ()
    added = 0
    read = 0

    def __add__(self, other):
        Adds.added += 1
        return super().__add__(other)

    @classmethod
    def of(cls, data):
        if not isinstance(data, cls):
            Adds.read += data.rows.size if hasattr(data, "rows") else len(data)
        return super().of(data)


@dataclass(frozen=True)
class AddsSource(gl.Gaussian):
    """A source and model that deals counting statistics."""

    drawn = 0

    def draw(self, n, rng, shape=()):
        AddsSource.drawn += 1
        moments = super().draw(n, rng, shape)
        return Adds(moments.n, moments.mean, moments.m2)


class AddsMLE:
    statistic = Adds
    batched = True

    def fit(self, data, rng):
        s = Adds.of(data)
        return AddsSource(s.mean, s.m2 / s.n)


@pytest.mark.parametrize("regime", [gl.Accumulate(10), gl.FixedReal(10, 4), gl.Window(10, 3)], ids=repr)
@pytest.mark.parametrize("engine", ["rows", "exact"])
def test_t_generations_cost_t_additions_and_t_draws(regime, engine):
    chain = gl.Chain(AddsSource(), AddsMLE(), regime, n0=10)
    costs = []
    for generations in (100, 200):
        Adds.added = Adds.read = AddsSource.drawn = 0
        taken(chain, generations, engine, replicates=2 if engine == "exact" else None)
        costs.append((Adds.added, Adds.read if engine == "rows" else AddsSource.drawn))
    (added, drawn), (added_twice, drawn_twice) = costs
    assert 100 <= added + 4 <= 304
    assert added_twice <= 2 * added + 8
    assert drawn <= (1010 if engine == "rows" else 110)
    assert drawn_twice <= 2 * drawn + 10


@pytest.mark.parametrize("engine", ["rows", "exact"])
@pytest.mark.parametrize("curator", [gl.KeepAll(), gl.Subsample(5)])
def test_a_replicate_looked_at_alone_has_its_own_data(engine, curator):
    """A probe that is called replicate by replicate sees that replicate's pool, not everybody's."""
    if engine == "exact" and not isinstance(curator, gl.KeepAll):
        chain = gl.Chain(gl.Zipf(6), gl.CategoricalMLE(), gl.Accumulate(8), n0=8, curator=curator)
    else:
        chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Accumulate(8), n0=8, curator=curator)
    generation = next(itertools.islice(chain.generations(gl.Streams(3), engine, 4), 2, None))
    learner = chain.learner
    for i, one in enumerate(generation.each()):
        again = learner.fit(one.train.data, np.random.default_rng(0))
        model = generation.model.pick(i)
        for name in ("mean", "var", "p"):
            if hasattr(model, name):
                expected = getattr(model, name)
                np.testing.assert_allclose(np.atleast_1d(getattr(again, name)), np.atleast_1d(expected))
        assert one.pool.size == 24
        assert one.train.real_share == np.broadcast_to(generation.train.real_share, 4)[i]
