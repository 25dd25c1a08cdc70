"""Watermarks where keys repeat or do nothing, where documents begin, and where specs are hostile."""

import json

import numpy as np
import pytest
from scipy.stats import binom

from genloss import SpecError
from genloss.corpus import Words
from genloss.families.ngram.learner import NGram
from genloss.provenance import KGW, Gumbel, SynthID, Watermarked, WatermarkSpec
from genloss.provenance.evidence.tail_areas import LatticeSum
from genloss.provenance.watermarks.loading import tokenizer_of, watermark_of
from lanes import need

VOCAB = 400


@pytest.mark.parametrize("hashed", ["rounds", "table"])
@pytest.mark.parametrize("score", ["weighted", "mean"])
@pytest.mark.parametrize("keys", [(7,) * 10, (7, 8, 7, 9), (1, 2)])
def test_equal_keys_have_one_bit(hashed, score, keys):
    """The spread of a unit's score is that of random n-grams, whose bits are alike where keys are."""
    scheme = SynthID(VOCAB, keys, ngram=3, hash=hashed, score=score)
    rng = np.random.default_rng(0)
    scores = scheme.bits(rng.integers(VOCAB, size=20_000)) @ scheme.weights
    mean, deviation = scheme.moments
    assert scores.mean() == pytest.approx(mean, abs=5 * deviation / 140)
    assert scores.std() == pytest.approx(deviation, rel=0.05)


def test_repeated_keys_keep_the_level():
    rng = np.random.default_rng(1)
    documents = [rng.integers(VOCAB, size=80) for _ in range(1500)]
    spec = WatermarkSpec(SynthID(VOCAB, (7,) * 10, ngram=3, hash="rounds"))
    p = spec.detect_each(documents).p_value
    for level in (0.05, 0.01):
        assert (p <= level).mean() < level + 5 * np.sqrt(level / len(documents))


def test_a_twister_that_leaves_its_key_out_is_refused():
    with pytest.raises(SpecError, match="under every key"):
        Gumbel(VOCAB, 5, 1, prf="twister")
    assert Gumbel(VOCAB, 5, 1, prf="twister", start=3).width == 1
    assert Gumbel(VOCAB, 5, 1).width == 1


def test_an_unknown_seeding_does_not_show_its_key():
    for name in ("ff-foo_prf-4-True-736451092834", "ff-additive_prf-x-True-736451092834", 736451092834, ["a"]):
        with pytest.raises(SpecError, match="no seeding") as error:
            KGW.original(name, 100)
        assert "736451092834" not in str(error.value)
        assert "\n" not in str(error.value)


HEAD = {"beta": [0.1, 0.2], "delta": [[0, 0], [0, 0]]}
BAYES = {"kind": "synth-id", "vocab_size": 9, "keys": [1, 2], "score": "bayesian"}


@pytest.mark.parametrize(
    "plain",
    [
        {**BAYES, "head": {"beta": [0.1, 0.2]}},
        {**BAYES, "head": {**HEAD, "colour": 1}},
        {**BAYES, "head": {**HEAD, "delta": 3}},
        {**BAYES, "head": {**HEAD, "delta": [[0], [0, 0]]}},
        {**BAYES, "head": {**HEAD, "beta": [0.1, "x"]}},
        {**BAYES, "head": {**HEAD, "beta": [0.1, None]}},
        {**BAYES, "head": {**HEAD, "prior": "x"}},
        {**BAYES, "head": 3},
        {**BAYES, "head": []},
        BAYES,
        {"scheme": 3},
        {"scheme": None},
        {"scheme": ["kgw"]},
        {"kind": ["kgw"], "vocab_size": 9},
        {"kind": {"kgw": 1}, "vocab_size": 9},
        {"kind": None, "vocab_size": 9},
        {"kind": "kgw", "vocab_size": [9]},
        {"kind": "kgw", "vocab_size": 9, "own": "yes", "seeding": "sum"},
        {"kind": "kgw", "vocab_size": 9, "table_seed": "x"},
        {"kind": "gumbel", "vocab_size": 9, "key": 1, "once": "no"},
        {"kind": "synth-id", "vocab_size": 9, "keys": [1], "hash": ["table"]},
        {"kind": "synth-id", "vocab_size": 9, "keys": [1], "skip_first": 3},
        {"greenlist_ratio": 0.5, "seeding_scheme": ["lefthash"], "vocab_size": 9},
        {"algorithm": ["gumbel"], "vocab_size": 9},
    ],
)
def test_hostile_specs_are_one_line(tmp_path, plain):
    path = tmp_path / "watermark.json"
    path.write_text(json.dumps(plain), encoding="utf-8")
    with pytest.raises(SpecError) as error:
        watermark_of(path)
    assert "\n" not in str(error.value)


def test_a_head_is_read():
    spec = WatermarkSpec.from_plain({**BAYES, "head": HEAD})
    assert WatermarkSpec.from_plain(spec.to_plain()) == spec


def test_a_tokenizer_reads_documents_whole(tmp_path):
    tokenizers = need("tokenizers", "full")
    split = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "b": 1, "pad": 2}, unk_token="a"))
    split.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    split.enable_truncation(4)
    split.enable_padding(length=8, pad_id=2, pad_token="pad")
    path = tmp_path / "tokenizer.json"
    split.save(str(path))
    assert tokenizer_of(path).encode("a b a b b b").ids == [0, 1, 0, 1, 1, 1]
    assert [len(each.ids) for each in tokenizer_of(tmp_path).encode_batch(["a", "b b"])] == [1, 2]


KEYLESS = {
    "last": (KGW(VOCAB), [0]),
    "sum": (KGW(VOCAB, seeding="sum", width=2), [0, 0]),
    "sum, own": (KGW(VOCAB, seeding="sum", own=True, width=2), [0]),
    "skipgram": (KGW.original("skipgram", VOCAB), [0, 1, 2, 3, 4]),
    "minhash": (KGW.original("minhash", VOCAB), [0, 0, 0, 0]),
}


@pytest.mark.parametrize("name", KEYLESS)
def test_what_token_zero_seeds_under_every_key_is_no_evidence(name):
    scheme, window = KEYLESS[name]
    other = scheme.with_key(scheme.random_key(np.random.default_rng(2)))
    if scheme.own:
        document = [0] * 50
    else:
        greens = np.flatnonzero(scheme.green(window))
        assert np.array_equal(greens, np.flatnonzero(other.green(window)))
        document = [token for green in greens[:99] for token in (*window, int(green))]
    for keyed in (scheme, other):
        assert keyed.judged(np.array(document, np.int32), np.array([0, len(document)])).counted.any()
        assert WatermarkSpec(keyed).detect(document).log10_p > -6
        assert (WatermarkSpec(keyed).detect_corpus([document]).units == 0) == (scheme.own)


def test_a_hash_that_hangs_on_the_key_keeps_token_zero():
    for scheme in (KGW(VOCAB, seeding="skipgram", width=2), KGW(VOCAB, seeding="anchored-minhash", own=True, width=4)):
        document = [0, 0, 0, 0, 5, 0, 6, 7]
        tokens, offsets = np.array(document, np.int32), np.array([0, len(document)])
        assert np.array_equal(scheme.scored(tokens, offsets).counted, scheme.judged(tokens, offsets).counted)


class Stranger:
    """A model of no known kind: it has a law of the next token."""

    def __init__(self, model):
        self.tokenizer, self.probabilities, self.learner = model.tokenizer, model.probabilities, model.learner


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("padded", [True, False])
def test_documents_of_one_key_are_not_one_document(known, padded):
    rng = np.random.default_rng(3)
    law = 1 / np.arange(1, 201)
    words = [" ".join(map(str, rng.choice(200, 20, p=law / law.sum()))) for _ in range(150)]
    documents = Words().train(words)
    spec = WatermarkSpec(Gumbel(documents.tokenizer.size, 42, padded=padded))
    model = Watermarked(NGram(2, max_length=25), spec).fit(documents, rng)
    if not known:
        model = type(model)(Stranger(model.model), spec)
    n = 300 if known else 40
    written = model.sample(n, rng)
    again = len(written) - len({tuple(each) for each in np.split(written.tokens, written.offsets[1:-1])})
    assert again < 0.05 * n  # short ones come again by chance
    assert spec.detect_corpus(written).log10_p < -50
    long = [each for each in np.split(written.tokens, written.offsets[1:-1]) if len(each) == 25]
    assert np.median([spec.detect(each).log10_p for each in long]) < -3
    first = spec.scheme.scored(written.tokens, written.offsets).counted[written.offsets[:-1][written.lengths > 0]]
    assert first.all() == padded
    assert first.any() == padded


LAWS = {
    "two rounds": SynthID(VOCAB, (1, 2), hash="rounds"),
    "three rounds": SynthID(VOCAB, (1, 2, 3), hash="rounds"),
    "five rounds": SynthID(VOCAB, (1, 2, 3, 4, 5), hash="rounds"),
    "ten rounds": SynthID(VOCAB, tuple(range(10)), hash="rounds"),
    "twelve rounds": SynthID(VOCAB, tuple(range(12)), hash="rounds"),
    "equal keys": SynthID(VOCAB, (7, 7, 7, 7, 7, 8), hash="rounds"),
    "table": SynthID(VOCAB, (5, 15)),
    "mean": SynthID(VOCAB, (5, 15, 25, 35), score="mean"),
}


@pytest.mark.parametrize("name", LAWS)
def test_p_values_of_a_tournament_are_never_below_the_exact_ones(name):
    """Against the convolution of the law of a unit, right beyond where that is computed, and well beyond it."""
    law = LAWS[name]._null
    for n in [n for n in (25, law.few + 1, 2 * law.few) if n * len(law.law) < 90_000]:
        sums = np.ones(1)
        for bit in bin(n)[2:]:
            sums = np.convolve(sums, sums)
            sums = np.convolve(sums, law.law) if bit == "1" else sums
        tails = np.cumsum(sums[::-1])[::-1]
        at = np.flatnonzero((sums > 1e-16) & (tails > 1e-40) & (tails < 0.3))
        at = at[:: max(1, len(at) // 300)]
        ratio = np.exp(LAWS[name].log_tail(at, n) - np.log(tails[at]))
        assert ratio.min() > 1 - 1e-3
        near = tails[at] > 1e-6
        assert ratio[near].max() < (1.15 if name != "equal keys" else 2)


def test_the_mean_of_rounds_is_binomial():
    scheme = SynthID(VOCAB, (1, 2, 3), hash="rounds", score="mean")
    assert scheme.log_tail(np.array([200.0]), np.array([100])) == pytest.approx(binom.logsf(199, 300, 0.5))
    assert "binomial" in scheme.method
    assert scheme.log_tail(0.0, 0) == 0
    assert "exact to 24 units" in LAWS["two rounds"].method
    assert "sampled" in SynthID(VOCAB, (1, 2, 3), table_size=1001).method


def test_a_score_that_is_always_the_same_says_nothing():
    law = LatticeSum(np.array([0.0, 0.0, 1.0]))
    assert law.log_tail([10.0, 11.0], [5, 5]).tolist() == [0, -np.inf]


@pytest.mark.parametrize("depth", [30, 70])
def test_documents_of_a_tournament_do_not_begin_alike(depth):
    rng = np.random.default_rng(4)
    documents = Words().train([" ".join(map(str, rng.integers(200, size=20))) for _ in range(150)])
    spec = WatermarkSpec(SynthID(documents.tokenizer.size, tuple(range(5, 5 + 10 * depth, 10))))
    written = Watermarked(NGram(2, max_length=25), spec).fit(documents, rng).sample(60, rng)
    assert len({tuple(each[:4]) for each in np.split(written.tokens, written.offsets[1:-1])}) > 50
    assert spec.detect_corpus(written).log10_p < -20
