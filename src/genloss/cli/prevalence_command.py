"""`genloss prevalence`: what share of a corpus is synthetic, with an interval."""

import argparse
import json
from pathlib import Path
from typing import Any

_PICTURES = (".png", ".svg", ".pdf")
_PASSED = ("scores", "group", "time", "cluster", "method", "level", "most", "seed")


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "prevalence",
        help="estimate the synthetic share of a corpus",
        description="Estimate which share of the documents of .jsonl, .csv or .txt files (also .gz, .zst) or .parquet "
        "is synthetic, by comparison with human and synthetic references. Scores come from a text classifier that is "
        "trained on half of both references, from a watermark (--spec), or from the files (--scores).",
        epilog="exit status: 0, or 1 if the whole interval lies above --fail-above, 2 for wrong input, or if "
        "--fail-above is given and the share cannot be known",
    )
    from genloss.cli.detect_command import FILES, add_tokens

    command.add_argument("files", nargs="+", metavar="FILE", help=FILES)
    command.add_argument(
        "--reference", required=True, action="append", metavar="HUMAN", help="files known to be human, of the same kind"
    )
    command.add_argument(
        "--synthetic", action="append", metavar="KNOWN", help="files known to be synthetic; not needed with --spec"
    )
    command.add_argument("--spec", type=Path, metavar="JSON", help="a watermark, as transformers or vLLM write it")
    command.add_argument("--scores", metavar="NAME", help="the field that holds a detector's score of each row")
    add_tokens(command)
    command.add_argument("--group", metavar="NAME", help="a field: every group gets a share of its own")
    command.add_argument("--time", metavar="NAME", help="a field: every time gets a share of its own")
    command.add_argument("--cluster", metavar="NAME", help="a field of all files: rows that agree in it (an author, a "
                         "site) are drawn together, so that the interval is honest about them")  # fmt: skip
    command.add_argument("--method", choices=("pacc", "acc", "likelihood", "moments"), default="pacc", metavar="NAME",
                         help="pacc, acc, likelihood or moments (default: pacc)")  # fmt: skip
    command.add_argument("--level", type=float, default=0.95, metavar="C", help="confidence (default: 0.95)")
    command.add_argument("--most", type=int, default=20_000, metavar="N",
                         help="documents of each reference to use, chosen at random (default: 20000)")  # fmt: skip
    command.add_argument("--seed", type=int, default=0, metavar="S", help="decides all random choices (default: 0)")
    command.add_argument("--fail-above", type=float, metavar="SHARE", help="exit with 1 if the share is above, the "
                         "whole interval included")  # fmt: skip
    command.add_argument("--picture", type=Path, metavar="FILE", help="draw the shares with their intervals, by group "
                         "and over time, into a .png, .svg or .pdf file")  # fmt: skip
    command.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    command.set_defaults(call=call)


def call(asked: argparse.Namespace) -> int:
    """Run the command."""
    from genloss.cli.detect_command import loaded, progress, reading
    from genloss.corpus.shards import shards_of
    from genloss.errors import SpecError
    from genloss.plain.numbers import share
    from genloss.provenance.share.corpus_share import share_of_files

    if asked.fail_above is not None:
        share(asked.fail_above, "fail_above", zero=True)
    if asked.picture is not None:
        _check_picture(asked)
    if not asked.spec and (asked.ids or asked.tokenizer or asked.vocab_size):
        raise SpecError("tokenizer=, ids=True and vocab_size= go with spec=; leave them out")
    spec, tokenizer, notes = loaded(asked) if asked.spec else (None, None, [])
    shards = shards_of(asked.files, kind=asked.kind)
    with progress(shards) as told:
        found = share_of_files(
            shards,
            asked.reference,
            asked.synthetic,
            spec=spec,
            tokenizer=tokenizer,
            told=told,
            **{name: getattr(asked, name) for name in _PASSED},
            **reading(asked),
        )
    plain = found.to_dict()
    plain["warnings"] = [*plain["warnings"], *notes]
    if asked.picture is not None:
        _draw(found.prevalence, asked.picture)
    if asked.json:
        print(json.dumps(plain, allow_nan=False, ensure_ascii=False))
    else:
        _tell(plain)
    return int(asked.fail_above is not None and found.exceeds(asked.fail_above))


def _check_picture(asked: argparse.Namespace) -> None:
    from genloss.cli.detect_command import check_out
    from genloss.corpus.shards import shards_of
    from genloss.errors import SpecError

    path = asked.picture
    if path.suffix.lower() not in _PICTURES:
        raise SpecError(f"picture: {path}: no known kind of picture; known: {', '.join(_PICTURES)}")
    read = shards_of([*asked.files, *asked.reference, *(asked.synthetic or [])], kind=asked.kind)
    check_out(path, "picture", [*read, asked.spec, asked.tokenizer])


def _draw(found: Any, path: Path) -> None:
    from genloss.plain.files import commit
    from genloss.provenance.share.pictures import written

    commit(path, written(found.plot(), path.suffix.lower()[1:]))


def _tell(told: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from genloss.cli.detect_command import left_out
    from genloss.cli.tell import console, plain

    screen = console()
    table = Table(header_style="bold")
    table.add_column("documents", overflow="fold")
    for heading in ("number", "share", "low", "high"):
        table.add_column(heading, justify="right")
    parts = [("all", told)]
    parts += [(f"{label}", each) for name in ("groups", "times") for label, each in told.get(name, {}).items()]
    for name, each in parts:
        table.add_row(Text(plain(name)), str(each["rows"]), *(_percent(each[key]) for key in ("share", "low", "high")))
    screen.print(table)
    at_least = (
        "; documents whose watermark does not show are not counted, so this is a lower bound" * told["lower_bound"]
    )
    screen.print(
        f"synthetic share with its {told['level']:.0%} interval, method {told['method']}{at_least}", soft_wrap=True
    )
    for line in left_out(told):
        screen.print(line, soft_wrap=True)
    for name, each in parts:
        for note in each["warnings"]:
            screen.print(f"warning: {'' if name == 'all' else plain(name) + ': '}{plain(note)}", soft_wrap=True)


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1%}"
