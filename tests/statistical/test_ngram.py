"""What n-gram models draw follows their law; a real chain over real text loses its rare words first."""

from itertools import islice

import numpy as np
import pytest

from genloss.chain.recursion import Chain
from genloss.chain.regimes import Accumulate, FreshReal, Replace
from genloss.chain.seeds import Streams
from genloss.corpus import Sotu, Words
from genloss.families.ngram.learner import NGram
from genloss.probes.language import Survival, TokenEntropy
from helpers import SIGMAS, assert_mean

TEXTS = ["a b c a b", "b a c", "a a b d", "c b a", "d", "a b", "b c d a", "a c", "a b c", "b"] * 2
DOCUMENTS = Words().train(TEXTS)
SETTINGS = [
    {},
    {"draws": "any"},
    {"draws": "seen-ngrams"},
    {"order": 1},
    {"order": 2, "temperature": 0.6},
    {"temperature": 1.7, "draws": "any"},
    {"top_k": 2},
    {"top_p": 0.7},
    {"order": 5, "top_k": 4, "top_p": 0.8, "temperature": 1.2},
]


def follow_ups(settings, seed, n=20_000):
    """The first two tokens of many documents, as indicators, and the law of the first and of the second one."""
    model = NGram(**{"max_length": 3, **settings}).fit(DOCUMENTS, np.random.default_rng(seed))
    drawn = model.sample(n, np.random.default_rng([seed, 1]))
    size, end = model.tokenizer.size, model.tokenizer.end
    padded = np.full((n, 2), end)
    for j in range(2):
        long = drawn.lengths > j
        padded[long, j] = drawn.tokens[drawn.offsets[:-1][long] + j]
    first = np.eye(size)[padded[:, 0]]
    law = model.probabilities(drawn=True)
    # The law of the second token, averaged over the law of the first one.
    second = sum(
        (law[w] * model.probabilities([w], drawn=True) for w in range(size) if w != end and law[w] > 0),
        start=np.zeros(size),
    )
    second[end] += law[end]
    return first, law, np.eye(size)[padded[:, 1]], second


@pytest.mark.statistical
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_draws_follow_the_law(settings, seed):
    first, law, second, then = follow_ups(settings, seed)
    for drawn, expected in ((first, law), (second, then)):
        error = np.sqrt(expected * (1 - expected) / len(drawn))
        assert (np.abs(drawn.mean(0) - expected) <= SIGMAS * error + 1e-12).all()
        common = expected > 0.1
        assert common.any()
        assert_mean(drawn[:, common & (expected < 1)], expected[common & (expected < 1)], power=0.2)


@pytest.mark.statistical
def test_a_forgotten_discount_is_seen(seed):
    first, _, _, _ = follow_ups({"discount": 0.5, "draws": "any"}, seed, n=100_000)
    wrong = NGram(discount=1.0).fit(DOCUMENTS, np.random.default_rng(0)).probabilities()
    error = np.sqrt(wrong * (1 - wrong) / len(first))
    assert np.abs((first.mean(0) - wrong) / error).max() > 20


@pytest.mark.statistical
def test_real_text_loses_its_rare_words_first(seed):
    probes = {"survival": Survival(edges=(30, 1000)), "entropy": TokenEntropy()}
    found = {}
    for name, regime in (("control", FreshReal()), ("replace", Replace()), ("accumulate", Accumulate())):
        chains = []
        for replicate in range(3):
            streams = Streams(seed, replicate)
            generations = Chain(Sotu(), NGram(3), regime, n0=600).generations(streams)
            chains.append(
                [
                    np.append(
                        probes["survival"](g, streams(g.t, "probe")), probes["entropy"](g, streams(g.t, "probe", 1))
                    )
                    for g in islice(generations, 5)
                ]
            )
        found[name] = np.array(chains)
    control = found["control"].reshape(-1, 4)
    rare, head = control[:, 0], control[:, 2]
    lowest = rare.mean() - SIGMAS * rare.std(ddof=1)
    kept = {name: values.mean(0) for name, values in found.items()}
    assert (found["replace"][:, 2, 0] < lowest).all(), "rare words are below the control at generation 2"
    assert kept["replace"][4, 0] < 0.5 * rare.mean()
    assert kept["replace"][4, 2] > 0.95 * head.mean(), "frequent words have moved far less"
    assert (found["accumulate"][:, :, 0] > 0.6 * rare.mean()).all()
    late = kept["accumulate"][4, 0] - kept["accumulate"][2, 0]
    assert late > 0.5 * (kept["replace"][4, 0] - kept["replace"][2, 0]), "accumulation does not go on falling"
    assert (np.diff(kept["replace"][:, 0]) < 0).all()
    assert kept["replace"][4, 3] < kept["control"][4, 3]
