"""Probes: functions of a generation that measure what a model has kept."""

from genloss.probes.meta import Meta, meta_of, probe
from genloss.probes.spread import variance
