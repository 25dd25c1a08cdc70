"""Which part of the pool is trained on: rows, many replicates of rows, statistics."""

import numpy as np
import pytest

import genloss as gl
from genloss.chain.data import Batch, Block, Pool
from genloss.errors import NotExact, SpecError
from genloss.families.categorical import Counts
from genloss.families.gaussian import Moments


def rng(seed=0):
    return np.random.default_rng(seed)


def rows_pool(n=10, m=6):
    """A pool of n real rows 0.. and m synthetic rows 100.."""
    return Pool((Block(np.arange(float(n)), False, 0), Block(100 + np.arange(float(m)), True, 1)))


def batch_pool(replicates=4, n=10, m=6):
    real = np.tile(np.arange(float(n)), (replicates, 1))
    made = np.tile(100 + np.arange(float(m)), (replicates, 1))
    return Pool((Block(Batch(real), False, 0), Block(Batch(made), True, 1)))


def count_pool(n=10, m=6):
    """Symbol 0 is real, symbol 1 synthetic."""
    return Pool((Block(Counts(np.array([n, 0])), False, 0), Block(Counts(np.array([0, m])), True, 1)))


def test_keep_all_is_the_pool():
    pool = rows_pool()
    assert gl.KeepAll().select(pool, rng()) is pool


def test_subsample_of_rows_keeps_order_provenance_and_no_row_twice():
    train = gl.Subsample(7).select(rows_pool(), rng())
    assert train.size == 7
    assert len(set(train.data)) == 7
    assert train.data.tolist() == sorted(train.data)
    for block in train.blocks:
        assert {bool(row >= 100) for row in block.data} == {block.synthetic}


def test_subsample_of_replicates_side_by_side():
    train = gl.Subsample(7).select(batch_pool(), rng())
    chosen = train.data.rows
    assert chosen.shape == (4, 7)
    assert all(len(set(row)) == 7 for row in chosen)
    assert len({tuple(sorted(row)) for row in chosen}) > 1
    (block,) = train.blocks
    assert block.synthetic.tolist() == (chosen >= 100).tolist()
    assert train.real_share.tolist() == (chosen < 100).mean(1).tolist()


def test_subsample_of_statistics():
    train = gl.Subsample(7).select(count_pool(), rng())
    assert int(train.size) == 7
    assert np.all(train.data.counts <= [10, 6])
    side_by_side = Pool((Block(Counts(np.tile([10, 6], (5, 1))), False, 0),))
    assert gl.Subsample(7).select(side_by_side, rng()).data.counts.sum(1).tolist() == [7] * 5


@pytest.mark.parametrize("pool", [rows_pool(), batch_pool(), count_pool()], ids=["rows", "batch", "counts"])
def test_a_small_pool_is_kept_whole(pool):
    train = gl.Subsample(100).select(pool, rng())
    assert np.all(train.size == pool.size)
    if not isinstance(pool.data, Counts):
        assert train is pool


def test_blocks_of_statistics_are_shared_out_one_after_the_other():
    parts = [Block(Counts(np.tile(np.eye(3, dtype=int)[i] * n, (50, 1))), False, 0) for i, n in enumerate((10, 6, 4))]
    assert gl.Subsample(20).select(Pool(parts), rng()).data.counts.tolist() == [[10, 6, 4]] * 50
    most = gl.Subsample(18).select(Pool(parts), rng()).data.counts
    assert np.all(most <= [10, 6, 4])
    assert np.all(most.sum(1) == 18)


def test_subsample_with_replacement_repeats_rows():
    train = gl.Subsample(50, replacement=True).select(rows_pool(), rng())
    assert train.size == 50
    assert len(set(train.data)) <= 16
    batch = gl.Subsample(50, replacement=True).select(batch_pool(), rng())
    assert batch.data.rows.shape == (4, 50)
    with pytest.raises(NotExact, match="Subsample with replacement repeats rows"):
        gl.Subsample(5, replacement=True).select(count_pool(), rng())


def test_a_pool_too_large_for_an_exact_draw_says_so():
    large = Block(Moments(10**9, 0.0, 1.0), False, 0)
    with pytest.raises(NotExact, match="several blocks with 10\\^9 rows or more"):
        gl.Subsample(5).select(Pool((large, large)), rng())
    assert gl.Subsample(5).select(Pool((large,)), rng()).size == 5


def test_top_fraction_keeps_the_best_of_all_blocks_together():
    train = gl.TopFraction(lambda data: data, 0.5).select(rows_pool(), rng())
    assert train.data.tolist() == [8, 9, 100, 101, 102, 103, 104, 105]
    assert [block.synthetic for block in train.blocks] == [False, True]


@pytest.mark.parametrize(
    ("q", "n", "kept"),
    [
        (0.1, 30, 3),
        (0.07, 100, 7),
        (0.55, 100, 55),
        (0.3, 10, 3),
        (0.7, 10, 7),
        (0.01, 10, 1),
        (1, 9, 9),
        (0.34, 3, 2),
        (1e-12, 5, 1),
    ],
)
def test_top_fraction_keeps_the_share_it_says(q, n, kept):
    assert gl.TopFraction(lambda data: data, q).select(rows_pool(n, 0), rng()).size == kept


class Oracle:
    """A detector that knows: synthetic rows are 100 and more."""

    def score(self, data):
        return np.asarray(data)


def test_below_leaves_out_what_the_detector_flags():
    train = gl.Below(Oracle(), 100).select(rows_pool(), rng())
    assert train.data.tolist() == list(range(10))
    assert train.real_share == 1
    with pytest.raises(SpecError, match="no row scores below -1, so nothing is left"):
        gl.Below(Oracle(), -1).select(rows_pool(), rng())


def test_a_perfect_filter_keeps_the_real_rows_and_a_blind_one_everything():
    for pool in (rows_pool(), count_pool()):
        assert gl.ImperfectFilter(1.0, 0.0).select(pool, rng()).real_share == 1
        assert int(gl.ImperfectFilter(0.0, 0.0).select(pool, rng()).size) == 16
        with pytest.raises(SpecError, match="the filter left no row to train on"):
            gl.ImperfectFilter(1.0, 1.0).select(pool, rng())


def test_a_filter_reads_the_provenance_of_mixed_rows():
    mixed = Pool((Block(np.arange(6.0), np.array([True, False] * 3), 1),))
    train = gl.ImperfectFilter(1.0, 0.0).select(mixed, rng())
    assert train.data.tolist() == [1, 3, 5]
    assert train.blocks[0].synthetic.tolist() == [False] * 3


def test_then_hands_on_what_is_left():
    both = gl.Then([gl.Below(Oracle(), 100), gl.Subsample(4)])
    train = both.select(rows_pool(), rng())
    assert train.size == 4
    assert train.real_share == 1
    assert not both.batched
    assert not both.thins
    exact = gl.Then((gl.ImperfectFilter(0.5, 0.1), gl.Subsample(4)))
    assert exact.thins
    assert not exact.batched
    assert gl.Then(()).select(rows_pool(), rng()).size == 16


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: gl.Subsample(0), "curator.n: 0 rows"),
        (lambda: gl.Subsample(-3), "curator.n: -3 rows"),
        (lambda: gl.Subsample(2.5), "curator.n: 2.5 is not a number of rows; give a whole number"),
        (lambda: gl.Subsample(float("nan")), "curator.n: nan is not a number"),
        (lambda: gl.Subsample("n0"), "curator.n: 'n0' is not a number of rows; give a whole number"),
        (lambda: gl.TopFraction(len, 0), "curator.q: must be a number above 0 and at most 1, got 0"),
        (lambda: gl.TopFraction(len, float("nan")), "curator.q: must be a number above 0 and at most 1, got nan"),
        (lambda: gl.ImperfectFilter(1.5, 0), "curator.true_positive: 1.5 is not a rate"),
        (lambda: gl.ImperfectFilter(0.5, float("nan")), "curator.false_positive: nan is not a rate"),
        (lambda: gl.Then((3,)), "curator.curators: 3 is not a curator; give it select(pool, rng)"),
        (lambda: gl.Then((gl.KeepAll,)), "is not a curator"),
        (lambda: gl.TopFraction(len, 0.5).select(rows_pool(), rng()), "curator.score: gave shape () for 10 rows"),
        (
            lambda: gl.TopFraction(lambda data: data * np.nan, 0.5).select(rows_pool(), rng()),
            "curator.score: 16 scores are NaN",
        ),
    ],
)
def test_what_cannot_be_is_one_line(make, said):
    with pytest.raises(SpecError) as error:
        make()
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_scores_need_rows():
    with pytest.raises(NotExact, match="Counts has no rows to score; use engine='rows'"):
        gl.TopFraction(len, 0.5).select(count_pool(), rng())


def test_the_exact_engine_refuses_replacement_before_anything_is_drawn():
    repeats = gl.Subsample(5, replacement=True)
    for curator in (repeats, gl.Then((repeats,))):
        with pytest.raises(NotExact, match=r"curator: \w+ needs the rows; use engine='rows'"):
            gl.Chain(gl.Zipf(4), gl.CategoricalMLE(), gl.Replace(8), n0=8, curator=curator).check_exact()
    gl.Chain(gl.Zipf(4), gl.CategoricalMLE(), gl.Replace(8), n0=8, curator=gl.Subsample(5)).check_exact()
