"""Claim: kernel density chains cost at least 100 times less CPU than the peers' scripts, and less than scikit-learn's.

The peers' figures are CPU seconds of their published scripts on one core of a comparable machine: 5 chains of 100
generations of 100 rows that accumulate took 19, one chain of 500 generations of 50 rows took 104. `python bench/kde.py`
prints ours, the ratios, and the same loop with `sklearn.neighbors.KernelDensity` in the same run.
"""

import time
from itertools import islice

import numpy as np

import genloss as gl
from genloss.families.kde import KDE

PEERS = {"5 x 100 x 100": (5, 100, 100, 19.0), "1 x 500 x 50": (1, 500, 50, 104.0)}
BANDWIDTH = 0.3


def ours(chains: int, generations: int, rows: int, bandwidth: float | str = BANDWIDTH) -> float:
    """Run the chains side by side and return the variance of the last model."""
    chain = gl.Chain(gl.Gaussian(), KDE(bandwidth), gl.Accumulate(rows), n0=rows)
    last = next(islice(chain.generations(gl.Streams(1), replicates=chains), generations, None))
    return float(np.mean(last.model.var))


def scikit_learn(chains: int, generations: int, rows: int) -> float:
    """The same loop, chain by chain, with scikit-learn's estimator and nothing of ours."""
    from sklearn.neighbors import KernelDensity

    found = []
    for seed in range(chains):
        rng = np.random.default_rng(seed)
        pool = [rng.standard_normal((rows, 1))]
        for t in range(generations + 1):
            model = KernelDensity(bandwidth=BANDWIDTH).fit(np.concatenate(pool))
            pool.append(model.sample(rows, random_state=t))
        found.append(np.concatenate(pool).var() + BANDWIDTH**2)
    return float(np.mean(found))


class Chains:
    """One benchmark a peer's figure."""

    params = tuple(PEERS)

    def time_accumulate(self, peer: str) -> None:
        ours(*PEERS[peer][:3])

    def time_accumulate_silverman(self, peer: str) -> None:
        ours(*PEERS[peer][:3], bandwidth="silverman")

    def track_times_faster_than_the_peer(self, peer: str) -> float:
        *size, seconds = PEERS[peer]
        return seconds / cpu(lambda: ours(*size))


def cpu(work, times: int = 5) -> float:
    """The least CPU seconds of several runs."""
    seen = []
    for _ in range(times):
        begin = time.process_time()
        work()
        seen.append(time.process_time() - begin)
    return min(seen)


def main() -> None:
    for name, (chains, generations, rows, peer) in PEERS.items():
        mine = cpu(lambda size=(chains, generations, rows): ours(*size))
        rule = cpu(lambda size=(chains, generations, rows): ours(*size, bandwidth="silverman"))
        other = cpu(lambda size=(chains, generations, rows): scikit_learn(*size), times=2)
        print(f"{name} (chains x generations x rows), accumulate: {mine:.4f} CPU s")
        print(f"  peer {peer:.0f} CPU s: {peer / mine:,.0f} times less (at least 100 wanted)")
        print(f"  scikit-learn in the same loop {other:.3f} CPU s: {other / mine:.1f} times less")
        print(f"  with Silverman's rule {rule:.4f} CPU s: {peer / rule:,.0f} times less than the peer")


if __name__ == "__main__":
    main()
