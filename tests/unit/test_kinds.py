"""What a spec can name: every kind is found, unique, and says what its fields mean."""

import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

import genloss as gl
from genloss.plain.describe import describe, kebab
from genloss.spec import build as spec
from genloss.spec.examples import EXAMPLES, example
from genloss.spec.front import WINGS
from genloss.spec.kinds import PARTS, fields_of, find, kinds, summary_of
from genloss.spec.stub import stub

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
    runs = spec.runs(spec.parse(example("overview"), "example"))
    assert list(runs) == ["text", "digits", "gaussian"]
    for run in runs.values():
        controls = [chain for chain in run.grid.chains if chain.regime == gl.FreshReal()]
        assert len(controls) == 1
        assert len(run.grid.chains) == 5
        roles = {getattr(probe, "role", "") for probe in run.probes.values()}
        assert {"tails", "spread"} <= roles


def test_the_table_of_examples_names_every_packaged_spec_and_each_is_built():
    files = {path.name for path in resources.files("genloss").joinpath("examples").iterdir()}
    assert files == {f"{name}.yaml" for name in EXAMPLES}
    for name in EXAMPLES:
        assert spec.runs(spec.parse(example(name), name))
    with pytest.raises(gl.SpecError, match=r"^example: no packaged spec 'nothing'; known: overview, gaussian$"):
        example("nothing")


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
    assert describe(built) == {
        "kind": "sotu",
        "tokens": {"kind": "bpe", "vocab_size": 300},
        "checksum": built.checksum,
    }


def test_what_is_named_later_is_there():
    for name in gl.__all__:
        assert getattr(gl, name) is not None
        assert name in WINGS or getattr(gl, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        gl.Nothing  # noqa: B018


def test_the_names_and_the_type_stub_follow_from_the_table():
    written = resources.files("genloss").joinpath("__init__.pyi").read_text(encoding="utf-8")
    assert written == stub(), "run `python -m genloss.spec.stub > src/genloss/__init__.pyi`"
    assert set(gl.__all__) == set(re.findall(r'^    "(\w+)",$', written, re.MULTILINE))


def test_completion_shows_what_users_use_and_nothing_else():
    assert set(dir(gl)) == {*gl.__all__, "__version__"}
    shown = {
        name for part in ("source", "learner", "regime", "curator", "schedule", "tokenizer") for name in kinds(part)
    }
    assert shown <= {kebab(name) for name in gl.__all__}


def test_the_function_stages_is_not_hidden_by_the_package_of_its_name():
    program = "import genloss.stages.bounds, genloss.stages; import genloss as gl; assert callable(gl.stages)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_root_of_the_package_is_small():
    root = Path(gl.__file__).parent
    files = [path.name for path in root.iterdir() if path.is_file()]
    assert len(files) <= 10, files
