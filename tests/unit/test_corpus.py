"""Documents, tokenizers and corpora: what they keep, and what they refuse in one line."""

import json
import pickle  # noqa: TID251  what worker processes use

import numpy as np
import pytest

from genloss.chain.curators import Subsample
from genloss.chain.data import concat, size, take
from genloss.chain.recursion import Chain
from genloss.chain.regimes import Accumulate, FreshReal
from genloss.chain.seeds import Streams
from genloss.corpus import BPE, Bytes, Corpus, Documents, Sotu, TextFiles, Words
from genloss.corpus.tokenizers import documents_from, restored
from genloss.errors import SpecError
from genloss.families.ngram.learner import NGram

RNG = np.random.default_rng(3)
TEXTS = [f"Document {i} says: rare{i} words, and (common) ones — in “quotes”." for i in range(50)]


def test_documents_hold_texts():
    documents = Words().train(["One two.", "Three!", "Four, five; six."])
    assert size(documents) == len(documents) == 3
    assert list(documents) == ["One two.", "Three!", "Four, five; six."]
    assert documents[-1] == "Four, five; six."
    assert list(documents[1:]) == list(take(documents, np.array([1, 2])))
    assert list(documents[np.array([True, False, True])]) == ["One two.", "Four, five; six."]
    with pytest.raises(IndexError):
        documents[3]
    assert documents.ended().tolist().count(documents.tokenizer.end) == 3
    assert documents.ended()[-1] == documents.tokenizer.end
    assert len(documents.first_tokens(4).tokens) == 4
    assert list(documents.first_tokens(4)) == ["One two.", "Three"]
    assert documents.counts().sum() == len(documents.tokens)


def test_documents_of_one_tokenizer_are_joined():
    documents = Words().train(TEXTS)
    joined = concat([documents[:2], documents[10:11], ["Document 3 says: never before"]])
    assert list(joined)[:3] == [documents[0], documents[1], documents[10]]
    assert joined[3] == "Document 3 says: <unk> <unk>"
    with pytest.raises(SpecError, match="different tokenizers"):
        concat([documents, Bytes().train(TEXTS)])
    with pytest.raises(SpecError, match="different tokenizers"):
        concat([documents, Words().train(TEXTS[:5])])
    assert len(concat([documents, Words().train(TEXTS)])) == 100


@pytest.mark.parametrize("recipe", [Words(), Words(lower=True), Bytes(), BPE(300)])
def test_documents_go_through_arrays_and_workers(recipe):
    documents = recipe.train(TEXTS)
    arrays = documents.to_arrays()
    assert all(array.dtype.kind in "iub" for array in arrays.values())
    again = documents_from(arrays)
    assert list(again) == list(documents)
    assert len(concat([documents, again])) == 100
    assert documents_from(arrays, documents.tokenizer).tokenizer is documents.tokenizer
    other = Words(min_count=2).train(TEXTS).tokenizer
    assert list(documents_from(arrays, other)) == list(documents)
    sent = pickle.loads(pickle.dumps(documents))  # noqa: S301
    assert list(sent) == list(documents)
    assert len(concat([documents, sent])) == 100


def test_words_are_numbered_from_the_most_frequent_down():
    documents = Words().train(["b a a", "c a b", "d"])
    assert documents.tokenizer.words == ("a", "b", "c", "d")
    assert documents.tokens.tolist() == [3, 2, 2, 4, 2, 3, 5]
    assert Words(min_count=2).train(["b a a", "c a b", "d"]).tokens.tolist() == [3, 2, 2, 1, 2, 3, 1]
    assert list(Words(lower=True).train(["The THE the"])) == ["the the the"]


@pytest.mark.parametrize(
    "text",
    [
        'He said, "Go on," and left.',
        "It's $1,000.50 (net); 5% off!",
        "well-known: a/b",
        "Café – naïve? [yes]",
        "No. 7.",
    ],
)
def test_words_come_back_as_written(text):
    documents = Words().train([text])
    assert documents.tokenizer.encode(list(documents)).tokens.tolist() == documents.tokens.tolist()
    assert documents[0].replace(" ", "") == text.replace(" ", "")
    if "–" not in text:
        assert documents[0] == text


@pytest.mark.parametrize("recipe", [Bytes(), BPE(400)])
def test_bytes_and_pieces_come_back_as_written(recipe):
    texts = [*TEXTS, "Grüße, 世界! 🎉", "  two  spaces\nand a line "]
    documents = recipe.train(texts)
    assert list(documents) == texts
    assert list(documents.tokenizer.encode(["unseen ✓ text"])) == ["unseen ✓ text"]
    assert documents.tokens.max() < documents.tokenizer.end == documents.tokenizer.size - 1


def test_pieces_are_learned_the_same_every_time():
    one, other = (BPE(320).train(TEXTS) for _ in range(2))
    assert one.tokenizer.fingerprint == other.tokenizer.fingerprint
    assert one.tokenizer.size == 321
    assert len(one.tokens) < len(Bytes().train(TEXTS).tokens)


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    with pytest.raises(SpecError, match=r"genloss\[text\]"):
        BPE().train(TEXTS)


def test_held_out_documents_train_nothing():
    corpus = Corpus(TEXTS, held_out_share=0.2)
    assert len(corpus.held_out) == 10
    assert len(corpus.train) == 40
    drawn = corpus.sample(2000, RNG)
    held_out = {text.split()[1] for text in corpus.held_out}
    assert not held_out & {text.split()[1] for text in drawn}
    assert len({text.split()[1] for text in drawn}) == 40
    assert (corpus.held_out.tokens == corpus.tokenizer.unknown).any()
    assert not (drawn.tokens == corpus.tokenizer.unknown).any()
    assert corpus.counts.sum() == len(corpus.train.tokens)


def test_the_split_depends_on_its_own_seed():
    one, same, other = (list(Corpus(TEXTS, tokens="byte", split_seed=seed).held_out) for seed in (0, 0, 1))
    assert one == same != other
    assert len(Corpus(TEXTS, held_out_share=0).held_out) == 0


def test_draws_without_replacement_are_distinct():
    corpus = Corpus(TEXTS, replacement=False)
    assert len(set(corpus.sample(45, RNG))) == 45
    with pytest.raises(SpecError, match="cannot draw 46 distinct documents from 45"):
        corpus.sample(46, RNG)
    assert len(set(Corpus(TEXTS).sample(45, RNG))) < 45


def test_a_corpus_goes_to_workers_without_its_tokens():
    corpus = Corpus(TEXTS)
    corpus.counts  # noqa: B018
    sent = pickle.loads(pickle.dumps(corpus))  # noqa: S301
    assert sent == corpus
    assert "_split" not in vars(sent)
    assert list(sent.held_out) == list(corpus.held_out)


def test_a_tokenizer_may_be_given():
    tokenizer = Words().train(["Document says"]).tokenizer
    assert Corpus(TEXTS, tokens=tokenizer).tokenizer is tokenizer
    assert Corpus(TEXTS, tokens=BPE(300)).tokenizer.size == 301
    assert Corpus(TEXTS, tokens="byte").tokenizer.size == 257


def test_chains_and_curators_carry_documents():
    corpus = Corpus(TEXTS, tokens="byte")
    chain = Chain(corpus, NGram(3), Accumulate(), n0=20, curator=Subsample(30))
    generations = chain.generations(Streams(1))
    sizes = [next(generations).train.size for _ in range(4)]
    assert sizes == [20, 30, 30, 30]
    again = chain.generations(Streams(1))
    assert [list(next(again).train.data) for _ in range(3)][2] == list(_nth(chain, 2).train.data)
    texts = Chain(_Texts(), NGram(2), FreshReal(real_fraction=0.5), n0=10).generations(Streams(1))
    assert [next(texts).train.size for _ in range(3)] == [10, 10, 10]


class _Texts:
    def sample(self, n, rng):
        return [TEXTS[i] for i in rng.integers(len(TEXTS), size=n)]


def _nth(chain, t):
    generations = chain.generations(Streams(1))
    return [next(generations) for _ in range(t + 1)][t]


def test_documents_are_rebuilt_by_their_source():
    corpus = Corpus(TEXTS)
    drawn = corpus.sample(5, RNG)
    again = corpus.documents_from(drawn.to_arrays())
    assert list(again) == list(drawn)
    assert again.tokenizer is corpus.tokenizer


def test_text_files_are_read_by_paragraph_or_line(tmp_path):
    (tmp_path / "a.txt").write_text("One\nparagraph.\n\n \nTwo.\r\n\r\nThree.", encoding="utf-8-sig")
    (tmp_path / "b.txt").write_text("Four.")
    assert TextFiles(str(tmp_path / "*.txt")).corpus.documents == ("One\nparagraph.", "Two.", "Three.", "Four.")
    assert len(TextFiles(str(tmp_path / "*.txt"), paragraphs=False).corpus.documents) == 2
    lines = [{"text": f"Line {i}", "body": f"Body {i}"} for i in range(5)]
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    source = TextFiles((str(tmp_path / "c.jsonl"),), field="body")
    assert source.corpus.documents == tuple(f"Body {i}" for i in range(5))
    assert source.corpus is source.corpus
    assert len(source.sample(3, RNG)) == 3
    (tmp_path / "c.jsonl").write_text(json.dumps({"body": "Other"}) + "\n" + json.dumps({"body": "Texts"}))
    assert source.corpus.documents == tuple(f"Body {i}" for i in range(5))
    assert TextFiles((str(tmp_path / "c.jsonl"),), field="body").corpus.documents == ("Other", "Texts")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"fine\n\nbad \xff byte", r"a\.txt: line 3: not valid UTF-8 at byte 4 \(0xff\)"),
        ("a.txt", b"\xef\xbb\xbffine\n\nbad \xff byte", r"a\.txt: line 3: not valid UTF-8 at byte 4 \(0xff\)"),
        ("a.txt", b"\xef\xbb\xbfbad \xff byte", r"a\.txt: line 1: not valid UTF-8 at byte 7 \(0xff\)"),
        ("a.txt", b" \n\n ", "holds no text"),
        ("a.jsonl", b'{"text": "x"}\n{"text": 3}', "line 2: holds a number, not text"),
        ("a.jsonl", b'{"text": "x"}\n{"body": "x"}', "line 2: no field 'text'"),
        ("a.jsonl", b'{"text": "x"}\n[1]', "line 2: holds a list; give one JSON object per line"),
        ("a.jsonl", b'{"text": "x"}\n{"text":', "line 2: not valid JSON"),
        ("a.jsonl", b'{"text": "x"}\n{"text": " "}', "line 2: the text is empty; mend it or set empty='skip'"),
        ("a.csv", b"x\n1", "line 2: no field 'text'; it has x"),
        ("a.pdf", b"x", r"of no known kind; known: \.csv, \.jsonl, \.parquet, \.txt"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    _refused(lambda: TextFiles(str(tmp_path / name)).train, message)


def test_missing_files_and_folders_are_refused(tmp_path):
    _refused(lambda: TextFiles(str(tmp_path / "none.txt")).train, "none.txt: no such file")
    _refused(lambda: TextFiles(str(tmp_path / "*.txt")).train, "no such file")
    _refused(lambda: TextFiles(str(tmp_path)).train, r"a folder without files of a known kind")


def test_empty_lines_of_jsonl_may_be_skipped(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n{"text": " "}\n{"text": "y"}')
    assert TextFiles(str(tmp_path / "a.jsonl"), empty="skip").corpus.documents == ("x", "y")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Corpus(["a", " ", "b"]), "document 1 is empty; leave it out or set empty='skip'"),
        (lambda: Corpus([]), "no documents"),
        (lambda: Corpus([" "], empty="skip"), "no documents"),
        (lambda: Corpus("one text"), "str is not a list of texts"),
        (lambda: Corpus(None), "NoneType is not a list of texts"),
        (lambda: Corpus(["a", 3]), "document 1 is int, not text"),
        (lambda: Corpus(["a", b"ok \xe9"]), r"document 1: not valid UTF-8 at byte 3 \(0xe9\)"),
        (lambda: Corpus(["a", "b\ud800"]), "document 1 cannot be written in UTF-8 at character 1"),
        (lambda: Corpus(["a"]).train, "1 document, too few to hold some out"),
        (lambda: Corpus(TEXTS, held_out_share=1), "held_out_share: must be a number from 0 and below 1, got 1"),
        (lambda: Corpus(TEXTS, held_out_share="x"), "held_out_share"),
        (lambda: Corpus(TEXTS, tokens="char"), "must be one of bpe, byte, word, got 'char'"),
        (lambda: Corpus(TEXTS, tokens=7), "int is not a tokenizer"),
        (lambda: Corpus(TEXTS, split_seed=-1), "split_seed"),
        (lambda: Corpus(TEXTS, empty="drop"), "must be 'error' or 'skip', got 'drop'"),
        (lambda: Words(min_count=0), "min_count"),
        (lambda: BPE(100), "vocab_size: 100; at least 257"),
        (lambda: Documents([1], [0, 2], None), "offsets end at 2"),
        (lambda: Documents([1], [1, 0], None), "offsets must begin at 0"),
    ],
)
def test_bad_documents_are_refused_in_one_line(make, message):
    _refused(make, message)


def test_empty_documents_may_be_skipped_and_bytes_read():
    assert Corpus(["a", " ", b"b\xc3\xa9"], empty="skip").documents == ("a", "bé")


def test_real_addresses_are_read_once():
    source = Sotu()
    assert len(source.train) > 20_000
    assert len(source.train.tokens) > 1_500_000
    assert 0.08 < len(source.held_out) / (len(source.train) + len(source.held_out)) < 0.12
    assert source.corpus is Sotu().corpus
    sent = vars(pickle.loads(pickle.dumps(source)))  # noqa: S301
    assert sent == {
        "tokens": "word",
        "held_out_share": 0.1,
        "replacement": True,
        "split_seed": 0,
        "checksum": source.checksum,
    }


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("genloss.corpus.readers.find_spec", lambda name: None)
    _refused(lambda: Sotu(split_seed=99).train, r"genloss\[data\]")


def _refused(make, message):
    with pytest.raises(SpecError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


class Shifted:
    """A tokenizer of a user's own: every byte one further."""

    size, end, unknown, fingerprint = 257, 256, -1, "shifted by one"

    def encode(self, texts):
        plain = Bytes().train(texts)
        return Documents((plain.tokens + 1) % 256, plain.offsets, self)

    def decode(self, tokens):
        return bytes(((tokens - 1) % 256).astype(np.uint8)).decode()


class ShiftedAndStored(Shifted):
    def to_arrays(self):
        return {"kind": np.frombuffer(b"shifted", np.uint8), "fingerprint": np.frombuffer(b"shifted by one", np.uint8),
                "text": np.zeros(0, np.uint8), "lower": np.array(False)}  # fmt: skip


class Poser(Shifted):
    def to_arrays(self):
        return {"kind": np.frombuffer(b"bytes", np.uint8), "fingerprint": np.frombuffer(b"shifted by one", np.uint8),
                "text": np.zeros(0, np.uint8), "lower": np.array(False)}  # fmt: skip


@pytest.mark.parametrize("tokenizer", [Shifted(), ShiftedAndStored(), Poser()])
def test_a_tokenizer_of_ones_own_is_given_again_and_never_guessed(tokenizer):
    documents = tokenizer.encode(["hello"])
    assert list(documents) == ["hello"]
    arrays = documents.to_arrays()
    _refused(lambda: documents_from(arrays), r"fingerprint shifted by one\); give that tokenizer again")
    _refused(lambda: documents_from(arrays, Bytes().train(["x"]).tokenizer), r"tokenizer=\.\.\.")
    assert list(documents_from(arrays, tokenizer)) == ["hello"]


def test_a_tokenizer_of_an_unknown_kind_is_refused():
    _refused(lambda: restored({}), "unnamed, fingerprint none")
    arrays = Words().train(["a b"]).tokenizer.to_arrays()
    assert restored(arrays).words == ("a", "b")
    _refused(lambda: restored(arrays | {"kind": np.frombuffer(b"word", np.uint8)}), r"\(word, fingerprint words")
