"""Theorems of model collapse as executable data: what they predict, for which chains, and where they come from."""

from genloss.theory import (  # noqa: F401  (filling LAWS)
    categorical,
    collapse,
    curation,
    draws,
    errata,
    exponential,
    fresh,
    gaussian,
    gaussian_paths,
    gaussian_regimes,
    growth,
    kde,
    limits,
    normal,
    passage,
    regression,
    ridge,
    scaling,
    selection,
    softmax,
)
from genloss.theory.draws import Draws
from genloss.theory.gaussian_paths import StdLaw
from genloss.theory.laws import LAWS, Law, Sizes, Values, law
from genloss.theory.measures import MEASURES, measure
from genloss.theory.passage import first_passage
from genloss.theory.predict import applicable, cite, predict

__all__ = [
    "LAWS",
    "MEASURES",
    "Draws",
    "Law",
    "Sizes",
    "StdLaw",
    "Values",
    "applicable",
    "cite",
    "first_passage",
    "law",
    "measure",
    "predict",
]
