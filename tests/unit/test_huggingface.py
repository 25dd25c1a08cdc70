"""Networks as language models: by the interface alone, and as transformers makes them (a tiny one, made here)."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from genloss.errors import SpecError
from genloss.provenance import KGW, WatermarkSpec
from genloss.provenance.detectors import LRR, Binoculars, FastDetectGPT, HuggingFaceLM, LogLikelihood, Rank
from genloss.provenance.watermarks.radioactivity import open_model
from lanes import need

WORDS = ["the", "tails", "go", "first", "and", "then", "head", "too"]
TEXTS = ["the tails go first", "and then the head too", "head tails head tails head tails head tails head tails"]
BEGIN, SIZE, POSITIONS = len(WORDS), len(WORDS) + 3, 8
"""The vocabulary has two ids that no word has, as padded networks do."""


class Fake:
    """A network seen from outside: what follows depends on the token before and on how many there are."""

    def __init__(self, seed=0):
        self.table = np.random.default_rng(seed).normal(size=(POSITIONS, SIZE, SIZE)).astype(np.float32)

    def __call__(self, ids):
        assert ids.shape[0] == 1
        assert ids.shape[1] <= POSITIONS, "more tokens than the network has positions"
        return SimpleNamespace(logits=self.table[np.arange(ids.shape[1]), ids[0]][None])


class Splits:
    """A tokenizer seen from outside."""

    def __init__(self, bos_token_id=BEGIN):
        self.bos_token_id = bos_token_id

    def __call__(self, text, add_special_tokens=True):
        ids = [WORDS.index(word) for word in text.split()]
        return {"input_ids": [BEGIN, *ids] if add_special_tokens else ids}


def expected(table, text, begin):
    """Log-probabilities token by token, from the definition."""
    ids = [WORDS.index(word) for word in text.split()][:POSITIONS]
    given = ids if begin is None else [begin, *ids]
    rows = []
    for i, before in enumerate(given[:-1]):
        weights = np.exp(table[i, before].astype(float))
        rows.append(np.log(weights / weights.sum()))
    return given[1:], rows


@pytest.mark.parametrize("begin", [BEGIN, None])
def test_laws_are_those_of_the_network_position_by_position(begin):
    network = Fake()
    lm = HuggingFaceLM(network, Splits(begin), POSITIONS)
    for text, (tokens, laws) in zip(TEXTS, lm.laws(TEXTS), strict=True):
        wanted, rows = expected(network.table, text, begin)
        assert tokens.tolist() == wanted
        np.testing.assert_allclose(laws, rows, atol=1e-12)
    scores = LogLikelihood(lm).score(TEXTS)
    for score, text in zip(scores, TEXTS, strict=True):
        wanted, rows = expected(network.table, text, begin)
        assert score == pytest.approx(np.mean([row[token] for row, token in zip(rows, wanted, strict=True)]))


def test_large_logits_do_not_overflow():
    network = Fake()
    network.table *= 1e4
    assert np.isfinite(LogLikelihood(HuggingFaceLM(network, Splits(), POSITIONS)).score(TEXTS)).all()


def test_every_detector_reads_networks():
    one, other = (HuggingFaceLM(Fake(seed), Splits(), POSITIONS) for seed in (0, 1))
    for detector in (Rank(one), LRR(one), FastDetectGPT(one), FastDetectGPT(one, other), Binoculars(one, other)):
        assert np.isfinite(detector.score(TEXTS)).all()
        np.testing.assert_array_equal(detector.score(TEXTS)[[2]], detector.score(TEXTS[2:]))
    assert open_model(WatermarkSpec(KGW(SIZE)), one, TEXTS).units == 5  # not those that token 0 seeds


def test_a_text_without_a_token_to_score_is_one_line():
    for text, begin in (("", BEGIN), ("", None), ("tails", None)):
        lm = HuggingFaceLM(Fake(), Splits(begin), POSITIONS)
        with pytest.raises(SpecError, match="document 1 has no token to score"):
            LogLikelihood(lm).score([TEXTS[0], text])


@pytest.fixture
def folder(tmp_path):
    """A GPT-2 with random weights and a vocabulary of words, as `save_pretrained` writes it."""
    transformers = need("transformers", "huggingface")
    torch = need("torch", "huggingface")
    from tokenizers import Tokenizer, models, pre_tokenizers

    ids = {word: i for i, word in enumerate([*WORDS, "<begin>", "<unknown>"])}
    split = Tokenizer(models.WordLevel(ids, unk_token="<unknown>"))
    split.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=split, bos_token="<begin>", unk_token="<unknown>")
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=SIZE, n_positions=POSITIONS, n_embd=8, n_layer=2, n_head=2, bos_token_id=BEGIN, eos_token_id=BEGIN
    )
    transformers.GPT2LMHeadModel(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_network_of_transformers_is_read_from_its_folder(folder):
    import torch

    lm = HuggingFaceLM.load(folder, max_length=POSITIONS)
    assert not lm.model.training
    for text, (tokens, laws) in zip(TEXTS, lm.laws(TEXTS), strict=True):
        ids = [BEGIN, *(WORDS.index(word) for word in text.split())][: POSITIONS + 1]
        assert tokens.tolist() == ids[1:]
        with torch.no_grad():
            wanted = torch.log_softmax(lm.model(torch.tensor([ids[:-1]])).logits[0].double(), -1).numpy()
        np.testing.assert_allclose(laws, wanted, atol=1e-6)
    # The loss that transformers itself reports, over the same tokens.
    given = torch.tensor([[BEGIN, *(WORDS.index(word) for word in TEXTS[0].split())]])
    loss = lm.model(given, labels=given).loss.item()
    assert LogLikelihood(lm).score(TEXTS[:1])[0] == pytest.approx(-loss, rel=1e-5)
    for detector in (Rank(lm), LRR(lm), FastDetectGPT(lm)):
        assert np.isfinite(detector.score(TEXTS)).all()
    assert open_model(WatermarkSpec(KGW(SIZE)), lm, TEXTS).units == 5  # not those that token 0 seeds


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_folder_without_a_network_is_one_line(tmp_path):
    need("transformers", "huggingface")
    with pytest.raises(SpecError, match="no model") as error:
        HuggingFaceLM.load(tmp_path / "nowhere")
    assert "\n" not in str(error.value)


def test_without_transformers_the_way_to_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(SpecError, match="needs torch and transformers; pip install"):
        HuggingFaceLM.load(tmp_path)
