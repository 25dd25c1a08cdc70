"""What a chain asks of data: size, take, concat, and a pool that adds statistics up once."""

import numpy as np
import pytest

from genloss.chain.data import Batch, Block, Pool, check_rows, concat, register_concat, size, take
from genloss.errors import NotExact, SpecError
from genloss.families.gaussian import Moments
from lanes import need


def rows(*numbers):
    return np.array(numbers, dtype=float)


PAIR = (np.arange(6.0).reshape(3, 2), np.arange(3))
KINDS = {
    "array": rows(1, 2, 3),
    "matrix": np.arange(6.0).reshape(3, 2),
    "pair": PAIR,
    "documents": ["a", "b", "c"],
    "batch": Batch(np.arange(6.0).reshape(2, 3)),
}


def plain(data):
    if isinstance(data, Batch):
        return data.rows.tolist()
    if isinstance(data, tuple):
        return [plain(part) for part in data]
    return data.tolist() if isinstance(data, np.ndarray) else data


@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
def test_three_rows_of_every_kind(data):
    assert size(data) == 3
    assert size(take(data, np.array([2, 0]))) == 2
    assert plain(concat([take(data, np.array([0])), take(data, np.array([1, 2]))])) == plain(data)
    assert concat([data]) is data


def test_data_frames_are_taken_and_joined():
    pd = need("pandas", "full")
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]}, index=[7, 8, 9])
    assert size(frame) == 3
    joined = concat([take(frame, np.array([2])), take(frame, np.array([0, 1]))])
    assert joined["a"].tolist() == [3, 1, 2]
    assert joined.index.tolist() == [0, 1, 2]


def test_a_batch_is_taken_replicate_by_replicate():
    batch = Batch(np.arange(6).reshape(2, 3))
    assert take(batch, np.array([[2, 0], [1, 1]])).rows.tolist() == [[2, 0], [4, 4]]
    assert len(batch) == 3


def test_what_is_no_data_says_so():
    with pytest.raises(TypeError, match="int is not data: give an array"):
        size(3)
    with pytest.raises(TypeError, match="set cannot be joined"):
        concat([{1}, {2}])
    with pytest.raises(NotExact, match="Moments has no rows to take; use engine='rows'"):
        take(Moments.of(rows(1, 2)), np.array([0]))


def test_concat_can_be_taught():
    class Bag:
        def __init__(self, *things):
            self.things = things

    register_concat(Bag)(lambda first, parts: Bag(*(thing for part in parts for thing in part.things)))
    assert concat([Bag(1), Bag(2, 3)]).things == (1, 2, 3)


def test_a_statistic_without_subsample_says_so():
    class Bare(Moments):
        subsample = Moments.__mro__[1].subsample

    with pytest.raises(NotExact, match="Bare cannot be subsampled without the rows"):
        Bare.of(rows(1, 2)).subsample(1, np.random.default_rng(0))


def test_a_pool_knows_its_provenance():
    pool = Pool((Block(rows(1, 2, 3), False, 0),)).append(Block(rows(4), True, 1))
    assert pool.size == 4
    assert pool.real_share == 0.75
    assert plain(pool.data) == [1, 2, 3, 4]
    assert repr(pool) == "Pool(Block(3 real rows born 0), Block(1 synthetic rows born 1))"
    mixed = Block(rows(1, 2), np.array([True, False]), 2)
    assert Pool((mixed,)).real_share == 0.5
    assert "mixed" in repr(mixed)


def test_the_real_share_of_replicates_side_by_side():
    real = Moments(np.array([1, 3]), np.zeros(2), np.zeros(2))
    made = Moments(np.array([3, 1]), np.zeros(2), np.zeros(2))
    assert Pool((Block(real, False, 0), Block(made, True, 1))).real_share.tolist() == [0.25, 0.75]


def test_statistics_of_one_provenance_are_absorbed_and_rows_are_kept_apart():
    grown = Pool((Block(Moments.of(rows(1, 2)), False, 0),))
    for t in range(1, 5):
        grown = grown.absorb(Block(Moments.of(rows(t)), True, t))
    assert [block.size for block in grown.blocks] == [2, 4]
    assert [block.synthetic for block in grown.blocks] == [False, True]
    kept = Pool().absorb(Block(rows(1), True, 1)).absorb(Block(rows(2), True, 2))
    assert [block.born for block in kept.blocks] == [1, 2]


def test_a_pool_read_back_adds_up_to_the_last_bit():
    rng = np.random.default_rng(0)
    for grow in (Pool.append, Pool.absorb):
        pool = Pool((Block(Moments.of(rng.normal(size=7)), False, 0),))
        for t in range(1, 30):
            pool = grow(pool, Block(Moments.of(rng.normal(size=7)), True, t))
            again = Pool(Block(block.data, block.synthetic, block.born) for block in pool.blocks)
            assert (pool.data.mean, pool.data.m2) == (again.data.mean, again.data.m2)


class Counting(Moments):
    """Counts how often it is added and reduced."""

    added = 0
    reduced = 0

    def __add__(self, other):
        Counting.added += 1
        return super().__add__(other)

    @classmethod
    def of(cls, data):
        if not isinstance(data, cls):
            Counting.reduced += 1
        return super().of(data)


@pytest.mark.parametrize("grow", [Pool.append, Pool.absorb])
def test_growing_a_pool_costs_a_fixed_number_of_additions(grow):
    costs = []
    for generations in (50, 100):
        Counting.added = 0
        pool = Pool((Block(Counting.of(rows(1, 2)), False, 0),))
        for t in range(1, generations + 1):
            assert pool.data.n == 1 + t
            pool = grow(pool, Block(Counting.of(rows(3)), True, t))
        costs.append(Counting.added)
    assert costs[1] <= 2 * costs[0] + 4
    assert costs[0] <= 2 * 50


GOOD = rows(1, 2, 3)
BAD_ROWS = {
    "too few": (rows(1, 2), (), "drew 2 rows where 3 were asked for"),
    "columns": (np.zeros((3, 1)), (), r"drew rows of shape \(1,\), real rows have shape \(\)"),
    "list": ([1, 2, 3], (), r"drew list, real rows have shape \(\)"),
    "nan": (rows(1, np.nan, np.inf), None, "drew 2 numbers that are NaN or infinite"),
    "pair": ((np.zeros((3, 2)), rows(1, np.inf, 2)), None, "drew 1 numbers that are NaN"),
    "one of a pair": (
        (np.zeros((3, 1)), GOOD),
        [(2,), ()],
        r"drew rows of shape \[\(1,\), \(\)\], real rows have shape \[\(2,\)",
    ),
    "batch": (Batch(np.array([[1, 2, np.nan]])), (), "drew 1 numbers"),
}


@pytest.mark.parametrize(("drawn", "shape", "said"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_wrong_rows_are_refused(drawn, shape, said):
    with pytest.raises(SpecError, match=f"source: {said}"):
        check_rows(drawn, 3, shape, "source:")


@pytest.mark.parametrize("drawn", [GOOD, ["a", "b", "c"], (GOOD, GOOD), np.array([1e308] * 3), np.arange(3)])
def test_good_rows_pass(drawn):
    assert check_rows(drawn, 3, None, "source:") is None
