"""The pictures of a report, as figures for notebooks.

Every function returns a matplotlib Figure. It belongs to no window and leaves matplotlib's settings as they were.
"""

import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from genloss.errors import SpecError
from genloss.plain.words import clean, title_of
from genloss.report import bands, curves, film_panels, shares
from genloss.report.badges import kept, matched
from genloss.report.figure import FAINT, Panel, compose
from genloss.report.summary import cells_of, summary

if TYPE_CHECKING:
    from xarray import Dataset


def overview(result: "Dataset", stages: Iterable[Any] | None = None) -> Any:
    """Show for every chain how much of its tails and spread is kept, and when they go.

    Args:
        result: What `genloss.run` or `genloss.load` gave.
        stages: What `genloss.stages(result)` gave; without it the onsets are not marked.

    Raises:
        SpecError: If no probe measures tails or spread, or matplotlib is missing.
    """
    cells = cells_of(result)
    found = matched(cells, stages)
    tails, spread = (kept(result, role, cells, found, {}) for role in ("tails", "spread"))
    if tails is None and spread is None:
        raise SpecError("report: no probe of this result measures tails or spread; run with one that does")
    words = ", ".join(f"{m.role}: {m.words}" for m in (tails, spread) if m)
    made = shares.panels(cells, result["generation"].values, tails, spread, found)
    return compose(made, f"Kept of generation 0 ({words})")


def probe(result: "Dataset", name: str, predictions: "Dataset | None" = None) -> Any:
    """Show a probe by generation: a line a chain is the median over replicates, its band the middle 80% of them.

    Up to eight replicates are drawn one by one. A vector probe has a picture for every label (twelve at most).

    Args:
        result: What `genloss.run` or `genloss.load` gave.
        name: The probe.
        predictions: What theory says, with the same names; drawn as dashed lines with the name of the law.

    Raises:
        SpecError: If there is no such probe, or matplotlib is missing.
    """
    return compose(curves.panels(summary(result, name), cells_of(result), predictions), title_of(name), columns=3)


def tails(result: "Dataset", name: str) -> Any:
    """Show a vector probe band by band: what is kept of generation 0 fades as it is lost.

    Args:
        result: What `genloss.run` or `genloss.load` gave.
        name: The probe.

    Raises:
        SpecError: If there is no such probe, it gives single numbers, or matplotlib is missing.
    """
    found = summary(result, name)
    if not found.dim:
        raise SpecError(f"report: probe {clean(name, 60)!r} gives single numbers and has no bands; use plots.probe")
    return compose(bands.panels(found, cells_of(result)), f"{title_of(name)}: kept of generation 0")


def film(result: "Dataset") -> Any:
    """Show what the models of each generation draw: histograms, pictures, points or texts.

    Args:
        result: What `genloss.run(..., film=True)` gave.

    Raises:
        SpecError: If the result has no film, or matplotlib is missing.
    """
    kind = film_panels.kind_of(result)
    if not kind:
        raise SpecError("report: this result has no film; run with film=True")
    cells = cells_of(result)
    if kind != "text":
        return compose(film_panels.panels(result, cells), "What the models draw")
    written = film_panels.texts(result, cells)
    made = [_page(cell.label, rows) for cell, rows in zip(cells, written, strict=True)]
    return compose(made, "What the models write", columns=3)


def _page(label: str, rows: list[tuple[int, str]]) -> Panel:
    """A page of text; one line in twelve characters an inch."""
    wrapped = [(t, textwrap.wrap(text, 56)[:5]) for t, text in rows]

    def draw(figure: Any) -> None:
        height = _PAGE[1]
        y = 1 - 0.1 / height
        for t, found in wrapped:
            figure.text(0.02, y, f"generation {t}", fontsize=7, color=FAINT, va="top")
            figure.text(0.02, y - 0.14 / height, "\n".join(found), fontsize=7.5, va="top", parse_math=False)
            y -= 0.9 / height

    return Panel(label, "; ".join(f"generation {t}: {text}" for t, text in rows), *_PAGE, draw)


_PAGE = (4.2, 3.7)
