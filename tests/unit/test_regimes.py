"""What enters the pool: blocks, their provenance and their sizes."""

import numpy as np
import pytest

import genloss as gl
from genloss.errors import SpecError


class Tracer:
    """A source whose rows tell where they came from: 0.5 + running number for real rows."""

    def __init__(self):
        self.drawn = 0

    def sample(self, n, rng):
        self.drawn += n
        return np.arange(self.drawn - n, self.drawn) + 0.5


class Stamp:
    """A learner whose t-th model draws rows -t."""

    def __init__(self):
        self.fitted = 0

    def fit(self, data, rng):
        self.fitted += 1
        return Mark(-float(self.fitted))


class Mark:
    def __init__(self, mark):
        self.mark = mark

    def sample(self, n, rng):
        return np.full(n, self.mark)


def grown(regime, generations=4, n0=4, seed=0):
    """The pools of the first generations, of a chain whose rows tell their origin."""
    chain = gl.Chain(Tracer(), Stamp(), regime, n0=n0)
    return [g.pool for g, _ in zip(chain.generations(gl.Streams(seed)), range(generations), strict=False)]


def blocks(pool):
    return [(block.size, block.synthetic, block.born) for block in pool.blocks]


def test_replace_forgets_everything():
    pools = grown(gl.Replace(3))
    assert blocks(pools[0]) == [(4, False, 0)]
    assert [blocks(pool) for pool in pools[1:]] == [[(3, True, t)] for t in (1, 2, 3)]
    assert [pool.real_share for pool in pools] == [1, 0, 0, 0]
    assert [pool.data[0] for pool in pools[1:]] == [-1, -2, -3]


def test_accumulate_keeps_everything():
    pools = grown(gl.Accumulate(2))
    assert blocks(pools[3]) == [(4, False, 0), (2, True, 1), (2, True, 2), (2, True, 3)]
    assert [pool.size for pool in pools] == [4, 6, 8, 10]
    assert pools[3].real_share == 0.4
    assert pools[3].data.tolist() == [0.5, 1.5, 2.5, 3.5, -1, -1, -2, -2, -3, -3]


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [(1.0, [(10, False)]), (0.0, [(10, True)]), (0.25, [(2, False), (8, True)]), (0.1, [(1, False), (9, True)])],
)
def test_fresh_real_rounds_the_real_part_and_leaves_out_an_empty_one(fraction, expected):
    pools = grown(gl.FreshReal(10, fraction))
    for t, pool in enumerate(pools[1:], 1):
        assert [(size, synthetic) for size, synthetic, _ in blocks(pool)] == expected
        assert {born for _, _, born in blocks(pool)} == {t}


def test_fresh_real_rows_are_new_every_generation():
    pools = grown(gl.FreshReal(4, 0.5))
    real = [tuple(pool.blocks[0].data) for pool in pools[1:]]
    assert len({row for rows in real for row in rows}) == 6


def test_binomial_composition_keeps_the_size_and_varies_the_share():
    regime = gl.FreshReal(50, 0.3, "binomial")
    assert regime.ragged
    shares = {pool.real_share for seed in range(5) for pool in grown(regime, seed=seed)[1:]}
    assert all(pool.size == 50 for pool in grown(regime)[1:])
    assert len(shares) > 3
    assert 0.15 < np.mean(list(shares)) < 0.45
    assert not gl.FreshReal(50, 1.0, "binomial").ragged


def test_fixed_real_trains_on_the_very_same_rows():
    pools = grown(gl.FixedReal(5, n_real=3))
    assert blocks(pools[0]) == [(3, False, 0), (1, False, 0)]
    for t, pool in enumerate(pools[1:], 1):
        assert blocks(pool) == [(3, False, 0), (2, True, t)]
        assert pool.blocks[0].data is pools[0].blocks[0].data
        assert pool.real_share == 0.6
    assert blocks(grown(gl.FixedReal(3, n_real=3))[2]) == [(3, False, 0)]


def test_a_window_drops_what_is_older():
    pools = grown(gl.Window(2, k=3), generations=6)
    assert [[born for _, _, born in blocks(pool)] for pool in pools] == [
        [0],
        [0, 1],
        [0, 1, 2],
        [1, 2, 3],
        [2, 3, 4],
        [3, 4, 5],
    ]
    assert [pool.real_share > 0 for pool in pools] == [True, True, True, False, False, False]
    assert blocks(grown(gl.Window(2, k=1))[3]) == blocks(grown(gl.Replace(2))[3])


def test_past_models_draws_from_all_models_and_the_truth():
    pools = grown(gl.PastModels(300), generations=5)
    assert all(pool.size == 300 for pool in pools[1:])
    last = pools[4]
    assert [synthetic for _, synthetic, _ in blocks(last)] == [False, True, True, True, True]
    assert all(30 < size < 100 for size, _, _ in blocks(last))
    assert [block.data[0] for block in last.blocks[1:]] == [-1, -2, -3, -4]
    alone = grown(gl.PastModels(20, include_real=False))
    assert all(pool.real_share == 0 for pool in alone[1:])


REGIMES = [gl.Replace, gl.Accumulate, gl.FreshReal, gl.FixedReal, gl.Window, gl.PastModels]


@pytest.mark.parametrize("regime", REGIMES)
def test_n0_stands_for_the_first_size(regime):
    added = [sum(block.size for block in pool.blocks if block.born == 1) for pool in grown(regime(), n0=6)[1:2]]
    assert added == [5 if regime is gl.FixedReal else 6]


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (gl.Constant(5), [5, 5, 5]),
        (gl.Linear(2, 3), [5, 8, 11]),
        (gl.Power(2, 2), [8, 18, 32]),
        (gl.Geometric(2, 2), [4, 8, 16]),
        (lambda t: 10 - t, [9, 8, 7]),
    ],
)
def test_sizes_follow_a_schedule(n, expected):
    assert [pool.size for pool in grown(gl.Replace(n))[1:]] == expected
    assert [pool.size for pool in grown(gl.FreshReal(n, 0.5))[1:]] == expected
    assert [pool.size for pool in grown(gl.FixedReal(n, 2))[1:]] == expected
    assert [pool.size for pool in grown(gl.PastModels(n))[1:]] == expected
    assert [pool.blocks[-1].size for pool in grown(gl.Accumulate(n))[1:]] == expected
    assert [pool.blocks[-1].size for pool in grown(gl.Window(n))[1:]] == expected


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("n", [0, -1, 2.5, float("nan"), float("inf"), 10**18, "n1", None, True])
def test_wrong_sizes_are_refused_where_they_are_written(regime, n):
    with pytest.raises(SpecError, match=r"^regime\.n: ") as error:
        regime(n)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: gl.FreshReal(10, 1.5), r"regime\.real_fraction: must be a number from 0 and at most 1, got .?1.5"),
        (lambda: gl.FreshReal(10, -0.1), r"regime\.real_fraction: must be a number from 0 and at most 1, got .?-0.1"),
        (
            lambda: gl.FreshReal(10, float("nan")),
            r"regime\.real_fraction: must be a number from 0 and at most 1, got .?nan",
        ),
        (lambda: gl.FreshReal(10, "half"), r"regime\.real_fraction: must be a number from 0 and at most 1, got .?half"),
        (lambda: gl.FreshReal(10, 0.5, "poisson"), r"regime\.composition: no composition 'poisson'"),
        (lambda: gl.FixedReal(10, 0), r"regime\.n_real: 0 rows; at least 1 \(with 0 the regime is replace\)"),
        (lambda: gl.FixedReal(10, -1), r"regime\.n_real: -1 rows"),
        (lambda: gl.FixedReal(10, 1.5), r"regime\.n_real: 1.5 is not a number"),
        (lambda: gl.FixedReal(10, float("nan")), r"regime\.n_real: nan is not a number"),
        (lambda: grown(gl.FixedReal(10, 5), n0=4), r"regime\.n_real: 5 rows, but generation 0 has n0 = 4"),
        (lambda: grown(gl.FixedReal(gl.Linear(5, -2), 2)), r"regime\.n: 1 rows at generation 2, fewer than"),
        (lambda: gl.Window(10, 0), r"regime\.k: must be a whole number from 1, got 0"),
        (lambda: gl.Window(10, 1.5), r"regime\.k: must be a whole number from 1, got 1.5"),
        (lambda: gl.Window(10, "2"), r"regime\.k: must be a whole number from 1, got '2'"),
        (lambda: grown(gl.Replace(gl.Linear(2, -1))), r"regime\.n: 0 rows at generation 2"),
    ],
)
def test_what_cannot_be_is_one_line(make, said):
    with pytest.raises(SpecError, match=said):
        make()


def test_the_exact_engine_grows_the_same_blocks():
    for regime in (gl.Replace(3), gl.FreshReal(10, 0.3), gl.FixedReal(5, 2), gl.Window(3, 2)):
        chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), regime, n0=4)
        found = []
        for engine in ("rows", "exact"):
            steps = chain.generations(gl.Streams(1), engine, replicates=3)
            found.append([blocks(g.pool) for g, _ in zip(steps, range(5), strict=False)])
        assert found[0] == found[1]
