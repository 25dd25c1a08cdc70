"""A probe by generation: one line per chain, with its band over replicates and what theory says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.chain.data import Array
from genloss.plain.words import clean, label_of, number, title_of
from genloss.report.figure import FAINT, INK, Panel, by_generation, darker, plain_numbers, spread_out
from genloss.report.summary import GREY, Cell, Summary

if TYPE_CHECKING:
    from xarray import Dataset

WIDTH, HEIGHT = 4.4, 2.75
_MOST = 12
_ROW = 0.145
_DASH = (0, (2.6, 1.3))


def panels(
    found: Summary, cells: Sequence[Cell], predictions: "Dataset | None" = None, most: int = _MOST
) -> list[Panel]:
    """Make a picture for every facet of the grid, and for every label of a vector probe.

    Args:
        found: The probe.
        cells: The chains.
        predictions: What theory says.
        most: The most labels of a vector probe, the first and the last among them.
    """
    facets = list(dict.fromkeys(cell.facet for cell in cells))
    chosen = sorted({round(float(i)) for i in np.linspace(0, len(found.labels) - 1, min(most, len(found.labels)))})
    made = []
    for facet in facets[:_MOST]:
        here = [i for i, cell in enumerate(cells) if cell.facet == facet]
        for j in chosen if found.dim else [None]:
            name = "" if j is None else f"{dim_of(found)} {label_of(found.labels[j])}"
            label = ", ".join(part for part in (facet, name) if part)
            made.append((here, j, label, list(overlay(found, predictions, cells, here, j))))
    # Pictures that stand beside each other are of one height.
    room = _ROW * max((len(_legend(found, cells, each)) for *_, each in made), default=0)
    return [_panel(found, cells, *each, room) for each in made]


def dim_of(found: Summary) -> str:
    """Name the labelled dimension of a vector probe, without the probe's name where that had to tell it from others."""
    return clean(found.dim).removeprefix(f"{clean(found.name)}_").replace("_", " ")


def _panel(
    found: Summary,
    cells: Sequence[Cell],
    here: Sequence[int],
    j: int | None,
    label: str,
    theory: Sequence["Theory"],
    room: float,
) -> Panel:
    own: Any = (...,) if j is None else (..., j)
    low, median, high = found.low[own], found.median[own], found.high[own]
    each = None if found.each is None else found.each[own]
    noise = None if found.noise is None else found.noise[own]
    ends = [f"{cells[i].label} from {number(median[i, 0])} to {number(median[i, -1])}" for i in here]
    title = ", ".join(part for part in (title_of(found.name), label) if part)
    said = [f"{law.words} says {number(law.values[-1])}" for law in theory if np.isfinite(law.values[-1])]
    alt = f"{title}, generations 0 to {found.generation[-1]}: {'; '.join([*ends, *said])}."
    widest = max(len(clean(cells[i].line, 22)) for i in here)
    panel: Panel

    def draw(figure: Any) -> None:
        ax = panel.axes(figure, left=0.56, right=0.3 + 0.075 * widest, bottom=0.42 + room)
        log = found.scale == "log" and bool(np.all(median[list(here)] > 0)) and _wide(median[list(here)])
        if log:
            ax.set_yscale("log", nonpositive="mask")
        if noise is not None and np.isfinite(noise[:, here[0]]).all():
            ax.axhspan(*noise[:, here[0]], color=GREY, alpha=0.13, lw=0)
        t = found.generation
        for i in sorted(here, key=lambda i: not cells[i].control):
            cell = cells[i]
            if each is None:
                ax.fill_between(t, low[i], high[i], color=cell.colour, alpha=0.14, lw=0)
            elif each.shape[1] > 1:
                ax.plot(t, each[i].T, color=cell.colour, lw=0.5, alpha=0.45)
            style = {"ls": (0, (4, 2))} if cell.control else {"marker": cell.marker, "ms": 3.6, "mew": 0}
            ax.plot(t, median[i], color=cell.colour, markevery=max(1, len(t) // 6), **style)
        for law in theory:
            _draw(ax, law, found, own, cells, t)
        _name_laws(figure, panel, _legend(found, cells, theory))
        by_generation(ax, t)
        points = [law.values for law in theory if "bound" not in law.kind]
        seen = [np.concatenate([part[list(here)].ravel(), *points]) for part in (low, high)]
        _range(ax, seen[0], seen[1], log)
        if log:
            log_ticks(ax)
        else:
            ax.locator_params(axis="y", nbins=6)
        plain_numbers(ax.yaxis)
        _name_lines(ax, cells, here, median)

    panel = Panel(label, alt, WIDTH, HEIGHT + room, draw)
    return panel


def _draw(ax: Any, law: "Theory", found: Summary, own: Any, cells: Sequence[Cell], t: Array) -> None:
    """Draw a prediction, and what it is to be compared with where that is not the line of the picture."""
    some = [law.cell] if law.cell is not None else []
    colour = _colour(law, cells)
    ax.plot(t, law.values[: len(t)], color=colour, lw=1.1, ls=_DASH, zorder=4)
    average = found.averages.get(law.statistic)
    if found.replicates > 1 and average is not None:
        every = np.unique(np.linspace(0, len(t) - 1, min(len(t), 9)).round().astype(int))
        for i in some:
            values = average[own][i]
            ax.plot(t[every], values[every], "o", ms=3.4, mfc="white", mec=colour, mew=0.9, zorder=5)


def _colour(law: "Theory", cells: Sequence[Cell]) -> str:
    return INK if law.cell is None else darker(cells[law.cell].colour, 0.6)


def _legend(found: Summary, cells: Sequence[Cell], theory: Sequence["Theory"]) -> list[tuple[str, str, str]]:
    """Name the laws under the picture: colour, mark and words."""
    by_words: dict[str, list[str]] = {}
    for law in theory:
        by_words.setdefault(law.words, []).append(_colour(law, cells))
    made = [(colours[0] if len(set(colours)) == 1 else INK, "-", words) for words, colours in by_words.items()]
    averages = [law.statistic for law in theory if law.cell is not None and law.statistic in found.averages]
    if found.replicates > 1:
        made += [(FAINT, "o", f"{name} of the replicates") for name in dict.fromkeys(averages)]
    return made


def _name_laws(figure: Any, panel: Panel, legend: Sequence[tuple[str, str, str]]) -> None:
    """Write the names of laws below the axis, one per row."""
    from matplotlib.lines import Line2D

    for k, (colour, mark, words) in enumerate(legend):
        y = (_ROW * (len(legend) - k) - 0.06) / panel.height
        x = [0.5 / panel.width, 0.78 / panel.width]
        if mark == "-":
            figure.add_artist(Line2D(x, [y, y], color=colour, lw=1.1, ls=_DASH, transform=figure.transSubfigure))
        else:
            style: dict[str, Any] = {"marker": "o", "ms": 3.4, "mfc": "white", "mec": colour, "mew": 0.9, "ls": ""}
            figure.add_artist(Line2D([sum(x) / 2], [y], transform=figure.transSubfigure, **style))
        figure.text(0.86 / panel.width, y, words, fontsize=7, color=FAINT, va="center", parse_math=False)


def _wide(values: Array) -> bool:
    finite = values[np.isfinite(values)]
    return bool(finite.size and finite.max() > 2 * finite.min())


def _range(ax: Any, low: Array, high: Array, log: bool) -> None:
    """Leave room for bands, not for what is infinite; start shares and counts at 0."""
    finite = [part[np.isfinite(part) & ((part > 0) | (not log))] for part in (low, high)]
    if not finite[0].size or not finite[1].size:
        return
    bottom, top = float(finite[0].min()), float(finite[1].max())
    if log:
        bottom, top = max(bottom, 1e-300), max(top, 1e-300)
        ax.set_ylim(bottom / (top / bottom) ** 0.04 / 1.02, top * (top / bottom) ** 0.04 * 1.02)
        return
    room = 0.05 * (top - bottom) or 0.05 * abs(top) or 1.0
    if np.isfinite(room):
        ax.set_ylim(0 if 0 <= bottom < 0.6 * top else bottom - room, top + room)


def log_ticks(ax: Any) -> None:
    """Mark an axis of logarithms with a few round numbers."""
    from matplotlib.ticker import LogLocator, NullLocator

    low, high = ax.get_ylim()
    decades = np.log10(high) - np.log10(low)
    subs = (1.0, 2.0, 5.0) if decades < 2.5 else (1.0,)
    ax.yaxis.set_major_locator(LogLocator(subs=subs, numticks=7))
    ax.yaxis.set_minor_locator(NullLocator())


def _name_lines(ax: Any, cells: Sequence[Cell], here: Sequence[int], median: Array) -> None:
    """Write each line's name at its end; the names keep apart."""
    places = []
    for i in here:
        finite = np.flatnonzero(np.isfinite(median[i]))
        end = median[i, finite[-1]] if finite.size else np.nan
        at = ax.transLimits.transform(ax.transScale.transform((0, end)))[1] if np.isfinite(end) else 0.0
        places.append(float(np.clip(at, 0, 1)) if np.isfinite(at) else 0.0)
    for i, place, end in zip(here, spread_out(places, 0.075, -0.02, 1.02), places, strict=True):
        cell = cells[i]
        colour = darker(cell.colour)
        ax.plot([1.0, 1.035], [end, place], color=cell.colour, lw=0.8, transform=ax.transAxes, clip_on=False)
        if cell.marker:
            ax.plot(
                [1.055], [place], cell.marker, color=cell.colour, ms=4, mew=0, transform=ax.transAxes, clip_on=False
            )
        text = clean(cell.line, 22)
        ax.text(1.08, place, text, color=colour, fontsize=8, va="center", transform=ax.transAxes, parse_math=False)


@dataclass(frozen=True)
class Theory:
    """What theory says of a probe of one chain, or of all.

    Attributes:
        cell: The number of the chain; None if it holds for all of them.
        values: The prediction by generation.
        law: The name of the law.
        kind: Exact, asymptotic or a bound.
        statistic: What over replicates is predicted: "mean", "median" or "root mean square".
    """

    cell: int | None
    values: Array
    law: str
    kind: str
    statistic: str

    @property
    def words(self) -> str:
        """The law in words."""
        kind = "" if self.kind in ("", "exact") else f"{self.kind}, "
        return clean(f"{clean(self.law, 44)} ({kind}{self.statistic})")


def overlay(
    found: Summary, predictions: "Dataset | None", cells: Sequence[Cell], here: Sequence[int], j: int | None
) -> Iterator[Theory]:
    """Find what theory says of a probe, for each chain or for all of them."""
    name = found.name if predictions is None or f"{found.name}.median" not in predictions else f"{found.name}.median"
    if predictions is None or name not in predictions or "generation" not in predictions[name].dims:
        return
    array = predictions[name]
    law, kind = str(array.attrs.get("law", "theory")), str(array.attrs.get("kind", ""))
    statistic = str(array.attrs.get("statistic", "median" if name.endswith(".median") else "mean"))
    each = array.attrs.get("laws")
    dims = [dim for dim in array.dims if dim not in ("generation", found.dim)]
    if found.dim and found.dim in array.dims:
        array = array.isel({found.dim: j})
    array = array.reindex(generation=found.generation)
    if not dims and len(cells) > 1:
        yield Theory(None, array.values, law, kind, statistic)
        return
    for i in here:
        place = {dim: cells[i].where.get(str(dim)) for dim in dims}
        if all(label in array[dim].values.tolist() for dim, label in place.items()):
            values = array.sel(place).values
            own = each[i] if isinstance(each, list) and len(each) == len(cells) and each[i] else {}
            if np.isfinite(values).any():
                yield Theory(i, values, own.get("law", law), own.get("kind", kind), own.get("statistic", statistic))
