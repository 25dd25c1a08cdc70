"""Every regime and curator against its closed form, by rows and exactly.

The expected variances come from one principle (pair coalescence, twopoint.py): a model that reproduces mean
and variance (divisor n) of its training set keeps the expected half squared difference of any two points. `expected`
works it out block by block; the closed forms beside it are those of the papers.
"""

import numpy as np
import pytest

import genloss as gl
from genloss.chain.data import Batch, Block, Pool
from genloss.families.gaussian import Moments
from helpers import assert_mean, assert_same_mean, z_scores

pytestmark = pytest.mark.statistical
T = 6
REPLICATES = {"rows": 20_000, "exact": 40_000}
TRUTH = -1


def expected(trains, parents, sizes):
    """The expected variance of each model, in units of the true one.

    Args:
        trains: For each model, the blocks that it is fitted to.
        parents: For each block, the model that drew it; TRUTH for real rows.
        sizes: For each block, its rows.
    """
    real = np.ones(len(parents))  # a new real row against a row of block j
    pair = np.zeros((len(parents), len(parents)))  # a row of block i against a row of block j
    variances = []

    def weights(model):
        counts = np.array([sizes[k] for k in trains[model]])
        return zip(trains[model], counts / counts.sum(), strict=True)

    drawn = 0
    for train in trains:
        while drawn <= max(train):
            parent = parents[drawn]
            for j in range(drawn):
                to_j = real[j] if parent == TRUTH else sum(w * pair[k, j] for k, w in weights(parent))
                pair[drawn, j] = pair[j, drawn] = to_j
            if parent != TRUTH:
                real[drawn] = sum(w * real[k] for k, w in weights(parent))
            spread = 1.0 if parent == TRUTH else variances[parent]
            pair[drawn, drawn] = (1 - 1 / sizes[drawn]) * spread
            drawn += 1
        counts = np.array([sizes[k] for k in train])
        share = counts / counts.sum()
        variances.append(float(share @ pair[np.ix_(train, train)] @ share))
    return np.array(variances)


def ran(regime, n0, engine, seed, curator=None, generations=T, replicates=None):
    chain = gl.Chain(gl.Gaussian(3.0, 4.0), gl.GaussianMLE(), regime, n0, curator or gl.KeepAll())
    probes = {"variance": gl.probes.variance, "offset": offset}
    replicates = replicates or REPLICATES[engine]
    return gl.run(chain, probes, generations=generations, replicates=replicates, seed=seed, engine=engine)


@gl.probes.probe(vectorized=True)
def offset(g):
    """The squared distance of the model's mean from the true one."""
    return (g.model.mean - g.source.mean) ** 2


def closed(sizes):
    """Accumulate: the product of 1 - M_i / N_i^2 (Kazdan et al. 2024)."""
    sizes = np.asarray(sizes, dtype=float)
    return np.cumprod(1 - sizes / np.cumsum(sizes) ** 2)


GENERATIONS = range(T + 1)
N = 8
ACCUMULATE = expected([list(range(t + 1)) for t in GENERATIONS], [TRUTH, *range(T)], [N] * (T + 1))
WINDOW = expected([list(range(max(0, t - 2), t + 1)) for t in GENERATIONS], [TRUTH, *range(T)], [N] * (T + 1))
GROWING = [5, *(5 + 3 * t for t in range(1, T + 1))]


def fixed_real(n_real, n):
    """Fixed real rows: the synthetic part alone moves about the fixed real rows."""
    share = n / (n_real + n)
    real = 1 - 1 / n_real
    values, off = [real], 0.0
    for _ in range(T):
        off = share**2 * (off + values[-1] / n)
        values.append(real - off)
    return np.array(values)


def fresh_real(n, alpha, mixed):
    """Fresh real rows: fixed composition, or `mixed` where every row is real with probability alpha."""
    off, values = 1 / n, [1 - 1 / n]
    for _ in range(T):
        before = off
        off = (1 - alpha) ** 2 * before + (alpha + (1 - alpha) * values[-1]) / n
        off += mixed * alpha * (1 - alpha) * before / n
        values.append(alpha + (1 - alpha) * (values[-1] + before) - off)
    return np.array(values)


CASES = {
    "replace": (gl.Replace(N), N, (1 - 1 / N) ** np.arange(1, T + 2)),
    "replace growing": (gl.Replace(gl.Linear(5, 3)), 5, np.cumprod(1 - 1 / np.array(GROWING))),
    "accumulate": (gl.Accumulate(N), N, closed([N] * (T + 1))),
    "accumulate growing": (gl.Accumulate(gl.Linear(5, 3)), 5, closed(GROWING)),
    "window": (gl.Window(N, k=3), N, WINDOW),
    "window of one": (gl.Window(N, k=1), N, (1 - 1 / N) ** np.arange(1, T + 2)),
    "fixed real": (gl.FixedReal(20, n_real=6), 6, fixed_real(6, 14)),
    "fresh real": (gl.FreshReal(20, 0.1), 20, fresh_real(20, 0.1, mixed=False)),
    "fresh real binomial": (gl.FreshReal(20, 0.1, "binomial"), 20, fresh_real(20, 0.1, mixed=True)),
    "control": (gl.FreshReal(N), N, np.full(T + 1, 1 - 1 / N)),
    "past models": (gl.PastModels(N), N, closed([N] * (T + 1))),
}


def test_the_principle_gives_the_closed_forms():
    np.testing.assert_allclose(ACCUMULATE, closed([N] * (T + 1)), rtol=1e-12)
    fixed = expected([[0], *([0, t] for t in range(1, T + 1))], [TRUTH, *range(T)], [6, *[14] * T])
    np.testing.assert_allclose(fixed, fixed_real(6, 14), rtol=1e-12)
    fresh = expected(
        [[0], *([2 * t - 1, 2 * t] for t in range(1, T + 1))],
        [-1, *(each for t in range(T) for each in (-1, t))],
        [20, *[2, 18] * T],
    )
    np.testing.assert_allclose(fresh, fresh_real(20, 0.1, mixed=False), rtol=1e-12)
    assert fresh_real(20, 0.1, mixed=True)[-1] < fresh_real(20, 0.1, mixed=False)[-1]


@pytest.mark.parametrize("engine", ["rows", "exact"])
@pytest.mark.parametrize(("regime", "n0", "values"), CASES.values(), ids=CASES)
def test_the_expected_variance(regime, n0, values, engine, seed):
    one_by_one = engine == "rows" and getattr(regime, "ragged", False)
    replicates = 800 if one_by_one else None
    seen = ran(regime, n0, engine, seed, replicates=replicates)
    assert_mean(seen["variance"], 4 * values, power=0.3 if one_by_one else 0.12)
    if not isinstance(regime, gl.FreshReal):
        # With divisor n, variance and squared offset of the mean add up to the true variance in every regime.
        assert_mean(seen["variance"] + seen["offset"], np.full(T + 1, 4.0), power=0.5 if one_by_one else 0.1)


def test_classic_mistakes_are_seen(seed):
    seen = ran(gl.Accumulate(N), N, "exact", seed)["variance"]
    for wrong in (
        np.cumprod(1 - 1 / (N * np.arange(1, T + 2))),  # pooled rows taken for new ones
        closed([N] * (T + 1)) / (1 - 1 / N),  # generation 0 not counted
        np.ones(T + 1),  # pooled variance taken for unbiased
    ):
        assert np.abs(z_scores(seen, 4 * wrong)).max() > 20
    window = ran(gl.Window(N, k=3), N, "exact", seed, replicates=120_000)["variance"]
    independent = np.cumprod([1 - 1 / N, *[1 - 1 / (2 * N)], *[1 - 1 / (3 * N)] * (T - 1)])
    assert np.abs(z_scores(window, 4 * independent)).max() > 20
    fixed = ran(gl.FixedReal(20, n_real=6), 6, "exact", seed)["variance"]
    assert np.abs(z_scores(fixed, 4 * fresh_real(20, 0.3, mixed=False))).max() > 20


def subsampled(n):
    """Accumulate-subsample: n rows of an accumulated pool, without replacement."""
    spread = [1.0]
    for t in range(1, T + 1):
        rows = n * (t + 1)
        spread.append(spread[-1] * (1 - (3 * n - 1) / (rows * (rows - 1))))
    return (1 - 1 / n) * np.array(spread)


def test_accumulate_subsample(seed):
    seen = ran(gl.Accumulate(N), N, "rows", seed, gl.Subsample(N), replicates=25_000)["variance"]
    assert_mean(seen, 4 * subsampled(N), power=0.05)
    assert np.abs(z_scores(seen, 4 * closed([N] * (T + 1)))).max() > 20


def test_a_bootstrap_loses_twice(seed):
    seen = ran(gl.Replace(N), N, "rows", seed, gl.Subsample(N, replacement=True))["variance"]
    assert_mean(seen, 4 * (1 - 1 / N) ** (2 * np.arange(1, T + 2)), power=0.25)


@pytest.mark.parametrize("engine", ["rows", "exact"])
def test_a_subsample_of_new_rows_is_a_smaller_sample(engine, seed):
    seen = ran(gl.Replace(30), 30, engine, seed, gl.Subsample(N))
    assert_mean(seen["variance"], 4 * (1 - 1 / N) ** np.arange(1, T + 2), power=0.12)
    assert_mean(seen["variance"] + seen["offset"], np.full(T + 1, 4.0), power=0.1)


CURATED = {
    "subsample of a mix": (gl.FreshReal(12, 0.5), gl.Subsample(5), 8000),
    "filter": (gl.FreshReal(40, 0.4), gl.ImperfectFilter(0.7, 0.1), 700),
    "filter, then subsample": (gl.FreshReal(40, 0.4), gl.Then((gl.ImperfectFilter(0.5, 0.1), gl.Subsample(6))), 700),
}


@pytest.mark.parametrize(("regime", "curator", "replicates"), CURATED.values(), ids=CURATED)
def test_curated_chains_agree_between_engines(regime, curator, replicates, seed):
    rows = ran(regime, 12, "rows", seed, curator, generations=3, replicates=replicates)
    exact = ran(regime, 12, "exact", seed + 1000, curator, generations=3)
    for moment in (1, 2):
        assert_same_mean(rows["variance"] ** moment, exact["variance"] ** moment, power=0.5)
        assert_same_mean(rows["offset"] ** moment, exact["offset"] ** moment, power=2.0)


def moments_of_parts(whole, part):
    """Everything that ties a part to its whole, up to second order."""
    off = (part.mean - whole.mean) ** 2
    return np.stack([whole.m2, part.m2, off, part.m2 * whole.m2, off * whole.m2, part.m2**2, off**2, off * part.m2], -1)


@pytest.mark.parametrize(("n", "k"), [(7, 3), (7, 1), (7, 6), (7, 7), (2, 1), (40, 10)])
def test_a_part_of_the_moments_has_the_law_of_the_moments_of_a_part(n, k, seed):
    rng = np.random.default_rng(seed)
    rows = gl.Gaussian(1.0, 2.0).sample_batch(n, rng, 40_000)
    by_rows = moments_of_parts(Moments.of(rows), Moments.of(Batch(rows.rows[:, :k])))
    whole = gl.Gaussian(1.0, 2.0).draw(n, rng, (100_000,))
    exactly = moments_of_parts(whole, whole.subsample(k, rng))
    used = by_rows.std(0) > 1e-9
    assert_same_mean(by_rows[:, used], exactly[:, used], power=0.25)
    assert np.abs(exactly[:, ~used] - by_rows[:, ~used].mean(0)).max(initial=0) < 1e-9
    wrong = moments_of_parts(whole, gl.Gaussian(1.0, 2.0).draw(k, rng, (100_000,)))
    assert np.abs(wrong[:, used].mean(0) - exactly[:, used].mean(0)).max() > 20 * exactly[:, used].std() / 100_000**0.5


@pytest.mark.parametrize(("tp", "fp"), [(0.8, 0.1), (0.3, 0.0), (0.0, 0.5)])
def test_a_filter_passes_its_share_of_each_kind(tp, fp, seed):
    rng = np.random.default_rng(seed)
    curator = gl.ImperfectFilter(tp, fp)
    real, made = 40, 60
    source = gl.Gaussian()
    rows = Pool((Block(source.sample(real, rng), False, 0), Block(source.sample(made, rng), True, 1)))
    statistics = Pool(
        (Block(source.draw(real, rng, (20_000,)), False, 0), Block(source.draw(made, rng, (20_000,)), True, 1))
    )
    by_rows = []
    for _ in range(2500):
        train = curator.select(rows, rng)
        by_rows.append([train.size, train.real_share])
    exactly = curator.select(statistics, rng)
    kept = np.stack([block.size for block in exactly.blocks], -1)
    assert_mean(kept, [real * (1 - fp), made * (1 - tp)], power=0.02)
    share = real * (1 - fp) / (real * (1 - fp) + made * (1 - tp))
    assert_mean(np.array(by_rows)[:, 0], real * (1 - fp) + made * (1 - tp), power=0.05)
    assert_same_mean(np.array(by_rows)[:, 1], exactly.real_share, power=0.05)
    assert abs(exactly.real_share.mean() - share) < 0.01
    assert np.abs(z_scores(exactly.real_share, 0.4)).max() > 20
