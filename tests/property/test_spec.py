"""`describe(build(spec)) == spec`: what a run says of itself builds the same objects again."""

import json
import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import genloss as gl
from genloss.chain.schedules import MOST, size_at
from genloss.errors import SpecError
from genloss.plain.describe import describe
from genloss.spec.build import build, change, parse, run_spec

examples = settings(deadline=None, max_examples=60, derandomize=True)

whole = st.integers(1, 10**12)
positive = st.floats(1e-3, 1e6)
share = st.floats(0, 1)
schedules = st.one_of(
    st.builds(gl.Constant, whole),
    st.builds(gl.Linear, positive, positive),
    st.builds(gl.Power, positive, st.floats(0, 3)),
    st.builds(gl.Geometric, positive, st.floats(1, 2)),
)
sizes = st.one_of(whole, st.just("n0"), schedules)
regimes = st.one_of(
    st.builds(gl.Replace, sizes),
    st.builds(gl.Accumulate, sizes),
    st.builds(gl.FreshReal, sizes, share, st.sampled_from(["fixed", "binomial"])),
    st.builds(gl.FixedReal, sizes, whole),
    st.builds(gl.Window, sizes, st.integers(1, 99)),
    st.builds(gl.PastModels, sizes, st.booleans()),
)
simple = st.one_of(
    st.just(gl.KeepAll()), st.builds(gl.Subsample, whole, st.booleans()), st.builds(gl.ImperfectFilter, share, share)
)
curators = st.one_of(simple, st.builds(gl.Then, st.lists(simple, max_size=3).map(tuple)))
sources = st.builds(gl.Gaussian, st.floats(-1e6, 1e6), positive, st.floats(0.1, 2))
learners = st.builds(gl.GaussianMLE, st.integers(0, 1), st.floats(0.1, 2))
chains = st.builds(gl.Chain, sources, learners, regimes, whole, curators)


@examples
@given(chains)
def test_describing_a_chain_that_was_built_gives_its_spec(chain):
    plain = describe(chain)
    written = json.loads(json.dumps({**plain, "probes": ["variance"]}))
    assert written.pop("kind") == "chain"
    (again,) = run_spec(written).grid.chains
    assert again == chain
    assert describe(again) == plain


@examples
@given(chains)
def test_a_chain_goes_through_yaml_unchanged(chain):
    plain = {**describe(chain), "probes": ["variance"]}
    del plain["kind"]
    (again,) = run_spec(parse(yaml.safe_dump(plain))).grid.chains
    assert again == chain


@examples
@given(regimes)
def test_the_fields_of_a_spec_are_those_that_differ_from_their_defaults(regime):
    plain = describe(regime)
    assert build("regime", plain) == regime
    bare = describe(type(regime)())
    assert bare == {"kind": plain["kind"]}


@examples
@given(schedules, st.integers(0, 200))
def test_a_schedule_gives_a_number_of_rows_or_says_why_not(schedule, t):
    try:
        value = schedule(t)
    except OverflowError:
        value = math.inf
    if 1 <= round(min(value, 1e300)) <= MOST:
        rows = size_at(schedule, t)
        assert type(rows) is int
        assert abs(rows - value) <= 0.5
    else:
        with pytest.raises(SpecError, match=f"at generation {t}"):
            size_at(schedule, t)


@examples
@given(st.integers(1, 100), st.integers(0, 50), positive)
def test_schedules_are_what_they_are_called(n, t, step):
    assert gl.Constant(n)(t) == n
    assert gl.Linear(n, step)(t + 1) - gl.Linear(n, step)(t) == pytest.approx(step)
    assert gl.Geometric(n, 1.25)(t + 1) / gl.Geometric(n, 1.25)(t) == pytest.approx(1.25)
    assert gl.Power(n, 2)(t) == pytest.approx(n * (t + 1) ** 2)
    for schedule in (gl.Constant(n), gl.Linear(n, step), gl.Geometric(n, 2), gl.Power(n, 2)):
        assert schedule(0) == n


def tried(call, *arguments):
    """What a call gives, or the line by which it refuses."""
    try:
        return call(*arguments), ""
    except SpecError as error:
        return None, str(error)


texts = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=8)
plains = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@examples
@given(
    st.dictionaries(st.sampled_from(["source", "learner", "regime", "n0", "probes", "seed", "title", "film"]), plains)
)
def test_whatever_a_spec_holds_it_is_built_or_refused_in_one_line(plain):
    given = {**parse("{source: gaussian, learner: gaussian-mle, regime: replace, n0: 5, probes: [variance]}"), **plain}
    made, refused = tried(run_spec, given)
    assert refused.startswith("spec: ") if refused else all(isinstance(chain, gl.Chain) for chain in made.grid.chains)


@examples
@given(st.text(max_size=30))
def test_whatever_a_file_holds_it_is_read_or_refused_in_one_line(text):
    found, refused = tried(parse, text, "x.yaml")
    assert refused.startswith("x.yaml:") if refused else isinstance(found, dict)


@examples
@given(st.sampled_from(["n0", "regime", "regime.n", "source.var", "probes.0", "x.y"]), texts)
def test_whatever_is_set_it_is_set_or_refused_in_one_line(target, text):
    before = {"source": "gaussian", "regime": "replace", "n0": 5, "probes": ["variance"]}
    found, refused = tried(change, before, f"{target}={text}")
    assert target.startswith(refused.partition(":")[0]) if refused else isinstance(found, dict)
