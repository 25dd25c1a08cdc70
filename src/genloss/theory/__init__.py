"""Theorems of model collapse as executable data: what they predict, for which chains, and where they come from."""

from genloss.theory import catalogue  # noqa: F401 (fills LAWS)
from genloss.theory.catalogue.draws import Draws
from genloss.theory.catalogue.gaussian_paths import StdLaw
from genloss.theory.catalogue.passage import first_passage
from genloss.theory.laws import LAWS, Law, Sizes, Values, law
from genloss.theory.measures import MEASURES, measure
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
