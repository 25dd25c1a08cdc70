"""The laws of the next token over a tree of n-grams: maximum likelihood, Kneser-Ney, and what is made of them."""

from dataclasses import dataclass

import numpy as np

from genloss.chain.data import Array, Floats, Ints


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Tree:
    """All n-grams of a text up to an order, as nodes; see `genloss.families.ngram.tree`.

    Attributes:
        token: The last token of each node.
        parent: The node without its last token; -1 for single tokens.
        suffix: The node without its first token; -1 for single tokens.
        count: How often it occurs; for single tokens, how often it is predicted.
        opens: Whether it begins with the start of a document.
        begin: The first child of each node that may have children, and one past the last child of all.
        level: Where the nodes of each length end: level[0] = 0.
    """

    token: Array
    parent: Array
    suffix: Array
    count: Ints
    opens: Array
    begin: Array
    level: Ints

    @property
    def order(self) -> int:
        """The length of the longest n-grams."""
        return len(self.level) - 1

    @property
    def contexts(self) -> int:
        """How many nodes may have children."""
        return len(self.begin) - 1

    def nodes(self, k: int) -> slice:
        """The nodes of length k."""
        return slice(int(self.level[k - 1]), int(self.level[k]))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Weights:
    """A law of the next token: `own` is what a node has of itself, and a context backs off with `gamma`.

    The mass of a token w after a context c is own[cw] + gamma[c] * (mass of w after the suffix of c).

    Attributes:
        own: One number a node.
        gamma: One number per context.
        mass: The mass of each node's token after its parent.
    """

    own: Floats
    gamma: Floats
    mass: Floats


def likelihood(tree: Tree) -> Weights:
    """Maximum likelihood: a context backs off only where nothing was seen after it."""
    size = int(tree.level[1])
    above = _sums(tree, tree.count)
    own = tree.count / np.append(above, tree.count[:size].sum())[tree.parent]
    return Weights(own, np.where(above > 0, 0.0, 1.0), own)


def kneser_ney(tree: Tree, discount: float | None) -> Weights:
    """Interpolated Kneser-Ney smoothing.

    An n-gram shorter than the order counts as often as there are different tokens before it, unless it begins with the
    start of a document, before which nothing stands; then, as at the full order, its own count counts (Chen and Goodman
    1999, section 4.1.6; Heafield et al. 2013, section 3). Single tokens back off to the uniform law.

    Args:
        tree: The n-grams.
        discount: What every count is lowered by; None estimates three discounts at each length.
    """
    size = int(tree.level[1])
    counts = np.bincount(tree.suffix[size:], minlength=len(tree.count))
    full = tree.opens.copy()
    full[tree.nodes(tree.order)] = True
    counts = np.where(full, tree.count, counts)
    lowered = np.empty(len(counts))
    for k in range(1, tree.order + 1):
        adjusted = counts[tree.nodes(k)]
        lowered[tree.nodes(k)] = _discounts(adjusted, discount)[np.minimum(adjusted, 3)]
    above = _sums(tree, counts)
    gamma = np.where(above > 0, _sums(tree, lowered) / np.maximum(above, 1), 1.0)
    total = counts[:size].sum()
    own = (counts - lowered) / np.append(above, total)[tree.parent]
    return _backed_off(tree, own, gamma, own[:size] + lowered[:size].sum() / total / size)


def of_seen(tree: Tree, weights: Weights) -> Weights:
    """Give nothing to tokens that the text lacks, where a law backs off to single tokens."""
    seen = tree.count[: int(tree.level[1])] > 0
    if seen.all():
        return weights
    single = np.where(seen, weights.mass[: len(seen)], 0.0)
    return _backed_off(tree, weights.own, weights.gamma, single / single.sum())


def _backed_off(tree: Tree, own: Floats, gamma: Floats, single: Floats) -> Weights:
    """Add up the masses, from single tokens to the longest n-grams."""
    mass = own.copy()
    mass[: len(single)] = single
    for k in range(2, tree.order + 1):
        these = tree.nodes(k)
        mass[these] += gamma[tree.parent[these]] * mass[tree.suffix[these]]
    return Weights(own, gamma, mass)


def tempered(tree: Tree, weights: Weights, temperature: float) -> Weights:
    """Raise every probability to the power b = 1 / temperature; each context's largest becomes 1, none is normalised.

    A token that was not seen after c has probability gamma[c] times that after the suffix of c, and so have the powers:
    they are a law of the same form, in which a node's own part is what remains, never negative.
    """
    size, power = int(tree.level[1]), 1 / temperature
    root = float(weights.mass[:size].max())
    best = np.zeros(tree.contexts)
    np.maximum.at(best, tree.parent[size:], weights.mass[size:])
    shorter = np.full(tree.contexts, root)
    for k in range(1, tree.order):
        these = tree.nodes(k)
        if k > 1:
            shorter[these] = best[tree.suffix[these]]
        best[these] = np.maximum(best[these], weights.gamma[these] * shorter[these])
    gamma = (weights.gamma * shorter / best) ** power
    mass = weights.mass.copy()
    mass[:size] /= root
    mass[size:] /= best[tree.parent[size:]]
    mass **= power
    own = mass.copy()
    own[size:] -= gamma[tree.parent[size:]] * mass[tree.suffix[size:]]
    return Weights(np.maximum(own, 0.0), gamma, mass)


def _sums(tree: Tree, values: Array) -> Floats:
    """Add up values over the children of each context."""
    size = int(tree.level[1])
    return np.bincount(tree.parent[size:], values[size:], minlength=tree.contexts).astype(float)


def _discounts(counts: Ints, discount: float | None) -> Floats:
    """What counts of 0, 1, 2 and 3 or more are lowered by (Chen and Goodman 1999, equation 26)."""
    if discount is not None:
        return np.array([0.0, discount, discount, discount])
    n = np.bincount(np.minimum(counts, 5), minlength=6)[1:5].astype(float)
    if n[:3].all():
        share = n[0] / (n[0] + 2 * n[1])
        steps = np.arange(1, 4)
        found = steps - (steps + 1) * share * n[1:] / n[:3]
        if (found >= 0).all():
            return np.array([0.0, *found])
    return np.array([0.0, 0.5, 1.0, 1.5])
