"""The n-gram model against a slow and obvious one, and its limits."""

import itertools
from collections import Counter

import numpy as np
import pytest

from genloss.corpus import BPE, Bytes, Documents, Words
from genloss.errors import SpecError
from genloss.families.ngram.learner import NGram

RNG = np.random.default_rng(5)
TEXTS = [
    " ".join("abcdefgh"[i] for i in RNG.choice(8, size=1 + RNG.poisson(8), p=np.array([8, 7, 6, 5, 4, 3, 2, 1]) / 36))
    for _ in range(40)
]
DOCUMENTS = Words().train([*TEXTS, "z z a", "y"])
START = "<s>"


def slow_law(documents: Documents, order: int, discount: float | None, smoothed: bool = True):
    """Interpolated Kneser-Ney from dictionaries, as the formulas stand: a function of a context tuple."""
    end = documents.tokenizer.end
    grams = Counter()
    for i in range(len(documents)):
        tokens = documents.tokens[documents.offsets[i] : documents.offsets[i + 1]].tolist()
        line = [START, *tokens, end]
        for j in range(1, len(line)):
            for k in range(1, order + 1):
                if j - k + 1 >= 0:
                    grams[tuple(line[j - k + 1 : j + 1])] += 1
    lefts = Counter()
    for gram in grams:
        lefts[gram[1:]] += len(gram) > 1
    adjusted = {gram: grams[gram] if len(gram) == order or gram[0] == START else lefts[gram] for gram in grams}
    lowered = {}
    for k in range(1, order + 1):
        counts = Counter(count for gram, count in adjusted.items() if len(gram) == k)
        n = [counts[j] for j in range(5)]
        found = [0.5, 1.0, 1.5]
        if n[1] and n[2] and n[3]:
            share = n[1] / (n[1] + 2 * n[2])
            tried = [j - (j + 1) * share * n[j + 1] / n[j] for j in (1, 2, 3)]
            found = tried if min(tried) >= 0 else found
        lowered[k] = found if discount is None else [discount] * 3
    size = documents.tokenizer.size

    def law(context):
        if not smoothed:
            while context and not any(gram[:-1] == context for gram in grams):
                context = context[1:]
            seen = {gram[-1]: count for gram, count in grams.items() if gram[:-1] == context}
            return np.array([seen.get(w, 0) for w in range(size)]) / sum(seen.values())
        below = law(context[1:]) if context else np.full(size, 1 / size)
        seen = {gram[-1]: count for gram, count in adjusted.items() if gram[:-1] == context}
        if not seen:
            return below
        off = {w: lowered[len(context) + 1][min(count, 3) - 1] for w, count in seen.items()}
        own = np.array([seen[w] - off[w] if w in seen else 0.0 for w in range(size)])
        return (own + sum(off.values()) * below) / sum(seen.values())

    return law


def contexts(order: int, size: int):
    """Beginnings of documents that cover seen, half seen and unseen contexts, with what the slow law calls them."""
    for length in range(order + 1):
        tried = itertools.islice(
            itertools.product(range(1, size), repeat=length), 0, None, max(1, size ** (length - 2))
        )
        for tokens in tried:
            line = (START, *tokens)
            yield list(tokens), line[len(line) - order + 1 :] if order <= len(line) else line


@pytest.mark.parametrize("discount", [None, 0.75, 1.0])
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_kneser_ney_is_the_slow_one(order, discount):
    model = NGram(order, discount=discount).fit(DOCUMENTS, RNG)
    law = slow_law(DOCUMENTS, order, discount)
    for tokens, context in contexts(order, DOCUMENTS.tokenizer.size):
        found = model.probabilities(tokens)
        np.testing.assert_allclose(found, law(context), rtol=0, atol=1e-12)
        assert abs(found.sum() - 1) < 1e-12


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_maximum_likelihood_is_the_slow_one(order):
    model = NGram(order, smoothing="none").fit(DOCUMENTS, RNG)
    law = slow_law(DOCUMENTS, order, None, smoothed=False)
    for tokens, context in contexts(order, DOCUMENTS.tokenizer.size):
        np.testing.assert_allclose(model.probabilities(tokens), law(context), rtol=0, atol=1e-12)


def test_logprob_is_the_law_along_each_document():
    for settings in ({}, {"order": 1}, {"order": 5, "discount": 0.5}, {"smoothing": "none"}):
        model = NGram(**settings).fit(DOCUMENTS, RNG)
        found = model.logprob(DOCUMENTS)
        expected = []
        for i in range(len(DOCUMENTS)):
            line = DOCUMENTS[i : i + 1].ended().tolist()
            expected += [model.probabilities(line[:j])[line[j]] for j in range(len(line))]
        np.testing.assert_allclose(np.exp(found), expected, rtol=1e-12)


def test_maximum_likelihood_perplexity_is_the_direct_one():
    model = NGram(3, smoothing="none").fit(DOCUMENTS, RNG)
    trigrams, pairs = Counter(), Counter()
    for i in range(len(DOCUMENTS)):
        line = [START, START, *DOCUMENTS[i : i + 1].ended().tolist()]
        trigrams.update(zip(line, line[1:], line[2:], strict=False))
        pairs.update(itertools.pairwise(line[:-1]))
    direct = sum(n * np.log(n / pairs[gram[:2]]) for gram, n in trigrams.items()) / sum(trigrams.values())
    assert model.logprob(DOCUMENTS).mean() == pytest.approx(direct, rel=1e-12)
    assert np.isneginf(model.logprob(["h z y h z y"])).any()


@pytest.mark.parametrize("settings", [{}, {"draws": "any"}, {"draws": "seen-ngrams"}, {"order": 1}, {"order": 2}])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tempered_law_is_the_power_of_the_law(settings, temperature):
    model = NGram(**settings, temperature=temperature).fit(DOCUMENTS, RNG)
    plain = NGram(**settings).fit(DOCUMENTS, RNG)
    for tokens, _ in contexts(2, DOCUMENTS.tokenizer.size):
        powers = plain.probabilities(tokens, drawn=True) ** (1 / temperature)
        np.testing.assert_allclose(
            model.probabilities(tokens, drawn=True), powers / powers.sum(), rtol=1e-9, atol=1e-15
        )


def test_tokens_that_the_text_lacks_are_not_drawn():
    part = DOCUMENTS[:30]
    size = DOCUMENTS.tokenizer.size
    lacking = np.setdiff1d(np.arange(size), part.ended())
    assert len(lacking) >= 2
    model = NGram(3).fit(part, RNG)
    law = slow_law(part, 3, None)
    single = law(())
    single[lacking] = 0
    single /= single.sum()
    for tokens, _ in contexts(3, size):
        found = model.probabilities(tokens, drawn=True)
        assert not found[lacking].any()
        assert abs(found.sum() - 1) < 1e-12
        assert (model.probabilities(tokens) > 0).all()
    np.testing.assert_allclose(NGram(1).fit(part, RNG).probabilities(drawn=True).sum(), 1)
    unseen = [int(lacking[0])] * 2
    np.testing.assert_allclose(model.probabilities(unseen, drawn=True), single, atol=1e-12)
    anything = NGram(3, draws="any").fit(part, RNG)
    np.testing.assert_allclose(anything.probabilities([3], drawn=True), anything.probabilities([3]), rtol=1e-12)
    assert not model.sample(500, RNG).counts()[lacking].any()


def test_a_low_temperature_takes_the_most_probable():
    model = NGram(temperature=1e-3).fit(DOCUMENTS, RNG)
    plain = model.probabilities([3])
    assert model.probabilities([3], drawn=True)[plain.argmax()] == pytest.approx(1.0)
    lines = set(
        NGram(smoothing="none", top_k=1, max_length=50)
        .fit(Words().train(["a b c", "a b d", "a b c"]), RNG)
        .sample(9, RNG)
    )
    assert lines == {"a b c"}


def test_truncation_keeps_the_most_probable_and_what_ties():
    for settings in ({}, {"draws": "seen-ngrams"}, {"temperature": 0.7}):
        full = NGram(**settings).fit(DOCUMENTS, RNG)
        for k, share in ((1, 1.0), (3, 1.0), (None, 0.6), (4, 0.55)):
            model = NGram(**settings, top_k=k, top_p=share).fit(DOCUMENTS, RNG)
            for tokens, _ in contexts(2, DOCUMENTS.tokenizer.size):
                law = full.probabilities(tokens, drawn=True)
                found = model.probabilities(tokens, drawn=True)
                kept = np.argsort(-law, kind="stable")[: k or len(law)]
                kept = np.flatnonzero(law >= law[kept[-1]] - 1e-15)
                held = np.cumsum(np.sort(law[kept])[::-1]) / law[kept].sum()
                least = np.sort(law[kept])[::-1][np.flatnonzero(held >= share - 1e-12)[0]]
                kept = kept[law[kept] >= least - 1e-15]
                assert set(np.flatnonzero(found)) == set(kept[law[kept] > 0])
                np.testing.assert_allclose(found[kept], law[kept] / law[kept].sum(), rtol=1e-9)


def test_truncated_drawing_never_leaves_what_is_kept():
    for settings in (
        {"top_k": 2},
        {"top_p": 0.5},
        {"top_k": 3, "top_p": 0.7, "temperature": 1.3},
        {"order": 1, "top_k": 2},
    ):
        model = NGram(**{"max_length": 60, **settings}).fit(DOCUMENTS, RNG)
        drawn = model.sample(60, RNG)
        for i in range(len(drawn)):
            line = drawn[i : i + 1].ended().tolist()
            cut = len(line) > model.learner.max_length
            assert all(model.probabilities(line[:j], drawn=True)[line[j]] > 0 for j in range(len(line) - cut))


def test_observed_drawing_never_leaves_the_training_text():
    model = NGram(3, draws="seen-ngrams").fit(DOCUMENTS, RNG)
    drawn = model.sample(200, RNG)
    assert np.isfinite(NGram(3, smoothing="none").fit(DOCUMENTS, RNG).logprob(drawn)).all()
    law = NGram(3, smoothing="none").fit(DOCUMENTS, RNG)
    for tokens, _ in contexts(2, DOCUMENTS.tokenizer.size):
        np.testing.assert_allclose(model.probabilities(tokens, drawn=True), law.probabilities(tokens), rtol=1e-12)
    wild = NGram(3).fit(DOCUMENTS, RNG).sample(200, RNG)
    assert not np.isfinite(NGram(3, smoothing="none").fit(DOCUMENTS, RNG).logprob(wild)).all()


def test_the_same_seed_draws_the_same_text_and_another_does_not():
    model = NGram().fit(DOCUMENTS, RNG)
    one, same, other = (list(model.sample(50, np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert list(model.sample(20, np.random.default_rng(1))) == one[:20]


def test_documents_are_cut_at_the_longest_length():
    model = NGram(2, max_length=4).fit(DOCUMENTS, RNG)
    drawn = model.sample(300, RNG)
    assert drawn.lengths.max() == 4


@pytest.mark.parametrize("recipe", [Bytes(), BPE(300)])
def test_bytes_and_pieces_run_end_to_end(recipe):
    documents = recipe.train(["Café au lait, please.", "Two coffees — black.", "Tea?"] * 5)
    model = NGram(4).fit(documents, RNG)
    drawn = model.sample(30, RNG)
    assert len(drawn) == 30
    assert all(isinstance(text, str) for text in drawn)
    again = NGram(4).fit(drawn, RNG)
    assert np.isfinite(again.logprob(documents)).all()
    assert model.logprob(documents).mean() > again.logprob(documents).mean()


def test_texts_are_read_as_words():
    model = NGram(2).fit(["the tails go", "the head stays"], RNG)
    assert model.tokenizer.size == 7
    assert model.documents == 2
    assert model.probabilities("the tails").shape == (7,)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NGram(order=0), "ngram.order: must be a whole number from 1 to 12, got 0"),
        (lambda: NGram(order=2.0), "ngram.order"),
        (lambda: NGram(smoothing="laplace"), "known: kneser-ney, none"),
        (lambda: NGram(draws="greedy"), "known: any, seen-ngrams, seen-tokens"),
        (lambda: NGram(discount=1.5), "ngram.discount"),
        (lambda: NGram(temperature=0), "ngram.temperature"),
        (lambda: NGram(top_k=0), "ngram.top_k"),
        (lambda: NGram(top_p=0), "ngram.top_p"),
        (lambda: NGram(max_length=0), "ngram.max_length"),
        (lambda: NGram().fit([], RNG), "at least 1 document"),
        (lambda: NGram().fit(DOCUMENTS[:0], RNG), "at least 1 document"),
        (lambda: NGram().fit([1, 2], RNG), "document 0 is int"),
        (lambda: NGram().fit(np.arange(3.0), RNG), "got ndarray"),
        (lambda: NGram().fit("one text", RNG), "got str"),
        (lambda: NGram().fit(DOCUMENTS, RNG).logprob(Bytes().train(["x"])), "another tokenizer"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(make, message):
    with pytest.raises(SpecError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_without_numba_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "genloss.families.ngram.tree", None)
    with pytest.raises(SpecError, match=r"genloss\[text\]"):
        NGram().fit(DOCUMENTS, RNG)


def test_an_empty_document_is_a_document():
    documents = DOCUMENTS.tokenizer.encode(["a b", ""])
    model = NGram(3, smoothing="none").fit(documents, RNG)
    assert model.probabilities()[documents.tokenizer.end] == 0.5
    assert 0 in model.sample(50, RNG).lengths
