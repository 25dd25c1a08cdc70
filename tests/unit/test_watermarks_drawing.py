"""Models that write watermarked documents choose as the schemes do, and as often."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from genloss.corpus import Words
from genloss.families.ngram.learner import NGram
from genloss.provenance import KGW, BayesianHead, Gumbel, SynthID, Watermarked
from genloss.provenance.watermarks import choosing, drawing, tournaments
from genloss.provenance.watermarks import keying as kernels
from genloss.provenance.watermarks.watermarked import _ranks

KEYS = tuple(range(5, 305, 10))
HEAD = BayesianHead((-1.0, -2.0, 0.5), ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.3, -2.0, 0.0)))
SETTINGS = {
    "bigram": {"order": 2},
    "trigram": {"order": 3},
    "unigram": {"order": 1},
    "most probable": {"order": 3, "top_k": 12},
    "nucleus": {"order": 2, "top_p": 0.8},
    "cold": {"order": 2, "temperature": 0.7},
    "seen": {"order": 3, "draws": "seen-ngrams"},
    "any": {"order": 2, "draws": "any"},
}


@pytest.fixture(scope="module")
def words():
    rng = np.random.default_rng(12)
    law = 1 / np.arange(1, 201)
    return Words().train([" ".join(map(str, rng.choice(200, 25, p=law / law.sum()))) for _ in range(120)])


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", ["philox", "twister", "twister from a start"])
def test_a_model_chooses_as_the_scheme_does(words, settings, name):
    """Token by token, wherever the window is new: the compiled loops against `choose`."""
    size = words.tokenizer.size
    scheme = {
        "philox": Gumbel(size, 2**63 + 12345, 3),
        "twister": Gumbel(size, 35317, 2, prf="twister"),
        "twister from a start": Gumbel(size, 15485863 << 32, 1, prf="twister", start=2**63 + 5),
    }[name]
    model = NGram(**SETTINGS[settings], max_length=30).fit(words, np.random.default_rng(0))
    found = Watermarked(NGram(), scheme).fit(words, None)
    found = type(found)(model, found.spec).sample(25, np.random.default_rng(1))
    compared = 0
    for begin, finish in pairwise(found.offsets):
        document = found.tokens[begin:finish].tolist()
        for i, token in enumerate([*document, words.tokenizer.end][:30]):
            before = document[:i]
            if not scheme._stale(before) and scheme.uniforms(before) is not None:
                law = model.probabilities(before, drawn=True)
                assert token == scheme.choose(before, law, np.random.default_rng(2))
                compared += 1
    assert compared > 60


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_support_of_a_context_is_its_law(words, settings):
    model = NGram(**SETTINGS[settings]).fit(words, np.random.default_rng(0))
    tree, drawn, size = model.tree, model._drawn, words.tokenizer.size
    can_follow = drawn.mass[:size] > 0
    can_follow[tree.token[size:]] = True
    known, place = np.flatnonzero(can_follow), np.cumsum(can_follow) - 1
    ranked, top, *_ = _ranks(model)
    ids, law = np.empty(len(known), np.int64), np.empty(len(known))
    seen, stamp = np.full(size, -1, np.int64), 0
    for document in (words.tokens[:0], words.tokens[:1], words.tokens[:2], words.tokens[40:45]):
        wanted = model.probabilities(document, drawn=True)
        bound = 0.0
        if model._truncates:
            bound = _unnormalised(model, document)[wanted > 0].min()
        context = model._context(document)
        count = choosing.support(
            known, place, tree.token, tree.begin, tree.suffix, drawn.gamma, drawn.mass, ranked, top, context, bound,
            seen, stamp, ids, law,
        )  # fmt: skip
        stamp += 16
        found = np.zeros(size)
        found[known if count < 0 else ids[:count]] = law[: len(known) if count < 0 else count]
        np.testing.assert_allclose(found / found.sum(), wanted, rtol=1e-12, atol=1e-300)


def _unnormalised(model, document):
    """The masses that thresholds are taken of."""
    drawn, tree, size = model._drawn, model.tree, model.tokenizer.size
    law = np.empty(size)
    context = model._context(document)
    drawing.dense(size, tree.token, tree.begin, tree.suffix, drawn.gamma, drawn.mass, context, law)
    return law


@pytest.mark.parametrize("depth", [1, 3, 10, 11, 30])
def test_a_winner_of_many_rounds_at_once_has_the_law_of_one_after_the_other(depth):
    rng = np.random.default_rng(depth)
    law = rng.random(40) ** 4
    bits = rng.integers(2, size=(depth, 40), dtype=np.uint8)
    wanted = law / law.sum()
    kernels.tournament(wanted, bits)
    patterns = (bits.astype(np.uint64) << np.arange(depth, dtype=np.uint64)[:, None]).sum(0, dtype=np.uint64)
    draws = 4000
    won = [tournaments.winner(law.copy(), patterns.copy(), 40, depth, (i + 0.5) / draws) for i in range(draws)]
    # Evenly spread numbers hit a token as often as its probability says, to one hit at either end of its stretch.
    seen = np.bincount(won, minlength=40) / draws
    assert np.abs(seen - wanted / wanted.sum()).max() < 2 / draws


@pytest.mark.parametrize("name", ["table", "rounds", "odd", "bayesian", "short history", "skips"])
@pytest.mark.parametrize("settings", ["bigram", "most probable", "seen"])
def test_documents_of_a_tournament_have_its_law(words, settings, name):
    """The first token, which is drawn by chance, and the second one, against `process`."""
    size = words.tokenizer.size
    scheme = {
        "table": SynthID(size, KEYS, ngram=2),
        "rounds": SynthID(size, KEYS[:12], hash="rounds", ngram=2),
        "odd": SynthID(size, KEYS[:5], table_size=1001, ngram=2),
        "bayesian": SynthID(size, KEYS[:3], score="bayesian", head=HEAD, ngram=2),
        "short history": SynthID(size, KEYS, history=0, ngram=2),
        "skips": SynthID(size, KEYS, skip_first=True, ngram=2),
    }[name]
    model = NGram(**SETTINGS[settings], max_length=2).fit(words, np.random.default_rng(0))
    found = Watermarked(NGram(), scheme).fit(words, None)
    written = type(found)(model, found.spec).sample(6000, np.random.default_rng(3))
    first = written.tokens[written.offsets[:-1]][written.lengths > 0]
    common = int(np.bincount(first).argmax())
    for before in ([], [common]):
        rows = written.lengths > 0 if before else np.ones(len(written), bool)
        if before:
            rows[rows] &= first == common
        at = written.offsets[:-1][rows] + len(before)
        goes_on = written.lengths[rows] > len(before)
        token = np.where(goes_on, written.tokens[np.minimum(at, len(written.tokens) - 1)], words.tokenizer.end)
        with np.errstate(divide="ignore"):
            law = np.exp(
                replace(scheme, skip_first=True).process(before, np.log(model.probabilities(before, drawn=True)))
            )
        law /= law.sum()
        seen = np.bincount(token, minlength=size) / len(token)
        assert np.abs(seen - law).max() < 5 * np.sqrt(law.max() / len(token)) + 5 / len(token)
        assert len(token) > 100


def test_green_verdicts_are_remembered_from_call_to_call_and_key_to_key(words):
    size = words.tokenizer.size
    rng = np.random.default_rng(4)
    for key in (1, 2, 1):
        scheme = KGW(size, key=key, bias=50.0)
        model = Watermarked(NGram(1, max_length=60), scheme).fit(words, rng)
        for _ in range(2):
            found = model.sample(60, rng)
            scored = scheme.scored(found.tokens, found.offsets)
            assert scored.values[scored.counted].all()
