"""What a spec can name: every kind is found, unique, and says what its fields mean."""

from importlib import resources

import pytest

import genloss as gl
from genloss.plain.describe import describe
from genloss.spec import build as spec
from genloss.spec.kinds import PARTS, fields_of, find, kinds, summary_of

METHODS = {
    "source": "sample",
    "learner": "fit",
    "regime": "grow",
    "curator": "select",
    "schedule": "__call__",
    "probe": "__call__",
    "tokenizer": "train",
    "detector": "score",
    "watermark": "choose",
    "head": "posterior",
}


def test_names_are_unique_over_all_parts():
    names = [name for part in PARTS for name in kinds(part)]
    assert len(names) == len(set(names))
    assert set(METHODS) == set(PARTS)


@pytest.mark.parametrize(("part", "name"), [(part, name) for part in PARTS for name in kinds(part)])
def test_a_kind_does_what_its_part_does_and_says_so(part, name):
    thing = kinds(part)[name]
    assert callable(getattr(thing, METHODS[part], None))
    assert summary_of(thing).rstrip().endswith((".", ":"))
    for field in fields_of(thing):
        assert field.text, f"{name}.{field.name} has no meaning"


@pytest.mark.parametrize(
    "module", ["genloss.families", "genloss.probes", "genloss.chain.regimes", "genloss.chain.curators"]
)
def test_nothing_public_is_forgotten(module):
    """Every probe, regime and curator that the package exports can be named in a spec."""
    exported = {
        "genloss.probes": {name for name in gl.probes.__all__ if name not in ("Meta", "meta_of", "probe")},
        "genloss.chain.regimes": {"Accumulate", "FixedReal", "FreshReal", "PastModels", "Replace", "Window"},
        "genloss.chain.curators": {
            "Below",
            "ImperfectFilter",
            "KeepAll",
            "Preferred",
            "Subsample",
            "Then",
            "TopFraction",
        },
        "genloss.families": {name for name in gl.__all__ if name.endswith("MLE")}
        | {"KDE", "OLS", "NGram", "MixtureEM"},
    }[module]
    named = {getattr(thing, "__name__", "") for part in PARTS for thing in kinds(part).values()}
    assert exported <= named


def test_an_unknown_kind_names_the_known_ones():
    with pytest.raises(gl.SpecError, match=r"regime\.kind: no kind 'replacee'; known kinds: accumulate, .*window"):
        find("replacee", "regime", "regime")


def test_the_packaged_example_is_built_and_has_a_control_in_every_run():
    text = resources.files("genloss").joinpath("examples", "overview.yaml").read_text(encoding="utf-8")
    runs = spec.runs(spec.parse(text, "example"))
    assert list(runs) == ["text", "digits", "gaussian"]
    for run in runs.values():
        controls = [chain for chain in run.grid.chains if chain.regime == gl.FreshReal()]
        assert len(controls) == 1
        assert len(run.grid.chains) == 5
        roles = {getattr(probe, "role", "") for probe in run.probes.values()}
        assert {"tails", "spread"} <= roles


@pytest.mark.parametrize(
    ("source", "learner", "expected"),
    [
        ("gaussian", "gaussian-mle", {"variance", "tail_ratio", "w2"}),
        ({"kind": "zipf", "k": 9}, "categorical-mle", {"support", "lost_mass", "heterozygosity"}),
        ({"kind": "linear-model", "weights": [1.0, 2.0]}, "ols", {"excess_risk"}),
        ({"kind": "multivariate-gaussian", "mean": [0.0, 0.0]}, "multivariate-gaussian-mle", {"total_variance"}),
        ("digits", {"kind": "mixture-em", "k": 3}, {"recall", "total_variance"}),
        ({"kind": "sotu"}, {"kind": "n-gram", "order": 1}, {"survival", "token_entropy", "perplexity"}),
    ],
)
def test_a_spec_without_probes_gets_the_usual_ones(source, learner, expected):
    run = spec.run_spec({"source": source, "learner": learner, "regime": "replace", "n0": 30})
    assert expected <= set(run.probes)
    if source not in ("digits", {"kind": "sotu"}):
        assert gl.run(run.grid, run.probes, generations=1, replicates=2)


def test_a_tokenizer_is_a_part_of_a_corpus():
    built = spec.build("source", {"kind": "sotu", "tokens": {"kind": "bpe", "vocab_size": 300}})
    assert built == gl.Sotu(tokens=gl.BPE(vocab_size=300))
    assert describe(built) == {"kind": "sotu", "tokens": {"kind": "bpe", "vocab_size": 300}}


def test_what_is_named_later_is_there():
    for name in gl.__all__:
        assert getattr(gl, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        gl.Nothing  # noqa: B018
