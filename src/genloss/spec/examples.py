"""The packaged specs: one table for `genloss run --example` and every list of them."""

from importlib import resources

from genloss.errors import SpecError

EXAMPLES = {
    "overview": "text, handwritten digits and a Gaussian, each under five data regimes with a control",
    "gaussian": "the normal law under six regimes, 1,000 replicates by the exact engine; needs no extra package",
}
"""What each packaged spec shows, by its name; the first one runs if none is named."""


def example(name: str) -> str:
    """The YAML text of a packaged spec.

    Raises:
        SpecError: If no packaged spec has the name.
    """
    if name not in EXAMPLES:
        raise SpecError(f"example: no packaged spec {name!r}; known: {', '.join(EXAMPLES)}")
    return resources.files("genloss").joinpath("examples", f"{name}.yaml").read_text(encoding="utf-8")
