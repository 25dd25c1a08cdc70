"""The picture of a share over time and by group."""

from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

from genloss.errors import SpecError
from genloss.plain.words import percent


class _Drawable(Protocol):
    """What is drawn of a share: a `Prevalence`."""

    @property
    def share(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def level(self) -> float: ...
    @property
    def rows(self) -> int: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...


class _Divided(_Drawable, Protocol):
    """The same with its parts."""

    @property
    def groups(self) -> Mapping[Hashable, _Drawable]: ...
    @property
    def times(self) -> Mapping[Hashable, _Drawable]: ...


_INK, _FAINT, _LINE, _GONE = "#1f2328", "#5f6670", "#2f6fb0", "#b9bfc7"
_SIZE = 7.5


def shares(estimate: _Divided) -> Any:
    """Draw shares with their intervals: over time, by group, or the one of the corpus.

    Times run to the right, groups stand one below the other, and a dotted line marks the share of all together. A
    hollow point has a warning; a part whose share cannot be known is a pale line without a point.

    Returns:
        A matplotlib Figure that belongs to no window; notebooks show it.

    Raises:
        SpecError: If matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise SpecError("prevalence: the picture needs matplotlib; install genloss[report]") from None
    parts = [name for name in ("times", "groups") if getattr(estimate, name)] or ["all"]
    held: list[Mapping[Hashable, _Drawable]] = [getattr(estimate, name, {"all": estimate}) for name in parts]
    widths = [2.2 + 0.3 * max(len(part), 6) if name == "times" else 4.2 for name, part in zip(parts, held, strict=True)]
    tall = [0.9 + 0.26 * len(part) if name != "times" else 3.0 for name, part in zip(parts, held, strict=True)]
    figure = Figure(figsize=(sum(widths), max(1.4, *tall)), layout="constrained")
    axes = figure.subplots(1, len(parts), squeeze=False, width_ratios=widths)[0]
    for ax, name, part in zip(axes, parts, held, strict=True):
        (_over_time if name == "times" else _by_group)(ax, part, estimate.share)
        ax.tick_params(colors=_FAINT, labelsize=_SIZE)
        ax.spines[["top", "right"]].set_visible(False)
    level = f"{estimate.level:.0%} interval{'s' if estimate.times or estimate.groups else ''}"
    title = (
        f"synthetic share: {estimate.share:.1%} of all, {level}"
        if estimate.share == estimate.share
        else "synthetic share"
    )
    figure.suptitle(title, x=0.01, ha="left", fontsize=9, color=_INK)
    return figure


def _over_time(ax: Any, part: Mapping[Hashable, _Drawable], whole: float) -> None:
    each = list(part.values())
    x = _places(list(part))
    nan = float("nan")
    middle = [nan if _unknown(one) else one.share for one in each]
    ends = [[nan if _unknown(one) else end for one, end in zip(each, which, strict=True)] for which in _ends(each)]
    ax.fill_between(x, *ends, color=_LINE, alpha=0.18, lw=0)
    ax.plot(x, middle, color=_LINE, lw=1.4)
    # A time between two that cannot be known has no band of its own.
    ax.vlines(x, *ends, color=_LINE, lw=0.8, alpha=0.6)
    top = _top(each)
    ax.vlines([i for i, one in zip(x, each, strict=True) if _unknown(one)], 0, top, color=_GONE, lw=1.2)
    for face, at, label in _points(each):
        point = {"ms": 4.2, "color": _LINE, "mfc": face, "clip_on": False}
        ax.plot([x[i] for i in at], [middle[i] for i in at], "o", label=label, **point)
    ax.axhline(whole, color=_FAINT, lw=0.8, ls=":")
    ax.set_xticks(x, [str(label) for label in part], rotation=_turned(part), ha="center", parse_math=False)
    ax.set_ylim(0, top)
    ax.yaxis.set_major_formatter(_tick)
    _legend(ax, each)


def _by_group(ax: Any, part: Mapping[Hashable, _Drawable], whole: float) -> None:
    each = list(part.values())
    y = list(range(len(each)))
    low, high = _ends(each)
    top = _top(each)
    known = [i for i in y if not _unknown(each[i])]
    ax.hlines(known, [low[i] for i in known], [high[i] for i in known], color=_LINE, lw=1.6)
    ax.hlines([i for i in y if i not in known], 0, top, color=_GONE, lw=1.2)
    for face, at, label in _points(each):
        point = {"ms": 4.8, "color": _LINE, "mfc": face, "clip_on": False}
        ax.plot([each[i].share for i in at], at, "o", label=label, **point)
    ax.axvline(whole, color=_FAINT, lw=0.8, ls=":")
    names = [f"{_short(str(label))}  ({one.rows:,} rows)" for label, one in part.items()]
    ax.set_yticks(y, names, parse_math=False)
    ax.set_ylim(len(each) - 0.5, -0.5)
    ax.set_xlim(0, top)
    ax.xaxis.set_major_formatter(_tick)
    _legend(ax, each)


def _points(each: Sequence[_Drawable]) -> list[tuple[str, list[int], str | None]]:
    """The points without and with a warning: how they are filled, which they are, what the legend says."""
    known = [i for i, one in enumerate(each) if not _unknown(one)]
    sure = [i for i in known if not each[i].warnings]
    doubted = [i for i in known if each[i].warnings]
    return [(_LINE, sure, None), *([("white", doubted, "with a warning")] if doubted else [])]


def _legend(ax: Any, each: Sequence[_Drawable]) -> None:
    """Say what hollow points and pale lines are, above the panel and out of the way."""
    if any(map(_unknown, each)):
        ax.plot([], [], color=_GONE, lw=1.2, label="cannot be known")
    if ax.get_legend_handles_labels()[0]:
        settings = {"frameon": False, "fontsize": _SIZE, "labelcolor": _FAINT, "ncols": 2, "borderpad": 0.0}
        ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), **settings)


def _unknown(one: _Drawable) -> bool:
    return one.share != one.share or (one.low <= 0 and one.high >= 1)


def _ends(each: Sequence[_Drawable]) -> tuple[list[float], list[float]]:
    return [one.low for one in each], [one.high for one in each]


def _top(each: Sequence[_Drawable]) -> float:
    """Where the axis of shares ends: what cannot be known does not stretch it."""
    known = [one.high for one in each if not _unknown(one)]
    return min(1.0, max(0.05, 1.08 * max(known))) if known else 1.0


def _places(names: Sequence[Hashable]) -> list[float]:
    """Where times stand: numbers at their value, unless two would touch; names one after the other."""
    numbers = [float(name) for name in names if isinstance(name, (int, float)) and not isinstance(name, bool)]
    if len(numbers) == len(names) > 1:
        gaps = [after - before for before, after in pairwise(numbers)]
        if min(gaps) > (numbers[-1] - numbers[0]) / 40:
            return numbers
    return [float(i) for i in range(len(names))]


def _turned(part: Mapping[Hashable, Any]) -> int:
    """Upright labels where they would run into each other."""
    return 90 if sum(len(str(label)) + 2 for label in part) > 5 * max(len(part), 6) + 20 or len(part) > 12 else 0


def _short(text: str) -> str:
    return text if len(text) <= 28 else text[:27] + "…"


def _tick(value: float, _: int) -> str:
    return percent(value, 1)


def written(figure: Any, kind: str) -> bytes:
    """Write a figure as "png", "svg" or "pdf"; the same shares make the same file."""
    import io

    from matplotlib import rc_context

    sink = io.BytesIO()
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with rc_context({"svg.hashsalt": "genloss"}):
        figure.savefig(sink, format=kind, dpi=150, metadata=undated)
    return sink.getvalue()
