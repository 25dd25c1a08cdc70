"""Claim: the mean error of the share is at most 10% above that of whichever method of `quapy` is best in a setting.

Corpora of 400 documents with four passages each, 2%, 20% and 50% of the documents synthetic, references of 300
documents. Scores are made (a document shifts its passages: normal, skewed and heavy-tailed laws; `--laws` knows three
more) or come from a text classifier on real paragraphs and on paragraphs that an n-gram model wrote.

`python bench/prevalence.py` prints the mean absolute error of each method, how often the 95% intervals hold the
true share, and, where `quapy` is installed, the errors of its methods on the same scores. The best of eight methods
in one setting is a hard yardstick: a method that is pulled to a share wins where the truth lies there. Ratios come
with their standard error, by a bootstrap of mixtures that chooses the best anew.
"""

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from genloss.provenance.share.mixtures import METHODS
from genloss.provenance.share.prevalence import prevalence

SHARES = (0.02, 0.2, 0.5)
DOCUMENTS, REFERENCE, PASSAGES = 400, 300, 4
Draw = Callable[[np.random.Generator, int, bool], np.ndarray]


def normal(rng: np.random.Generator, documents: int, synthetic: bool) -> np.ndarray:
    centre = rng.normal(1.5 * synthetic, 0.7, (documents, 1))
    return centre + rng.normal(0, 0.7, (documents, PASSAGES))


def skewed(rng: np.random.Generator, documents: int, synthetic: bool) -> np.ndarray:
    shape = rng.gamma(4, 0.25, (documents, 1)) * (1 + 1.5 * synthetic)
    return rng.gamma(2 * shape, 1, (documents, PASSAGES))


def heavy(rng: np.random.Generator, documents: int, synthetic: bool) -> np.ndarray:
    centre = rng.normal(2 * synthetic, 0.5 + 0.5 * synthetic, (documents, 1))
    return centre + 0.7 * rng.standard_t(2, (documents, PASSAGES))


def bimodal(rng: np.random.Generator, documents: int, synthetic: bool) -> np.ndarray:
    """Synthetic text scores between two kinds of human text."""
    kind = np.where(rng.random((documents, 1)) < 0.3, 2.4, -1.0)
    return (1.2 if synthetic else kind) + rng.normal(0, 0.5, (documents, 1)) + rng.normal(0, 0.5, (documents, PASSAGES))


def beta(rng: np.random.Generator, documents: int, synthetic: bool) -> np.ndarray:
    """Probabilities of a classifier."""
    level = rng.beta(*((4, 2.5) if synthetic else (2, 5)), (documents, 1))
    return rng.beta(8 * level + 0.3, 8 * (1 - level) + 0.3, (documents, PASSAGES))


def marks(rng: np.random.Generator, documents: int, synthetic: bool) -> np.ndarray:
    """A rater's marks from 1 to 5."""
    centre = rng.normal(1.3 * synthetic, 0.8, (documents, 1))
    return np.clip(np.rint(centre + rng.normal(0, 0.8, (documents, PASSAGES)) + 2), 1, 5)


def text() -> Draw:
    """Documents are four neighbouring paragraphs of real text, or four that a trigram model wrote."""
    from genloss.corpus import Sotu
    from genloss.families.ngram.learner import NGram
    from genloss.provenance.detectors import TextClassifier

    rng = np.random.default_rng(0)
    text = Sotu(held_out_share=0.0).train
    documents = len(text) // PASSAGES
    rows = rng.permutation(documents)[:, None] * PASSAGES + np.arange(PASSAGES)
    seen, known, rest = (text.take(part.ravel()) for part in np.split(rows, [documents // 2, 3 * documents // 4]))
    written = NGram(3, draws="seen-ngrams").fit(seen, rng).sample(len(known) + len(rest), rng)
    detector = TextClassifier().fit(known, written[: len(known)])
    scored = [detector.score(each).reshape(-1, PASSAGES) for each in (rest, written[len(known) :])]

    def draw(rng: np.random.Generator, documents: int, synthetic: bool) -> np.ndarray:
        return rng.choice(scored[synthetic], documents)

    return draw


def mixtures(
    draw: Draw, share: float, repeats: int, seed: int = 0, documents: int = DOCUMENTS, reference: int = REFERENCE
) -> Iterator[list[np.ndarray]]:
    """Scores of a corpus, of human and of synthetic references: shape (documents, passages) each."""
    rng = np.random.default_rng(seed)
    made = round(documents * share)
    for _ in range(repeats):
        corpus = [draw(rng, documents - made, False), draw(rng, made, True)]
        yield [np.concatenate(corpus), draw(rng, reference, False), draw(rng, reference, True)]


def ours(parts: list[np.ndarray], method: Any, seed: int, resamples: int = 199) -> Any:
    names = ("clusters", "human_clusters", "synthetic_clusters")
    clusters = {name: np.repeat(np.arange(len(part)), PASSAGES) for name, part in zip(names, parts, strict=True)}
    scores = [part.ravel() for part in parts]
    return prevalence(*scores, method, **clusters, seed=seed, resamples=resamples)


def theirs() -> dict[str, Callable[[], Any]]:
    """The methods of `quapy` for two classes, by name; none where it is not installed."""
    try:
        import quapy.method.aggregative as aggregative
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        return {}
    names = ("ACC", "PACC", "EMQ", "KDEyML", "DyS", "HDy", "MS", "SMM")
    return {name: partial(_fresh, getattr(aggregative, name), LogisticRegression) for name in names}


def _fresh(method: Any, classifier: Any) -> Any:
    return method(classifier())


def quapy_share(make: Callable[[], Any], parts: list[np.ndarray]) -> float:
    corpus, human, synthetic = (part.reshape(-1, 1) for part in parts)
    rows = np.concatenate([human, synthetic])
    found = make().fit(rows, np.repeat([0, 1], [len(human), len(synthetic)])).predict(corpus)
    return float(np.asarray(found)[1])


def ratio(errors: np.ndarray, others: np.ndarray) -> tuple[float, float]:
    """Our mean error over the best mean error of others (mixtures, methods), and its standard error."""
    drawn = np.random.default_rng(0).integers(len(errors), size=(1000, len(errors)))
    spread = errors[drawn].mean(1) / others[drawn].mean(1).min(1)
    return float(errors.mean() / others.mean(0).min()), float(spread.std())


class Prevalence:
    """One corpus of 1,600 passages, with an interval of 500 resamples."""

    params = tuple(METHODS)
    param_names = ("method",)

    def setup(self, method: str) -> None:
        self.parts = next(mixtures(normal, 0.2, 1))

    def time_prevalence(self, method: str) -> None:
        ours(self.parts, method, 0, 500)

    def track_error(self, method: str) -> float:
        found = [abs(ours(parts, method, i, 20).share - 0.2) for i, parts in enumerate(mixtures(normal, 0.2, 50))]
        return float(np.mean(found))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    parser.add_argument("--reference", type=int, default=REFERENCE)
    parser.add_argument("--laws", nargs="*", default=["normal", "skewed", "heavy", "text"])
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    others = theirs()
    overall: dict[str, list[float]] = {}
    for law in asked.laws:
        draw: Draw = text() if law == "text" else globals()[law]
        for share in SHARES:
            begin = time.process_time()
            errors: dict[str, list[float]] = {}
            covered: dict[str, list[bool]] = {}
            for i, parts in enumerate(
                mixtures(draw, share, asked.repeats, asked.seed, asked.documents, asked.reference)
            ):
                for method in METHODS:
                    found = ours(parts, method, i)
                    errors.setdefault(method, []).append(abs(found.share - share))
                    covered.setdefault(method, []).append(found.low <= share <= found.high)
                for name, make in others.items():
                    errors.setdefault(f"quapy {name}", []).append(abs(quapy_share(make, parts) - share))
            print(f"\n{law}, {share:.0%} synthetic, {asked.repeats} mixtures ({time.process_time() - begin:.0f} s)")
            theirs_here = [found for name, found in errors.items() if name.startswith("quapy")]
            for name, found in errors.items():
                overall.setdefault(name, []).append(float(np.mean(found)))
                line = f"  {name:14s} error {np.mean(found):.4f}"
                if theirs_here:
                    line += "  x best of quapy {:5.2f} +- {:.2f}".format(
                        *ratio(np.array(found), np.array(theirs_here).T)
                    )
                if name in covered:
                    line += f"  interval holds {np.mean(covered[name]):.0%}"
                print(line, flush=True)
    print("\nmean over all settings")
    for name, found in overall.items():
        print(f"  {name:14s} error {np.mean(found):.4f}")


if __name__ == "__main__":
    main()
