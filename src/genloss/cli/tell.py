"""What a run found, in the terminal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr
    from rich.console import Console


def console(*, stderr: bool = False) -> "Console":
    """A console that never interprets text from data."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def tell(results: "Mapping[str, xr.Dataset]", title: str | None = None) -> None:
    """Print the stage of every chain of every run."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from genloss.errors import SpecError
    from genloss.stages.verdict import stages

    screen = console()
    if title:
        screen.print(Text(plain(title), style="bold"))
    for name, result in results.items():
        try:
            found = stages(result)
        except SpecError as reason:
            screen.print(Text(f"{name + ': ' if name else ''}no stages: {reason}"))
            continue
        table = Table(title=plain(name) or None, title_justify="left", title_style="bold", header_style="bold")
        for heading in ("chain", "stage", "tail loss from", "spread loss from"):
            table.add_column(heading, overflow="fold")
        said = []
        for row in found:
            chain = plain(", ".join(str(label) for label in row.chain.values()) or "the chain")
            table.add_row(Text(chain), Text(row.stage, style=_STYLES.get(row.stage, "")), _at(row.early), _at(row.late))
            said.append(Text.assemble((chain, "bold"), ": ", plain(row.text)))
        screen.print(table)
        for text in said:
            screen.print(Padding(text, (0, 0, 0, 2)))
        screen.print()


_STYLES = {"no collapse": "green", "early collapse": "yellow", "late collapse": "red"}


def _at(generation: Any) -> str:
    return "–" if generation is None else f"generation {generation}"


def plain(text: str) -> str:
    """Make text from data fit for a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)
