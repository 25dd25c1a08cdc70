"""What `genloss` itself shows, and where each of its names is written.

The type stub follows from the same table: `python -m genloss.spec.stub > src/genloss/__init__.pyi`.
"""

from genloss.spec.kinds import PLACES

_SHOWN = ("source", "learner", "regime", "curator", "schedule", "tokenizer")
"""The parts of a spec whose kinds are names of `genloss`; the others are named by their wing."""
_FURTHER = {
    "genloss.chain.recursion": "Chain Generation",
    "genloss.chain.seeds": "Streams",
    "genloss.corpus": "Corpus Documents",
    "genloss.errors": "NotExact SpecError",
    "genloss.families.tables": "Rows",
    "genloss.chain.grid": "Grid",
    "genloss.runs.folder": "load",
    "genloss.runs.run": "run",
    "genloss.stages.verdict": "Stage Stages stages",
    "genloss.theory.predict": "predict",
}
"""Names that no spec can give: what runs chains, what judges them, and data held in memory."""
WINGS = ("metrics", "probes", "provenance", "report", "testing", "theory")
"""Packages and modules that are attributes of `genloss` without an import."""


def places() -> dict[str, str]:
    """The module of every name, sorted by name."""
    tables = [*(PLACES[part] for part in _SHOWN), _FURTHER]
    return dict(sorted((name, module) for table in tables for module, names in table.items() for name in names.split()))
