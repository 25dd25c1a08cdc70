"""A student of watermarked text is found out; one of real text is not, whatever the key."""

import numpy as np
import pytest

from genloss.chain.data import concat
from genloss.corpus import Sotu
from genloss.families.ngram.learner import NGram
from genloss.provenance import KGW, Unigram, Watermarked, WatermarkSpec
from genloss.provenance.watermarks.radioactivity import closed_model, open_model

pytestmark = pytest.mark.statistical

DOCUMENTS, SHARE, KEYS = 4000, 0.05, 40


@pytest.fixture(scope="module")
def real():
    return Sotu().train


def keyed(real, rng):
    scheme = KGW(real.tokenizer.size, bias=6.0)
    return WatermarkSpec(scheme.with_key(scheme.random_key(rng)))


def drawn(real, n, rng):
    return real.take(rng.integers(len(real), size=n))


def watermarked(real, spec, tokens, rng):
    """About so many watermarked tokens: documents are short or long as the key lets a text end after a full stop."""
    model = Watermarked(NGram(2), spec).fit(drawn(real, DOCUMENTS, rng), rng)
    found = model.sample(20, rng)
    while found.lengths.sum() < tokens:
        found = concat([found, model.sample(100, rng)])
    return found.take(np.arange(max(1, int((np.cumsum(found.lengths) <= tokens).sum()))))


def test_a_student_at_five_percent_is_found_out(real, seed):
    rng = np.random.default_rng(seed)
    spec = keyed(real, rng)
    clean = drawn(real, DOCUMENTS, rng)
    marked = watermarked(real, spec, clean.lengths.sum() * SHARE / (1 - SHARE), rng)
    assert 0.03 < marked.lengths.sum() / (marked.lengths.sum() + clean.lengths.sum()) <= SHARE
    student = NGram(2).fit(concat([clean, marked]), rng)
    assert closed_model(spec, student.sample(4000, rng)).log10_p < -10
    for choice, bound in (("best", -10), ("drawn", -2), ("law", -10)):
        found = open_model(spec, student, marked, choice=choice, rng=rng, most=5000)
        assert found.log10_p < bound, choice
        assert np.isfinite(found.log10_p)


def test_students_of_real_text_are_not(real, seed):
    """p <= .01 comes as often as .01 over keys: more than 5 of 40 has a chance below 1e-5 (and no log is infinite)."""
    rng = np.random.default_rng(seed)
    student = NGram(2).fit(drawn(real, DOCUMENTS, rng), rng)
    written = student.sample(150, rng)
    found = np.array([closed_model(keyed(real, rng), written).log10_p for _ in range(KEYS)])
    assert np.isfinite(found).all()
    assert (found <= -2).sum() <= 5
    assert (found <= np.log10(0.5)).sum() <= KEYS / 2 + 5 * np.sqrt(KEYS) / 2
    assert np.median(found) > -1


def test_prompts_are_no_evidence(real, seed):
    """The classic mistake: a clean model that copies its watermarked prompt, scored with the prompt's windows."""
    rng = np.random.default_rng(seed)
    spec = keyed(real, rng)
    marked = Watermarked(NGram(2), spec).fit(drawn(real, 1000, rng), rng).sample(100, rng)
    prompts = [marked.tokens[a:b] for a, b in zip(marked.offsets[:-1], marked.offsets[1:], strict=True)]
    copied = [prompt[len(prompt) // 3 :] for prompt in prompts]
    assert closed_model(spec, copied).log10_p < -100
    clean = closed_model(spec, copied, prompts)
    assert clean.units == 0
    assert clean.p_value == 1.0


def test_the_law_of_a_clean_model_is_no_evidence_in_watermarked_contexts(real, seed):
    rng = np.random.default_rng(seed)
    clean = NGram(2).fit(drawn(real, DOCUMENTS, rng), rng)
    found = []
    for _ in range(4):
        spec = keyed(real, rng)
        marked = Watermarked(NGram(2), spec).fit(drawn(real, 500, rng), rng).sample(10, rng)
        found += [open_model(spec, clean, marked, choice=c, rng=rng, most=150).log10_p for c in ("best", "law")]
    assert min(found) > -5
    assert np.median(found) > -1


def copied_from(size, back):
    """A model that knows nothing: it proposes what followed any of the last tokens before, in its context alone."""

    def law(ids):
        found = np.full(size, 1e-6)
        for token in ids[-back:]:
            np.add.at(found, ids[np.flatnonzero(ids[:-1] == token) + 1], 1.0)
        return found

    return law


@pytest.mark.parametrize("choice", ["best", "drawn"])
def test_a_model_that_repeats_the_words_of_its_context_knows_no_key(choice, seed):
    rng = np.random.default_rng(seed)
    scheme = Unigram(1000, key=77)
    law = np.where(scheme.mask, 4.0, 1.0) / np.where(scheme.mask, 4.0, 1.0).sum()
    documents = [rng.choice(1000, size=200, p=law) for _ in range(50)]
    found = open_model(scheme, lambda ids: np.bincount(ids, minlength=1000) + 1e-6, documents, choice=choice, rng=rng)
    assert found.p_value > 1e-3


@pytest.mark.parametrize(
    "scheme",
    [
        KGW(300, key=12345, seeding="minhash", width=4),
        KGW(300, key=12345, seeding="anchored-minhash", own=True, width=4),
        KGW(300, key=12345, seeding="skipgram", width=3),
    ],
    ids=["minhash", "selfhash", "skipgram"],
)
def test_a_model_that_copies_from_its_context_knows_no_key(scheme, seed):
    """Windows that differ share a seed: the model copies green tokens though no window of its context returns."""
    rng = np.random.default_rng(seed)
    documents: list[list[int]] = [[] for _ in range(12)]
    for document in documents:
        while len(document) < 200:
            document.append(scheme.choose(document, np.ones(300) / 300, rng))
    assert WatermarkSpec(scheme).detect_corpus(documents).log10_p < -10
    for choice in ("best", "drawn") if scheme.own else ("best", "drawn", "law"):
        assert open_model(scheme, copied_from(300, 3), documents, choice=choice, rng=rng).p_value > 1e-3
