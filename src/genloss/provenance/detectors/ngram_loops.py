"""Compiled loops over an n-gram model's tree (see `genloss.families.ngram.tree`)."""

from typing import Any

import numpy as np

from genloss.families.ngram.tree import after, child, longest
from genloss.plain.compiled import compiled


@compiled
def places(tokens: Any, offsets: Any, end: int, token: Any, begin: Any, suffix: Any, contexts: int) -> Any:
    """The context of every token and of every document's end; -1 for the empty one."""
    found = np.empty(len(tokens) + len(offsets) - 1, np.int64)
    i = 0
    for d in range(len(offsets) - 1):
        context = after(suffix, contexts, end)
        for j in range(offsets[d], offsets[d + 1] + 1):
            found[i] = context
            i += 1
            if j < offsets[d + 1]:
                context = after(suffix, contexts, longest(token, begin, suffix, context, tokens[j]))
    return found


@compiled
def _more(rising: Any, low: int, high: int, x: float) -> Any:
    """How many of rising[low:high] are above x."""
    top = high
    while low < high:
        middle = (low + high) >> 1
        if rising[middle] > x:
            high = middle
        else:
            low = middle + 1
    return top - low


@compiled
def above(context: Any, p: Any, suffix: Any, begin: Any, gamma: Any, own: Any, other: Any, root: Any) -> Any:
    """How many tokens are more probable after a context than p; a difference by rounding is none."""
    found = np.zeros(len(context))
    for i in range(len(context)):
        c = context[i]
        x = p[i] * (1 + 1e-9)
        more = 0
        while c >= 0:
            more += _more(own, begin[c], begin[c + 1], x)
            if gamma[c] <= 0:
                break
            x /= gamma[c]
            more -= _more(other, begin[c], begin[c + 1], x)
            c = suffix[c]
        if c < 0:
            more += _more(root, 0, len(root), x)
        found[i] = more
    return found


@compiled
def _shared(a: int, b: int, token1: Any, begin1: Any, own1: Any, token2: Any, begin2: Any, gain2: Any) -> Any:
    """The sum of own1 times gain2 over the tokens that are children of both contexts."""
    total = 0.0
    if begin1[a + 1] - begin1[a] <= begin2[b + 1] - begin2[b]:
        for i in range(begin1[a], begin1[a + 1]):
            j = child(token2, begin2, b, token1[i])
            if j >= 0:
                total += own1[i] * gain2[j]
    else:
        for j in range(begin2[b], begin2[b + 1]):
            i = child(token1, begin1, a, token2[j])
            if i >= 0:
                total += own1[i] * gain2[j]
    return total


@compiled
def crossed(
    one: Any, two: Any, base: Any, from_root: Any, log_gamma: Any, gain: Any, token1: Any, begin1: Any, suffix1: Any,
    own1: Any, gamma1: Any, token2: Any, begin2: Any, suffix2: Any,
) -> Any:  # fmt: skip
    """The mean of model 2's log-probability under model 1's law, at each pair of contexts."""
    found = np.empty(len(one))
    for i in range(len(one)):
        total = base[one[i]]
        b = two[i]
        while b >= 0:
            a = one[i]
            factor = 1.0
            part = log_gamma[b]
            while a >= 0:
                part += factor * _shared(a, b, token1, begin1, own1, token2, begin2, gain)
                factor *= gamma1[a]
                a = suffix1[a]
            total += part + factor * from_root[b]
            b = suffix2[b]
        found[i] = total
    return found
