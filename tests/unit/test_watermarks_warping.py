"""Temperature, top_k and top_p come before the watermark, as in transformers."""

import numpy as np
import pytest

from genloss import SpecError
from genloss.provenance import KGW, Gumbel, SynthID, Unigram, WatermarkSpec
from genloss.provenance.watermarks.transformers import processor, warped
from lanes import need

SIZE = 60
KEYS = tuple(range(5, 305, 10))
SCHEMES = {
    "kgw": KGW(SIZE, bias=6.0), "unigram": Unigram(SIZE, bias=6.0), "gumbel": Gumbel(SIZE, 7, 1),
    "synthid": SynthID(SIZE, KEYS, ngram=2),
}  # fmt: skip


def test_what_is_left_is_the_most_probable():
    law = np.array([0.1, 0.4, 0.05, 0.25, 0.2])
    logits = np.log(law)
    assert np.array_equal(warped(logits), logits)
    assert np.exp(warped(logits, 0.5)) == pytest.approx(law**2)
    assert np.flatnonzero(np.isfinite(warped(logits, top_k=2))).tolist() == [1, 3]
    assert np.isfinite(warped(logits, top_k=9)).all()
    assert np.flatnonzero(np.isfinite(warped(logits, top_p=0.7))).tolist() == [1, 3, 4]
    assert np.flatnonzero(np.isfinite(warped(logits, top_p=0.01))).tolist() == [1]
    # The share is that of what temperature and top_k leave: of two tokens 0.4 ** 2 is 72%.
    assert np.flatnonzero(np.isfinite(warped(logits, 0.5, 2, 0.7))).tolist() == [1]
    assert np.isfinite(warped(np.zeros(4), top_k=1)).all(), "ties stay"
    assert np.isfinite(warped([0.0, -np.inf, -np.inf], top_k=2, top_p=0.9)).tolist() == [True, False, False]


@pytest.mark.parametrize("name", SCHEMES)
def test_a_watermark_chooses_among_what_is_left(name):
    logits = np.random.default_rng(0).normal(size=SIZE)
    left = warped(logits, 0.7, 5)
    for before in range(20):
        changed = SCHEMES[name].process([before, before + 1], left)
        assert np.isneginf(changed[np.isneginf(left)]).all()


def test_numbers_out_of_place_are_one_line():
    for wrong in (
        {"temperature": 0}, {"temperature": np.nan}, {"temperature": np.inf}, {"temperature": "1"}, {"top_k": -1},
        {"top_k": 2.5}, {"top_p": 0}, {"top_p": 1.5}, {"top_p": None}, {"temperature": True},
    ):  # fmt: skip
        with pytest.raises(SpecError, match=next(iter(wrong))):
            processor(SCHEMES["kgw"], **wrong)


@pytest.fixture(scope="module")
def network():
    """A GPT-2 with random weights, whose laws are not flat."""
    transformers = need("transformers", "huggingface")
    torch = need("torch", "huggingface")
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=SIZE, n_positions=64, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=None,
        initializer_range=0.5,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config).eval()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_warpers_are_those_of_transformers():
    transformers = need("transformers", "huggingface")
    torch = need("torch", "huggingface")
    rng = np.random.default_rng(1)
    for temperature, top_k, top_p in ((0.7, 0, 1.0), (1.3, 10, 1.0), (1.0, 0, 0.8), (0.6, 20, 0.9), (2.0, 3, 0.2)):
        wanted = torch.tensor(rng.normal(size=(1, SIZE)) * 2)
        logits = wanted[0].numpy().copy()
        wanted = transformers.TemperatureLogitsWarper(temperature)(None, wanted)
        if top_k:
            wanted = transformers.TopKLogitsWarper(top_k)(None, wanted)
        wanted = transformers.TopPLogitsWarper(top_p)(None, wanted)
        np.testing.assert_allclose(warped(logits, temperature, top_k, top_p), wanted[0].numpy(), rtol=1e-12)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", SCHEMES)
def test_a_network_writes_marked_text_of_its_most_probable_tokens(network, name):
    import torch

    spec = WatermarkSpec(SCHEMES[name])
    prompt = torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    torch.manual_seed(1)
    written = network.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=60, do_sample=True, temperature=1.0, top_k=0,
        top_p=1.0, pad_token_id=0,
        logits_processor=[spec.logits_processor(3, temperature=1.5, top_k=8)],
    )  # fmt: skip
    assert spec.detect_corpus(written[:, 3:].numpy()).log10_p < -3
    with torch.no_grad():
        logits = network(written[:, :-1]).logits[:, 2:].double().numpy()
    ranks = (logits > np.take_along_axis(logits, written[:, 3:].numpy()[..., None], 2)).sum(2)
    assert ranks.max() < 8
    assert ranks.max() > 1
