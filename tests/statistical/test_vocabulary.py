"""One vocabulary: every probe is held against every law that predicts it, as users run them, in every setting."""

import inspect

import numpy as np
import pytest

import genloss as gl
from genloss.theory import MEASURES, applicable
from genloss.theory.verification.check import judge
from helpers import SIGMAS

GENERATIONS, REPLICATES = 5, 20_000
SETTINGS = {
    "plain": gl.Chain(gl.Gaussian(var=2.0), gl.GaussianMLE(ddof=1), gl.Replace(30), n0=30),
    "temperature": gl.Chain(gl.Gaussian(), gl.GaussianMLE(ddof=1, temperature=0.9), gl.Replace(30), n0=30),
    "filter": gl.Chain(
        gl.Gaussian(),
        gl.GaussianMLE(),
        gl.FreshReal(60, real_fraction=0.5),
        n0=60,
        curator=gl.ImperfectFilter(0.5, 0.1),
    ),
    "symbols": gl.Chain(gl.Zipf(20), gl.CategoricalMLE(), gl.Replace(50), n0=50),
    "top-k": gl.Chain(gl.Zipf(20), gl.CategoricalMLE(top_k=5), gl.Replace(50), n0=50),
    "smoothing": gl.Chain(gl.Zipf(20), gl.CategoricalMLE(alpha=0.5), gl.Replace(50), n0=50),
    "symbols, filter": gl.Chain(
        gl.Zipf(20), gl.CategoricalMLE(), gl.FreshReal(60, 0.5), 60, gl.ImperfectFilter(0.5, 0.1)
    ),
}
PAIRS = {
    "plain": """
        draw_beyond_three_replace fourth_moment_replace kl_forward_replace kl_reverse_replace
        log_std_replace second_moment_replace squared_offset_replace std_above_tenth_exact_replace
        std_above_tenth_replace std_replace variance_replace variance_temperature_replace
        wasserstein2_squared_replace wasserstein2_squared_schedule_replace
    """,
    "temperature": """
        fourth_moment_replace kl_forward_replace kl_reverse_replace log_std_replace second_moment_replace
        squared_offset_replace std_replace variance_replace variance_temperature_replace
        wasserstein2_squared_replace
    """,
    "filter": """
        real_share_filtered second_moment_regimes squared_offset_regimes variance_filtered
        wasserstein2_squared_bound_regimes
    """,
    "symbols": """
        collapsed_least_replace collapsed_most_replace collapsed_replace frequency_regimes
        heterozygosity_regimes heterozygosity_replace lost_mass_replace lost_symbols_replace support_replace
        tails_before_spread_replace
    """,
    "top-k": """
        heterozygosity_top_k lost_mass_top_k support_top_k
    """,
    "smoothing": """
        heterozygosity_smoothed_replace
    """,
    "symbols, filter": """
        frequency_regimes heterozygosity_regimes real_share_filtered
    """,
}
"""The laws that are held against probes in each setting."""


def laws_of(setting):
    """The laws of a mean that predict something here: exact ones and bounds.

    Asymptotic ones are as good as their example says, and waiting times need runs as long as they are.
    """
    chain = SETTINGS[setting]
    laws = [law for law in applicable(chain) if law.statistic == "mean" and law.kind != "asymptotic" and not law.scalar]
    return [law for law in laws if np.isfinite(law.values(chain, GENERATIONS)).any()]


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_list_of_pairs_is_pinned(setting):
    print(setting, *sorted(f"{law.name}: {law.probe}" for law in laws_of(setting)), sep="\n  ")
    assert sorted(law.name for law in laws_of(setting)) == PAIRS[setting].split()


@pytest.mark.statistical
@pytest.mark.parametrize("setting", SETTINGS)
def test_what_a_law_says_of_a_name_is_what_the_probe_of_that_name_measures(setting, seed):
    chain = SETTINGS[setting]
    laws = laws_of(setting)
    names = sorted({law.probe for law in laws})
    result = gl.run(
        chain,
        {name: MEASURES[name] for name in names},
        generations=GENERATIONS,
        replicates=REPLICATES,
        seed=seed,
        engine="exact",
    )
    for law in laws:
        check = judge(law, result[law.probe].values, "exact", chain)
        assert check.worst < SIGMAS, f"{law.name}: {check.worst:.1f} standard errors off"


def test_the_defects_that_two_vocabularies_hid_are_gone():
    """Before, the law of kl_reverse spoke of .117 where the probe measured .171, and lost mass under top-k was 0."""
    hot = gl.Chain(gl.Gaussian(), gl.GaussianMLE(ddof=1, temperature=0.9), gl.Replace(100), n0=100)
    predicted = gl.predict(hot, 3)
    found = gl.run(
        hot,
        {"kl_reverse": gl.probes.KLReverse(), "kl_forward": gl.probes.KLForward()},
        generations=3,
        replicates=20_000,
        seed=1,
        engine="exact",
    )
    for name, about in (("kl_reverse", 0.171), ("kl_forward", 0.353)):
        draws = found[name].values[:, 3]
        assert abs(draws.mean() - float(predicted[name][3])) < SIGMAS * draws.std() / np.sqrt(len(draws))
        assert float(predicted[name][3]) == pytest.approx(about, rel=0.02)
    cut = gl.Chain(gl.Zipf(20), gl.CategoricalMLE(top_k=5), gl.Replace(1000), n0=1000)
    generation = next(cut.generations(gl.Streams(1), "exact", None))
    rng = np.random.default_rng(0)
    assert MEASURES["lost_mass"](generation, rng) == pytest.approx(0.365, abs=0.002)
    assert MEASURES["support"](generation, rng) == 0.25
    assert MEASURES["heterozygosity"](generation) == pytest.approx(0.724, abs=0.02)


def test_laws_and_runs_share_the_very_same_probes():
    for name in ("variance", "heterozygosity", "total_variance", "excess_risk"):
        assert MEASURES[name] is getattr(gl.probes, name)
    assert MEASURES["kl_reverse"] == gl.probes.KLReverse()
    assert MEASURES["lost_mass"] == gl.probes.LostMass()
    spoken = {law.probe for law in gl.theory.LAWS.values() if law.example is not None}
    assert spoken <= set(MEASURES)


def test_a_shared_name_for_which_no_law_applies_is_listed():
    """Probes that ship under a name that some law uses, and whether a law of it applies here."""
    listed = {}
    for name in ("variance", "heterozygosity", "lost_mass", "support", "kl_forward", "kl_reverse", "total_variance"):
        laws = {setting: [law.name for law in laws_of(setting) if law.probe == name] for setting in SETTINGS}
        listed[name] = {setting: " ".join(found) or "no law" for setting, found in laws.items()}
    assert listed["lost_mass"]["top-k"] == "lost_mass_top_k"
    assert listed["lost_mass"]["smoothing"] == "no law"
    assert listed["kl_reverse"]["temperature"] == "kl_reverse_replace"
    assert listed["total_variance"]["plain"] == "no law"
    print(listed)


NO_LAW = """
    BandPerplexity Confusion Distinct EffectiveRank Energy Entropy ExpectedShortfall MeanScore ModeOccupancy
    Perplexity Precision Recall ReferencePerplexity SlicedW2 Survival TailRatio TokenEntropy Types W1 W2
"""
"""Shipped probes whose name no law predicts."""


def test_probes_without_a_law_of_their_name_are_pinned():
    """All others are held against their laws: here, or by the examples of the laws in test_laws.py."""
    predicted = {law.probe for law in gl.theory.LAWS.values() if law.example is not None}
    shipped = {name: getattr(gl.probes, name) for name in gl.probes.__all__}
    classes = {type(probe) for name, probe in MEASURES.items() if name in predicted}
    unsaid = {
        name
        for name, probe in shipped.items()
        if name not in ("Meta", "meta_of", "probe") and probe not in classes and name not in predicted
    }
    print("no law:", *sorted(unsaid))
    assert unsaid == set(NO_LAW.split())


def test_a_measurement_of_a_users_own_is_known_by_its_name_and_cannot_take_a_shipped_one():
    from genloss.theory import measure

    @measure
    def own_share_of_a_test(g):
        return g.train.real_share

    assert MEASURES["own_share_of_a_test"] is own_share_of_a_test
    assert own_share_of_a_test.vectorized

    def variance(g):
        return 0.0

    with pytest.raises(ValueError, match="variance is a probe of genloss"):
        measure(variance)


def test_verification_has_no_driver_of_its_own():
    """Laws are verified through `run`: one seed gives what a user's run gives."""
    law = gl.theory.LAWS["kl_reverse_replace"]
    from genloss.theory.verification.check import simulate

    draws = simulate(law.example, ["kl_reverse"], engine="exact", generations=3, replicates=50, seed=5)["kl_reverse"]
    probes = {"kl_reverse": gl.probes.KLReverse()}
    theirs = gl.run(law.example, probes, generations=3, replicates=50, seed=5, engine="exact")["kl_reverse"].values
    np.testing.assert_array_equal(draws, theirs)
    assert "generations(" not in inspect.getsource(simulate)
    assert judge(law, draws, "exact").replicates == 50
