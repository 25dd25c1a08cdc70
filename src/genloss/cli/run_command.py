"""`genloss run`: run a spec and tell what was lost, and when."""

import argparse
import os
import re
from pathlib import Path
from typing import Any

_RUNS = Path("genloss-runs")


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "run",
        help="run chains and say when they collapse",
        description="Run the chains of a spec, keep the result, say when they collapse, and write a report.",
    )
    add_spec(command)
    command.add_argument("--replicates", type=int, metavar="N", help="independent repetitions of every chain")
    command.add_argument("--generations", type=int, metavar="T", help="the last generation")
    command.add_argument("--seed", type=int, metavar="S", help="the seed of the run")
    command.add_argument("--engine", choices=("rows", "exact"), help="draw rows, or their sufficient statistic")
    add_workers(command)
    command.add_argument(
        "--out", type=Path, metavar="DIR", help=f"where the run is kept (default: a new one in {_RUNS})"
    )
    command.add_argument("--resume", action="store_true", help="go on with the run in --out (default: the newest one)")
    command.add_argument("--no-report", action="store_true", help="do not write report.html")
    command.set_defaults(call=call)


def add_workers(command: Any) -> None:
    """Add the arguments that say where the work runs."""
    command.add_argument(
        "--workers",
        type=int,
        metavar="K",
        help="processes of this machine that share the work (default: one per core)",
    )
    command.add_argument(
        "--on",
        default="local",
        metavar="ADDRESS",
        help="where the work runs: local (default), or a cluster that runs already: ray://HOST:PORT, ray://auto, "
        "dask://HOST:PORT",
    )


def workers(asked: argparse.Namespace) -> int | None:
    """How many processes share the work: those asked for, or one per core of this machine."""
    given: int | None = asked.workers
    return cores() if given is None and asked.on == "local" else given


def add_spec(command: Any) -> None:
    """Add the arguments that name a spec and change it."""
    from genloss.spec.examples import EXAMPLES

    which = command.add_mutually_exclusive_group()
    which.add_argument("file", nargs="?", metavar="FILE", help="a YAML spec (default: the packaged example)")
    texts = "; ".join(f"{name}: {text}" for name, text in EXAMPLES.items())
    which.add_argument(
        "--example", choices=tuple(EXAMPLES), metavar="NAME", help=f"a packaged spec ({texts}; default: overview)"
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one value, as in regime.n=50",
        dest="changes",
    )


def call(asked: argparse.Namespace) -> int:
    """Run the command."""
    from genloss.cli.tell import console, tell
    from genloss.errors import SpecError
    from genloss.spec import study

    if asked.resume:
        folder = asked.out or _newest()
        plan = study.opened(folder)
        if asked.file or asked.example or _changed(asked):
            asked_for = _asked(asked)
            if asked_for.spec != plan.spec:
                raise SpecError(f"{folder}: holds a run of another spec; resume it without FILE and changes")
    else:
        plan = _asked(asked)
    screen = console(stderr=True)

    def told(name: str) -> None:
        screen.print(f"running {name or plan.name} …", highlight=False, markup=False)

    try:
        found = plan.run(
            workers=workers(asked), on=asked.on, resume=asked.resume, progress=screen.is_terminal, told=told
        )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"stopped; go on with: genloss run --resume --out {plan.folder}") from None
    tell(found, plan.spec.get("title"))
    if not asked.no_report:
        from genloss.cli.report_command import write

        try:
            write(plan.folder, found, plan.spec.get("title"))
        except SpecError as reason:
            screen.print(f"no report: {reason}")
    return 0


def _asked(asked: argparse.Namespace) -> Any:
    """The study that the arguments describe."""
    from genloss.spec.study import Study

    plain, base, name = described(asked)
    for option in ("replicates", "generations", "seed", "engine"):
        set_option(plain, option, getattr(asked, option))
    return Study(plain, asked.out or _next(Path(name).stem), base, name)


def described(asked: argparse.Namespace) -> tuple[dict[str, Any], Path | None, str]:
    """Read the spec that the arguments name: as plain data, where its import paths start, and what to call it."""
    from genloss.errors import SpecError
    from genloss.spec import build as specs
    from genloss.spec.examples import EXAMPLES, example

    base: Path | None
    if asked.file is None:
        text = example(asked.example or next(iter(EXAMPLES)))
        name = asked.example or "example"
        plain, base = specs.parse(text, name), None
    else:
        path = Path(asked.file)
        plain, base, name = specs.read(path), path.parent.resolve(), path.name
    for assignment in asked.changes:
        try:
            plain = specs.change(plain, assignment)
        except SpecError as error:
            raise SpecError(f"--set {error}") from None
    return plain, base, name


def set_option(plain: dict[str, Any], option: str, value: Any) -> None:
    """Set an option of every run of a spec; None leaves it."""
    if value is not None:
        for each in plain["runs"].values() if isinstance(plain.get("runs"), dict) else [plain]:
            if isinstance(each, dict):
                each[option] = value


def _changed(asked: argparse.Namespace) -> bool:
    return bool(asked.changes) or any(
        getattr(asked, name) is not None for name in ("replicates", "generations", "seed", "engine")
    )


def _next(name: str) -> Path:
    """A folder that does not exist yet."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "run"
    taken = [int(found[1]) for path in _RUNS.glob(f"{name}-*") if (found := re.fullmatch(rf"{name}-(\d+)", path.name))]
    return _RUNS / f"{name}-{max(taken, default=0) + 1}"


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _newest() -> Path:
    from genloss.errors import SpecError

    found = sorted(_RUNS.glob("*/study.json"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise SpecError(f"--resume: no run in {_RUNS}; give the folder of a run by --out")
    return found[-1].parent
