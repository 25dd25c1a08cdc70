"""Compiled loops that choose the tokens of an n-gram model's documents by keyed numbers: the Gumbel watermark.

Only tokens that may follow are looked at. The choices are those of `Gumbel.choose`, but for the last digits of the law.
"""

from typing import Any

import numpy as np

from genloss.families.ngram.sampling import _draw, value
from genloss.families.ngram.tree import after, longest
from genloss.provenance.watermarks.drawing import least_mass
from genloss.provenance.watermarks.generators import compiled, fill_words, mix
from genloss.provenance.watermarks.keying import philox_context, philox_rows, philox_words


@compiled
def support(
    known: Any, place: Any, token: Any, begin: Any, suffix: Any, gamma: Any, mass: Any, ranked: Any, top: Any,
    context: int, bound: float, seen: Any, stamp: int, ids: Any, law: Any,
) -> Any:  # fmt: skip
    """The tokens that may follow a context, and their masses, which need not add up to 1.

    Args:
        known: All tokens that may ever follow, rising; `place` says where each stands.
        bound: The smallest mass that may be drawn; 0 for any.
        seen: Marks of tokens, all below `stamp`.
        ids: Filled with tokens.
        law: Filled with masses.

    Returns:
        How many tokens there are; -1 for all that are known, in order, when `ids` is left as it is.
    """
    chain = np.empty(16, np.int64)
    depth = 0
    c = context
    while c >= 0:
        chain[depth] = c
        depth += 1
        c = suffix[c]
    count = 0
    if bound > 0.0:
        # The most probable ones of every context, down to the bound; a token counts at its longest context.
        for j in range(depth):
            for node in range(begin[chain[j]], begin[chain[j] + 1]):
                if seen[token[node]] < stamp:
                    seen[token[node]] = stamp + j
        for j in range(depth + 1):
            low, high = (begin[chain[j]], begin[chain[j] + 1]) if j < depth else (0, len(top))
            for at in range(low, high):
                node = ranked[at] if j < depth else top[at]
                w = token[node] if j < depth else node
                found = mass[node]
                for i in range(j - 1, -1, -1):
                    found = gamma[chain[i]] * found
                if found < bound:
                    break
                if (seen[w] if seen[w] >= stamp else stamp + depth) == stamp + j:
                    ids[count], law[count] = w, found
                    count += 1
        return count
    factor = 1.0
    for j in range(depth):
        c = chain[j]
        if begin[c + 1] > begin[c]:
            factor *= gamma[c]
        if factor == 0.0:
            # Nothing shorter counts: the children of these contexts are all there is.
            factor = 1.0
            for i in range(j + 1):
                for node in range(begin[chain[i]], begin[chain[i] + 1]):
                    w = token[node]
                    if seen[w] < stamp and mass[node] > 0.0:
                        seen[w] = stamp
                        ids[count], law[count] = w, factor * mass[node]
                        count += 1
                factor *= gamma[chain[i]]
            return count
    factor = 1.0
    for j in range(depth):
        factor *= gamma[chain[j]]
    for i in range(len(known)):
        law[i] = factor * mass[known[i]]
    for j in range(depth - 1, -1, -1):
        c = chain[j]
        factor /= gamma[c]
        for node in range(begin[c], begin[c + 1]):
            law[place[token[node]]] = factor * mass[node]
    return -1


@compiled
def by_chance(
    token: Any, begin: Any, suffix: Any, gamma: Any, running: Any, total: Any, root: Any, parent: Any, mass: Any,
    context: int, bound: float, state: Any,
) -> Any:  # fmt: skip
    """Draw a token from its law, without a mark."""
    while True:
        node = _draw(token, begin, suffix, gamma, running, total, root, context, state)
        if bound <= 0.0 or value(parent, suffix, gamma, mass, context, node) >= bound:
            return token[node]


@compiled
def first_time(name: Any, document: int, at: int, history: int, held: Any, owner: Any, when: Any) -> Any:
    """Whether a name has not come within so many positions of a document; it is put down with its position."""
    last = np.uint64(len(held) - 1)
    slot = mix(name) & last
    while owner[slot] == document and held[slot] != name:
        slot = (slot + np.uint64(1)) & last
    fresh = owner[slot] != document or at - when[slot] > history
    owner[slot], held[slot], when[slot] = document, name, at
    return fresh


@compiled
def _better(philox: bool, word: Any, p: float, w: Any, best: float, choice: Any) -> Any:
    """The least -log(u) / p so far, and its token: u is made of the highest 24 bits of a word, or of the lowest."""
    x = np.uint32(word) >> np.uint32(8) if philox else np.uint32(word) & np.uint32(0xFFFFFF)
    # 1 - u is never above -log u, and rounding to single precision moves u a little: few logarithms are taken.
    if p <= 0.0 or np.float64(16777215 - np.int64(x)) * (1.0 / 16777217.0) >= best * p:
        return best, choice
    u = np.float64(np.float32((np.float64(x) + 1.0) / 16777217.0)) if philox else np.float64(x) * (1.0 / 16777216.0)
    score = -np.log(max(u, 1e-30)) / p
    if score < best or (score == best and w < choice):
        return score, w
    return best, choice


@compiled
def _best_of_rest(
    philox: bool, words: Any, tail: Any, factor: float, names: Any, marks: Any, wide: Any, best: float, choice: Any
) -> Any:
    """As `_better` for all tokens by their masses alone; eight at a time are passed over where none can win.

    `marks` has a byte for each of 4,096 tokens, and `wide` is the same memory, eight bytes at a time.
    """
    for begin in range(0, len(words), len(marks)):
        some, masses = words[begin : begin + len(marks)], tail[begin : begin + len(marks)]
        least = best * factor * 16777217.0
        shift = np.uint32(8 if philox else 0)
        marks[:] = 0
        for i in range(len(some)):
            marks[i] = np.float64(np.int32((some[i] >> shift) & np.uint32(0xFFFFFF))) + least * masses[i] > 16777215.0
        for j in range(len(wide)):
            if wide[j]:
                for i in range(8 * j, min(8 * j + 8, len(some))):
                    best, choice = _better(philox, some[i], factor * masses[i], names[begin + i], best, choice)
    return choice


@compiled
def gumbel_draws(
    n: int, most: int, end: int, token: Any, begin: Any, suffix: Any, gamma: Any, running: Any, total: Any, root: Any,
    state: Any, parent: Any, mass: Any, ranked: Any, top: Any, k: int, share: float, least: Any, known: Any, place: Any,
    philox: bool, key: Any, width: int, once: bool, start: Any,
) -> Any:  # fmt: skip
    """Draw n documents by the largest keyed number, u^(1/p); by chance where a window is not full, or not new."""
    size, contexts = len(root), len(gamma)
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    k0, k1 = key & low, key >> half
    seen = np.full(size, -1, np.int64)
    stamp = 0
    ids, law = np.empty(len(known), np.int64), np.empty(len(known))
    # Numbers are made for four neighbouring tokens at a time, in rows; or for all tokens in order.
    groups = np.unique(known >> 2).astype(np.uint32)
    rows = np.empty((4, len(groups)), np.uint32)
    twister, stream = np.empty(624, np.uint32), np.empty(0 if philox else known[-1] + 1, np.uint32)
    words = rows.ravel() if philox else stream
    marks = np.zeros(4096, np.uint8)
    wide = marks.view(np.uint64)
    names, tail, at = np.empty(len(words), np.int64), np.zeros(len(words)), np.zeros(size, np.int64)
    for i in range(len(words)):
        w = 4 * np.int64(groups[i % len(groups)]) + i // len(groups) if philox else i
        names[i] = w
        if w < size:
            tail[i], at[w] = mass[w], i
    slots = 4
    while slots < 2 * (most + 1):
        slots *= 2
    held, owner, when = np.zeros(slots, np.uint64), np.full(slots, -1, np.int64), np.zeros(slots, np.int64)
    out = np.empty(max(1024, 64 * n), np.int32)
    offsets = np.zeros(n + 1, np.int64)
    used = 0
    for d in range(n):
        context = after(suffix, contexts, end)
        opened = used
        for step in range(most):
            bound, stamp = least_mass(
                token, begin, suffix, gamma, total, root, mass, ranked, top, k, share, least, seen, stamp, context
            )
            marked = step >= width  # padded windows would begin all documents alike
            s0, s1, s2, s3, name = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
            if marked and philox:
                s0, s1, s2, s3 = philox_context(out, opened, used, width, k0, k1)
                name = (s0 << half | s1) ^ mix(s2 << half | s3)
            elif marked:
                name = start
                for j in range(used - width, used):
                    name = _folded(name, key, np.uint64(out[j]))
                name &= low
            if marked and once:
                marked = first_time(name, d, step, most, held, owner, when)
            choice: Any = np.int64(-1)
            if not marked:
                choice = np.int64(
                    by_chance(token, begin, suffix, gamma, running, total, root, parent, mass, context, bound, state)
                )
            else:
                if not philox:
                    fill_words(np.uint32(name), len(stream), twister, stream)
                best, factor, c = np.inf, 1.0, context
                if bound > 0.0:
                    count = support(
                        known, place, token, begin, suffix, gamma, mass, ranked, top, context, bound, seen, stamp, ids,
                        law,
                    )  # fmt: skip
                    stamp += 16
                    for i in range(count):
                        w = ids[i]
                        word = np.uint64(0 if philox else stream[w])
                        if philox:
                            word = philox_words(w >> 2, s0, s1, s2, s3, k0, k1)[w & 3]
                        best, choice = _better(philox, word, law[i], w, best, choice)
                else:
                    whole = 1.0
                    while c >= 0:
                        whole *= gamma[c]
                        c = suffix[c]
                    if whole > 0.0 and philox:
                        philox_rows(groups, s0, s1, s2, s3, k0, k1, rows)
                    # A token's mass in a shorter context is below that in a longer one: looked at again, it cannot win.
                    c = context
                    while c >= 0 and factor > 0.0:
                        for node in range(begin[c], begin[c + 1]):
                            w = np.int64(token[node])
                            word = np.uint64(words[at[w]])
                            if philox and whole == 0.0:
                                word = philox_words(w >> 2, s0, s1, s2, s3, k0, k1)[w & 3]
                            best, choice = _better(philox, word, factor * mass[node], w, best, choice)
                        factor *= gamma[c]
                        c = suffix[c]
                    if factor > 0.0:
                        choice = _best_of_rest(philox, words, tail, factor, names, marks, wide, best, choice)
            if choice == end:
                break
            if used == len(out):
                larger = np.empty(2 * used, np.int32)
                larger[:used] = out
                out = larger
            out[used] = choice
            used += 1
            context = after(suffix, contexts, longest(token, begin, suffix, context, choice))
        offsets[d + 1] = used
    return out[:used].copy(), offsets


@compiled
def _folded(x: Any, salt: Any, token: Any) -> Any:
    """Times the salt plus a token, modulo 2^64 - 1 (see `genloss.provenance.watermarks.keying.folded_seeds`)."""
    half, low, top = np.uint64(32), np.uint64(0xFFFFFFFF), np.uint64(0xFFFFFFFFFFFFFFFF)
    a1, a0, b1, b0 = salt >> half, salt & low, x >> half, x & low
    cross = (a0 * b0 >> half) + (a1 * b0 & low) + (a0 * b1 & low)
    below = salt * x
    x = below + a1 * b1 + (a1 * b0 >> half) + (a0 * b1 >> half) + (cross >> half)
    x += np.uint64(x < below)
    y = x + token
    x = y + np.uint64(y < x)
    return np.uint64(0) if x == top else x
