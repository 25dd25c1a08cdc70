"""The facts that make two engines one: statistics join like rows, and a fit needs only the statistic."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exact_families import FAMILIES
from genloss.chain.data import Batch, concat, size, take
from genloss.families.categorical import Counts, sharpened

NUMBERS = {"gaussian", "normal", "normal-tempered", "regression", "ridge", "min-norm"}
quick = settings(max_examples=40, deadline=None)


@st.composite
def rows(draw, family, least=0, most=30):
    """Rows of a family: drawn from its source or, where any numbers will do, drawn wide, shifted and repeated."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(least, most))
    data = family.source.sample(n, rng)
    if draw(st.booleans()) and n:
        data = take(data, rng.integers(0, n, n))
    return data


def moved(data, name, scale, shift):
    if name not in NUMBERS:
        return data
    return tuple(part * scale for part in data) if isinstance(data, tuple) else data * scale + shift


def parts(statistic):
    """The numbers of a statistic; counts without the zeros at their ends."""
    found = {}
    for part in type(statistic).__slots__:
        value = np.asarray(getattr(statistic, part), dtype=float)
        if part == "counts":
            value = value[tuple(slice(0, 1 + (at.max() if at.size else -1)) for at in np.nonzero(value))]
        if part != "factor":
            found[part] = value
    return found


def assert_same(one, other, rtol=1e-9, atol=0.0):
    one, other = parts(one), parts(other)
    for part, value in one.items():
        size_of = max(np.abs(value[np.isfinite(value)]).max(initial=0), 1e-300)
        np.testing.assert_allclose(value, other[part], rtol=rtol, atol=rtol * size_of + atol, err_msg=part)


@pytest.mark.parametrize("name", FAMILIES)
@given(data=st.data(), scale=st.floats(0.01, 100), shift=st.floats(-100, 100))
@quick
def test_statistics_join_like_rows(name, data, scale, shift):
    family = FAMILIES[name]
    of = family.learner.statistic.of
    x, y, z = (moved(data.draw(rows(family)), name, scale, shift) for _ in range(3))
    whole = of(concat([x, y, z]))
    # A sum of squares about a far mean keeps the digits that its rows have.
    atol = 1e-12 * (scale + abs(shift)) ** 2 * (1 + size(x) + size(y) + size(z))
    assert whole.n == size(x) + size(y) + size(z)
    assert_same(of(x) + of(y) + of(z), whole, atol=atol)
    assert_same(of(x) + (of(y) + of(z)), whole, atol=atol)
    assert_same(of(z) + of(x) + of(y), whole, atol=atol)
    assert of(whole) is whole


@pytest.mark.parametrize("name", FAMILIES)
@given(data=st.data())
@quick
def test_fit_needs_only_the_statistic(name, data):
    family = FAMILIES[name]
    x = data.draw(rows(family, least=2))
    rng = np.random.default_rng(0)
    one, other = family.bound.fit(x, rng), family.bound.fit(family.learner.statistic.of(x), rng)
    assert one == other
    for part, same in zip(*(_tuple(model.sample(5, np.random.default_rng(1))) for model in (one, other)), strict=True):
        assert np.array_equal(part, same)


@pytest.mark.parametrize("name", FAMILIES)
@given(data=st.data(), replicates=st.integers(1, 4), n=st.integers(2, 12))
@quick
def test_many_replicates_are_each_their_own(name, data, replicates, n):
    """A batch reduces, joins and fits like its replicates one by one."""
    family = FAMILIES[name]
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    batches = [family.source.sample_batch(n, rng, replicates) for _ in range(2)]
    of = family.learner.statistic.of
    joined = of(batches[0]) + of(batches[1])
    assert joined.replicates == of(batches[0]).replicates == replicates
    model = family.bound.fit(joined, rng)
    for i in range(replicates):
        single = concat([_single(name, batch.rows[i]) for batch in batches])
        assert of(single).replicates is None
        alone = family.bound.fit(single, rng)
        for field in ("mean", "var", "cov", "p", "weights", "rate", "high", "scale", "shape"):
            if getattr(alone, field, None) is not None:
                expected = getattr(alone, field)
                np.testing.assert_allclose(getattr(model.pick(i), field), expected, rtol=1e-6, atol=1e-9, err_msg=field)


@given(
    counts=st.lists(st.integers(0, 50), min_size=1, max_size=20),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32),
)
@quick
def test_a_subsample_is_part_of_the_whole(counts, share, seed):
    whole = Counts(np.array(counts))
    n = int(share * whole.n)
    sub = whole.subsample(n, np.random.default_rng(seed))
    assert sub.n == n
    assert (sub.counts <= whole.counts).all()
    assert (sub.counts >= 0).all()
    assert np.array_equal(whole.subsample(whole.n, np.random.default_rng(seed)).counts, whole.counts)


@given(
    weights=st.lists(st.floats(0, 1), min_size=1, max_size=12).filter(lambda w: sum(w) > 0.01),
    temperature=st.floats(0.05, 20),
    top_k=st.none() | st.integers(1, 12),
    top_p=st.floats(0.01, 1),
)
@quick
def test_truncation_keeps_the_most_probable_and_no_extinct(weights, temperature, top_k, top_p):
    p = np.array(weights) / sum(weights)
    q = sharpened(p, temperature, top_k, top_p)
    assert np.isclose(q.sum(), 1)
    assert not q[p == 0].any()
    kept = q > 0
    assert kept.any()
    assert kept.sum() <= (len(p) if top_k is None else top_k)
    if not kept.all():
        assert p[kept].min() >= p[~kept].max() or temperature > 1  # at high temperature small ones may underflow alike
    assert np.array_equal(sharpened(p[None], temperature, top_k, top_p)[0], q)


@pytest.mark.parametrize("name", FAMILIES)
@given(n=st.integers(1, 10**12), replicates=st.integers(1, 5), seed=st.integers(0, 2**32))
@quick
def test_draws_hold_what_was_asked(name, n, replicates, seed):
    """Any size up to 10^12: finite numbers, the right number of rows and of replicates, and something to fit."""
    family = FAMILIES[name]
    rng = np.random.default_rng(seed)
    for shape in ((), (replicates,)):
        s = family.source.draw(n, rng, shape)
        assert np.all(np.asarray(s.n) == n)
        assert s.replicates == (replicates if shape else None)
        assert all(np.isfinite(value).all() for value in parts(s).values())
        if n >= 2:
            family.bound.fit(s, rng).draw(n, rng, shape)


def _tuple(data):
    return data if isinstance(data, tuple) else (data,)


def _single(name, data):
    pair = name in ("regression", "ridge", "min-norm")
    return (data[..., :-1], data[..., -1]) if pair else Batch(data[None]).rows[0]
