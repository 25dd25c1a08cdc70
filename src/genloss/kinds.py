"""Every kind that a spec can name, by what it is."""

import dataclasses
import importlib
import inspect
from typing import Any, get_type_hints

from genloss.describe import kind_of
from genloss.errors import SpecError

_PLACES: dict[str, tuple[str, ...]] = {
    "source": ("genloss.families.gaussian:Gaussian",),
    "learner": ("genloss.families.gaussian:GaussianMLE",),
    "regime": (
        "genloss.regimes:Accumulate",
        "genloss.regimes:FixedReal",
        "genloss.regimes:FreshReal",
        "genloss.regimes:PastModels",
        "genloss.regimes:Replace",
        "genloss.regimes:Window",
    ),
    "curator": (
        "genloss.curators:Below",
        "genloss.curators:ImperfectFilter",
        "genloss.curators:KeepAll",
        "genloss.curators:Subsample",
        "genloss.curators:Then",
        "genloss.curators:TopFraction",
    ),
    "schedule": (
        "genloss.schedules:Constant",
        "genloss.schedules:Geometric",
        "genloss.schedules:Linear",
        "genloss.schedules:Power",
    ),
    "probe": ("genloss.probes.spread:variance",),
}
PARTS = tuple(_PLACES)


def kinds(part: str) -> dict[str, Any]:
    """All kinds of a part of a chain ("source", "learner", "regime", "curator", "schedule", "probe"), by name."""
    found = {}
    for place in _PLACES[part]:
        module, _, name = place.partition(":")
        thing = getattr(importlib.import_module(module), name)
        found[_name(thing)] = thing
    return dict(sorted(found.items()))


def find(kind: str, part: str | None, where: str) -> Any:
    """Find a kind by its name.

    Args:
        kind: The name, in kebab case.
        part: What it must be; None to look through all parts.
        where: Where the name stands, for the message.
    """
    known: dict[str, Any] = {}
    for each in (part,) if part else PARTS:
        known |= kinds(each)
    if kind not in known:
        raise SpecError(f"{where}.kind: no kind {kind!r}; known kinds: {', '.join(sorted(known))}")
    return known[kind]


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """One field of a kind.

    Attributes:
        name: Its name.
        hint: Its type.
        default: What it is if left out; `dataclasses.MISSING` where it must be given.
        text: What it means, from the docstring.
    """

    name: str
    hint: Any
    default: Any
    text: str


def fields_of(thing: Any) -> list[Field]:
    """The fields that a spec may set: those of a dataclass, or none for a plain function."""
    if not dataclasses.is_dataclass(thing):
        return []
    hints = get_type_hints(thing)
    texts = _attribute_texts(inspect.getdoc(thing) or "")
    found = []
    for field in dataclasses.fields(thing):
        if not field.init or field.name.startswith("_"):
            continue
        default = field.default
        if default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        found.append(Field(field.name, hints[field.name], default, texts.get(field.name, "")))
    return found


def summary_of(thing: Any) -> str:
    """The first sentence of a kind's docstring."""
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")


def _name(thing: Any) -> str:
    return kind_of(thing) if isinstance(thing, type) else thing.__name__.replace("_", "-")


def _attribute_texts(doc: str) -> dict[str, str]:
    """Read the `Attributes:` section of a docstring."""
    texts: dict[str, str] = {}
    inside = False
    name = ""
    for line in doc.splitlines():
        if line.strip() == "Attributes:":
            inside = True
        elif inside and line and not line.startswith(" "):
            break
        elif inside and line.startswith("    ") and not line.startswith("     ") and ":" in line:
            name, _, text = line.strip().partition(":")
            texts[name] = text.strip()
        elif inside and name and line.strip():
            texts[name] += " " + line.strip()
    return texts
