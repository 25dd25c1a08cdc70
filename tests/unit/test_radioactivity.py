"""Radioactivity: what counts, what is left out, and what is refused."""

import numpy as np
import pytest

from genloss.errors import SpecError
from genloss.families.ngram.learner import NGram
from genloss.provenance import KGW, Gumbel, SynthID, Unigram, WatermarkSpec
from genloss.provenance.watermarks.radioactivity import closed_model, open_model

V = 50
SCHEMES = {
    "kgw": KGW(V),
    "selfhash": KGW(V, seeding="anchored-minhash", own=True, width=4),
    "minhash": KGW(V, seeding="minhash", width=3),
    "unigram": Unigram(V),
    "gumbel": Gumbel(V, 7),
    "synthid": SynthID(V, keys=(1, 2, 3)),
}
TEXT = np.random.default_rng(0).integers(V, size=60)


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_without_prompts_it_is_the_corpus_test(scheme):
    spec = WatermarkSpec(scheme)
    one, other = closed_model(spec, [TEXT, TEXT[:20]]), spec.detect_corpus([TEXT, TEXT[:20]])
    assert (one.units, one.statistic) == (other.units, pytest.approx(other.statistic))
    assert one.log10_p == pytest.approx(other.log10_p)


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_a_model_that_says_one_token_is_scored_by_its_pairs(scheme):
    def says_seven(before):
        return np.eye(V)[7]

    found = open_model(scheme, says_seven, [TEXT])
    assert 0 < found.units <= len(TEXT)
    assert np.isfinite(found.log10_p)
    assert found.units == 1 or not isinstance(scheme, Unigram)


def test_repeats_change_nothing():
    for prompts in (None, [[1, 2, 3]] * 5):
        once = closed_model(KGW(V), [TEXT], prompts and prompts[:1])
        often = closed_model(KGW(V), [TEXT] * 5, prompts)
        assert (once.units, once.log10_p) == (often.units, often.log10_p)


@pytest.mark.parametrize(("scheme", "seam"), [(Gumbel(V, 7), 4), (KGW(V), 1), (Unigram(V), 0)])
def test_a_text_joined_to_itself_adds_units_at_its_seam_alone(scheme, seam):
    spec, ids = WatermarkSpec(scheme), np.arange(1, V)
    once, joined = spec.detect(ids), spec.detect(np.tile(ids, 100))
    assert joined.units == once.units + seam
    apart = spec.detect_corpus([ids] * 100)
    assert apart.units == once.units
    assert apart.log10_p == pytest.approx(once.log10_p)


def test_a_window_in_the_prompt_is_left_out():
    """Of the outputs 5 6 7 and the prompt 5 9: the window 5 is in the prompt, 6 is not, and neither is 9's follower."""
    assert closed_model(KGW(V), [[5, 6, 7]], [[5, 9]]).units == 1
    assert closed_model(KGW(V), [[5, 6, 7]], [[]]).units == 2
    assert closed_model(KGW(V), [[5, 6, 7]], [[6, 5]]).units == 0
    assert closed_model(Unigram(V), [[5, 6, 7]], [[6, 8]]).units == 2


def test_the_law_gives_a_bound_that_grows_with_the_excess():
    scheme = KGW(V, gamma=0.5)

    def greens(strength):
        def law(before):
            return 1.0 + strength * scheme.green(before[-1:])

        return law

    weak, strong = (open_model(scheme, greens(x), [TEXT], choice="law") for x in (0.0, 4.0))
    assert weak.log10_p == pytest.approx(0.0)
    assert strong.log10_p < -10
    assert strong.units == len(set(TEXT[:-1].tolist()) - {0}), "the list after token 0 hangs on no key"
    red = open_model(scheme, lambda before: 1.0 - scheme.green(before[-1:]) + 1e-9, [TEXT], choice="law")
    assert red.p_value == 1.0


def test_models_with_laws_and_ngrams_are_read():
    class Laws:
        def laws(self, data):
            for ids in data:
                yield ids, np.log(np.tile(np.arange(1.0, V + 1), (len(ids), 1)))

    assert open_model(KGW(V), Laws(), [TEXT]).units > 10
    model = NGram(2).fit(["the tails go first and the head goes last"], np.random.default_rng(0))
    ids = model.tokenizer.encode(["the tails go last"]).tokens
    for choice in ("best", "drawn", "law"):
        assert open_model(KGW(model.tokenizer.size), model, [ids], choice=choice).units >= 2


def test_nothing_to_read_is_no_evidence():
    assert closed_model(KGW(V), []).p_value == 1.0
    assert open_model(KGW(V), lambda before: np.ones(V), [[]]).p_value == 1.0
    assert open_model(KGW(V), lambda before: np.ones(V), [[3]], choice="law").p_value == 1.0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: closed_model(KGW(V), [[V]]), "id 50 at position 0 is outside the vocabulary of 50"),
        (lambda: closed_model(KGW(V), ["text"]), "a document is text"),
        (lambda: closed_model(KGW(V), "text"), "str; give one sequence"),
        (lambda: closed_model(KGW(V), [[1], [2]], [[1]]), "1 prompts for more outputs"),
        (lambda: closed_model(KGW(V), [[1]], [[1], [2]]), "more prompts than 1 outputs"),
        (lambda: open_model(KGW(V), 3, [TEXT]), "int gives no law"),
        (lambda: open_model(KGW(V), lambda c: np.ones(V + 1), [TEXT]), r"shape \(51,\)"),
        (lambda: open_model(KGW(V), lambda c: np.full(V, np.nan), [TEXT]), "NaN"),
        (lambda: open_model(Gumbel(V, 1), lambda c: np.ones(V), [TEXT], choice="law"), "'law' needs KGW"),
        (lambda: open_model(KGW(V), lambda c: np.ones(V), [TEXT], choice="worst"), "known: best, drawn, law"),
        (
            lambda: open_model(KGW(V), lambda c: np.ones(V), [TEXT], most=0),
            "radioactivity.most: must be a whole number from 1, got 0",
        ),
        (lambda: closed_model("kgw", [TEXT]), "str is not a scheme"),
    ],
)
def test_wrong_input_is_one_line(call, says):
    with pytest.raises(SpecError, match=says) as error:
        call()
    assert "\n" not in str(error.value)
