"""What an n-gram model says of every token, by sums over its tree in place of laws over the whole vocabulary.

After a context c, a token w of its children has the mass p(cw), any other gamma(c) q(w), where q is the law after the
suffix of c. Sums over the vocabulary so become sums over children and the same sum for the suffix.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from genloss.chain.data import Array, Floats, Ints
from genloss.corpus.documents import Documents
from genloss.errors import SpecError
from genloss.families.ngram.learner import NGramModel
from genloss.provenance.detectors.token_statistics import TokenStatistics


def read(model: NGramModel, documents: Documents, ranks: bool) -> TokenStatistics:
    """Read documents; tokens that the vocabulary lacks are left out."""
    document, known, context = _places(model, documents)
    logprob = model.logprob(documents)[known]
    mean, square = _moments(model)
    rank = np.ones(len(logprob))
    if ranks:
        kernels, tree = _kernels(), model.tree
        rank += kernels.above(
            context, np.exp(logprob), tree.suffix, tree.begin, model.weights.gamma, *_sorted(model)
        )  # fmt: skip
    variance = np.maximum(square[context] - mean[context] ** 2, 0)
    return TokenStatistics(document, len(documents), logprob, rank, mean[context], variance)


def crossed(observer: NGramModel, performer: NGramModel, documents: Any) -> Floats:
    """At every scored token, the cross-entropy of the performer's law under the observer's.

    Raises:
        SpecError: If the vocabularies differ.
    """
    from genloss.corpus.documents import same_tokens

    if not same_tokens(observer.tokenizer, performer.tokenizer):
        raise SpecError(
            "binoculars: the two models have different vocabularies; fit both to documents of one tokenizer"
        )
    read = documents if isinstance(documents, Documents) else observer.tokenizer.encode(list(documents))
    _, _, one = _places(observer, read)
    _, _, two = _places(performer, read)
    first, second = observer.tree, performer.tree
    size = observer.tokenizer.size
    mass, gamma, kids = performer.weights.mass, performer.weights.gamma, slice(performer.tokenizer.size, None)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.zeros(len(mass))
        gain[kids] = np.log(mass[kids]) - np.log(gamma[second.parent[kids]]) - np.log(mass[second.suffix[kids]])
        base = _own_sums(observer, np.log(mass[:size]))
        from_root = np.zeros(len(gamma))
        from_root += np.bincount(
            second.parent[kids], observer.weights.mass[second.token[kids]] * gain[kids], minlength=len(gamma)
        )  # fmt: skip
        found: Floats = -_kernels().crossed(
            one, two, base, from_root, np.log(gamma), gain, first.token, first.begin, first.suffix,
            observer.weights.own, observer.weights.gamma, second.token, second.begin, second.suffix,
        )  # fmt: skip
    return found


def laws(model: NGramModel, documents: Documents) -> Iterator[tuple[Ints, Floats]]:
    """Every token's law over the whole vocabulary; for short texts and small vocabularies."""
    document, known, context = _places(model, documents)
    tokens = documents.ended()[known]
    tree, weights = model.tree, model.weights
    for i in range(len(documents)):
        mine = np.flatnonzero(document == i)
        law = np.empty((len(mine), model.tokenizer.size))
        for row, at in zip(law, context[mine], strict=True):
            chain = []
            node = int(at)
            while node >= 0:
                chain.append(node)
                node = int(tree.suffix[node])
            row[:] = weights.mass[: len(row)]
            for node in reversed(chain):
                row *= weights.gamma[node]
                children = slice(int(tree.begin[node]), int(tree.begin[node + 1]))
                row[tree.token[children]] = weights.mass[children]
        with np.errstate(divide="ignore"):
            logs = np.log(law)
        # Not from within: what numpy ignores would reach whoever asked.
        yield tokens[mine].astype(np.int64), logs


def _places(model: NGramModel, documents: Documents) -> tuple[Ints, Array, Array]:
    """The document of each known token (and end), which tokens are known, and the context node of each; -1 for none."""
    tree, end = model.tree, model.tokenizer.end
    context = _kernels().places(
        documents.tokens, documents.offsets, end, tree.token, tree.begin, tree.suffix, tree.contexts
    )  # fmt: skip
    known = documents.ended() != model.tokenizer.unknown
    document = np.repeat(np.arange(len(documents)), documents.lengths + 1)
    return document[known], known, context[known]


@lru_cache(maxsize=4)
def _moments(model: NGramModel) -> tuple[Floats, Floats]:
    """The mean of the log-probability and of its square after each context; the last is for no context."""
    tree, weights = model.tree, model.weights
    mass, gamma = weights.mass, weights.gamma
    log = np.log(np.where(mass > 0, mass, 1))
    mean, square = np.zeros(tree.contexts + 1), np.zeros(tree.contexts + 1)
    size = model.tokenizer.size
    mean[-1], square[-1] = (mass[:size] * log[:size]).sum(), (mass[:size] * log[:size] ** 2).sum()
    for k in range(1, tree.order):
        here = tree.nodes(k)
        kids, low, count = tree.nodes(k + 1), here.start, here.stop - here.start

        def summed(values: Floats, kids: slice = kids, low: int = low, count: int = count) -> Floats:
            return np.bincount(tree.parent[kids] - low, values, minlength=count).astype(float)

        p, logp = mass[kids], log[kids]
        q, logq = mass[tree.suffix[kids]], log[tree.suffix[kids]]
        rest = gamma[here]
        logg = np.log(np.where(rest > 0, rest, 1))
        last = tree.suffix[here]
        left, left1, left2 = 1 - summed(q), mean[last] - summed(q * logq), square[last] - summed(q * logq**2)
        mean[here] = summed(p * logp) + rest * (left1 + logg * left)
        square[here] = summed(p * logp**2) + rest * (left2 + 2 * logg * left1 + logg**2 * left)
    return mean, square


@lru_cache(maxsize=4)
def _sorted(model: NGramModel) -> tuple[Floats, Floats, Floats]:
    """Rising masses: of each context's children, of the same tokens after its suffix, and of all tokens."""
    tree, mass, size = model.tree, model.weights.mass, model.tokenizer.size
    kids = slice(size, None)
    own, other = mass.copy(), mass.copy()
    other[kids] = mass[tree.suffix[kids]]
    for values in (own, other):
        values[kids] = values[kids][np.lexsort((values[kids], tree.parent[kids]))]
    return own, other, np.sort(mass[:size])


def _own_sums(model: NGramModel, values: Floats) -> Floats:
    """The mean of a value per token after each context; the last is for no context."""
    tree, weights = model.tree, model.weights
    found = np.zeros(tree.contexts + 1)
    found[-1] = (weights.mass[: len(values)] * values).sum()
    for k in range(1, tree.order):
        here, kids = tree.nodes(k), tree.nodes(k + 1)
        own = np.bincount(
            tree.parent[kids] - here.start, weights.own[kids] * values[tree.token[kids]], here.stop - here.start
        )  # fmt: skip
        found[here] = own + weights.gamma[here] * found[tree.suffix[here]]
    return found


def _kernels() -> Any:
    try:
        from genloss.provenance.detectors import ngram_loops
    except ImportError:
        raise SpecError('detector: n-gram models need numba; pip install "genloss[text]"') from None
    return ngram_loops
