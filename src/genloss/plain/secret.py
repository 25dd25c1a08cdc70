"""Keys that do not show themselves: what is printed, described and reported of a key is its fingerprint.

A fingerprint is 24 bits, made slowly (PBKDF2, 200,000 rounds), so that it tells keys apart, and whoever has a candidate
can check it; to find a key from it is no easier than to find it from marked text. A key that anybody can guess, such as
the published default, is no secret with or without it.

A key may be named in place of being written down, as `{"env": NAME}` (an environment variable) or `{"file": PATH}`;
then this reference is what a spec and a run keep.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from genloss.errors import SpecError

SECRET = {"secret": True}
"""Marks a dataclass field that holds a key."""
_WAYS = "give the key, {env: NAME} or {file: PATH}"


class Key(int):
    """A whole number that shows its fingerprint and not itself; `int(key)` gives the number.

    Attributes:
        source: Where it was read from: `{"env": NAME}`, `{"file": PATH}`, or nothing where it was given.

    Example:
        >>> Key(42)
        <key-dbd55d>
    """

    source: Mapping[str, str]

    def __new__(cls, value: int, source: Mapping[str, str] | None = None) -> "Key":
        """Hide a number."""
        made = super().__new__(cls, value)
        made.source = dict(source or {})
        return made

    def __repr__(self) -> str:
        return f"<{fingerprint(self)}>"

    def __describe__(self) -> dict[str, str]:
        return {**self.source, "fingerprint": fingerprint(self)}


class Keys(tuple[int, ...]):
    """Whole numbers that show one fingerprint of all of them; `[int(key) for key in keys]` gives the numbers.

    Attributes:
        source: As that of a `Key`.
    """

    source: Mapping[str, str]

    def __new__(cls, values: Sequence[int], source: Mapping[str, str] | None = None) -> "Keys":
        """Hide numbers."""
        made = super().__new__(cls, values)
        made.source = dict(source or {})
        return made

    def __repr__(self) -> str:
        return f"<{len(self)} numbers, {fingerprint(self)}>"

    def __describe__(self) -> dict[str, str]:
        return {**self.source, "fingerprint": fingerprint(self)}


def fingerprint(key: int | Sequence[int]) -> str:
    """What tells keys apart, such as "key-dbd55d": of one number, or of several in their order."""
    numbers = (int(key),) if isinstance(key, int) else tuple(int(each) for each in key)
    return _fingerprint(",".join(map(str, numbers)))


@lru_cache(maxsize=1024)
def _fingerprint(text: str) -> str:
    return "key-" + hashlib.pbkdf2_hmac("sha256", text.encode(), b"genloss watermark key", 200_000, 3).hex()


def hidden_key(given: Any, where: str, least: int, most: int, public: int | None = None) -> int:
    """Read a key, or the reference that names it.

    Args:
        given: A whole number, a `Key`, or a mapping with env or file, and a fingerprint where that is known.
        where: What to call it in messages, which never show it.
        least: The smallest key.
        most: The largest key.
        public: The default that everybody knows: no secret, and not hidden.

    Raises:
        SpecError: If it is not a key, is not found, or has another fingerprint.
    """
    found, source = _found(given, where)
    if hasattr(found, "__index__") and not isinstance(found, (bool, int)):
        found = int(found)
    if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= most:
        raise SpecError(f"{where}: is not a whole number from {least} to {most}; {_WAYS}")
    if found == public and not source:
        return int(found)
    key = found if isinstance(found, Key) else Key(found, source)
    _check(key, given, where)
    return key


def hidden_keys(given: Any, where: str, least: int, most: int) -> Keys:
    """Read several keys, or the reference that names them; see `hidden_key`."""
    found, source = _found(given, where)
    if isinstance(found, (str, bytes)) or not hasattr(found, "__iter__"):
        raise SpecError(f"{where}: is not a list of whole numbers; give one per round, {{env: NAME}} or {{file: PATH}}")
    if isinstance(found, Keys):
        return found
    numbers = [int(hidden_key(each, where, least, most)) for each in found]
    if not numbers:
        raise SpecError(f"{where}: none; give one whole number per round")
    keys = Keys(numbers, source)
    _check(keys, given, where)
    return keys


def shown(given: Any) -> Any:
    """What may be shown of a key as a spec gives it: its reference and its fingerprint."""
    if isinstance(given, Mapping):
        return {str(name): value for name, value in given.items() if name in ("env", "file", "fingerprint")}
    numbers = given if isinstance(given, (list, tuple)) else [given]
    if all(isinstance(each, int) for each in numbers):
        return {"fingerprint": fingerprint(given)}
    return {}


def _found(given: Any, where: str) -> tuple[Any, dict[str, str]]:
    """The value that is given or named, and its reference."""
    if not isinstance(given, Mapping):
        return given, {}
    source = {str(name): str(value) for name, value in given.items() if name != "fingerprint"}
    if not source and "fingerprint" in given:
        raise SpecError(f"{where}: only its fingerprint {str(given['fingerprint'])[:20]!r} is known here; {_WAYS}")
    if len(source) != 1 or not {"env", "file"} & set(source):
        raise SpecError(f"{where}: a mapping with {', '.join(map(str, given)) or 'nothing'}; {_WAYS}")
    if "env" in source:
        text, named = os.environ.get(source["env"]), f"the environment variable {source['env']}"
        if text is None:
            raise SpecError(f"{where}: there is no environment variable {source['env']}; set it to the key")
    else:
        named = source["file"]
        try:
            text = Path(named).read_text(encoding="utf-8")
        except (OSError, ValueError):
            raise SpecError(f"{where}: {named}: cannot be read; give a file that holds the key") from None
    try:
        return json.loads(text), source
    except (ValueError, RecursionError):
        raise SpecError(f"{where}: {named} holds no whole number, nor a list of them in brackets") from None


def _check(key: Key | Keys, given: Any, where: str) -> None:
    wanted = given.get("fingerprint") if isinstance(given, Mapping) else None
    if wanted is not None and str(wanted) != fingerprint(key):
        raise SpecError(
            f"{where}: another key than the one asked for (its fingerprint is {fingerprint(key)}, not "
            f"{str(wanted)[:20]}); give that key, or leave the fingerprint out"
        )
