"""The film: what the models of each generation draw."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.chain.data import Array
from genloss.plain.words import clean, shown
from genloss.report.figure import FAINT, RULE, Panel, plain_numbers
from genloss.report.summary import Cell, flat

if TYPE_CHECKING:
    from xarray import Dataset

WIDTH = 2.75
_ROWS = 4
_FRAMES = {"line": 7, "picture": 6, "points": 6, "text": 4}


def kind_of(result: "Dataset") -> str:
    """Tell what a film shows: "text", "line" (numbers), "picture" (square images), "points"; "" if there is none."""
    if "film" not in result:
        return ""
    film = result["film"]
    if film.dtype.kind in "OUS":
        return "text"
    pixels = film.sizes.get("pixel", 1)
    if pixels == 1:
        return "line"
    return "picture" if pixels >= 16 and round(pixels**0.5) ** 2 == pixels else "points"


def frames(result: "Dataset") -> list[int]:
    """Choose the positions of the generations to show."""
    return shown(result["generation"].values.tolist(), _FRAMES[kind_of(result)])


def panels(result: "Dataset", cells: Sequence[Cell]) -> list[Panel]:
    """Make a strip for every chain; none for texts, which stay texts."""
    kind = kind_of(result)
    if kind in ("", "text"):
        return []
    chosen = frames(result)
    film = flat(result, "film").astype(float)
    film = film.reshape(*film.shape[:3], -1)[:, chosen]
    generation = result["generation"].values[chosen]
    make = {"line": _lines, "picture": _pictures, "points": _points}[kind]
    return make(film, generation, cells)


def texts(result: "Dataset", cells: Sequence[Cell], limit: int = 190) -> list[list[tuple[int, str]]]:
    """The film of a language model: for every chain, generations and what their models write."""
    film = flat(result, "film")
    chosen = frames(result)
    generation = result["generation"].values
    return [[(int(generation[k]), clean(film[i, k, 0], limit)) for k in chosen] for i in range(len(cells))]


def _lines(film: Array, generation: Array, cells: Sequence[Cell]) -> list[Panel]:
    counts, edges = histograms(film[..., 0])
    height = 0.3 * len(generation) + 0.75
    return [_ridges(counts[i], edges, generation, cell, height) for i, cell in enumerate(cells)]


def histograms(film: Array) -> tuple[Array, Array]:
    """Count the samples, (chains, generations, shots), in bins that all share; return counts and edges."""
    edges = _edges(film)
    return np.array([[np.histogram(rows[np.isfinite(rows)], edges)[0] for rows in cell] for cell in film]), edges


def _edges(film: Array) -> Array:
    """Choose bins that hold generation 0 with room on both sides, and most of what comes later."""
    first = film[:, 0][np.isfinite(film[:, 0])]
    everything = film[np.isfinite(film)]
    if not first.size:
        return np.linspace(-1, 1, 45)
    low, high = np.quantile(first, (0.001, 0.999))
    room = (high - low) or abs(high) or 1.0
    left, right = np.quantile(everything, (0.005, 0.995))
    return np.linspace(max(min(low, left), low - room), min(max(high, right), high + room), 45)


def _ridges(counts: Array, edges: Array, generation: Array, cell: Cell, height: float) -> Panel:
    panel: Panel
    alt = f"What {cell.label} draws at generations {', '.join(map(str, generation))}, with generation 0 as outline."

    def draw(figure: Any) -> None:
        ax = panel.axes(figure, left=0.42, right=0.12, top=0.2)
        for k, row in enumerate(counts):
            base = len(counts) - 1 - k
            first, own = counts[0] / max(counts[0].max(), 1), row / max(row.max(), 1)
            ax.stairs(
                base + 0.92 * own, edges, baseline=base, fill=True, color=cell.colour, alpha=0.75, lw=0, zorder=2 * k
            )
            ax.stairs(base + 0.92 * first, edges, baseline=None, color="#7b828c", lw=0.6, zorder=2 * k + 1)
            ax.axhline(base, color=RULE, lw=0.5, zorder=0)
            ax.text(
                -0.02,
                base + 0.12,
                str(generation[k]),
                transform=ax.get_yaxis_transform(),
                ha="right",
                fontsize=7.5,
                color=FAINT,
            )
        ax.set_xlim(edges[0], edges[-1])
        ax.set_ylim(-0.02, len(counts) + 0.05)
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        ax.locator_params(axis="x", nbins=4)
        plain_numbers(ax.xaxis)
        ax.set_xlabel("value drawn", labelpad=2)

    panel = Panel(clean(cell.label), alt, WIDTH, height, draw)
    return panel


def _pictures(film: Array, generation: Array, cells: Sequence[Cell]) -> list[Panel]:
    side = round(film.shape[-1] ** 0.5)
    finite = film[:, 0][np.isfinite(film[:, 0])]
    # a model of pictures spills noise beyond white and black; the ground should still look like paper
    low, high = np.quantile(finite, (0.2, 0.98)).tolist() if finite.size else (0.0, 1.0)
    shots = film[:, :, :_ROWS].reshape(len(film), len(generation), -1, side, side)
    return [_strip(shots[i], low, high, generation, cell) for i, cell in enumerate(cells)]


def _strip(shots: Array, low: float, high: float, generation: Array, cell: Cell) -> Panel:
    panel: Panel
    columns, rows, side, _ = shots.shape
    gap = max(1, side // 8)
    step = side + gap
    sheet = np.full((rows * step - gap, columns * step - gap), np.nan)
    for c in range(columns):
        for r in range(rows):
            sheet[r * step : r * step + side, c * step : c * step + side] = shots[c, r]
    alt = f"Pictures that {cell.label} draws, a column for each of the generations {', '.join(map(str, generation))}."
    width = WIDTH - 0.24
    height = 0.35 + width * sheet.shape[0] / sheet.shape[1] + 0.06

    def draw(figure: Any) -> None:
        ax = panel.axes(figure, left=0.12, right=0.12, top=0.35, bottom=0.06)
        grey = 1 - np.clip((sheet - low) / ((high - low) or 1.0), 0, 1)
        inked = np.repeat(np.where(np.isnan(sheet), 1.0, grey * 0.97)[..., None], 3, axis=-1)
        ax.imshow(inked, interpolation="none", aspect="auto")
        ax.set_axis_off()
        for c in range(columns):
            ax.text(
                (c * step + side / 2) / sheet.shape[1],
                1.03,
                str(generation[c]),
                transform=ax.transAxes,
                ha="center",
                fontsize=7.5,
                color=FAINT,
            )
        ax.text(0, 1.03 + 0.17 / (height - 0.41), "generation", transform=ax.transAxes, fontsize=7, color=FAINT)

    panel = Panel(clean(cell.label), alt, WIDTH, height, draw)
    return panel


def _points(film: Array, generation: Array, cells: Sequence[Cell]) -> list[Panel]:
    first = film[:, 0, :, :2].reshape(-1, 2)
    first = first[np.isfinite(first).all(1)]
    low, high = (first.min(0), first.max(0)) if len(first) else (np.full(2, -1.0), np.full(2, 1.0))
    room = np.where(high > low, high - low, 1.0) * 0.2
    return [_scatter(film[i, :, :, :2], low - room, high + room, generation, cell) for i, cell in enumerate(cells)]


def _scatter(points: Array, low: Array, high: Array, generation: Array, cell: Cell) -> Panel:
    panel: Panel
    alt = (
        f"Points that {cell.label} draws at generations {', '.join(map(str, generation))}, over those of generation 0."
    )
    rows = -(-len(generation) // 3)
    height = rows * 0.95 + 0.06

    def draw(figure: Any) -> None:
        for k, at in enumerate(generation):
            row, column = divmod(k, 3)
            left, bottom = 0.08 + column * 0.88, height - 0.06 - (row + 1) * 0.95 + 0.02
            ax = figure.add_axes((left / WIDTH, bottom / height, 0.82 / WIDTH, 0.76 / height))
            ax.plot(*points[0].T, "o", ms=2, mew=0, color="#c3c8ce")
            ax.plot(*points[k].T, "o", ms=2.2, mew=0, color=cell.colour)
            ax.set_xlim(low[0], high[0])
            ax.set_ylim(low[1], high[1])
            ax.set_xticks([])
            ax.set_yticks([])
            for spine in ax.spines.values():
                spine.set(visible=True, color=RULE)
            ax.text(0, 1.04, f"generation {at}", transform=ax.transAxes, fontsize=7, color=FAINT)

    panel = Panel(clean(cell.label), alt, WIDTH, height, draw)
    return panel
