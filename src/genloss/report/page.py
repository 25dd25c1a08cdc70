"""The report: one HTML file that holds all it shows, runs no script and needs no network."""

import base64
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genloss.errors import SpecError
from genloss.plain.words import clean, percent, title_of
from genloss.report import bands, curves, film_panels, shares
from genloss.report import grids as tables
from genloss.report.badges import Badge, badge, kept, matched, telling, verdict
from genloss.report.figure import Panel, alone, look
from genloss.report.formula import Behind, behind
from genloss.report.glossary import GLOSSARY
from genloss.report.repeat import document
from genloss.report.summary import Cell, Summary, cells_of, probes_of, spec_of, summary

if TYPE_CHECKING:
    from xarray import Dataset

_ROLES = {
    "tails": "Tails",
    "spread": "Spread",
    "distance": "Distance from the truth",
    "concepts": "Concepts",
    "language": "Language",
    "average": "Averages",
    "": "",
}
_MOST_PANELS = 24
_MOST_LABELS = 4


@dataclass(frozen=True)
class Image:
    """A picture on the page.

    Attributes:
        label: What it shows that its neighbours do not.
        colour: The colour of the chain that it shows; "" if it shows several.
        address: The picture itself, as a data address.
        alt: What it shows, in words.
    """

    label: str
    colour: str
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
        role: What the probe measures, in words.
    """

    title: str
    note: str
    images: Sequence[Image]
    table: str
    file: str
    role: str = ""


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
        image: What it keeps; None if no probe says so.
        spark: The same at the size of a word.
    """

    label: str
    colour: str
    control: bool
    badge: Badge | None
    text: str
    masked: bool
    evidence: Sequence[Mapping[str, str]]
    image: Image | None
    spark: str


@dataclass(frozen=True)
class Section:
    """One result on the page.

    Attributes:
        anchor: Its address on the page.
        name: Its name; "" if there is one result only.
        verdict: What became of its chains, in one sentence.
        measured: What tails and spread are measured by.
        cards: Its chains at a glance.
        shares: The table behind the first pictures, as an address.
        rule: What counts as collapse.
        evidence: All evidence for the stages, as an address; "" if there are none.
        bands: Its vector probes.
        lines: Its other probes.
        film: What its models draw; None if it is a text or there is none.
        texts: What its models write: for every chain its name, colour, and texts by generation.
        texts_table: The table of the texts, as an address.
        spec: The specification to repeat it.
        spec_file: The same as an address.
        theory: Why there is no prediction, where there is none.
        laws: The laws that are drawn.
        facts: Version, seed, engine, generations and replicates.
    """

    anchor: str
    name: str
    verdict: str
    measured: str
    cards: Sequence[Card]
    shares: str
    rule: str
    evidence: str
    bands: Sequence[Plate]
    lines: Sequence[Plate]
    film: Plate | None
    texts: Sequence[tuple[str, str, Sequence[tuple[int, str]]]]
    texts_table: str
    spec: str
    spec_file: str
    theory: Sequence[str]
    laws: Sequence[Behind]
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
        predictions: What theory says, as `genloss.report.overlay.predictions` gives it: a Dataset with the names of the
            probes; or a mapping of names to that.

    Returns:
        The page.

    Raises:
        SpecError: If there is nothing to report, matplotlib is missing, or the path is not a place for a file.
    """
    several = isinstance(results, Mapping) and not hasattr(results, "data_vars")
    given: Any = results
    named: dict[str, Any] = dict(given) if several else {"": given}
    if not named:
        raise SpecError("report: no results; give the Dataset of genloss.run or a mapping of names to them")
    where = None if path is None else place(Path(path))
    sections = []
    with look():
        for i, (name, result) in enumerate(named.items(), 1):
            found = _of(stages, name, len(named))
            found = _stages(result) if found is None else found or None
            sections.append(_section(f"run-{i}", clean(name), result, found, _of(predictions, name, len(named))))
    return render("page.html", where, title=clean(title), sections=sections)


def render(template: str, where: Path | None, **known: Any) -> str:
    """Fill a template of this package, with the style that all pages share, and write it whole or not at all."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: resources.files(__package__).joinpath(name).read_text("utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(template).render(glossary=GLOSSARY, **known)
    if where is not None:
        from genloss.plain.files import commit

        commit(where, page.encode())
    return page


def place(path: Path) -> Path:
    """Check that a file can be written here.

    Raises:
        SpecError: If it cannot.
    """
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
    """Find the stages of a result; None if its probes do not say."""
    try:
        from genloss.stages.verdict import stages
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
    tails, spread = (kept(result, role, cells, staged, known) for role in ("tails", "spread"))
    there = [measure for measure in (tails, spread) if measure is not None]
    file = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "genloss"
    images: Sequence[Image | None] = [None] * len(cells)
    sparks = [""] * len(cells)
    table = ""
    if there:
        sparks = [shares.spark(i, cell, tails, spread) for i, cell in enumerate(cells)]
        images = _images(shares.panels(cells, result["generation"].values, tails, spread, staged), cells)
        images = [*images, *[None] * (len(cells) - len(images))]
        table = tables.link(tables.of_shares(there, cells, result["generation"].values))
    spec = spec_of(result)
    text = document(spec) if spec else ""
    kind = film_panels.kind_of(result)
    pages = film_panels.texts(result, cells) if kind == "text" else []
    plates = _plates(known, cells, predictions, file)
    return Section(
        anchor=anchor,
        name=name,
        verdict=verdict(cells, staged, there),
        measured="; ".join(f"{measure.role} by {measure.words}" for measure in there),
        cards=[_card(*each) for each in zip(cells, staged, images, sparks, strict=True)],
        shares=table,
        rule=_rule(stages),
        evidence="" if not any(staged) else tables.link(tables.of_stages(staged, cells)),
        bands=[plate for vector, plate in plates if vector],
        lines=[plate for vector, plate in plates if not vector],
        film=_film(result, cells, file) if kind not in ("", "text") else None,
        texts=[(cell.label, cell.colour, page) for cell, page in zip(cells, pages, strict=False)],
        texts_table=tables.link(tables.of_film(result, cells)) if kind == "text" else "",
        spec=text,
        spec_file="data:application/yaml;base64," + base64.b64encode(text.encode("utf-8", "replace")).decode(),
        theory=_theory(predictions),
        laws=behind(predictions),
        facts=[
            (fact, clean(spec[fact]))
            for fact in ("genloss", "seed", "engine", "generations", "replicates")
            if fact in spec
        ],
        file=file,
    )


def _card(cell: Cell, stage: Any | None, image: Image | None, spark: str) -> Card:
    evidence = [_row(row) for row in telling(stage)]
    control = cell.control or bool(getattr(stage, "control", False))
    masked = bool(getattr(stage, "masked", False))
    text = "" if stage is None else clean(stage.text)
    return Card(cell.label, cell.colour, control, badge(stage), text, masked, evidence, image, spark)


def _row(row: Mapping[str, Any]) -> dict[str, str]:
    """A row of evidence in words; losses are shares."""
    found = {"probe": clean(row["probe"]), "label": clean(row["label"], 40), "generation": clean(row["generation"])}
    return found | {name: _signed(row[name]) for name in ("loss", "low", "high", "margin")}


def _rule(stages: Any) -> str:
    """What counts as collapse, where the stages say so."""
    if not all(hasattr(stages, name) for name in ("alpha", "tail_margin", "spread_margin")):
        return ""
    return (
        f"Early collapse: more than {percent(stages.tail_margin)} of a tail probe is lost beyond doubt; late: more "
        f"than {percent(stages.spread_margin)} of a spread probe. False alarms: at most {percent(stages.alpha)} per "
        "chain."
    )


def _signed(value: Any) -> str:
    try:
        loss = float(value)
    except (TypeError, ValueError):
        return "–"
    if not math.isfinite(loss):
        return "–"
    return f"−{percent(-loss)}" if loss < 0 else percent(loss)


def _images(panels: Sequence[Panel], cells: Sequence[Cell] = ()) -> list[Image]:
    colours = [cell.colour for cell in cells] or [""] * len(panels)
    some = zip(panels[:_MOST_PANELS], colours, strict=False)
    return [Image(clean(panel.label), colour, alone(panel), clean(panel.alt)) for panel, colour in some]


def _plates(
    known: Mapping[str, Summary], cells: Sequence[Cell], predictions: Any, file: str
) -> list[tuple[bool, Plate]]:
    """Make the pictures of all probes, in the order of what they measure; True for vector probes."""
    order = {role: i for i, role in enumerate(_ROLES)}
    found = []
    for each in sorted(known.values(), key=lambda each: order.get(each.role, len(order))):
        vector = bool(each.dim)
        panels = bands.panels(each, cells) if vector else curves.panels(each, cells, predictions)
        note = _bands_note(each) if vector else f"{each.better.capitalize()} is better. {_how(each)}"
        if not vector and predictions is not None and each.name in predictions:
            note += " Dashed: what theory says."
        if len(panels) > _MOST_PANELS:
            note += f" The first {_MOST_PANELS} of {len(panels)} pictures; the table has them all."
        images = _images(panels, cells if vector else ())
        table = tables.link(tables.of_summary(each, cells, predictions))
        name = re.sub(r"[^A-Za-z0-9]+", "-", clean(each.name)).strip("-") or "probe"
        role = _ROLES.get(each.role, "")
        found.append((vector, Plate(title_of(each.name), note, images, table, f"{file}-{name}.csv", role)))
        if vector and predictions is not None and each.name in predictions:
            images = _images(curves.panels(each, cells, predictions, _MOST_LABELS))
            note = f"{each.better.capitalize()} is better. {_how(each)} Dashed: what theory says."
            found.append((False, Plate(title_of(each.name), note, images, table, f"{file}-{name}.csv", role)))
    return found


def _theory(predictions: Any) -> list[str]:
    """Read the notes of the predictions."""
    notes = getattr(predictions, "attrs", {}).get("notes", [])
    return [clean(note, 400) for note in (notes if isinstance(notes, list) else [notes])]


def _bands_note(each: Summary) -> str:
    rows = len(bands.chosen(each.labels))
    some = "" if rows == len(each.labels) else f" {rows} of {len(each.labels)} rows are shown."
    many = f" Median of {each.replicates:,} replicates." if each.replicates > 1 else " One replicate."
    return (
        f"By {curves.dim_of(each)}: the darker, the more of generation 0 is kept; the number at the right is "
        f"what is left at the end.{many}{some}"
    )


def _how(each: Summary) -> str:
    if each.replicates == 1:
        return "One replicate." + ("" if each.noise is None else " Grey: 80% of new draws of generation 0.")
    if each.each is not None:
        return f"Thick: median of {each.replicates} replicates; thin: each of them."
    return f"Line: median of {each.replicates:,} replicates; band: 80% of them."


def _film(result: "Dataset", cells: Sequence[Cell], file: str) -> Plate:
    note = {
        "line": "Numbers drawn from the model of each generation; outline: generation 0. First replicate.",
        "picture": "Pictures drawn from the model of each generation, a column per generation. First replicate.",
        "points": "Rows drawn from the model of each generation (first two coordinates); grey: generation 0.",
    }[film_panels.kind_of(result)]
    images = _images(film_panels.panels(result, cells), cells)
    return Plate("What the models draw", note, images, tables.link(tables.of_film(result, cells)), f"{file}-film.csv")
