"""Documents behave like the lists of texts that they stand for."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from genloss.chain.data import concat, size, take
from genloss.corpus import Bytes, Words
from genloss.corpus.tokenizers import documents_from

TEXTS = st.lists(st.text(st.characters(codec="utf-8"), max_size=12), min_size=1, max_size=8)
WORDS = st.lists(st.text("abc. ", max_size=12), min_size=1, max_size=8)


@given(TEXTS)
def test_bytes_come_back(texts):
    assert list(Bytes().train(texts)) == texts


@given(WORDS)
def test_words_are_read_again_as_they_were(texts):
    documents = Words().train(texts)
    again = documents.tokenizer.encode(list(documents))
    assert again.tokens.tolist() == documents.tokens.tolist()
    assert again.offsets.tolist() == documents.offsets.tolist()


@given(TEXTS, st.data())
def test_take_concat_and_size_are_those_of_a_list(texts, data):
    documents = Bytes().train(texts)
    picks = data.draw(st.lists(st.integers(-len(texts), len(texts) - 1), max_size=10))
    taken = take(documents, np.array(picks, dtype=int))
    assert list(taken) == [texts[i] for i in picks]
    joined = concat([documents, taken, documents])
    assert list(joined) == texts + [texts[i] for i in picks] + texts
    assert size(joined) == 2 * len(texts) + len(picks)


@given(TEXTS)
def test_arrays_give_the_documents_back(texts):
    documents = Bytes().train(texts)
    assert list(documents_from(documents.to_arrays())) == texts


@given(WORDS, st.integers(0, 40))
@settings(max_examples=50)
def test_the_first_tokens_are_the_first(texts, tokens):
    documents = Words().train(texts)
    cut = documents.first_tokens(tokens)
    assert cut.tokens.tolist() == documents.tokens[:tokens].tolist()
    assert len(cut.ended()) == len(cut.tokens) + len(cut)
