"""The one reader and the one writer of corpora: every kind of file with every policy, and what is refused."""

import builtins
import gzip
import io
import json
import os
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import genloss as gl
from genloss.corpus import Columns, Document, TextFiles, read, write
from genloss.corpus import lines as lines_module
from genloss.corpus.readers import sotu_files
from genloss.corpus.shards import checksum_of, shards_of
from genloss.errors import SpecError
from lanes import need

ROWS = [
    {"text": "One, with a comma.", "key": 1, "site": "a", "year": 1999, "score": 0.5},
    {"text": '  Two "quoted"\n  lines,\n\nand a blank one.', "key": 2, "site": "b", "year": 2001, "score": -1.25},
    {"text": "Drei: Grüße, 世界 🎉", "key": 3, "site": "a", "year": 2001, "score": 3.0},
]
NAMED = Columns("text", id="key", group="site", time="year", further={"detector": "score"})
PACKED = ("jsonl", "jsonl.gz", "jsonl.zst", "csv", "csv.gz", "csv.zst", "parquet")
TEXT = ("txt", "txt.gz", "txt.zst")


def refused(call, *says):
    with pytest.raises(SpecError) as caught:
        call()
    said = str(caught.value)
    assert "\n" not in said
    assert len(said) < 400
    for each in says:
        assert re.search(each, said), said
    return said


def zst(content):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as file:
        file.write(content)
    return sink.getvalue().to_pybytes()


def stored(path, content):
    path = Path(path)
    path.write_bytes({".gz": gzip.compress, ".zst": zst}.get(path.suffix, bytes)(content))
    return path


def file_of(folder, kind, rows):
    """A file of some kind, made without the writer."""
    path = folder / f"c.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
        return path
    if kind.startswith("csv"):
        cell = lambda value: '"' + str(value).replace('"', '""') + '"'
        lines = [",".join(rows[0]), *(",".join(map(cell, row.values())) for row in rows)]
        return stored(path, ("\r\n".join(lines) + "\r\n").encode())
    return stored(path, "".join(json.dumps(row) + "\n" for row in rows).encode())


@pytest.mark.parametrize("kind", PACKED)
def test_every_kind_of_file_gives_the_same_documents(tmp_path, kind):
    path = file_of(tmp_path, kind, ROWS)
    found = list(read(path, NAMED))
    assert [each.text for each in found] == [row["text"] for row in ROWS]
    plain = str if kind.startswith("csv") else lambda value: value
    assert [each.id for each in found] == [plain(row["key"]) for row in ROWS]
    assert [each.group for each in found] == [row["site"] for row in ROWS]
    assert [each.time for each in found] == [plain(row["year"]) for row in ROWS]
    assert [each.columns for each in found] == [{"detector": plain(row["score"])} for row in ROWS]
    word = "row" if kind == "parquet" else "line"
    lines = {"csv": [2, 3, 7]}.get(kind[:3], [1, 2, 3])
    assert [each.where for each in found] == [f"{path}: {word} {line}" for line in lines]
    bare = read(path, "text", hashed=True)
    assert [each.columns for each in bare] == [{}] * 3
    assert bare.checksum == checksum_of(shards_of(path))


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("broken", ["error", "skip"])
@pytest.mark.parametrize("empty", ["error", "skip"])
def test_every_kind_keeps_to_the_policies(tmp_path, kind, empty, broken):
    good = {"text": "fine"}
    blank = file_of(tmp_path, kind, [good, {"text": " \t "}, {"text": ""}, good])
    both = read(blank, empty=empty, broken=broken)
    if empty == "error":
        refused(lambda: list(both), r"c\..*: (line 3|line 2|row 2): the text is empty; mend it or set empty='skip'")
    else:
        assert [each.text for each in both] == ["fine", "fine"]
        assert (both.empty, both.broken) == (2, 0)
    bad = {
        "jsonl": b'{"text": "fine"}\n{"text": 3}\nno json\n[1]\n{"b": "x"}\n{"text": "caf\xe9"}\n{"text": "\\ud800"}\n'
        b'{"text": null}\n{"text": "fine"}',
        "csv": b'text,b\nfine,1\nx\nfine "x",1\ncaf\xe9,1\nx,1,2\n"x"y,2\nfine,2\n"never closed,2\n',
    }.get(kind.partition(".")[0])
    path = tmp_path / f"bad.{kind}"
    if bad is None:
        binary = pa.array([b"fine", b"caf\xe9", None, b"fine"], pa.binary())
        pq.write_table(pa.table({"text": binary}), path)
    else:
        stored(path, bad)
    found = read(path, empty=empty, broken=broken)
    if broken == "error":
        refused(lambda: list(found), r"bad\..*: (line|row) [23]")
    else:
        assert [each.text for each in found] == ["fine", "fine"]
        assert (found.empty, found.broken) == (0, {"jsonl": 7, "csv": 6, "parquet": 2}[kind.partition(".")[0]])


@pytest.mark.parametrize("kind", TEXT)
@pytest.mark.parametrize("empty", ["error", "skip"])
def test_text_is_cut_by_paragraph_line_or_not_at_all(tmp_path, kind, empty):
    content = "\ufeffOne\n  indented\r\n\r\n \n\tTwo. \n\n\n  Three.".encode()
    path = stored(tmp_path / f"a.{kind}", content)
    found = list(read(path, empty=empty))
    assert [each.text for each in found] == ["One\n  indented", "Two.", "Three."]
    assert [each.where.rpartition(" ")[2] for each in found] == ["1", "5", "8"]
    assert [each.text for each in read(path, cut="whole", empty=empty)] == [content.decode()[1:]]
    lines = read(path, cut="lines", empty=empty)
    if empty == "error":
        refused(lambda: list(lines), r"line 3: the text is empty")
    else:
        assert [each.text for each in lines] == ["One", "  indented", "\tTwo. ", "  Three."]
        assert lines.empty == 4
    assert [each.text for each in read(path, "body")] == [each.text for each in found]
    refused(lambda: list(read(path, Columns(group="site"))), r"\.txt has no fields \(site\)")
    assert [each.text for each in read(stored(tmp_path / f"b.{kind}", b"\n \n"), cut="whole")] == []


@pytest.mark.parametrize("kind", TEXT)
@pytest.mark.parametrize("broken", ["error", "skip"])
@pytest.mark.parametrize("cut", ["paragraphs", "lines", "whole"])
def test_text_that_is_not_utf8_keeps_to_the_policy(tmp_path, kind, broken, cut):
    path = stored(tmp_path / f"a.{kind}", b"one\n\ntwo\nbad \xff byte\n\nthree")
    found = read(path, cut=cut, broken=broken)
    if broken == "error":
        refused(lambda: list(found), r"line (4|1): not valid UTF-8 at byte (4|13) \(0xff\)")
    else:
        expected = {"paragraphs": ["one", "three"], "lines": ["one", "two", "three"], "whole": []}[cut]
        assert [each.text for each in found] == expected
        assert found.broken == 1


def base_cut(text):
    """How chains have always cut a text into paragraphs."""
    parts = re.split(r"\n\s*\n", text.replace("\r\n", "\n"))
    return [part.strip() for part in parts if part.strip()]


ALPHABET = st.sampled_from(list("ab \t\n\n\n\r\x0b\x0c\x1c\x85\u00a0\u2028\u3000é"))


@settings(max_examples=300, deadline=None)
@given(st.text(ALPHABET, max_size=40))
def test_paragraphs_are_those_that_chains_have_always_read(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "property.txt"
    path.write_bytes(text.encode())
    assert [each.text for each in read(path, empty="error")] == base_cut(text)


def test_real_addresses_are_cut_as_before():
    files = sotu_files()[::40]
    texts = [text for file in files for text in base_cut(Path(file.name).read_text(encoding="utf-8-sig"))]
    assert [each.text for each in read(files)] == texts
    assert len(texts) > 100


def test_lines_across_the_pieces_of_a_file_are_whole(tmp_path, monkeypatch):
    from genloss.corpus import shards

    texts = ["x" * n for n in (1, 5, 4, 3, 17, 2, 30)]
    path = stored(tmp_path / "a.txt", "\n\n".join(texts).encode())
    for piece in range(1, 20):
        monkeypatch.setattr(shards, "_PIECE", piece)
        assert [each.text for each in read(path)] == texts


def test_folders_patterns_and_several_names(tmp_path):
    (tmp_path / "sub" / ".hidden").mkdir(parents=True)
    for name in ("b.txt", "a.txt", "sub/c.jsonl", "sub/.hidden/d.txt", "README.md", ".e.txt"):
        (tmp_path / name).write_text('{"text": "c"}' if name.endswith("jsonl") else name[0])
    found = lambda *paths: [each.text for each in read([tmp_path / path for path in paths])]
    assert [each.text for each in read(tmp_path)] == ["a", "b", "c"]
    assert found("*.txt") == ["a", "b"]
    assert found("**/*.txt") == ["a", "b"]
    assert found("b.txt", "sub") == ["b", "c"]
    (tmp_path / "odd[1].txt").write_text("odd")
    assert found("odd[1].txt") == ["odd"]
    refused(lambda: found("*.none"), "no such file")
    refused(lambda: found("README.md"), "of no known kind; known: .csv, .jsonl, .parquet, .txt, packed also as .gz and")
    assert [each.text for each in read(tmp_path / "README.md", kind="txt")] == ["R"]
    refused(lambda: read(tmp_path, kind="xml"), "kind must be 'csv', 'jsonl', 'parquet' or 'txt', got 'xml'")
    (tmp_path / "empty").mkdir()
    refused(lambda: read(tmp_path / "empty"), "a folder without files of a known kind")
    refused(lambda: read(str(tmp_path / ("x" * 260))), "unreadable|no such file")
    refused(lambda: TextFiles("a\0b.txt"), "a path cannot hold the character NUL")
    os.mkfifo(tmp_path / "pipe.txt")
    refused(lambda: read(tmp_path / "pipe.txt"), "not a file")
    for option in ("cut", "empty", "broken"):
        refused(lambda option=option: read(tmp_path, **{option: "drop"}), f"{option} must be '.*' or '.*', got 'drop'")


def test_a_chain_reads_every_kind_of_file_alike(tmp_path):
    rows = [{"text": f"Document {i} of {i % 3}."} for i in range(40)]
    found = {TextFiles(str(file_of(tmp_path, kind, rows))).corpus.documents for kind in PACKED}
    found.add(
        TextFiles(str(stored(tmp_path / "c.txt", "\n\n".join(row["text"] for row in rows).encode()))).corpus.documents
    )
    found.add(
        TextFiles(
            str(stored(tmp_path / "l.txt.gz", "\n".join(row["text"] for row in rows).encode())), lines=True
        ).corpus.documents
    )
    assert found == {tuple(row["text"] for row in rows)}


def test_standard_input_is_read(tmp_path):
    code = "from genloss.corpus import read; print([d.text for d in read('-', kind={kind!r})], next(iter('x')))"
    path = {**os.environ, "PYTHONPATH": str(Path(gl.__file__).parents[1])}

    def said(content, kind=None):
        run = [sys.executable, "-c", code.format(kind=kind)]
        return subprocess.run(run, input=content, env=path, capture_output=True, check=False)

    rows = b'{"text": "One."}\n{"text": "Two."}\n'
    for content in (rows, gzip.compress(rows), zst(rows)):
        assert said(content).stdout.startswith(b"['One.', 'Two.']")
    assert said(b"One.\n\nTwo.", "txt").stdout.startswith(b"['One.', 'Two.']")
    assert said(b"text\nOne.\nTwo.", "csv").stdout.startswith(b"['One.', 'Two.']")
    assert b"standard input: line 1: not valid JSON" in said(b"One.").stderr
    assert b"Parquet cannot be read from standard input; give a file" in said(b"", "parquet").stderr


class TestAddresses:
    @pytest.fixture(autouse=True)
    def memory(self):
        system = need("fsspec", "full").filesystem("memory")
        yield system
        system.rm("/corpus", recursive=True)

    def test_documents_at_addresses(self, memory, tmp_path):
        for kind in PACKED:
            memory.pipe(f"/corpus/{kind}/c.{kind}", file_of(tmp_path, kind, ROWS).read_bytes())
            found = read(f"memory://corpus/{kind}/c.{kind}", hashed=True)
            assert [each.text for each in found] == [row["text"] for row in ROWS]
            assert found.checksum == checksum_of(shards_of(tmp_path / f"c.{kind}"))
        memory.pipe("/corpus/a/b.txt", b"B")
        memory.pipe("/corpus/a/a.txt", b"A")
        memory.pipe("/corpus/a/a.md", b"M")
        for address in ("memory://corpus/a/*.txt", "memory://corpus/a"):
            assert [each.text for each in read(address)] == ["A", "B"]
        refused(lambda: read("memory://corpus/none.txt"), "memory://corpus/none.txt: no such file")
        refused(lambda: read("memory://corpus/*.xml"), "no such file")
        refused(lambda: read("nothing-such://x/a.txt"), "nothing-such://x/a.txt: unreadable")
        assert [each.text for each in read(f"file://{tmp_path}/c.jsonl")] == [row["text"] for row in ROWS]

    def test_a_chain_keeps_the_checksum_of_an_address(self, memory):
        memory.pipe("/corpus/a.txt", b"\n\n".join(b"Text %d." % i for i in range(30)))
        source = TextFiles("memory://corpus/a.txt")
        assert len(source.corpus.documents) == 30
        memory.pipe("/corpus/a.txt", b"One.\n\nTwo.")
        refused(lambda: TextFiles("memory://corpus/a.txt", checksum=source.checksum), "not the content asked for")
        rows = io.BytesIO()
        np.save(rows, np.arange(10.0))
        memory.pipe("/corpus/a.npy", rows.getvalue())
        assert len(gl.ArrayFile("memory://corpus/a.npy").train) == 8

    def test_files_are_written_to_addresses_whole_or_not(self, memory):
        assert write(ROWS, "memory://corpus/w.jsonl.gz") == 3
        assert [each.text for each in read("memory://corpus/w.jsonl.gz")] == [row["text"] for row in ROWS]
        refused(lambda: write([{"text": "x"}, {"text": {1}}], "memory://corpus/bad.jsonl"), "row 2 cannot be written")
        assert not memory.exists("/corpus/bad.jsonl")


def test_without_fsspec_the_extra_is_named(monkeypatch):
    plain = builtins.__import__

    def missing(name, *rest):
        if name.startswith("fsspec"):
            raise ImportError(name)
        return plain(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    refused(lambda: read("s3://bucket/a.txt"), r's3://bucket/a.txt: .*pip install "genloss\[remote\]"')
    refused(lambda: TextFiles("s3://bucket/a.txt"), r"genloss\[remote\]")


JSON = b'{"text": "x"}\n'
HOSTILE = {
    "cut.jsonl.gz": (gzip.compress(JSON * 1000)[:40], "cut.jsonl.gz: damaged, or not gzipped"),
    "no.jsonl.gz": (JSON, "damaged, or not gzipped"),
    "tail.jsonl.gz": (gzip.compress(JSON) + b"trailing", "damaged, or not gzipped"),
    "cut.jsonl.zst": (zst(os.urandom(5000))[:1000], "damaged, or not packed as zst"),
    "no.jsonl.zst": (JSON, "damaged, or not packed as zst"),
    "deep.jsonl": (b"[" * 100_000, r"line 1: not valid JSON \(too deep or too large\)"),
    "digits.jsonl": (b'{"text": ' + b"9" * 10_000 + b"}", r"line 1: not valid JSON \(too deep or too large\)"),
    "nul.jsonl": (b"\0" * 1000, "line 1: not valid JSON"),
    "wide.csv": (b"a,a\n1,2", "line 1: the header has column 'a' twice"),
    "latin.csv": (b"caf\xe9,b\n", r"line 1: not valid UTF-8 at byte 3 \(0xe9\)"),
    "quotes.csv": (b'text\n"' + b'""\n' * 5000, "line 2: a quote is opened and never closed"),
    "odd.csv": (b'text\nan "odd" one', "line 2: a quote inside a cell; quote the whole cell"),
    "no.parquet": (b"x", "no.parquet: no Parquet that can be read"),
    "empty.parquet": (b"", "no Parquet that can be read"),
    "torn.parquet": (b"PAR1" + b"\xff" * 64 + b"\x40\0\0\0PAR1", "no Parquet that can be read"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_one_line(tmp_path, name):
    content, says = HOSTILE[name]
    (tmp_path / name).write_bytes(content)
    refused(lambda: list(read(tmp_path / name)), re.escape(name), says)
    refused(lambda: TextFiles(str(tmp_path / name)).train, says)


def test_a_row_that_is_too_long_is_refused_before_it_is_held(tmp_path, monkeypatch):
    monkeypatch.setattr(lines_module, "LONGEST", 1000)
    long = [{"text": "x"}, {"text": "x" * 2000}]
    for kind in PACKED:
        refused(lambda kind=kind: list(read(file_of(tmp_path, kind, long), broken="skip")), "longer than")
    for cut in ("paragraphs", "lines", "whole"):
        path = stored(tmp_path / "long.txt.gz", (b"words\n" if cut == "paragraphs" else b"words and ") * 200)
        refused(lambda cut=cut, path=path: list(read(path, cut=cut)), r"long.txt.gz: line 1: longer than")
    path = stored(tmp_path / "open.csv", b'text\n"' + b"x\n" * 2000)
    refused(lambda: list(read(path)), r"open.csv: line 2: longer than")


def test_a_packed_file_may_be_written_in_several_parts(tmp_path):
    for pack, ending in ((gzip.compress, "gz"), (zst, "zst")):
        (tmp_path / f"a.jsonl.{ending}").write_bytes(pack(JSON) + pack(JSON * 2))
        assert len(list(read(tmp_path / f"a.jsonl.{ending}"))) == 3


def test_bytes_that_were_read_are_told(tmp_path):
    for kind in PACKED:
        path = file_of(tmp_path, kind, ROWS * 50)
        told = []
        assert len(list(read(path, told=told.append))) == 150
        assert sum(told) == path.stat().st_size


@pytest.mark.parametrize("kind", PACKED)
def test_what_is_written_is_read_back(tmp_path, kind):
    documents = [
        Document("", row["text"], row["key"], row["site"], row["year"], {"detector": row["score"]}) for row in ROWS
    ]
    path = tmp_path / f"out.{kind}"
    assert write(iter(documents), path, NAMED) == 3
    again = list(read(path, NAMED))
    assert [each.text for each in again] == [each.text for each in documents]
    plain = str if kind.startswith("csv") else lambda value: value
    for name in ("id", "group", "time"):
        assert [getattr(each, name) for each in again] == [plain(getattr(each, name)) for each in documents]
    assert [each.columns["detector"] for each in again] == [plain(row["score"]) for row in ROWS]
    before = path.read_bytes()
    write(documents, path, NAMED)
    assert path.read_bytes() == before
    assert write([], tmp_path / f"none.{kind}") == 0
    if not kind.startswith("csv"):
        assert list(read(tmp_path / f"none.{kind}")) == []
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([f"out.{kind}", f"none.{kind}"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8")).filter(lambda text: text.strip()), max_size=6))
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_any_text_survives(tmp_path_factory, kind, texts):
    path = tmp_path_factory.getbasetemp() / f"any.{kind}"
    write([{"text": text} for text in texts], path)
    if texts or kind != "csv":
        assert [each.text for each in read(path)] == texts


@pytest.mark.parametrize("kind", TEXT)
def test_paragraphs_are_written_as_they_are_read(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    texts = ["One\n  indented", "Two."]
    assert write([Document("", text) for text in texts], path) == 2
    assert [each.text for each in read(path)] == texts
    for text in ("a\n\nb", " a", "a\r\nb", ""):
        refused(lambda text=text: write([{"text": text}], tmp_path / "b.txt"), "row 1 is not a single paragraph")
    refused(lambda: write([ROWS[0]], tmp_path / "b.txt"), "row 1 holds more than text")


def test_what_cannot_be_written_is_refused_and_leaves_nothing(tmp_path):
    for name, rows, says in (
        ("a.jsonl", [{"x": float("nan")}], "row 1 cannot be written as JSON"),
        ("a.jsonl", [{"x": "\ud800"}], "row 1 cannot be written in UTF-8"),
        ("a.csv", [{"x": 1}, {"y": 1}], "row 2 has other fields than the first"),
        ("a.csv", [{"x": [1]}], "row 1 holds a list, which CSV cannot"),
        ("a.parquet", [{"x": 1}, {"x": "y"}], "do not fit into one table"),
        ("a.parquet", [{"x": 1}] * 5000 + [{"x": "y"}], "do not fit into one table"),
        ("a.xml", [], "of no known kind"),
        ("none/a.jsonl", [{"x": 1}], r"none/a\.jsonl: cannot be written \(No such file or directory\)"),
    ):
        refused(lambda name=name, rows=rows: write(rows, tmp_path / name), says)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_flushed_to_the_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    done = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda file: done.append("fsync") or sync(file))
    monkeypatch.setattr(Path, "replace", lambda self, to: done.append("rename") or replace(self, to))
    write([{"text": "x"}], tmp_path / "a.jsonl")
    assert done == ["fsync", "rename"]


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "jsonl.zst", "csv", "parquet", "txt"])
def test_memory_does_not_grow_with_a_file(tmp_path, kind):
    """Eight times the rows, in as much memory, that of pyarrow included; the large file is many times that memory."""
    size = 6_000
    for rows in (size // 8, size):
        written = ({"text": f"Row {i} of words " + f"{i % 977} " * 600} for i in range(rows))
        write(({"text": row["text"].strip()} for row in written), tmp_path / f"{rows}.{kind}")

    def peak(rows):
        pool = pa.system_memory_pool()
        usual = pa.default_memory_pool()
        pa.set_memory_pool(pool)
        before = pool.bytes_allocated()
        most = 0
        tracemalloc.start()
        try:
            for number, _ in enumerate(read(tmp_path / f"{rows}.{kind}")):
                if number % 50 == 0:
                    most = max(most, pool.bytes_allocated() - before)
            return tracemalloc.get_traced_memory()[1] + most
        finally:
            tracemalloc.stop()
            pa.set_memory_pool(usual)

    assert peak(size // 8) < 12e6
    assert peak(size) < 12e6
    text = sum(len(document.text) for document in read(tmp_path / f"{size}.{kind}"))
    assert text > 12e6


def one_line(call):
    """Whether a call is refused, which it may be in one line only."""
    try:
        call()
    except SpecError as error:
        said = str(error)
    else:
        return False
    assert "\n" not in said
    return True


@pytest.mark.parametrize("kind", [*PACKED, *TEXT])
def test_bytes_changed_anywhere_are_read_or_refused_in_one_line(tmp_path, kind):
    text = b"one\n\ntwo\n" * 50
    path = stored(tmp_path / f"c.{kind}", text) if kind in TEXT else file_of(tmp_path, kind, ROWS * 5)
    good = path.read_bytes()
    rng = np.random.default_rng(1)
    refusals = 0
    for turn in range(120):
        content = bytearray(good[: rng.integers(len(good))] if turn % 5 == 0 else good)
        for _ in range(rng.integers(1, 6)):
            if content:
                content[rng.integers(len(content))] = rng.integers(256)
        path.write_bytes(content)
        for broken in ("error", "skip"):
            refusals += one_line(lambda broken=broken: list(read(path, broken=broken)))
    assert refusals > 20 or kind == "txt"
