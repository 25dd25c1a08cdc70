"""A family touches one file: everything that ships works with a complete one that is written here."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import genloss as gl
from genloss.chain import capabilities
from genloss.chain.data import Batch, Statistic
from genloss.probes.defaults import usual
from genloss.testing import check_learner, check_source, offers


@dataclass(frozen=True)
class Sum(Statistic):
    n: int
    total: float

    @classmethod
    def of(cls, data):
        if isinstance(data, Sum):
            return data
        rows = data.rows if isinstance(data, Batch) else np.asarray(data)
        return cls(rows.shape[-1], np.abs(rows).sum(-1))

    def __add__(self, other):
        return Sum(self.n + other.n, self.total + other.total)


@dataclass(frozen=True)
class Laplace:
    """Two-sided exponential law; a family of nobody else's."""

    scale: float = 1.0

    def pick(self, i):
        return Laplace(float(self.scale[i])) if np.ndim(self.scale) else self

    @property
    def var(self):
        return 2 * self.scale**2

    def sample(self, n, rng):
        return rng.laplace(0, self.scale, n)

    def sample_batch(self, n, rng, replicates):
        return Batch(rng.laplace(size=(replicates, n)) * np.asarray(self.scale)[..., None])

    def draw(self, n, rng, shape=()):
        return Sum(n, rng.standard_gamma(n, shape or None) * self.scale)

    def quantile(self, q):
        side = np.sign(q - 0.5)
        return np.asarray(self.scale)[..., None] * -side * np.log1p(-2 * np.abs(q - 0.5))

    def entropy(self):
        return 1 + np.log(2 * self.scale)

    def kl(self, other):
        if not isinstance(other, Laplace):
            return NotImplemented
        return self.scale / other.scale - 1 - np.log(self.scale / other.scale)


@dataclass(frozen=True)
class LaplaceMLE:
    batched: ClassVar[bool] = True
    statistic: ClassVar[type] = Sum

    def fit(self, data, rng):
        found = Sum.of(data)
        return Laplace(found.total / found.n)


CHAIN = gl.Chain(Laplace(2.0), LaplaceMLE(), gl.Replace(30), n0=30)
PROBES = {
    "variance": gl.probes.variance,
    "tails": gl.probes.TailRatio(),
    "shortfall": gl.probes.ExpectedShortfall(),
    "w1": gl.probes.W1(),
    "w2": gl.probes.W2(),
    "entropy": gl.probes.Entropy(),
    "kl_forward": gl.probes.KLForward(),
    "kl_reverse": gl.probes.KLReverse(),
    "lost": gl.probes.LostMass(rows=100),
    "support": gl.probes.Support(rows=100),
    "energy": gl.probes.Energy(rows=50, real=50),
    "sliced": gl.probes.SlicedW2(rows=50, real=50),
}


@pytest.mark.parametrize("engine", ["rows", "exact"])
@pytest.mark.parametrize("replicates", [1, 4])
def test_a_family_that_is_written_here_runs_everywhere(engine, replicates):
    result = gl.run(CHAIN, PROBES, generations=3, replicates=replicates, seed=1, engine=engine, bootstrap=3)
    for name in PROBES:
        assert np.isfinite(result[name].values).all(), name
    assert set(usual(CHAIN)) == {"variance", "tail_ratio", "w2"}
    check_learner(LaplaceMLE(), Laplace(2.0).sample(200, np.random.default_rng(0)))


@pytest.mark.statistical
def test_its_closed_forms_are_what_probes_report(seed):
    result = gl.run(CHAIN, PROBES, generations=2, replicates=50, seed=seed, engine="exact")
    scale = np.sqrt(result["variance"].values / 2)
    np.testing.assert_allclose(result["entropy"].values, 1 + np.log(2 * scale))
    np.testing.assert_allclose(result["kl_reverse"].values, scale / 2 - 1 - np.log(scale / 2))
    np.testing.assert_allclose(result["tails"].values[..., 0], scale / 2)


def test_what_it_offers_is_said_in_a_sentence():
    found = check_source(Laplace(2.0))
    assert {"entropy", "kl(other)", "quantile(q)", "var"} <= set(found.offers)
    assert found.engines == ("rows", "exact")
    assert {"variance", "tail_ratio", "w1", "entropy", "kl_forward"} <= set(found.probes)
    assert str(found).startswith("Laplace offers: ")
    assert "; so these engines work: rows, exact; and these probes: " in str(found)

    class Bare:
        def sample(self, n, rng):
            return rng.normal(size=n)

    bare = offers(Bare())
    assert bare.offers == ()
    assert bare.engines == ("rows",)
    assert "variance" not in bare.probes
    assert "total_variance" in bare.probes


def test_words_that_name_a_capability_stand_in_one_file():
    """Nobody asks for a capability by its bare word but `chain/capabilities.py`."""
    words = "statistic batched thins reuses ragged keeps_models refit bound synthetic_share held_out width cov quantile"
    words += " entropy kl excess_risk responsibilities drawn pairs statistic_width"
    bare = re.compile(rf'(?:getattr|hasattr)\([^()]*, "(?:{"|".join(words.split())})"')
    root = Path(gl.__file__).parent
    wings = ("chain", "families", "probes", "runs", "stages", "spec", "theory", "metrics")
    places = [
        f"{path.relative_to(root)}: {match[0]}"
        for wing in wings
        for path in (root / wing).rglob("*.py")
        if path.name != "capabilities.py"
        for match in bare.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not places, places


def test_no_probe_asks_whether_a_model_is_one_of_ours():
    """Ladders of isinstance over families that ship are gone: a user's class would never climb them."""
    root = Path(gl.__file__).parent
    for path in (root / "probes").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"from genloss\.families\.(\w+)", text)
        assert set(found) <= {"ngram"}, f"{path.name} imports {found}"


def test_every_capability_says_what_it_means():
    for word, kind in capabilities.CAPABILITIES.items():
        assert (kind.__doc__ or "").rstrip().endswith("."), word
