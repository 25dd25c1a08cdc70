"""Formulas for the page: LaTeX becomes MathML, which browsers draw without a script."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import TYPE_CHECKING, Any

from genloss.plain.words import clean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from markupsafe import Markup

_LONGEST = 2_000
# What defines commands, or writes an argument more than once: a short formula could then become a very long one.
_REFUSED = re.compile(r"\\(?:newcommand|newenvironment|DeclareMathOperator|def|sideset)(?![a-zA-Z])")
_TAGS = frozenset(
    [
        "math",
        "merror",
        "mfrac",
        "mi",
        "mmultiscripts",
        "mn",
        "mo",
        "mover",
        "mpadded",
        "mphantom",
        "mroot",
        "mrow",
        "mspace",
        "msqrt",
        "mstyle",
        "msub",
        "msubsup",
        "msup",
        "mtable",
        "mtd",
        "mtext",
        "mtr",
        "munder",
        "munderover",
    ]
)
_PARTS = {"mfrac": 2, "mover": 2, "mroot": 2, "msub": 2, "msubsup": 3, "msup": 2, "munder": 2, "munderover": 3}
_SWITCH = re.compile("true|false")
_LENGTH = re.compile(r"[+-]?(?:\d\.\d*|\d|\.\d+)(?:em|ex)|[+-]?0(?:px|pt|em|ex)?")
_ATTRIBUTES = {
    **dict.fromkeys(("accent", "accentunder", "displaystyle", "fence", "largeop", "movablelimits"), _SWITCH),
    **dict.fromkeys(("separator", "stretchy", "symmetric"), _SWITCH),
    **dict.fromkeys(("depth", "height", "linethickness", "lspace", "maxsize", "minsize"), _LENGTH),
    **dict.fromkeys(("rspace", "voffset", "width"), _LENGTH),
    "columnalign": re.compile("(?:left|right|center| )*"),
    "form": re.compile("prefix|infix|postfix"),
    "mathvariant": re.compile("[a-z-]{1,30}"),
    "scriptlevel": re.compile("[0-3]"),
}


@dataclass(frozen=True)
class Behind:
    """A law that is drawn.

    Attributes:
        name: Its name.
        kind: Exact, asymptotic or a bound, and the statistic over replicates that it predicts.
        formula: The formula; None if it has none.
        source: The paper.
    """

    name: str
    kind: str
    formula: "Markup | None"
    source: str


def formula(latex: str) -> "Markup | None":
    """Write a formula for a page: as MathML, or as its own source where it cannot be read or does more than say it.

    Only elements and attributes that lay out mathematics are let through; a formula that defines commands, colours,
    links or styles itself, or is longer than 2,000 characters, is shown as it was written.

    Args:
        latex: The formula; it may come from anyone.

    Returns:
        Markup without a script, a link or a style; None for an empty formula.
    """
    from markupsafe import Markup

    source = clean(latex)
    if not source:
        return None
    drawn = mathml(source)
    return Markup(drawn or f"<code>{escape(source)}</code>")


def mathml(latex: str) -> str:
    r"""Convert LaTeX to MathML.

    Returns:
        One `<math>` element; "" if the formula has a command that is not known, or asks for more than mathematics.
    """
    if len(latex) > _LONGEST or _REFUSED.search(latex):
        return ""
    try:
        from latex2mathml.converter import convert_to_element

        root = convert_to_element(latex, display="block")
        inner = _row(root)
    except Exception:  # The converter has no common error, and deep nesting ends in RecursionError.
        return ""
    source = f'<annotation encoding="application/x-tex">{escape(latex)}</annotation>'
    return f'<math display="block"><semantics><mrow>{inner}</mrow>{source}</semantics></math>'


def _written(element: "Element") -> str:
    """Write an element and what is in it.

    Raises:
        ValueError: If it is not mathematics.
    """
    if element.tag not in _TAGS or len(element) != _PARTS.get(element.tag, len(element)):
        raise ValueError(element.tag)
    text = unescape(element.text or "")
    if "\\" in text or (element.tail or "").strip():
        raise ValueError(text)
    inner = _row(element) if element.tag in ("mrow", "mstyle") else "".join(_written(part) for part in element)
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in _attributes(element))
    return f"<{element.tag}{attributes}>{escape(_spaced(text))}{inner}</{element.tag}>"


def _row(element: "Element") -> str:
    """Write what stands side by side, with a thin space around the names of functions, as TeX has it."""
    said = []
    before = None
    for part in element:
        if before is not None and _stands(before) and _stands(part) and (_named(before) or _named(part)):
            said.append('<mspace width="0.167em"></mspace>')
        said.append(_written(part))
        before = part
    return "".join(said)


def _named(part: "Element") -> bool:
    """Whether it is the name of a function, with what hangs on it: log, exp."""
    if part.tag in ("msub", "msubsup", "msup") and len(part):
        part = part[0]
    return part.tag == "mi" and len(part.text or "") > 1 and (part.text or "").isalpha()


def _stands(part: "Element") -> bool:
    """Whether it is neither an operator, which brings its own space, nor a space."""
    return part.tag not in ("mo", "mspace") and not (part.tag == "mrow" and len(part) and part[0].tag == "mo")


def _attributes(element: "Element") -> "Iterator[tuple[str, str]]":
    for name, value in element.attrib.items():
        known = _ATTRIBUTES.get(name)
        if known is None or not known.fullmatch(value):
            raise ValueError(name)
        yield name, value


def _spaced(text: str) -> str:
    """Make a piece of a formula fit for XML; its spaces, which do not break, stay."""
    return "\u00a0".join(clean(part) for part in text.replace(" ", "\u00a0").split("\u00a0"))


def behind(predictions: Any) -> Sequence[Behind]:
    """List the laws behind the predictions for a result, each once, in the order of the probes."""
    found = []
    for array in getattr(predictions, "data_vars", {}).values():
        laws = array.attrs.get("laws")
        found += [law for law in laws if isinstance(law, Mapping)] if isinstance(laws, list) else []
    return of_laws(found)


def of_laws(laws: Iterable[Mapping[Any, Any]]) -> Sequence[Behind]:
    """List laws, each once, from what is said of them: "law", "kind", "statistic", "reference" and "formula"."""
    found: dict[tuple[str, str], Behind] = {}
    for law in laws:
        name = clean(law.get("law", "theory"))
        kind = ", ".join(clean(law[key]) for key in ("kind", "statistic") if law.get(key))
        if law.get("reference") and (name, kind) not in found:
            found[name, kind] = Behind(name, kind, formula(str(law.get("formula", ""))), clean(law["reference"]))
    return [*found.values()]
