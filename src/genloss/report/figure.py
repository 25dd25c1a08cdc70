"""Panels and figures: one look, whatever the caller's settings are, and no global state."""

import base64
import contextlib
import io
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from genloss.errors import SpecError
from genloss.plain.words import clean, number

INK = "#1f2328"
FAINT = "#5f6670"
RULE = "#d5d9de"
_LETTERS = 16
"""Letters of a note in an inch."""
_LOOK = {
    "font.family": ["DejaVu Sans"],
    "font.size": 8.0,
    "text.parse_math": False,
    "text.usetex": False,
    "text.color": INK,
    "axes.edgecolor": "#9aa1aa",
    "axes.labelcolor": FAINT,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "none",
    "svg.hashsalt": "genloss",
    "path.simplify": True,
    "path.simplify_threshold": 0.3,
}
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


@dataclass(frozen=True)
class Panel:
    """A picture that can stand alone or in a row of others.

    Attributes:
        label: What it shows that its neighbours do not; "" if it has none.
        alt: What it shows, in words.
        width: Its width in inches.
        height: Its height in inches.
        draw: Draws it on a figure, or on a part of one.
    """

    label: str
    alt: str
    width: float
    height: float
    draw: Callable[[Any], None]

    def axes(self, figure: Any, left: float, right: float, top: float = 0.12, bottom: float = 0.42) -> Any:
        """Add axes with margins in inches."""
        inner = (self.width - left - right, self.height - top - bottom)
        box = (left / self.width, bottom / self.height, inner[0] / self.width, inner[1] / self.height)
        return figure.add_axes(box)


@contextlib.contextmanager
def look() -> Iterator[None]:
    """Draw with the look of the report; the caller's settings come back afterwards.

    Raises:
        SpecError: If matplotlib is missing.
    """
    try:
        import matplotlib as mpl
    except ImportError:
        raise SpecError("report: the pictures need matplotlib; install genloss[report]") from None
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        mpl.rcdefaults()
        settings: Any = mpl.rcParams
        settings.update(_LOOK)
        yield


def compose(panels: Sequence[Panel], title: str = "", columns: int = 5, notes: Sequence[str] = ()) -> Any:
    """Put panels of one width into one figure.

    Args:
        panels: The panels; a row is as high as its highest.
        title: The title.
        columns: The most panels in a row.
        notes: Lines below the panels; long ones are broken.

    Returns:
        A matplotlib Figure that belongs to no window; notebooks show it.
    """
    with look():
        from matplotlib.figure import Figure
        from matplotlib.gridspec import GridSpec

        columns = min(columns, len(panels))
        rows = [panels[i : i + columns] for i in range(0, len(panels), columns)]
        heights = [max(panel.height for panel in row) for row in rows]
        name = 0.28 if any(panel.label for panel in panels) else 0.02
        head = 0.36 if title else 0.04
        width = panels[0].width
        wide = columns * width
        lines = [line for note in notes for line in textwrap.wrap(clean(note), max(int(wide * _LETTERS), 20))]
        foot = 0.15 * len(lines) + (0.2 if lines else 0)
        total = len(rows) * name + sum(heights) + head + foot
        figure = Figure(figsize=(wide, total))
        # The title is a row of its own: subfigures know the ratios of a grid, not its margins.
        ratios = [head, *(part for height in heights for part in (name, height)), max(foot, 1e-6)]
        grid = GridSpec(len(ratios), columns, figure, 0, 0, 1, 1, wspace=0, hspace=0, height_ratios=ratios)
        y = total - head
        for i, (row, height) in enumerate(zip(rows, heights, strict=True)):
            for j, panel in enumerate(row):
                panel.draw(_top(figure.add_subfigure(grid[2 * i + 2, j]), panel.height, height))
                label = clean(panel.label, max(40, int(width * 11.5)))
                figure.text((j + 0.06) / columns, (y - name + 0.04) / total, label, fontsize=9, weight="bold")
            y -= name + height
        for k, line in enumerate(lines):
            at = (foot - 0.2 - 0.15 * k) / total
            figure.text(0.06 / columns, at, line, fontsize=7, color=FAINT, va="center", parse_math=False)
        if title:
            figure.text(0.06 / columns, 1 - 0.1 / total, clean(title, 120), va="top", fontsize=10.5, weight="bold")
        figure.draw_without_rendering()
        figure._repr_svg_ = lambda: svg(figure).decode()  # type: ignore[attr-defined]
    return figure


def _top(figure: Any, height: float, room: float) -> Any:
    """Take the upper part of a box that is higher than its panel."""
    from matplotlib.gridspec import GridSpec

    if room - height < 1e-9:
        return figure
    rows = GridSpec(2, 1, figure, 0, 0, 1, 1, hspace=0, height_ratios=[height, room - height])
    return figure.add_subfigure(rows[0])


def alone(panel: Panel) -> str:
    """Draw a panel by itself, as the address of an SVG image that holds all of it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(panel.width, panel.height))
    panel.draw(figure)
    return "data:image/svg+xml;base64," + base64.b64encode(svg(figure)).decode()


def svg(figure: Any) -> bytes:
    """Write a figure as SVG with its text as text, in the fonts of the page."""
    sink = io.BytesIO()
    with look():
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(sink, format="svg", metadata=nothing)
    content = sink.getvalue()
    start = content.index(b"<svg")
    return content[start:].replace(b"'DejaVu Sans'", _FONTS.encode())


def spread_out(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move labels apart as little as their size asks, within bounds.

    Args:
        places: Where they would like to be.
        gap: The least distance between two of them.
        low: The lowest place.
        high: The highest place.
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    gap = min(gap, (high - low) / max(len(places) - 1, 1))
    found = [0.0] * len(places)
    last = low - gap
    for i in order:
        last = found[i] = max(places[i], last + gap)
    last = high + gap
    for i in reversed(order):
        last = found[i] = min(found[i], last - gap)
    return found


def darker(colour: str, share: float = 0.72) -> str:
    """Darken a colour until small text in it can be read on white."""
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(part * share):02x}" for part in parts)


def plain_numbers(axis: Any) -> None:
    """Write the numbers of an axis without mathematical markup."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda x, _: number(x)))
    axis.set_minor_formatter(NullFormatter())


def by_generation(ax: Any, generation: Any, named: bool = True) -> None:
    """Make the horizontal axis one of generations."""
    from matplotlib.ticker import MaxNLocator

    first, last = float(generation[0]), float(generation[-1])
    ax.set_xlim(first - 0.5 * (last == first), last + 0.5 * (last == first))
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    plain_numbers(ax.xaxis)
    if named:
        ax.set_xlabel("generation", labelpad=2)
