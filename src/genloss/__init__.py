"""Simulate, predict and measure model collapse.

What a chain and its run need is imported at once; sources, learners and probes when they are first named.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from genloss.chain.curators import Below, ImperfectFilter, KeepAll, Preferred, Subsample, Then, TopFraction
from genloss.chain.recursion import Chain, Generation
from genloss.chain.regimes import Accumulate, FixedReal, FreshReal, PastModels, Replace, Window
from genloss.chain.schedules import Constant, Geometric, Linear, Power
from genloss.chain.seeds import Streams
from genloss.errors import NotExact, SpecError
from genloss.moved import install
from genloss.runs.cut import Grid
from genloss.runs.folder import load
from genloss.runs.run import run
from genloss.stages.verdict import Stage, Stages, stages
from genloss.version import VERSION

if TYPE_CHECKING:
    from genloss import probes
    from genloss.corpus import BPE, Bytes, Corpus, Documents, Sotu, TextFiles, Words
    from genloss.families.categorical import Categorical, CategoricalMLE, Zipf
    from genloss.families.exponential import Bernoulli, BernoulliMLE, Exponential, ExponentialMLE, Poisson, PoissonMLE
    from genloss.families.extremes import Pareto, ParetoMLE, Uniform, UniformMLE
    from genloss.families.gaussian import Gaussian, GaussianMLE
    from genloss.families.kde import KDE
    from genloss.families.mixture import Mixture, MixtureEM
    from genloss.families.multivariate import MultivariateGaussian, MultivariateGaussianMLE
    from genloss.families.ngram.learner import NGram
    from genloss.families.regression import OLS, LinearModel, OLSNorm, RegressionNorm
    from genloss.families.softmax import NextToken, SoftmaxMLE
    from genloss.families.tables import ArrayFile, Digits, Rows
    from genloss.theory import predict

__version__ = VERSION
install()

_NAMED_LATER = {
    "genloss.corpus": "BPE Bytes Corpus Documents Sotu TextFiles Words",
    "genloss.families.categorical": "Categorical CategoricalMLE Zipf",
    "genloss.families.exponential": "Bernoulli BernoulliMLE Exponential ExponentialMLE Poisson PoissonMLE",
    "genloss.families.extremes": "Pareto ParetoMLE Uniform UniformMLE",
    "genloss.families.gaussian": "Gaussian GaussianMLE",
    "genloss.families.kde": "KDE",
    "genloss.families.mixture": "Mixture MixtureEM",
    "genloss.families.ngram.learner": "NGram",
    "genloss.families.multivariate": "MultivariateGaussian MultivariateGaussianMLE",
    "genloss.families.regression": "OLS LinearModel OLSNorm RegressionNorm",
    "genloss.families.tables": "ArrayFile Digits Rows",
    "genloss.families.softmax": "NextToken SoftmaxMLE",
    "genloss.theory": "predict",
}
_PLACES = {name: module for module, names in _NAMED_LATER.items() for name in names.split()}
_PARTS = ("probes", "provenance", "report", "testing", "theory")


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        found = getattr(import_module(_PLACES[name]), name)
    elif name in _PARTS:
        found = import_module(f"genloss.{name}")
    else:
        raise AttributeError(f"module 'genloss' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PARTS})


__all__ = [
    "BPE",
    "KDE",
    "OLS",
    "Accumulate",
    "ArrayFile",
    "Below",
    "Bernoulli",
    "BernoulliMLE",
    "Bytes",
    "Categorical",
    "CategoricalMLE",
    "Chain",
    "Constant",
    "Corpus",
    "Digits",
    "Documents",
    "Exponential",
    "ExponentialMLE",
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
    "LinearModel",
    "Mixture",
    "MixtureEM",
    "MultivariateGaussian",
    "MultivariateGaussianMLE",
    "NGram",
    "NextToken",
    "NotExact",
    "OLSNorm",
    "Pareto",
    "ParetoMLE",
    "PastModels",
    "Poisson",
    "PoissonMLE",
    "Power",
    "Preferred",
    "RegressionNorm",
    "Replace",
    "Rows",
    "SoftmaxMLE",
    "Sotu",
    "SpecError",
    "Stage",
    "Stages",
    "Streams",
    "Subsample",
    "TextFiles",
    "Then",
    "TopFraction",
    "Uniform",
    "UniformMLE",
    "Window",
    "Words",
    "Zipf",
    "load",
    "predict",
    "probes",
    "run",
    "stages",
]
