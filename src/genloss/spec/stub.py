"""The type stub of `genloss`: `python -m genloss.spec.stub > src/genloss/__init__.pyi`."""

import sys

from genloss.spec.front import WINGS, places


def stub() -> str:
    """Write the type stub of `genloss`."""
    lines = ["# Written by `python -m genloss.spec.stub`.", "from typing import Final", ""]
    lines += [f"from genloss import {wing} as {wing}" for wing in WINGS]
    by_module: dict[str, list[str]] = {}
    for name, module in places().items():
        by_module.setdefault(module, []).append(name)
    for module in sorted(by_module):
        lines += [f"from {module} import {name} as {name}" for name in sorted(by_module[module])]
    names = "".join(f'    "{name}",\n' for name in sorted({*places(), *WINGS}))
    return "\n".join([*lines, "", "__version__: Final[str]", f"__all__ = [\n{names}]", ""])


if __name__ == "__main__":
    sys.stdout.write(stub())
