"""Simulate, predict and measure model collapse."""

from genloss import probes
from genloss.chain import Chain, Generation
from genloss.curators import Below, ImperfectFilter, KeepAll, Subsample, Then, TopFraction
from genloss.errors import NotExact, SpecError
from genloss.families.gaussian import Gaussian, GaussianMLE
from genloss.plan import Grid
from genloss.regimes import Accumulate, FixedReal, FreshReal, PastModels, Replace, Window
from genloss.run import run
from genloss.schedules import Constant, Geometric, Linear, Power
from genloss.seeds import Streams
from genloss.storage import load
from genloss.version import VERSION

__version__ = VERSION

__all__ = [
    "Accumulate",
    "Below",
    "Chain",
    "Constant",
    "FixedReal",
    "FreshReal",
    "Gaussian",
    "GaussianMLE",
    "Generation",
    "Geometric",
    "Grid",
    "ImperfectFilter",
    "KeepAll",
    "Linear",
    "NotExact",
    "PastModels",
    "Power",
    "Replace",
    "SpecError",
    "Streams",
    "Subsample",
    "Then",
    "TopFraction",
    "Window",
    "load",
    "probes",
    "run",
]
