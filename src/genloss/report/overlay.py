"""What theory says of every chain of a grid, labelled like its result."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.chain.recursion import Chain
from genloss.errors import SpecError
from genloss.families.categorical import Categorical, Zipf
from genloss.families.gaussian import Gaussian
from genloss.families.multivariate import MultivariateGaussian
from genloss.plain.describe import describe, kind_of, path_of
from genloss.plain.words import clean, listed
from genloss.probes.tails import Recall, share_bands
from genloss.report.summary import grid_of, spec_of
from genloss.spec import build as specs
from genloss.theory import LAWS, MEASURES, predict

if TYPE_CHECKING:
    from xarray import DataArray, Dataset

_LOG_2PIE = float(np.log(2 * np.pi * np.e))
_MOST = 1000
Symbols = (Categorical, Zipf)


def _same(values: Any, _: Any) -> Any:
    return values


@dataclass(frozen=True)
class Path:
    """How a probe follows from a law.

    Attributes:
        law: The variable that `genloss.theory.predict` names.
        statistic: What of the probe over replicates is then known: "mean", "median" or "root mean square".
        through: Turns the law's values and the source into the probe's values. Of a vector probe it is also given the
            probe's labels and its fields, and returns None if they are not those that the law speaks of.
        source: The kinds of source it holds for.
        dims: The labelled dimensions of the law.
    """

    law: str
    statistic: str
    through: Callable[..., Any] = _same
    source: Any = object
    dims: tuple[str, ...] = ()


def _by_band(lost: Any, source: Any, labels: Sequence[Any], fields: Mapping[str, Any]) -> Any:
    """Recall in a band of frequency: the true mass of its symbols, each times its chance to be there."""
    bands = tuple(fields.get("bands", Recall.bands))
    if list(labels) != share_bands(bands):
        return None
    order = np.argsort(-source.p, kind="stable")
    mass = source.p[order]
    band = np.searchsorted(bands, np.cumsum(mass) - mass / 2, side="right")
    weight = np.zeros((len(mass), len(labels)))
    weight[order, band] = mass
    total = weight.sum(0)
    return np.where(total > 0, (1 - lost) @ weight / np.where(total > 0, total, 1), np.nan)


def _by_symbol(values: Any, source: Any, labels: Sequence[Any], fields: Mapping[str, Any]) -> Any:
    """A symbol is its own class; of a class that the truth does not have nothing is said."""
    if list(labels) != list(range(len(labels))) or values.shape[1] > len(labels):
        return None
    found = np.full((len(values), len(labels)), np.nan)
    found[:, : values.shape[1]] = values
    return found


def _by_side(values: Any, source: Any, labels: Sequence[Any], fields: Mapping[str, Any]) -> Any:
    """Both tails of a normal law reach as far as its standard deviation says."""
    return np.repeat((values / np.sqrt(source.var))[:, None], len(labels), axis=1)


_SIDES = (
    Path("std.median", "median", _by_side, Gaussian),
    Path("std", "mean", _by_side, Gaussian),
)


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
    "recall": (Path("lost_symbols", "mean", _by_band, Symbols, ("symbol",)),),
    "mode-occupancy": (Path("frequency", "mean", _by_symbol, Symbols, ("symbol",)),),
    "tail-ratio": _SIDES,
    "expected-shortfall": _SIDES,
    "excess-risk": (Path("excess_risk", "mean"),),
    "kl-forward": (Path("kl_forward", "mean"),),
    "kl-reverse": (Path("kl_reverse", "mean"),),
    "w2": (
        Path("wasserstein2_squared", "root mean square", lambda values, _: np.sqrt(values), Gaussian),
        Path("wasserstein2_squared_vectors", "root mean square", lambda values, _: np.sqrt(values)),
    ),
}
_LABELLED = (_by_band, _by_symbol, _by_side)
_AT_ANY_TEMPERATURE = ("variance", "total-variance", "kl-forward", "kl-reverse", "w2")


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
    probes = {
        name: Wanted(_kind(name, plain), plain if isinstance(plain, Mapping) else {}, *_own(result, name, dims))
        for name, plain in dict(spec.get("probes", {})).items()
        if name in result
    }
    if len(described) != count or not probes:
        return xr.Dataset(attrs={"notes": ["No theory curve: the result does not say what its chains are."]})
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
            values.setdefault(name, np.full((count, *np.shape(line)), np.nan))[i] = line
            laws.setdefault(name, [None] * count)[i] = law
    variables: dict[str, Any] = {}
    coords = {"generation": np.arange(generations + 1), **{dim: result[dim].values for dim in dims}}
    for name, array in values.items():
        own = [probes[name].dim] if probes[name].dim else []
        attrs = {"laws": laws[name]}
        variables[name] = ((*dims, "generation", *own), array.reshape(*shape, *array.shape[1:]), attrs)
        coords |= {dim: result[dim].values for dim in own}
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


@dataclass(frozen=True)
class Wanted:
    """A probe of a result.

    Attributes:
        kind: Its kind.
        fields: Its description.
        dim: The name of its own dimension; "" if it gives single numbers.
        labels: The labels of that dimension.
    """

    kind: str
    fields: Mapping[str, Any]
    dim: str
    labels: tuple[Any, ...]


def _own(result: "Dataset", name: str, dims: Sequence[str]) -> tuple[str, tuple[Any, ...]]:
    own = [str(dim) for dim in result[name].dims if dim not in (*dims, "replicate", "generation")]
    return (own[0], tuple(result[own[0]].values.tolist())) if own else ("", ())


def _cell(
    plain: Any, probes: Mapping[str, Wanted], generations: int
) -> tuple[list[tuple[str, Any, dict[str, str]]], str]:
    """Find the lines of all probes of one chain, and why there are none."""
    try:
        chain = _built(plain)
    except Exception as error:
        return [], clean(str(error), 200)
    found, reason = known(chain, generations)
    if found is None:
        return [], reason
    lines = []
    for name, probe in probes.items():
        chosen = _chosen(found, probe, chain)
        if chosen is None:
            continue
        path, array, values = chosen
        attrs = {key: str(array.attrs.get(key, "")) for key in ("law", "kind", "reference", "formula")}
        lines.append((name, values, {**attrs, "statistic": path.statistic}))
    return lines, "" if lines else "no law speaks of what was measured"


def _chosen(found: "Dataset", probe: Wanted, chain: Chain) -> "tuple[Path, DataArray, Any] | None":
    """Find the first law that says what was measured, with the values that it gives the probe."""
    if getattr(chain.learner, "temperature", 1) != 1 and probe.kind not in _AT_ANY_TEMPERATURE:
        return None
    for path in _PATHS.get(probe.kind, ()) or _own_law(probe):
        if path.law not in found or found[path.law].dims != ("generation", *path.dims):
            continue
        if not isinstance(chain.source, path.source) or bool(probe.dim) != (path.through in _LABELLED):
            continue
        given = (probe.labels, probe.fields) if probe.dim else ()
        with np.errstate(divide="ignore", invalid="ignore"):
            values = path.through(found[path.law].values, chain.source, *given)
        if values is not None:
            return path, found[path.law], values
    return None


def _own_law(probe: Wanted) -> tuple[Path, ...]:
    """A measurement of a user's own law, which is a probe as it is."""
    if probe.kind not in MEASURES:
        return ()
    return (Path(probe.kind, "mean", _by_symbol, object, (probe.dim,)) if probe.dim else Path(probe.kind, "mean"),)


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
        SpecError: If the description is not enough, or no law could speak of the chain.
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
    return f"No theory curve{who}: {reason.rstrip('.')}."
