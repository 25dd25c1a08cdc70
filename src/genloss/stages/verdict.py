"""When collapse begins: the first generation that has lost its tails, and the first that has lost its spread."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, overload

from genloss.errors import SpecError
from genloss.stages import sentences as words
from genloss.stages.judging import After, Judge, LossEvidence, Ruling
from genloss.stages.series import cells_of, generations_of, measured

if TYPE_CHECKING:
    import xarray as xr

StageName = Literal["no collapse", "early collapse", "late collapse", "undecided"]


@dataclass(frozen=True)
class Stage:
    """What became of one chain.

    Attributes:
        chain: Where it stands on the grid: dimension and label.
        stage: "no collapse", "early collapse" (the tails go), "late collapse" (the spread is gone), or "undecided"
            where even a loss of nearly everything could not have been shown.
        early: The first generation whose loss of tails is beyond doubt and beyond the margin; None for none.
        late: The same for the spread.
        after: What the loss does afterwards: "goes on", "holds", "recovers", "nothing is left", or "" where that
            cannot be determined.
        masked: Whether an average held or improved at a generation whose tails were lost.
        control: Whether it trains on fresh real data only.
        against: What it was compared with, in words.
        text: The verdict in plain sentences with figures.
        rests_on: The rows that decided: at the early and at the late generation.
        evidence: Every row: probe by probe, label by label, generation by generation.
    """

    chain: Mapping[str, Any]
    stage: StageName
    early: int | None
    late: int | None
    after: After
    masked: bool
    control: bool
    against: str
    text: str
    rests_on: tuple[LossEvidence, ...] = field(repr=False)
    evidence: tuple[LossEvidence, ...] = field(repr=False)


@dataclass(frozen=True, repr=False)
class Stages(Sequence[Stage]):
    """The stages of all chains of a result, in the order of the grid.

    Attributes:
        stages: One a chain.
        alpha: The chance that a chain which keeps what its reference has is called collapsed, held over all its probes,
            labels and generations together.
        tail_margin: The share of a tail probe that must be lost for early collapse.
        spread_margin: The share of a spread probe that must be lost for late collapse.
        population: Whether the bounds speak of all chains that could have run, or of the replicates at hand.
        comparisons: How many lower bounds are held at once in one chain.
    """

    stages: tuple[Stage, ...]
    alpha: float
    tail_margin: float
    spread_margin: float
    population: bool
    comparisons: int

    @overload
    def __getitem__(self, index: int) -> Stage: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Stage, ...]: ...
    def __getitem__(self, index: int | slice) -> Stage | tuple[Stage, ...]:
        return self.stages[index]

    def __len__(self) -> int:
        return len(self.stages)

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages)

    def of(self, **labels: Any) -> Stage:
        """The stage of the chain with these labels.

        Raises:
            SpecError: If no chain, or more than one, has them.

        Example:
            >>> import genloss as gl
            >>> chains = {"loop": gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(10), 10)}
            >>> result = gl.run(chains, {"var": gl.probes.variance}, generations=30, replicates=200, engine="exact")
            >>> stages(result).of(chain="loop").stage
            'late collapse'
        """
        found = [one for one in self.stages if all(one.chain.get(name) == label for name, label in labels.items())]
        if len(found) != 1:
            raise SpecError(f"stages: {len(found)} chains have the labels {labels}; ask for one")
        return found[0]

    def __str__(self) -> str:
        return words.table(self)

    def __repr__(self) -> str:
        return words.table(self)

    def _repr_html_(self) -> str:
        return words.html_table(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; bounds that do not exist are None."""
        return _plain(asdict(self))  # type: ignore[no-any-return]


def stages(
    result: "xr.Dataset",
    *,
    alpha: float = 0.05,
    tail_margin: float = 0.05,
    spread_margin: float = 0.5,
    population: bool | None = None,
) -> Stages:
    """Say for every chain of a result when early and late collapse begin, with the evidence.

    Early collapse begins at the first generation at which a probe with the role "tails" has lost more than
    `tail_margin`, late collapse at the first at which a probe with the role "spread" has lost more than
    `spread_margin`: lost beyond doubt, that is by the lower confidence bound, all bounds of a chain held at once
    (Bonferroni). The loss is measured against the control, a chain of the same result with the same source, learner
    and rows a generation that retrains on fresh real data; without one against new draws of generation 0, or against
    generation 0 of the same replicates. A control is compared with its own other generations. The definition and its
    reasons are in docs/explanation/stages.md.

    Args:
        result: What `run` or `load` returned.
        alpha: The chance of a false alarm in a chain.
        tail_margin: The least loss of tails that counts, as a share.
        spread_margin: The least loss of spread that counts, as a share.
        population: Whether the bounds speak of the mean over all chains that could have run, for which the replicates'
            own scatter counts; else they speak of the replicates at hand, for which the scatter of fresh fits counts.
            By default True from 100 replicates on.

    Raises:
        SpecError: If the result has no probe of tails or spread, or a margin makes no sense.

    References:
        Shumailov et al. 2024, Nature 631, 755-759: early and late collapse.
    """
    if not 0 < alpha < 0.5:
        raise SpecError(f"stages: alpha = {alpha!r}; give a chance above 0 and below 0.5")
    for name, margin in (("tail_margin", tail_margin), ("spread_margin", spread_margin)):
        if not 0 <= margin < 1:
            raise SpecError(f"stages: {name} = {margin!r}; give a share from 0 to below 1")
    generations = generations_of(result)
    cells = cells_of(result)
    probes = list(measured(result, tuple(cells[0].labels)))
    if not any(probe.role in ("tails", "spread") for probe in probes):
        raise SpecError(
            "stages: no probe of tails or spread was measured; add one to the run, "
            "such as genloss.probes.TailRatio() and genloss.probes.variance"
        )
    judge = Judge(cells, probes, generations, alpha, tail_margin, spread_margin, population)
    found = tuple(_stage(judge.rule(cell)) for cell in cells)
    return Stages(found, alpha, tail_margin, spread_margin, judge.population, judge.comparisons)


def _stage(ruling: Ruling) -> Stage:
    early, late = ruling.early, ruling.late
    name: StageName = "no collapse"
    if late is not None:
        name = "late collapse"
    elif early is not None:
        name = "early collapse"
    elif ruling.blind:
        name = "undecided"
    return Stage(
        chain=dict(ruling.cell.labels),
        stage=name,
        early=early.generation if early else None,
        late=late.generation if late else None,
        after=ruling.after,
        masked=ruling.average is not None,
        control=ruling.cell.control,
        against=ruling.against,
        text=words.sentences(ruling),
        rests_on=tuple(row for row in (early, late) if row is not None),
        evidence=ruling.evidence,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value


__all__ = ["LossEvidence", "Stage", "Stages", "stages"]
