"""The claims of computing only what is asked, by CPU time against the same work in plain NumPy or scikit-learn.

- One exact replicate of the normal law in 100 dimensions, and of 10^5 symbols: at most 3 times plain NumPy.
- Accumulate-subsample in 10 dimensions (20 replicates, 100 generations, 1,000 rows; Kazdan et al. 2024), and kernel
  densities under replace with 500 scored points (4 replicates, 100 generations, 100 rows): at most half the time of the
  same loops in plain NumPy and scikit-learn.
- The values of 10^5 generations of one number take less than 20 MB.
- A grid of chains that is kept in a folder costs time in proportion to the number of chains.

`python bench/asked.py` prints the figures; memory is what `tracemalloc` counts.
"""

import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np

import genloss as gl

GENERATIONS = 30


def normal(d: int) -> None:
    """One replicate of an exact chain in d dimensions."""
    source = gl.MultivariateGaussian(np.zeros(d))
    chain = gl.Chain(source, gl.MultivariateGaussianMLE(), gl.Replace(1_000), n0=1_000)
    run(chain, {"variance": gl.probes.total_variance})


def plain_normal(d: int, n: int = 1_000) -> list[float]:
    """The same law drawn by NumPy: a mean and a Wishart matrix per generation, by its Bartlett factor."""
    rng = np.random.default_rng(1)
    mean, root = np.zeros(d), np.eye(d)
    lower = np.tril_indices(d, -1)
    diagonal = np.diag_indices(d)
    traces = []
    for _ in range(GENERATIONS + 1):
        bartlett = np.zeros((d, d))
        bartlett[lower] = rng.standard_normal(len(lower[0]))
        bartlett[diagonal] = np.sqrt(rng.chisquare(n - 1 - np.arange(d)))
        mean = mean + root @ rng.standard_normal(d) / np.sqrt(n)
        factor = root @ bartlett
        cov = factor @ factor.T / n
        root = np.linalg.cholesky(cov)
        traces.append(float(np.trace(cov)))
    return traces


def symbols(k: int) -> None:
    """One replicate of an exact chain of k symbols."""
    chain = gl.Chain(gl.Zipf(k), gl.CategoricalMLE(), gl.Replace(10_000), n0=10_000)
    run(chain, {"heterozygosity": gl.probes.heterozygosity})


def plain_symbols(k: int, n: int = 10_000) -> list[float]:
    rng = np.random.default_rng(1)
    p = 1 / np.arange(1, k + 1)
    p /= p.sum()
    kept = []
    for _ in range(GENERATIONS + 1):
        p = rng.multinomial(n, p) / n
        kept.append(float(1 - (p**2).sum()))
    return kept


def thrive(replicates: int, generations: int, n: int, d: int = 10) -> None:
    """Accumulate, train on a subsample of n."""
    source = gl.MultivariateGaussian(np.zeros(d))
    chain = gl.Chain(source, gl.MultivariateGaussianMLE(), gl.Accumulate(n), n0=n, curator=gl.Subsample(n))
    gl.run(
        chain,
        {"variance": gl.probes.total_variance},
        generations=generations,
        replicates=replicates,
        bootstrap=0,
    )


def plain_thrive(replicates: int, generations: int, n: int, d: int = 10) -> None:
    rng = np.random.default_rng(1)
    for _ in range(replicates):
        mean, cov = np.zeros(d), np.eye(d)
        pool = rng.multivariate_normal(mean, cov, n)
        for _ in range(generations):
            train = pool[rng.choice(len(pool), n, replace=False)]
            mean, cov = train.mean(0), np.cov(train.T)
            float(np.trace(cov))
            pool = np.concatenate((pool, rng.multivariate_normal(mean, cov, n)))


def densities(replicates: int, generations: int, n: int, points: int = 500) -> None:
    """Kernel densities under replace, scored at held-out points."""
    scored = np.random.default_rng(0).standard_normal(points)
    chain = gl.Chain(gl.Gaussian(), gl.KDE(0.3), gl.Replace(n), n0=n)

    def likelihood(g: gl.Generation) -> float:
        return float(g.model.logpdf(scored).mean())

    gl.run(chain, {"likelihood": likelihood}, generations=generations, replicates=replicates, bootstrap=0)


def plain_densities(replicates: int, generations: int, n: int, points: int = 500) -> None:
    from sklearn.neighbors import KernelDensity

    scored = np.random.default_rng(0).standard_normal(points)[:, None]
    rng = np.random.default_rng(1)
    for replicate in range(replicates):
        rows = rng.standard_normal(n)[:, None]
        for t in range(generations + 1):
            model = KernelDensity(bandwidth=0.3).fit(rows)
            float(model.score_samples(scored).mean())
            rows = model.sample(n, random_state=1_000 * replicate + t)


def run(chain: gl.Chain, probes: dict[str, object]) -> None:
    gl.run(chain, probes, generations=GENERATIONS, engine="exact", bootstrap=0)


def long_run(generations: int) -> int:
    """Peak bytes of the values of one number over many generations."""
    from genloss.runs.block import Job, run_block

    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(10), n0=10)
    job = Job(cell=0, block=0, begin=0, width=1, keep=1, generations=generations)
    tracemalloc.start()
    values = run_block(chain, {"variance": gl.probes.variance}, job, 1, "exact")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert values.arrays["variance"].length == generations + 1
    return peak


def grid(chains: int) -> None:
    """A grid of short chains, kept in a folder."""
    cells = {str(i): gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(10 + i), n0=10) for i in range(chains)}
    with tempfile.TemporaryDirectory() as folder:
        gl.run(cells, {"variance": gl.probes.variance}, generations=2, out=Path(folder) / "run", bootstrap=0)


def ratio(ours: Callable[[], object], theirs: Callable[[], object], repeats: int = 3) -> float:
    """Least CPU time of ours over that of theirs, the two taking turns."""
    best = [float("inf"), float("inf")]
    for _ in range(repeats):
        for i, job in enumerate((ours, theirs)):
            begin = time.process_time()
            job()
            best[i] = min(best[i], time.process_time() - begin)
    return best[0] / best[1]


class Asked:
    """Ratios to plain loops."""

    params = ((2, 3, 20), (100, 1_000, 1_000))
    param_names = ("size",)

    def track_normal(self, size: tuple[int, int, int]) -> float:
        return ratio(lambda: normal(size[0]), lambda: plain_normal(size[0]), 1)

    def track_symbols(self, size: tuple[int, int, int]) -> float:
        return ratio(lambda: symbols(size[1]), lambda: plain_symbols(size[1]), 1)

    def peakmem_generations(self, size: tuple[int, int, int]) -> int:
        return long_run(size[2])

    def time_grid(self, size: tuple[int, int, int]) -> None:
        grid(size[1] // 10 + 1)


def main() -> None:
    gl.run(gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(5), 5), {"v": gl.probes.variance}, generations=1)
    print(f"exact, d = 100, one replicate: {ratio(lambda: normal(100), lambda: plain_normal(100)):.2f}x (claim: 3)")
    print(f"exact, 10^5 symbols: {ratio(lambda: symbols(10**5), lambda: plain_symbols(10**5)):.2f}x (claim: 3)")
    print(f"accumulate-subsample: {ratio(lambda: thrive(20, 100, 1000), lambda: plain_thrive(20, 100, 1000), 2):.2f}x")
    print(f"kernel densities: {ratio(lambda: densities(4, 100, 100), lambda: plain_densities(4, 100, 100)):.2f}x")
    print(f"  (claim for both: at most 0.5) 10^5 generations: {long_run(10**5) / 1e6:.1f} MB (claim: 20)")
    times = []
    for chains in (125, 250, 500, 1000):
        begin = time.process_time()
        grid(chains)
        times.append(time.process_time() - begin)
    print("grid of 125, 250, 500, 1000 chains: " + ", ".join(f"{t:.2f} s" for t in times) + " (claim: doubles)")


if __name__ == "__main__":
    sys.exit(main())
