"""Simulate, predict and measure model collapse.

What runs a chain is imported at once; sources, learners, wings and the rest when they are first named.
"""

import importlib as _importlib
import typing as _typing

from genloss.moved import install as _install
from genloss.runs.run import run as run
from genloss.spec.front import WINGS as _WINGS
from genloss.spec.front import places as _places
from genloss.stages.verdict import stages as stages  # the function, which hides the wing of its name
from genloss.version import VERSION as _VERSION

__version__ = _VERSION
_PLACES = _places()
__all__ = [*sorted({*_PLACES, *_WINGS})]
_install()


def __getattr__(name: str) -> _typing.Any:
    if name in _PLACES:
        value = getattr(_importlib.import_module(_PLACES[name]), name)
    elif name in _WINGS:
        value = _importlib.import_module(f"genloss.{name}")
    else:
        raise AttributeError(f"module 'genloss' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
