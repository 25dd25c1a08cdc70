"""Every kind that a spec can name, by what it is: the one registration.

`genloss kinds`, what a spec builds and the names that `genloss` shows (`genloss.spec.front`) follow from this table.
"""

import dataclasses
import importlib
import inspect
from typing import Any, get_type_hints

from genloss.errors import SpecError
from genloss.plain.describe import kebab

PLACES: dict[str, dict[str, str]] = {
    "source": {
        "genloss.families.categorical": "Categorical Zipf",
        "genloss.families.exponential": "Bernoulli Exponential Poisson",
        "genloss.families.extremes": "Pareto Uniform",
        "genloss.families.gaussian": "Gaussian",
        "genloss.families.mixture": "Mixture",
        "genloss.families.multivariate": "MultivariateGaussian",
        "genloss.families.regression": "LinearModel RegressionNorm",
        "genloss.families.tables": "ArrayFile Digits",
        "genloss.families.softmax": "NextToken",
        "genloss.corpus.sources": "Sotu TextFiles",
    },
    "learner": {
        "genloss.families.categorical": "CategoricalMLE",
        "genloss.families.exponential": "BernoulliMLE ExponentialMLE PoissonMLE",
        "genloss.families.extremes": "ParetoMLE UniformMLE",
        "genloss.families.gaussian": "GaussianMLE",
        "genloss.families.kde": "KDE",
        "genloss.families.mixture": "MixtureEM",
        "genloss.families.ngram.learner": "NGram",
        "genloss.families.multivariate": "MultivariateGaussianMLE",
        "genloss.families.regression": "OLS OLSNorm",
        "genloss.families.softmax": "SoftmaxMLE",
        "genloss.provenance.watermarks.watermarked": "Watermarked",
    },
    "regime": {"genloss.chain.regimes": "Accumulate FixedReal FreshReal PastModels Replace Window"},
    "curator": {
        "genloss.chain.curators": "Below ImperfectFilter KeepAll Preferred Subsample Then TopFraction",
        "genloss.provenance.share.filters": "KeepAtMostShare Unwatermarked",
    },
    "detector": {
        "genloss.provenance.detectors.oracle": "Oracle",
        "genloss.provenance.detectors.saved": "SavedDetector",
        "genloss.provenance.share.filters": "WatermarkScore",
    },
    "watermark": {"genloss.provenance.watermarks": "KGW Gumbel SynthID Unigram WatermarkSpec"},
    "head": {"genloss.provenance.watermarks.synthid": "BayesianHead"},
    "tokenizer": {"genloss.corpus.tokenizers": "BPE Bytes Words"},
    "schedule": {"genloss.chain.schedules": "Constant Geometric Linear Power"},
    "probe": {
        "genloss.probes.concepts": "Confusion MeanScore ModeOccupancy Precision",
        "genloss.probes.distance": "Energy KLForward KLReverse SlicedW2 W1 W2 excess_risk",
        "genloss.probes.reach": "ExpectedShortfall TailRatio",
        "genloss.probes.language": "BandPerplexity Distinct Perplexity ReferencePerplexity Survival TokenEntropy Types",
        "genloss.probes.drift": (
            "collapsed collapsed_by_context distance_to_first diversity_by_context fixed_symbols "
            "frequency lost_symbols squared_distance_to_first support_by_context tails_before_spread"
        ),
        "genloss.probes.parameters": (
            "squared_offset std log_std second_moment fourth_moment draw draw_beyond_three "
            "wasserstein2_squared std_below_tenth std_above_tenth ever_below_tenth mean log_mean alive "
            "tail_exponent covariance log_determinant determinant symmetric_functions squared_spectrum "
            "collapse_rates wasserstein2_squared_vectors real_share"
        ),
        "genloss.probes.spread": "EffectiveRank Entropy heterozygosity total_variance variance",
        "genloss.probes.tails": "LostMass Recall Support",
    },
}
PARTS = tuple(PLACES)


def kinds(part: str) -> dict[str, Any]:
    """All kinds of a part of a chain ("source", "learner", "regime", "curator", "schedule", "probe"), by name."""
    return {name: _loaded(place) for name, place in sorted(_places(part).items())}


def find(kind: str, part: str | None, where: str) -> Any:
    """Find a kind by its name.

    Args:
        kind: The name, in kebab case.
        part: What it must be; None to look through all parts.
        where: Where the name stands, for the message.
    """
    known = {name: place for each in ((part,) if part else PARTS) for name, place in _places(each).items()}
    if kind not in known:
        raise SpecError(f"{where}.kind: no kind {kind!r}; known kinds: {', '.join(sorted(known))}")
    return _loaded(known[kind])


def _places(part: str) -> dict[str, tuple[str, str]]:
    """Where each kind of a part is written; nothing is imported to know it."""
    return {kebab(name): (module, name) for module, names in PLACES[part].items() for name in names.split()}


def _loaded(place: tuple[str, str]) -> Any:
    module, name = place
    return getattr(importlib.import_module(module), name)


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """One field of a kind.

    Attributes:
        name: Its name.
        hint: Its type.
        default: What it is if left out; `dataclasses.MISSING` where it must be given.
        text: What it means, from the docstring.
        secret: Whether it holds a key, which is not shown.
    """

    name: str
    hint: Any
    default: Any
    text: str
    secret: bool = False


def fields_of(thing: Any) -> list[Field]:
    """The fields that a spec may set: those of a dataclass, or none for a plain function."""
    if not dataclasses.is_dataclass(thing):
        return []
    hints = get_type_hints(thing)
    texts = _attribute_texts(inspect.getdoc(thing) or "")
    found = []
    for field in dataclasses.fields(thing):
        if not field.init or field.name.startswith("_"):
            continue
        default = field.default
        if default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        secret = bool(field.metadata.get("secret"))
        found.append(Field(field.name, hints[field.name], default, texts.get(field.name, ""), secret))
    return found


def summary_of(thing: Any) -> str:
    """The first sentence of a kind's docstring."""
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")


def _attribute_texts(doc: str) -> dict[str, str]:
    """Read the `Attributes:` section of a docstring."""
    texts: dict[str, str] = {}
    inside = False
    name = ""
    for line in doc.splitlines():
        if line.strip() == "Attributes:":
            inside = True
        elif inside and line and not line.startswith(" "):
            break
        elif inside and line.startswith("    ") and not line.startswith("     ") and ":" in line:
            name, _, text = line.strip().partition(":")
            texts[name] = text.strip()
        elif inside and name and line.strip():
            texts[name] += " " + line.strip()
    return texts
