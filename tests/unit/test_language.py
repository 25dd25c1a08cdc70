"""Language probes against their definitions, on small text."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from genloss.chain.data import Pool
from genloss.chain.meta import meta_of
from genloss.chain.recursion import Chain, Generation
from genloss.chain.regimes import Replace
from genloss.chain.seeds import Streams
from genloss.corpus import Corpus, Documents, Words
from genloss.errors import SpecError
from genloss.families.gaussian import Gaussian, GaussianMLE
from genloss.families.ngram.learner import NGram
from genloss.probes.language import (
    BandPerplexity,
    Distinct,
    Perplexity,
    ReferencePerplexity,
    Survival,
    TokenEntropy,
    Types,
    band_names,
)

RNG = np.random.default_rng(11)
WORDS = [f"w{i}" for i in range(40)]
SHARES = 1 / np.arange(1, 41)
TEXTS = [" ".join(RNG.choice(WORDS, size=12, p=SHARES / SHARES.sum())) for _ in range(120)]
CORPUS = Corpus(TEXTS, held_out_share=0.25)
EDGES = (10, 40)


@dataclass
class Fixed:
    """A model that writes what it is told to, on and on and over again."""

    texts: object
    documents: int = 6
    at: int = 0

    def sample(self, n, rng):
        chosen = (self.at + np.arange(n)) % len(self.texts)
        self.at += n
        return self.texts.take(chosen) if isinstance(self.texts, Documents) else [self.texts[i] for i in chosen]


def generation(model, source=CORPUS, first=None):
    return Generation(0, model, Pool(), Pool(), source, first or model)


def fitted(**settings):
    return NGram(**settings).fit(CORPUS.train, RNG)


def test_perplexity_is_that_of_held_out_text():
    model = fitted(order=2)
    ids = CORPUS.held_out
    logs = []
    for i in range(len(ids)):
        line = ids[i : i + 1].ended().tolist()
        logs += [
            np.log(model.probabilities(line[:j])[line[j]]) for j in range(len(line)) if line[j] != ids.tokenizer.unknown
        ]
    assert Perplexity()(generation(model), RNG) == pytest.approx(np.exp(-np.mean(logs)))
    part = Perplexity(documents=5)(generation(model), RNG)
    assert part != Perplexity()(generation(model), RNG)
    assert Perplexity(documents=10**6)(generation(model), RNG) == Perplexity()(generation(model), RNG)
    assert Perplexity()(generation(fitted(order=3, smoothing="none")), RNG) == np.inf


def test_unknown_words_are_left_out_of_perplexity():
    corpus = Corpus([*["a b a b"] * 9, "a zzz b"], held_out_share=0.1, split_seed=_seed_that_holds_out("a zzz b"))
    model = NGram(1).fit(corpus.train, RNG)
    law = model.probabilities()
    a, b = corpus.tokenizer.encode(["a b"]).tokens
    expected = np.exp(-np.log(law[[a, b, corpus.tokenizer.end]]).mean())
    assert Perplexity()(generation(model, corpus), RNG) == pytest.approx(expected)


def _seed_that_holds_out(text):
    texts = [*["a b a b"] * 9, text]
    return next(seed for seed in range(100) if "zzz" in Corpus(texts, tokens="byte", split_seed=seed).held_out[0])


def test_band_perplexities_make_up_the_whole():
    model = fitted(order=3)
    found = BandPerplexity(edges=EDGES)(generation(model), RNG)
    assert list(found["band"].values) == ["1-9", "10-39", "40+"]
    band = np.searchsorted(EDGES, CORPUS.counts, side="right")
    ids = CORPUS.held_out.ended()
    logs = model.logprob(CORPUS.held_out)
    for j in range(3):
        member = (band[ids] == j) & (ids >= 2)
        assert member.any()
        assert float(found[j]) == pytest.approx(np.exp(-logs[member].mean()))
    assert float(found[0]) > float(found[2])
    assert len(found.attrs["noise"]) == 3
    assert min(found.attrs["noise"]) > 0


def test_band_noise_is_the_spread_over_held_out_sets():
    model = fitted(order=2)
    found = []
    noise = []
    for seed in range(150):
        held_out = CORPUS.train.take(np.random.default_rng(seed).integers(len(CORPUS.train), size=60))
        source = _Source(held_out, CORPUS.counts)
        value = BandPerplexity(edges=EDGES)(generation(model, source), RNG)
        found.append(np.log(value.values))
        noise.append(np.array(value.attrs["noise"]) / value.values)
    ratio = np.std(found, axis=0) / np.mean(noise, axis=0)
    assert (np.abs(ratio - 1) < 0.3).all()


@dataclass
class _Source:
    held_out: Documents
    counts: np.ndarray

    def sample(self, n, rng):
        return self.held_out


def test_survival_counts_the_types_that_are_still_written():
    types = np.flatnonzero(CORPUS.held_out.counts())
    band = np.searchsorted(EDGES, CORPUS.counts, side="right")
    held = [[i for i in types if i >= 2 and band[i] == j] for j in range(3)]
    rare, common, _ = (len(members) for members in held)
    assert rare > 3
    assert common > 3
    words = CORPUS.tokenizer.words
    written = [words[i - 2] for i in (*held[0][:1], *held[1][:3], *held[2])]
    for texts in (written, CORPUS.tokenizer.encode(written)):
        found = Survival(edges=EDGES, documents=len(written))(generation(Fixed(texts)), RNG)
        np.testing.assert_allclose(found.values, [1 / rare, 3 / common, 1.0])
    fewer = Survival(edges=EDGES)(generation(Fixed([*written[:6]], documents=1)), RNG)
    np.testing.assert_allclose(fewer.values, [1 / rare, 0, 0])
    noise = np.array(found.attrs["noise"])
    assert noise.shape == (3,)
    assert (noise > 0).all()
    assert noise[1] == pytest.approx(np.sqrt(3 / common * (1 - 3 / common) / common), rel=0.25)


def test_survival_reads_generation_zero_for_its_sample_size():
    chain = Chain(CORPUS, NGram(2), Replace(5), n0=30)
    generations = chain.generations(Streams(0))
    for _ in range(3):
        g = next(generations)
    assert g.train.size == 5
    drawn = []
    counted = Generation(g.t, _Counting(drawn), g.pool, g.train, g.source, g.first)
    Survival(edges=EDGES)(counted, RNG)
    assert drawn == [30]
    with pytest.raises(SpecError, match=r"probe survival\.documents: _Counting does not say"):
        Survival()(generation(_Counting(drawn)), RNG)


@dataclass
class _Counting:
    drawn: list

    def sample(self, n, rng):
        self.drawn.append(n)
        return CORPUS.train.take(np.arange(n))


def slow_distinct(documents, n, tokens):
    grams, left = [], tokens
    for i in range(len(documents)):
        line = documents.tokens[documents.offsets[i] : documents.offsets[i + 1]].tolist()[:left]
        left -= len(line)
        grams += [tuple(line[j : j + n]) for j in range(len(line) - n + 1)]
    return len(set(grams)) / len(grams) if grams else np.nan


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_distinct_is_the_slow_one(n):
    texts = CORPUS.train
    found = Distinct(n, tokens=300)(generation(Fixed(texts)), RNG)
    assert found == pytest.approx(slow_distinct(texts, n, 300))
    ragged = Words().train(["a b", "a", "a b c d e f a b", "", "a b c"])
    assert Distinct(n, tokens=14)(generation(Fixed(ragged)), RNG) == pytest.approx(slow_distinct(ragged, n, 14))


def test_types_and_entropy_are_taken_over_as_many_tokens():
    words = CORPUS.train.tokens[:400]
    counts = np.array(list(Counter(words.tolist()).values()))
    assert Types(tokens=400)(generation(Fixed(CORPUS.train)), RNG) == len(counts)
    share = counts / counts.sum()
    assert TokenEntropy(tokens=400)(generation(Fixed(CORPUS.train)), RNG) == pytest.approx(-(share @ np.log(share)))
    assert Types(tokens=3)(generation(Fixed(["w1 w2"])), RNG) == 2
    assert TokenEntropy(tokens=5000)(generation(Fixed(["x"]), source=None), RNG) == pytest.approx(0)


def test_reference_perplexity_under_generation_zero():
    first, later = fitted(order=2), fitted(order=2, top_k=1, max_length=30)
    probe = ReferencePerplexity(documents=50, judge="first")
    usual = probe(generation(first), np.random.default_rng(1))
    narrow = probe(generation(later, first=first), np.random.default_rng(1))
    written = first.sample(50, np.random.default_rng(1))
    assert usual == pytest.approx(np.exp(-first.logprob(written).mean()))
    assert narrow < usual
    listed = probe(generation(Fixed(list(written)), first=first), RNG)
    assert listed == pytest.approx(usual)


def test_reference_perplexity_under_the_real_text():
    """The judge knows all real training text, whatever generation 0 was."""
    model = fitted(order=2)
    probe = ReferencePerplexity(documents=50)
    seen = probe(generation(model), np.random.default_rng(1))
    judge = NGram(3).fit(CORPUS.train, RNG)
    assert seen == pytest.approx(np.exp(-judge.logprob(model.sample(50, np.random.default_rng(1))).mean()))
    assert probe(generation(model, first=fitted(order=1)), np.random.default_rng(1)) == seen


def test_probes_say_what_they_measure():
    roles = {
        Perplexity: ("average", "lower", "log"),
        BandPerplexity: ("tails", "lower", "log"),
        Survival: ("tails", "higher", "linear"),
        Distinct: ("language", "higher", "linear"),
        Types: ("language", "higher", "log"),
        TokenEntropy: ("spread", "higher", "linear"),
        ReferencePerplexity: ("average", "lower", "log"),
    }
    for probe, (role, better, scale) in roles.items():
        meta = meta_of(probe())
        assert (meta.role, meta.better, meta.scale, meta.vectorized) == (role, better, scale, False)
    assert band_names((2, 10)) == ["1", "2-9", "10+"]
    assert band_names(()) == ["1+"]


GAUSSIAN = next(Chain(Gaussian(), GaussianMLE(), Replace(9), n0=9).generations(Streams(0)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Perplexity()(GAUSSIAN, RNG), "probe perplexity: measures sources with held-out documents"),
        (lambda: BandPerplexity()(GAUSSIAN, RNG), "probe band-perplexity: measures sources with held-out documents"),
        (lambda: Survival()(GAUSSIAN, RNG), "probe survival: measures sources with held-out documents"),
        (lambda: Distinct()(GAUSSIAN, RNG), "probe distinct: measures models that write documents"),
        (lambda: Types()(GAUSSIAN, RNG), "probe types: measures models that write documents"),
        (lambda: ReferencePerplexity()(GAUSSIAN, RNG), "probe reference-perplexity: measures sources that are a corp"),
        (lambda: Perplexity()(generation(Fixed(["a"])), RNG), "measures models of text with logprob"),
        (lambda: Perplexity()(generation(NGram(2).fit(["a b"], RNG)), RNG), "another tokenizer"),
        (lambda: Survival(edges=(10, 10)), "give rising counts from 2"),
        (lambda: BandPerplexity(edges=(1,)), "must be a whole number from 2, got 1"),
        (lambda: Perplexity(documents=0), "perplexity.documents: must be a whole number from 1, got 0"),
        (lambda: Distinct(0), "distinct.n: must be a whole number from 1, got 0"),
        (lambda: Types(tokens=0), "types.tokens: must be a whole number from 1, got 0"),
        (lambda: ReferencePerplexity(judge="me"), "no judge 'me'; known: first, real"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(make, message):
    with pytest.raises(SpecError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
