# Written by `python -m genloss.spec.stub`.
from typing import Final

from genloss import metrics as metrics
from genloss import probes as probes
from genloss import provenance as provenance
from genloss import report as report
from genloss import testing as testing
from genloss import theory as theory
from genloss.chain.curators import Below as Below
from genloss.chain.curators import ImperfectFilter as ImperfectFilter
from genloss.chain.curators import KeepAll as KeepAll
from genloss.chain.curators import Preferred as Preferred
from genloss.chain.curators import Subsample as Subsample
from genloss.chain.curators import Then as Then
from genloss.chain.curators import TopFraction as TopFraction
from genloss.chain.grid import Grid as Grid
from genloss.chain.recursion import Chain as Chain
from genloss.chain.recursion import Generation as Generation
from genloss.chain.regimes import Accumulate as Accumulate
from genloss.chain.regimes import FixedReal as FixedReal
from genloss.chain.regimes import FreshReal as FreshReal
from genloss.chain.regimes import PastModels as PastModels
from genloss.chain.regimes import Replace as Replace
from genloss.chain.regimes import Window as Window
from genloss.chain.schedules import Constant as Constant
from genloss.chain.schedules import Geometric as Geometric
from genloss.chain.schedules import Linear as Linear
from genloss.chain.schedules import Power as Power
from genloss.chain.seeds import Streams as Streams
from genloss.corpus import Corpus as Corpus
from genloss.corpus import Documents as Documents
from genloss.corpus.sources import Sotu as Sotu
from genloss.corpus.sources import TextFiles as TextFiles
from genloss.corpus.tokenizers import BPE as BPE
from genloss.corpus.tokenizers import Bytes as Bytes
from genloss.corpus.tokenizers import Words as Words
from genloss.errors import NotExact as NotExact
from genloss.errors import SpecError as SpecError
from genloss.families.categorical import Categorical as Categorical
from genloss.families.categorical import CategoricalMLE as CategoricalMLE
from genloss.families.categorical import Zipf as Zipf
from genloss.families.exponential import Bernoulli as Bernoulli
from genloss.families.exponential import BernoulliMLE as BernoulliMLE
from genloss.families.exponential import Exponential as Exponential
from genloss.families.exponential import ExponentialMLE as ExponentialMLE
from genloss.families.exponential import Poisson as Poisson
from genloss.families.exponential import PoissonMLE as PoissonMLE
from genloss.families.extremes import Pareto as Pareto
from genloss.families.extremes import ParetoMLE as ParetoMLE
from genloss.families.extremes import Uniform as Uniform
from genloss.families.extremes import UniformMLE as UniformMLE
from genloss.families.gaussian import Gaussian as Gaussian
from genloss.families.gaussian import GaussianMLE as GaussianMLE
from genloss.families.kde import KDE as KDE
from genloss.families.mixture import Mixture as Mixture
from genloss.families.mixture import MixtureEM as MixtureEM
from genloss.families.multivariate import MultivariateGaussian as MultivariateGaussian
from genloss.families.multivariate import MultivariateGaussianMLE as MultivariateGaussianMLE
from genloss.families.ngram.learner import NGram as NGram
from genloss.families.regression import LinearModel as LinearModel
from genloss.families.regression import OLS as OLS
from genloss.families.regression import OLSNorm as OLSNorm
from genloss.families.regression import RegressionNorm as RegressionNorm
from genloss.families.softmax import NextToken as NextToken
from genloss.families.softmax import SoftmaxMLE as SoftmaxMLE
from genloss.families.tables import ArrayFile as ArrayFile
from genloss.families.tables import Digits as Digits
from genloss.families.tables import Rows as Rows
from genloss.provenance.share.filters import KeepAtMostShare as KeepAtMostShare
from genloss.provenance.share.filters import Unwatermarked as Unwatermarked
from genloss.provenance.watermarks.watermarked import Watermarked as Watermarked
from genloss.runs.folder import load as load
from genloss.runs.run import run as run
from genloss.stages.verdict import Stage as Stage
from genloss.stages.verdict import Stages as Stages
from genloss.stages.verdict import stages as stages
from genloss.theory.predict import predict as predict

__version__: Final[str]
__all__ = [
    "Accumulate",
    "ArrayFile",
    "BPE",
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
    "KDE",
    "KeepAll",
    "KeepAtMostShare",
    "Linear",
    "LinearModel",
    "Mixture",
    "MixtureEM",
    "MultivariateGaussian",
    "MultivariateGaussianMLE",
    "NGram",
    "NextToken",
    "NotExact",
    "OLS",
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
    "Unwatermarked",
    "Watermarked",
    "Window",
    "Words",
    "Zipf",
    "load",
    "metrics",
    "predict",
    "probes",
    "provenance",
    "report",
    "run",
    "stages",
    "testing",
    "theory",
]
