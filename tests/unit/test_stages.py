import json

import numpy as np
import pytest

from genloss.errors import SpecError
from genloss.stages.verdict import stages
from made_results import attrs, made


def fading(to=0.32, replicates=20, generations=12, chains=2, noise=0.01, start=0.8):
    """A first chain that falls evenly from start to `to`, and others that stay."""
    rng = np.random.default_rng(1)
    values = np.full((chains, replicates, generations + 1), start)
    values[0] = np.linspace(start, to, generations + 1)
    return values + noise * rng.standard_normal(values.shape)


def test_tails_that_fade_are_early_collapse():
    found = stages(made({"kept": (fading(), attrs()), "width": (fading(0.7), attrs("spread"))}))
    loop, fresh = found
    assert (loop.stage, loop.early, loop.late, loop.after) == ("early collapse", 2, None, "goes on")
    assert (fresh.stage, fresh.early, fresh.control) == ("no collapse", None, True)
    assert "control fresh (240 draws)" in loop.text
    (row,) = loop.rests_on
    assert (row.probe, row.generation, row.role, row.margin) == ("kept", 2, "tails", 0.05)
    assert row.margin < row.low < row.loss < row.high
    assert row in loop.evidence
    assert len(loop.evidence) == 24
    assert found.comparisons == 24


def test_spread_that_halves_is_late_collapse():
    found = stages(made({"kept": (fading(), attrs()), "width": (fading(0.08), attrs("spread"))}))
    assert (found[0].stage, found[0].early, found[0].late) == ("late collapse", 2, 7)
    assert "Late collapse from generation 7: width" in found[0].text


def test_spread_alone_says_nothing_of_tails():
    found = stages(made({"width": (fading(0.08), attrs("spread"))}))
    assert (found[0].early, found[0].late) == (None, 7)


@pytest.mark.parametrize(
    ("tail", "word"),
    [
        (lambda t: 0.4 * np.ones(t), "holds"),
        (lambda t: np.linspace(0.4, 0.75, t), "recovers"),
        (np.zeros, "nothing is left"),
    ],
)
def test_says_what_comes_after(tail, word):
    values = fading()
    values[0, :, 1:] = tail(12) + values[1, :, 1:] - 0.8
    found = stages(made({"kept": (values, attrs(better="higher"))}))[0]
    assert found.early == 1
    assert found.after == word
    assert word in found.text


def test_a_dip_of_one_generation_is_an_accident():
    values = fading(to=0.8)
    values[0, :, 5] = 0.1
    assert stages(made({"kept": (values, attrs())}))[0].stage == "no collapse"
    values[0, :, 6] = 0.1
    assert stages(made({"kept": (values, attrs())}))[0].early == 5


def test_lower_is_better_for_a_lost_share_and_for_a_perplexity():
    lost = 1 - fading()
    perplexity = 100 / fading()
    for values, scale in ((lost, "linear"), (perplexity, "log"), (perplexity, "linear")):
        found = stages(made({"lost": (values, attrs(better="lower", scale=scale))}))
        assert found[0].early == 2
        assert found[0].rests_on[0].loss == pytest.approx(0.1, abs=0.02)
        assert found[1].stage == "no collapse"


def test_nothing_lost_at_the_reference_is_no_division_by_zero():
    lost = np.zeros((2, 10, 9))
    lost[0, :, 3:] = 0.3
    found = stages(made({"lost": (lost, attrs(better="lower"))}))
    assert (found[0].early, found[1].stage) == (3, "no collapse")
    assert found[0].rests_on[0].loss == pytest.approx(0.3)
    count = 7 * lost
    assert stages(made({"lost": (count * 10, attrs(better="lower"))}))[0].early is None


def test_control_of_the_same_size_and_kind_is_chosen():
    values = fading(chains=4)
    values[3] *= 0.5
    regimes = [
        {"kind": "replace"},
        {"kind": "fresh-real", "n": 7},
        {"kind": "fresh-real"},
        {"kind": "fresh-real", "real_fraction": 0.1},
    ]
    found = stages(made({"kept": (values, attrs())}, "abcd", regimes))
    assert "the control c" in found[0].text
    assert [one.control for one in found] == [False, True, True, False]
    assert found[3].early == 1
    found = stages(made({"kept": (values, attrs())}, "abcd", [*regimes[:2], regimes[1], regimes[3]]))
    assert "generation 0 of the same 20 replicates" in found[0].text


def test_a_control_of_growing_size_is_matched_generation_by_generation():
    grows = {"n": {"kind": "linear", "start": 10, "step": 5}}
    values = fading()
    values[:] *= np.linspace(1, 2, 13)
    found = stages(
        made({"kept": (values, attrs())}, regimes=[{"kind": "replace"} | grows, {"kind": "fresh-real"} | grows])
    )
    assert "at the same generation" in found[0].text
    assert (found[0].early, found[1].early) == (2, None)


def test_one_chain_needs_new_draws_or_a_control():
    values = fading(replicates=1)
    one = made({"kept": (values[:1], attrs())}, ["loop"])
    assert stages(one)[0].stage == "undecided"
    assert "bootstrap=20" in stages(one)[0].text
    drawn = {"kept": 0.8 + 0.01 * np.random.default_rng(2).standard_normal((1, 20))}
    found = stages(made({"kept": (values[:1], attrs())}, ["loop"], redraws=drawn))[0]
    assert found.early == 2
    assert "20 new draws of generation 0" in found.text
    assert stages(made({"kept": (values, attrs())}))[0].early in (2, 3)


def test_too_few_replicates_are_undecided():
    values = fading(replicates=2, noise=0.3)[:1]
    found = stages(made({"kept": (values, attrs())}, ["loop"]))[0]
    assert found.stage == "undecided"
    assert "more replicates" in found.text


def test_noise_of_the_held_out_set_is_never_called():
    rng = np.random.default_rng(0)
    values = 0.8 + 0.001 * rng.standard_normal((2, 50, 9, 2))
    values[0, :, 1:] -= 0.1
    known = stages(made({"kept": (values, attrs(noise=[0.001, 0.001]))}, labels=["rare", "common"]))
    assert known[0].early == 1
    hidden = stages(made({"kept": (values, attrs(noise=[0.04, 0.04]))}, labels=["rare", "common"]))
    assert hidden[0].stage == "no collapse"
    half = stages(made({"kept": (values, attrs(noise=[0.04, 0.0]))}, labels=["rare", "common"]))
    assert half[0].rests_on[0].label == "common"
    log = stages(made({"kept": (values, attrs(scale="log", noise=0.04))}, labels=["rare", "common"]))
    assert log[0].stage == "no collapse"


def test_values_without_scatter_do_not_give_certainty():
    one_step = np.full((2, 3, 5), 0.9)
    one_step[0, :, 2:] = 0.8
    assert stages(made({"kept": (one_step, attrs())}), tail_margin=0)[0].early is None
    constant = np.ones((2, 3, 5))
    for scale in ("linear", "log"):
        found = stages(made({"kept": (constant, attrs(scale=scale))}), tail_margin=0)
        assert [one.early for one in found] == [None, None]
        rounding = constant - 1e-13 * np.arange(5)
        assert stages(made({"kept": (rounding, attrs(scale=scale))}), tail_margin=0)[0].early is None
    falls = np.ones((2, 1, 9)) * 0.5 ** (np.arange(9) * np.array([[[1]], [[0]]]))
    assert stages(made({"kept": (falls, attrs(scale="log"))}))[0].early in (1, 2)


def test_everything_gone_counts_on_the_log_scale():
    values = fading(noise=0.02) * 10
    values[0, :, 4:] = 0
    found = stages(made({"width": (values, attrs("spread", scale="log"))}))[0]
    assert (found.late, found.after) == (4, "nothing is left")
    infinite = np.where(values > 0, 1 / np.where(values > 0, values, 1), np.inf)
    assert stages(made({"width": (infinite, attrs("spread", "lower", "log"))}))[0].late == 4


def test_values_that_are_no_numbers_are_left_out_and_counted():
    values = np.stack([fading()] * 2, -1)
    values[0, 3, 7, 0] = np.nan
    values[..., 1] = np.nan
    found = stages(made({"kept": (values, attrs())}, labels=["rare", "never"]))
    assert found[0].early == 2
    assert "kept gave 1 values that are not numbers; they were left out" in found[0].text
    assert found[1].stage == "no collapse"
    values[:] = np.nan
    found = stages(made({"kept": (values, attrs())}, labels=["rare", "never"]))
    assert [one.stage for one in found] == ["undecided", "undecided"]
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(("shift", "words"), [(0.2, "The average improved"), (0.0, "The average did not show it")])
def test_an_average_that_masks_the_loss_is_flagged(shift, words):
    score = 5 + 0.02 * np.random.default_rng(3).standard_normal((2, 20, 13))
    score[0, :, 1:] += shift
    found = stages(made({"kept": (fading(), attrs()), "score": (score, attrs("average"))}))
    assert found[0].masked
    assert words in found[0].text
    assert "while the tails went" in found[0].text
    assert not found[1].masked
    score[0, :, 1:] -= 2
    assert not stages(made({"kept": (fading(), attrs()), "score": (score, attrs("average"))}))[0].masked


def test_bounds_widen_with_the_number_of_comparisons():
    values = fading()
    few = stages(made({"kept": (values, attrs())}))
    many = stages(made({"kept": (values, attrs())} | {f"k{i}": (values, attrs()) for i in range(20)}))
    assert many.comparisons == 21 * few.comparisons
    assert many[0].evidence[0].low < few[0].evidence[0].low
    assert stages(made({"kept": (values, attrs())}), alpha=0.001)[0].evidence[0].low < few[0].evidence[0].low


def test_stages_read_as_a_table_and_as_escaped_html():
    values = fading()
    found = stages(
        made({"<b>kept</b>": (values, attrs())}, ["<script>", "fresh"], [{"kind": "replace"}, {"kind": "fresh-real"}])
    )
    lines = str(found).splitlines()
    assert lines[0].split() == ["chain", "stage", "early", "late", "afterwards", "hidden", "by", "average"]
    assert lines[2].startswith("<script>  early collapse")
    assert "no collapse (control)" in lines[3]
    assert repr(found) == str(found)
    html = found._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;" in html


def test_stages_are_a_sequence_and_plain_data():
    found = stages(made({"kept": (fading(), attrs())}))
    assert [one.chain for one in found] == [{"chain": "loop"}, {"chain": "fresh"}]
    assert found.of(chain="fresh") is found[1]
    with pytest.raises(SpecError, match="0 chains have the labels"):
        found.of(chain="none")
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["stages"][0]["early"] == 2
    assert plain["stages"][0]["evidence"][0]["probe"] == "kept"


def test_a_part_of_the_grid_can_be_judged():
    result = made({"kept": (fading(chains=3), attrs())}, ["loop", "pile", "fresh"])
    assert [one.chain["chain"] for one in stages(result.isel(chain=[0, 2]))] == ["loop", "fresh"]
    alone = stages(result.isel(chain=0))
    assert len(alone) == 1
    assert alone[0].chain == {}
    assert "generation 0" in alone[0].text


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda r: r.assign_attrs(genloss=None).drop_attrs(), "this is not a result of genloss.run"),
        (lambda r: r.isel(generation=[0]), "generations=1 or more"),
        (lambda r: r.isel(generation=slice(1, None)), "must hold generation 0"),
        (lambda r: r.isel(replicate=0), "no dimension 'replicate'"),
        (lambda r: r.assign(kept=r.kept.assign_attrs(role="distance")), r"add one to the run, such as"),
        (lambda r: r.assign(kept=r.kept.assign_attrs(better="up")), "say 'higher' or 'lower'"),
        (lambda r: r.assign(kept=r.kept.assign_attrs(scale="root")), "say 'linear' or 'log'"),
        (lambda r: r.assign(kept=(-r.kept).assign_attrs(role="tails", scale="log")), "scale = 'log', but a value is -"),
        (lambda r: r.assign(kept=r.kept.assign_attrs(noise=[1, 2])), "noise = "),
        (lambda r: r.assign(kept=r.kept.assign_attrs(noise=-1)), "noise = -1"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_one_line(spoil, words):
    result = made({"kept": (fading(), attrs())})
    with pytest.raises(SpecError, match=words) as error:
        stages(spoil(result))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("wrong", [{"alpha": 0}, {"alpha": 0.5}, {"tail_margin": -0.1}, {"spread_margin": 1}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(SpecError, match="stages: "):
        stages(made({"kept": (fading(), attrs())}), **wrong)
