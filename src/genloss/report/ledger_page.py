"""The ledger of theory as one HTML file: every claim with its prediction, its measurement and its plots."""

import base64
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genloss.plain.words import clean, number
from genloss.report.formula import formula
from genloss.report.page import Image, place, render
from genloss.theory.laws import SIGNS
from genloss.theory.predict import subject
from genloss.theory.verification.check import Check
from genloss.theory.verification.laws_page import example_of
from genloss.theory.verification.ledger import LedgerRow, counted
from genloss.theory.verification.plot import HEIGHT, WIDTH, picture
from genloss.version import VERSION

if TYPE_CHECKING:
    from markupsafe import Markup

_PARTS = {
    "claims": (
        "Claims of the literature",
        "Each claim rests on the laws named below it; the numbers are those of one of them.",
    ),
    "errata": (
        "Published and false, or loose",
        "A false statement fails by more than twenty standard errors, and the law in its place holds; the generation "
        "is the one where it fails most. A loose bound is true, and nothing comes near it.",
    ),
    "laws": (
        "Laws",
        "Each law is held against every engine that can run its example, at every generation; the last one is shown "
        "(of a law with labels the last label). "
        "≈ asymptotic, ≤ upper bound, ≥ lower bound; the others are exact.",
    ),
}


@dataclass(frozen=True)
class Run:
    """What one engine measured.

    Attributes:
        how: By which engine, at which generation.
        predicted: The prediction.
        measured: The measurement.
        interval: Its interval.
        holds: Whether it stands.
        badge: The verdict.
        then: What stands in place of a false statement.
    """

    how: str
    predicted: str
    measured: str
    interval: str
    holds: bool
    badge: str
    then: str


@dataclass(frozen=True)
class LedgerLine:
    """One claim of a table, in words.

    Attributes:
        claim: The statement.
        meaning: What it means; "" if the claim says it.
        link: The address of its plots; "" if it has none.
        laws: For a claim the laws that it rests on, with the addresses of their plots.
        source: The paper.
        probe: What was measured.
        runs: What each engine measured.
    """

    claim: str
    meaning: str
    link: str
    laws: Sequence[tuple[str, str]]
    source: str
    probe: str
    runs: Sequence[Run]


@dataclass(frozen=True)
class Part:
    """One table.

    Attributes:
        anchor: Its address on the page.
        name: Its heading.
        note: How to read it.
        lines: Its lines.
        table: The same as the address of a CSV file.
    """

    anchor: str
    name: str
    note: str
    lines: Sequence[LedgerLine]
    table: str


@dataclass(frozen=True)
class LedgerPlate:
    """A law with its plots.

    Attributes:
        anchor: Its address on the page.
        name: Its name.
        kind: Exact, asymptotic or a bound; or that it is false.
        meaning: What it says.
        what: What it predicts.
        source: The paper.
        example: The chain that it is verified on; "" if it brings an experiment of its own.
        formula: The formula; None if it has none.
        instead: The law that says how things are where this one is false or loose, and the address of its plots.
        images: A plot for each engine.
    """

    anchor: str
    name: str
    kind: str
    meaning: str
    what: str
    source: str
    example: str
    formula: "Markup | None"
    instead: tuple[str, str]
    images: Sequence[Image]


def html(
    rows: Sequence[LedgerRow], checks: Sequence[Check], path: str | Path | None = None, *, seed: int = 0, only: str = ""
) -> str:
    """Write the ledger as one self-contained HTML file.

    Args:
        rows: The lines of the ledger.
        checks: The checks behind them, for the plots.
        path: The file to write, whole or not at all; None writes none.
        seed: The seed of the simulations.
        only: The part that was verified; "" for all of it.

    Returns:
        The page.

    Raises:
        SpecError: If the path is not a place for a file.
    """
    where = None if path is None else place(Path(path))
    plates = _plates(checks)
    there = {plate.name: plate.anchor for plate in plates}
    parts = []
    for part, (name, note) in _PARTS.items():
        found = [row for row in rows if row.part == part]
        if found:
            by_claim: dict[str, list[LedgerRow]] = {}
            for row in found if part == "claims" else sorted(found, key=lambda row: row.claim):
                by_claim.setdefault(row.claim, []).append(row)
            parts.append(Part(part, name, note, [_line(each, there) for each in by_claim.values()], _table(found)))
    failing = len({row.claim for row in rows if not row.holds})
    return render(
        "ledger.html",
        where,
        title="Theory against simulation" + (f": {clean(only, 60)}" if only else ""),
        said=counted(rows),
        holds=not failing,
        verdict=f"{failing} fail" if failing else "everything stands",
        parts=parts,
        plates=plates,
        seed=seed,
        version=VERSION,
    )


def _line(rows: Sequence[LedgerRow], there: dict[str, str]) -> LedgerLine:
    row = rows[0]
    claim = row.part == "claims"
    return LedgerLine(
        claim=clean(row.claim[:1].upper() + row.claim[1:] if claim else row.claim),
        meaning="" if claim else clean(row.meaning),
        link=there.get(row.claim, ""),
        laws=[(clean(name), there.get(name, "")) for name in row.laws] if claim else (),
        source=clean(row.source),
        probe=clean(row.probe).replace("_", " "),
        runs=[_run(each) for each in rows],
    )


def _run(row: LedgerRow) -> Run:
    when = "" if row.generation < 0 else f"generation {row.generation}"
    badge, _, then = row.verdict.partition("; ")
    return Run(
        how=", ".join(part for part in (f"{row.engine} engine" if row.engine != "direct" else "direct", when) if part),
        predicted=f"{SIGNS.get(row.kind, '')}{_number(row.predicted)}",
        measured=_number(row.measured),
        interval=f"{_number(row.low)} to {_number(row.high)}",
        holds=row.holds,
        badge=clean(badge),
        then=clean(then),
    )


def _number(x: float) -> str:
    """Five digits: a prediction and its measurement differ late."""
    return f"{x:.5g}" if math.isfinite(x) and (x == 0 or 1e-3 <= abs(x) < 1e6) else number(x)


def _table(rows: Sequence[LedgerRow]) -> str:
    import pandas as pd

    from genloss.report.grids import link

    frame = pd.DataFrame([{**asdict(row), "laws": ", ".join(row.laws)} for row in rows])
    return link(frame.drop(columns=["meaning", "part"]))


def _plates(checks: Sequence[Check]) -> list[LedgerPlate]:
    by_law: dict[str, list[Check]] = {}
    for check in checks:
        by_law.setdefault(check.law.name, []).append(check)
    found = []
    there = {name: f"law-{i}" for i, name in enumerate(sorted(by_law), 1)}
    for name, each in sorted(by_law.items()):
        law = each[0].law
        kind = law.status if law.status != "holds" else f"{law.kind}, loose" if law.sharper else law.kind
        instead = law.corrected or law.sharper
        meaning = " ".join(law.meaning.split())
        found.append(
            LedgerPlate(
                anchor=there[name],
                name=clean(name),
                kind=kind,
                meaning=clean(meaning),
                what=clean(subject(law)).replace("_", " "),
                source=clean(law.reference),
                example="" if law.example is None else clean(example_of(law)).strip("`"),
                formula=formula(law.formula),
                instead=(clean(instead), there.get(instead, "")),
                images=[_image(check) for check in each],
            )
        )
    return found


def _image(check: Check) -> Image:
    box = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="11"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>{picture(check)}</svg>'
    address = "data:image/svg+xml;base64," + base64.b64encode(svg.encode("utf-8", "replace")).decode()
    worst = f"{number(check.worst)} standard errors"
    alt = f"{check.law.name}, {check.engine}: predicted and measured lie at most {worst} apart."
    return Image(check.engine, "", address, clean(alt))
