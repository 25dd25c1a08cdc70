"""Results to look at: a report as one HTML file, and the same pictures and tables for notebooks."""

from genloss.report import plots
from genloss.report.grids import table
from genloss.report.page import html

__all__ = ["html", "plots", "table"]
