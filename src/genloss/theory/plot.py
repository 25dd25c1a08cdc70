"""A law drawn over what was measured, as SVG: no plotting library is needed."""

from html import escape

import numpy as np

from genloss.data import Floats
from genloss.theory.check import Check
from genloss.theory.laws import Law
from genloss.theory.ledger import curve, groups

_COLOURS = ("#2a6f97", "#c8553d", "#588157", "#8a5a9e", "#b08900", "#555555")
_WIDTH, _HEIGHT, _LEFT, _TOP = 380, 240, 62, 28
_RIGHT, _BOTTOM = _WIDTH - 12, _HEIGHT - 38


def draw(law: Law, seed: int = 0) -> str:
    """Verify a law and draw its prediction over the measurements, with intervals of five standard errors.

    Args:
        law: A law that is no single number.
        seed: The seed of the simulation.

    Returns:
        An SVG picture with one panel for each engine: lines are predicted, dots and bands measured.

    Raises:
        ValueError: For a law that predicts one number for a whole chain.
    """
    if law.scalar:
        raise ValueError(f"law {law.name}: predicts one number for a chain, and there is no curve to draw")
    checks = [check for group in groups([law]) for check in group.checks(seed)]
    panels = "".join(f'<g transform="translate({i * _WIDTH} 0)">{panel(c)}</g>' for i, c in enumerate(checks))
    size = f'width="{len(checks) * _WIDTH}" height="{_HEIGHT}"'
    style = 'font-family="sans-serif" font-size="11"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{panels}</svg>\n'


def panel(check: Check) -> str:
    """Draw one check in a box of 380 by 240."""
    lines = {name: np.reshape(values, (len(values), -1))[:, :6] for name, values in curve(check).items()}
    shown = np.concatenate([lines[name][np.isfinite(lines[name])] for name in ("predicted", "low", "high")])
    low, high = float(shown.min()), float(shown.max())
    high = high if high > low else low + 1
    steps = np.arange(len(lines["predicted"]))
    x = _LEFT + (_RIGHT - _LEFT) * steps / max(len(steps) - 1, 1)
    y = {name: _BOTTOM - (_BOTTOM - _TOP) * (values - low) / (high - low) for name, values in lines.items()}
    parts = [
        f'<text x="{_LEFT}" y="16">{escape(check.law.name)} ({check.engine})</text>',
        f'<path d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}" fill="none" stroke="#888"/>',
        f'<text x="{(_LEFT + _RIGHT) / 2:.0f}" y="{_HEIGHT - 8}" text-anchor="middle">generation</text>',
    ]
    for value in np.linspace(low, high, 4):
        height = _BOTTOM - (_BOTTOM - _TOP) * (value - low) / (high - low)
        parts.append(f'<text x="{_LEFT - 5}" y="{height + 4:.1f}" text-anchor="end">{value:.3g}</text>')
    for step in sorted({0, len(steps) // 2, len(steps) - 1}):
        parts.append(f'<text x="{x[step]:.1f}" y="{_BOTTOM + 14}" text-anchor="middle">{step}</text>')
    for j in range(lines["predicted"].shape[1]):
        colour = _COLOURS[j]
        band = [*zip(x, y["low"][:, j], strict=True), *reversed([*zip(x, y["high"][:, j], strict=True)])]
        parts.append(f'<polygon points="{_points(band)}" fill="{colour}" opacity="0.25"/>')
        known = np.isfinite(y["predicted"][:, j])
        line = zip(x[known], y["predicted"][known, j], strict=True)
        parts.append(f'<polyline points="{_points([*line])}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts += [
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2" fill="{colour}"/>' for a, b in _dots(x, y["measured"][:, j])
        ]
    return "".join(parts)


def _dots(x: Floats, y: Floats) -> list[tuple[float, float]]:
    """Every measured generation, or about forty of many."""
    step = max(1, len(x) // 40)
    return [(float(a), float(b)) for a, b in zip(x[::step], y[::step], strict=True) if np.isfinite(b)]


def _points(pairs: list[tuple[float, float]]) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in pairs if np.isfinite(b))
