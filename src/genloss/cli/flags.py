"""Parameters in messages of the library, as the flags of the command that was called.

The library names a parameter at the head of a message (`vocab_size: ...`) or as Python writes it (`resume=True`,
`spec=`, `engine='rows'`). On the command line each becomes the flag that sets it; what is no flag stays as it is.
"""

import argparse
import re
from typing import Any

_IN_SENTENCE = re.compile(r"(?<![\w.\"'])([a-z_]+)=(?:'([^'\s]*)'|(True)\b|(\.\.\.)|([A-Z]+)\b)?")
_AT_HEAD = re.compile(r"([a-z_]+)(?=(\.[a-z_]+)?: )")


class FlaggedParser(argparse.ArgumentParser):
    """A parser that knows which flag sets which parameter."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.flags: dict[str, str] = {}
        super().__init__(*arguments, **options)

    def add_argument(self, *arguments: Any, **options: Any) -> argparse.Action:
        """Add an argument, and remember its flag."""
        action = super().add_argument(*arguments, **options)
        for flag in action.option_strings:
            if flag.startswith("--"):
                self.flags |= {action.dest: flag, flag[2:].replace("-", "_"): flag}
        return action


def in_flags(message: str, flags: dict[str, str]) -> str:
    """Write a message of the library for the command line.

    Args:
        message: What the library says.
        flags: The flag of each parameter.

    Example:
        >>> in_flags("vocab_size: 7, but spec= says 8; go on with resume=True", {"vocab_size": "--vocab-size"})
        '--vocab-size: 7, but spec= says 8; go on with resume=True'
        >>> in_flags("a run is there; go on with resume=True or out=DIR", {"resume": "--resume", "out": "--out"})
        'a run is there; go on with --resume or --out DIR'
    """

    def flag(match: re.Match[str]) -> str:
        name, text, _, _, word = match.groups()
        value = text or word
        return match[0] if name not in flags else flags[name] + (f" {value}" if value else "")

    head = _AT_HEAD.match(message)
    if head and head[2] is None and head[1] in flags:
        message = flags[head[1]] + message[head.end() :]
    return _IN_SENTENCE.sub(flag, message)
