"""When collapse begins: verdicts read off a result."""

from genloss.stages.verdict import Stage, Stages, stages

__all__ = ["Stage", "Stages", "stages"]
