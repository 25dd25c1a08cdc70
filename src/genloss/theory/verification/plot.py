"""A law drawn over what was measured, as SVG: no plotting library is needed."""

import itertools
import math
from collections.abc import Sequence
from html import escape

import numpy as np

from genloss.chain.data import Array, Floats
from genloss.theory.laws import SIGNS, Law
from genloss.theory.predict import subject
from genloss.theory.verification.check import SIGMAS, Check
from genloss.theory.verification.ledger import curve, groups

WIDTH, HEIGHT = 380, 240
_COLOURS = ("#2a6f97", "#c8553d", "#588157", "#8a5a9e", "#9a7400", "#555555")
_DASHES = {"exact": "", "asymptotic": "6 3", "upper bound": "1.5 3", "lower bound": "1.5 3"}
_LEFT, _TOP = 62, 30
_RIGHT, _BOTTOM = WIDTH - 12, HEIGHT - 38
_MOST = 6
_LETTER = 5.9
_HALO = 'paint-order="stroke" stroke="#fff" stroke-width="5"'


def draw(law: Law, seed: int = 0) -> str:
    """Verify a law and draw its prediction over the measurements, with intervals of five standard errors.

    Args:
        law: The law.
        seed: The seed of the simulation.

    Returns:
        An SVG picture with one panel for each engine: lines are predicted (dashed: asymptotic, dotted: bounds), dots
        and bands measured. Of a law that predicts one number, or something that is not a chain, the measurements lie
        beside the predictions.
    """
    checks = [check for group in groups([law]) for check in group.checks(seed)]
    panels = "".join(f'<g transform="translate({i * WIDTH} 0)">{picture(c)}</g>' for i, c in enumerate(checks))
    size = f'width="{len(checks) * WIDTH}" height="{HEIGHT}"'
    style = 'font-family="sans-serif" font-size="11"'
    title = f"<title>{escape(law.name)}</title>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{title}{panels}</svg>\n'


def picture(check: Check) -> str:
    """Draw one check in a box of 380 by 240: curves over generations, or single numbers."""
    curves = not check.law.scalar and check.engine != "direct" and len(check.predicted) > 1
    return panel(check) if curves else intervals(check)


def panel(check: Check) -> str:
    """Draw curves over generations; of a law with many labels six, from the first to the last."""
    names, columns = labels(check.law, np.shape(check.predicted)[1:])
    lines = {name: np.reshape(values, (len(values), -1))[:, columns] for name, values in curve(check).items()}
    shown = np.concatenate([lines[name][np.isfinite(lines[name])] for name in lines])
    ticks = _ticks(float(shown.min()), float(shown.max()))
    low, high = min(ticks[0], float(shown.min())), max(ticks[-1], float(shown.max()))
    right = _RIGHT - (0 if len(names) < 2 else int(_LETTER * max(map(len, names))) + 6)
    steps = np.arange(len(lines["predicted"]))
    x = _LEFT + (right - _LEFT) * steps / max(len(steps) - 1, 1)
    y = {name: _BOTTOM - (_BOTTOM - _TOP) * (values - low) / (high - low) for name, values in lines.items()}
    parts = [
        _title(check, _LEFT),
        f'<path d="M{_LEFT} {_TOP}V{_BOTTOM}H{right}" fill="none" stroke="#888"/>',
        f'<text x="{(_LEFT + right) / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">generation</text>',
    ]
    for value in ticks:
        height = _BOTTOM - (_BOTTOM - _TOP) * (value - low) / (high - low)
        parts.append(f'<text x="{_LEFT - 5}" y="{height + 4:.1f}" text-anchor="end">{_short(value)}</text>')
    for step in range(len(steps)) if len(steps) < 7 else (0, len(steps) // 2, len(steps) - 1):
        parts.append(f'<text x="{x[step]:.1f}" y="{_BOTTOM + 14}" text-anchor="middle">{step}</text>')
    dash = f' stroke-dasharray="{_DASHES[check.law.kind]}"' if _DASHES[check.law.kind] else ""
    for j in range(len(columns)):
        colour = _COLOURS[j]
        band = [*zip(x, y["low"][:, j], strict=True), *reversed([*zip(x, y["high"][:, j], strict=True)])]
        parts.append(f'<polygon points="{_points(band)}" fill="{colour}" opacity="0.25"/>')
        known = np.isfinite(y["predicted"][:, j])
        line = _points([*zip(x[known], y["predicted"][known, j], strict=True)])
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>')
        parts += [
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2" fill="{colour}"/>' for a, b in _dots(x, y["measured"][:, j])
        ]
    if len(names) > 1:
        parts += _ends(names, y["measured"][-1], right)
    return "".join(parts)


def labels(law: Law, shape: tuple[int, ...]) -> tuple[list[str], list[int]]:
    """Name the lines of a law: for each a label and its place among all; six at most, the first and the last included.

    Args:
        law: The law.
        shape: How many labels each of its dimensions has.
    """
    dims = [*law.dims, *(f"part {i}" for i in range(len(law.dims), len(shape)))]
    values = [
        [f"{level:g}" for level in law.levels] if len(law.levels) == size else [str(i) for i in range(size)]
        for dim, size in zip(dims, shape, strict=True)
    ]
    places = [*enumerate(itertools.product(*values))]
    if dims == ["row", "column"]:
        places = [(k, place) for k, place in places if int(place[0]) <= int(place[1])]
    some = [places[round(i)] for i in np.linspace(0, len(places) - 1, min(_MOST, len(places)))]
    said = [", ".join(f"{dim} {value}" for dim, value in zip(dims, place, strict=True)) for _, place in some]
    return said, [k for k, _ in some]


def intervals(check: Check) -> str:
    """Draw single numbers: one on its own axis, several as their distance from the prediction in standard errors."""
    predicted = np.atleast_1d(check.predicted).ravel()[:8]
    measured = np.atleast_1d(check.measured).ravel()[:8]
    error = np.broadcast_to(np.atleast_1d(check.error).ravel()[: len(measured)], measured.shape)
    if len(measured) == 1:
        zero, middle, width = float(predicted[0]), measured, SIGMAS * error
        unit = "generation" if "first passage" in subject(check.law) else "value"
    else:
        z = np.where(error > 0, (measured - predicted) / np.where(error > 0, error, 1), 0.0)
        zero, middle, width = 0.0, np.nan_to_num(z), np.full(len(z), SIGMAS)
        unit = "standard errors from the prediction"
    reach = 1.15 * float(max(np.abs(middle - zero + width).max(), np.abs(middle - zero - width).max())) or 1.0
    low, high = zero - reach, zero + reach
    left, right, top, bottom = 24, WIDTH - 24, 44, HEIGHT - 44

    def x(value: float) -> float:
        return left + (right - left) * (value - low) / (high - low)

    parts = [
        _title(check, left),
        f'<path d="M{x(zero):.1f} {top - 12}V{bottom}" stroke="#2a6f97" stroke-width="1.5"/>',
        f'<path d="M{left} {bottom}H{right}" stroke="#888"/>',
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(unit)}</text>',
    ]
    for tick in _ticks(low, high):
        if low <= tick <= high:
            parts.append(f'<text x="{x(tick):.1f}" y="{bottom + 15}" text-anchor="middle">{_short(tick)}</text>')
    sign = SIGNS.get(check.law.kind, "")
    for i, (said, found) in enumerate(zip(predicted.tolist(), measured.tolist(), strict=True)):
        y = top + (bottom - top) * (i + 0.5) / len(measured)
        words = f"predicted {sign}{_short(said, 5)}, measured {_short(found, 5)}"
        begin, end = x(float(middle[i] - width[i])), x(float(middle[i] + width[i]))
        parts += [
            f'<path d="M{begin:.1f} {y:.1f}H{end:.1f}" stroke="#c8553d" stroke-width="2"/>',
            f'<circle cx="{x(float(middle[i])):.1f}" cy="{y:.1f}" r="3" fill="#c8553d"/>',
            f'<text x="{WIDTH / 2}" y="{y - 6:.1f}" text-anchor="middle" {_HALO}>{escape(words)}</text>',
        ]
    return "".join(parts)


def _title(check: Check, left: int) -> str:
    how = "an experiment of its own" if check.engine == "direct" else f"{check.engine} engine"
    words = f"{subject(check.law)} ({how})"
    room = int((WIDTH - left - 4) / _LETTER)
    return f'<text x="{left}" y="16">{escape(words if len(words) <= room else words[: room - 1] + "…")}</text>'


def _ends(names: Sequence[str], places: Floats, right: int) -> list[str]:
    """Name lines at their ends, in their colours; the names keep apart."""
    heights = np.where(np.isfinite(places), places, _BOTTOM)
    order = np.argsort(heights, kind="stable")
    found = heights.astype(float).copy()
    for before, after in itertools.pairwise(order):
        found[after] = max(found[after], found[before] + 12)
    last = _BOTTOM + 4.0
    for k in reversed(order):
        last = found[k] = min(found[k], last)
        last -= 12
    return [
        f'<text x="{right + 5}" y="{found[k] + 4:.1f}" fill="{_COLOURS[k]}">{escape(name)}</text>'
        for k, name in enumerate(names)
    ]


def _ticks(low: float, high: float) -> Array:
    """Choose three to six round numbers from low to high, or a little beyond."""
    if not high > low:
        low, high = low - 0.5 * (abs(low) or 1), low + 0.5 * (abs(low) or 1)
    raw = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(size for size in (1, 2, 2.5, 5, 10) if size * power >= raw * 0.999)
    return np.arange(math.floor(low / step + 0.25), math.ceil(high / step - 0.25) + 1) * step


def _short(value: float, digits: int = 4) -> str:
    if math.isnan(value):
        return "not known"
    return f"{value:.{digits}g}".replace("-", "−") if math.isfinite(value) else "infinite"


def _dots(x: Floats, y: Floats) -> list[tuple[float, float]]:
    """Every measured generation, or about forty of many."""
    step = max(1, len(x) // 40)
    return [(float(a), float(b)) for a, b in zip(x[::step], y[::step], strict=True) if np.isfinite(b)]


def _points(pairs: list[tuple[float, float]]) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in pairs if np.isfinite(b))
