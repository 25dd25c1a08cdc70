"""What is weighed to place a chain: the bounds of its probes, the first to cross a margin, and what came after."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from genloss.chain.data import Array
from genloss.stages.bounds import Bounds, Reference, ReplicateMoments, bounds, first, matched, moments, paired, pooled
from genloss.stages.series import Arm, Measured, control_of

_BLIND = 0.95
"""A comparison that would have missed the loss of this share has nothing to say."""
_MANY = 100
"""So many replicates speak of all that could have run; fewer speak of themselves."""
_ENOUGH = 10
"""With fewer replicates, new draws of generation 0 are a better reference than generation 0 of the same replicates."""

After = Literal["goes on", "holds", "recovers", "nothing is left", ""]
"""What a loss does after it began; "" where that cannot be determined."""


@dataclass(frozen=True, slots=True)
class LossEvidence:
    """The loss of one probe at one generation, and how sure it is.

    Attributes:
        probe: The probe's name.
        label: Which of its labels; "" for a probe without.
        role: "tails", "spread" or "average".
        generation: The generation.
        loss: The share that is lost: 0 nothing, 1 everything, negative gained.
        low: Its lower bound, held together with those of all other rows of this chain.
        high: Its upper bound at the same level.
        margin: What must be lost to count.
    """

    probe: str
    label: str
    role: str
    generation: int
    loss: float
    low: float
    high: float
    margin: float


@dataclass(frozen=True, eq=False)
class Ruling:
    """What is known of one chain.

    Attributes:
        cell: The chain.
        against: What it was compared with, in words.
        early: The row at which the tails are first lost.
        late: The row at which the spread is first lost.
        last: The deciding probe at the last generation.
        after: What the loss does after it began.
        average: The row of an average that held or improved while the tails were lost.
        seen: For tails and for spread, every probe and label with the least loss that it would have shown.
        margins: The margins of tails and spread.
        missing: How many values are not numbers, by probe.
        blind: Whether nothing could have been seen.
        generations: The last generation.
        replicates: Of how many replicates it is said; 0 for all that could have run.
        evidence: Every row.
    """

    cell: Arm
    against: str
    early: LossEvidence | None
    late: LossEvidence | None
    last: LossEvidence | None
    after: After
    average: LossEvidence | None
    seen: dict[str, list[tuple[str, float]]]
    margins: dict[str, float]
    missing: dict[str, int]
    blind: bool
    generations: int
    replicates: int
    evidence: tuple[LossEvidence, ...]


class Judge:
    """Weighs the chains of one result; what several chains are compared with is summed up once."""

    def __init__(
        self,
        cells: Sequence[Arm],
        probes: Sequence[Measured],
        generations: Sequence[int],
        alpha: float,
        tail_margin: float,
        spread_margin: float,
        population: bool | None,
    ) -> None:
        self.cells = list(cells)
        self.probes = probes
        self.generations = generations
        self.population = self._replicates >= _MANY if population is None else population
        self.margins = {"tails": tail_margin, "spread": spread_margin, "average": tail_margin}
        after = len(generations) - 1
        counts = {role: after * sum(len(p.labels) for p in probes if p.role == role) for role in self.margins}
        self.comparisons = counts["tails"] + counts["spread"]
        self.levels = {
            "tails": alpha / self.comparisons,
            "spread": alpha / self.comparisons,
            "average": alpha / max(counts["average"], 1),
        }
        self._sums: dict[tuple[str, tuple[int, ...], bool, bool], ReplicateMoments] = {}

    def rule(self, cell: Arm) -> Ruling:
        """Weigh one chain."""
        mode, control = self._mode(cell)
        found: list[tuple[Measured, Bounds]] = []
        for probe in self.probes:
            chain, reference = self._compared(probe, cell, mode, control, gated=False)
            second, against = (None, None) if not probe.scale.gate else self._compared(probe, cell, mode, control, True)
            level = self.levels[probe.role]
            found.append(
                (probe, bounds(probe.scale, (chain, second), (reference, against), level, probe.noise, self.population))
            )
        early, late = self._first("tails", found), self._first("spread", found)
        deciding = late or early
        last = None if deciding is None else self._row(found, deciding.probe, deciding.label, -1)
        seen = {role: widths for role in ("tails", "spread") if (widths := self._seen(role, found))}
        return Ruling(
            cell=cell,
            against=self._against(cell, mode, control),
            early=early,
            late=late,
            last=last,
            after=self._after(found, cell, mode, early or late),
            average=self._average(found, early),
            seen=seen,
            margins=self.margins,
            missing=self._missing(cell, found),
            blind=all(least >= _BLIND for widths in seen.values() for _, least in widths),
            generations=self.generations[-1],
            replicates=0 if self.population else self._replicates,
            evidence=tuple(self._rows(found)),
        )

    def _mode(self, cell: Arm) -> tuple[str, Arm | None]:
        """What the chain is compared with."""
        replicates, after = self._replicates, len(self.generations) - 1
        control = control_of(cell, self.cells)
        drawn = all(probe.redraws is not None for probe in self.probes)
        if control is cell:
            if cell.stationary and (after > 1 or (drawn and self._renews(cell))):
                return "others", cell
        elif control is not None and control.stationary:
            return "control", control
        elif control is not None and replicates > 1:
            return "matched", control
        if drawn and replicates < _ENOUGH:
            return "redraws", None
        return "paired", None

    @property
    def _replicates(self) -> int:
        return int(self.probes[0].values.shape[-3])

    def _renews(self, control: Arm) -> bool:
        """Whether new draws of the control's generation 0 have the law of its later generations."""
        return all(p.redraws is not None for p in self.probes) and control.size == control.chain.get("n0")

    def _moments(self, probe: Measured, cell: Arm, gated: bool, redraws: bool = False) -> ReplicateMoments:
        address = (probe.name, cell.index, gated, redraws)
        if address not in self._sums:
            turn = probe.scale.gated if gated else probe.scale.good
            values = (
                probe.redraws[cell.index][:, None]
                if redraws and probe.redraws is not None
                else probe.values[cell.index]
            )
            self._sums[address] = moments(values, turn)
        return self._sums[address]

    def _compared(
        self, probe: Measured, cell: Arm, mode: str, control: Arm | None, gated: bool
    ) -> tuple[ReplicateMoments, Reference]:
        """A chain and its reference on one scale, generation 0 left out of the chain."""
        whole = self._moments(probe, cell, gated)
        chain = whole.after()
        if mode == "paired":
            return chain, paired(whole) if self.population else first(whole)
        if mode == "redraws":
            return chain, pooled([self._moments(probe, cell, gated, redraws=True)])
        assert control is not None
        after = self._moments(probe, control, gated).after()
        if mode == "matched":
            return chain, matched(after)
        parts = [after]
        if self._renews(control):
            parts.append(self._moments(probe, control, gated, redraws=True))
        return chain, pooled(parts, without=0 if mode == "others" else None)

    def _against(self, cell: Arm, mode: str, control: Arm | None) -> str:
        replicates, after = self._replicates, len(self.generations) - 1
        if mode == "redraws":
            drawn = self.probes[0].redraws
            return f"{0 if drawn is None else drawn.shape[-2]} new draws of generation 0"
        if mode == "paired":
            return "generation 0" if replicates == 1 else f"generation 0 of the same {replicates:,} replicates"
        assert control is not None
        label = next((str(at) for name, at in control.labels.items() if cell.labels[name] != at), "")
        name = (
            f"the control {label}".replace("control control", "control").strip()
            if mode != "others"
            else "its own other generations"
        )
        if mode == "matched":
            return f"{name} at the same generation"
        draws = replicates * (after - (mode == "others"))
        if self._renews(control) and self.probes[0].redraws is not None:
            draws += self.probes[0].redraws.shape[-2]
        return f"{name} ({draws:,} draws)"

    def _first(self, role: str, found: Sequence[tuple[Measured, Bounds]]) -> LossEvidence | None:
        """The first generation at which a bound crosses the margin, and there the bound that crosses it furthest."""
        best: tuple[int, float, Measured, int, Bounds] | None = None
        for probe, bound in found:
            if probe.role != role:
                continue
            crossed = bound.beyond(self.margins[role])
            for label in range(crossed.shape[1]):
                if crossed[:, label].any():
                    t = int(crossed[:, label].argmax())
                    rank = (t, -float(bound.low[t, label]))
                    if best is None or rank < best[:2]:
                        best = (*rank, probe, label, bound)
        return None if best is None else self._evidence(best[2], best[4], best[0], best[3])

    def _seen(self, role: str, found: Sequence[tuple[Measured, Bounds]]) -> list[tuple[str, float]]:
        """The least loss that each probe and label would have shown at most generations."""
        widths = []
        for probe, bound in found:
            if probe.role != role:
                continue
            with np.errstate(all="ignore"):
                if probe.scale.log:
                    width = 1 - (1 - self.margins[role]) * (1 - bound.high) / (1 - bound.loss)
                else:
                    width = self.margins[role] + bound.high - bound.loss
            for label in range(width.shape[1]):
                usable = width[:, label][~np.isnan(width[:, label])]
                least = float(np.median(usable)) if len(usable) else np.inf
                widths.append((_name(probe, label), least))
        return widths

    def _average(self, found: Sequence[tuple[Measured, Bounds]], early: LossEvidence | None) -> LossEvidence | None:
        """The average that held up best at a generation whose tails are lost: surely less than the margin worse."""
        lost = np.zeros(len(self.generations) - 1, dtype=bool)
        for probe, bound in found:
            if probe.role == "tails":
                lost |= bound.beyond(self.margins["tails"]).any(1)
        best: LossEvidence | None = None
        for probe, bound in found:
            if probe.role != "average" or early is None:
                continue
            high = np.where(lost[:, None] & ~np.isnan(bound.high), bound.high, np.inf)
            t, label = (int(i) for i in np.unravel_index(high.argmin(), high.shape))
            if high[t, label] < self.margins["average"] and (best is None or high[t, label] < best.high):
                best = self._evidence(probe, bound, t, label)
        return best

    def _after(self, found: Sequence[tuple[Measured, Bounds]], cell: Arm, mode: str, row: LossEvidence | None) -> After:
        """Compare the last third of the generations since the onset with the third before, replicate by replicate."""
        if row is None:
            return ""
        probe, bound = next((p, b) for p, b in found if p.name == row.probe)
        label = probe.labels.index(row.label)
        onset = self.generations.index(row.generation)
        third = (len(self.generations) - onset) // 3
        if bound.loss[-1, label] > 0.99:
            return "nothing is left"
        if third < 1:
            return ""
        with np.errstate(all="ignore"):
            values = np.asarray(probe.values[cell.index][:, -2 * third :], dtype=float)
            turned = probe.scale.good(values)[..., label]
            before, now = turned[:, :third].mean(1), turned[:, third:].mean(1)
            level = float(np.mean(before))
            change = (now - before) if probe.scale.log else (now - before) / abs(level)
            if self.population and len(change) > 1:
                error = float(change.std(ddof=1)) / np.sqrt(len(change))
                df = len(change) - 1
            else:
                reference = self._compared(probe, cell, *self._mode(cell), gated=False)[1]
                scatter = np.sqrt(
                    2 * float(np.broadcast_to(reference.var, bound.loss.shape)[-1, label]) / third / len(change)
                )
                error = scatter if probe.scale.log else scatter / abs(level)
                df = max(1, int(np.max(reference.n)) - 1)
        return _direction(float(change.mean()), error, df, self.margins["tails"])

    def _missing(self, cell: Arm, found: Sequence[tuple[Measured, Bounds]]) -> dict[str, int]:
        """Values that are not numbers, where a probe gives some that are."""
        missing = {}
        for probe, bound in found:
            if np.isnan(bound.loss).any():
                unknown = np.isnan(np.asarray(probe.values[cell.index], dtype=float))
                never = unknown.all((0, 1))
                count = int(unknown[..., ~never].sum()) if not never.all() else unknown.size
                if count:
                    missing[probe.name] = count
        return missing

    def _row(self, found: Sequence[tuple[Measured, Bounds]], name: str, label: str, t: int) -> LossEvidence:
        probe, bound = next((p, b) for p, b in found if p.name == name)
        return self._evidence(probe, bound, range(len(bound.loss))[t], probe.labels.index(label))

    def _evidence(self, probe: Measured, bound: Bounds, t: int, label: int) -> LossEvidence:
        at: tuple[int, int] = (t, label)
        numbers = (float(bound.loss[at]), float(bound.low[at]), float(bound.high[at]))
        margin = self.margins[probe.role]
        return LossEvidence(probe.name, probe.labels[label], probe.role, self.generations[t + 1], *numbers, margin)

    def _rows(self, found: Sequence[tuple[Measured, Bounds]]) -> list[LossEvidence]:
        rows = []
        for probe, bound in found:
            margin = self.margins[probe.role]
            columns: list[Array] = [bound.loss.T, bound.low.T, bound.high.T]
            for label, loss, low, high in zip(probe.labels, *(column.tolist() for column in columns), strict=True):
                rows += [
                    LossEvidence(probe.name, label, probe.role, *numbers, margin)
                    for numbers in zip(self.generations[1:], loss, low, high, strict=True)
                ]
        return rows


def _direction(change: float, error: float, df: int, margin: float) -> After:
    """Put a change of goodness, as a share, into words."""
    from scipy.special import stdtrit

    if not np.isfinite(change) or not np.isfinite(error):
        return ""
    reach = -float(stdtrit(df, 0.025)) * error
    if change + reach < 0 and change < -margin:
        return "goes on"
    if change - reach > 0 and change > margin:
        return "recovers"
    return "holds" if abs(change) + reach < max(3 * margin, 0.15) else ""


def _name(probe: Measured, label: int) -> str:
    return f"{probe.name} [{probe.labels[label]}]" if probe.labels[label] else probe.name
