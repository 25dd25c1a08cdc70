"""Workers' claim: an ensemble that takes a minute in one process runs at least 1.6x as fast in two.

`python bench/workers.py [REPLICATES]` prints the speed-up and checks that the results are the same, bit for bit. It
needs two idle cores.
"""

import sys
import time

import numpy as np

import genloss as gl

N, GENERATIONS = 1_000, 100
LARGE = 40_000
"""Replicates that keep one process busy for about a minute."""


def ensemble(replicates: int, workers: int, generations: int = GENERATIONS) -> tuple[float, np.ndarray]:
    """Seconds and values of an ensemble of Gaussian chains, drawn row by row."""
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(), n0=N)
    start = time.perf_counter()
    found = gl.run(
        chain, {"variance": gl.probes.variance}, generations=generations, replicates=replicates, workers=workers
    )
    return time.perf_counter() - start, found["variance"].values


class Workers:
    """Time by the number of processes, and the speed-up of two over one."""

    params = (300, LARGE)
    param_names = ("replicates",)

    def time_one(self, replicates: int) -> None:
        ensemble(replicates, 1, GENERATIONS if replicates == LARGE else 5)

    def time_two(self, replicates: int) -> None:
        ensemble(replicates, 2, GENERATIONS if replicates == LARGE else 5)

    def track_speed_up(self, replicates: int) -> float:
        generations = GENERATIONS if replicates == LARGE else 5
        one, two = (ensemble(replicates, workers, generations) for workers in (1, 2))
        return one[0] / two[0]


def main(replicates: int) -> None:
    ensemble(10, 1, 1)  # imports
    one, values = ensemble(replicates, 1)
    two, same = ensemble(replicates, 2)
    print(f"{replicates:,} replicates x {GENERATIONS} generations, n = {N:,} (claim: at least 1.6x)")
    print(f"  one worker {one:.1f} s, two workers {two:.1f} s: {one / two:.2f}x")
    print(f"  results equal bit for bit: {np.array_equal(values, same)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else LARGE)
