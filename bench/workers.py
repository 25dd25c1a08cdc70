"""Workers' claim: sharing an ensemble of a minute between two processes costs at most 25% more CPU time than one.

So two idle cores need at most 1 / 1.6 of the time of one. `python bench/workers.py [REPLICATES]` prints the ratio of
CPU times, this process and its workers together, and checks that the results are the same, bit for bit.
"""

import resource
import sys

import numpy as np

import genloss as gl

N, GENERATIONS = 1_000, 100
LARGE = 40_000
"""Replicates that keep one process busy for about a minute."""


def cpu() -> float:
    """CPU seconds of this process and of all its children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def ensemble(replicates: int, workers: int, generations: int = GENERATIONS) -> tuple[float, np.ndarray]:
    """CPU seconds, workers included, and values of an ensemble of Gaussian chains, drawn row by row."""
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(), n0=N)
    start = cpu()
    found = gl.run(
        chain, {"variance": gl.probes.variance}, generations=generations, replicates=replicates, workers=workers
    )
    return cpu() - start, found["variance"].values


class Workers:
    """Time by the number of processes, and the CPU time of two over that of one."""

    params = (300, LARGE)
    param_names = ("replicates",)

    def time_one(self, replicates: int) -> None:
        ensemble(replicates, 1, GENERATIONS if replicates == LARGE else 5)

    def time_two(self, replicates: int) -> None:
        ensemble(replicates, 2, GENERATIONS if replicates == LARGE else 5)

    def track_cpu_of_two_over_one(self, replicates: int) -> float:
        generations = GENERATIONS if replicates == LARGE else 5
        one, two = (ensemble(replicates, workers, generations) for workers in (1, 2))
        return two[0] / one[0]


def main(replicates: int) -> None:
    ensemble(10, 1, 1)  # imports
    one, values = ensemble(replicates, 1)
    two, same = ensemble(replicates, 2)
    print(f"{replicates:,} replicates x {GENERATIONS} generations, n = {N:,} (claim: at most 1.25x the CPU time)")
    print(f"  one worker {one:.1f} CPU s, two workers {two:.1f} CPU s: {two / one:.2f}x")
    print(f"  results equal bit for bit: {np.array_equal(values, same)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else LARGE)
