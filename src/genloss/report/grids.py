"""The table behind every picture."""

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.chain.data import Array
from genloss.errors import SpecError
from genloss.plain.words import cell as safe
from genloss.plain.words import clean
from genloss.report import curves, film_panels
from genloss.report.badges import Kept, evidence, kept, matched
from genloss.report.summary import Cell, Summary, cells_of, flat, probes_of, summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pandas import DataFrame
    from xarray import Dataset

_MOST_ROWS = 6_000
_SHOTS = 4


def table(result: "Dataset", name: str, stages: "Iterable[Any] | None" = None) -> "DataFrame":
    """Return the table behind a picture.

    Args:
        result: What `genloss.run` or `genloss.load` gave.
        name: A probe: median, 10% and 90% quantile over replicates by chain, generation and label; "film": what is
            shown of the samples; "overview": the shares of generation 0 that are kept; or "stages": the evidence.
        stages: For the overview and the stages: what `genloss.stages(result)` gave.

    Raises:
        SpecError: If the result has no such table.
    """
    cells = cells_of(result)
    if name in probes_of(result):
        return of_summary(summary(result, name), cells)
    if name == "film" and "film" in result:
        return of_film(result, cells)
    if name == "overview":
        found = matched(cells, stages)
        measures = [kept(result, role, cells, found, {}) for role in ("tails", "spread")]
        return of_shares([measure for measure in measures if measure], cells, result["generation"].values)
    if name == "stages" and stages is not None:
        return of_stages(matched(cells, stages), cells)
    raise SpecError(
        f"report: no table {clean(name, 60)!r}; there are {', '.join([*probes_of(result), 'film', 'overview'])}"
    )


def of_summary(found: Summary, cells: "Sequence[Cell]", predictions: "Dataset | None" = None) -> "DataFrame":
    """The table of a probe, with what theory says of it."""
    import pandas as pd

    keys: dict[str, Any] = {"generation": found.generation}
    if found.dim:
        keys[found.dim] = np.array(found.labels, dtype=object)
    columns = _keys(cells, keys)
    for level, values in (("low", found.low), ("median", found.median), ("high", found.high)):
        columns[level] = values.ravel()
    columns["replicates"] = np.full(found.median.size, found.replicates)
    each: list[int | None] = [*range(len(found.labels))] if found.dim else [None]
    by_label = [
        {law.cell: law for law in curves.overlay(found, predictions, cells, range(len(cells)), j)} for j in each
    ]
    said = [[theory.get(i, theory.get(None)) for theory in by_label] for i in range(len(cells))]
    known = [law for row in said for law in row if law is not None]
    if known:
        unknown = np.full(len(found.generation), np.nan)
        lined = [[unknown if law is None else law.values for law in row] for row in said]
        columns["predicted"] = np.concatenate([np.stack(row, -1).ravel() for row in lined])
        words = [["" if law is None else law.words for law in row] * len(found.generation) for row in said]
        columns["law"] = np.concatenate([np.array(row, dtype=object) for row in words])
        for name in dict.fromkeys(law.statistic for law in known if law.statistic in found.averages):
            columns[name] = found.averages[name].ravel()
    return pd.DataFrame(columns)


def of_shares(measures: "Sequence[Kept]", cells: "Sequence[Cell]", generation: Array) -> "DataFrame":
    """The table of the shares of generation 0 that are kept."""
    import pandas as pd

    columns = _keys(cells, {"generation": generation})
    for measure in measures:
        columns[f"{measure.role} kept: {measure.words}"] = measure.share.ravel()
    return pd.DataFrame(columns)


def of_film(result: "Dataset", cells: "Sequence[Cell]") -> "DataFrame":
    """The table of what a film shows: counts in bins, pixels, or texts."""
    import pandas as pd

    chosen = film_panels.frames(result)
    generation = result["generation"].values[chosen]
    film = flat(result, "film")[:, chosen]
    kind = film_panels.kind_of(result)
    if kind == "line":
        counts, edges = film_panels.histograms(film.astype(float).reshape(*film.shape[:3]))
        columns = _keys(cells, {"generation": generation, "from": edges[:-1]})
        columns["count"] = counts.ravel()
        return pd.DataFrame(columns)
    film = film[:, :, :_SHOTS]
    columns = _keys(cells, {"generation": generation, "shot": np.arange(film.shape[2])})
    if kind == "text":
        columns["text"] = film.ravel()
        return pd.DataFrame(columns)
    pixels = film.reshape(-1, film.shape[-1])
    return pd.DataFrame(columns | {f"pixel {i}": pixels[:, i] for i in range(pixels.shape[1])})


def of_stages(stages: "Sequence[Any]", cells: "Sequence[Cell]") -> "DataFrame":
    """The table of all evidence for the stages."""
    import pandas as pd

    rows = [
        {**cell.where, "stage": str(stage.stage), **row}
        for cell, stage in zip(cells, stages, strict=True)
        for row in evidence(stage)
    ]
    return pd.DataFrame(rows)


def csv(frame: "DataFrame") -> bytes:
    """Write a table as CSV that no spreadsheet takes for formulas; a very long one keeps evenly chosen generations."""
    if len(frame) > _MOST_ROWS and "generation" in frame:
        generations = frame["generation"].unique()
        keep = max(2, int(len(generations) * _MOST_ROWS / len(frame)))
        chosen = generations[np.unique(np.linspace(0, len(generations) - 1, keep).round().astype(int))]
        frame = frame[frame["generation"].isin(chosen)]
    frame = frame.rename(columns=lambda name: safe(str(name)))
    for name in frame.columns[[kind.kind in "OTUSV" or str(kind) == "str" for kind in frame.dtypes]]:
        frame[name] = frame[name].map(safe)
    text: str = frame.to_csv(index=False, float_format="%.5g", lineterminator="\n")
    return text.encode("utf-8", "replace")


def link(frame: "DataFrame") -> str:
    """A table as the address of a CSV file that holds all of it."""
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(csv(frame)).decode()


def _keys(cells: "Sequence[Cell]", keys: dict[str, Any]) -> dict[str, Any]:
    """The columns that say which row is which: chains first, then the keys, the last one fastest."""
    sizes = [len(values) for values in keys.values()]
    inner = int(np.prod(sizes))
    columns: dict[str, Any] = {}
    for dim in cells[0].where:
        labels = np.empty(len(cells), dtype=object)
        labels[:] = [cell.where[dim] for cell in cells]
        columns[dim] = np.repeat(labels, inner)
    after = inner
    before = len(cells)
    for (name, values), size in zip(keys.items(), sizes, strict=True):
        after //= size
        columns[name] = np.tile(np.repeat(values, after), before)
        before *= size
    return columns
