"""`genloss detect` and `genloss prevalence`: what they print and write, their exit status, and hostile input."""

import base64
import gzip
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import genloss as gl
from genloss.cli.main import main
from genloss.corpus import BPE, Columns, Document, read, write
from genloss.corpus import lines as lines_module
from genloss.corpus.readers import sotu_texts
from genloss.families.ngram.learner import NGram
from genloss.plain.describe import describe
from genloss.plain.secret import fingerprint
from genloss.provenance import KGW, Watermarked, WatermarkSpec
from genloss.provenance.share.filters import Unwatermarked
from genloss.provenance.watermarks.corpora import detect_rows
from genloss.spec.build import build

CONFIG = {"greenlist_ratio": 0.25, "bias": 6.0, "hashing_key": 15485863, "seeding_scheme": "lefthash"}


@pytest.fixture(scope="module")
def made():
    """Human and watermarked texts, the tokenizer, its vocabulary."""
    texts = sotu_texts()[::20]
    documents = BPE(600).train(texts)
    size = documents.tokenizer.size
    spec = WatermarkSpec.from_transformers(CONFIG, vocab_size=size)
    rng = np.random.default_rng(0)
    marked = Watermarked(NGram(3, max_length=150), spec).fit(documents, rng).sample(260, rng)
    marked = marked.take(np.flatnonzero(marked.lengths > 40))
    assert len(marked) > 140
    return texts, marked, documents.tokenizer, size


@pytest.fixture
def here(tmp_path, monkeypatch, made):
    monkeypatch.chdir(tmp_path)
    texts, marked, tokenizer, size = made
    (tmp_path / "tokenizer.json").write_text(tokenizer.settings)
    (tmp_path / "config.json").write_text(json.dumps({"vocab_size": size}))
    (tmp_path / "watermark.json").write_text(json.dumps(CONFIG))
    written = list(marked)
    lines("corpus.jsonl", [{"text": text, "year": 1900 + i % 2} for i, text in enumerate(texts[:190] + written[:10])])
    lines("human.jsonl", [{"text": text} for text in texts[400:700]])
    lines("made.jsonl", [{"text": text} for text in written[20:140]])
    return tmp_path


def lines(name, rows):
    with open(name, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def rows(name):
    with open(name, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


READ = ("--spec", "watermark.json", "--tokenizer", ".")


def ran(capsys, *arguments):
    try:
        status = main(list(map(str, arguments)))
    except SystemExit as stop:
        status = stop.code
    said = capsys.readouterr()
    return status, said.out, said.err


def refused(capsys, *arguments):
    """Run, and give the one line that says why not."""
    status, out, err = ran(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert err.startswith("genloss")
    assert err.count("\n") == 1
    return err


def test_watermarked_documents_are_found_and_said(here, capsys):
    status, out, _ = ran(capsys, "detect", "corpus.jsonl", *READ)
    assert status == 0
    assert "of 200 documents bear the watermark" in out
    assert "the corpus as one text: p = " in out
    assert "warning: the tokenizer has 600 ids, the watermark 601" in out
    assert "corpus.jsonl: line 19" in out or "corpus.jsonl: line 200" in out


def test_json_names_every_flagged_document_and_ids_say_the_same(here, capsys, made):
    status, out, err = ran(capsys, "detect", "corpus.jsonl", *READ, "--json")
    found = json.loads(out)
    assert (status, err) == (0, "")
    assert found["documents"] == 200
    assert 8 <= found["flagged"] <= 12
    lines_flagged = {int(each["where"].rpartition(" ")[2]) for each in found["found"]}
    assert len(lines_flagged & set(range(191, 201))) >= 8
    assert found["corpus"]["log10_p"] < -4
    logs = [each["log10_p"] for each in found["found"]]
    assert logs == sorted(logs)
    assert all(each["log10_adjusted_p"] <= -2 for each in found["found"])
    _, marked, _, size = made
    ids = [marked.tokens[a:b].tolist() for a, b in zip(marked.offsets, marked.offsets[1:], strict=False)][:10]
    lines("ids.jsonl", [{"ids": each} for each in ids])
    pq.write_table(pa.table({"ids": ids}), "ids.parquet")
    read = ("--spec", "watermark.json", "--ids", "--vocab-size", size, "--json")
    both = [json.loads(ran(capsys, "detect", f"ids.{kind}", *read)[1]) for kind in ("jsonl", "parquet")]
    assert [each["log10_p"] for each in both[0]["found"]] == [each["log10_p"] for each in both[1]["found"]]
    spec = WatermarkSpec.from_transformers(CONFIG, vocab_size=size)
    assert both[0]["found"][0]["log10_p"] == pytest.approx(spec.detect_each(ids).log10_p.min())
    assert both[0]["corpus"]["log10_p"] == pytest.approx(spec.detect_corpus(ids).log10_p)


def test_every_kind_of_file_says_the_same(here, capsys):
    texts = [row["text"] for row in rows("corpus.jsonl")]
    pq.write_table(pa.table({"text": texts}), "corpus.parquet", row_group_size=70)
    with gzip.open("corpus.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text}) + "\n" for text in texts)
    with open("corpus.txt", "w", encoding="utf-8") as file:
        file.write("\n\n".join(" ".join(text.split()) for text in texts))
    found = [
        json.loads(ran(capsys, "detect", f"corpus.{kind}", *READ, "--json")[1])
        for kind in ("jsonl", "parquet", "jsonl.gz", "txt")
    ]
    assert found[0]["corpus"] == found[1]["corpus"] == found[2]["corpus"]
    assert [each["documents"] for each in found] == [200] * 4
    together = json.loads(ran(capsys, "detect", "corpus.jsonl", "corpus.parquet", *READ, "--json")[1])
    assert together["documents"] == 400
    assert together["corpus"]["units"] == found[0]["corpus"]["units"]


def test_a_detector_and_a_chain_cut_one_text_file_alike(here, capsys, made):
    """Inner indentation, white space of other scripts, byte order marks: what a chain trains on is what is tested."""
    text = "\ufeffFirst line,\n    an indented one.\r\n\u3000\n\n" + "\n\n".join(
        f"def f{i}(x):\n    return [\n        x + {i}, {i % 7}\n    ]\n \n  And words of {i}." for i in range(40)
    )
    (here / "code.txt").write_text(text, encoding="utf-8")
    documents = gl.TextFiles("code.txt").corpus.documents
    assert documents[0] == "First line,\n    an indented one."
    tokenizer, size = made[2:]
    ids = [each.ids for each in tokenizer._learned.encode_batch(list(documents), add_special_tokens=False)]
    spec = WatermarkSpec.from_transformers(CONFIG, vocab_size=size)
    found = json.loads(ran(capsys, "detect", "code.txt", *READ, "--json")[1])
    assert found["documents"] == len(documents) == 81
    assert found["corpus"]["units"] == spec.detect_corpus(ids).units
    assert found["corpus"]["log10_p"] == pytest.approx(spec.detect_corpus(ids).log10_p)


def test_empty_and_broken_rows_are_left_out_and_counted(here, capsys):
    lines("rows.jsonl", [*rows("corpus.jsonl"), {"text": " "}, {"text": 5}, {"body": "x"}])
    assert "line 202: holds a number, not text; name the field of the text (--field)" in refused(
        capsys, "detect", "rows.jsonl", *READ
    )
    assert "line 201: the text is empty; mend it or set --empty skip" in refused(
        capsys, "detect", "rows.jsonl", *READ, "--empty", "error"
    )
    found = json.loads(ran(capsys, "detect", "rows.jsonl", *READ, "--json", "--broken", "skip")[1])
    assert found["documents"] == 200
    assert found["left_out"] == {"empty": 1, "broken": 2}
    assert found["corpus"] == json.loads(ran(capsys, "detect", "corpus.jsonl", *READ, "--json")[1])["corpus"]
    _, out, _ = ran(capsys, "detect", "rows.jsonl", *READ, "--broken", "skip")
    assert "left out: 1 documents without text" in out
    assert "left out: 2 rows that cannot be read" in out
    known = ("--reference", "human.jsonl", "--synthetic", "made.jsonl")
    share = json.loads(ran(capsys, "prevalence", "rows.jsonl", *known, "--broken", "skip", "--json")[1])
    assert share["rows"] == 200
    assert share["left_out"] == {"empty": 1, "broken": 2}
    assert "empty must be 'error' or 'skip', got 'drop'" in refused(
        capsys, "detect", "rows.jsonl", *READ, "--empty", "drop"
    )


def test_folders_csv_and_standard_input(here, capsys, monkeypatch):
    texts = [row["text"] for row in rows("corpus.jsonl")]
    whole = json.loads(ran(capsys, "detect", "corpus.jsonl", *READ, "--json")[1])
    (here / "folder").mkdir()
    write(({"text": text} for text in texts[:90]), "folder/a.csv.gz")
    write(({"text": text} for text in texts[90:]), "folder/b.jsonl.zst")
    assert json.loads(ran(capsys, "detect", "folder", *READ, "--json")[1])["corpus"] == whole["corpus"]
    content = io.TextIOWrapper(io.BufferedReader(io.BytesIO((here / "corpus.jsonl").read_bytes())))
    monkeypatch.setattr("sys.stdin", content)
    found = json.loads(ran(capsys, "detect", "-", *READ, "--json")[1])
    assert found["corpus"] == whole["corpus"]
    assert found["found"][0]["where"].startswith("standard input: line ")
    for name in ("evidence.jsonl", "evidence.csv", "evidence.parquet"):
        assert ran(capsys, "detect", "corpus.jsonl", *READ, "--out", name)[0] == 0
    kept = Columns(None, further={name: name for name in ("where", "statistic", "units")})
    first, second, third = ([each.columns for each in read(f"evidence.{kind}", kept)] for kind in KEPT)
    assert first == third
    assert [{name: str(value) for name, value in each.items()} for each in first] == second


KEPT = ("jsonl", "csv", "parquet")


@pytest.mark.parametrize(("bound", "status"), [("0.02", 1), ("0.2", 0)])
def test_the_exit_status_serves_ci(here, capsys, bound, status):
    assert ran(capsys, "detect", "corpus.jsonl", *READ, "--fail-above", bound)[0] == status
    known = ("--reference", "human.jsonl", "--synthetic", "made.jsonl")
    lines("half.jsonl", rows("corpus.jsonl") + rows("made.jsonl"))
    bound = "0.1" if status else "0.9"
    assert ran(capsys, "prevalence", "half.jsonl", *known, *READ, "--fail-above", bound)[0] == status


def test_the_evidence_of_every_document_is_written_whole_or_not_at_all(here, capsys):
    assert ran(capsys, "detect", "corpus.jsonl", *READ, "--out", "evidence.jsonl")[0] == 0
    found = rows("evidence.jsonl")
    assert len(found) == 200
    assert set(found[0]) == {"where", "statistic", "units", "log10_p", "log10_adjusted_p", "flagged"}
    lines("bad.jsonl", [{"text": "fine"}, {"text": None}])
    before = sorted(path.name for path in here.iterdir())
    assert "bad.jsonl: line 2: holds nothing, not text" in refused(
        capsys, "detect", "corpus.jsonl", "bad.jsonl", *READ, "--out", "more.jsonl"
    )
    assert sorted(path.name for path in here.iterdir()) == before
    assert "--out: nowhere: no such folder" in refused(
        capsys, "detect", "corpus.jsonl", *READ, "--out", "nowhere/more.jsonl"
    )


def test_a_document_costs_few_bytes_however_long_it_is():
    spec = WatermarkSpec(KGW(100))
    rows = (Document(f"corpus.jsonl: line {i + 1}", columns={"ids": [i % 100, 5, 7, i % 90]}) for i in range(2000))
    found = detect_rows(rows, spec)
    held = [value for value in vars(found).values() if isinstance(value, np.ndarray)]
    assert sum(each.nbytes for each in held) == 36 * 2000
    assert found.where(1999) == "corpus.jsonl: line 2000"


def test_what_is_read_is_not_written_over(here, capsys):
    (here / "link.jsonl").symlink_to("corpus.jsonl")
    (here / "hard.jsonl").hardlink_to("human.jsonl")
    (here / "mark.png").write_text((here / "watermark.json").read_text())
    (here / "folder.png").mkdir()
    before = {path.name: path.read_bytes() for path in here.iterdir() if path.is_file()}
    detect = ("detect", "corpus.jsonl", "human.jsonl", *READ, "--out")
    for out in ("corpus.jsonl", "./human.jsonl", "link.jsonl", "hard.jsonl", "watermark.json", "config.json"):
        assert f"--out: {Path(out)}: is read by this command" in refused(capsys, *detect, out)
    assert "--out: .: is a folder; give a file" in refused(capsys, *detect, ".")
    drawn = ("prevalence", "corpus.jsonl", "--reference", "human.jsonl", "--spec", "mark.png", "--tokenizer", ".")
    assert "--picture: mark.png: is read by this command" in refused(capsys, *drawn, "--picture", "mark.png")
    assert "--picture: folder.png: is a folder" in refused(capsys, *drawn, "--picture", "folder.png")
    assert {path.name: path.read_bytes() for path in here.iterdir() if path.is_file()} == before


def test_prevalence_by_classifier_watermark_and_scores(here, capsys):
    known = ("--reference", "human.jsonl", "--synthetic", "made.jsonl", "--json")
    watermark = json.loads(ran(capsys, "prevalence", "corpus.jsonl", *known, *READ, "--group", "year")[1])
    assert watermark["low"] <= 0.05 <= watermark["high"] < 0.15
    assert list(watermark["groups"]) == ["1900", "1901"]
    classifier = json.loads(ran(capsys, "prevalence", "corpus.jsonl", *known)[1])
    assert 0 <= classifier["low"] < 0.1
    assert classifier["rows"] == 200
    alone = json.loads(ran(capsys, "prevalence", "corpus.jsonl", "--reference", "human.jsonl", *READ, "--json")[1])
    assert alone["lower_bound"]
    assert 0.02 < alone["share"] < 0.09
    rng = np.random.default_rng(0)
    for name, rows in (("scored", np.r_[rng.normal(0, 1, 900), rng.normal(4, 1, 100)]),
                       ("zero", rng.normal(0, 1, 500)), ("one", rng.normal(4, 1, 500))):  # fmt: skip
        lines(f"{name}.jsonl", [{"score": float(row)} for row in rows])
    scored = (
        "prevalence",
        "scored.jsonl",
        "--reference",
        "zero.jsonl",
        "--synthetic",
        "one.jsonl",
        "--scores",
        "score",
    )
    found = json.loads(ran(capsys, *scored, "--json")[1])
    assert found["low"] < 0.1 < found["high"]
    status, out, _ = ran(capsys, *scored)
    assert status == 0
    assert "synthetic share with its 95% interval, method pacc" in out


def test_rows_of_one_cluster_are_drawn_together(here, capsys):
    """Ten rows of each site have one score: the interval is as wide as that of so many sites, not of so many rows."""
    rng = np.random.default_rng(1)
    for name, sites in (("scored", np.r_[rng.normal(0, 1, 30), rng.normal(3, 1, 10)]),
                        ("zero", rng.normal(0, 1, 60)), ("one", rng.normal(3, 1, 60))):  # fmt: skip
        lines(f"{name}.jsonl", [{"score": float(at), "site": f"{i}"} for i, at in enumerate(sites) for _ in range(10)])
    asked = ("prevalence", "scored.jsonl", "--reference", "zero.jsonl", "--synthetic", "one.jsonl", "--scores", "score")
    apart, together = (
        json.loads(ran(capsys, *asked, "--json", *more)[1]) for more in ((), ("--cluster", "site", "--group", "site"))
    )
    assert together["high"] - together["low"] > 2 * (apart["high"] - apart["low"])
    assert together["low"] < 0.25 < together["high"]
    assert "no field 'author'" in refused(capsys, *asked, "--cluster", "author")


def test_a_classifier_never_sees_the_clusters_that_it_is_judged_on(here, capsys):
    for name in ("human", "made", "corpus"):
        lines(f"{name}-by.jsonl", [row | {"author": f"{i // 5}"} for i, row in enumerate(rows(f"{name}.jsonl"))])
        lines(f"{name}-one.jsonl", [row | {"author": "one"} for row in rows(f"{name}.jsonl")])
    known = ("--reference", "human-by.jsonl", "--synthetic", "made-by.jsonl", "--cluster", "author", "--json")
    found = json.loads(ran(capsys, "prevalence", "corpus-by.jsonl", *known)[1])
    assert 0 <= found["low"] < 0.1
    alone = ("--reference", "human-one.jsonl", "--synthetic", "made-by.jsonl", "--cluster", "author")
    assert "all rows are one cluster" in refused(capsys, "prevalence", "corpus-by.jsonl", *alone)


def test_a_share_that_cannot_be_known_passes_nothing(here, capsys):
    lines("flat.jsonl", [{"score": 1.0}] * 50)
    same = ("prevalence", "flat.jsonl", "--reference", "flat.jsonl", "--synthetic", "flat.jsonl", "--scores", "score")
    status, _, err = ran(capsys, *same, "--fail-above", "0.5")
    assert status == 2
    assert "the share cannot be known" in err
    status, out, _ = ran(capsys, *same)
    assert status == 0
    assert "warning" in out


ROWS = {
    "latin.jsonl": (b'{"text": "caf\xe9"}\n', "latin.jsonl: line 1: not valid UTF-8 at byte 13 (0xe9)"),
    "number.jsonl": (b'{"text": 5}', "line 1: holds a number, not text"),
    "surrogate.jsonl": (b'{"text": "\\ud800"}', "cannot be written in UTF-8 at character 0"),
    "deep.jsonl": (b"[" * 100_000, "line 1: not valid JSON (too deep or too large)"),
    "plain.jsonl": (b"\n\nhello\n", "line 3: not valid JSON (Expecting value)"),
    "list.jsonl": (b"[1]", "line 1: holds a list; give one JSON object per line"),
    "other.jsonl": (b'{"body": "x"}', "no field 'text'; it has body"),
    "empty.jsonl": (b"", "no documents; give at least one"),
    "cut.jsonl.gz": (gzip.compress(b'{"text": "x"}')[:20], "cut.jsonl.gz: damaged, or not gzipped"),
    "no.parquet": (b"x", "no.parquet: no Parquet that can be read"),
    "no.csv": (b"x\n1", "no.csv: line 2: no field 'text'; it has x"),
    "no.pdf": (b"x", "no.pdf: of no known kind; known: .csv, .jsonl"),
    "latin.txt": (b"caf\xe9", "latin.txt: line 1: not valid UTF-8"),
}
IDS = {
    "[1, 99999]": "id 99999 at position 1 is outside the vocabulary of 601",
    "[-1]": "id -1 at position 0 is outside the vocabulary",
    "[NaN]": "holds nan; token ids are whole numbers",
    "[1, Infinity]": "holds inf; token ids are whole numbers",
    "[1.5]": "holds 1.5; token ids are whole numbers",
    "[123456789012345678901234567890]": "no whole numbers; give token ids",
    "[[1], [2, 3]]": "holds more than whole numbers",
    "[true]": "holds more than whole numbers",
    '"text"': "holds text, not token ids",
    "null": "holds nothing, not token ids",
}


@pytest.mark.parametrize("name", ROWS)
def test_hostile_rows_are_one_line(here, capsys, name):
    content, says = ROWS[name]
    (here / name).write_bytes(content)
    assert says in refused(capsys, "detect", name, *READ)


@pytest.mark.parametrize("ids", IDS)
def test_hostile_ids_are_one_line(here, capsys, ids):
    (here / "ids.jsonl").write_text(f'{{"ids": {ids}}}')
    said = refused(capsys, "detect", "ids.jsonl", "--spec", "watermark.json", "--ids", "--vocab-size", "601")
    assert said.startswith("genloss: ids.jsonl: line 1: ")
    assert IDS[ids] in said


def test_a_long_line_is_refused_before_it_is_read(here, capsys, monkeypatch):
    monkeypatch.setattr(lines_module, "LONGEST", 1000)
    lines("long.jsonl", [{"text": "x"}, {"text": "x" * 2000}])
    assert "long.jsonl: line 2: longer than" in refused(capsys, "detect", "long.jsonl", *READ)
    pq.write_table(pa.table({"text": ["x" * 2000]}), "long.parquet")
    assert "long.parquet: row" in refused(capsys, "detect", "long.parquet", *READ)
    (here / "long.txt").write_text("words and words\n" * 100)
    assert "long.txt: line 1: longer than" in refused(capsys, "detect", "long.txt", *READ)


def test_a_line_of_a_gigabyte_costs_no_gigabyte(here):
    """The file is sparse; the process may use 256 MB of addresses beyond what it has when it begins to read."""
    with open("huge.jsonl", "wb") as file:
        file.truncate(1 << 30)
    code = (
        "import resource\n"
        "from genloss.corpus import read\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 28),) * 2)\n"
        "next(iter(read('huge.jsonl')))\n"
    )
    path = {**os.environ, "PYTHONPATH": str(Path(gl.__file__).parents[1])}
    found = subprocess.run([sys.executable, "-c", code], env=path, capture_output=True, text=True, check=False)
    assert "SpecError: huge.jsonl: line 1: longer than 64 MiB" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["detect", "corpus.jsonl", "--spec", "watermark.json"], "give the model's tokenizer to read text, or --ids"),
        (["detect", "corpus.jsonl", *READ, "--ids"], "not both"),
        (["detect", "corpus.jsonl", *READ, "--vocab-size", "500"], "of 500 ids, but the tokenizer has 600"),
        (["detect", "corpus.jsonl", "--spec", "none.json", "--tokenizer", "."], "none.json: unreadable"),
        (["detect", "corpus.jsonl", "--spec", "corpus.jsonl", "--tokenizer", "."], "corpus.jsonl: not valid JSON"),
        (["detect", "corpus.jsonl", "--spec", "config.json", "--tokenizer", "."], "no watermarking config"),
        (["detect", "corpus.jsonl", "--spec", "watermark.json", "--ids"], "says no vocabulary; give --vocab-size"),
        (["detect", "corpus.jsonl", "--spec", "watermark.json", "--tokenizer", "config.json"], "no tokenizer"),
        (["detect", "corpus.jsonl", *READ, "--fdr", "2"], "--fdr: must be a number above 0 and below 1, got 2.0"),
        (["detect", "corpus.jsonl", *READ, "--fail-above", "nan"],
         "--fail-above: must be a number from 0 and below 1, got nan"),
        (["detect", "none.jsonl", *READ], "none.jsonl: no such file"),
        (["detect", "nothing", *READ], "nothing: a folder without files of a known kind"),
        (["prevalence", "corpus.jsonl", "--reference", "human.jsonl"], "--synthetic: nothing known to be synthetic"),
        (["prevalence", "nan.jsonl", "--reference", "nan.jsonl", "--synthetic", "nan.jsonl", "--scores", "score"],
         "nan.jsonl: line 2: the score is NaN"),
        (["prevalence", "corpus.jsonl", "--reference", "human.jsonl", "--synthetic", "made.jsonl", "--ids"],
         "go with --spec"),
        (["prevalence", "corpus.jsonl", "--reference", "few.jsonl", "--synthetic", "made.jsonl"],
         "--reference: 2 documents"),
        (["prevalence", "corpus.jsonl", "--reference", "human.jsonl", "--synthetic", "made.jsonl", "--group", "no"],
         "no field 'no'; it has text, year"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_one_line(here, capsys, arguments, says):
    (here / "nan.jsonl").write_text('{"score": 1.0}\n{"score": NaN}\n')
    (here / "nothing").mkdir()
    lines("few.jsonl", [{"text": "one"}, {"text": "two"}])
    assert says in refused(capsys, *arguments)


def test_other_specs_are_read(here, capsys, made):
    """What vLLM writes, and what the library itself does."""
    size = made[3]
    plain = WatermarkSpec.from_transformers(CONFIG, vocab_size=size).to_plain()
    for name, spec in (
        ("vllm", {"algorithm": "gumbel", "key": 42}),
        ("own", plain),
        ("whole", {"watermarking_config": CONFIG}),
    ):
        (here / f"{name}.json").write_text(json.dumps(spec))
        status, out, _ = ran(capsys, "detect", "corpus.jsonl", "--spec", f"{name}.json", "--tokenizer", ".", "--json")
        assert status == 0
        assert (json.loads(out)["flagged"] >= 8) == (name != "vllm")


CHAIN = """
source: {{kind: text-files, path: corpus.txt, tokens: {{kind: words, lower: true, min_count: 2}}}}
learner:
  kind: watermarked
  learner: {{kind: n-gram, order: 2, max_length: 60}}
  spec: &mark {{kind: kgw, vocab_size: {size}, key: 9, bias: 6}}
regime: {{kind: fresh-real, n: 150, real_fraction: 0.5}}
curator:
  unfiltered: keep-all
  filtered: {{kind: unwatermarked, spec: *mark, p: 0.05}}
n0: 150
generations: 2
replicates: 2
probes: {{share: {{python: shares_of_a_chain.py:share}}}}
"""


def test_a_spec_runs_a_watermarked_and_filtered_chain(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus.txt").write_text("\n\n".join(" ".join(text.split()) for text in sotu_texts()[::40]))
    words = gl.Words(lower=True, min_count=2)
    source = gl.TextFiles("corpus.txt", tokens=words)
    size = source.tokenizer.size
    (tmp_path / "shares_of_a_chain.py").write_text("def share(g):\n    return g.train.real_share\n")
    (tmp_path / "chain.yaml").write_text(CHAIN.format(size=size))
    assert main(["run", "chain.yaml", "--out", "out", "--workers", "1"]) == 0
    found = gl.load("out")["share"]
    assert (found.sel(curator="unfiltered")[:, 1:] == 0.5).all()
    assert (found.sel(curator="filtered")[:, 1:] > 0.8).all()
    spec = WatermarkSpec(KGW(size, key=9, bias=6.0))
    learner = Watermarked(NGram(2, max_length=60), spec)
    chain = gl.Chain(source, learner, gl.FreshReal(150, 0.5), 150, Unwatermarked(spec, 0.05))
    again = gl.run(chain, {"share": lambda g: g.train.real_share}, generations=2, replicates=2)
    assert np.array_equal(found.sel(curator="filtered"), again["share"])
    assert "unwatermarked" in (tmp_path / "out" / "report.html").read_text()


DIGITS = "736451092834"


@pytest.fixture
def marked_chain(tmp_path, monkeypatch):
    """A chain of watermarked text whose key the spec gives as it is told to."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus.txt").write_text("\n\n".join(f"the {i % 7} tails of {i % 5} go first" for i in range(60)))
    size = gl.TextFiles("corpus.txt").tokenizer.size

    def write(key):
        mark = {"kind": "kgw", "vocab_size": size, "key": key}
        learner = {"kind": "watermarked", "learner": {"kind": "n-gram", "order": 2, "max_length": 20}, "spec": mark}
        other = {**learner, "spec": {**mark, "bias": 3.0}}
        chain = {"source": {"kind": "text-files", "path": "corpus.txt"}, "learner": [learner, other], "n0": 20}
        chain |= {"regime": "accumulate", "curator": {"kind": "unwatermarked", "spec": mark, "p": 1e-6}}
        (tmp_path / "chain.yaml").write_text(json.dumps({**chain, "generations": 2}))

    return write


def told(folder):
    """All that a folder's files say, what is packed in them too."""
    found = {}
    for path in Path(folder).rglob("*"):
        if path.is_file():
            text = path.read_bytes().decode("latin-1")
            packed = re.findall(r"base64,([A-Za-z0-9+/=]+)", text)
            found[path.name] = text + "".join(base64.b64decode(each).decode("latin-1") for each in packed)
    return found


def test_a_key_in_clear_stays_in_the_spec_alone(marked_chain, capsys):
    marked_chain(int(DIGITS))
    assert main(["run", "chain.yaml", "--out", "out", "--workers", "1"]) == 0
    said = capsys.readouterr()
    files = told("out")
    assert [name for name in files if DIGITS in files[name]] == ["study.json"]
    assert DIGITS not in said.out + said.err + gl.load("out").attrs["genloss"]
    prints = fingerprint(int(DIGITS))
    assert prints in files["report.html"]
    assert prints in str(gl.load("out").coords["learner"].values)
    assert DIGITS not in repr(gl.load("out"))
    # The report's own spec does not know the key, and says so.
    spec = json.loads(gl.load("out").attrs["genloss"])["chains"][0]["learner"]
    with pytest.raises(
        gl.SpecError, match=f"only its fingerprint '{prints}' is known here; give the key, {{env: NAME}}"
    ):
        build("learner", spec)
    spec["spec"]["scheme"]["key"] = int(DIGITS)
    assert fingerprint(build("learner", spec).spec.scheme.key) == prints


@pytest.mark.parametrize("way", ["env", "file"])
def test_a_key_that_is_named_is_nowhere_and_a_run_goes_on_only_with_it(marked_chain, monkeypatch, capsys, way):
    def set_key(digits):
        monkeypatch.setenv("GENLOSS_TEST_KEY", digits)
        Path("key.txt").write_text(digits + "\n")

    marked_chain({way: "GENLOSS_TEST_KEY" if way == "env" else "key.txt"})
    set_key(DIGITS)
    assert main(["run", "chain.yaml", "--out", "out", "--workers", "1"]) == 0
    first = gl.load("out")
    assert not [name for name, text in told("out").items() if DIGITS in text]
    for path in [*Path("out/parts").glob("*-0.*"), Path("out/report.html")]:
        path.unlink()
    resume = ("run", "--resume", "--out", "out", "--workers", "1")
    set_key("5" + DIGITS)
    capsys.readouterr()
    status, _, said = ran(capsys, *resume)
    assert status == 2
    assert "holds another run (chains[0].curator.spec.scheme.key.fingerprint" in said
    assert DIGITS not in said
    monkeypatch.delenv("GENLOSS_TEST_KEY")
    Path("key.txt").unlink()
    assert ("no environment variable GENLOSS_TEST_KEY" if way == "env" else "key.txt: cannot be read") in refused(
        capsys, *resume
    )
    set_key(DIGITS)
    assert main(list(resume)) == 0
    assert first.identical(gl.load("out"))
    # What the report says runs again where the key is, and is refused where it is another.
    spec = json.loads(first.attrs["genloss"])["chains"][0]["learner"]
    assert describe(build("learner", spec)) == spec
    set_key("12")
    with pytest.raises(gl.SpecError, match="another key than the one asked for"):
        build("learner", spec)
