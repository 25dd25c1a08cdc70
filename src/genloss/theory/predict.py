"""What theory says of a chain, labelled like a run's result, so that comparison is subtraction."""

from typing import TYPE_CHECKING, Any

import numpy as np

from genloss.chain.recursion import Chain
from genloss.errors import SpecError
from genloss.plain.numbers import whole_number
from genloss.theory.laws import KINDS, LAWS, Law, sizes
from genloss.theory.measures import PATHS
from genloss.theory.papers import bibliography
from genloss.theory.recursions.chosen import UnsupportedError
from genloss.theory.recursions.twopoint import fit_of, two_point

if TYPE_CHECKING:
    from xarray import Dataset


_MOST_LABELLED = 10_000
_FAILURES = (ArithmeticError, ValueError, TypeError, LookupError, AttributeError, UnsupportedError, SpecError)
_WORDS = {"var": "variance"}


def applicable(chain: Chain, *, false: bool = False) -> list[Law]:
    """List the laws that apply to a chain: exact ones first, then asymptotic ones, then bounds.

    Args:
        chain: The chain.
        false: Whether to list published statements that are false instead of those that hold.
    """
    status = "published and false" if false else "holds"
    found = [law for law in LAWS.values() if law.status == status and _applies(law, chain)]
    return sorted(found, key=lambda law: KINDS.index(law.kind))


def _applies(law: Law, chain: Chain) -> bool:
    """Whether a law applies; one whose condition fails on a chain does not."""
    try:
        return law.applies(chain)
    except _FAILURES:
        return False


def predict(chain: Chain, generations: int = 100) -> "Dataset":
    """Predict every probe that a law speaks of, for generations 0 to `generations`.

    The best law for a probe's mean over replicates has the probe's name as variable, so that
    `result["variance"].mean("replicate") - predict(chain)["variance"]` is the difference. Another statistic is a suffix
    (`std.median`), and so is what one number says of a whole chain (`collapsed.first_passage`, the generation at which
    it first holds); a further law on the same probe follows a colon (`std.median:std_median_leading`). A variable's
    attributes say law, probe, statistic, kind, reference and formula. Where no law speaks of the variance or
    heterozygosity, the two-point recursion gives it, and attribute "law" says so.

    Args:
        chain: A chain; it is not run.
        generations: The last generation. Beyond 10,000 labelled vectors are left out.

    Returns:
        A Dataset with dimension "generation" (and the labelled dimension of vector laws). Where nothing is known of the
        chain it has no variables. A law whose formula fails on the chain is left out, and `attrs["notes"]` says so.

    Raises:
        SpecError: If that is not a chain or number of generations, or a generation has too few rows.
    """
    import xarray as xr

    if not isinstance(chain, Chain):
        raise SpecError(f"chain: {chain!r} is not a chain; give a genloss.Chain")
    whole_number(generations, "generations")
    sizes(chain, generations)
    variables: dict[str, Any] = {}
    notes: list[str] = []
    for law in applicable(chain):
        if law.dims and generations > _MOST_LABELLED:
            continue
        try:
            values = law.values(chain, generations)
        except _FAILURES as error:
            said = (str(error).strip() or "no message").splitlines()[0]
            notes.append(f"{law.name} is left out: {type(error).__name__}: {said}")
            continue
        if law.first and not law.scalar:
            values[: law.first] = np.nan
        if not np.isfinite(values).any():
            continue
        name = _variable(law)
        if name in variables:
            name = f"{name}:{law.name}"
        dims = () if law.scalar else ("generation", *law.dims)
        variables[name] = (dims, values, describe(law))
    for probe, values, how in _fallback(chain, generations, variables):
        variables[probe] = (("generation",), values, how)
    coords: dict[str, Any] = {"generation": np.arange(generations + 1)}
    levels = next((law.levels for law in applicable(chain) if law.levels), None)
    if levels:
        coords["quantile"] = list(levels)
    return xr.Dataset(variables, coords, attrs={"law": "genloss.theory.predict", "notes": notes})


def _variable(law: Law) -> str:
    """Name what a law predicts: by its probe, what one number says of the chain, and the statistic."""
    path = "" if not law.scalar else ".first_passage" if _passage(law) else ".path"
    return law.probe + path + ("" if law.statistic == "mean" else f".{law.statistic}")


def subject(law: Law) -> str:
    """Say what a law predicts: "mean of variance", "mean first passage of collapsed"."""
    statistic = _statistic(law)
    return f"{_WORDS.get(statistic, statistic)} of {law.probe}"


def _statistic(law: Law) -> str:
    """Name what over replicates is predicted: of a probe, or of the one number a chain that it becomes."""
    if not law.scalar:
        return law.statistic
    path = "first passage" if _passage(law) else "path"
    return f"mean {path}" if law.statistic == "mean" else f"{_WORDS.get(law.statistic, law.statistic)} of the {path}"


def _passage(law: Law) -> bool:
    """Whether the one number of a chain is the generation at which an event first holds, tried on a small one."""
    try:
        found = PATHS[law.probe](np.array([[0.0, 0.0, 0.0, 1.0, 1.0]]))
        return bool(np.ravel(found).tolist() == [3.0])
    except Exception:
        return False


def describe(law: Law) -> dict[str, str]:
    """Say of a law what a variable's attributes should."""
    return {
        "law": law.name,
        "probe": law.probe,
        "statistic": _statistic(law),
        "kind": law.kind,
        "reference": law.reference,
        "formula": law.formula,
    }


class Citation(str):
    """Papers, one per line; shown as such where a notebook or an interpreter shows a value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def cite(chain: Chain) -> Citation:
    """Name the papers behind the predictions for a chain, one per line, each with the probes it speaks of.

    A paper stands once, with authors, year, title and arXiv number; derivations that no paper has follow, then
    published statements that are false of this chain.
    """
    found = [(law.reference, law.probe) for law in applicable(chain)]
    exact = {law.probe: ((), None, {"kind": "exact"}) for law in applicable(chain) if law.kind == "exact"}
    found += [(how["reference"], probe) for probe, _, how in _fallback(chain, 1, exact)]
    false = [
        f"published and false: {law.reference} ({subject(law)}); see {law.corrected}"
        for law in applicable(chain, false=True)
    ]
    return Citation("\n".join(bibliography(found) + false) or "no law in the catalogue applies to this chain")


def _fallback(chain: Chain, generations: int, known: dict[str, Any]) -> list[tuple[str, Any, dict[str, str]]]:
    try:
        probe = fit_of(chain).probe
        if known.get(probe, ((), None, {"kind": ""}))[2]["kind"] == "exact":
            return []
        values = two_point(chain, sizes(chain, generations))
    except _FAILURES:
        return []
    if not np.isfinite(values).any():
        return []
    if probe in known:
        bound = known.pop(probe)
        known[f"{probe}:{bound[2]['law']}"] = bound
    how = {
        "law": "two-point recursion",
        "probe": probe,
        "statistic": "mean",
        "kind": "exact",
        "reference": "genloss: pair coalescence (Kingman 1982 for the idea)",
        "formula": r"C(m,u)=\sum_t w_t C(t,u)",
    }
    return [(probe, values, how)]
