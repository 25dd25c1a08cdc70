"""Modules that moved: an import by the old name that documentation once gave still works, with a warning.

The finder stands last, so that it is asked only for what is nowhere else.
"""

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "genloss.adapters": "genloss.chain.foreign",
    "genloss.adapters.copied": "genloss.chain.copied",
    "genloss.adapters.sklearn": "genloss.chain.estimators",
    "genloss.overlay": "genloss.report.overlay",
    "genloss.provenance.accuracy": "genloss.provenance.evidence.accuracy",
    "genloss.provenance.calibrate": "genloss.provenance.evidence.calibrate",
    "genloss.provenance.filters": "genloss.provenance.share.filters",
    "genloss.provenance.prevalence": "genloss.provenance.share.prevalence",
    "genloss.provenance.radioactivity": "genloss.provenance.watermarks.radioactivity",
    "genloss.theory.gaussian": "genloss.theory.catalogue.gaussian",
    "genloss.theory.ledger": "genloss.theory.verification.ledger",
    "genloss.theory.page": "genloss.theory.verification.laws_page",
    "genloss.theory.plot": "genloss.theory.verification.plot",
    "genloss.theory.twopoint": "genloss.theory.recursions.twopoint",
    "genloss.verify": "genloss.theory.verification.verify",
}


class _Moved(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        new = MOVED[spec.name]
        warnings.warn(f"{spec.name} is now {new}", DeprecationWarning, stacklevel=2)
        module = importlib.import_module(new)
        # The import system writes its own spec on what is returned here; `exec_module` puts the right one back.
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Put the module's own spec back; it is loaded already."""
        state = module.__spec__.loader_state if module.__spec__ is not None else None
        if isinstance(state, ModuleSpec):
            module.__spec__ = state


def install() -> None:
    """Let old names find their modules; a second call changes nothing."""
    if not any(isinstance(finder, _Moved) for finder in sys.meta_path):
        sys.meta_path.append(_Moved())
