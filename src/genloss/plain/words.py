"""Labels, numbers and lists in words that no text from data can turn into markup, formulas or control codes."""

import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def clean(text: Any, limit: int | None = None) -> str:
    """Make text from data fit for XML and for one line: control codes become visible, white space single spaces.

    Args:
        text: Anything; it is turned into text.
        limit: The number of characters to keep, an ellipsis included.
    """
    found = " ".join(_UNFIT.sub(_visible, str(text)).split())
    if limit is not None and len(found) > limit:
        found = found[: max(limit - 1, 1)].rstrip() + "…"
    return found


def visible(text: str) -> str:
    """Make control codes visible and keep lines and spaces as they are."""
    return _UNFIT.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"


def label_of(value: Any) -> str:
    """Name a label of a grid: numbers short, descriptions of parts as words."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            return clean(value)
    if isinstance(value, dict):
        kind = str(value.get("kind", "")).replace("-", " ")
        rest = ", ".join(f"{name} {label_of(part)}" for name, part in value.items() if name != "kind")
        return clean(f"{kind} ({rest})" if kind and rest else kind or rest)
    if hasattr(value, "item"):
        value = value.item()
    return f"{value:g}" if isinstance(value, float) else clean(value)


def number(x: float) -> str:
    """Write a number with three significant digits, powers of ten where it is very large or small."""
    x = float(x)
    if math.isnan(x):
        return "not known"
    if math.isinf(x):
        return "infinite" if x > 0 else "minus infinite"
    if x == 0 or 1e-3 <= abs(x) < 1e5:
        return f"{x:.3g}" if abs(x) < 1000 else f"{x:.0f}"
    mantissa, exponent = f"{x:.2e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    power = f"10{str(int(exponent)).translate(_SUPERSCRIPT)}"
    return power if mantissa == "1" else f"{mantissa}×{power}"


def percent(share: float, digits: int | None = None) -> str:
    """Write a share as a percentage.

    Args:
        share: The share; 1 is 100%.
        digits: Digits after the point, zeros left out; None for one below 10% and none above, where small shares are
            not rounded to nothing.
    """
    if not math.isfinite(share):
        return "?"
    points = 100 * share
    if points > 999:
        return ">999%"
    if digits is None and 0 < points < 0.1:
        return "<0.1%"
    if 99.95 < points < 100:
        return "over 99.9%"
    if digits is None:
        digits = 0 if points >= 9.95 else 1
    text = f"{points:.{0 if abs(points) >= 99.5 else digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{'0' if text == '-0' else text}%"


def listed(items: Iterable[str]) -> str:
    """Join items as a sentence does: a, b and c."""
    found = list(items)
    return " and ".join([", ".join(found[:-1]), found[-1]]) if len(found) > 1 else "".join(found)


def either(items: Iterable[str]) -> str:
    """Join quoted items as a choice: 'a', 'b' or 'c'."""
    found = [repr(item) for item in items]
    return " or ".join([", ".join(found[:-1]), found[-1]]) if len(found) > 1 else "".join(found)


def title_of(name: str) -> str:
    """Write a probe's name as a title."""
    words = clean(name).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def cell(value: Any) -> Any:
    """Make a table cell that no spreadsheet takes for a formula; numbers stay numbers."""
    if not isinstance(value, str):
        return value
    text = clean(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def shown(generations: Sequence[int], most: int) -> list[int]:
    """Choose the positions of generations to show: the first, the last, and the early ones closer together."""
    last = len(generations) - 1
    if last < most:
        return list(range(last + 1))
    found = {0, last} | {round(last ** (i / (most - 2))) for i in range(most - 1)}
    return sorted(found)
