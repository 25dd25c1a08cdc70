"""Results to look at: a report as one HTML file, and the same pictures and tables for notebooks."""

from genloss.report import plots
from genloss.report.page import html
from genloss.report.tables import table

__all__ = ["html", "plots", "table"]
