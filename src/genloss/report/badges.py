"""Stages of collapse as the report shows them: badges, and one sentence a result."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.plain.words import clean, label_of, listed, percent
from genloss.report.summary import Cell, Summary, probes_of, summary

if TYPE_CHECKING:
    from xarray import Dataset

_BADGES = {
    "no collapse": ("none", "✓"),
    "early collapse": ("early", "◐"),
    "late collapse": ("late", "●"),
}


@dataclass(frozen=True)
class Badge:
    """A stage as a coloured word with a sign, so that it needs no colour.

    Attributes:
        kind: "none", "early", "late" or "unknown".
        sign: Its sign.
        text: Its words.
        since: The generations at which it begins, in words.
    """

    kind: str
    sign: str
    text: str
    since: str


def badge(stage: Any | None) -> Badge | None:
    """Make the badge of a stage."""
    if stage is None:
        return None
    text = clean(stage.stage)
    kind, sign = _BADGES.get(text, ("unknown", "?"))
    return Badge(kind, sign, text, _since(stage))


def matched(cells: Sequence[Cell], stages: Iterable[Any] | None) -> list[Any | None]:
    """Find the stage of every cell; None if there is none."""
    rows = list(stages or ())

    def same(cell: Cell, row: Any) -> bool:
        chain = row.chain or {}
        return len(chain) == len(cell.where) and all(
            str(chain.get(dim)) == str(label) or label_of(chain.get(dim)) == label_of(label)
            for dim, label in cell.where.items()
        )

    return [next((row for row in rows if same(cell, row)), None) for cell in cells]


def evidence(stage: Any | None) -> list[dict[str, Any]]:
    """The rows of evidence of a stage as mappings."""
    return [] if stage is None else [_row(row) for row in stage.evidence]


def deciding(stage: Any | None) -> list[dict[str, Any]]:
    """The rows that a stage rests on."""
    if stage is None:
        return []
    return [_row(row) for row in getattr(stage, "rests_on", stage.evidence)]


def telling(stage: Any | None, most: int = 30) -> list[dict[str, Any]]:
    """The rows to read: those that decided, then every probe and label at its last generation."""
    found = deciding(stage)
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for row in evidence(stage):
        key = (row["probe"], row["label"])
        if key not in last or row["generation"] >= last[key]["generation"]:
            last[key] = row
    return [*found, *(row for row in last.values() if row not in found)][:most]


def _row(row: Any) -> dict[str, Any]:
    names = ("probe", "label", "generation", "loss", "low", "high", "margin")
    found = {name: row.get(name) if isinstance(row, Mapping) else getattr(row, name, None) for name in names}
    found["label"] = "" if found["label"] is None else str(found["label"])
    return found


@dataclass(frozen=True)
class Kept:
    """How much of its tails or spread every chain keeps.

    Attributes:
        role: "tails" or "spread".
        probe: The probe that says so.
        label: The label of a vector probe; "" for a scalar one.
        share: The share of generation 0, (cells, generations).
    """

    role: str
    probe: str
    label: str
    share: Any

    @property
    def words(self) -> str:
        """What it is measured by."""
        return f"{clean(self.probe)} [{clean(self.label, 30)}]" if self.label else clean(self.probe)


def kept(
    result: "Dataset", role: str, cells: Sequence[Cell], stages: Sequence[Any | None], known: Mapping[str, Summary]
) -> Kept | None:
    """Choose what shows the loss: the run's first probe of a role that can be read as a share of generation 0.

    Of a vector probe it is the label on which most stages rest, else the one that lost most outside the control.
    """
    for name in probes_of(result):
        if result[name].attrs.get("role") != role:
            continue
        found = known.get(name) or summary(result, name)
        share = found.share()
        if not np.isfinite(share).any():
            continue
        if not found.dim:
            return Kept(role, name, "", share)
        labels = [str(one) for one in found.labels]
        rests = Counter(row["label"] for stage in stages for row in deciding(stage) if row["probe"] == name)
        label = next((one for one, _ in rests.most_common() if one in labels), "")
        if label not in labels:
            at_risk = [i for i, cell in enumerate(cells) if not cell.control] or list(range(len(cells)))
            last = np.nan_to_num(share[at_risk, -1], nan=1.0).mean(0)
            label = labels[int(np.argmin(last))]
        return Kept(role, name, label, share[..., labels.index(label)])
    return None


def verdict(cells: Sequence[Cell], stages: Sequence[Any | None], measures: Sequence[Kept]) -> str:
    """Say in one sentence what became of the chains."""
    known = [(cell, stage) for cell, stage in zip(cells, stages, strict=True) if stage is not None]
    if not known:
        return _by_shares(cells, measures)
    if len(cells) == 1:
        since = badge(known[0][1]).since  # type: ignore[union-attr]
        return f"{str(known[0][1].stage).capitalize()}{f' ({since})' if since else ''}."
    parts: list[str] = []
    for wanted in dict.fromkeys((*reversed(_BADGES), *(str(stage.stage) for _, stage in known))):
        names: dict[str, list[str]] = {}
        for cell, stage in known:
            if stage.stage == wanted:
                names.setdefault(_since(stage), []).append(cell.label)
        said = [f"{listed(labels)}{f' ({since})' if since else ''}" for since, labels in names.items()]
        if said:
            parts.append(f"{clean(wanted)} under {', under '.join(said)}")
    masked = [cell.label for cell, stage in known if getattr(stage, "masked", False)]
    if masked:
        parts.append(f"hidden by an average under {listed(masked)}")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:] + "." if text else "No stage could be determined."


def _since(stage: Any) -> str:
    found = [f"tails from generation {int(stage.early)}"] if stage.early is not None else []
    if stage.late is not None:
        found.append(f"spread from {'' if found else 'generation '}{int(stage.late)}")
    return ", ".join(found)


def _by_shares(cells: Sequence[Cell], measures: Sequence[Kept]) -> str:
    parts = []
    for i, cell in enumerate(cells):
        shares = [f"{percent(float(m.share[i, -1]))} of its {m.role}" for m in measures if np.isfinite(m.share[i, -1])]
        if shares:
            parts.append(f"{cell.label} keeps {listed(shares)}")
    if not parts or len(parts) > 8:
        return ""
    return f"At the last generation {'; '.join(parts)}."
