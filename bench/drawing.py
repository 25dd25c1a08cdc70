"""Claim: drawing watermarked text from an n-gram model takes no pass over the vocabulary for each token.

The ratio is the time of a token with a watermark over that of one without, by the same trigram model of the same
addresses, on one core, in the steady state (green lists are remembered between calls). A pass over 35,000 words for
every token would cost thousands of times as much. `python bench/drawing.py` prints the ratios.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from genloss.corpus import Sotu
from genloss.families.ngram.learner import NGram
from genloss.provenance import KGW, Gumbel, SynthID, Unigram, Watermarked

SCHEMES: dict[str, Callable[[int], Any]] = {
    "lefthash": lambda size: KGW(size),
    "minhash": lambda size: KGW.original("minhash", size),
    "selfhash": lambda size: KGW(size, seeding="anchored-minhash", own=True, width=4),
    "unigram": lambda size: Unigram(size),
    "vllm": lambda size: Gumbel(size, 7),
    "gumbel-twister": lambda size: Gumbel(size, 35317, 2, prf="twister"),
    "synthid": lambda size: SynthID(size, tuple(range(5, 305, 10))),
    "synthid-text": lambda size: SynthID(size, tuple(range(5, 305, 10)), hash="rounds"),
}


class Drawing:
    """One benchmark a scheme: documents of at most 200 tokens from a trigram model."""

    params = tuple(SCHEMES)

    def setup(self, name: str) -> None:
        rng = np.random.default_rng(0)
        source = Sotu()
        train, base = source.sample(300, rng), NGram(3, max_length=200)
        self.plain = base.fit(train, rng)
        self.marked = Watermarked(base, SCHEMES[name](source.tokenizer.size)).fit(train, rng)
        for model in (self.plain, self.marked):
            model.sample(30, rng)

    def time_documents(self, name: str) -> None:
        self.marked.sample(10, np.random.default_rng(1))

    def track_tokens_a_second(self, name: str) -> float:
        return speed(self.marked)


def speed(model: Any) -> float:
    """Tokens a second, over a second or more."""
    documents = 10
    while True:
        begin = time.process_time()
        drawn = model.sample(documents, np.random.default_rng(1))
        took = time.process_time() - begin
        if took > 1:
            return len(drawn.tokens) / took
        documents = int(documents * min(20, 1.5 / max(took, 0.1))) + 1


if __name__ == "__main__":
    for scheme in SCHEMES:
        bench = Drawing()
        bench.setup(scheme)
        marked, plain = speed(bench.marked), speed(bench.plain)
        print(f"{scheme}: {marked:,.0f} tokens/s, {plain / marked:.1f} times a token without a watermark")
