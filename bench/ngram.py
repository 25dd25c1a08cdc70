"""Claim: n-gram models train on, and write, at least 500,000 tokens a second on one core.

A word trigram with Kneser-Ney smoothing on 3,400 real paragraphs, some 300,000 words. CPU seconds of one thread.
Run `python bench/ngram.py` for a table of other orders, ways of drawing and tokens.
"""

import time
from typing import Any

import numpy as np

from genloss.corpus import BPE, Sotu
from genloss.families.ngram.learner import NGram

DOCUMENTS = 3400
CLAIM = 500_000


class Trigram:
    """A word trigram on real text."""

    params = ("seen-tokens", "seen-ngrams")
    param_names = ("draws",)

    def setup(self, draws: str, documents: int = DOCUMENTS) -> None:
        self.rng = np.random.default_rng(0)
        self.text = Sotu().sample(documents, self.rng)
        self.learner = NGram(3, draws=draws)
        self.model = self.learner.fit(self.text, self.rng)
        self.model.sample(10, self.rng)
        self.model.logprob(self.text[:10])

    def time_fit(self, draws: str) -> None:
        self.learner.fit(self.text, self.rng)

    def time_fit_and_sample(self, draws: str) -> None:
        self.learner.fit(self.text, self.rng).sample(DOCUMENTS, self.rng)

    def time_logprob(self, draws: str) -> None:
        self.model.logprob(self.text)

    def track_tokens_per_second_trained(self, draws: str) -> float:
        return len(self.text.tokens) / seconds(lambda: self.time_fit(draws))

    def track_tokens_per_second_sampled(self, draws: str) -> float:
        return rates(self.learner, self.text)[1]


def seconds(call: Any, repeats: int = 5) -> float:
    """The least CPU time of several calls."""
    found = []
    for _ in range(repeats):
        begin = time.process_time()
        call()
        found.append(time.process_time() - begin)
    return min(found)


def rates(learner: NGram, text: Any) -> tuple[float, float, float]:
    """Tokens a second trained, written by a model that has just been fitted, and scored."""
    rng = np.random.default_rng(1)
    warm = learner.fit(text[:50], rng)
    warm.logprob(warm.sample(10, rng))
    trained = seconds(lambda: learner.fit(text, rng))
    written = []
    for _ in range(3):
        model = learner.fit(text, rng)
        begin = time.process_time()
        tokens = len(model.sample(len(text), rng).tokens)
        written.append(tokens / (time.process_time() - begin))
    return len(text.tokens) / trained, max(written), len(text.tokens) / seconds(lambda: model.logprob(text))


def main() -> None:
    rng = np.random.default_rng(0)
    words = Sotu().sample(DOCUMENTS, rng)
    varied: list[dict[str, Any]] = [
        {},
        {"draws": "seen-ngrams"},
        {"order": 1},
        {"order": 2},
        {"order": 5},
        {"temperature": 0.8},
        {"top_k": 50},
        {"top_p": 0.9},
        {"draws": "seen-ngrams", "top_p": 0.9},
    ]
    rows = [(f"word, {each}" if each else "word, order 3", NGram(**each), words) for each in varied]
    rows.append(("byte, order 6", NGram(6), Sotu(tokens="byte").sample(600, rng)))
    rows.append(("pieces, order 4", NGram(4), Sotu(tokens=BPE(2000)).sample(DOCUMENTS, rng)))
    print(f"{'millions of tokens a CPU second':56s} {'fit':>8s} {'sample':>8s} {'score':>8s}")
    for i, (name, learner, text) in enumerate(rows):
        trained, written, scored = rates(learner, text)
        print(f"{name:56s} {trained / 1e6:8.2f} {written / 1e6:8.2f} {scored / 1e6:8.2f}")
        if i == 0:
            print(f"{'  times the claim':56s} {trained / CLAIM:8.1f} {written / CLAIM:8.1f}")


if __name__ == "__main__":
    main()
