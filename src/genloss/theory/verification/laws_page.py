"""The page of all laws, written from `LAWS`.

`python -m genloss.theory.verification.laws_page > docs/reference/laws.md`.
"""

import inspect
import re
import sys
from typing import Any

from genloss.theory.laws import LAWS, Law
from genloss.theory.predict import subject

_HEAD = """# Laws

Every theorem that genloss knows, as it is computed and verified. This page is written from the laws themselves by
`python -m genloss.theory.verification.laws_page`; `genloss.theory.predict(chain)` evaluates those that apply, and
`genloss.theory.verification.ledger.rows()` holds every one of them against simulation.

- Generation 0 is the model fitted to $n_0$ real rows; $n_t$ is the number of rows drawn at generation $t$, and
  $N_t = n_0 + \\dots + n_t$.
- $\\mu, \\sigma$ belong to the truth, $\\mu_t, \\sigma_t$ to the model of generation $t$; $\\nu_t = n_t - 1$. $q_t$ is
  the divisor of the variance, $n_t - 1$ or $n_t$, so that $f_t^2 = (\\sigma_t / \\sigma_{t-1})^2$ is $\\chi^2 / q_t$.
  Expectations are over histories of the whole chain. $c_4(n) = E\\,s/\\sigma$ for the unbiased $s^2$ of $n$ rows.
- $C(s, t)$ is half the expected squared distance of independent draws from models $s$ and $t$ (for symbols the chance
  that they differ), in units of the truth's own; see the two-point recursion in `genloss.theory.recursions.twopoint`.
- *exact*: equal at every generation. *asymptotic*: tends to it. *bound*: never passed.
"""


def markdown() -> str:
    """Write the page."""
    parts = [_HEAD]
    chapters: dict[str, list[Law]] = {}
    for law in LAWS.values():
        if law.compute.__module__.startswith("genloss.theory."):
            chapters.setdefault(law.compute.__module__, []).append(law)
    for module, laws in chapters.items():
        parts.append(f"## {_title(module)}\n")
        parts += [_entry(law) for law in laws]
    return "\n".join(parts).rstrip() + "\n"


def _title(module: str) -> str:
    first = (inspect.getdoc(sys.modules[module]) or module).splitlines()[0].rstrip(".")
    return re.sub(r"^Laws of ", "", first)[:1].upper() + re.sub(r"^Laws of ", "", first)[1:]


def _entry(law: Law) -> str:
    what = subject(law).removesuffix(law.probe) + f"`{law.probe}`"
    if law.status != "holds":
        verdict = f"**published and false**; [`{law.corrected}`](#{law.corrected}) holds"
    else:
        verdict = law.kind
    lines = [
        f"### {law.name}\n",
        f"{law.meaning}\n",
        f"```math\n{law.formula}\n```\n",
        f"- Predicts: {what} over replicates ({verdict})",
        *([f"- Loose: [`{law.sharper}`](#{law.sharper}) says how things are"] if law.sharper else []),
        *([f"- Holds for: {_hypothesis(law)}"] if law.hypothesis else []),
        f"- Source: {law.reference}",
        f"- Verified on: {example_of(law)}\n",
    ]
    return "\n".join(lines)


def _hypothesis(law: Law) -> str:
    parts = ", ".join(f"{part} {_names(kind)}" for part, kind in law.hypothesis.items())
    said = (law.when.__doc__ or "") if law.when is not None else ""
    return f"{parts}; {said[8:].splitlines()[0].rstrip('.')}" if said.startswith("Whether ") else parts


def _names(kind: Any) -> str:
    return " or ".join(f"`{one.__name__}`" for one in (kind if isinstance(kind, tuple) else (kind,)))


def example_of(law: Law) -> str:
    """Write the chain that a law is verified on as it would be made in Python."""
    chain = law.example
    if chain is None:
        return "an experiment of its own"
    parts = [chain.source, chain.learner, chain.regime]
    if type(chain.curator).__name__ != "KeepAll":
        parts.append(chain.curator)
    shown = ", ".join(_shown(part) for part in parts)
    return f"`{shown}, n0={chain.n0}`"


def _shown(part: Any) -> str:
    """Write a part without what it has by default."""
    fields = getattr(type(part), "__dataclass_fields__", {})
    said = []
    for name, field in fields.items():
        value = getattr(part, name)
        same = value is field.default or repr(value) == repr(field.default)
        if field.init and not same:
            said.append(f"{name}={_value(value)}")
    return f"{type(part).__name__}({', '.join(said)})"


def _value(value: Any) -> str:
    if hasattr(value, "tolist"):
        value = value.tolist()
        if isinstance(value, list) and len(value) > 8:
            return f"[{len(value)} numbers]"
    if hasattr(type(value), "__dataclass_fields__"):
        return _shown(value)
    return re.sub(r"\s+", " ", repr(value))


if __name__ == "__main__":
    import genloss.theory  # noqa: F401  (filling LAWS)

    sys.stdout.write(markdown())
