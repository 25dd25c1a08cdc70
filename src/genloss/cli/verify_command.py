"""`genloss verify`: hold every law, every erratum and every claim against simulation."""

import argparse
import dataclasses
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genloss.cli.run_command import add_workers, workers
from genloss.cli.tell import console, plain

if TYPE_CHECKING:
    from genloss.theory.verification.ledger import LedgerRow
    from genloss.theory.verification.verify import Ledger

_FAILED = 1
_HEADS = {"laws": "Laws", "errata": "Published and false, or loose", "claims": "Claims of the literature"}


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "verify",
        help="hold every law of theory against simulation",
        description="Simulate the example of every law with every engine that can run it, and say what holds. "
        "The exit status is 1 if anything fails.",
    )
    command.add_argument("--only", metavar="PART", help="laws, errata, claims, or a piece of a law's name")
    command.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    command.add_argument("--html", type=Path, metavar="FILE", help="write a page with the plots")
    add_workers(command)
    command.add_argument("--seed", type=int, default=0, metavar="S", help="the seed of all simulations (default: 0)")
    command.set_defaults(call=call)


def call(asked: argparse.Namespace) -> int:
    """Run the command."""
    from genloss.report.ledger_page import html
    from genloss.report.page import place
    from genloss.theory.verification.verify import verify

    if asked.html is not None:
        place(asked.html)
    screen = console(stderr=True)
    try:
        found = verify(asked.only, asked.seed, workers=workers(asked), on=asked.on, progress=screen.is_terminal)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; nothing is kept") from None
    if asked.html is not None:
        html(found.rows, found.checks, asked.html, seed=found.seed, only=found.only or "")
        screen.print(f"ledger: {asked.html}", soft_wrap=True)
    if asked.json:
        json.dump(document(found), sys.stdout, indent=1, allow_nan=False)
        sys.stdout.write("\n")
    else:
        tell(found)
    return 0 if found.holds else _FAILED


def document(ledger: "Ledger") -> dict[str, Any]:
    """Write the ledger as plain data; a number that is not finite is null."""
    from genloss.version import VERSION

    rows = [{name: _finite(value) for name, value in dataclasses.asdict(row).items()} for row in ledger.rows]
    return {"genloss": VERSION, "seed": ledger.seed, "only": ledger.only, "holds": ledger.holds, "rows": rows}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def tell(ledger: "Ledger") -> None:
    """Print the ledger as tables, and what it comes to in one line."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    screen = console()
    wide = screen.width >= 110
    for part, head in _HEADS.items():
        rows = [row for row in ledger.rows if row.part == part]
        if not rows:
            continue
        table = Table(title=head, title_justify="left", title_style="bold", header_style="bold", box=box.SIMPLE_HEAD)
        table.add_column("claim" if wide else "claim, source", overflow="fold")
        if wide:
            table.add_column("source", overflow="fold")
        table.add_column("predicted", justify="right", no_wrap=True)
        table.add_column("measured", no_wrap=True)
        table.add_column("verdict", overflow="fold", min_width=8)
        before = ""
        for row in rows:
            if row.claim == before:
                verdict = Text(plain(row.verdict).partition("; ")[0], style="green" if row.holds else "bold red")
                again = [Text(_how(row), style="dim"), *([Text("")] if wide else [])]
                table.add_row(*again, _predicted(row), _measured(row), verdict)
                continue
            before = row.claim
            source = Text(plain(row.source), style="dim")
            said, _, then = plain(row.verdict).partition("; ")
            verdict = Text(plain(row.verdict) if wide else said, style="green" if row.holds else "bold red")
            more = Text(f"\n{then}" if then else "", style="green" if row.holds else "bold red")
            first = [_claim(row), source] if wide else [Text.assemble(_claim(row), "\n", source, more)]
            table.add_row(*first, _predicted(row), _measured(row), verdict)
        screen.print(table)
    screen.print(Text(_sum(ledger), style="bold green" if ledger.holds else "bold red"))


def _claim(row: "LedgerRow") -> Any:
    from rich.text import Text

    return Text.assemble((plain(row.claim), "bold"), "\n", (plain(row.probe), "dim"), "\n", (_how(row), "dim"))


def _how(row: "LedgerRow") -> str:
    when = "" if row.generation < 0 else f", generation {row.generation}"
    return plain(f"{row.engine}{when}" if row.engine == "direct" else f"{row.engine} engine{when}")


def _predicted(row: "LedgerRow") -> Any:
    from rich.text import Text

    from genloss.theory.laws import SIGNS

    sign = SIGNS.get(row.kind, "")
    return Text(f"{sign}{_number(row.predicted)}")


def _measured(row: "LedgerRow") -> Any:
    from rich.text import Text

    return Text(f"{_number(row.measured)}\n[{_number(row.low)}, {_number(row.high)}]")


def _number(x: float) -> str:
    return f"{x:.5g}" if math.isfinite(x) else "not known" if math.isnan(x) else "infinite" if x > 0 else "-infinite"


def _sum(ledger: "Ledger") -> str:
    from genloss.theory.verification.ledger import counted

    failing = sorted({f"{row.claim}: {row.verdict}" for row in ledger.rows if not row.holds})
    said = counted(ledger.rows)
    if failing:
        return plain(f"{said}: {len(failing)} FAIL ({'; '.join(failing)})")
    return f"{said}: all stand at five standard errors (seed {ledger.seed})"
