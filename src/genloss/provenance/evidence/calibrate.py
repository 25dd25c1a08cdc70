"""Calibration: the cut above which at most a stated share of human text is flagged, for everyone and for each group."""

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from genloss.chain.data import Array, Data, Floats
from genloss.chain.protocols import Detector
from genloss.errors import SpecError
from genloss.provenance.evidence.accuracy import Rate, binomial_interval, flagged, is_share
from genloss.provenance.evidence.scores import Scores, checked_scores, labels


@dataclass(frozen=True)
class GroupCut:
    """What calibration gives one group of human text, and what it costs.

    Attributes:
        rows: How many human scores of the group there are.
        cut: Rows of this group that score at the cut or above are flagged; infinite where too few finite human scores
            are known to flag any row with the guarantee: then none is, not even one whose score is infinite.
        shared_rate: The share of the group's human text that the cut for all groups together flags, with an interval:
            above the target, this group pays for the others.
        power: The share of synthetic text that the group's own cut flags; None if no synthetic scores were given.
        shared_power: The share of synthetic text that the cut for all groups flags; None likewise.
    """

    rows: int
    cut: float
    shared_rate: Rate
    power: Rate | None = None
    shared_power: Rate | None = None


@dataclass(frozen=True, eq=False)
class Calibration:
    """Cuts with a guarantee: human text is flagged at most so often.

    The guarantee is that of split conformal prediction: for a new human row exchangeable with the reference (for a row
    of a new cluster, where clusters were given), the chance that it is flagged is at most `fpr`, over the draw of
    the reference and of the row, whatever the law of scores is. With groups it holds within each group.

    Attributes:
        fpr: The target.
        cut: The cut for all groups together; without groups, the cut. Infinite where nothing is flagged.
        human: The human reference.
        confidence: The chance, over the draw of the reference, with which the true rate of flagged human text lies at
            or below `fpr`; None where only the mean over references does.
        groups: What each group gets; empty if there are none.
        power: The share of synthetic text that the cuts flag; None if no synthetic scores were given.
        unguarded_power: The share of synthetic text that a cut at the plain quantile of the reference would flag, which
            gives no guarantee: the difference is the price.
        warnings: What speaks against using the cuts, one sentence each.
    """

    fpr: float
    cut: float
    human: Scores = field(repr=False)
    confidence: float | None = None
    groups: Mapping[Hashable, GroupCut] = field(default_factory=dict)
    power: Rate | None = None
    unguarded_power: Rate | None = None
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        power = f", finds {self.power.rate:.1%} of synthetic rows" if self.power else ""
        lines = [f"flag scores from {self.cut:.6g} on: at most {self.fpr:.3g} of human rows{power}"]
        for label, group in self.groups.items():
            found = f", finds {group.power.rate:.1%}" if group.power else ""
            shared = f"the cut for all flags {group.shared_rate.rate:.3g} of its human rows"
            lines.append(f"  {label}: from {group.cut:.6g} on{found}; {shared}")
        return "\n".join(lines + [f"warning: {each}" for each in self.warnings])

    def flags(self, scores: Any, groups: Any = None) -> Array:
        """Say which rows are flagged: with groups, by the cut of each row's group.

        Raises:
            SpecError: If scores are NaN, or a group was not calibrated.
        """
        found = checked_scores(scores, "calibration.scores")
        named = labels(groups, len(found), "calibration.groups")
        if named is None:
            return flagged(found, self.cut)
        cuts = np.full(len(named.names), math.inf)
        for label in named.held:
            cuts[named.known.index(label)] = self._group(label).cut
        return flagged(found, cuts[named.codes])

    def p_values(self, scores: Any, groups: Any = None) -> Floats:
        """The conformal p-value of each row: how likely a human row (of its group) scores as high or higher.

        A row is flagged by `flags` exactly where its p-value is at most `fpr` (without `confidence`).

        Raises:
            SpecError: If scores are NaN, or a group was not calibrated.
        """
        found = checked_scores(scores, "calibration.scores")
        named = labels(groups, len(found), "calibration.groups")
        if named is None:
            return _p_values(found, self.human)
        p = np.empty(len(found))
        for label in named.held:
            self._group(label)
            p[named.where(label)] = _p_values(found[named.where(label)], self.human.of_group(label))
        return p

    def _group(self, label: Hashable) -> GroupCut:
        if label not in self.groups:
            known = ", ".join(map(str, self.groups)) or "none"
            raise SpecError(f"calibration.groups: group {label!r} was not calibrated; known: {known}")
        return self.groups[label]


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A detector whose score is less the conformal p-value, so that one cut serves every detector and every group.

    `Below(Calibrated(detector, calibration), -0.01)` leaves out at most 1% of human rows, of each group where
    `group_of` is given.

    Attributes:
        detector: The detector that was calibrated.
        calibration: What `calibrate` gave for its scores of human rows.
        group_of: Gives the group of each row of data; None for no groups.
    """

    detector: Detector
    calibration: Calibration
    group_of: Callable[[Data], Any] | None = None

    def score(self, data: Data) -> Floats:
        """Score each row: from -1 (human) to just below 0."""
        groups = None if self.group_of is None else self.group_of(data)
        return -self.calibration.p_values(self.detector.score(data), groups)


def calibrate(
    human_scores: Any,
    fpr: float = 0.01,
    *,
    groups: Any = None,
    clusters: Any = None,
    synthetic_scores: Any = None,
    synthetic_groups: Any = None,
    confidence: float | None = None,
    level: float = 0.95,
) -> Calibration:
    """Find the cut above which at most a share `fpr` of human text is flagged.

    The cut lies just above the ceil((m + 1)(1 - fpr))-th smallest of m human scores (split conformal prediction, Vovk
    et al. 2005), which holds the chance of a false flag at or below `fpr` for any law of scores. A cut for all hides
    who is flagged: with `groups`, each group gets a cut from its own human text (Mondrian conformal prediction, Vovk
    2003), and the result says what the cut for all would have done to it. With `clusters`, every cluster counts alike
    and the guarantee is for a row of a new cluster (hierarchical conformal prediction, Lee, Barber and Willett
    2306.06342).

    The guarantee is a mean over references: with one reference the true rate is Beta distributed around it. With
    `confidence`, the cut is raised until the true rate is at most `fpr` with that chance (Wilks 1941).

    Args:
        human_scores: Scores of rows that are known to be human, that did not train the detector.
        fpr: The target, above 0 and below 1.
        groups: The group of each human score.
        clusters: The cluster of each human score.
        synthetic_scores: Scores of rows that are known to be synthetic, to say what the guarantee costs.
        synthetic_groups: The group of each synthetic score; without, all are used for each group.
        confidence: The chance over references that the guarantee is to hold with; None for their mean.
        level: The confidence of the intervals of rates.

    Raises:
        SpecError: If scores are missing or NaN, or a setting is out of range.

    Example:
        >>> import numpy as np
        >>> calibrate(np.arange(99.0), fpr=0.1).flags([88.0, 89.0, 90.0])
        array([False, False,  True])
    """
    is_share(fpr, "calibrate.fpr")
    is_share(level, "calibrate.level")
    if confidence is not None:
        is_share(confidence, "calibrate.confidence")
        if clusters is not None:
            raise SpecError(
                "calibrate.confidence: is known for independent rows only; leave clusters or confidence out"
            )
    human = Scores.of(human_scores, clusters, groups, "calibrate", "human_")
    synthetic = None
    if synthetic_scores is not None:
        synthetic = Scores.of(synthetic_scores, None, synthetic_groups, "calibrate", "synthetic_")
    elif synthetic_groups is not None:
        raise SpecError("calibrate.synthetic_groups: there are no synthetic_scores; give both or neither")
    cut = _cut(human, fpr, confidence)
    warnings = _too_small(human, fpr, confidence, cut, "the human reference")
    found: dict[Hashable, GroupCut] = {}
    if human.groups is not None:
        for label in human.groups.held:
            mine = human.of_group(label)
            own = _cut(mine, fpr, confidence)
            warnings += _too_small(mine, fpr, confidence, own, f"group {label!r}")
            rates: list[Rate | None] = [None, None]
            if synthetic is not None:
                made = synthetic if synthetic.groups is None else synthetic.of_group(label)
                rates = [_rate(made, each, level) if len(made) else None for each in (own, cut)]
            shared = _rate(mine, cut, level)
            found[label] = GroupCut(len(mine), own, shared, *rates)
            if shared.low > fpr:
                warnings.append(
                    f"the cut for all flags {shared.rate:.2%} of the human rows of group {label!r}, more than "
                    f"{fpr:.2%}; flag by group"
                )
    power: Rate | None = None
    unguarded: Rate | None = None
    if synthetic is not None:
        power = _rate(synthetic, cut, level)
        unguarded = _rate(synthetic, float(np.quantile(human.values, 1 - fpr, method="inverted_cdf")), level)
    return Calibration(fpr, cut, human, confidence, found, power, unguarded, tuple(warnings))


def _cut(human: Scores, fpr: float, confidence: float | None) -> float:
    """The smallest number above which at most the target share is flagged, with the guarantee."""
    if confidence is not None:
        return _above(np.sort(human.values), _order(len(human), fpr, confidence))
    order = np.argsort(human.values, kind="stable")
    weight = human.weights[order]
    # Added up from the top, exactly as p-values are: the p-value of a row at each score, and of one above all.
    p = (1 + np.concatenate([np.cumsum(weight[::-1])[::-1], [0.0]])) / (human.count + 1)
    small = np.flatnonzero(p <= fpr)
    return _above(human.values[order], int(small[0]) if len(small) else len(human) + 1)


def _above(ordered: Floats, kept: int) -> float:
    """A cut just above the first `kept` scores; infinite if a new row above all of them may not be flagged."""
    if kept > len(ordered):
        return math.inf
    return float(np.nextafter(ordered[kept - 1], math.inf))


def _order(rows: int, fpr: float, confidence: float) -> int:
    """How many human scores lie below the cut: the true rate above the k-th is Beta(rows + 1 - k, k) distributed."""
    from scipy.stats import beta

    k = np.arange(1, rows + 1)
    enough = np.flatnonzero(beta.cdf(fpr, rows + 1 - k, k) >= confidence)
    return int(k[enough[0]]) if len(enough) else rows + 1


def _p_values(scores: Floats, human: Scores) -> Floats:
    order = np.argsort(human.values, kind="stable")
    total = np.concatenate([np.cumsum(human.weights[order][::-1])[::-1], [0.0]])
    at = np.searchsorted(human.values[order], scores, side="left")
    return (1 + total[at]) / (human.count + 1)


def _rate(scores: Scores, cut: float, level: float) -> Rate:
    found = int(flagged(scores.values, cut).sum())
    return Rate(found / len(scores), *binomial_interval(found, len(scores), level))


def _too_small(human: Scores, fpr: float, confidence: float | None, cut: float, name: str) -> list[str]:
    if cut < math.inf:
        return []
    least = math.ceil(1 / fpr - 1 - 1e-9)
    if confidence is not None:
        least = math.ceil(math.log1p(-confidence) / math.log1p(-fpr))
    units = "rows" if human.clusters is None else "clusters"
    if human.count >= least:
        endless = float((human.values == math.inf).mean())
        return [
            f"infinite scores of {name} ({endless:.1%} of its rows) leave no cut for a rate of {fpr:.3g}; nothing is "
            "flagged"
        ]
    return [
        f"{name} is too small for a rate of {fpr:.3g}: {human.count} {units}, and {least} are the fewest that allow a "
        "flag; nothing is flagged"
    ]
