"""Parameters in messages of the library, as the flags of the command that was called.

The library names a parameter at the head of a message (`vocab_size: ...`) or as Python writes it (`resume=True`,
`spec=`, `engine='rows'`). On the command line each becomes the flag that sets it; what is not a flag stays as it is.
"""

import argparse
import re
from typing import Any

_IN_SENTENCE = re.compile(r"(?<![\w.\"'])([a-z_]+)=(?:'([^'\s]*)'|(True)\b|(\.\.\.)|([A-Z]+)\b)?")
_AT_HEAD = re.compile(r"([a-z_]+)(?=: )")


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


def in_flags(message: str, asked: argparse.Namespace) -> str:
    """Write a message of the library for the command line.

    Args:
        message: What the library says.
        asked: What was asked for, with the flags of the command.

    Example:
        >>> flags = {"resume": "--resume", "out": "--out", "seed": "--seed"}
        >>> in_flags("seed: must be 0 or more; go on with resume=True or out=DIR", argparse.Namespace(flags=flags))
        '--seed: must be 0 or more; go on with --resume or --out DIR'
    """
    flags: dict[str, str] = getattr(asked, "flags", {})

    def flag(match: re.Match[str]) -> str:
        name, text, _, _, word = match.groups()
        value = text or word
        return match[0] if name not in flags else flags[name] + (f" {value}" if value else "")

    head = _AT_HEAD.match(message)
    # A file may be called like a parameter.
    if head and head[1] in flags and head[1] not in _given(asked):
        message = flags[head[1]] + message[head.end() :]
    return _IN_SENTENCE.sub(flag, message)


def _given(asked: argparse.Namespace) -> set[str]:
    """All values that were given, as text."""
    values = [each if isinstance(each, (list, tuple)) else [each] for each in vars(asked).values()]
    return {str(value) for each in values for value in each}
