"""P-values of human text keep their level over keys; counting windows as usual does not (the control)."""

from functools import cache

import numpy as np
import pytest

from genloss.corpus import Documents, Sotu
from genloss.provenance import KGW, Gumbel, SynthID, Unigram, WatermarkSpec
from genloss.provenance.evidence.tail_areas import log_binomial_tail
from lanes import need

need("sotu", "full")
LEVELS = (0.05, 0.01, 0.001)
KEYS = tuple(range(30))
SCHEMES = {
    "lefthash": lambda v: KGW(v),
    "selfhash": lambda v: KGW(v, seeding="anchored-minhash", own=True, width=4),
    "selfhash-original": lambda v: KGW.original("selfhash", v),
    "minhash": lambda v: KGW.original("minhash", v),
    "unigram": lambda v: Unigram(v),
    "vllm": lambda v: Gumbel(v, 1),
    "twister": lambda v: Gumbel(v, 35317, 2, prf="twister"),
    "synthid": lambda v: SynthID(v, KEYS),
    "synthid-mean": lambda v: SynthID(v, KEYS, score="mean"),
    "synthid-rounds": lambda v: SynthID(v, KEYS, hash="rounds"),
}


@cache
def human(tokens: str, least: int, documents: int) -> Documents:
    """Paragraphs of presidential addresses with at least so many tokens."""
    found = Sotu(tokens=tokens).train
    long = np.flatnonzero(found.lengths >= least)
    return found.take(np.random.default_rng(0).permutation(long)[:documents])


def rates(scheme, documents: Documents, keys: int, seed: int, levels: tuple[float, ...] = LEVELS) -> np.ndarray:
    """False-positive rates at the levels, one row per key: shape (keys, levels)."""
    rng, spec = np.random.default_rng(seed), WatermarkSpec(scheme)
    found = []
    for _ in range(keys):
        p = spec.with_key(scheme.random_key(rng)).detect_each(documents).log10_p
        found.append([(p <= np.log10(level)).mean() for level in levels])
    return np.array(found)


def assert_level(seen: np.ndarray, documents: int, levels: tuple[float, ...] = LEVELS) -> None:
    """The mean rate over keys is at or below the level, at five standard errors of keys and of counts."""
    for rate, level in zip(seen.T, levels, strict=True):
        count_error = np.sqrt(level * (1 - level) / (len(rate) * documents))
        error = max(count_error, rate.std(ddof=1) / np.sqrt(len(rate)))
        assert rate.mean() < level + 5 * error, f"{rate.mean():.5f} at {level}"
        assert 5 * error < 3 * level, "too few texts to see a rate four times too high"


@pytest.mark.statistical
@pytest.mark.parametrize("name", [name for name in SCHEMES if name != "selfhash-original"])
def test_human_text_is_flagged_at_the_level(name, seed):
    documents = human("word", 80, 250)
    scheme = SCHEMES[name](documents.tokenizer.size)
    # One list for all text moves all documents together: it takes more keys.
    keys = 40 if name == "unigram" else 8
    assert_level(rates(scheme, documents, keys, seed, LEVELS[:2]), len(documents), LEVELS[:2])


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("name", SCHEMES)
def test_two_thousand_human_documents_under_fifty_keys(name, seed):
    documents = human("word", 80, 2000)
    assert len(documents) == 2000
    scheme = SCHEMES[name](documents.tokenizer.size)
    assert_level(rates(scheme, documents, 50, seed), len(documents))


@pytest.mark.statistical
def test_counting_windows_is_no_test(seed):
    """The control: the binomial over all windows, as is usual, flags human text far too often."""
    documents = human("byte", 400, 150)
    vocab = documents.tokenizer.size
    rng, flagged = np.random.default_rng(seed), []
    base = SCHEMES["selfhash"](vocab)
    for _ in range(6):
        scheme = base.with_key(base.random_key(rng))
        scored = scheme.scored(documents.tokens, documents.offsets)
        _, valid = scheme.seeds(documents.tokens, documents.offsets)
        verdict = dict(zip(scored.units[scored.counted].tolist(), scored.values[scored.counted].tolist(), strict=True))
        values = np.array([verdict.get(unit, 0.0) for unit in scored.units.tolist()]) * valid
        begins = documents.offsets[:-1]
        green, windows = np.add.reduceat(values, begins), np.add.reduceat(valid.astype(float), begins)
        flagged.append(log_binomial_tail(green, windows, scheme.greens / vocab) <= np.log(0.001))
    rate, trials = np.mean(flagged), np.size(flagged)
    assert (rate - 0.001) / np.sqrt(0.001 / trials) > 20


@pytest.mark.statistical
def test_no_passage_of_human_text_is_flagged_more_often_than_asked(seed):
    documents = human("word", 150, 300)
    spec = WatermarkSpec(Gumbel(documents.tokenizer.size, seed + 1))
    begins, tokens = documents.offsets, documents.tokens
    found = [bool(spec.spans(tokens[begins[i] : begins[i + 1]], level=0.05)) for i in range(len(documents))]
    assert np.mean(found) < 0.05


@pytest.mark.statistical
def test_decoys_keep_their_level(seed):
    documents = human("word", 80, 250)
    rng = np.random.default_rng(seed)
    begins, tokens = documents.offsets, documents.tokens
    spec = WatermarkSpec(Gumbel(documents.tokenizer.size, 3))
    p = []
    for i in range(120):
        keyed = spec.with_key(spec.scheme.random_key(rng))
        p.append(keyed.against_decoys(tokens[begins[i] : begins[i + 1]], rng, decoys=9).p_value)
    # Uniform on 1/10 .. 1: five standard errors of a mean of 120.
    assert abs(np.mean(p) - 0.55) < 5 * np.sqrt((100 - 1) / 12 / 100 / 120)
