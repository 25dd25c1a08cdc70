"""Import's claim: `import genloss` costs little more than `import numpy`.

`python bench/import_time.py` prints the ratio and what else is imported.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

SOURCE = str(Path(__file__).parents[1] / "src")


def children() -> float:
    """CPU seconds of all processes that were started here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def seconds(code: str, repeats: int = 7) -> float:
    """The least CPU time of a new process that runs the code, less that of one that runs nothing."""

    def least(what: str) -> float:
        times = []
        for _ in range(repeats):
            start = children()
            subprocess.run([sys.executable, "-c", what], check=True, env={**os.environ, "PYTHONPATH": SOURCE})
            times.append(children() - start)
        return min(times)

    return least(code) - least("pass")


class Import:
    """Time of the import in a new process."""

    def time_genloss(self) -> None:
        seconds("import genloss", 1)

    def track_over_numpy(self) -> float:
        return seconds("import genloss", 3) / seconds("import numpy, numpy.random", 3)


def main() -> None:
    ours, theirs = seconds("import genloss"), seconds("import numpy, numpy.random")
    print(f"import numpy {theirs:.3f} s, import genloss {ours:.3f} s: {ours / theirs:.2f}x")
    told = subprocess.run(
        [sys.executable, "-c", "import genloss, sys; print(*sorted({n.split('.')[0] for n in sys.modules}))"],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": SOURCE},
    ).stdout
    foreign = [name for name in told.split() if name not in sys.stdlib_module_names and not name.startswith("_")]
    print(f"imported besides the standard library: {', '.join(foreign)}")


if __name__ == "__main__":
    main()
