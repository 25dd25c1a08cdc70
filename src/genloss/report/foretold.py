"""Predictions alone: what theory says of chains that were not run, as pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.errors import SpecError
from genloss.report.cells import COLOURS
from genloss.report.figure import FAINT, Panel, alone, by_generation, compose, look, plain_numbers
from genloss.report.page import Image, Plate, place, render
from genloss.report.words import clean, number, title_of
from genloss.version import VERSION

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

_WIDTH, _HEIGHT, _ROW, _MOST_ROWS = 4.4, 2.45, 0.145, 16
_STYLES: Mapping[str, Any] = {"exact": "-", "asymptotic": (0, (2.6, 1.3)), "upper bound": ":", "lower bound": ":"}
_STATISTICS = {"": "mean", "var": "variance over replicates"}
FORMATS = (".png", ".svg", ".html")


def write(found: "Mapping[str, Mapping[str, Dataset]]", path: str | Path, title: str = "What theory predicts") -> None:
    """Draw predictions into a file: a picture (.png, .svg) or a page (.html).

    Args:
        found: For each run, by its name, the predictions of its chains by their labels.
        path: The file, written whole or not at all.
        title: The title.

    Raises:
        SpecError: Where there is nothing to draw, matplotlib is missing, or the path is no place for such a file.
    """
    where = place(Path(path))
    if where.suffix not in FORMATS:
        raise SpecError(f"{where}: no picture of this kind; end the name with {', '.join(FORMATS)}")
    if where.suffix == ".html":
        with look():
            sections = [(clean(name), _plates(panels(chains))) for name, chains in found.items()]
        render("foretold.html", where, title=clean(title), sections=sections, version=VERSION)
        return
    made = []
    for name, chains in found.items():
        head = f"{clean(name, 20)}: " if name else ""
        made += [Panel(head + p.label, p.alt, p.width, p.height, p.draw) for p in panels(chains)]
    if not made:
        raise SpecError(f"{where}: nothing to draw; no law speaks of these chains")
    tallest = max(panel.height for panel in made)
    made = [Panel(panel.label, panel.alt, panel.width, tallest, _grown(panel, tallest)) for panel in made]
    figure = compose(made, title, columns=3)
    from genloss.files import commit

    if where.suffix == ".svg":
        from genloss.report.figure import svg

        commit(where, svg(figure))
        return
    import io

    sink = io.BytesIO()
    with look():
        figure.savefig(sink, format="png", dpi=150)
    commit(where, sink.getvalue())


def panels(chains: "Mapping[str, Dataset]") -> list[Panel]:
    """Make a picture for every probe and statistic: a line for every chain and law."""
    lines: dict[str, list[tuple[str, str, DataArray]]] = {}
    for i, (label, prediction) in enumerate(chains.items()):
        for name, array in prediction.data_vars.items():
            if array.dims == ("generation",) and np.isfinite(array.values).any():
                subject = str(name).partition(":")[0]
                lines.setdefault(subject, []).append((clean(label, 30), COLOURS[i % len(COLOURS)], array))
    return [_panel(subject, found, len(chains) > 1) for subject, found in lines.items()]


def _panel(subject: str, found: "list[tuple[str, str, DataArray]]", several: bool) -> Panel:
    rows = found[:_MOST_ROWS]
    probe, _, statistic = subject.partition(".")
    title = title_of(probe) + f", {_STATISTICS.get(statistic, clean(statistic))}"
    said = [
        f"{label} {clean(a.attrs['law'])} from {number(_ends(a)[0])} to {number(_ends(a)[1])}" for label, _, a in rows
    ]
    room = _ROW * (len(rows) + (len(found) > len(rows)))
    panel: Panel

    def draw(figure: Any) -> None:
        ax = panel.axes(figure, left=0.62, right=0.18, bottom=panel.height - _HEIGHT + 0.42)
        t = found[0][2]["generation"].values
        finite = np.concatenate([a.values[np.isfinite(a.values)] for _, _, a in found])
        if (finite > 0).all() and finite.max() > 20 * finite.min():
            ax.set_yscale("log")
        for k, (label, colour, array) in enumerate(found):
            style = {"color": colour, "ls": _STYLES.get(array.attrs["kind"], "-"), "lw": 1.5}
            ax.plot(t, array.values, **style)
            if k < len(rows):
                kind = array.attrs["kind"]
                law = clean(array.attrs["law"], 44) + ("" if kind == "exact" else f", {kind}")
                _name(figure, panel, k, clean(f"{label}: {law}" if several else law, 66), style)
        if len(found) > len(rows):
            _name(figure, panel, len(rows), f"and {len(found) - len(rows)} more", None)
        by_generation(ax, t)
        plain_numbers(ax.yaxis)

    panel = Panel(title, f"{title}: {'; '.join(said)}.", _WIDTH, _HEIGHT + room, draw)
    return panel


def _ends(array: "DataArray") -> tuple[float, float]:
    finite = array.values[np.isfinite(array.values)]
    return float(finite[0]), float(finite[-1])


def _name(figure: Any, panel: Panel, k: int, words: str, style: Mapping[str, Any] | None) -> None:
    from matplotlib.lines import Line2D

    y = 1 - (_HEIGHT + _ROW * (k + 0.35)) / panel.height
    if style is not None:
        x = [0.2 / panel.width, 0.48 / panel.width]
        figure.add_artist(Line2D(x, [y, y], transform=figure.transSubfigure, **style))
    figure.text(0.56 / panel.width, y, words, fontsize=7, color=FAINT, va="center", parse_math=False)


def _grown(panel: Panel, height: float) -> Any:
    """Draw a picture at the top of a taller box."""

    def draw(figure: Any) -> None:
        from matplotlib.gridspec import GridSpec

        rows = GridSpec(
            2, 1, figure, 0, 0, 1, 1, hspace=0, height_ratios=[panel.height, max(height - panel.height, 1e-6)]
        )
        panel.draw(figure.add_subfigure(rows[0]))

    return panel.draw if height - panel.height < 1e-9 else draw


def _plates(made: list[Panel]) -> list[Plate]:
    return [Plate(p.label, "", [Image("", "", alone(p), clean(p.alt))], "", "") for p in made]
