"""Exact recursions and special functions that the laws are computed with."""
