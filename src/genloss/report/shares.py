"""The picture to see first: how much of its tails and of its spread every chain keeps, and when they go."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from genloss.chain.data import Array
from genloss.plain.words import clean, percent
from genloss.report.badges import Kept
from genloss.report.figure import FAINT, INK, Panel, by_generation, darker, spread_out
from genloss.report.summary import Cell

WIDTH, HEIGHT = 2.35, 1.65
_TOP = 1.5


def panels(
    cells: Sequence[Cell], generation: Array, tails: Kept | None, spread: Kept | None, stages: Sequence[Any | None]
) -> list[Panel]:
    """Make a picture for every chain: tails as an area, spread as a line, both as a share of generation 0."""
    measures = [measure for measure in (tails, spread) if measure is not None]
    highest = max((np.nanmax(measure.share, initial=1.0) for measure in measures), default=1.0)
    top = min(_TOP, max(1.12, highest * 1.05))
    return [_panel(cell, i, generation, measures, stages[i], top) for i, cell in enumerate(cells)]


def spark(i: int, cell: Cell, tails: Kept | None, spread: Kept | None) -> str:
    """The same at the size of a word, as the address of an SVG image; numbers and a colour are all it holds."""
    high = 1.2

    def path(measure: Kept) -> str:
        share = np.clip(np.nan_to_num(measure.share[i], nan=0), 0, high)
        at = np.unique(np.linspace(0, len(share) - 1, 61).round().astype(int))
        width = max(len(share) - 1, 1)
        return " ".join(f"{100 * k / width:.1f},{30 * (1 - share[k] / high):.1f}" for k in at)

    parts = ['<line x1="0" x2="100" y1="5" y2="5" stroke="#9aa1aa" stroke-width="1" stroke-dasharray="2 2"/>']
    if tails is not None:
        line = path(tails)
        parts.append(f'<polygon points="0,30 {line} 100,30" fill="{cell.colour}" fill-opacity=".35"/>')
        parts.append(f'<polyline points="{line}" fill="none" stroke="{cell.colour}" stroke-width="2"/>')
    if spread is not None:
        line = (
            f'<polyline points="{path(spread)}" fill="none" stroke="{INK}" stroke-width="1.3" stroke-dasharray="4 2"/>'
        )
        parts.append(line)
    size = 'viewBox="0 0 100 30" width="100" height="30" preserveAspectRatio="none"'
    body = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>'
    return "data:image/svg+xml;base64," + base64.b64encode(body.encode()).decode()


def _panel(cell: Cell, i: int, generation: Array, measures: Sequence[Kept], stage: Any | None, top: float) -> Panel:
    panel: Panel
    ends = [f"{percent(float(m.share[i, -1]))} of {m.role} ({m.words})" for m in measures]
    onsets = [
        f"{name} collapse begins at generation {int(at)}"
        for name, at in (("early", getattr(stage, "early", None)), ("late", getattr(stage, "late", None)))
        if at is not None
    ]
    alt = (
        f"{cell.label}: at generation {generation[-1]} it keeps {' and '.join(ends) or 'what was not measured'}. "
        + "; ".join(onsets)
    )

    def draw(figure: Any) -> None:
        ax = panel.axes(figure, left=0.43, right=0.6, top=0.2)
        ax.set_ylim(0, top)
        by_generation(ax, generation)
        ax.axhline(1, color="#b4bac2", lw=0.7, ls=(0, (2, 2)))
        ax.set_yticks([0, 0.5, 1.0], ["0", "50%", "100%"])
        places = []
        for measure in measures:
            share = np.clip(measure.share[i], 0, top)
            if measure.role == "tails":
                ax.fill_between(generation, 0, share, color=cell.colour, alpha=0.25, lw=0)
                ax.plot(generation, share, color=cell.colour, lw=2)
            else:
                ax.plot(generation, share, color=INK, lw=1.3, ls=(0, (4, 1.5)))
            finite = share[np.isfinite(share)]
            places.append(float(finite[-1]) / top if finite.size else 0.0)
        for measure, place in zip(measures, spread_out(places, 0.31, 0.1, 1.0), strict=True):
            main = measure.role == "tails"
            colour = darker(cell.colour) if main else INK
            amount = percent(float(measure.share[i, -1]))
            ax.text(
                1.04,
                place,
                amount,
                transform=ax.transAxes,
                fontsize=11 if main else 9,
                weight="bold",
                color=colour,
                va="center",
            )
            ax.text(1.05, place - 0.135, measure.role, transform=ax.transAxes, fontsize=7, color=FAINT, va="center")
        _onsets(ax, stage, generation, cell)

    panel = Panel(clean(cell.label), alt, WIDTH, HEIGHT, draw)
    return panel


def _onsets(ax: Any, stage: Any | None, generation: Array, cell: Cell) -> None:
    marks = [
        (float(at), name)
        for at, name in ((getattr(stage, "early", None), "tails"), (getattr(stage, "late", None), "spread"))
        if at is not None
    ]
    first, last = float(generation[0]), float(generation[-1])
    span = max(last - first, 1.0)
    places = spread_out([(at - first) / span for at, _ in marks], 0.42, 0.0, 0.95)
    for (at, name), place in zip(marks, places, strict=True):
        ax.axvline(at, color=darker(cell.colour) if name == "tails" else INK, lw=0.8)
        ax.plot([at], [1.0], "v", ms=4.5, mew=0, color=INK, transform=ax.get_xaxis_transform(), clip_on=False)
        ax.text(
            place,
            1.06,
            f"{name}: {at:.0f}",
            transform=ax.transAxes,
            fontsize=7,
            color=INK,
            ha="left",
            va="bottom",
        )
