"""One protocol for language models, and perplexities that two tokenizers can be compared by."""

import numpy as np
import pytest

import genloss as gl
from genloss import SpecError
from genloss.corpus.language_model import LanguageModel

TEXTS = ["the tails go first", "the head stays", "the tails are gone", "nothing is left of the tails"] * 10


class Uniform:
    """Every token is equally likely; a language model of nobody else's."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    def logprob(self, documents):
        return np.full(len(documents.tokens) + len(documents), -np.log(self.tokenizer.size))

    def next_laws(self, contexts):
        return np.full((len(contexts), self.tokenizer.size), 1 / self.tokenizer.size)

    def sample(self, n, rng):
        return self.tokenizer.encode(["the tails"] * n)


class UniformLearner:
    def fit(self, data, rng):
        return Uniform(data.tokenizer)


def measured(learner, tokens, **settings):
    source = gl.Corpus(TEXTS, tokens=tokens, held_out_share=0.25)
    chain = gl.Chain(source, learner, gl.Replace(20), n0=20)
    return float(
        gl.run(chain, {"p": gl.probes.Perplexity(**settings)}, generations=0, bootstrap=0)["p"].values.ravel()[0]
    )


def test_models_of_ngrams_and_of_users_offer_the_protocol():
    model = gl.NGram(2).fit(TEXTS, np.random.default_rng(0))
    assert isinstance(model, LanguageModel)
    assert isinstance(Uniform(model.tokenizer), LanguageModel)
    assert not isinstance(gl.Gaussian(), LanguageModel)
    laws = model.next_laws(["the", "the tails", ""])
    assert laws.shape == (3, model.tokenizer.size)
    np.testing.assert_allclose(laws[1], model.probabilities("the tails"))
    assert model.next_laws([]).shape == (0, model.tokenizer.size)


def test_perplexity_per_token_and_per_byte_of_a_uniform_model():
    source = gl.Corpus(TEXTS, tokens=gl.Bytes(), held_out_share=0.25)
    held = source.held_out
    size, tokens, count = source.tokenizer.size, len(held.tokens), sum(len(text.encode()) for text in held)
    assert measured(UniformLearner(), gl.Bytes()) == pytest.approx(size)
    expected = np.exp(np.log(size) * (tokens + len(held)) / count)
    assert measured(UniformLearner(), gl.Bytes(), per="byte") == pytest.approx(expected)


def test_two_tokenizers_are_compared_per_byte():
    """Per token a model over words looks far worse than one over bytes, which have little to choose from."""
    words, letters = (measured(gl.NGram(2), tokens) for tokens in ("word", "byte"))
    per_word, per_letter = (measured(gl.NGram(2), tokens, per="byte") for tokens in ("word", "byte"))
    assert 1 < per_word < words
    assert abs(np.log(per_word / per_letter)) < abs(np.log(words / letters)) + 1
    with pytest.raises(SpecError, match=r"^probe perplexity\.per: must be 'token' or 'byte', got 'word'$"):
        gl.probes.Perplexity(per="word")
