"""Stages in words: the sentences of a verdict, and the tables for the terminal and the notebook."""

from collections.abc import Mapping, Sequence
from html import escape
from math import inf, isfinite
from textwrap import fill
from typing import Any, Protocol

from genloss.plain.words import percent
from genloss.stages.judging import LossEvidence, Ruling


class _Verdict(Protocol):
    """What a table shows of one chain: a `Stage`."""

    @property
    def chain(self) -> Mapping[str, Any]: ...
    @property
    def stage(self) -> str: ...
    @property
    def early(self) -> int | None: ...
    @property
    def late(self) -> int | None: ...
    @property
    def after(self) -> str: ...
    @property
    def masked(self) -> bool: ...
    @property
    def control(self) -> bool: ...
    @property
    def text(self) -> str: ...


class _Verdicts(Protocol):
    """What a table shows of all chains: `Stages`."""

    @property
    def alpha(self) -> float: ...
    @property
    def tail_margin(self) -> float: ...
    @property
    def spread_margin(self) -> float: ...
    @property
    def comparisons(self) -> int: ...
    @property
    def stages(self) -> Sequence[_Verdict]: ...


_AFTER = {
    "goes on": ", and the loss continues",
    "holds": ", and the loss holds",
    "recovers": ", and it recovers",
    "nothing is left": ", until nothing is left",
    "": "; too noisy to say whether it continues",
}


def sentences(ruling: Ruling) -> str:
    """The verdict on one chain."""
    parts: list[str] = []
    for name, row in (("Early", ruling.early), ("Late", ruling.late)):
        if row is not None:
            against = "" if parts else f" compared with {ruling.against}"
            said = _loss(row, 0 if parts else ruling.replicates)
            parts.append(f"{name} collapse from generation {row.generation}: {said}{against}")
    if parts:
        parts[-1] += f"{_AFTER[ruling.after]}{_end(ruling)}"
    if ruling.average is not None:
        parts.append(f"{_average(ruling.average)} while the tails went")
    if ruling.early is None and ruling.late is None:
        parts += _nothing(ruling)
    for name, count in ruling.missing.items():
        parts.append(f"{name} gave {count:,} values that are not numbers; they were left out")
    return "".join(f"{part}. " for part in parts).rstrip()


def _nothing(ruling: Ruling) -> list[str]:
    if ruling.blind and not any(isfinite(least) for widths in ruling.seen.values() for _, least in widths):
        return [
            "Undecided: there is no noise to judge by; add a chain with FreshReal() as a control, run more replicates, "
            "or give bootstrap=20"
        ]
    if ruling.blind:
        return [
            f"Undecided: compared with {ruling.against}, not even a loss of nearly everything would have been "
            "detected; run more replicates, or add a chain with FreshReal() as a control"
        ]
    worst = [max(known, key=lambda width: width[1]) for known in _finite(ruling) if known]
    detected = " or ".join(f"{percent(least, 1)} of {name}" for name, least in worst)
    noisy = [name for widths in ruling.seen.values() for name, least in widths if 1 <= least < inf]
    word = "1 generation" if ruling.generations == 1 else f"{ruling.generations} generations"
    watched = " and ".join(role for role in ("tails", "spread") if role in ruling.seen)
    said = [f"No collapse of {watched} detected in {word} compared with {ruling.against}"]
    if detected:
        said.append(f"Losses of more than {detected} would have been detected")
    if noisy:
        said.append(f"Not even a total loss of {', '.join(noisy)} would have been detected")
    return said


def _finite(ruling: Ruling) -> list[list[tuple[str, float]]]:
    """The least detectable losses, of the probes and labels that could have shown a loss at all."""
    return [[width for width in widths if width[1] < 1] for widths in ruling.seen.values()]


def _loss(row: LossEvidence, replicates: int) -> str:
    mean = f" on average over these {replicates} replicates" if replicates > 1 else ""
    return f"{_named(row)} has lost {percent(row.loss, 1)} ({_between(row.low, row.high)}){mean}"


def _end(ruling: Ruling) -> str:
    last = ruling.last
    began = ruling.late or ruling.early
    if last is None or began is None or last.generation == began.generation or not isfinite(last.loss):
        return ""
    return f": {percent(last.loss, 1)} ({_between(last.low, last.high)}) at generation {last.generation}"


def _average(row: LossEvidence) -> str:
    where = f"{_named(row)} at generation {row.generation}"
    if row.high < 0:
        return f"The average improved ({where}: better by {percent(-row.loss, 1)}, {_between(-row.high, -row.low)})"
    change = f"worse by {percent(row.loss, 1)}" if row.loss > 0 else f"better by {percent(-row.loss, 1)}"
    return f"The average did not show it ({where}: {change}, at most {percent(row.high, 1)} worse)"


def _between(low: float, high: float) -> str:
    if isfinite(low) and isfinite(high):
        return f"{percent(low, 1)} to {percent(high, 1)}"
    if isfinite(low):
        return f"at least {percent(low, 1)}"
    return f"at most {percent(high, 1)}" if isfinite(high) else "without bounds"


def _named(row: LossEvidence) -> str:
    return f"{row.probe} [{row.label}]" if row.label else row.probe


def table(verdicts: _Verdicts) -> str:
    """A plain table, and under it the verdicts."""
    rows = [_heads(verdicts), *(_cells(stage) for stage in verdicts.stages)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    lines.append("")
    for stage in verdicts.stages:
        name = ", ".join(str(label) for label in stage.chain.values())
        lines.append(fill(f"{name}: {stage.text}" if name else stage.text, 100, subsequent_indent="  "))
    return "\n".join([*lines, fill(_footnote(verdicts), 100)])


def html_table(verdicts: _Verdicts) -> str:
    """The same as HTML, everything that comes from data escaped."""
    heads = "".join(f"<th>{escape(head)}</th>" for head in (*_heads(verdicts), "evidence"))
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in (*_cells(stage), stage.text)) + "</tr>"
        for stage in verdicts.stages
    )
    note = escape(_footnote(verdicts))
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table><p>{note}</p>"


def _heads(verdicts: _Verdicts) -> Sequence[str]:
    return [*map(str, verdicts.stages[0].chain), "stage", "early", "late", "afterwards", "hidden by average"]


def _cells(stage: _Verdict) -> Sequence[str]:
    def at(t: Any) -> str:
        return "-" if t is None else str(t)

    name = f"{stage.stage} (control)" if stage.control else stage.stage
    chain = [str(label) for label in stage.chain.values()]
    return [*chain, name, at(stage.early), at(stage.late), stage.after or "-", "yes" if stage.masked else "-"]


def _footnote(verdicts: _Verdicts) -> str:
    return (
        f"Early: more than {percent(verdicts.tail_margin, 1)} of a tail probe is lost; late: more than "
        f"{percent(verdicts.spread_margin, 1)} of a spread probe. False alarms: at most "
        f"{percent(verdicts.alpha, 1)} per chain ({verdicts.comparisons:,} simultaneous bounds)."
    )
