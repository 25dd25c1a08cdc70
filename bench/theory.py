"""Guards three claims: 1,000 generations of a closed-form regime are predicted in under 50 ms, symbols by duality
(1,000 samples, 100 generations) in under 2 s, and sums over 100,000 symbols cost a few times those over 1,000 at most.

Run `python bench/theory.py` for a table.
"""

import time

import genloss as gl
from genloss.families.categorical import CategoricalMLE, Zipf
from genloss.theory import LAWS, predict
from genloss.theory.catalogue.categorical import _ancestors

REGIMES = {
    "replace": gl.Replace(100),
    "replace, 10 rows": gl.Replace(10),
    "replace, linear": gl.Replace(gl.Linear(100, 10)),
    "accumulate": gl.Accumulate(100),
    "fresh real": gl.FreshReal(100, 0.1),
    "fixed real": gl.FixedReal(100, 10),
    "past models": gl.PastModels(100),
    "window": gl.Window(100, 5),
}


def _chain(name: str) -> gl.Chain:
    return gl.Chain(gl.Gaussian(), gl.GaussianMLE(), REGIMES[name], 100)


class ClosedForm:
    """Time to predict 1,000 generations."""

    params = tuple(REGIMES)

    def setup(self, name: str) -> None:
        predict(_chain(name), 3)

    def time_predict(self, name: str) -> None:
        predict(_chain(name), 1_000)


class Duality:
    """Time to predict symbols by duality; it does not depend on the vocabulary but for one pass over it."""

    params = (1_000, 100_000)

    def time_duality(self, k: int) -> None:
        _ancestors.cache_clear()
        predict(_symbols(k), 100)

    def track_symbols(self) -> float:
        """Time of the sums over 100,000 symbols, the law of ancestors being known, over that of 1,000."""
        times = []
        for k in self.params:
            chain, law = _symbols(k), LAWS["lost_mass_replace"]
            law.values(chain, 100)
            begin = time.process_time()
            for _ in range(20):
                law.values(chain, 100)
            times.append(time.process_time() - begin)
        return times[1] / times[0]


def _symbols(k: int) -> gl.Chain:
    return gl.Chain(Zipf(k, 1.1), CategoricalMLE(), gl.Replace(1_000), 1_000)


def main() -> None:
    bench = ClosedForm()
    for name in REGIMES:
        bench.setup(name)
        begin = time.process_time()
        bench.time_predict(name)
        print(f"{name:18s} {1e3 * (time.process_time() - begin):6.1f} ms  (limit 50)")
    for k in Duality.params:
        begin = time.process_time()
        Duality().time_duality(k)
        print(f"duality, {k:7d} symbols {time.process_time() - begin:6.2f} s  (limit 2)")
    print(f"sums over 100,000 symbols against 1,000: {Duality().track_symbols():.1f} times")


if __name__ == "__main__":
    main()
