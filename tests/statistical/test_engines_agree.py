"""The exact engine, rows side by side and rows chain by chain train the same models, for every family and regime."""

import itertools

import numpy as np
import pytest

from exact_families import FAMILIES
from genloss.chain.curators import Subsample
from genloss.chain.recursion import Chain
from genloss.chain.regimes import Accumulate, FixedReal, FreshReal, PastModels, Replace, Window
from genloss.chain.seeds import Streams
from genloss.errors import NotExact
from genloss.families.categorical import Categorical, CategoricalMLE
from genloss.families.gaussian import Gaussian, GaussianMLE
from genloss.families.multivariate import MultivariateGaussian, MultivariateGaussianMLE
from genloss.families.regression import OLS, LinearModel, OLSNorm, RegressionNorm
from helpers import assert_same_mean

pytestmark = pytest.mark.statistical
T = 4
MANY, FEW = 6_000, 300
REGIMES = {
    "replace": Replace(),
    "accumulate": Accumulate(),
    "fresh-real": FreshReal(real_fraction=0.4),
    "fixed-real": FixedReal(n_real=2),
    "window": Window(k=2),
}
BINOMIAL = FreshReal(real_fraction=0.6, composition="binomial")


def last_model(chain, seed, block, engine, replicates):
    return next(itertools.islice(chain.generations(Streams(seed, block), engine, replicates), T, None)).model


def summaries(family, chain, seed, engine, replicates, *, singly=False):
    """A row of numbers per replicate: each of the family's summaries of the model of generation T, and its square."""
    if singly:
        runs = [(last_model(chain, seed, 10 + i, engine, None)) for i in range(replicates)]
        found = np.array([family.summary(model, chain.source) for model in runs], dtype=float)
    else:
        block = 1 if engine == "rows" else 2
        found = np.stack(family.summary(last_model(chain, seed, block, engine, replicates), chain.source), -1)
    return np.concatenate((found, found**2), -1)


def chain_of(family, regime):
    return Chain(family.source, family.learner, regime, n0=family.n)


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("name", FAMILIES)
def test_exact_agrees_with_rows(name, regime, seed):
    family = FAMILIES[name]
    chain = chain_of(family, REGIMES[regime])
    exact, rows = (summaries(family, chain, seed, engine, MANY) for engine in ("exact", "rows"))
    assert_same_mean(exact, rows, power=0.35)


@pytest.mark.parametrize("regime", [BINOMIAL, PastModels()], ids=["binomial-fresh-real", "past-models"])
@pytest.mark.parametrize("name", FAMILIES)
def test_exact_agrees_with_rows_where_sizes_are_random(name, regime, seed):
    """Every replicate has its own number of real rows; the rows engine runs chain by chain."""
    family = FAMILIES[name]
    chain = chain_of(family, regime)
    exact = summaries(family, chain, seed, "exact", MANY)
    rows = summaries(family, chain, seed, "rows", FEW, singly=True)
    assert_same_mean(exact, rows, power=0.65)


@pytest.mark.parametrize("name", FAMILIES)
def test_rows_side_by_side_agree_with_single_chains(name, seed):
    family = FAMILIES[name]
    chain = chain_of(family, REGIMES["accumulate"])
    batched = summaries(family, chain, seed, "rows", MANY)
    single = summaries(family, chain, seed, "rows", FEW, singly=True)
    assert_same_mean(batched, single, power=0.65)


@pytest.mark.parametrize("name", FAMILIES)
def test_one_exact_chain_agrees_with_many(name, seed):
    family = FAMILIES[name]
    chain = chain_of(family, REGIMES["window"])
    many = summaries(family, chain, seed, "exact", MANY)
    single = summaries(family, chain, seed, "exact", FEW, singly=True)
    assert_same_mean(many, single, power=0.65)


@pytest.mark.parametrize("name", ["gaussian", "normal", "categorical", "softmax"])
@pytest.mark.parametrize("regime", [Replace(), Accumulate()], ids=["replace", "accumulate"])
def test_engines_agree_on_subsampled_training_sets(name, regime, seed):
    """Counts may be subsampled in every regime; moments where no row is used twice."""
    family = FAMILIES[name]
    chain = Chain(family.source, family.learner, regime, n0=family.n, curator=Subsample(6))
    if isinstance(regime, Accumulate) and not family.learner.statistic.reusable:
        with pytest.raises(NotExact, match="has forgotten which"):
            summaries(family, chain, seed, "exact", 2)
        return
    exact, rows = (summaries(family, chain, seed, engine, MANY) for engine in ("exact", "rows"))
    assert_same_mean(exact, rows, power=0.35)


def test_norm_only_regression_agrees_with_rows(seed):
    regime = Replace(15)
    rows = last_model(Chain(LinearModel(np.ones(3)), OLS(), regime, n0=15), seed, 1, "rows", MANY)
    norm = last_model(Chain(RegressionNorm(3), OLSNorm(), regime, n0=15), seed, 2, "exact", MANY)
    assert_same_mean(norm.risk, rows.excess_risk(LinearModel(np.ones(3))), power=0.15)


MISTAKES = {
    "n - 1 for n": (
        Chain(Gaussian(), GaussianMLE(ddof=0), Replace(), n0=8),
        Chain(Gaussian(), GaussianMLE(ddof=1), Replace(), n0=8),
        lambda model: model.var,
    ),
    "n - 1 for n in three dimensions": (
        Chain(MultivariateGaussian(np.zeros(3)), MultivariateGaussianMLE(ddof=0), Replace(), n0=8),
        Chain(MultivariateGaussian(np.zeros(3)), MultivariateGaussianMLE(ddof=1), Replace(), n0=8),
        lambda model: model.cov[:, 0, 0],
    ),
    "diploid for haploid drift": (
        Chain(Categorical.uniform(4), CategoricalMLE(), Replace(), n0=8),
        Chain(Categorical.uniform(4), CategoricalMLE(), Replace(), n0=16),
        lambda model: 1 - np.square(model.p).sum(-1),
    ),
    "a forgotten generation": (
        Chain(LinearModel(np.ones(2)), OLS(), Accumulate(), n0=8),
        Chain(LinearModel(np.ones(2)), OLS(), Window(k=2), n0=8),
        lambda model: model.excess_risk(LinearModel(np.ones(2))),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_classic_mistake_is_seen(mistake, seed):
    right, wrong, measure = MISTAKES[mistake]
    one = measure(last_model(right, seed, 2, "exact", 4 * MANY))
    other = measure(last_model(wrong, seed, 1, "rows", 4 * MANY))
    error = np.sqrt(one.var() / (4 * MANY) + other.var() / (4 * MANY))
    apart = abs(one.mean() - other.mean()) / error
    assert apart > 20, f"the mistake shows at {apart:.1f} standard errors only"
