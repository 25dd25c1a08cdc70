"""A spec run from end to end: every run kept in one folder, read back, and told apart by name."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genloss.errors import SpecError
from genloss.plain.files import commit
from genloss.runs import folder as storage
from genloss.runs.run import planned, run
from genloss.spec import build as specs
from genloss.workers import workers_for

if TYPE_CHECKING:
    import xarray as xr

_FILE = "study.json"
GENERATIONS = 10
"""The last generation of a run whose spec does not say it."""


@dataclass(frozen=True)
class Study:
    """A spec with the folder it is run in.

    Attributes:
        spec: The spec as plain data.
        folder: Where its runs are kept.
        base: Where import paths to files start; None for the current folder.
        name: What to call the spec in messages.
    """

    spec: Mapping[str, Any]
    folder: Path
    base: Path | None = None
    name: str = "spec"

    def run(
        self,
        *,
        workers: int | None = None,
        on: str = "local",
        resume: bool = False,
        progress: bool = False,
        told: Callable[[str], None] = lambda _: None,
    ) -> "dict[str, xr.Dataset]":
        """Run everything that the folder does not hold yet.

        Args:
            workers: Processes of this machine that share the work; one if it is left out.
            on: Where the work runs, as in `run`.
            resume: Go on with what the folder holds.
            progress: Show bars with the time left.
            told: Called with the name of each run before it starts.

        Returns:
            The results by the names of the runs; a spec of one run has the name "".
        """
        built = specs.runs(self.spec, self.base, self.name)
        for each in built.values():
            planned(each.grid, each.probes, **{"generations": GENERATIONS, **each.options})
        workers_for(on, workers)
        self._claim(resume)
        results = {}
        for name, each in built.items():
            told(name)
            options = {"generations": GENERATIONS, **each.options}
            folder = self.folder / name if name else self.folder
            again = resume and (folder / "run.json").exists()
            results[name] = run(
                each.grid,
                each.probes,
                **options,
                workers=workers,
                on=on,
                progress=progress,
                out=folder,
                resume=again,
            )
        return results

    def _claim(self, resume: bool) -> None:
        """Write down what this folder is for, or check that it is for this."""
        path = self.folder / _FILE
        if path.exists() and not resume:
            raise SpecError(f"{self.folder}: holds a run already; go on with it by resume=True, or give another folder")
        if not path.exists():
            if self.folder.exists() and not self.folder.is_dir():
                raise SpecError(f"{self.folder}: a file; give a folder")
            if self.folder.is_dir() and storage.foreign(self.folder):
                raise SpecError(f"{self.folder}: not empty and no run of genloss; give an empty or a new folder")
            self.folder.mkdir(parents=True, exist_ok=True)
            base = None if self.base is None else str(self.base)
            content = {"spec": self.spec, "base": base, "name": self.name}
            commit(path, json.dumps(content, indent=1).encode())


def opened(folder: str | Path) -> Study:
    """Read back the study that a folder was made for.

    Raises:
        SpecError: If there is none.
    """
    folder = Path(folder)
    try:
        there = json.loads((folder / _FILE).read_bytes())
        return Study(there["spec"], folder, None if there["base"] is None else Path(there["base"]), there["name"])
    except FileNotFoundError:
        raise SpecError(f"{folder}: no run here (there is no {_FILE}); give the folder of a run") from None
    except (ValueError, KeyError, TypeError):
        raise SpecError(f"{folder / _FILE}: damaged; the run cannot be read without it") from None


def results(folder: str | Path, *, partial: bool = False) -> "dict[str, xr.Dataset]":
    """Read the results of all runs that a folder holds, by name; a single run has the name ""."""
    folder = Path(folder)
    if (folder / "run.json").exists():
        return {"": storage.load(folder, partial=partial)}
    names = sorted(path.parent.name for path in folder.glob("*/run.json"))
    if not names:
        raise SpecError(f"{folder}: no run here (there is no run.json); give the folder of a run")
    known = list(opened(folder).spec.get("runs", {})) if (folder / _FILE).exists() else names
    missing = [name for name in known if name not in names]
    if missing and not partial:
        raise SpecError(f"{folder}: the run {missing[0]!r} has not started; resume the run")
    ordered = [name for name in known if name in names]
    return {name: storage.load(folder / name, partial=partial) for name in ordered}
