"""Compiled loops that draw documents from the tree of n-grams (see `genloss.families.ngram.tree`)."""

from typing import Any

import numpy as np

from genloss.families.ngram.tree import after, longest
from genloss.plain.compiled import compiled


@compiled
def cumulate(weight: Any, begin: Any, suffix: Any, gamma: Any, root: float) -> Any:
    """Add up the weights of each context's children, and of all that it can draw when backing off counts too."""
    running = np.zeros(len(weight))
    total = np.empty(len(gamma))
    for c in range(len(gamma)):
        mass = 0.0
        for node in range(begin[c], begin[c + 1]):
            mass += weight[node]
            running[node] = mass
        total[c] = mass + gamma[c] * (root if suffix[c] < 0 else total[suffix[c]])
    return running, total


@compiled
def value(parent: Any, suffix: Any, gamma: Any, mass: Any, context: int, node: int) -> Any:
    """The mass of the token of a node (the longest one for it) after a context: backing off multiplies by gamma.

    The factors are taken from the shortest context to the longest, as in `_threshold`, so that equal masses are equal
    to the last bit.
    """
    steps = 0
    c = context
    while c != parent[node]:
        c = suffix[c]
        steps += 1
    found = mass[node]
    for step in range(steps, 0, -1):
        c = context
        for _ in range(step - 1):
            c = suffix[c]
        found = gamma[c] * found
    return found


@compiled
def _next(state: Any) -> Any:
    """One number from 0 to below 1 by xoshiro256++ (Blackman and Vigna 2021)."""
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    mixed = s0 + s3
    result = ((mixed << np.uint64(23)) | (mixed >> np.uint64(41))) + s0
    s2 ^= s0
    s3 ^= s1
    state[1] = s1 ^ s2
    state[0] = s0 ^ s3
    state[2] = s2 ^ (s1 << np.uint64(17))
    state[3] = (s3 << np.uint64(45)) | (s3 >> np.uint64(19))
    return (result >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@compiled
def _search(running: Any, low: int, high: int, x: float) -> Any:
    """The first place whose running sum is above x."""
    last = high - 1
    while low < last:
        middle = (low + last) >> 1
        if running[middle] > x:
            last = middle
        else:
            low = middle + 1
    return low


@compiled
def _draw(
    token: Any, begin: Any, suffix: Any, gamma: Any, running: Any, total: Any, root: Any, context: int, state: Any
) -> Any:
    """Draw the longest known n-gram that a context is continued to: from its children, or from a shorter context."""
    c = context
    x = _next(state) * (total[c] if c >= 0 else root[-1])
    while c >= 0:
        low, high = begin[c], begin[c + 1]
        mass = running[high - 1] if high > low else 0.0
        if x < mass or (gamma[c] == 0.0 and high > low):
            node = _search(running, low, high, x)
            break
        x = (x - mass) / gamma[c]
        c = suffix[c]
    else:
        node = _search(root, 0, len(root), x)
    if c == context:
        return node
    return longest(token, begin, suffix, context, token[node])


@compiled
def draws(
    n: int,
    most: int,
    end: int,
    token: Any,
    begin: Any,
    suffix: Any,
    gamma: Any,
    running: Any,
    total: Any,
    root: Any,
    state: Any,
) -> Any:
    """Draw n documents of at most so many tokens."""
    contexts = len(gamma)
    out = np.empty(max(1024, 64 * n), np.int32)
    offsets = np.zeros(n + 1, np.int64)
    used = 0
    for d in range(n):
        context = after(suffix, contexts, end)
        for _ in range(most):
            node = _draw(token, begin, suffix, gamma, running, total, root, context, state)
            if token[node] == end:
                break
            if used == len(out):
                larger = np.empty(2 * used, np.int32)
                larger[:used] = out
                out = larger
            out[used] = token[node]
            used += 1
            context = after(suffix, contexts, node)
        offsets[d + 1] = used
    return out[:used].copy(), offsets


@compiled
def _threshold(
    token: Any,
    begin: Any,
    suffix: Any,
    gamma: Any,
    mass: Any,
    ranked: Any,
    top: Any,
    context: int,
    k: int,
    wanted: float,
    seen: Any,
    stamp: int,
) -> Any:
    """Walk the tokens after a context from the most probable on, until there are k of them or their mass is as wanted.

    It merges the children of the context and of each shorter one, sorted by mass; a token counts at its longest
    context. Tokens that tie with the last one taken are taken too.

    Returns:
        The mass of the last token taken, and of all tokens taken.
    """
    chain = np.empty(16, np.int64)
    place = np.empty(16, np.int64)
    depth = 0
    c = context
    while c >= 0:
        chain[depth] = c
        place[depth] = begin[c]
        for node in range(begin[c], begin[c + 1]):
            if seen[token[node]] < stamp:
                seen[token[node]] = stamp + depth
        depth += 1
        c = suffix[c]
    place[depth] = 0
    taken = 0
    total = 0.0
    last = 0.0
    while True:
        best = -1.0
        which = -1
        for j in range(depth + 1):
            high = begin[chain[j] + 1] if j < depth else len(top)
            while place[j] < high:
                w = token[ranked[place[j]]] if j < depth else top[place[j]]
                own = seen[w] - stamp if seen[w] >= stamp else depth
                if own == j:
                    break
                place[j] += 1
            if place[j] < high:
                found = mass[ranked[place[j]]] if j < depth else mass[top[place[j]]]
                for i in range(j - 1, -1, -1):
                    found = gamma[chain[i]] * found
                if found > best:
                    best, which = found, j
        if which < 0 or best <= 0.0 or ((taken >= k or total >= wanted) and best < last):
            return last, total
        place[which] += 1
        taken += 1
        total += best
        last = best


@compiled
def draws_truncated(
    n: int,
    most: int,
    end: int,
    token: Any,
    begin: Any,
    suffix: Any,
    gamma: Any,
    running: Any,
    total: Any,
    root: Any,
    state: Any,
    parent: Any,
    mass: Any,
    ranked: Any,
    top: Any,
    k: int,
    share: float,
    least: Any,
) -> Any:
    """Draw n documents from the most probable tokens only: tokens below a context's threshold are drawn again.

    `least` holds the thresholds by context (the last one for the empty context), NaN if they are yet unknown.
    """
    contexts = len(gamma)
    seen = np.full(len(root), -1, np.int64)
    stamp = 0
    out = np.empty(max(1024, 64 * n), np.int32)
    offsets = np.zeros(n + 1, np.int64)
    used = 0
    for d in range(n):
        context = after(suffix, contexts, end)
        for _ in range(most):
            if np.isnan(least[context]):
                whole = total[context] if context >= 0 else root[-1]
                low = 0.0
                if k < len(root):
                    low, whole = _threshold(
                        token, begin, suffix, gamma, mass, ranked, top, context, k, np.inf, seen, stamp
                    )
                    stamp += 16
                if share < 1.0:
                    cut, _ = _threshold(
                        token,
                        begin,
                        suffix,
                        gamma,
                        mass,
                        ranked,
                        top,
                        context,
                        len(root) + 1,
                        share * whole,
                        seen,
                        stamp,
                    )
                    stamp += 16
                    low = max(low, cut)
                least[context] = low
            while True:
                node = _draw(token, begin, suffix, gamma, running, total, root, context, state)
                if value(parent, suffix, gamma, mass, context, node) >= least[context]:
                    break
            if token[node] == end:
                break
            if used == len(out):
                larger = np.empty(2 * used, np.int32)
                larger[:used] = out
                out = larger
            out[used] = token[node]
            used += 1
            context = after(suffix, contexts, node)
        offsets[d + 1] = used
    return out[:used].copy(), offsets
