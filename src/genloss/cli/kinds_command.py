"""`genloss kinds`: what a spec can name."""

import argparse
import dataclasses
from typing import Any

from genloss.spec.kinds import PARTS, fields_of, kinds, summary_of


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "kinds",
        help="list what a spec can name",
        description="List every source, learner, regime, curator, schedule and probe with its fields.",
    )
    command.add_argument("part", nargs="?", choices=PARTS, metavar="PART", help=f"one of {', '.join(PARTS)}")
    command.set_defaults(call=call)


def call(asked: argparse.Namespace) -> int:
    """Run the command."""
    from genloss.cli.tell import console

    screen = console()
    for part in [asked.part] if asked.part else PARTS:
        screen.print(f"{part}s", style="bold")
        for name, thing in kinds(part).items():
            screen.print(f"  {name}: {summary_of(thing)}", soft_wrap=True)
            for field in fields_of(thing):
                default = "needed" if field.default is dataclasses.MISSING else f"default {_said(field.default)}"
                screen.print(f"      {field.name} ({default}): {field.text}", soft_wrap=True)
    return 0


def _said(value: Any) -> str:
    from genloss.plain.describe import describe

    plain = describe(value)
    return plain["kind"] if isinstance(plain, dict) and set(plain) == {"kind"} else str(plain)
