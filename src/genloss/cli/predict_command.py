"""`genloss predict`: what theory says of the chains of a spec, without running it."""

import argparse
import csv
import itertools
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genloss.cli.run_command import add_spec, described, set_option
from genloss.cli.tell import console, plain
from genloss.errors import SpecError
from genloss.plain.numbers import whole_number

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

_COLUMNS = (
    "run",
    "chain",
    "variable",
    "law",
    "probe",
    "statistic",
    "kind",
    "reference",
    "generation",
    "label",
    "value",
)
_MOST_LABELS = 6
_WORDS = {"var": "variance"}


@dataclass(frozen=True)
class Foretold:
    """What theory says of one chain.

    Attributes:
        run: The name of its run; "" if there is one.
        labels: Its labels, by dimension of the grid.
        found: The predictions; None if there are none.
        reason: Why there are none.
        papers: The papers behind them, one per line.
    """

    run: str
    labels: dict[str, Any]
    found: "Dataset | None"
    reason: str
    papers: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its labels in one line; a number with the name of what it is."""
        words = (
            label if isinstance(label, str) or dim in ("chain", "regime") else f"{dim} {label}"
            for dim, label in self.labels.items()
        )
        return ", ".join(str(label) for label in words) or "the chain"


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "predict",
        help="say what theory predicts of chains, without running them",
        description="Print what the laws in the catalogue predict of every chain of a spec, without running it.",
    )
    add_spec(command)
    command.add_argument("--generations", type=int, metavar="T", help="the last generation")
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    form.add_argument("--csv", action="store_true", help="print every predicted number as CSV and nothing else")
    command.add_argument("--plot", type=Path, metavar="FILE", help="draw the predictions (.png, .svg or .html)")
    command.set_defaults(call=call)


def call(asked: argparse.Namespace) -> int:
    """Run the command."""
    if asked.plot is not None:
        from genloss.report.foretold import FORMATS
        from genloss.report.page import place

        if place(asked.plot).suffix not in FORMATS:
            raise SpecError(f"--plot: {asked.plot}: no picture of this kind; end the name with {', '.join(FORMATS)}")
    spec, base, name = described(asked)
    set_option(spec, "generations", asked.generations)
    chains = list(foretell(spec, base, name))
    if asked.plot is not None:
        from genloss.report.foretold import write

        drawn: dict[str, dict[str, Dataset]] = {each.run: {} for each in chains}
        for each in chains:
            if each.found is not None:
                drawn[each.run][each.name] = each.found
        title = spec.get("title")
        write(drawn, asked.plot, title if isinstance(title, str) else "What theory predicts")
        console(stderr=True).print(f"plot: {asked.plot}", soft_wrap=True)
    if asked.json:
        json.dump(document(chains), sys.stdout, indent=1, allow_nan=False)
        sys.stdout.write("\n")
    elif asked.csv:
        _csv(chains)
    else:
        _tell(chains)
    return 0


def foretell(spec: dict[str, Any], base: Path | None, name: str) -> Iterator[Foretold]:
    """Predict every chain of a spec."""
    from genloss.report.overlay import known
    from genloss.spec import build as specs
    from genloss.spec.study import GENERATIONS
    from genloss.theory import cite
    from genloss.theory.laws import sizes

    for run, each in specs.runs(spec, base, name).items():
        generations = each.options.get("generations", GENERATIONS)
        whole_number(generations, "generations")
        places = itertools.product(*each.grid.dims.values())
        for place, chain in zip(places, each.grid.chains, strict=True):
            sizes(chain, generations)
            found, reason = known(chain, generations)
            papers = () if found is None else tuple(cite(chain).splitlines())
            yield Foretold(run, dict(zip(each.grid.dims, place, strict=True)), found, reason, papers)


def document(chains: list[Foretold]) -> dict[str, Any]:
    """Write predictions as plain data; a number that is not finite is null."""
    from genloss.plain.describe import describe
    from genloss.version import VERSION

    made = []
    for each in chains:
        laws = [] if each.found is None else [_law(name, array) for name, array in _variables(each.found)]
        made.append(
            {
                "run": each.run,
                "chain": {name: describe(label) for name, label in each.labels.items()},
                "predictions": laws,
                "papers": list(each.papers),
                "notes": [] if each.found is None else list(each.found.attrs.get("notes", ())),
                "reason": each.reason or None,
            }
        )
    return {"genloss": VERSION, "chains": made}


def _law(name: str, array: "DataArray") -> dict[str, Any]:
    coords = {str(dim): array[dim].values.tolist() for dim in array.dims if dim in array.coords}
    said = {key: str(value) for key, value in array.attrs.items()}
    return {"variable": name, **said, "dims": [str(dim) for dim in array.dims], **coords, "values": _plain(array)}


def _plain(array: "DataArray") -> Any:
    def finite(value: Any) -> Any:
        if isinstance(value, list):
            return [finite(each) for each in value]
        return value if math.isfinite(value) else None

    return finite(array.values.tolist())


def _variables(found: "Dataset") -> list[tuple[str, "DataArray"]]:
    return [(str(name), array) for name, array in found.data_vars.items()]


def _lines(array: "DataArray") -> Iterator[tuple[str, Any]]:
    """Take an array apart into its labels, each with its numbers by generation (or its one number)."""
    own = [dim for dim in array.dims if dim != "generation"]
    for place in itertools.product(*(range(array.sizes[dim]) for dim in own)):
        chosen = dict(zip(own, place, strict=True))
        names = [
            f"{dim} {array[dim].values[i] if dim in array.coords else i}" for dim, i in zip(own, place, strict=True)
        ]
        yield ", ".join(names), array.isel(chosen).values


def _csv(chains: list[Foretold]) -> None:
    from genloss.plain.words import cell

    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for each in chains:
        for name, array in [] if each.found is None else _variables(each.found):
            said = [str(array.attrs[key]) for key in ("law", "probe", "statistic", "kind", "reference")]
            for label, values in _lines(array):
                at = enumerate(values.tolist()) if values.ndim else [("", values.item())]
                for t, value in at:
                    texts = [cell(text) for text in (each.run, each.name, name, *said)]
                    rows.writerow([*texts, t, cell(label), repr(value) if math.isfinite(value) else ""])


def _tell(chains: list[Foretold]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    screen = console()
    papers: dict[str, dict[str, None]] = {}
    for each in chains:
        head = f"{each.run}: {each.name}" if each.run else each.name
        if each.found is None:
            screen.print(Text.assemble((plain(head), "bold"), f": no prediction: {plain(each.reason)}"))
            continue
        screen.print(Text(plain(head), style="bold"))
        screen.print(_table(each.found, screen.width))
        for note in each.found.attrs.get("notes", ()):
            screen.print(Text(f"  note: {plain(note)}"))
        for paper in each.papers:
            source, _, spoken = (paper, "", "") if paper.startswith("published and false") else paper.rpartition(": ")
            papers.setdefault(source, {}).update(dict.fromkeys(spoken.split(", ") if spoken else ()))
    if papers:
        screen.print(Text("Papers and derivations, with what they speak of", style="bold"))
        for source, probes in sorted(papers.items(), key=lambda each: _order(each[0])):
            said = f"{source}: {', '.join(probes)}" if probes else source
            screen.print(Padding(Text(plain(said)), (0, 0, 0, 2)))


def _order(source: str) -> int:
    """Papers first, then derivations, then what is false."""
    from genloss.theory.papers import PAPERS

    return 2 if source.startswith("published and false") else 0 if source in PAPERS.values() else 1


def _table(found: "Dataset", width: int) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from genloss.plain.words import listed
    from genloss.theory.laws import SIGNS

    shown = _shown(int(found["generation"].values[-1]), max(3, (width - 42) // 10))
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    table.add_column("what, law, kind; by generation", overflow="fold")
    for t in shown:
        table.add_column(str(t), justify="right", no_wrap=True)
    for array, laws in _merged(found):
        statistic, probe, kind = (array.attrs[key] for key in ("statistic", "probe", "kind"))
        law = Text.assemble((plain(f"{_WORDS.get(statistic, statistic)} of {probe}"), "bold"))
        if not array.ndim:
            law.append(f": {SIGNS.get(kind, '')}{_number(array.item())}", style="bold")
        law.append("\n" + plain(listed(laws)))
        law.append(plain(f", {kind}"), style="dim")
        if array.dims == ("generation",):
            table.add_row(law, *[_number(array.values[t]) for t in shown])
            continue
        table.add_row(law)
        lines = [*_lines(array)] if array.ndim else []
        some = sorted({round(i * (len(lines) - 1) / (_MOST_LABELS - 1)) for i in range(_MOST_LABELS)}) if lines else []
        for i in some:
            label, values = lines[i]
            table.add_row(Text("  " + plain(label)), *[_number(values[t]) for t in shown])
        if len(lines) > len(some):
            table.add_row(Text(f"  {len(some)} of {len(lines)}; --csv has them all", style="dim"))
    return table


def _merged(found: "Dataset") -> "list[tuple[DataArray, list[str]]]":
    """List the predictions; two exact laws that say the same of a chain stand in one line."""
    import numpy as np

    made: list[tuple[DataArray, list[str]]] = []
    for _, array in _variables(found):
        for other, laws in made if array.attrs["kind"] == "exact" else ():
            alike = all(array.attrs[key] == other.attrs[key] for key in ("probe", "statistic", "kind"))
            if alike and array.dims == other.dims and np.allclose(array, other, rtol=1e-6, atol=0, equal_nan=True):
                laws.append(str(array.attrs["law"]))
                break
        else:
            made.append((array, [str(array.attrs["law"])]))
    return made


def _shown(last: int, most: int) -> list[int]:
    """Choose generations: 0, 1, 2, 5, 10, 20, 50, ... and the last, thinned to fit."""
    found = {0, last}
    for power in range(len(str(last))):
        found |= {step * 10**power for step in (1, 2, 5) if step * 10**power < last}
    every = sorted(found)
    if len(every) <= most:
        return every
    return sorted({every[round(i * (len(every) - 1) / (most - 1))] for i in range(most)})


def _number(x: float) -> str:
    return f"{x:.4g}" if math.isfinite(x) else "–" if math.isnan(x) else "infinite" if x > 0 else "-infinite"
