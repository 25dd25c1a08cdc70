"""The stated false-alarm rate of `stages` holds, and what theory says is lost is found where theory says so."""

import numpy as np
import pytest
from scipy.special import psi

from genloss.chain.curators import TopFraction
from genloss.chain.meta import probe
from genloss.chain.recursion import Chain
from genloss.chain.regimes import Accumulate, FreshReal, Replace
from genloss.families.gaussian import Gaussian, GaussianMLE
from genloss.probes import variance
from genloss.runs.run import run
from genloss.stages.bounds import Bounds
from genloss.stages.judging import Judge
from genloss.stages.verdict import stages
from helpers import SIGMAS
from made_results import attrs, made

pytestmark = pytest.mark.statistical
ALPHA = 0.05
T = 12
LAWS = {
    "normal": ("higher", "linear", lambda rng, shape: rng.normal(10, 1, shape)),
    "lognormal": ("higher", "linear", lambda rng, shape: rng.lognormal(0, 1, shape)),
    "lognormal lost": ("lower", "linear", lambda rng, shape: np.minimum(0.01 * rng.lognormal(0, 1, shape), 1)),
    "chi-squared": ("higher", "log", lambda rng, shape: rng.chisquare(9, shape) / 9),
    "inverse chi-squared": ("lower", "log", lambda rng, shape: 9 / rng.chisquare(9, shape)),
    "binomial": ("higher", "linear", lambda rng, shape: rng.binomial(20, 0.5, shape) / 20),
    "rare binomial": ("lower", "linear", lambda rng, shape: rng.binomial(100, 0.02, shape) / 100),
    "heavy": ("higher", "linear", lambda rng, shape: 20 + rng.standard_t(3, shape)),
}
# (replicates, chains, redraws): one chain, few and many replicates; against itself, a control, or generation 0
SETTINGS = [
    (1, ["fresh"], 20),
    (1, ["loop", "fresh"], 0),
    (1, ["loop"], 20),
    (3, ["loop", "fresh"], 0),
    (8, ["loop", "fresh"], 0),
    (8, ["loop"], 0),
    (100, ["fresh"], 0),
    (100, ["loop"], 0),
]


def still(rng, law, replicates, chains, redraws, lose=0.0):
    """Chains that lose nothing (or from generation 3 on, so much of everything that is better when higher)."""
    better, scale, draw = LAWS[law]
    shape = (len(chains), replicates, T + 1)
    probes = {}
    for name, role in (("a", "tails"), ("b", "tails"), ("c", "spread")):
        values = draw(rng, shape)
        values[0, :, 3:] = values[0, :, 3:] * (1 - lose)
        probes[name] = (values, attrs(role, better, scale))
    drawn = {name: draw(rng, (len(chains), redraws)) for name in probes} if redraws else None
    return made(probes, chains, redraws=drawn)


def called(stage):
    return stage.early is not None or stage.late is not None


@pytest.mark.parametrize("law", LAWS)
def test_a_chain_that_loses_nothing_is_rarely_called(law, seed):
    rng = np.random.default_rng([seed, len(law)])
    alarms = []
    for setting in SETTINGS:
        for _ in range(25):
            result = still(rng, law, *setting)
            alarm = called(stages(result, alpha=ALPHA, tail_margin=0, spread_margin=0)[0])
            alarms.append(alarm)
            if alarm:
                continue
            if len(alarms) % 8 == 0:
                assert not called(stages(result, alpha=ALPHA)[0]), "a margin can only take calls away"
    error = np.sqrt(ALPHA * (1 - ALPHA) / len(alarms))
    assert np.mean(alarms) < ALPHA + SIGMAS * error


def test_judging_every_generation_by_itself_would_raise_false_alarms(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    right = Judge.__init__

    def mistaken(self, *args):
        right(self, *args)
        self.levels = dict.fromkeys(self.levels, ALPHA)

    monkeypatch.setattr(Judge, "__init__", mistaken)
    monkeypatch.setattr(Bounds, "beyond", lambda self, margin: self.low > margin)
    results = [still(rng, "normal", 8, ["loop", "fresh"], 0) for _ in range(80)]
    alarms = [called(stages(result, alpha=ALPHA, tail_margin=0, spread_margin=0)[0]) for result in results]
    assert (np.mean(alarms) - ALPHA) / np.sqrt(ALPHA * (1 - ALPHA) / len(alarms)) > 20


@pytest.mark.parametrize("setting", [setting for setting in SETTINGS if "loop" in setting[1]])
def test_a_real_loss_is_found(setting, seed):
    rng = np.random.default_rng(seed)
    found = [stages(still(rng, "normal", *setting, lose=0.9))[0] for _ in range(10)]
    assert sum(stage.early == 3 for stage in found) >= 7


@probe(role="tails", scale="log", vectorized=True)
def reach(g):
    """How far the quantiles of a normal model lie from its median, in units of the truth's."""
    return np.sqrt(g.model.var)


@probe(role="average", vectorized=True)
def closeness(g):
    """What a reader who likes rows near 0 sees on average."""
    return -np.sqrt(g.model.var + g.model.mean**2)


PROBES = {"variance": variance, "reach": reach}


@pytest.mark.parametrize("replicates", [1, 3, 30, 300])
def test_a_gaussian_chain_on_fresh_real_data_does_not_collapse(replicates, seed):
    chains = {n: Chain(Gaussian(), GaussianMLE(), FreshReal(n), n0=n) for n in (5, 10, 100)}
    alarms = []
    for i in range(4 if replicates > 3 else 12):
        result = run(chains, PROBES, generations=30, replicates=replicates, seed=1000 * seed + i, engine="exact")
        found = stages(result)
        assert all(stage.control for stage in found)
        alarms += [called(stage) for stage in stages(result, tail_margin=0)]
        alarms += [called(stage) for stage in found]
    assert np.mean(alarms) < ALPHA + SIGMAS * np.sqrt(ALPHA * (1 - ALPHA) / (len(alarms) / 2))


def onset(n, ddof, share, power):
    """The first generation at which the mean log of variance ** power has lost this share, from E log chi-squared."""
    drift = psi((n - 1) / 2) - np.log((n - ddof) / 2)
    return int(np.ceil(np.log(1 - share) / (power * drift)))


@pytest.mark.parametrize("ddof", [0, 1])
def test_replace_collapses_when_theory_says(ddof, seed):
    """The unbiased chain too: its mean variance stays what it was, but the typical chain collapses."""
    learner = GaussianMLE(ddof)
    chains = {
        "loop": Chain(Gaussian(), learner, Replace(100), 100),
        "fresh": Chain(Gaussian(), learner, FreshReal(100), 100),
    }
    found = stages(run(chains, PROBES, generations=120, replicates=2000, seed=seed, engine="exact"))
    loop = found.of(chain="loop")
    early, late = onset(100, ddof, 0.05, 0.5), onset(100, ddof, 0.5, 1)
    assert early <= loop.early <= early + 4 + 4 * ddof
    assert late <= loop.late <= late + 6 + 12 * ddof
    assert loop.after == "goes on"
    assert found.of(chain="fresh").stage == "no collapse"


def test_accumulating_does_not_go_on_collapsing(seed):
    chains = {str(n): Chain(Gaussian(), GaussianMLE(), Accumulate(n), n) for n in (4, 100)}
    found = stages(run(chains, PROBES, generations=100, replicates=3000, seed=seed, engine="exact"))
    assert found.of(chain="100").stage == "no collapse"
    small = found.of(chain="4")
    assert (small.stage, small.after) == ("early collapse", "holds")
    assert 1 <= small.early <= 3


@pytest.mark.parametrize("replicates", [1, 5])
def test_choosing_the_best_rows_masks_the_loss_of_tails(replicates, seed):
    best = TopFraction(lambda rows: -np.abs(rows), 0.9)
    chains = {
        "chosen": Chain(Gaussian(), GaussianMLE(), Replace(300), 300, curator=best),
        "fresh": Chain(Gaussian(), GaussianMLE(), FreshReal(300), 300),
    }
    result = run(chains, PROBES | {"closeness": closeness}, generations=8, replicates=replicates, seed=seed)
    found = stages(result)
    chosen = found.of(chain="chosen")
    assert (chosen.stage, chosen.early, chosen.masked) == ("late collapse", 1, True)
    assert "The average improved (closeness" in chosen.text
    assert not found.of(chain="fresh").masked
