"""Compiled loops that draw watermarked documents from an n-gram model's tree (see `genloss.families.ngram.tree`)."""

from typing import Any

import numpy as np

from genloss.families.ngram.sampling import _draw, _next, _threshold, value
from genloss.families.ngram.tree import after
from genloss.provenance.watermarks.generators import BLOCK, compiled, dealt_all, dealt_one, inverses, mix

_PATIENCE = 3


@compiled
def dense(size: int, token: Any, begin: Any, suffix: Any, gamma: Any, mass: Any, context: int, out: Any) -> None:
    """The mass of every token after a context; it need not add up to 1."""
    chain = np.empty(16, np.int64)
    depth = 0
    c = context
    while c >= 0:
        chain[depth] = c
        depth += 1
        c = suffix[c]
    for w in range(size):
        out[w] = mass[w]
    for k in range(depth - 1, -1, -1):
        c = chain[k]
        for w in range(size):
            out[w] *= gamma[c]
        for node in range(begin[c], begin[c + 1]):
            out[token[node]] = mass[node]


@compiled
def least_mass(
    token: Any, begin: Any, suffix: Any, gamma: Any, total: Any, root: Any, mass: Any, ranked: Any, top: Any,
    k: int, share: float, least: Any, seen: Any, stamp: int, context: int,
) -> Any:  # fmt: skip
    """The smallest mass that may be drawn after a context, kept in `least`."""
    if np.isnan(least[context]):
        whole = total[context] if context >= 0 else root[-1]
        low = 0.0
        if k < len(root):
            low, whole = _threshold(token, begin, suffix, gamma, mass, ranked, top, context, k, np.inf, seen, stamp)
            stamp += 16
        if share < 1.0:
            most, wanted = len(root) + 1, share * whole
            cut, _ = _threshold(token, begin, suffix, gamma, mass, ranked, top, context, most, wanted, seen, stamp)
            stamp += 16
            low = max(low, cut)
        least[context] = low
    return least[context], stamp


@compiled
def seed_of(
    how: int, tokens: Any, at: int, candidate: int, own: bool, width: int, lookup: Any, table: Any, key: Any
) -> Any:
    """The low 32 bits of the seed before position `at`: how = 0 last, 1 sum, 2 first, 3 minhash, 4 anchored minhash."""
    begin = at + own - width
    if how == 0:
        return lookup[tokens[at - 1]]
    if how == 2:
        return lookup[candidate if own and width == 1 else tokens[begin]]
    if how == 1:
        summed = np.int64(candidate) if own else np.int64(0)
        for j in range(begin, at):
            summed += tokens[j]
        return lookup[summed]
    size = np.int64(len(table))
    last = candidate if own else tokens[at - 1]
    anchor = np.int64(table[last % size] + 1)
    least = np.int64(0)
    for k in range(width):
        token = np.int64(candidate if own and k == width - 1 else tokens[begin + k])
        if how == 4:
            found = key * np.int64(table[token % size] + 1) * anchor
        else:
            found = np.int64(table[(key * token) % size] + 1)
        if k == 0 or found < least:
            least = found
    return np.uint32((least if least >= 0 else least - 1) & 0xFFFFFFFF)


@compiled
def green_draws(
    n: int, most: int, end: int, size: int, token: Any, begin: Any, suffix: Any, gamma: Any, running: Any, total: Any,
    root: Any, state: Any, parent: Any, mass: Any, ranked: Any, top: Any, k: int, share: float, least: Any,
    vocab: int, greens: int, bias: float, mask: Any, packed: Any, how: int, own: bool, width: int, lookup: Any,
    table: Any, key: Any, known: Any, verdict: Any, owner: Any, waiting: Any, waits: Any, lists: Any,
) -> Any:  # fmt: skip
    """Draw n documents with raised logits of green tokens, exactly: a red token is taken with probability e^-bias.

    A mask of the vocabulary, or packed green lists by token, stand for keyed shuffles where they are not empty. What a
    shuffle dealt is remembered by pair of seed and token (`known`, `verdict`), and as a whole list for seeds that come
    again (`owner`, `lists`); both hold for every key, and serve the next call too.
    """
    contexts = len(gamma)
    seen = np.full(size, -1, np.int64)
    stamp = 0
    inverse = inverses(vocab, greens)
    words = np.empty(BLOCK, np.uint32)
    block = np.empty(BLOCK, np.uint32)
    partner = np.empty(BLOCK, np.int32)
    order = np.empty(vocab, np.int32)
    out = np.empty(max(1024, 64 * n), np.int32)
    offsets = np.zeros(n + 1, np.int64)
    used = 0
    last = np.uint64(len(known) - 1)
    high, low = np.exp(min(bias, 0.0)), np.exp(min(-bias, 0.0))
    for d in range(n):
        context = after(suffix, contexts, end)
        for step in range(most):
            bound, stamp = least_mass(
                token, begin, suffix, gamma, total, root, mass, ranked, top, k, share, least, seen, stamp, context
            )
            marked = len(mask) > 0 or step + own >= width
            seed = np.uint32(0)
            listed, place = False, np.int64(0)
            if marked and not own and len(mask) == 0 and len(packed) == 0:
                seed = np.uint32(seed_of(how, out, used, 0, own, width, lookup, table, key))
                place = np.int64(mix(np.uint64(seed)) % np.uint64(len(owner)))
                if owner[place] == seed:
                    waits[place] = 0
                else:
                    waits[place] = waits[place] + 1 if waiting[place] == seed else 1
                    waiting[place] = seed
                    if waits[place] == _PATIENCE:
                        dealt_all(vocab, greens, seed, inverse, words, block, partner, order, lists[place])
                        owner[place] = seed
                listed = owner[place] == seed
            while True:
                node = _draw(token, begin, suffix, gamma, running, total, root, context, state)
                if bound > 0.0 and value(parent, suffix, gamma, mass, context, node) < bound:
                    continue
                if not marked:
                    break
                x = _next(state)
                if x < min(high, low):
                    break
                w = token[node]
                if len(mask) > 0:
                    green = mask[w]
                elif len(packed) > 0:
                    green = (packed[out[used - 1], w // 8] >> (7 - w % 8)) & 1 > 0
                elif listed:
                    green = (lists[place, w >> 3] >> (w & 7)) & 1 > 0
                else:
                    if own:
                        seed = np.uint32(seed_of(how, out, used, w, own, width, lookup, table, key))
                    unit = np.uint64(seed) << np.uint64(32) | np.uint64(w)
                    slot = mix(unit) & last
                    if known[slot] != unit:
                        known[slot] = unit
                        verdict[slot] = dealt_one(vocab, greens, seed, w, inverse, words, block, partner)
                    green = verdict[slot]
                if x < (high if green else low):
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
