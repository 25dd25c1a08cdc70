"""Compiled loops of the n-gram model: the tree of n-grams, and reading it.

Nodes of the tree are n-grams. Node w below `size` is the token w alone; the nodes of longer n-grams follow, length by
length, children of one node side by side and sorted by token. The end symbol as first token of an n-gram stands for the
start of a document. The suffix of a node is the node without its first token; -1 is the empty context.
"""

from typing import Any

import numpy as np

from genloss.plain.compiled import compiled


@compiled
def grow(tokens: Any, offsets: Any, end: int, size: int, order: int) -> Any:
    """Build the tree of all n-grams up to an order.

    Two stable counting sorts a length (by token, then by parent) put equal n-grams side by side, so the cost is linear
    in the tokens.

    Returns:
        token, parent, suffix, count and opens (whether it begins with the start of a document) of every node, the first
        child of every node that may have children (and one past the last), and the first node of every length.
    """
    documents = len(offsets) - 1
    n = len(tokens) + documents
    token_at = np.empty(n, np.int32)
    before = np.empty(n, np.int32)
    here = np.empty(n, np.int32)
    fresh = np.zeros(n, np.bool_)
    i = 0
    for d in range(documents):
        fresh[i] = True
        last = end
        for j in range(offsets[d], offsets[d + 1]):
            token_at[i] = tokens[j]
            before[i] = last
            last = tokens[j]
            i += 1
        token_at[i] = end
        before[i] = last
        i += 1
    most = size + (order - 1) * n
    token = np.empty(most, np.int32)
    parent = np.full(most, -1, np.int32)
    suffix = np.full(most, -1, np.int32)
    count = np.zeros(most, np.int64)
    opens = np.zeros(most, np.bool_)
    begin = np.zeros(most + 1, np.int32)
    level = np.zeros(order + 1, np.int64)
    level[1] = size
    for w in range(size):
        token[w] = w
    for i in range(n):
        count[token_at[i]] += 1
        here[i] = token_at[i]
    place = np.zeros(size + 1, np.int64)
    for w in range(size):
        place[w + 1] = place[w] + count[w]
    by_token = np.empty(n, np.int32)
    for i in range(n):
        by_token[place[token_at[i]]] = i
        place[token_at[i]] += 1
    by_parent = np.empty(n, np.int32)
    nodes = size
    for k in range(2, order + 1):
        low, high = level[k - 2], level[k - 1]
        if k > 2:
            # The context of a token is the n-gram that ends before it; documents open with the start alone.
            for i in range(n):
                before[i] = -1 if fresh[i] else here[i - 1]
        place = np.zeros(high - low + 1, np.int64)
        for i in range(n):
            if before[i] >= 0:
                place[before[i] - low + 1] += 1
        for c in range(high - low):
            place[c + 1] += place[c]
        used = place[high - low]
        for r in range(n):
            i = by_token[r]
            if before[i] >= 0:
                by_parent[place[before[i] - low]] = i
                place[before[i] - low] += 1
        above = here.copy()
        for i in range(n):
            here[i] = -1
        last_parent = low - 1
        last_token = -1
        for r in range(used):
            i = by_parent[r]
            p, w = before[i], token_at[i]
            if p != last_parent or w != last_token:
                for c in range(last_parent + 1, p + 1):
                    begin[c] = nodes
                token[nodes] = w
                parent[nodes] = p
                suffix[nodes] = above[i]
                opens[nodes] = opens[p] or (k == 2 and p == end)
                nodes += 1
                last_parent, last_token = p, w
            here[i] = nodes - 1
            count[nodes - 1] += 1
        for c in range(last_parent + 1, high + 1):
            begin[c] = nodes
        level[k] = nodes
    contexts = level[order - 1]
    return (
        token[:nodes].copy(),
        parent[:nodes].copy(),
        suffix[:nodes].copy(),
        count[:nodes].copy(),
        opens[:nodes].copy(),
        begin[: contexts + 1].copy(),
        level,
    )


@compiled
def child(token: Any, begin: Any, c: int, w: int) -> Any:
    """The child of a context by its token; -1 if there is none."""
    low, high = begin[c], begin[c + 1]
    while low < high:
        middle = (low + high) >> 1
        if token[middle] < w:
            low = middle + 1
        else:
            high = middle
    return low if low < begin[c + 1] and token[low] == w else -1


@compiled
def longest(token: Any, begin: Any, suffix: Any, context: int, w: int) -> Any:
    """The longest known n-gram that ends a context followed by w."""
    c = context
    while c >= 0:
        node = child(token, begin, c, w)
        if node >= 0:
            return node
        c = suffix[c]
    return w


@compiled
def after(suffix: Any, contexts: int, node: int) -> Any:
    """The context that a drawn n-gram leaves."""
    return suffix[node] if node >= contexts else node


@compiled
def logprobs(
    tokens: Any, offsets: Any, end: int, token: Any, parent: Any, suffix: Any, begin: Any, gamma: Any, p: Any
) -> Any:
    """The natural logarithm of the probability of every token and of every document's end."""
    contexts = len(gamma)
    found = np.empty(len(tokens) + len(offsets) - 1)
    i = 0
    for d in range(len(offsets) - 1):
        context = after(suffix, contexts, end)
        for j in range(offsets[d], offsets[d + 1] + 1):
            w = tokens[j] if j < offsets[d + 1] else end
            c = context
            factor = 1.0
            node = -1
            while c >= 0:
                node = child(token, begin, c, w)
                if node >= 0:
                    break
                factor *= gamma[c]
                c = suffix[c]
            if node < 0:
                node = w
            found[i] = np.log(factor * p[node])
            i += 1
            context = after(suffix, contexts, node)
    return found
