"""The report: one HTML file that holds all it shows, runs no script and needs no network."""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genloss.errors import SpecError
from genloss.report import bands, film_panels, lines, shares, tables
from genloss.report.cells import Cell, Summary, cells_of, probes_of, spec_of, summary
from genloss.report.figure import Panel, alone, look
from genloss.report.repeat import document
from genloss.report.stage import Badge, badge, kept, matched, verdict
from genloss.report.words import clean, number, percent, title_of

if TYPE_CHECKING:
    from pandas import DataFrame
    from xarray import Dataset

_ROLES = {
    "tails": "Tails",
    "spread": "Spread",
    "distance": "Distance from the truth",
    "concepts": "Concepts",
    "language": "Language",
    "average": "Averages",
    "": "Other probes",
}
_MOST_PANELS = 24


@dataclass(frozen=True)
class Image:
    """A picture on the page.

    Attributes:
        label: What it shows that its neighbours do not.
        address: The picture itself, as a data address.
        alt: What it shows, in words.
    """

    label: str
    address: str
    alt: str


@dataclass(frozen=True)
class Plate:
    """Pictures that belong together, with their table.

    Attributes:
        title: Their title.
        note: How to read them.
        images: The pictures.
        table: The table behind them, as the address of a CSV file.
        file: A name for that file.
        wide: Whether they are a row of small pictures.
    """

    title: str
    note: str
    images: Sequence[Image]
    table: str
    file: str
    wide: bool = False


@dataclass(frozen=True)
class Card:
    """A chain at a glance.

    Attributes:
        label: Its name.
        colour: Its colour in all pictures.
        control: Whether it is the control.
        badge: Its stage.
        text: Its stage in sentences.
        masked: Whether an average gets better while the tails go.
        evidence: The rows of the evidence.
        image: What it keeps; None where no probe says so.
    """

    label: str
    colour: str
    control: bool
    badge: Badge | None
    text: str
    masked: bool
    evidence: Sequence[Mapping[str, str]]
    image: Image | None


@dataclass(frozen=True)
class Section:
    """One result on the page.

    Attributes:
        anchor: Its address on the page.
        name: Its name; "" where there is one result only.
        verdict: What became of its chains, in one sentence.
        measured: What tails and spread are measured by.
        cards: Its chains at a glance.
        shares: The table behind the first pictures, as an address.
        groups: Its probes by what they measure.
        film: What its models draw; None where it is a text or there is none.
        texts: What its models write: for every chain its name, colour, and texts by generation.
        texts_table: The table of the texts, as an address.
        spec: The specification to repeat it.
        spec_file: The same as an address.
        facts: Version, seed, engine, generations and replicates.
    """

    anchor: str
    name: str
    verdict: str
    measured: str
    cards: Sequence[Card]
    shares: str
    groups: Sequence[tuple[str, Sequence[Plate]]]
    film: Plate | None
    texts: Sequence[tuple[str, str, Sequence[tuple[int, str]]]]
    texts_table: str
    spec: str
    spec_file: str
    facts: Sequence[tuple[str, str]]
    file: str = field(default="")


def html(
    results: "Dataset | Mapping[str, Dataset]",
    path: str | Path | None = None,
    *,
    title: str = "Model collapse",
    stages: Any = None,
    predictions: Any = None,
) -> str:
    """Write the report of a result, or of several side by side, as one self-contained HTML file.

    Args:
        results: What `genloss.run` or `genloss.load` gave, or a mapping of names to results.
        path: The file to write, whole or not at all; None writes none.
        title: The title of the page.
        stages: What `genloss.stages` gave for the result, or a mapping of names to that; by default they are found
            here. False leaves them out.
        predictions: What theory says, as a Dataset with the names of the probes, or a mapping of names to that.

    Returns:
        The page.

    Raises:
        SpecError: Where there is nothing to report, matplotlib is missing, or the path is no place for a file.
    """
    import jinja2

    named = dict(results) if isinstance(results, Mapping) and not hasattr(results, "data_vars") else {"": results}
    if not named:
        raise SpecError("report: no results; give the Dataset of genloss.run or a mapping of names to them")
    where = None if path is None else _place(Path(path))
    sections = []
    with look():
        for i, (name, result) in enumerate(named.items(), 1):
            found = _of(stages, name, len(named))
            found = _stages(result) if found is None else found or None
            sections.append(_section(f"run-{i}", clean(name), result, found, _of(predictions, name, len(named))))
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    source = resources.files("genloss.report").joinpath("page.html").read_text(encoding="utf-8")
    page = environment.from_string(source).render(title=clean(title), sections=sections, percent=percent)
    if where is not None:
        from genloss.storage import commit

        commit(where, page.encode())
    return page


def _place(path: Path) -> Path:
    if path.is_dir():
        raise SpecError(f"{path}: a folder; give the name of a file")
    if not path.parent.is_dir():
        raise SpecError(f"{path}: there is no folder {path.parent}; make it first")
    return path


def _of(given: Any, name: str, results: int) -> Any:
    """What was given for one of the results."""
    if isinstance(given, Mapping) and not hasattr(given, "data_vars"):
        return given.get(name)
    return given if results == 1 or given is False else None


def _stages(result: "Dataset") -> Any:
    """Find the stages of a result; None where its probes do not say."""
    try:
        from genloss.stages import stages
    except ImportError:
        return None
    try:
        return stages(result)
    except SpecError:
        return None


def _section(anchor: str, name: str, result: "Dataset", stages: Iterable[Any] | None, predictions: Any) -> Section:
    cells = cells_of(result)
    known = {probe: summary(result, probe) for probe in probes_of(result)}
    staged = matched(cells, stages)
    measures = [kept(result, role, cells, staged, known) for role in ("tails", "spread")]
    there = [measure for measure in measures if measure is not None]
    file = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "genloss"
    images: Sequence[Image | None] = [None] * len(cells)
    table = ""
    if there:
        images = _images(shares.panels(cells, result["generation"].values, *measures, staged))
        images = [*images, *[None] * (len(cells) - len(images))]
        table = tables.link(tables.of_shares(there, cells, result["generation"].values))
    spec = spec_of(result)
    text = document(spec) if spec else ""
    kind = film_panels.kind_of(result)
    pages = film_panels.texts(result, cells) if kind == "text" else []
    return Section(
        anchor=anchor,
        name=name,
        verdict=verdict(cells, staged, measures),
        measured="; ".join(f"{measure.role} by {measure.words}" for measure in there),
        cards=[_card(*each) for each in zip(cells, staged, images, strict=True)],
        shares=table,
        groups=_groups(known, cells, predictions, file),
        film=_film(result, cells, file) if kind not in ("", "text") else None,
        texts=[(cell.label, cell.colour, page) for cell, page in zip(cells, pages, strict=False)],
        texts_table=tables.link(tables.of_film(result, cells)) if kind == "text" else "",
        spec=text,
        spec_file="data:application/yaml;base64," + base64.b64encode(text.encode("utf-8", "replace")).decode(),
        facts=[(fact, clean(spec[fact])) for fact in ("genloss", "seed", "engine", "generations", "replicates") if fact in spec],
        file=file,
    )


def _card(cell: Cell, stage: Any | None, image: Image | None) -> Card:
    evidence = [] if stage is None else [_row(row) for row in stage.evidence]
    control = cell.control or bool(getattr(stage, "control", False))
    masked = bool(getattr(stage, "masked", False))
    text = "" if stage is None else clean(stage.text)
    return Card(cell.label, cell.colour, control, badge(stage), text, masked, evidence, image)


def _row(row: Mapping[str, Any]) -> dict[str, str]:
    """A row of evidence in words; losses are shares."""
    label = row.get("label")
    found = {
        "probe": clean(row.get("probe", "")),
        "label": "" if label is None else clean(label, 40),
        "generation": clean(row.get("generation", "")),
    }
    for name in ("loss", "low", "high", "margin"):
        value = row.get(name)
        found[name] = percent(float(value)) if isinstance(value, (int, float)) or hasattr(value, "dtype") else "–"
        if found[name] != "–" and float(value) < 0:  # type: ignore[arg-type]
            found[name] = f"−{percent(-float(value))}"  # type: ignore[arg-type]
    return found


def _images(panels: Sequence[Panel]) -> list[Image]:
    return [Image(clean(panel.label), alone(panel), clean(panel.alt)) for panel in panels[:_MOST_PANELS]]


def _plate(
    title: str, note: str, panels: Sequence[Panel], frame: "DataFrame", file: str, *, wide: bool = False
) -> Plate:
    if len(panels) > _MOST_PANELS:
        note += f" The first {_MOST_PANELS} of {len(panels)} pictures; the table has them all."
    return Plate(title, note, _images(panels), tables.link(frame), f"{file}.csv", wide)


def _groups(
    known: Mapping[str, Summary], cells: Sequence[Cell], predictions: Any, file: str
) -> list[tuple[str, Sequence[Plate]]]:
    found: dict[str, list[Plate]] = {}
    for name, each in known.items():
        frame = tables.of_summary(each, cells)
        own = f"{file}-{re.sub(r'[^A-Za-z0-9]+', '-', clean(name)).strip('-') or 'probe'}"
        if each.dim:
            rows = len(bands.chosen(each.labels))
            some = "" if rows == len(each.labels) else f" {rows} of {len(each.labels)} rows are shown."
            note = f"Kept of generation 0, a row for each {clean(each.dim)}: the colour fades as it is lost. Right: what is left at the end, median of {_replicates(each)}.{some}"
            plate = _plate(title_of(name), note, bands.panels(each, cells), frame, own, wide=True)
        else:
            note = f"{each.better.capitalize()} is better. {_how(each)}"
            plate = _plate(title_of(name), note, lines.panels(each, cells, predictions), frame, own)
        found.setdefault(each.role if each.role in _ROLES else "", []).append(plate)
    return [(words, found[role]) for role, words in _ROLES.items() if role in found]


def _replicates(each: Summary) -> str:
    return f"{number(each.replicates)} replicates" if each.replicates > 1 else "one replicate"


def _how(each: Summary) -> str:
    if each.replicates == 1:
        return "One replicate." + ("" if each.noise is None else " Grey: 80% of new draws of generation 0.")
    if each.each is not None:
        return f"Thick: median of {each.replicates} replicates; thin: each of them."
    return f"Line: median of {each.replicates:,} replicates; band: 80% of them."


def _film(result: "Dataset", cells: Sequence[Cell], file: str) -> Plate:
    note = {
        "line": "Numbers drawn from the model of each generation; outline: generation 0. First replicate.",
        "picture": "Pictures drawn from the model of each generation, a column a generation. First replicate.",
        "points": "Rows drawn from the model of each generation (first two coordinates); grey: generation 0.",
    }[film_panels.kind_of(result)]
    frame = tables.of_film(result, cells)
    return _plate("What the models draw", note, film_panels.panels(result, cells), frame, f"{file}-film", wide=True)
