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
    from rich.table import Table
    from rich.text import Text

    from genloss.errors import SpecError
    from genloss.stages import stages

    screen = console()
    if title:
        screen.print(Text(_plain(title), style="bold"))
    for name, result in results.items():
        try:
            found = stages(result)
        except SpecError as reason:
            screen.print(Text(f"{name + ': ' if name else ''}no stages: {reason}"))
            continue
        table = Table(title=_plain(name) or None, title_justify="left", header_style="bold", show_lines=False)
        for heading in ("chain", "stage", "tails go", "spread goes", "evidence"):
            table.add_column(heading, overflow="fold")
        for row in found:
            chain = ", ".join(str(label) for label in row.chain.values()) or "the chain"
            table.add_row(
                Text(_plain(chain)),
                Text(row.stage, style=_STYLES.get(row.stage, "")),
                _at(row.early),
                _at(row.late),
                Text(_plain(row.text)),
            )
        screen.print(table)


_STYLES = {"no collapse": "green", "early collapse": "yellow", "late collapse": "red"}


def _at(generation: Any) -> str:
    return "–" if generation is None else f"generation {generation}"


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
