"""The rows engine's claims.

- One-dimensional Gaussian: at most 2x plain vectorised NumPy (draw an array of replicates x n, take mean and variance).
- Accumulating T generations costs O(T) where the learner needs only a statistic: twice the generations, twice the time
  and the rows drawn.

`python bench/rows.py` prints the ratios, and a figure for every other family.
"""

import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np

import genloss as gl
from genloss.chain.recursion import Chain
from genloss.chain.regimes import Accumulate, Replace
from genloss.chain.seeds import Streams
from genloss.families.categorical import CategoricalMLE, Zipf
from genloss.families.exponential import Poisson, PoissonMLE
from genloss.families.gaussian import Gaussian, GaussianMLE
from genloss.families.multivariate import MultivariateGaussian, MultivariateGaussianMLE
from genloss.families.regression import OLS, LinearModel
from genloss.runs.layout import layout

SIZES = {(1_000, 100): 50, (100, 10_000): 10, (10_000, 10): 50}
"""Replicates and rows, and how many generations."""

FAMILIES: dict[str, tuple[Any, Any]] = {
    "normal d=10": (MultivariateGaussian(np.zeros(10)), MultivariateGaussianMLE()),
    "categorical k=1000": (Zipf(1000), CategoricalMLE()),
    "poisson": (Poisson(3.0), PoissonMLE()),
    "regression d=10": (LinearModel(np.ones(10)), OLS()),
}


def gaussian(n: int, regime: Any = None) -> Chain:
    """The one-dimensional Gaussian, refitted to n rows."""
    return Chain(Gaussian(), GaussianMLE(), regime or Replace(), n0=n)


def plain(replicates: int, n: int, generations: int) -> None:
    """The same chain as one would write it by hand."""
    rng = np.random.default_rng(0)
    mean, std = np.zeros((replicates, 1)), np.ones((replicates, 1))
    for _ in range(generations + 1):
        rows = rng.normal(mean, std, (replicates, n))
        mean, std = rows.mean(1, keepdims=True), rows.std(1, keepdims=True)


def loop(chain: Chain, replicates: int, generations: int) -> None:
    """Drain the generator and measure nothing."""
    for block, _, width in layout(chain, "rows").blocks(replicates):
        for _ in islice(chain.generations(Streams(1, block), "rows", width), generations + 1):
            pass


def run(chain: Chain, replicates: int, generations: int) -> None:
    """Run and measure the variance at every generation."""
    gl.run(chain, {"variance": gl.probes.variance}, generations=generations, replicates=replicates, engine="rows")


def seconds(*jobs: Callable[[], None], repeats: int = 5) -> list[float]:
    """The least time of each job, the jobs taking turns."""
    best = [float("inf")] * len(jobs)
    for _ in range(repeats):
        for i, job in enumerate(jobs):
            start = time.process_time()
            job()
            best[i] = min(best[i], time.process_time() - start)
    return best


def rows_drawn(generations: int) -> int:
    """How many rows an accumulating chain draws."""
    drawn = 0

    class Rng(np.random.Generator):
        def standard_normal(self, size=None, *args, **kwargs):  # type: ignore[no-untyped-def]
            nonlocal drawn
            drawn += int(np.prod(size or 1))
            return super().standard_normal(size, *args, **kwargs)

    streams: Any = lambda t, role, key=0: Rng(np.random.PCG64(t))  # noqa: E731
    for _ in islice(gaussian(100, Accumulate()).generations(streams, "rows", 3), generations + 1):
        pass
    return drawn


class Rows:
    """Time and ratios by replicates and rows."""

    params = tuple(SIZES)
    param_names = ("replicates and n",)

    def time_run(self, size: tuple[int, int]) -> None:
        run(gaussian(size[1]), size[0], SIZES[size])

    def track_over_plain_numpy(self, size: tuple[int, int]) -> float:
        ours, theirs = seconds(lambda: run(gaussian(size[1]), size[0], SIZES[size]), lambda: plain(*size, SIZES[size]))
        return ours / theirs


class RowsAccumulate:
    """Cost of accumulating T generations."""

    params = (200, 400, 800)
    param_names = ("generations",)

    def time_accumulate(self, generations: int) -> None:
        loop(gaussian(100, Accumulate()), 100, generations)

    def track_rows(self, generations: int) -> int:
        return rows_drawn(generations)


class RowsFamilies:
    """Time of 100 replicates of 20 generations with a thousand rows each."""

    params = tuple(FAMILIES)
    param_names = ("family",)

    def time_replace(self, family: str) -> None:
        loop(Chain(*FAMILIES[family], Replace(), n0=1_000), 100, 20)


def main() -> None:
    run(gaussian(10), 10, 2)  # imports
    for (replicates, n), generations in SIZES.items():
        ours, bound, theirs = seconds(
            lambda r=replicates, n=n, t=generations: run(gaussian(n), r, t),
            lambda r=replicates, n=n, t=generations: loop(gaussian(n), r, t),
            lambda r=replicates, n=n, t=generations: plain(r, n, t),
        )
        print(f"{replicates:,} replicates, n = {n:,}, {generations} generations (claim: at most 2x)")
        print(f"  plain {theirs:.4f} s")
        print(f"  loop {bound:.4f} s = {bound / theirs:.2f}x, run {ours:.4f} s = {ours / theirs:.2f}x")
    times = seconds(*(lambda t=t: loop(gaussian(100, Accumulate()), 100, t) for t in (200, 400, 800)))
    print("accumulate, T = 200, 400, 800 (claim: doubles)")
    print("  seconds   " + ", ".join(f"{t:.4f}" for t in times))
    print(f"  ratios    {times[1] / times[0]:.2f}, {times[2] / times[1]:.2f}")
    print("  rows     " + ", ".join(str(rows_drawn(t)) for t in (200, 400, 800)))
    for name, (source, learner) in FAMILIES.items():
        chain = Chain(source, learner, Replace(), n0=1_000)
        (taken,) = seconds(lambda c=chain: loop(c, 100, 20), repeats=2)
        print(f"{name}: 100 replicates x 20 generations, n = 1,000: {taken:.3f} s")


if __name__ == "__main__":
    main()
