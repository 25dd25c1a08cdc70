"""Predictions alone: what theory says of chains that were not run, as pictures."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.chain.data import Floats
from genloss.errors import SpecError
from genloss.plain.words import clean, label_of, listed, number, title_of
from genloss.report.curves import log_ticks
from genloss.report.figure import FAINT, Panel, alone, by_generation, compose, look, plain_numbers, spread_out
from genloss.report.formula import Behind, of_laws
from genloss.report.page import Image, Plate, place, render
from genloss.report.summary import COLOURS
from genloss.theory.laws import SIGNS
from genloss.version import VERSION

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

_WIDTH, _HEIGHT, _ROW, _MOST_ROWS = 4.4, 2.45, 0.145, 16
_MOST_LABELS = 6
_LETTERS = 66
"""Letters of a name below a picture."""
_STYLES: Mapping[str, Any] = {
    "exact": "-",
    "asymptotic": (0, (2.6, 1.3)),
    "upper bound": (0, (1, 1.6)),
    "lower bound": (0, (1, 1.6)),
}
_WORDS = {"var": "variance"}
FORMATS = (".png", ".svg", ".html")


@dataclass(frozen=True)
class PredictedLine:
    """A prediction by generation.

    Attributes:
        chain: The label of the chain.
        colour: The colour of the chain.
        laws: The laws that say so; more than one where several are exact and say the same.
        kind: Exact, asymptotic or a bound.
        values: The prediction by generation.
        label: What tells it from the other lines of the same law; "" if there is one.
    """

    chain: str
    colour: str
    laws: tuple[str, ...]
    kind: str
    values: Floats
    label: str = ""

    def words(self, room: int) -> str:
        """The laws and their kind, in so many letters."""
        kind = f" ({self.kind})"
        named = listed(self.laws)
        if len(named) + len(kind) > room and len(self.laws) > 1:
            named = f"{self.laws[0]} and {len(self.laws) - 1} more"
        return clean(named, max(room - len(kind), 12)) + kind


@dataclass(frozen=True)
class Single:
    """A prediction of one number for a chain.

    Attributes:
        chain: The label of the chain.
        what: What is predicted.
        value: The number, with a sign for its kind.
        law: The law.
        kind: Exact, asymptotic or a bound.
    """

    chain: str
    what: str
    value: str
    law: str
    kind: str


@dataclass(frozen=True)
class PredictedSection:
    """The predictions of one run.

    Attributes:
        name: The name of the run.
        plates: The pictures.
        singles: What is one number for a chain.
        several: Whether there is more than one chain.
        laws: The laws behind them.
    """

    name: str
    plates: Sequence[Plate]
    singles: Sequence[Single]
    several: bool
    laws: Sequence[Behind]


def write(found: "Mapping[str, Mapping[str, Dataset]]", path: str | Path, title: str = "What theory predicts") -> None:
    """Draw predictions into a file: a picture (.png, .svg) or a page (.html).

    Args:
        found: For each run, by its name, the predictions of its chains by their labels.
        path: The file, written whole or not at all.
        title: The title.

    Raises:
        SpecError: If there is nothing to draw, matplotlib is missing, or the path is not a place for such a file.
    """
    where = place(Path(path))
    if where.suffix not in FORMATS:
        raise SpecError(f"{where}: no picture of this kind; end the name with {', '.join(FORMATS)}")
    if where.suffix == ".html":
        with look():
            sections = [_section(clean(name), chains) for name, chains in found.items()]
        render("foretold.html", where, title=clean(title), sections=sections, version=VERSION)
        return
    made, notes = [], []
    for name, chains in found.items():
        head = f"{clean(name, 20)}: " if name else ""
        made += [Panel(head + p.label, p.alt, p.width, p.height, p.draw) for p in panels(chains)]
        for one in singles(chains):
            who = f"{one.chain}: " if len(chains) > 1 else ""
            notes.append(f"{head}{who}{one.what} {one.value} ({one.law}, {one.kind})")
        notes += [f"{law.name}: {law.source}" for law in laws(chains)]
    if not made:
        raise SpecError(f"{where}: nothing to draw; no law speaks of these chains")
    key = "Solid: exact; dashed: asymptotic; dotted: bounds. Generation 0 is trained on real data."
    figure = compose(made, title, columns=3, notes=[key, *dict.fromkeys(notes)])
    from genloss.plain.files import commit

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
    """Make a picture for every probe and statistic: a line for every chain and law.

    Of a law with labels there is a picture for every chain, with a line for every label, six at most. Where an event is
    drawn by generation, a vertical line says when it is expected first.
    """
    found: dict[str, dict[str, list[PredictedLine]]] = {}
    marks: dict[str, list[tuple[float, str, str]]] = {}
    several = len(chains) > 1
    for (label, prediction), colour in zip(chains.items(), itertools.cycle(COLOURS), strict=False):
        chain = clean(label, 30)
        for array in prediction.data_vars.values():
            title = _title(array)
            if array.attrs["statistic"] == "mean first passage":
                event = title_of(f"mean of {array.attrs['probe']}")
                marks.setdefault(event, []).append((float(array), colour, array.attrs["kind"]))
            elif array.ndim > 1 and np.isfinite(array.values).any():
                lines = found.setdefault(title, {}).setdefault(f"{title}, {chain}" if several else title, [])
                lines += _labelled(array, chain, colour)
            elif array.dims == ("generation",) and np.isfinite(array.values).any():
                lines = found.setdefault(title, {}).setdefault(title, [])
                _add(lines, PredictedLine(chain, colour, (_law(array),), _kind(array), array.values))
    return [
        _panel(title, lines, several, marks.get(title, ())) for each in found.values() for title, lines in each.items()
    ]


def singles(chains: "Mapping[str, Dataset]") -> list[Single]:
    """List what is one number for a chain."""
    return [
        Single(
            clean(label, 60),
            _title(array),
            SIGNS.get(_kind(array), "") + number(float(array)),
            _law(array),
            _kind(array),
        )
        for label, prediction in chains.items()
        for array in prediction.data_vars.values()
        if array.ndim == 0
    ]


def laws(chains: "Mapping[str, Dataset]") -> Sequence[Behind]:
    """List the laws behind the predictions of some chains, each once."""
    return of_laws(array.attrs for prediction in chains.values() for array in prediction.data_vars.values())


def _section(name: str, chains: "Mapping[str, Dataset]") -> PredictedSection:
    plates = [Plate(p.label, "", [Image("", "", alone(p), clean(p.alt))], "", "") for p in panels(chains)]
    return PredictedSection(name, plates, singles(chains), len(chains) > 1, laws(chains))


def _title(array: "DataArray") -> str:
    statistic = str(array.attrs["statistic"])
    return title_of(f"{_WORDS.get(statistic, clean(statistic))} of {array.attrs['probe']}")


def _law(array: "DataArray") -> str:
    return clean(array.attrs["law"])


def _kind(array: "DataArray") -> str:
    return clean(array.attrs["kind"])


def _add(lines: list[PredictedLine], line: PredictedLine) -> None:
    """Add a line, or the name of its law to one that is the same: two exact laws say one thing."""
    for i, other in enumerate(lines):
        alike = (line.chain, line.kind, "exact") == (other.chain, other.kind, other.kind)
        if alike and np.allclose(line.values, other.values, rtol=1e-6, atol=0, equal_nan=True):
            lines[i] = PredictedLine(other.chain, other.colour, (*other.laws, *line.laws), other.kind, other.values)
            return
    lines.append(line)


def _labelled(array: "DataArray", chain: str, colour: str) -> list[PredictedLine]:
    """Take a law with labels apart: six lines at most, the first and the last among them."""
    own = [str(dim) for dim in array.dims if dim != "generation"]
    every = [*itertools.product(*(range(array.sizes[dim]) for dim in own))]
    if own == ["row", "column"]:
        every = [where for where in every if where[0] <= where[1]]
    some = sorted({round(float(i)) for i in np.linspace(0, len(every) - 1, min(_MOST_LABELS, len(every)))})
    made = []
    for where in (every[i] for i in some):
        names = [
            f"{clean(dim)} {label_of(array[dim].values[i]) if dim in array.coords else i}"
            for dim, i in zip(own, where, strict=True)
        ]
        values = array.isel(dict(zip(own, where, strict=True))).values
        made.append(PredictedLine(chain, colour, (_law(array),), _kind(array), values, clean(", ".join(names), 24)))
    return made


def _panel(title: str, found: list[PredictedLine], several: bool, marks: Sequence[tuple[float, str, str]]) -> Panel:
    named = list({(line.chain, line.laws, line.kind): line for line in found}.values())
    rows = named[:_MOST_ROWS]
    said = [f"{line.chain} {line.label} {line.words(_LETTERS)} from {_ends(line)}" for line in found[:_MOST_ROWS]]
    room = _ROW * (len(rows) + (len(named) > len(rows)) + bool(marks))
    ends = [line for line in found if line.label]
    right = 0.18 + 0.072 * max((len(line.label) for line in ends), default=0)
    panel: Panel

    def draw(figure: Any) -> None:
        ax = panel.axes(figure, left=0.62, right=right, bottom=panel.height - _HEIGHT + 0.42)
        t = np.arange(len(found[0].values))
        finite = np.concatenate([line.values[np.isfinite(line.values)] for line in found])
        log = not ends and bool((finite > 0).all() and finite.max() > 20 * finite.min())
        if log:
            ax.set_yscale("log")
        for line in found:
            ax.plot(t, line.values, color=line.colour, ls=_STYLES.get(line.kind, "-"), lw=1.5)
        by_generation(ax, t)
        for at, colour, kind in marks:
            if t[0] <= at <= t[-1]:
                ax.axvline(at, color=colour, ls=_STYLES.get(kind, "-"), lw=0.9, alpha=0.75)
        if log:
            log_ticks(ax)
        plain_numbers(ax.yaxis)
        _name_ends(ax, ends)
        for k, line in enumerate(rows):
            style = {"color": line.colour, "ls": _STYLES.get(line.kind, "-"), "lw": 1.5}
            chain = f"{line.chain}: " if several else ""
            _name(figure, panel, k, chain + line.words(_LETTERS - len(chain)), style)
        after = len(rows)
        if len(named) > len(rows):
            _name(figure, panel, after, f"and {len(named) - len(rows)} more", None)
            after += 1
        if marks:
            _name(figure, panel, after, "vertical: when it is first expected (mean first passage)", None)

    panel = Panel(title, f"{title}: {'; '.join(said)}.", _WIDTH, _HEIGHT + room, draw)
    return panel


def _ends(line: PredictedLine) -> str:
    finite = line.values[np.isfinite(line.values)]
    return f"{number(finite[0])} to {number(finite[-1])}" if finite.size else "what is not known"


def _name_ends(ax: Any, lines: Sequence[PredictedLine]) -> None:
    """Name the lines of a law with labels at their ends."""
    places = []
    for line in lines:
        known = line.values[np.isfinite(line.values)]
        at = ax.transLimits.transform(ax.transScale.transform((0, known[-1])))[1] if known.size else 0.0
        places.append(float(np.clip(np.nan_to_num(at), 0, 1)))
    for line, at in zip(lines, spread_out(places, 0.085, 0, 1), strict=True):
        ax.text(1.02, at, line.label, fontsize=7, color=FAINT, va="center", transform=ax.transAxes, parse_math=False)


def _name(figure: Any, panel: Panel, k: int, words: str, style: Mapping[str, Any] | None) -> None:
    from matplotlib.lines import Line2D

    y = 1 - (_HEIGHT + _ROW * (k + 0.35)) / panel.height
    if style is not None:
        x = [0.2 / panel.width, 0.48 / panel.width]
        figure.add_artist(Line2D(x, [y, y], transform=figure.transSubfigure, **style))
    figure.text(0.56 / panel.width, y, words, fontsize=7, color=FAINT, va="center", parse_math=False)
