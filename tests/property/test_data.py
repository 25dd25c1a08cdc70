"""Statistics are a commutative monoid and forget nothing that a fit needs; data come apart and together whole."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import genloss as gl
from genloss.chain.data import Batch, Block, Pool, concat, size, take
from genloss.families.gaussian import Moments

examples = settings(deadline=None, max_examples=60, derandomize=True)

numbers = st.floats(-1e6, 1e6, allow_subnormal=False)
some_rows = hnp.arrays(float, st.integers(0, 20), elements=numbers)
batches = hnp.arrays(float, st.tuples(st.integers(1, 4), st.integers(0, 12)), elements=numbers).map(Batch)


def close(one, other):
    """Equal up to rounding, on the scale of the rows that were added up."""
    assert np.all(one.n == other.n)
    scale = 1 + np.max(np.abs(np.atleast_1d(one.mean))) + np.sqrt(np.max(np.atleast_1d(one.m2)))
    np.testing.assert_allclose(one.mean, other.mean, rtol=1e-9, atol=1e-9 * scale)
    np.testing.assert_allclose(one.m2, other.m2, rtol=1e-6, atol=1e-9 * scale**2)


@examples
@given(some_rows, some_rows)
def test_the_moments_of_joined_rows_are_the_sum_of_moments(x, y):
    close(Moments.of(concat([x, y])), Moments.of(x) + Moments.of(y))


@examples
@given(some_rows, some_rows, some_rows)
def test_moments_add_in_any_order_and_grouping(x, y, z):
    x, y, z = map(Moments.of, (x, y, z))
    close((x + y) + z, x + (y + z))
    close(x + y, y + x)
    nothing = Moments.of(np.array([]))
    close(x + nothing, x)
    close(nothing + x, x)


@examples
@given(batches)
def test_the_moments_of_a_batch_are_those_of_each_replicate(batch):
    side_by_side = Moments.of(batch)
    assert side_by_side.replicates == len(batch.rows)
    for i, rows in enumerate(batch.rows):
        close(Moments.of(rows), Moments(side_by_side.n, side_by_side.mean[i], side_by_side.m2[i]))


@examples
@given(some_rows.filter(lambda rows: len(rows) > 1), st.integers(0, 1))
def test_a_fit_to_rows_is_the_fit_to_their_moments(rows, ddof):
    learner, rng = gl.GaussianMLE(ddof=ddof), np.random.default_rng(0)
    assert learner.fit(rows, rng) == learner.fit(Moments.of(rows), rng)
    assert Moments.of(Moments.of(rows)).n == len(rows)


@examples
@given(some_rows.filter(len), st.data())
def test_a_subsample_has_the_size_that_was_asked_for_and_no_more_spread_than_there_is(rows, data):
    whole = Moments.of(rows)
    n = data.draw(st.integers(0, len(rows)))
    part = whole.subsample(n, np.random.default_rng(data.draw(st.integers(0, 99))))
    assert part.n == n
    assert -1e-9 <= part.m2 <= whole.m2 * (1 + 1e-9) + 1e-9
    if n == len(rows):
        close(part, whole)


kinds_of_data = st.one_of(
    some_rows,
    hnp.arrays(int, st.tuples(st.integers(0, 9), st.integers(1, 3))),
    st.lists(st.text(max_size=3), max_size=9),
    some_rows.map(lambda rows: (np.stack([rows, rows], 1), rows)),
    batches,
)


def plain(data):
    if isinstance(data, Batch):
        return data.rows.tolist()
    if isinstance(data, tuple):
        return [plain(part) for part in data]
    return data.tolist() if isinstance(data, np.ndarray) else data


@examples
@given(kinds_of_data, st.data())
def test_what_is_taken_apart_is_put_together_again(whole, data):
    n = size(whole)
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=3)))
    parts = [take(whole, np.arange(a, b)) for a, b in itertools.pairwise([0, *cuts, n])]
    assert sum(map(size, parts)) == n
    assert plain(concat(parts)) == plain(whole)


@examples
@given(kinds_of_data.filter(size), st.data())
def test_taking_follows_the_positions(whole, data):
    n = size(whole)
    index = np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=9)))
    again = np.array(data.draw(st.lists(st.integers(0, len(index) - 1), min_size=1, max_size=9)))
    assert plain(take(take(whole, index), again)) == plain(take(whole, index[again]))


@examples
@given(st.lists(st.tuples(some_rows.filter(len), st.booleans()), min_size=1, max_size=6))
def test_a_pool_counts_its_rows_and_their_provenance(parts):
    pool = Pool()
    for t, (rows, synthetic) in enumerate(parts):
        pool = pool.append(Block(rows, synthetic, t))
    assert pool.size == sum(len(rows) for rows, _ in parts) == len(pool.data)
    real = sum(len(rows) for rows, synthetic in parts if not synthetic)
    assert pool.real_share == real / pool.size
    counted = Pool()
    for t, (rows, synthetic) in enumerate(parts):
        counted = counted.absorb(Block(Moments.of(rows), synthetic, t))
    assert counted.size == pool.size
    assert counted.real_share == pool.real_share
    close(counted.data, Moments.of(pool.data))


@examples
@given(some_rows.filter(len), st.integers(1, 30), st.booleans(), st.integers(0, 99))
def test_a_subsample_of_rows_is_a_part_of_them(rows, n, replacement, seed):
    pool = Pool((Block(rows, False, 0), Block(rows + 0.5, True, 1)))
    train = gl.Subsample(n, replacement).select(pool, np.random.default_rng(seed))
    assert train.size == (n if replacement else min(n, pool.size))
    assert set(train.data) <= set(pool.data)
    for block in train.blocks:
        assert set(block.data) <= set(pool.blocks[block.born].data)
