"""The exact engine's claims.

- One-dimensional Gaussian, 100 generations, against bare NumPy draws of the same random numbers (one normal and one
  chi-squared number per replicate and generation): at most 2x for 100,000 replicates, at most 4x for 1,000.
- The cost does not depend on n: n = 10^9 within 20% of n = 100.
- Accumulating T generations costs O(T): twice the generations, twice the time, draws and additions.

`python bench/exact.py` prints the ratios, and a figure for every other family.
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
from genloss.families.gaussian import Gaussian, GaussianMLE, Moments
from genloss.families.multivariate import MultivariateGaussian, MultivariateGaussianMLE
from genloss.families.regression import OLS, LinearModel, OLSNorm, RegressionNorm
from genloss.runs.layout import layout

GENERATIONS = 100

FAMILIES: dict[str, tuple[Any, Any]] = {
    "normal d=10": (MultivariateGaussian(np.zeros(10)), MultivariateGaussianMLE()),
    "categorical k=1000": (Zipf(1000), CategoricalMLE()),
    "poisson": (Poisson(3.0), PoissonMLE()),
    "regression d=10": (LinearModel(np.ones(10)), OLS()),
    "regression norm d=10": (RegressionNorm(10), OLSNorm()),
}


def gaussian(n: int, regime: Any = None) -> Chain:
    """The one-dimensional Gaussian, refitted to n rows."""
    return Chain(Gaussian(), GaussianMLE(), regime or Replace(), n0=n)


def bare(replicates: int, n: int, generations: int = GENERATIONS) -> None:
    """Draw the random numbers of a replace chain and do nothing with them, in blocks that fit a cache."""
    for begin in range(0, replicates, 16_384):
        width = min(16_384, replicates - begin)
        rng = np.random.default_rng(begin)
        for _ in range(generations + 1):
            rng.standard_normal(width)
            rng.chisquare(n - 1, width)


def loop(chain: Chain, replicates: int, generations: int = GENERATIONS) -> None:
    """Drain the generator and measure nothing."""
    for block, _, width in layout(chain, "exact").blocks(replicates):
        for _ in islice(chain.generations(Streams(1, block), "exact", width), generations + 1):
            pass


def run(chain: Chain, replicates: int, generations: int = GENERATIONS) -> None:
    """Run and measure the variance at every generation."""
    gl.run(chain, {"variance": gl.probes.variance}, generations=generations, replicates=replicates, engine="exact")


def seconds(*jobs: Callable[[], None], repeats: int = 5) -> list[float]:
    """The least time of each job, the jobs taking turns."""
    best = [float("inf")] * len(jobs)
    for _ in range(repeats):
        for i, job in enumerate(jobs):
            start = time.process_time()
            job()
            best[i] = min(best[i], time.process_time() - start)
    return best


class Counted:
    """How many numbers an accumulating chain draws and how many statistics it adds up."""

    def __init__(self, generations: int) -> None:
        self.drawn = self.added = 0
        counted = self

        class Rng(np.random.Generator):
            def standard_normal(self, size=None, *args, **kwargs):  # type: ignore[no-untyped-def]
                counted.drawn += int(np.prod(size or 1))
                return super().standard_normal(size, *args, **kwargs)

            def chisquare(self, df, size=None):  # type: ignore[no-untyped-def]
                counted.drawn += int(np.prod(size or 1))
                return super().chisquare(df, size)

        add = Moments.__add__

        def adding(one: Moments, other: Moments) -> Moments:
            counted.added += 1
            return add(one, other)

        streams: Any = lambda t, role, key=0: Rng(np.random.PCG64(t))  # noqa: E731
        Moments.__add__ = adding  # type: ignore[method-assign]
        try:
            for _ in islice(gaussian(100, Accumulate()).generations(streams, "exact", 3), generations + 1):
                pass
        finally:
            Moments.__add__ = add  # type: ignore[method-assign]


class Exact:
    """Time and ratios by replicates and by n."""

    params = ([1_000, 100_000], [100, 10**9])
    param_names = ("replicates", "n")

    def time_loop(self, replicates: int, n: int) -> None:
        loop(gaussian(n), replicates)

    def time_run(self, replicates: int, n: int) -> None:
        run(gaussian(n), replicates)

    def track_over_bare_draws(self, replicates: int, n: int) -> float:
        ours, theirs = seconds(lambda: run(gaussian(n), replicates), lambda: bare(replicates, n))
        return ours / theirs


class ExactAccumulates:
    """Cost of accumulating T generations."""

    params = (200, 400, 800)
    param_names = ("generations",)

    def time_accumulate(self, generations: int) -> None:
        loop(gaussian(100, Accumulate()), 1_000, generations)

    def track_draws(self, generations: int) -> int:
        return Counted(generations).drawn

    def track_additions(self, generations: int) -> int:
        return Counted(generations).added


class ExactFamilies:
    """Time of 1,000 replicates of 100 generations with a million rows each."""

    params = tuple(FAMILIES)
    param_names = ("family",)

    def time_replace(self, family: str) -> None:
        loop(Chain(*FAMILIES[family], Replace(), n0=10**6), 1_000)


def main() -> None:
    run(gaussian(100), 10, 2)  # imports
    for replicates, claim in ((100_000, 2), (1_000, 4)):
        repeats = 3 if replicates > 10_000 else 30
        ours, bound, theirs, large, large_bare = seconds(
            lambda r=replicates: run(gaussian(100), r),
            lambda r=replicates: loop(gaussian(100), r),
            lambda r=replicates: bare(r, 100),
            lambda r=replicates: run(gaussian(10**9), r),
            lambda r=replicates: bare(r, 10**9),
            repeats=repeats,
        )
        print(f"{replicates:,} replicates x {GENERATIONS} generations, n = 100 (claim: at most {claim}x)")
        print(f"  bare draws {theirs:.4f} s")
        print(f"  loop {bound:.4f} s = {bound / theirs:.2f}x, run {ours:.4f} s = {ours / theirs:.2f}x")
        print(f"  n = 10^9: run {large / large_bare:.2f}x bare, {large / ours:.2f} of n = 100 (claim: 0.8 to 1.2)")
    times = seconds(*(lambda t=t: loop(gaussian(100, Accumulate()), 1_000, t) for t in (200, 400, 800)))
    counts = [Counted(t) for t in (200, 400, 800)]
    print("accumulate, T = 200, 400, 800 (claim: doubles)")
    print("  seconds   " + ", ".join(f"{t:.4f}" for t in times))
    print(f"  ratios    {times[1] / times[0]:.2f}, {times[2] / times[1]:.2f}")
    print("  draws    " + ", ".join(str(c.drawn) for c in counts))
    print("  additions", ", ".join(str(c.added) for c in counts))
    for name, (source, learner) in FAMILIES.items():
        # Fewer rows leave fewer symbols alive, which is cheaper; of numbers that do not die out the cost is free of n.
        small, big = (Chain(source, learner, Replace(), n0=n) for n in (100, 10**9))
        one, other = seconds(lambda c=small: loop(c, 1_000), lambda c=big: loop(c, 1_000), repeats=2)
        print(f"{name}: 1,000 replicates x {GENERATIONS} generations: n = 100 {one:.3f} s, n = 10^9 {other:.3f} s")


if __name__ == "__main__":
    main()
