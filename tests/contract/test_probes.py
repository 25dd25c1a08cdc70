"""Every probe that ships keeps the contract: it says what it is, and runs through `run` in every engine that can."""

import inspect

import numpy as np
import pytest

import genloss as gl
from genloss import probes
from genloss.families.categorical import Categorical, CategoricalMLE
from genloss.families.exponential import Exponential, ExponentialMLE, Poisson, PoissonMLE
from genloss.families.kde import KDE
from genloss.families.mixture import Mixture, MixtureEM
from genloss.families.multivariate import MultivariateGaussian, MultivariateGaussianMLE
from genloss.families.regression import OLS, LinearModel
from genloss.families.softmax import NextToken, SoftmaxMLE
from genloss.families.tables import Rows

LABELLED = np.random.default_rng(0).normal(size=(150, 2)) + 6 * np.repeat([[0, 0], [0, 1], [1, 0]], 50, 0)


class Resample:
    """A user's learner: plain Python, one chain at a time."""

    def fit(self, data, rng):
        return Resampler(data)


class Resampler:
    def __init__(self, rows):
        self.rows = rows

    def sample(self, n, rng):
        return rng.choice(self.rows, n)


CHAINS = {
    "gaussian": (gl.Gaussian(), gl.GaussianMLE()),
    "vectors": (MultivariateGaussian([0.0, 0.0], [2.0, 1.0]), MultivariateGaussianMLE()),
    "symbols": (Categorical.zipf(20), CategoricalMLE()),
    "next tokens": (NextToken([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]), SoftmaxMLE()),
    "counts": (Poisson(3.0), PoissonMLE()),
    "waiting": (Exponential(2.0), ExponentialMLE()),
    "regression": (LinearModel([1.0, 2.0]), OLS()),
    "density": (gl.Gaussian(), KDE(0.2)),
    "mixture": (Mixture(), MixtureEM(k=2)),
    "labelled": (Rows(LABELLED, labels=np.repeat(["a", "b", "c"], 50)), MixtureEM(k=3)),
    "user": (Rows(np.random.default_rng(1).normal(size=200)), Resample()),
}
NUMBERS = {"gaussian", "counts", "waiting", "density", "mixture", "user"}
SYMBOLS = {"symbols", "next tokens"}
VECTORS = {"vectors", "regression", "labelled"}
MEASURED = {
    probes.variance: NUMBERS - {"user"},
    probes.total_variance: NUMBERS | VECTORS,
    probes.Entropy(rows=50): NUMBERS | VECTORS | SYMBOLS,
    probes.heterozygosity: SYMBOLS,
    probes.EffectiveRank(rows=50): VECTORS,
    probes.LostMass(rows=50, bins=10): NUMBERS | SYMBOLS | {"labelled"},
    probes.Support(rows=50, bins=10): NUMBERS | SYMBOLS | {"labelled"},
    probes.Recall(rows=50, real=60): NUMBERS | VECTORS | SYMBOLS,
    probes.TailRatio(q=0.1, rows=50): NUMBERS | VECTORS,
    probes.ExpectedShortfall(q=0.1, rows=50): NUMBERS | VECTORS,
    probes.W1(rows=50): NUMBERS,
    probes.W2(rows=50): NUMBERS | {"vectors"},
    probes.SlicedW2(projections=4, rows=50, real=60): NUMBERS | VECTORS,
    probes.Energy(rows=50, real=60): NUMBERS | VECTORS,
    probes.KLForward(): SYMBOLS | {"gaussian", "vectors", "counts", "waiting"},
    probes.KLReverse(): SYMBOLS | {"gaussian", "vectors", "counts", "waiting"},
    probes.excess_risk: {"regression"},
    probes.ModeOccupancy(rows=50): SYMBOLS | {"mixture", "labelled"},
    probes.Confusion(rows=50): {"mixture", "labelled"},
    probes.Precision(rows=50, real=60): NUMBERS | VECTORS,
    probes.MeanScore(np.abs, rows=50): NUMBERS,
}
LABELS = {
    (probes.Recall, "symbols"): ("band", ["top 50%", "50-90%", "90-99%", "rarest 1%"]),
    (probes.Recall, "labelled"): ("class", ["a", "b", "c"]),
    (probes.Recall, "mixture"): ("class", [0, 1]),
    (probes.Recall, "gaussian"): ("class", ["all"]),
    (probes.TailRatio, "gaussian"): ("side", ["lower 0.1", "upper 0.1"]),
    (probes.ExpectedShortfall, "vectors"): ("side", ["lower 0.1", "upper 0.1"]),
    (probes.ModeOccupancy, "labelled"): ("class", ["a", "b", "c"]),
}
SHIPPED = [getattr(probes, name) for name in probes.__all__ if name not in ("Meta", "meta_of", "probe")]


def name_of(probe):
    return getattr(probe, "__name__", type(probe).__name__)


def chain_of(name):
    source, learner = CHAINS[name]
    return gl.Chain(source, learner, gl.Replace(40), n0=40)


def measured_on(name):
    return {name_of(probe): probe for probe, chains in MEASURED.items() if name in chains}


def engines(chain):
    try:
        chain.check_exact()
    except gl.NotExact:
        return ["rows"]
    return ["rows", "exact"]


CASES = [(name, engine) for name in CHAINS for engine in engines(chain_of(name))]


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda probe: probe.__name__)
def test_every_probe_says_what_it_is(shipped):
    # What only laws speak of decides no verdict; tests/statistical/test_laws.py measures each through `run`.
    of_laws = shipped.__module__ in ("genloss.probes.drift", "genloss.probes.parameters")
    assert shipped.role in ("spread", "tails", "distance", "concepts", "language", "average") or of_laws
    assert shipped.better in ("higher", "lower")
    assert shipped.scale in ("linear", "log")
    assert getattr(shipped, "vectorized", False) in (True, False)
    assert inspect.getdoc(shipped)
    if of_laws:
        assert shipped.__name__ in {law.probe for law in gl.theory.LAWS.values()} | {"mean"}
        return
    assert shipped.__module__ == "genloss.probes.language" or shipped.__name__ in {name_of(probe) for probe in MEASURED}


@pytest.mark.parametrize("replicates", [1, 3])
@pytest.mark.parametrize(("name", "engine"), CASES)
def test_every_probe_runs(name, engine, replicates):
    wanted = measured_on(name)
    result = gl.run(chain_of(name), wanted, generations=1, replicates=replicates, seed=3, engine=engine, bootstrap=2)
    for each, probe in wanted.items():
        found = result[each]
        assert found.dims[:2] == ("replicate", "generation")
        assert found.shape[:2] == (replicates, 2)
        assert found.attrs["role"] == probe.role
        empty_bands = each == "Recall"
        assert not np.isnan(found).all() if empty_bands else not np.isnan(found).any(), each
        dim, labels = LABELS.get((type(probe), name), (None, None))
        if dim is not None:
            own = found.dims[2]
            assert own.endswith(dim)
            assert found[own].values.tolist() == labels
        if each in ("Recall", "ModeOccupancy"):
            assert len(found.attrs["noise"]) == found.shape[2]


@pytest.mark.parametrize("name", CHAINS)
def test_every_other_probe_refuses_in_one_line(name):
    chain = chain_of(name)
    generation = next(chain.generations(gl.Streams(1)))
    for probe, chains in MEASURED.items():
        if name in chains or isinstance(probe, probes.MeanScore):
            continue
        takes_rng = len(inspect.signature(probe).parameters) > 1
        with pytest.raises(gl.SpecError, match=r"^probe [a-z0-9-]+: measures ") as error:
            probe(generation, *([np.random.default_rng(0)] * takes_rng))
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["gaussian", "symbols", "vectors", "density", "labelled"])
def test_side_by_side_a_probe_gives_one_value_a_replicate(name):
    chain = chain_of(name)
    generation = next(chain.generations(gl.Streams(1), replicates=4))
    for each, probe in measured_on(name).items():
        if each == "MeanScore":
            continue
        takes_rng = len(inspect.signature(probe).parameters) > 1
        found = np.asarray(probe(generation, *([np.random.default_rng(0)] * takes_rng)), dtype=float)
        assert found.shape[0] == 4, each
        assert found.ndim <= 2, each
