"""`genloss prevalence`: what share of a corpus is synthetic, with an interval."""

import argparse
import json
from pathlib import Path
from typing import Any

_PICTURES = (".png", ".svg", ".pdf")


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "prevalence",
        help="estimate the synthetic share of a corpus",
        description="Estimate which share of the documents of .jsonl, .jsonl.gz, .parquet or .txt files is synthetic, "
        "by comparison with human and synthetic references. Scores come from a text classifier that is trained on half "
        "of both references, from a watermark (--spec), or from the files (--scores).",
        epilog="exit status: 0, or 1 where the whole interval lies above --fail-above, 2 for wrong input, or where "
        "--fail-above is given and the share cannot be known",
    )
    command.add_argument("files", nargs="+", metavar="FILE", help="what to judge, a document a row")
    command.add_argument(
        "--reference", required=True, action="append", metavar="HUMAN", help="files known to be human, of the same kind"
    )
    command.add_argument(
        "--synthetic", action="append", metavar="KNOWN", help="files known to be synthetic; not needed with --spec"
    )
    command.add_argument("--spec", type=Path, metavar="JSON", help="a watermark, as transformers or vLLM write it")
    command.add_argument("--scores", metavar="NAME", help="the field that holds a detector's score of each row")
    from genloss.cli.detect_command import add_tokens

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
    command.add_argument("--fail-above", type=float, metavar="SHARE", help="exit with 1 where the share is above, the "
                         "whole interval included")  # fmt: skip
    command.add_argument("--picture", type=Path, metavar="FILE", help="draw the shares with their intervals, by group "
                         "and over time, into a .png, .svg or .pdf file")  # fmt: skip
    command.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    command.set_defaults(call=call)


def call(asked: argparse.Namespace) -> int:
    """Run the command."""
    from genloss.cli.detect_command import check_share
    from genloss.errors import SpecError

    check_share(asked.fail_above, "--fail-above")
    check_share(asked.level, "--level", least=0.01)
    if asked.picture is not None:
        _check_picture(asked)
    if asked.most < 1:
        raise SpecError(f"--most: {asked.most}; give a whole number from 1")
    if asked.scores and asked.spec:
        raise SpecError("--scores: the files hold scores already; leave out --spec")
    if (asked.scores or not asked.spec) and not asked.synthetic:
        raise SpecError("--synthetic: nothing known to be synthetic to compare with; give it, or a watermark by --spec")
    if not asked.spec and (asked.ids or asked.tokenizer or asked.vocab_size):
        raise SpecError("--tokenizer, --ids and --vocab-size go with --spec; leave them out")
    found, notes, least = _estimated(asked)
    plain = found.to_dict() | {"lower_bound": least}
    plain["warnings"] = [*plain["warnings"], *notes]
    if asked.picture is not None:
        _draw(found, asked.picture)
    if asked.json:
        print(json.dumps(plain, allow_nan=False, ensure_ascii=False))
    else:
        _tell(plain)
    if asked.fail_above is None:
        return 0
    if not found.identified or (found.low <= 0 and found.high >= 1):
        raise SpecError("--fail-above: the share cannot be known from these references, so nothing is passed")
    return int(found.low > asked.fail_above)


def _check_picture(asked: argparse.Namespace) -> None:
    from genloss.cli.detect_command import check_out
    from genloss.errors import SpecError

    path = asked.picture
    if path.suffix.lower() not in _PICTURES:
        raise SpecError(f"--picture: {path}: no known kind of picture; known: {', '.join(_PICTURES)}")
    read = [*asked.files, *asked.reference, *(asked.synthetic or []), asked.spec, asked.tokenizer]
    check_out(path, "--picture", [Path(each) for each in read if each is not None])


def _draw(found: Any, path: Path) -> None:
    from genloss.plain.files import commit
    from genloss.provenance.share.pictures import written

    commit(path, written(found.plot(), path.suffix.lower()[1:]))


def _estimated(asked: argparse.Namespace) -> tuple[Any, list[str], bool]:
    """The estimate, what speaks against it, and whether it is but a lower bound."""
    import numpy as np

    from genloss.cli.detect_command import loaded, progress
    from genloss.errors import SpecError
    from genloss.provenance.share import estimates
    from genloss.provenance.share.prevalence import prevalence
    from genloss.provenance.watermarks.corpus_rows import files_of, rows_of

    files, human = files_of(asked.files), files_of(asked.reference)
    synthetic = files_of(asked.synthetic or [])
    field = asked.scores or asked.field or ("ids" if asked.ids else "text")
    cluster = [name for name in (asked.cluster,) if name is not None]
    labels = [name for name in (asked.group, asked.time, asked.cluster) if name is not None]
    rng = np.random.default_rng(asked.seed)
    notes: list[str] = []
    method = asked.method
    made: Any = None
    makers: list[Any] = []
    spec, tokenizer = None, None
    if asked.spec:
        spec, tokenizer, notes = loaded(asked)

    def reference(paths: list[Path]) -> Any:
        return estimates.sampled(rows_of(paths, field, cluster), asked.most, rng)

    with progress(files) as told:
        if spec is not None:
            score = estimates.by_watermark(spec, tokenizer)
            if not synthetic:
                score, method, made = estimates.flagged(score, 0.01), "moments", 1.0
        elif asked.scores:
            score = estimates.by_field
        else:
            score, *known = estimates.by_classifier(reference(human), reference(synthetic), rng, bool(cluster))
            (real, authors), (made, makers) = known
        if spec is not None or asked.scores:
            real, authors = estimates.scores(score, reference(human), len(cluster))
            if made is None:
                made, makers = estimates.scores(score, reference(synthetic), len(cluster))
        corpus, named = estimates.scores(score, rows_of(files, field, labels, told), len(labels))
    for each, name in ((corpus, files[0]), (real, "--reference"), (made, "--synthetic")):
        if np.ndim(each) and not len(each):
            raise SpecError(f"{name}: no documents; give at least one")
    options: dict[str, Any] = {
        "groups": named[0] if asked.group is not None else None,
        "times": named[asked.group is not None] if asked.time is not None else None,
    }
    if cluster:
        options |= {"clusters": named[-1], "human_clusters": authors[0]}
        options |= {"synthetic_clusters": makers[0]} if makers else {}
    found = prevalence(corpus, real, made, method, level=asked.level, seed=asked.seed, **options)
    return found, notes, spec is not None and not synthetic


def _tell(told: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

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
    at_least = "; documents whose watermark does not show are not counted: at least so many" * told["lower_bound"]
    screen.print(
        f"synthetic share with its {told['level']:.0%} interval, method {told['method']}{at_least}", soft_wrap=True
    )
    for name, each in parts:
        for note in each["warnings"]:
            screen.print(f"warning: {'' if name == 'all' else plain(name) + ': '}{plain(note)}", soft_wrap=True)


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1%}"
