"""Detection per document, corpus and span; embedding; reading specs; hostile input."""

import json
from itertools import pairwise

import numpy as np
import pytest

from genloss import SpecError
from genloss.corpus import Document, Words
from genloss.families.ngram.learner import NGram
from genloss.provenance import KGW, BayesianHead, Gumbel, SynthID, Unigram, Watermarked, WatermarkSpec, combine
from genloss.provenance.watermarks.corpora import detect_rows

VOCAB = 400
KEYS = tuple(range(5, 305, 10))
HEAD = BayesianHead((-1.0, -2.0, 0.5), ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.3, -2.0, 0.0)))
SELF = KGW(VOCAB, seeding="anchored-minhash", own=True, width=4)
SCHEMES = {
    "lefthash": KGW(VOCAB),
    "selfhash": SELF,
    "minhash": KGW.original("minhash", VOCAB),
    "skipgram": KGW.original("skipgram", VOCAB),
    "sum": KGW(VOCAB, seeding="sum", width=2),
    "unigram": Unigram(VOCAB),
    "vllm": Gumbel(VOCAB, 7, padded=True),
    "philox": Gumbel(VOCAB, 7),
    "twister": Gumbel(VOCAB, 35317, 2, prf="twister"),
    "synthid": SynthID(VOCAB, KEYS),
    "synthid-mean": SynthID(VOCAB, KEYS, score="mean", hash="rounds"),
    "synthid-bayes": SynthID(VOCAB, KEYS[:3], score="bayesian", head=HEAD),
    "synthid-odd": SynthID(VOCAB, KEYS[:3], table_size=1001),
}
every = pytest.mark.parametrize("name", SCHEMES)


def text(rng: np.random.Generator, n: int) -> list[int]:
    return (rng.zipf(1.3, n) % VOCAB).tolist()


def marked(scheme, n: int, seed: int = 0) -> list[int]:
    """A text from a flat law, with the watermark."""
    rng, written = np.random.default_rng(seed), []
    law = 1 / np.arange(20, 20 + VOCAB)
    while len(written) < n:
        written.append(scheme.choose(written, law, rng))
    return written


@every
def test_marked_text_is_found_and_other_text_and_other_keys_are_not(name):
    scheme = SCHEMES[name]
    spec = WatermarkSpec(scheme)
    written = marked(scheme, 300)
    assert spec.detect(written).log10_p < -3
    other = spec.with_key(scheme.random_key(np.random.default_rng(6)))
    assert other.detect(written).log10_p > -3
    assert spec.detect(text(np.random.default_rng(0), 300)).log10_p > -3


@every
def test_repeats_change_nothing(name):
    spec = WatermarkSpec(SCHEMES[name])
    document = text(np.random.default_rng(1), 200)
    once = spec.detect(document)
    often = spec.detect_corpus([document] * 100)
    assert often.units == once.units
    assert often.log10_p == pytest.approx(once.log10_p, abs=1e-9)
    assert spec.detect_each([document] * 3).log10_p == pytest.approx([once.log10_p] * 3, abs=1e-9)


@every
def test_a_document_written_out_a_hundred_times_gains_no_units(name):
    spec = WatermarkSpec(SCHEMES[name])
    document = text(np.random.default_rng(2), 150)
    # The seams make a few new windows, which are the same at every seam.
    twice, often = spec.detect(document * 2), spec.detect(document * 100)
    assert often.units == twice.units
    assert often.log10_p == pytest.approx(twice.log10_p, abs=1e-9)


@every
def test_empty_and_short_documents_say_nothing(name):
    spec = WatermarkSpec(SCHEMES[name])
    empty = spec.detect([])
    assert (empty.units, empty.p_value, empty.log10_p) == (0, 1.0, 0.0)
    found = spec.detect_each([[], [3], [3, 4]])
    assert found.p_value[0] == 1
    assert ((found.units > 0) | (found.log10_p == 0)).all()
    assert spec.detect_corpus([]).p_value == 1
    assert len(spec.detect_each([])) == 0
    assert spec.spans([]) == []


@every
def test_plain_data_makes_the_spec_again(name):
    spec = WatermarkSpec(SCHEMES[name])
    assert WatermarkSpec.from_plain(json.loads(json.dumps(spec.to_plain()))) == spec


@every
def test_a_passage_is_found_where_it_is(name):
    scheme, rng = SCHEMES[name], np.random.default_rng(3)
    spec = WatermarkSpec(scheme)
    before, after = text(rng, 200), text(rng, 200)
    assert spec.spans(before + after) == []
    if name in ("synthid-bayes", "synthid-odd"):
        return  # three rounds say too little of one passage
    begin, passage = len(before), marked(scheme, 400, seed=8)
    found = spec.spans([*before, *passage, *after])
    assert len(found) >= 1
    margin = 200 if name == "selfhash" else 80  # it has the fewest units
    assert begin - margin < found[0].begin < begin + 200
    assert begin + 150 < found[-1].end < begin + len(passage) + margin
    assert all(span.evidence.p_value <= 0.01 for span in found)


def test_many_documents_agree_with_one_by_one():
    rng = np.random.default_rng(4)
    documents = [text(rng, n) for n in (0, 1, 50, 300, 7)]
    for scheme in SCHEMES.values():
        spec = WatermarkSpec(scheme)
        assert list(spec.detect_each(documents)) == [spec.detect(each) for each in documents]


def test_a_corpus_is_one_text_in_bounded_memory():
    rng = np.random.default_rng(5)
    documents = [text(rng, 200) for _ in range(60)]
    spec = WatermarkSpec(KGW(VOCAB))
    pairs = {(a, b) for each in documents for a, b in pairwise(each) if a}  # token 0 seeds alike under every key
    whole = spec.detect_corpus(documents)
    assert whole.units == len(pairs)
    halves = spec.tally().add(documents[:20]) + spec.tally().add(documents[20:])
    assert halves.evidence() == whole
    small = spec.tally(most=1000).add(documents)
    assert 400 <= small.evidence().units <= 1000
    assert small.share == pytest.approx(small.evidence().units / whole.units, rel=0.25)
    assert "of all units" in small.evidence().method
    assert len(small._held) <= 2048
    with pytest.raises(SpecError, match="different watermarks"):
        spec.tally() + WatermarkSpec(KGW(VOCAB, 9)).tally()


def test_a_kept_share_still_sees_a_watermark():
    documents = [marked(KGW(VOCAB), 200, seed) for seed in range(15)]
    spec = WatermarkSpec(KGW(VOCAB))
    whole, part = spec.detect_corpus(documents), spec.detect_corpus(documents, most=600)
    assert part.units < whole.units / 3
    assert whole.log10_p < part.log10_p < -5


def test_documents_are_scored_once_for_themselves_and_for_the_corpus(monkeypatch):
    spec = WatermarkSpec(KGW(VOCAB))
    rng = np.random.default_rng(4)
    rows = [Document(f"a.jsonl: line {i}", columns={"ids": text(rng, 30)}) for i in range(50)]
    documents = [row.columns["ids"] for row in rows]
    alone, whole = spec.detect_each(documents), spec.detect_corpus(documents)
    seen = []
    scored = KGW.scored

    def counted(self, tokens, offsets):
        seen.append(len(tokens))
        return scored(self, tokens, offsets)

    monkeypatch.setattr(KGW, "scored", counted)
    found = detect_rows(rows, spec)
    assert sum(seen) == 50 * 30
    assert found.corpus == whole
    assert np.array_equal(found.log10_p, alone.log10_p)
    with pytest.raises(SpecError, match="counts another watermark"):
        spec.detect_each(documents, tally=WatermarkSpec(KGW(VOCAB, 9)).tally())


def test_a_million_zipf_ids_are_no_evidence_for_selfhash():
    ids = np.random.default_rng(6).zipf(1.2, 1_000_000) % 2000
    spec = WatermarkSpec.from_transformers({"seeding_scheme": "selfhash", "context_width": 4}, vocab_size=2000)
    found = spec.detect(ids)
    assert found.p_value > 1e-3
    # The same text counted window by window, as is usual, is overwhelming evidence of nothing.
    scored = spec.scheme.scored(ids.astype(np.int32), np.array([0, len(ids)]))
    assert scored.counted.sum() < 0.5 * len(ids)


@every
def test_hostile_ids_are_refused_in_one_line(name):
    spec = WatermarkSpec(SCHEMES[name])
    wrong = [
        [1, VOCAB],
        [-1, 2],
        [1.5],
        [float("nan")],
        [float("inf")],
        [1, -np.inf],
        [[1, 2]],
        ["a"],
        "text",
        None,
        [2**40],
        [1, [2]],
    ]
    for ids in wrong:
        with pytest.raises(SpecError) as error:
            spec.detect(ids)
        assert "\n" not in str(error.value)
        assert len(str(error.value)) < 250
    for documents in (["text"], "text", 3, [[1], [VOCAB]]):
        with pytest.raises(SpecError, match="document"):
            spec.detect_each(documents)
    for logits in (np.full(VOCAB, np.nan), np.zeros(VOCAB - 1)):
        with pytest.raises(SpecError):
            spec.process([1, 2, 3, 4, 5], logits)
    with pytest.raises(SpecError):
        spec.choose([1, 2, 3, 4, 5], np.zeros(VOCAB), np.random.default_rng(0))


def test_fields_out_of_place_are_refused():
    for make in (
        lambda: KGW(0), lambda: KGW(100, gamma=0.001), lambda: KGW(100, gamma=1.0), lambda: KGW(100, bias=np.inf),
        lambda: KGW(100, seeding="hash"), lambda: KGW(100, own=True), lambda: KGW(100, width=0), lambda: KGW(True),
        lambda: KGW.original("x", 100), lambda: KGW(100, table=np.zeros((3, 3), np.uint8)), lambda: Unigram(1),
        lambda: Gumbel(100, -1), lambda: Gumbel(100, 2**64), lambda: Gumbel(9, 1, prf="hmac"), lambda: SynthID(9, ()),
        lambda: SynthID(100, (1.5,)), lambda: SynthID(100, (1,), ngram=1), lambda: SynthID(100, (1,), score="bayesian"),
        lambda: SynthID(100, (1, 2), score="bayesian", head=HEAD), lambda: SynthID(100, (1,), hash="md5"),
        lambda: WatermarkSpec(3),
    ):  # fmt: skip
        with pytest.raises(SpecError):
            make()


def test_specs_are_read_as_transformers_and_vllm_write_them(tmp_path):
    config = {
        "greenlist_ratio": 0.25,
        "bias": 2.0,
        "hashing_key": 15485863,
        "seeding_scheme": "lefthash",
        "context_width": 1,
    }
    path = tmp_path / "generation_config.json"
    path.write_text(json.dumps({"do_sample": True, "watermarking_config": config}), encoding="utf-8")
    read = WatermarkSpec.from_transformers
    assert read(path, vocab_size=VOCAB) == read(json.dumps(config), vocab_size=VOCAB) == WatermarkSpec(KGW(VOCAB))
    selfhash = read({**config, "seeding_scheme": "selfhash", "context_width": 4}, vocab_size=VOCAB)
    assert selfhash == WatermarkSpec(SELF)
    assert WatermarkSpec.from_vllm('{"algorithm": "gumbel"}', key=7, vocab_size=VOCAB) == WatermarkSpec(
        Gumbel(VOCAB, 7, padded=True)
    )
    with pytest.warns(UserWarning, match="the tokenizer has 3 ids, vocab_size is 400"):
        read(config, vocab_size=VOCAB, tokenizer=[1, 2, 3])
    for plain, message in (
        ({}, "no watermarking config"), ({"ngram_len": 5}, "no keys"), ({**config, "gama": 1}, "no such field"),
        ({"ngram_len": 5, "keys": 3}, "whole numbers"), ("{", "no JSON"), ("no/such.json", "not a readable file"),
        ({**config, "seeding_scheme": "x"}, "no scheme"), (3, "give a config"), ({**config, "bias": "2"}, "finite"),
    ):  # fmt: skip
        with pytest.raises(SpecError, match=message):
            read(plain, vocab_size=VOCAB)
    with pytest.raises(TypeError):
        read(config)
    for plain, message in (
        ({}, "give key="), ({"key": 1, "prf": "hmac_sha256"}, "known: gumbel with philox"),
        ({"key": 1, "algorithm": "dual_key_gumbel"}, "dual_from_vllm"), ({"key": -1}, "whole number"),
    ):  # fmt: skip
        with pytest.raises(SpecError, match=message):
            WatermarkSpec.from_vllm(plain, vocab_size=VOCAB)
    for plain in ({"kind": "x"}, {"kind": "kgw"}, {"kind": "kgw", "vocab_size": 9, "colour": 1}):
        with pytest.raises(SpecError):
            WatermarkSpec.from_plain(plain)


def test_green_lists_of_another_device_can_be_brought():
    rng = np.random.default_rng(7)
    lists = np.zeros((VOCAB, VOCAB), bool)
    for row in lists:
        row[rng.permutation(VOCAB)[: VOCAB // 4]] = True
    scheme = KGW(VOCAB, table=np.packbits(lists, axis=1))
    document = text(rng, 300)
    pairs = set(pairwise(document))
    found = WatermarkSpec(scheme).detect(document)
    assert (found.units, found.statistic) == (len(pairs), sum(lists[a, b] for a, b in pairs))
    assert scheme.green([5]).tolist() == lists[5].tolist()
    assert WatermarkSpec(scheme).detect(marked(scheme, 200)).log10_p < -5
    with pytest.raises(SpecError, match="save the array beside"):
        WatermarkSpec(scheme).to_plain()


def test_a_window_that_comes_again_is_left_alone():
    flat = np.zeros(VOCAB)
    again = [1, 2, 3, 4, 9, 1, 2, 3, 4]
    for scheme in (SCHEMES["vllm"], SCHEMES["twister"], SCHEMES["synthid"]):
        assert scheme.process(again, flat).tolist() == flat.tolist()
        assert scheme.process(again[:-1], flat).tolist() != flat.tolist() or scheme is SCHEMES["twister"]
    assert Gumbel(VOCAB, 7, once=False).process(again, flat).tolist() != flat.tolist()


def test_the_tournament_keeps_a_law_and_what_cannot_follow():
    scheme = SCHEMES["synthid"]
    logits = np.random.default_rng(8).normal(size=VOCAB)
    logits[:50] = -np.inf
    changed = np.exp(scheme.process([5, 6, 7, 8], logits))
    assert changed.sum() == pytest.approx(1)
    assert (changed[:50] == 0).all()


def test_keys_of_a_decoy_and_two_keys_combine():
    a, b = Gumbel(VOCAB, 1), Gumbel(VOCAB, 2)
    found = [WatermarkSpec(each).detect(marked(a, 100)) for each in (a, b)]
    assert combine(found, "fisher").log10_p < -10
    assert combine(found).log10_p == pytest.approx(min(each.log10_p for each in found) + np.log10(2))


TEXTS = ["the tails go first and the head goes last", "the head stays while the tails go", "all that is lost is lost"]


@pytest.mark.parametrize(
    "name", ["lefthash", "selfhash", "minhash", "skipgram", "sum", "unigram", "vllm", "twister", "synthid"]
)
@pytest.mark.parametrize("truncated", [False, True])
def test_models_write_watermarked_documents(name, truncated):
    rng = np.random.default_rng(9)
    words = [" ".join(rng.choice(1000 if name == "unigram" else 60, 12).astype(str)) for _ in range(200)]
    documents = Words().train(words)
    size = documents.tokenizer.size
    schemes = {
        "lefthash": KGW(size), "selfhash": KGW(size, seeding="anchored-minhash", own=True, width=4),
        "minhash": KGW.original("minhash", size), "skipgram": KGW(size, seeding="skipgram", width=2),
        "sum": KGW(size, seeding="sum", width=2), "unigram": Unigram(size, gamma=0.25), "vllm": Gumbel(size, 3),
        "twister": Gumbel(size, 3, 2, prf="twister"), "synthid": SynthID(size, KEYS),
    }  # fmt: skip
    spec = WatermarkSpec(schemes[name])
    learner = NGram(order=2, top_k=30 if truncated else None)
    model = Watermarked(learner, spec).fit(documents, rng)
    n = 150 if isinstance(spec.scheme, KGW) else 15
    found, plain = spec.detect_corpus(model.sample(n, rng)), spec.detect_corpus(model.model.sample(n, rng))
    assert found.log10_p < -3
    assert plain.log10_p > -3
    assert model.logprob(documents[:3]).shape == model.model.logprob(documents[:3]).shape


def test_watermarked_documents_of_a_model_have_the_law_of_raised_logits():
    rng = np.random.default_rng(10)
    documents = Words().train(TEXTS * 5)
    size = documents.tokenizer.size
    spec = WatermarkSpec(KGW(size, gamma=0.4, bias=1.5))
    model = Watermarked(NGram(order=2), spec).fit(documents, rng)
    tokens = model.sample(6000, rng)
    first = int(documents.tokens[0])
    ended = tokens.ended()
    following = ended[1:][ended[:-1] == first]
    law = model.probabilities([first], drawn=True)
    expected = law * np.exp(1.5 * spec.scheme.green([first]))
    expected /= expected.sum()
    seen = np.bincount(following, minlength=size) / len(following)
    assert np.abs(seen - expected).max() < 5 * np.sqrt(0.25 / len(following))
    assert np.abs(seen - law).max() > 0.05


def test_other_vocabularies_and_models_without_a_law_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(SpecError, match="the watermark knows 400 ids"):
        Watermarked(NGram(2), WatermarkSpec(KGW(VOCAB))).fit(TEXTS, rng)

    class Other:
        def fit(self, data, rng):
            return self

    with pytest.raises(SpecError, match="no law of the next token"):
        Watermarked(Other(), WatermarkSpec(KGW(VOCAB))).fit(TEXTS, rng)


def test_a_model_of_ones_own_is_watermarked_by_its_law():
    documents = Words().train(TEXTS)
    size = documents.tokenizer.size

    class Flat:
        tokenizer = documents.tokenizer

        def fit(self, data, rng):
            return self

        def probabilities(self, context, *, drawn=False):
            return np.full(size, 1 / size)

    spec = WatermarkSpec(Gumbel(size, 5))
    found = Watermarked(Flat(), spec).fit(documents, None).sample(20, np.random.default_rng(1))
    assert len(found) == 20
    assert spec.detect_corpus(found).log10_p < -10
