"""Only what is asked is computed: replicate i is the same, bit for bit, however many replicates run beside it."""

import itertools

import numpy as np
import pytest

import genloss as gl

MANY = 7
PAIRS = {
    "gaussian": (gl.Gaussian(1.0, 2.0), gl.GaussianMLE()),
    "gaussian, tempered": (gl.Gaussian(), gl.GaussianMLE(ddof=1, temperature=0.9)),
    "normal": (gl.MultivariateGaussian(np.zeros(3)), gl.MultivariateGaussianMLE()),
    "categorical": (gl.Zipf(12), gl.CategoricalMLE()),
    "categorical, smoothed": (gl.Zipf(12), gl.CategoricalMLE(alpha=0.5, top_k=8)),
    "next token": (gl.NextToken([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]], [0.7, 0.3]), gl.SoftmaxMLE()),
    "poisson": (gl.Poisson(3.0), gl.PoissonMLE()),
    "exponential": (gl.Exponential(2.0), gl.ExponentialMLE()),
    "bernoulli": (gl.Bernoulli(0.4), gl.BernoulliMLE()),
    "uniform": (gl.Uniform(2.0), gl.UniformMLE()),
    "pareto": (gl.Pareto(1.0, 3.0), gl.ParetoMLE()),
    "regression": (gl.LinearModel([1.0, -1.0]), gl.OLS()),
    "regression norm": (gl.RegressionNorm(3), gl.OLSNorm()),
    "kde": (gl.Gaussian(), gl.KDE(0.2)),
    "kde, vectors": (gl.MultivariateGaussian(np.zeros(2)), gl.KDE()),
    "mixture": (gl.Mixture(), gl.MixtureEM(k=2)),
    "mixture, vectors": (gl.MultivariateGaussian(np.zeros(3)), gl.MixtureEM(k=2)),
    "rows": (gl.Rows(np.random.default_rng(0).normal(size=200)), gl.GaussianMLE()),
}
REGIMES = {
    "replace": gl.Replace(20),
    "accumulate": gl.Accumulate(20),
    "fresh": gl.FreshReal(20, 0.5),
    "binomial": gl.FreshReal(20, 0.5, "binomial"),
    "fixed": gl.FixedReal(20, 8),
    "window": gl.Window(20, 2),
    "past": gl.PastModels(20),
}
CURATORS = {
    "all": gl.KeepAll(),
    "subsample": gl.Subsample(15),
    "with replacement": gl.Subsample(15, replacement=True),
    "filter": gl.ImperfectFilter(0.3, 0.1),
    "preferred": gl.Preferred(1.0, k=2),
}
PROBES = {
    "variance": gl.probes.total_variance,
    "tails": gl.probes.TailRatio(),
    "w1": gl.probes.W1(rows=50),
    "energy": gl.probes.Energy(rows=20),
    "entropy": gl.probes.Entropy(rows=50),
    "rank": gl.probes.EffectiveRank(rows=50),
    "lost": gl.probes.LostMass(rows=50),
    "recall": gl.probes.Recall(rows=50),
    "heterozygosity": gl.probes.heterozygosity,
    "risk": gl.probes.excess_risk,
    "plain": lambda g, rng: float(rng.random()) + g.t,
}


def measured(chain, engine, replicates, probes, **more):
    """What runs; None if the engine cannot run the chain."""
    try:
        return gl.run(chain, probes, generations=3, replicates=replicates, seed=11, engine=engine, bootstrap=0, **more)
    except (gl.NotExact, AttributeError):
        return None  # some families have no rows, others no statistic


def applicable(chain, engine):
    """The probes that can measure the chain."""
    probes = {}
    for name, probe in PROBES.items():
        try:
            if measured(chain, engine, 1, {name: probe}) is not None:
                probes[name] = probe
        except gl.SpecError:
            continue
    return probes


@pytest.mark.parametrize("engine", ["rows", "exact"])
@pytest.mark.parametrize("pair", PAIRS)
def test_every_probe_of_every_family(pair, engine):
    chain = gl.Chain(*PAIRS[pair], gl.FreshReal(20, 0.5), n0=20)
    probes = applicable(chain, engine)
    if not probes:
        return  # this engine cannot run the family
    assert len(probes) >= 2
    many = measured(chain, engine, MANY, probes)
    for few in (1, 3):
        some = measured(chain, engine, few, probes)
        for name in probes:
            np.testing.assert_array_equal(some[name].values, many[name].values[:few], err_msg=name)


@pytest.mark.parametrize(("regime", "curator"), list(itertools.product(REGIMES, CURATORS)))
@pytest.mark.parametrize("pair", ["gaussian", "normal", "categorical", "kde", "regression norm"])
@pytest.mark.parametrize("engine", ["rows", "exact"])
def test_every_regime_and_curator(pair, regime, curator, engine):
    source, learner = PAIRS[pair]
    chain = gl.Chain(source, learner, REGIMES[regime], n0=20, curator=CURATORS[curator])
    probes = {"real": gl.probes.real_share, "entropy": gl.probes.Entropy(rows=20), "variance": lambda g: g.model.var}
    wanted = {"gaussian": "variance", "categorical": "entropy", "normal": "entropy"}.get(pair, "real")
    probes = {"real": probes["real"], wanted: probes[wanted]}
    try:
        many = measured(chain, engine, MANY, probes)
    except gl.SpecError:
        return
    if many is None:
        return
    some = measured(chain, engine, 2, probes)
    for name in probes:
        np.testing.assert_array_equal(some[name].values, many[name].values[:2], err_msg=name)


@pytest.mark.parametrize("engine", ["rows", "exact"])
def test_across_the_border_of_a_block(engine):
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Accumulate(20), n0=20)
    probes = {"variance": gl.probes.variance}
    many = measured(chain, engine, 2_200, probes)["variance"].values
    for few in (1_000, 1_025, 2_100):
        np.testing.assert_array_equal(measured(chain, engine, few, probes)["variance"].values, many[:few])
    assert len(np.unique(many[:, -1])) == len(many)


def test_a_replicate_that_is_added_draws_numbers_of_its_own():
    """A prefix that holds because all replicates were alike would prove nothing."""
    for pair in PAIRS:
        chain = gl.Chain(*PAIRS[pair], gl.Replace(20), n0=20)
        for engine in ("rows", "exact"):
            probes = applicable(chain, engine)
            if probes:
                many = measured(chain, engine, MANY, probes)
                assert any(len(np.unique(many[name].values[:, -1].reshape(MANY, -1), axis=0)) > 2 for name in probes)
