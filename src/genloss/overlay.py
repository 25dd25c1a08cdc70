"""What theory says of every chain of a grid, labelled like its result."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss import spec as specs
from genloss.chain import Chain
from genloss.describe import describe, kind_of, path_of
from genloss.errors import SpecError
from genloss.families.gaussian import Gaussian
from genloss.families.normal import MultivariateGaussian
from genloss.report.cells import grid_of, spec_of
from genloss.report.words import clean, listed
from genloss.theory import LAWS, MEASURES, predict

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

_LOG_2PIE = float(np.log(2 * np.pi * np.e))
_MOST = 1000


def _same(values: Any, _: Any) -> Any:
    return values


@dataclass(frozen=True)
class Path:
    """How a probe follows from a law.

    Attributes:
        law: The variable that `genloss.theory.predict` names.
        statistic: What of the probe over replicates is then known: "mean", "median" or "root mean square".
        through: Turns the law's values into the probe's.
        source: The kind of source it holds for.
    """

    law: str
    statistic: str
    through: Callable[[Any, Any], Any] = _same
    source: type = object


def _variances(probe: str) -> tuple[Path, ...]:
    return Path("std.median", "median", lambda values, _: values**2, Gaussian), Path(probe, "mean")


# Where the median over replicates is known it comes first, for it is what a report draws.
_PATHS: dict[str, tuple[Path, ...]] = {
    "variance": _variances("variance"),
    "total-variance": (*_variances("variance"), Path("total_variance", "mean")),
    "entropy": (
        Path("std.median", "median", lambda values, _: np.log(values) + _LOG_2PIE / 2, Gaussian),
        Path("log_std", "mean", lambda values, _: values + _LOG_2PIE / 2, Gaussian),
        Path(
            "log_determinant",
            "mean",
            lambda values, source: (values + source.mean.shape[-1] * _LOG_2PIE) / 2,
            MultivariateGaussian,
        ),
    ),
    "heterozygosity": (Path("heterozygosity", "mean"),),
    "lost-mass": (Path("lost_mass", "mean"),),
    "support": (Path("support", "mean"),),
    "excess-risk": (Path("excess_risk", "mean"),),
    "kl-forward": (Path("kl_forward", "mean"),),
    "kl-reverse": (Path("kl_reverse", "mean"),),
    "w2": (
        Path("wasserstein2_squared", "root mean square", lambda values, _: np.sqrt(values), Gaussian),
        Path("wasserstein2_squared_vectors", "root mean square", lambda values, _: np.sqrt(values)),
    ),
}
_BEFORE_TEMPERATURE = ("variance", "total-variance")


def predictions(result: "Dataset") -> "Dataset":
    """Say what theory knows of the probes of a result, for every chain for which it knows anything.

    The chains are built from the description that the result carries; nothing is imported and no file is read. A chain
    of which nothing is known, or whose prediction fails, has NaN, and `attrs["notes"]` says why.

    Args:
        result: What `genloss.run` or `genloss.load` gave.

    Returns:
        A Dataset with the names, dimensions and labels of the result without its replicates, so that a comparison is a
        subtraction. A variable's `attrs["laws"]` lists for every chain (the last dimension fastest) None or the law,
        its kind, its reference and the statistic over replicates that it predicts: "mean", "median" or "root mean
        square".
    """
    import xarray as xr

    spec = spec_of(result)
    dims = grid_of(result)
    shape = tuple(result.sizes[dim] for dim in dims)
    count = int(np.prod(shape, dtype=int))
    described = spec.get("chains", [])
    probes = {name: _kind(name, plain) for name, plain in dict(spec.get("probes", {})).items() if name in result}
    if len(described) != count or not probes:
        return xr.Dataset(attrs={"notes": ["No prediction: the result does not say what its chains are."]})
    generations = int(result["generation"].values[-1])
    values: dict[str, Any] = {}
    laws: dict[str, list[Any]] = {}
    unknown: dict[str, list[int]] = {}
    for i, plain in enumerate(described):
        reason = f"more than {_MOST:,} chains; the first ones are predicted" if i >= _MOST else ""
        found: list[tuple[str, Any, dict[str, str]]] = []
        if not reason:
            found, reason = _cell(plain, probes, generations)
        if reason:
            unknown.setdefault(reason, []).append(i)
        for name, line, law in found:
            values.setdefault(name, np.full((count, generations + 1), np.nan))[i] = line
            laws.setdefault(name, [None] * count)[i] = law
    variables: dict[str, Any] = {
        name: ((*dims, "generation"), array.reshape(*shape, -1), {"laws": laws[name]}) for name, array in values.items()
    }
    coords = {"generation": np.arange(generations + 1), **{dim: result[dim].values for dim in dims}}
    labels = [clean(", ".join(str(label) for label in place)) for place in _places(result, dims)]
    notes = [_note(reason, [labels[i] for i in where], count) for reason, where in unknown.items()]
    return xr.Dataset(variables, coords, {"notes": notes}).reindex(generation=result["generation"].values)


def known(chain: Chain, generations: int) -> "tuple[Dataset | None, str]":
    """Predict a chain; what fails is told and breaks nothing.

    Returns:
        The prediction, and "" or the reason why there is none.
    """
    try:
        found = predict(chain, generations)
    except Exception as error:
        text = (str(error).strip() or "no message").splitlines()[0]
        return None, f"{type(error).__name__}: {clean(text, 160)}"
    if not found.data_vars:
        return None, "no law in the catalogue speaks of it"
    return found, ""


def _cell(plain: Any, probes: Mapping[str, str], generations: int) -> tuple[list[tuple[str, Any, dict[str, str]]], str]:
    """Find the lines of all probes of one chain, and why there are none."""
    try:
        chain = _built(plain)
    except Exception as error:
        return [], clean(str(error), 200)
    found, reason = known(chain, generations)
    if found is None:
        return [], reason
    lines = []
    for name, kind in probes.items():
        chosen = _chosen(found, kind, chain)
        if chosen is None:
            continue
        path, array = chosen
        with np.errstate(divide="ignore", invalid="ignore"):
            values = path.through(array.values, chain.source)
        attrs = {key: str(array.attrs.get(key, "")) for key in ("law", "kind", "reference")}
        lines.append((name, values, {**attrs, "statistic": path.statistic}))
    return lines, "" if lines else "no law speaks of what was measured"


def _chosen(found: "Dataset", kind: str, chain: Chain) -> "tuple[Path, DataArray] | None":
    if getattr(chain.learner, "temperature", 1) != 1 and kind not in _BEFORE_TEMPERATURE:
        return None
    for path in _PATHS.get(kind, ()) or ((Path(kind, "mean"),) if kind in MEASURES else ()):
        if path.law in found and found[path.law].dims == ("generation",) and isinstance(chain.source, path.source):
            return path, found[path.law]
    return None


def _kind(name: str, plain: Any) -> str:
    """Tell which probe it is, whatever it is called: a kind that ships, or a measurement of a user's own law."""
    if not isinstance(plain, Mapping):
        return ""
    if "kind" in plain:
        return str(plain["kind"])
    path = str(plain.get("python", ""))
    module, _, function = path.partition(":")
    if module.startswith("genloss.probes."):
        return function.replace("_", "-")
    return name if name in MEASURES and path_of(MEASURES[name]) == path else ""


def _built(plain: Any) -> Chain:
    """Build a chain from its description.

    Raises:
        SpecError: Where the description is not enough, or no law could speak of the chain.
    """
    if not isinstance(plain, Mapping) or plain.get("kind") != "chain":
        raise SpecError("the result does not say what this chain is")
    source = plain.get("source")
    kind = source.get("kind") if isinstance(source, Mapping) else None
    if kind not in _sources():
        raise SpecError(f"no law in the catalogue speaks of {kind or 'this source'}")
    marks = set(_marks(plain))
    if "python" in marks:
        raise SpecError("a part is of your own making, and nothing is imported for a report")
    if "sha256" in marks:
        raise SpecError("data that were held in memory are named by their checksum only")
    parts = {
        part: specs.build(part, plain[part]) for part in ("source", "learner", "regime", "curator") if part in plain
    }
    chain = Chain(n0=plain["n0"], warm_start=plain.get("warm_start", False), **parts)
    if describe(chain) != plain:
        raise SpecError("its description is not enough to rebuild it")
    return chain


def _sources() -> set[str]:
    """The kinds of sources that laws speak of."""
    found = set()
    for law in LAWS.values():
        hint = law.hypothesis.get("source", ())
        found |= {kind_of(each) for each in (hint if isinstance(hint, tuple) else (hint,)) if each is not object}
    return found | ({"zipf"} if "categorical" in found else set())


def _marks(plain: Any) -> Iterator[str]:
    """Walk through the names of all mappings."""
    if isinstance(plain, Mapping):
        for name, value in plain.items():
            yield str(name)
            yield from _marks(value)
    elif isinstance(plain, list):
        for value in plain:
            yield from _marks(value)


def _places(result: "Dataset", dims: Sequence[str]) -> list[tuple[Any, ...]]:
    import itertools

    return list(itertools.product(*(result[dim].values.tolist() for dim in dims)))


def _note(reason: str, labels: Sequence[str], count: int) -> str:
    who = "" if len(labels) == count else f" for {listed(labels[:6]) + (' and others' if len(labels) > 6 else '')}"
    return f"No prediction{who}: {reason.rstrip('.')}."
