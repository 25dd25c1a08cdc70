"""Watermarks are those of transformers, vLLM, lm-watermarking and synthid-text, bit for bit."""

import hashlib
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from genloss.provenance import KGW, Gumbel, SynthID, Unigram, WatermarkSpec
from genloss.provenance.watermarks import generators
from genloss.provenance.watermarks import keying as kernels
from lanes import need

FIXTURES = Path(__file__).parents[1] / "fixtures" / "watermarks"
TRANSFORMERS = json.loads((FIXTURES / "transformers.json").read_text(encoding="utf-8"))
VLLM = json.loads((FIXTURES / "vllm.json").read_text(encoding="utf-8"))
CASES = TRANSFORMERS["cases"]
VOCAB = TRANSFORMERS["vocab_size"]
TOP = 2**64 - 1


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.packbits(np.asarray(array, dtype=np.uint8)).tobytes()).hexdigest()


def whole(document: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(document, np.int32), np.array([0, len(document)])


def check(case: dict) -> None:
    """Every window is green or not as transformers says, with repeats; every g-value and mask is the same."""
    spec = WatermarkSpec.from_transformers(case["config"], vocab_size=VOCAB)
    if isinstance(spec.scheme, SynthID):
        for document, bits, fresh in zip(case["documents"], case["g_values"], case["fresh"], strict=True):
            assert digest(spec.scheme.bits(document)) == bits
            assert spec.scheme.fresh(document).astype(int).tolist() == fresh
        return
    assert isinstance(spec.scheme, KGW)
    for document, green, scored in zip(case["documents"], case["green"], case["scored"], strict=True):
        found = spec.scheme.judged(*whole(document))
        _, valid = spec.scheme.seeds(*whole(document))
        verdict = dict(zip(found.units[found.counted].tolist(), found.values[found.counted].tolist(), strict=True))
        assert sum(verdict[unit] for unit in found.units[valid].tolist()) == green
        assert valid.sum() == scored


@pytest.mark.parametrize("name", CASES)
def test_documents_score_as_in_transformers(name):
    check(CASES[name])


@pytest.mark.parametrize("name", [name for name in CASES if "green_lists" in CASES[name]])
def test_green_lists_are_those_of_transformers(name):
    case = CASES[name]
    scheme = WatermarkSpec.from_transformers(case["config"], vocab_size=VOCAB).scheme
    document = case["documents"][0]
    for at, expected in zip((5, 40, 100), case["green_lists"], strict=True):
        context = document[:at]
        if scheme.own:  # transformers shuffles for the window that ends in the context's last token
            tokens, offsets = whole(context)
            seed = int(scheme.seeds(tokens, offsets)[0][-1])
            mask = np.zeros(VOCAB, np.uint8)
            mask[generators.permutation(VOCAB, scheme.greens, seed)[: scheme.greens]] = 1
        else:
            mask = scheme.green(context)
        assert digest(mask) == expected


def test_a_document_of_transformers_is_found_and_one_id_more_in_the_vocabulary_hides_it():
    case = CASES["lefthash"]
    documents = case["documents"]
    right = WatermarkSpec.from_transformers(case["config"], vocab_size=VOCAB).detect_corpus(documents)
    wrong = WatermarkSpec.from_transformers(case["config"], vocab_size=VOCAB + 1).detect_corpus(documents)
    assert right.log10_p < -7
    assert wrong.log10_p > -4


def test_the_first_bits_are_stored_in_the_clear():
    case = CASES["synthid"]
    scheme = WatermarkSpec.from_transformers(case["config"], vocab_size=VOCAB).scheme
    assert scheme.bits(case["documents"][0])[:3].tolist() == case["first_g_values"]


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_new_documents_of_transformers_score_alike(name):
    need("transformers", "huggingface")
    path = FIXTURES / "make.py"
    found = importlib.util.spec_from_file_location("make_watermarks", path)
    make = importlib.util.module_from_spec(found)
    sys.modules["make_watermarks"] = make
    found.loader.exec_module(make)
    for seed in (1, 2):
        documents, verdict = make.generated(name, seed)
        check({"config": make.config_of(make.CONFIGS[name]), "documents": documents, **verdict})


def test_the_random_numbers_are_those_of_vllm():
    words = VLLM["words"]
    for context, expected in zip(words["contexts"], words["found"], strict=True):
        row = kernels.philox_row(np.array(context, np.int32), 4, np.uint64(words["key"]), np.uint64(0), 128)
        assert row[words["tokens"]].tolist() == expected


@pytest.mark.parametrize("golden", VLLM["goldens"])
def test_goldens_of_vllm_are_met(golden):
    spec = WatermarkSpec.from_vllm(golden["config"], vocab_size=128)
    found = spec.detect(golden["tokens"])
    assert found.statistic == pytest.approx(golden["score"], rel=1e-9)
    assert found.p_value == pytest.approx(golden["p_value"], rel=1e-9)
    assert found.units == golden["scored"]
    if "wrong_key" in golden:
        other = spec.with_key(golden["wrong_key"]).detect(golden["tokens"])
        assert other.statistic == pytest.approx(golden["wrong_score"], rel=1e-9)
        assert other.p_value == pytest.approx(golden["wrong_p_value"], rel=1e-9)


@pytest.mark.parametrize("golden", [each for each in VLLM["goldens"] if each["drawn"]])
def test_the_tokens_that_vllm_draws_are_drawn(golden):
    spec = WatermarkSpec.from_vllm(golden["config"], vocab_size=128)
    written: list[int] = []
    for position in range(len(golden["tokens"])):
        # The goldens' logits; where a window comes again their sampler takes the most probable token.
        logits = ((np.arange(128) * 37 + position * 17) % 131 - 56) / 16
        changed = spec.process(written, logits)
        written.append(int(np.argmax(changed)))
        if np.isneginf(changed).any():
            assert spec.choose(written[:-1], np.exp(logits), np.random.default_rng(0)) == written[-1]
    assert written == golden["tokens"]


def test_two_keys_of_vllm_are_derived_and_their_scores_fuse_to_its_golden():
    dual = VLLM["dual"]
    specs = WatermarkSpec.dual_from_vllm(dual["config"], vocab_size=128)
    assert [spec.scheme.key for spec in specs] == dual["keys"]
    a, b = (spec.detect(dual["tokens"]) for spec in specs)
    assert a.units == b.units == dual["scored"]
    assert (1 - dual["alpha"]) * a.statistic + dual["alpha"] * b.statistic == pytest.approx(dual["score"], rel=1e-9)


def shuffled(n: int, seed: int) -> np.ndarray:
    """A slow shuffle by NumPy's Mersenne Twister, whose words are torch's; the last word of a shuffle is unused."""
    twister = np.random.MT19937()
    twister._legacy_seeding(seed)
    order = list(range(n))
    for i, word in enumerate(twister.random_raw(n - 1).tolist()):
        j = i + word % (n - i)
        order[i], order[j] = order[j], order[i]
    return np.array(order)


def test_shuffles_are_forward_ones_by_the_mersenne_twister():
    for n, seed in ((2, 0), (623, 5), (624, 2**32 - 1), (2000, 15485863)):
        assert generators.permutation(n, n - 1, seed).tolist() == shuffled(n, seed).tolist()


def test_following_a_token_finds_what_the_whole_shuffle_finds():
    rng = np.random.default_rng(0)
    for n, steps in ((10, 3), (700, 650), (2000, 500)):
        seeds = np.sort(np.repeat(rng.integers(0, 2**32, 12), rng.integers(1, 40, 12))).astype(np.uint32)
        tokens = rng.integers(0, n, len(seeds))
        found = np.zeros(len(seeds), np.bool_)
        generators.dealt_first(n, steps, seeds, tokens, found)
        lists = {seed: set(shuffled(n, seed)[:steps].tolist()) for seed in set(seeds.tolist())}
        assert found.tolist() == [
            token in lists[seed] for seed, token in zip(seeds.tolist(), tokens.tolist(), strict=True)
        ]


@pytest.mark.parametrize("key", [15485863, 2**40 + 9, 2**62 + 11])
@pytest.mark.parametrize("prf", ["additive_prf", "minhash_prf", "skipgram_prf", "anchored_minhash_prf"])
def test_seeds_are_those_of_the_original_implementation(prf, key):
    vocab, rng = 2000, np.random.default_rng(1)
    tokens = rng.integers(0, vocab, 60).astype(np.int32)
    table = generators.permutation(1_000_003, 1_000_002, 2971215073)

    def wrapped(x: int) -> int:
        return (x + 2**63) % 2**64 - 2**63

    def hashed(x: int) -> int:
        return int(table[x % 1_000_003]) + 1

    def seed_of(window: list[int]) -> int:
        if prf == "additive_prf":
            return key * sum(window)
        if prf == "skipgram_prf":
            return hashed(wrapped(key * window[0]))
        if prf == "minhash_prf":
            return min(hashed(wrapped(key * x)) for x in window)
        return min(wrapped(key * hashed(x) * hashed(window[-1])) for x in window)

    for width in (1, 2, 4):
        for own in (False, True):
            scheme = KGW.original(f"ff-{prf}-{width}-{own}-{key}", vocab)
            seeds, valid = scheme.seeds(tokens, np.array([0, len(tokens)]))
            for i in range(len(tokens)):
                begin, end = i + own - width, i + own
                assert valid[i] == (begin >= 0)
                if begin >= 0:
                    assert seeds[i] == seed_of(tokens[begin:end].tolist()) % TOP & 0xFFFFFFFF


def test_a_folded_window_seeds_the_twister_and_its_token_takes_its_place():
    rng = np.random.default_rng(2)
    tokens = rng.integers(0, 900, 30).astype(np.int32)
    scheme = Gumbel(900, 2**63 - 25, 5, prf="twister", start=2**63 + 12345)
    scored = scheme.scored(tokens, np.array([0, 30]))
    assert scored.counted[:5].sum() == 0
    for i in range(5, 30):
        seed = 2**63 + 12345
        for token in tokens[i - 5 : i].tolist():
            seed = (seed * (2**63 - 25) + token) % TOP
        twister = np.random.MT19937()
        twister._legacy_seeding(seed & 0xFFFFFFFF)
        u = (int(twister.random_raw(int(tokens[i]) + 1)[-1]) & 0xFFFFFF) / 2**24
        assert scored.values[i] == pytest.approx(-np.log1p(-u), rel=1e-12)


def test_the_hash_of_synthid_text_is_met():
    vocab, keys = 3000, (654, 400, 836, 123)
    tokens = np.random.default_rng(3).integers(0, vocab, 40).tolist()

    def wrapped(x: int) -> int:
        return (x + 2**63) % 2**64 - 2**63

    def hashed(h: int, data: list[int]) -> int:
        for x in data:
            h = wrapped((h + x) * 6364136223846793005 + 1)
        return h

    raw = np.array(keys, dtype="<i8").tobytes()
    start = int.from_bytes(hashlib.sha256(raw).digest(), "big") % (2**63 - 1)
    expected = []
    for i in range(len(tokens) - 4):
        row = []
        for key in keys:
            x = hashed(hashed(start, tokens[i : i + 5]), [key])
            for _ in range(12):
                x = hashed(x, [1]) >> 5
            row.append((x >> 30) % 2)
        expected.append(row)
    assert SynthID(vocab, keys, hash="rounds").bits(tokens).tolist() == expected


def test_the_mask_of_unigram_is_that_of_its_authors():
    for key in (0, 7, -3):
        seed = int.from_bytes(hashlib.sha256(np.int64(key).tobytes()).digest()[:4], "little")
        mask = np.array([True] * 250 + [False] * 250)
        np.random.default_rng(seed).shuffle(mask)
        assert Unigram(500, key).mask.tolist() == mask.tolist()
