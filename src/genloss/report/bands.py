"""A vector probe band by band: what is kept of generation 0 fades as it is lost."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from genloss.chain.data import Array, Floats
from genloss.plain.words import clean, label_of, percent, title_of
from genloss.report.figure import FAINT, Panel, by_generation
from genloss.report.summary import Cell, Summary

WIDTH = 2.75
MOST = 14
_UNKNOWN = (0.89, 0.9, 0.91)


def chosen(labels: Sequence[Any]) -> list[int]:
    """Choose the labels to show: all, or fourteen from the first to the last."""
    return sorted({round(float(i)) for i in np.linspace(0, len(labels) - 1, min(MOST, len(labels)))})


def panels(found: Summary, cells: Sequence[Cell]) -> list[Panel]:
    """Make a picture for every chain: a row per label, a column per generation."""
    rows = chosen(found.labels)
    share = found.share()[..., rows]
    names = [clean(label_of(found.labels[j]), 13) for j in rows]
    return [_panel(found, cell, share[i], names) for i, cell in enumerate(cells)]


def _panel(found: Summary, cell: Cell, share: Array, names: Sequence[str]) -> Panel:
    panel: Panel
    ends = [f"{name} {percent(float(share[-1, k]))}" for k, name in enumerate(names)]
    alt = (
        f"{title_of(found.name)} by {clean(found.dim)}, {cell.label}: kept of generation 0 at generation "
        f"{found.generation[-1]}: {', '.join(ends)}."
    )

    def draw(figure: Any) -> None:
        left = 0.12 + 0.072 * max(len(name) for name in names)
        ax = panel.axes(figure, left=left, right=0.44, top=0.06)
        t = found.generation
        picture = colours(share.T, cell.colour)
        edges = (t[0] - 0.5, t[-1] + 0.5, len(names), 0)
        ax.imshow(picture, aspect="auto", interpolation="none", extent=edges)
        by_generation(ax, t)
        ax.set_xlim(edges[0], edges[1])
        for k in range(1, len(names)):
            ax.axhline(k, color="white", lw=1)
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_visible(False)
        for k, name in enumerate(names):
            y = 1 - (k + 0.5) / len(names)
            ax.text(
                -0.03,
                y,
                name,
                transform=ax.transAxes,
                ha="right",
                va="center",
                fontsize=7.5,
                color=FAINT,
                parse_math=False,
            )
            ax.text(1.03, y, percent(float(share[-1, k])), transform=ax.transAxes, va="center", fontsize=7.5)

    panel = Panel(clean(cell.label), alt, WIDTH, 0.5 + 0.19 * max(len(names), 3), draw)
    return panel


def colours(share: Array, colour: str) -> Floats:
    """Turn shares into colours: nearly white for nothing, the chain's colour for all, darker for more than all."""
    full = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    kept = np.clip(np.nan_to_num(share, nan=0, posinf=2), 0, 2)[..., None]
    empty = 0.965 + 0.0 * full
    mixed = np.where(kept <= 1, empty + (full - empty) * kept**0.8, full * (1 - 0.45 * (kept - 1)))
    return np.where(np.isnan(share)[..., None], _UNKNOWN, mixed)
