"""The picture of a share over time and by group."""

from typing import TYPE_CHECKING, Any

from genloss.errors import SpecError

if TYPE_CHECKING:
    from genloss.provenance.prevalence import Prevalence

_INK, _FAINT, _LINE = "#1f2328", "#5f6670", "#2f6fb0"


def shares(found: "Prevalence") -> Any:
    """Draw shares with their intervals: over time, by group, or the one of the corpus.

    Returns:
        A matplotlib Figure that belongs to no window; notebooks show it.

    Raises:
        SpecError: Where matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise SpecError("prevalence: the picture needs matplotlib; install genloss[report]") from None
    parts: list[tuple[str, dict[str, Prevalence]]] = [
        (name, {str(label): each for label, each in getattr(found, name).items()})
        for name in ("times", "groups")
        if getattr(found, name)
    ] or [("corpus", {"corpus": found})]
    figure = Figure(figsize=(sum(_width(part) for _, part in parts), 3.0), layout="constrained")
    axes = figure.subplots(1, len(parts), squeeze=False, width_ratios=[_width(part) for _, part in parts])[0]
    for ax, (name, part) in zip(axes, parts, strict=True):
        x = range(len(part))
        middle = [each.share for each in part.values()]
        low, high = ([getattr(each, end) for each in part.values()] for end in ("low", "high"))
        if name == "times":
            ax.fill_between(x, low, high, color=_LINE, alpha=0.18, lw=0)
            ax.plot(x, middle, color=_LINE, lw=1.6)
        ax.vlines(x, low, high, color=_LINE, lw=1.2)
        sure = [not each.warnings for each in part.values()]
        for good, face in ((True, _LINE), (False, "white")):
            at = [i for i in x if sure[i] == good]
            label = None if good or not at else "with a warning"
            ax.plot(at, [middle[i] for i in at], "o", ms=4.5, color=_LINE, mfc=face, label=label)
        if not all(sure):
            ax.legend(frameon=False, fontsize=7, labelcolor=_FAINT)
        ax.axhline(found.share, color=_FAINT, lw=0.8, ls=":")
        ax.set_xticks(list(x), list(part), rotation=90 if len(part) > 8 else 0, fontsize=7.5, parse_math=False)
        ax.set_ylim(0, max(0.05, 1.08 * max([v for v in high if v == v] or [1])))
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        ax.tick_params(colors=_FAINT, labelsize=7.5)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(f"synthetic share, {found.level:.0%} interval", fontsize=8, color=_INK)
    return figure


def _width(part: dict[str, "Prevalence"]) -> float:
    return 1.6 + 0.32 * max(len(part), 3)
