"""Golden values of synthid-text, lm-watermarking and Unigram-Watermark: fixtures/watermarks/make_goldens.py."""

import json
from pathlib import Path

import numpy as np
import pytest

from genloss.provenance import KGW, SynthID, Unigram, WatermarkSpec
from genloss.provenance.watermarks import generators

FIXTURES = Path(__file__).parents[1] / "fixtures" / "watermarks"
SYNTHID = json.loads((FIXTURES / "synthid-text.json").read_text(encoding="utf-8"))
GREEN = json.loads((FIXTURES / "green-lists.json").read_text(encoding="utf-8"))
VOCAB = SYNTHID["vocab_size"]
CASES = [(hashed, name) for hashed in ("table", "rounds") for name in SYNTHID[hashed]]
cases = pytest.mark.parametrize(("hashed", "name"), CASES)
seedings = pytest.mark.parametrize("case", GREEN["kgw"], ids=[case["seeding"] for case in GREEN["kgw"]])


def logits(step: int) -> np.ndarray:
    return ((np.arange(VOCAB) * 89 + step * 29) % VOCAB - VOCAB // 2) / 32


def scheme_of(hashed: str, config: dict, score: str = "weighted") -> SynthID:
    table = {}
    if "sampling_table_size" in config:
        table = {"table_size": config["sampling_table_size"], "table_seed": config["sampling_table_seed"]}
    keys, history = tuple(config["keys"]), config["context_history_size"]
    return SynthID(VOCAB, keys, config["ngram_len"], history, hash=hashed, score=score, **table)


@cases
def test_every_bit_and_mask_is_that_of_synthid_text(hashed, name):
    case = SYNTHID[hashed][name]
    scheme = scheme_of(hashed, case["config"])
    for document, bits, fresh in zip(SYNTHID["documents"], case["g_values"], case["fresh"], strict=True):
        assert ["".join(map(str, row)) for row in scheme.bits(document).tolist()] == bits
        assert "".join(str(int(each)) for each in scheme.fresh(document)) == fresh
    assert any("0" in fresh for fresh in case["fresh"]), "the mask has something to leave out"


@cases
@pytest.mark.parametrize("score", ["mean", "weighted"])
def test_scores_are_those_of_synthid_text(hashed, name, score):
    """Where contexts come again only within the history, distinct n-grams are those that its mask keeps."""
    case = SYNTHID[hashed][name]
    scheme = scheme_of(hashed, case["config"], score)
    for document, fresh, expected in zip(SYNTHID["documents"], case["fresh"], case[score], strict=True):
        kept = scheme.bits(document)[scheme.fresh(document)]
        assert (kept @ scheme.weights).sum() / (len(kept) * scheme.weights.sum()) == pytest.approx(expected, rel=1e-12)
        if case["config"]["context_history_size"] > len(document):
            found = WatermarkSpec(scheme).detect(document)
            assert found.units == fresh.count("1")
            assert found.statistic == pytest.approx(expected, rel=1e-12)


@cases
def test_the_law_is_changed_as_in_synthid_text(hashed, name):
    case = SYNTHID[hashed][name]
    scheme, document = scheme_of(hashed, case["config"]), SYNTHID["documents"][0]
    for golden in case["changed"]:
        step = golden["step"]
        changed = np.exp(scheme.process(document[:step], logits(step)))
        assert changed / changed.sum() == pytest.approx(golden["law"], rel=1e-7, abs=1e-12)
        plain = np.exp(logits(step) - logits(step).max())
        again = np.abs(changed / changed.sum() - plain / plain.sum()).max() < 1e-9
        assert again == (step == 29 and name == "five"), "token 29's window stands 25 tokens before, too"


@seedings
def test_green_lists_are_those_of_lm_watermarking(case):
    scheme = KGW.original(case["seeding"], VOCAB)
    for golden in case["windows"]:
        tokens = np.array(golden["window"] + ([] if case["own"] else [0]), np.int32)
        seeds, valid = scheme.seeds(tokens, np.array([0, len(tokens)]))
        assert valid.tolist() == [False] * (len(tokens) - 1) + [True]
        dealt = generators.permutation(VOCAB, scheme.greens, int(seeds[-1]))[: scheme.greens]
        assert sorted(dealt.tolist()) == golden["greens"]
        if not case["own"]:
            assert np.flatnonzero(scheme.green(golden["window"])).tolist() == golden["greens"]


@seedings
def test_green_tokens_are_counted_as_in_lm_watermarking(case):
    """It counts distinct windows with their token: of those that share a seed and a token we count one."""
    scheme = KGW.original(case["seeding"], VOCAB)
    for document, green, scored in zip(GREEN["documents"], case["green"], case["scored"], strict=True):
        tokens, offsets = np.array(document, np.int32), np.array([0, len(document)])
        found = scheme.judged(tokens, offsets)
        _, valid = scheme.seeds(tokens, offsets)
        verdict = dict(zip(found.units[found.counted].tolist(), found.values[found.counted].tolist(), strict=True))
        reach = case["width"] - case["own"]
        grams = {tuple(document[i - reach : i + 1]): verdict[int(found.units[i])] for i in np.flatnonzero(valid)}
        assert (len(grams), sum(grams.values())) == (scored, green)
        assert WatermarkSpec(scheme).detect(document).units <= scored


@seedings
def test_logits_are_raised_as_in_lm_watermarking(case):
    scheme = KGW.original(case["seeding"], VOCAB)
    for golden in case["raised"]:
        at = golden["at"]
        changed = scheme.process(GREEN["documents"][1][:at], logits(at)) - logits(at)
        assert np.flatnonzero(changed).tolist() == golden["ids"]
        assert changed[golden["ids"]] == pytest.approx(2.0)


@pytest.mark.parametrize("case", GREEN["unigram"], ids=[str(case["key"]) for case in GREEN["unigram"]])
def test_the_green_list_is_that_of_unigram_watermark(case):
    scheme = Unigram(VOCAB, case["key"], case["share"])
    assert np.flatnonzero(scheme.mask).tolist() == case["greens"]
    for document, green in zip(GREEN["documents"], case["green_of_all"], strict=True):
        assert scheme.mask[document].sum() == green
        assert WatermarkSpec(scheme).detect(document).statistic == scheme.mask[np.unique(document)].sum()
