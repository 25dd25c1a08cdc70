"""`genloss report`: write the report of a run that is kept in a folder."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "report",
        help="write the report of a run",
        description="Write the report of a run as one HTML file that needs no network.",
    )
    command.add_argument("dir", type=Path, metavar="DIR", help="the folder of a run")
    command.add_argument("--out", type=Path, metavar="FILE", help="where to write it (default: DIR/report.html)")
    command.set_defaults(call=call)


def call(asked: argparse.Namespace) -> int:
    """Run the command."""
    from genloss.spec import study

    found = study.results(asked.dir)
    try:
        title = study.opened(asked.dir).spec.get("title")
    except ValueError:
        title = None
    write(asked.dir, found, title, asked.out)
    return 0


def write(folder: Path, results: Mapping[str, Any], title: str | None, path: Path | None = None) -> None:
    """Write the report, with what theory says of its chains, and say where it is."""
    from genloss import report
    from genloss.cli.tell import console
    from genloss.report.overlay import predictions

    path = path or folder / "report.html"
    said = {name: predictions(result) for name, result in results.items()}
    report.html(results, path, title=title or folder.name, predictions=said)
    console().print(f"report: {path}")
