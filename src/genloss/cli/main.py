"""The `genloss` command."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from genloss.cli.flags import FlaggedParser, in_flags
from genloss.cli.tell import plain
from genloss.errors import NotExact, SpecError

_WRONG, _BROKEN, _STOPPED = 2, 1, 130


class _Parser(FlaggedParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(_WRONG)


def parser() -> argparse.ArgumentParser:
    """Build the parser of the whole command line."""
    from genloss import __version__
    from genloss.cli import detect_command as detect
    from genloss.cli import kinds_command as kinds
    from genloss.cli import predict_command as predict
    from genloss.cli import prevalence_command as prevalence
    from genloss.cli import report_command as report
    from genloss.cli import run_command as run
    from genloss.cli import verify_command as verify

    top = _Parser(prog="genloss", description="Simulate, predict and measure model collapse.")
    top.add_argument("--version", action="version", version=f"genloss {__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in (run, report, predict, verify, detect, prevalence, kinds):
        module.add(commands)
    for command in commands.choices.values():
        command.set_defaults(flags=command.flags)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; what the user got wrong is one line on stderr and exit status 2."""
    asked = parser().parse_args(arguments)
    try:
        return int(asked.call(asked))
    except (SpecError, NotExact) as error:
        return _say(in_flags(str(error), asked), _WRONG)
    except KeyboardInterrupt as stop:
        return _say(str(stop) or "stopped", _STOPPED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _say(f"{where}{error.strerror or error}; what was finished is kept", _WRONG)
    except MemoryError:
        return _say("out of memory; give fewer workers, or smaller n", _BROKEN)
    except Exception as error:
        if os.environ.get("GENLOSS_DEBUG"):
            raise
        text = (str(error).strip() or "no message").splitlines()[0]
        return _say(f"{type(error).__name__}: {text} (GENLOSS_DEBUG=1 shows where)", _BROKEN)


def _say(message: str, status: int) -> int:
    line = " ".join(message.split())
    print(f"genloss: {plain(line)}", file=sys.stderr)
    return status
