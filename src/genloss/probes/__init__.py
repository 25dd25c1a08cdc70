"""Probes: functions of a generation that measure what a model has kept."""
