"""YAML says what Python says; a wrong spec is one line that says where, what, and what would be right."""

from dataclasses import replace

import pytest

import genloss as gl
from genloss.errors import SpecError
from genloss.plain.describe import describe
from genloss.spec.build import build, change, parse, read, run_spec, runs
from genloss.spec.kinds import PARTS, fields_of, find, kinds, summary_of

BASE = """
source: {kind: gaussian, var: 4}
learner: gaussian-mle
regime: {kind: accumulate, n: 100}
curator: {kind: subsample, n: 50}
n0: 100
probes: [variance]
generations: 3
"""


def spec(**changes):
    return {**parse(BASE), **changes}


def test_a_spec_says_what_python_says():
    made = run_spec(parse(BASE))
    chain = gl.Chain(gl.Gaussian(var=4.0), gl.GaussianMLE(), gl.Accumulate(100), 100, gl.Subsample(50))
    assert made.grid.chains == (chain,)
    assert made.grid.dims == {}
    assert made.probes == {"variance": gl.probes.variance}
    assert made.options == {"generations": 3}
    assert list(runs(parse(BASE))) == [""]


def test_numbers_come_as_their_fields_want_them():
    made = run_spec(spec(regime={"kind": "replace", "n": 1e3}, source={"kind": "gaussian", "var": 4}, n0=1e2))
    (chain,) = made.grid.chains
    assert (chain.regime.n, type(chain.regime.n)) == (1000, int)
    assert (chain.source.var, type(chain.source.var)) == (4.0, float)
    assert (chain.n0, type(chain.n0)) == (100, int)


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("{kind: replace}", "n0"),
        ("replace", "n0"),
        ("{kind: replace, n: n0}", "n0"),
        ("{kind: replace, n: 1e3}", 1000),
        ("{kind: replace, n: {kind: linear, start: 10, step: 5}}", gl.Linear(10, 5)),
        ("{kind: replace, n: {kind: power, scale: 10, exponent: 1.1}}", gl.Power(10, 1.1)),
    ],
)
def test_sizes(text, n):
    assert run_spec(spec(regime=parse(f"regime: {text}")["regime"])).grid.chains[0].regime == gl.Replace(n)


def test_a_curator_is_composed():
    plain = {"kind": "then", "curators": [{"kind": "subsample", "n": 5}, {"kind": "keep-all"}]}
    assert build("curator", plain) == gl.Then((gl.Subsample(5), gl.KeepAll()))


def test_lists_are_dimensions():
    made = run_spec(spec(regime={"kind": "replace", "n": [10, 32]}, n0=[5, 6, 7]))
    assert {name: list(labels) for name, labels in made.grid.dims.items()} == {"regime.n": [10, 32], "n0": [5, 6, 7]}
    assert [(chain.regime.n, chain.n0) for chain in made.grid.chains] == [
        (10, 5),
        (10, 6),
        (10, 7),
        (32, 5),
        (32, 6),
        (32, 7),
    ]


def test_alternatives_are_dimensions_by_name_or_by_what_they_are():
    named = {"fresh": {"kind": "fresh-real"}, "closed": {"kind": "replace"}}
    made = run_spec(spec(regime=named))
    assert made.grid.dims == {"regime": ("fresh", "closed")}
    assert [type(chain.regime) for chain in made.grid.chains] == [gl.FreshReal, gl.Replace]
    listed = run_spec(spec(regime=["replace", {"kind": "accumulate", "n": 5}, {"kind": "accumulate", "n": 6}]))
    assert listed.grid.dims == {"regime": ("replace", "accumulate (n=5)", "accumulate (n=6)")}
    twice = run_spec(spec(regime=["replace", "replace"]))
    assert twice.grid.dims == {"regime": ("0: replace", "1: replace")}


def test_a_list_inside_alternatives_is_one_dimension_of_all():
    named = {"a": {"kind": "replace", "n": [10, 20]}, "b": {"kind": "accumulate", "n": [10, 20]}}
    made = run_spec(spec(regime=named))
    assert made.grid.dims == {"regime": ("a", "b"), "regime.n": (10, 20)}
    assert [(type(chain.regime), chain.regime.n) for chain in made.grid.chains] == [
        (gl.Replace, 10),
        (gl.Replace, 20),
        (gl.Accumulate, 10),
        (gl.Accumulate, 20),
    ]
    named["b"]["n"] = [10, 30]
    with pytest.raises(SpecError, match=r"regime\.n: \[10, 30\] here and \[10, 20\] before; give the same list"):
        run_spec(spec(regime=named))


def test_a_field_that_is_a_sequence_is_no_dimension():
    made = run_spec(
        spec(source={"kind": "categorical", "p": [0.5, 0.5]}, learner="categorical-mle", curator="keep-all")
    )
    assert made.grid.dims == {}
    assert made.grid.chains[0].source.p.tolist() == [0.5, 0.5]


def test_named_runs():
    text = "runs:\n  one: {source: gaussian, learner: gaussian-mle, regime: replace, n0: 5, probes: [variance]}\n"
    assert list(runs(parse(text))) == ["one"]


@pytest.mark.parametrize(
    ("assignment", "path", "value"),
    [
        ("n0=7", ("n0",), 7),
        ("regime.n=50", ("regime", "n"), 50),
        ("regime.n=1e3", ("regime", "n"), 1000.0),
        ("learner.ddof=1", ("learner", "ddof"), 1),
        ("regime={kind: replace}", ("regime",), {"kind": "replace"}),
        ("regime.n=[10, 20]", ("regime", "n"), [10, 20]),
        ("probes.0=entropy", ("probes", 0), "entropy"),
        ("title=a=b", ("title",), "a=b"),
    ],
)
def test_set(assignment, path, value):
    before = spec()
    found = change(before, assignment)
    for name in path:
        found = found[name]
    assert found == value
    assert before == spec()


def test_set_turns_a_name_into_a_kind_with_fields():
    assert change(spec(), "learner.ddof=1")["learner"] == {"kind": "gaussian-mle", "ddof": 1}


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("n0", "n0: no assignment; write key=value"),
        ("=3", "=3: no assignment"),
        ("regme.n=3", "regme: no such key; there is source, learner"),
        ("n0.x=3", "n0.x: n0 is 100 and has no fields"),
        ("n0.x.y=3", "n0.x: 100 has no fields"),
        ("probes.7=variance", "probes.7: '7' is not a position in a list of 1"),
        ("probes.a=variance", "'a' is not a position"),
        ("regime.n=[1,", "regime.n: line 1: no YAML"),
        ("n0=!!python/object:os.system {}", "n0: line 1: no YAML"),
    ],
)
def test_a_wrong_set_is_one_line(assignment, said):
    with pytest.raises(SpecError) as error:
        change(spec(), assignment)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "x.yaml: NoneType, no mapping"),
        ("- a", "x.yaml: list, no mapping"),
        ("a: [1", "x.yaml: line 1: no YAML"),
        ("a: 1\n\tb: 2", "line 2: no YAML"),
        ("a: 1\na: 2", "x.yaml: line 2: no YAML (key 'a' given twice)"),
        ("a: {b: 1, b: 2}", "key 'b' given twice"),
        ("? [1]\n: 2", "no YAML"),
        ("a: !!python/object/apply:os.system ['true']", "could not determine a constructor for the tag"),
        ("a: !!python/name:os.system", "could not determine a constructor for the tag"),
        ("a: !function f", "could not determine a constructor for the tag"),
        ("a: !!set {b, c}", "a set has no place in a spec"),
        ("a: !!binary aGk=", "a bytes has no place in a spec"),
        ("a: &x [*x]", "recursive"),
        ("a: " + "[" * 60 + "]" * 60, "nested too deeply"),
        ("a: " + "[" * 1000 + "]" * 1000, "no YAML"),
        ("null: 3", "the name of a field is not text"),
        ("a: \x00", "no YAML"),
        ("a: 1\n---\nb: 2", "no YAML"),
        ("\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}' if i else '1'] * 9)}]" for i in range(9)), "too long"),
    ],
)
def test_a_wrong_file_is_one_line(text, said):
    with pytest.raises(SpecError) as error:
        parse(text, "x.yaml")
    assert said in str(error.value)
    assert str(error.value).startswith("x.yaml:")
    assert "\n" not in str(error.value)


def test_dates_and_exponents_are_read_as_they_look():
    assert parse("a: 2024-01-01\nb: 1e3\nc: -2E-3\nd: 1_000\ne: .5") == {
        "a": "2024-01-01",
        "b": 1000.0,
        "c": -0.002,
        "d": 1000,
        "e": 0.5,
    }


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    with pytest.raises(SpecError, match="no such file; give a YAML file"):
        read(tmp_path / "none.yaml")
    with pytest.raises(SpecError, match="a folder; give a YAML file"):
        read(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("title: café".encode("latin-1"))
    with pytest.raises(SpecError, match=r"latin\.yaml: not UTF-8 at byte 10; save the file as UTF-8"):
        read(tmp_path / "latin.yaml")


REPLACE = {"kind": "replace"}
WRONG = {
    "unknown kind": (
        {"regime": {"kind": "replacee"}},
        "spec: regime.kind: no kind 'replacee'; known kinds: accumulate,",
    ),
    "unknown kind by name": ({"source": "gausian"}, "spec: source.kind: no kind 'gausian'; known kinds:"),
    "kind of another part": ({"regime": "gaussian"}, "spec: regime.kind: no kind 'gaussian'"),
    "kind is not text": ({"regime": {"kind": 3}}, "regime.kind: "),
    "no kind": ({"regime": {"n": 3}}, "regime: 3 says no kind"),
    "a number": ({"regime": 3}, "spec: regime: 3 says no kind; give a mapping with kind and fields, or the name"),
    "null": ({"regime": None}, "spec: regime: None says no kind"),
    "unknown field": ({"regime": {**REPLACE, "size": 3}}, "spec: regime: replace has no size; it has n"),
    "no fields at all": (
        {"curator": {"kind": "keep-all", "n": 3}},
        "spec: curator: keep-all has no n; it has no fields",
    ),
    "missing field": ({"curator": {"kind": "subsample"}}, "spec: curator: subsample needs n (Rows to train on.)"),
    "unknown top field": ({"regmie": 3}, "spec: regmie: no such field; a run has bootstrap, curator"),
    "n zero": ({"regime": {**REPLACE, "n": 0}}, "spec: regime.n: 0 rows"),
    "n negative": ({"regime": {**REPLACE, "n": -5}}, "spec: regime.n: -5 rows"),
    "n fraction": ({"regime": {**REPLACE, "n": 2.5}}, "spec: regime.n: 2.5 is not a whole number"),
    "n nan": ({"regime": {**REPLACE, "n": float("nan")}}, "spec: regime.n: nan is not a whole number"),
    "n text": ({"regime": {**REPLACE, "n": "many"}}, "spec: regime.n: 'many' is not a number of rows"),
    "n truth": ({"regime": {**REPLACE, "n": True}}, "spec: regime.n: True is not a whole number"),
    "n null": ({"regime": {**REPLACE, "n": None}}, "spec: regime.n: None is not a number of rows"),
    "one n of a list": ({"regime": {**REPLACE, "n": [10, 0]}}, "spec: regime.n: 0 rows"),
    "empty list": ({"regime": {**REPLACE, "n": []}}, "spec: regime.n: an empty list; give at least one value"),
    "n0 zero": ({"n0": 0}, "spec: n0: 0 rows"),
    "n0 negative": ({"n0": -1}, "spec: n0: -1 rows"),
    "n0 text": ({"n0": "many"}, "spec: n0: 'many' is not a whole number"),
    "n0 null": ({"n0": None}, "spec: n0: None is not a number"),
    "n0 mapping": ({"n0": {"a": 1}}, "spec: n0: {'a': 1} is not a number"),
    "share": (
        {"regime": {"kind": "fresh-real", "real_fraction": 2}},
        "spec: regime.real_fraction: must be a number from 0 and at most 1, got 2.0",
    ),
    "share text": (
        {"regime": {"kind": "fresh-real", "real_fraction": "half"}},
        "regime.real_fraction: 'half' is not a number",
    ),
    "choice": (
        {"regime": {"kind": "fresh-real", "composition": "poisson"}},
        "regime.composition: no 'poisson'; known: fixed",
    ),
    "variance": ({"source": {"kind": "gaussian", "var": -1}}, "spec: source: gaussian.var: -1.0 is not a variance"),
    "schedule field": (
        {"regime": {**REPLACE, "n": {"kind": "linear", "start": 1}}},
        "spec: regime.n: linear needs step",
    ),
    "warm start": ({"warm_start": "yes please"}, "spec: warm_start: 'yes please' is not a truth value"),
    "film": ({"film": 3}, "spec: film: 3 is not a truth value; write true or false"),
    "title": ({"title": 3}, "spec: title: 3 is not text"),
    "generations": ({"generations": "ten"}, "spec: generations: 'ten' is not a whole number"),
    "seed": ({"seed": 1.5}, "spec: seed: 1.5 is not a whole number"),
    "engine": ({"engine": "fast"}, "spec: engine: no 'fast'; known: rows, exact"),
    "probes": ({"probes": []}, "spec: probes: nothing to measure"),
    "probe kind": ({"probes": ["varince"]}, "spec: probes.varince.kind: no kind 'varince'; known kinds:"),
    "probe twice": ({"probes": ["variance", "variance"]}, "spec: probes: variance stands twice"),
    "import path": (
        {"learner": {"python": "nothing"}},
        "spec: learner: 'nothing' is not an import path; write module:name",
    ),
    "import": ({"learner": {"python": "no_such_module:X"}}, "spec: learner: cannot import no_such_module:X"),
    "import name": ({"learner": {"python": "json:X"}}, "spec: learner: cannot import json:X"),
    "no learner": ({"learner": {"python": "json:JSONDecoder"}}, "spec: learner: JSONDecoder is not a learner"),
    "no file": ({"learner": {"python": "none.py:X"}}, "spec: learner: cannot import none.py:X (no file"),
    "n_real": ({"regime": {"kind": "fixed-real", "n_real": 0}}, "spec: regime.n_real: 0 rows; at least 1"),
    "window": ({"regime": {"kind": "window", "k": 0}}, "spec: regime.k: must be a whole number from 1, got 0"),
}


@pytest.mark.parametrize(("wrong", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_spec_is_one_line(wrong, said):
    with pytest.raises(SpecError) as error:
        run_spec(spec(**wrong))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["source", "learner", "regime", "n0"])
def test_what_is_missing_is_named(name):
    given = spec()
    del given[name]
    with pytest.raises(SpecError, match=f"spec: {name} is missing; a run needs source, learner, regime and n0"):
        run_spec(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"runs": {}}, "spec: runs: a spec with runs has a title and named runs only"),
        ({"runs": 3}, "spec: runs: a spec with runs"),
        ({"runs": {"a": 3}, "n0": 3}, "spec: n0: a spec with runs has a title and named runs only"),
        ({"runs": {"../a": {}}}, "spec: runs: '../a' is not a name; use letters, digits, - and _"),
        ({"runs": {"a": 3}}, "spec: a: 3 is no run"),
        ({"runs": {"a": {"source": "gaussian"}}}, "spec: a: learner is missing"),
    ],
)
def test_wrong_runs_are_one_line(given, said):
    with pytest.raises(SpecError) as error:
        runs(given)
    assert said in str(error.value)


def test_a_file_beside_the_spec_is_imported(tmp_path):
    (tmp_path / "own_models_a.py").write_text(
        "class Mine:\n"
        "    def __init__(self, factor=1.0):\n        self.factor = factor\n"
        "    def fit(self, data, rng):\n        return self\n"
        "    def sample(self, n, rng):\n        return rng.normal(size=n) * self.factor\n"
        "def size(t):\n    return t + 5\n"
    )
    plain = spec(
        learner={"python": "own_models_a.py:Mine", "factor": 2.0},
        regime={"kind": "replace", "n": "own_models_a.py:size"},
    )
    (chain,) = run_spec(plain, tmp_path).grid.chains
    assert describe(chain)["learner"] == {"python": "own_models_a:Mine", "factor": 2.0}
    assert chain.regime.n(3) == 8
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "own_models_a.py").write_text("class Mine: ...\n")
    with pytest.raises(SpecError, match=r"another module is called own_models_a; rename own_models_a\.py"):
        run_spec(spec(learner={"python": "own_models_a.py:Mine"}), tmp_path / "other")


@pytest.mark.parametrize("part", PARTS)
def test_every_kind_is_found_told_and_documented(part):
    silent = []
    for name, thing in kinds(part).items():
        assert find(name, part, part) is thing
        silent += [] if summary_of(thing).endswith(".") else [name]
        silent += [f"{name}.{each.name}" for each in fields_of(thing) if not each.text]
    assert not silent


@pytest.mark.parametrize(
    "regime",
    [
        gl.Replace(5),
        gl.Accumulate(gl.Power(10, 1.5)),
        gl.FreshReal(10, 0.1, "binomial"),
        gl.FixedReal(9, 4),
        gl.Window(k=3),
    ],
    ids=repr,
)
def test_describing_what_was_built_gives_the_spec_back(regime):
    assert build("regime", describe(regime)) == regime
    chain = replace(run_spec(parse(BASE)).grid.chains[0], regime=regime)
    plain = describe(chain)
    assert plain.pop("kind") == "chain"
    assert run_spec({**plain, "probes": ["variance"]}).grid.chains == (chain,)
    assert describe(run_spec({**plain, "probes": ["variance"]}).grid.chains[0]) == describe(chain)
