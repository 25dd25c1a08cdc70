"""`genloss detect`: which documents of a corpus bear a watermark."""

import argparse
import json
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SHOWN = 20
FILES = "files, folders, patterns or addresses, one document per row; - for standard input"


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "detect",
        help="find watermarked documents",
        description="Test every document of .jsonl, .csv or .txt files (also .gz, .zst) or .parquet for a watermark.",
        epilog="exit status: 0, or 1 if more than --fail-above of the documents bear the watermark, 2 for wrong input",
    )
    command.add_argument("files", nargs="+", metavar="FILE", help=FILES)
    command.add_argument(
        "--spec", required=True, type=Path, metavar="JSON", help="the watermark, as transformers or vLLM write it"
    )
    add_tokens(command)
    command.add_argument(
        "--fdr", type=float, default=0.01, metavar="Q", help="expected share of false flags (default: 0.01)"
    )
    command.add_argument(
        "--fail-above", type=float, metavar="SHARE", help="exit with 1 where more of the documents are flagged"
    )
    command.add_argument("--out", type=Path, metavar="FILE", help="write the evidence of every document as JSON lines")
    command.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    command.set_defaults(call=call)


def add_tokens(command: Any) -> None:
    """Add the options that say how rows become token ids."""
    command.add_argument("--field", metavar="NAME", help="the field of a row (default: text, or ids with --ids)")
    command.add_argument(
        "--kind", metavar="KIND", help="csv, jsonl, parquet or txt, whatever names end in (default: what they end in)"
    )
    command.add_argument(
        "--cut",
        default="paragraphs",
        metavar="HOW",
        help="documents of a .txt file: paragraphs, lines or whole (default: paragraphs)",
    )
    command.add_argument(
        "--empty", default="skip", metavar="HOW", help="documents without text: skip or error (default: skip)"
    )
    command.add_argument(
        "--broken", default="error", metavar="HOW", help="rows that cannot be read: skip or error (default: error)"
    )
    command.add_argument(
        "--tokenizer", type=Path, metavar="DIR|FILE", help="the model's tokenizer.json, or its folder; reads text"
    )
    command.add_argument("--ids", action="store_true", help="rows hold token ids")
    command.add_argument(
        "--vocab-size", type=int, metavar="V", help="the vocab_size of the model's config, where no file says it"
    )


def call(asked: argparse.Namespace) -> int:
    """Run the command."""
    from genloss.corpus.shards import shards_of
    from genloss.plain.numbers import share
    from genloss.provenance.watermarks.corpora import detect_files

    if asked.fail_above is not None:
        share(asked.fail_above, "fail_above", zero=True)
    shards = shards_of(asked.files, kind=asked.kind)
    if asked.out is not None:
        check_out(asked.out, "out", [*shards, asked.spec, asked.tokenizer])
    spec, tokenizer, notes = loaded(asked)
    with progress(shards) as told:
        found = detect_files(shards, spec, tokenizer, fdr=asked.fdr, told=told, **reading(asked))
    if asked.out is not None:
        found.write(asked.out)
    plain = found.to_dict() | {"warnings": notes}
    if asked.json:
        print(json.dumps(plain, allow_nan=False, ensure_ascii=False))
    else:
        _tell(plain)
    return int(asked.fail_above is not None and found.exceeds(asked.fail_above))


def reading(asked: argparse.Namespace) -> dict[str, Any]:
    """The options that say how files are read."""
    return {name: getattr(asked, name) for name in ("field", "kind", "cut", "empty", "broken")}


def loaded(asked: argparse.Namespace) -> tuple[Any, Any, list[str]]:
    """The watermark, the tokenizer (None for --ids), and what speaks against them."""
    from genloss.errors import SpecError
    from genloss.provenance.watermarks.loading import check_vocabulary, tokenizer_of, watermark_of

    if asked.ids == (asked.tokenizer is not None):
        raise SpecError("tokenizer: give the model's tokenizer to read text, or ids=True to read token ids, not both")
    spec = watermark_of(asked.spec, asked.vocab_size, asked.tokenizer)
    if asked.ids:
        return spec, None, []
    tokenizer = tokenizer_of(asked.tokenizer)
    note = check_vocabulary(spec, tokenizer)
    return spec, tokenizer, [note] if note else []


def check_out(path: Path, where: str, inputs: Iterable[Any]) -> None:
    """Refuse to write where no file can be, or over a file that is read."""
    from genloss.errors import SpecError

    if path.is_dir():
        raise SpecError(f"{where}: {path}: is a folder; give a file")
    if not path.parent.is_dir():
        raise SpecError(f"{where}: {path.parent}: no such folder; make it first")
    if not path.exists():
        return
    names = [getattr(each, "name", each) if not isinstance(each, Path) else each for each in inputs if each is not None]
    read = [Path(name) for name in names]
    read += [each / name for each in read if each.is_dir() for name in ("tokenizer.json", "config.json")]
    for each in read:
        if each.exists() and path.samefile(each):
            raise SpecError(f"{where}: {path}: is read by this command; give another file")


@contextmanager
def progress(shards: Iterable[Any]) -> Iterator[Any]:
    """A bar over the bytes of files, on a terminal."""
    import sys

    from tqdm import tqdm

    total = sum(shard.size for shard in shards)
    with tqdm(
        total=total or None, unit="B", unit_scale=True, file=sys.stderr, leave=False, disable=not sys.stderr.isatty()
    ) as bar:
        yield bar.update


def left_out(told: dict[str, Any]) -> list[str]:
    """What was left out, in words."""
    kinds = {"empty": "documents without text", "broken": "rows that cannot be read"}
    return [f"left out: {told['left_out'][name]} {text}" for name, text in kinds.items() if told["left_out"][name]]


def _tell(told: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from genloss.cli.tell import console, plain

    screen = console()
    documents, flagged, corpus = told["documents"], told["flagged"], told["corpus"]
    found = f"{flagged} of {documents} documents bear the watermark ({told['share']:.1%})"
    said = [f"{found} at a false discovery rate of {told['fdr']:g}"]
    said.append(f"the corpus as one text: {_p(corpus['log10_p'])}, {corpus['units']} units, {corpus['method']}")
    if told["too_short"]:
        said.append(f"{told['too_short']} documents are too short to say anything (p = 1)")
    said += left_out(told)
    for line in [*said, *(f"warning: {note}" for note in told["warnings"])]:
        screen.print(line, soft_wrap=True)
    if not flagged:
        return
    table = Table(header_style="bold")
    for heading in ("document", "units", "statistic", "p", "adjusted"):
        table.add_column(heading, overflow="fold", justify="left" if heading == "document" else "right")
    for each in told["found"][:_SHOWN]:
        table.add_row(
            Text(plain(each["where"])),
            str(each["units"]),
            f"{each['statistic']:.5g}",
            _p(each["log10_p"])[4:],
            _p(each["log10_adjusted_p"])[4:],
        )
    screen.print(table)
    if flagged > _SHOWN:
        screen.print(f"and {flagged - _SHOWN} more; --json names all, --out keeps the evidence of every document")


def _p(log10_p: float | None) -> str:
    """A p-value of any size, as text."""
    if log10_p is None:
        return "p = 0"
    if log10_p > -3:
        return f"p = {10**log10_p:.3g}"
    whole = math.floor(log10_p)
    digits, _, more = f"{10 ** (log10_p - whole):.1e}".partition("e")
    return f"p = {digits}e{whole + int(more)}"
