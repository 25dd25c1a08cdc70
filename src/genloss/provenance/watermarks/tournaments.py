"""Compiled loops that choose the tokens of an n-gram model's documents by tournaments: SynthID.

The law of a choice is that of `SynthID.process`, but for the last digits of sums.
"""

from typing import Any

import numpy as np

from genloss.families.ngram.sampling import _next
from genloss.families.ngram.tree import after, longest
from genloss.provenance.watermarks.choosing import by_chance, first_time, support
from genloss.provenance.watermarks.drawing import least_mass
from genloss.provenance.watermarks.generators import compiled

_LCG = np.int64(6364136223846793005)
_BITS = 10
"""Rounds of a tournament that are run at once: tokens alike in these bits are one class."""


@compiled
def pattern_of(unit: Any, keys: Any, rounds: bool, table: Any, work: Any) -> Any:
    """The bits of an n-gram, that of the first key lowest (see `rounds_bits` and `table_bits` of the kernels)."""
    found = np.uint64(0)
    if not rounds:
        size = np.int64(len(table))
        for k in range(len(keys)):
            at = ((np.int64(unit) + keys[k]) * _LCG + np.int64(1)) % size
            found |= np.uint64(table[at]) << np.uint64(k)
        return found
    for k in range(len(keys)):
        work[k] = (np.int64(unit) + keys[k]) * _LCG + np.int64(1)
    for _ in range(12):
        for k in range(len(keys)):
            work[k] = ((work[k] + np.int64(1)) * _LCG + np.int64(1)) >> 5
    for k in range(len(keys)):
        found |= np.uint64((work[k] >> 30) & 1) << np.uint64(k)
    return found


@compiled
def patterns(size: int, keys: Any, table: Any) -> Any:
    """The bits of every n-gram by the low bits of its hash before the last step, for tables of a power of two."""
    found, work = np.empty(size, np.uint64), np.empty(len(keys), np.int64)
    for x in range(size):
        found[x] = pattern_of(np.uint64(np.int64(x) * _LCG + np.int64(1)), keys, False, table, work)
    return found


@compiled
def winner(law: Any, bits: Any, count: int, depth: int, x: float) -> Any:
    """Draw the winner of a tournament by a number x from 0 to below 1; the law and the bits are used up.

    A round multiplies the probability of a token by 1 plus its bit less the probability of the bit: tokens alike in the
    bits of some rounds go through these rounds as one class.
    """
    classes = 1 << _BITS
    weight, factor = np.zeros(classes), np.ones(classes)
    last = np.uint64(classes - 1)
    whole = 0.0
    for i in range(count):
        whole += law[i]
    for i in range(count):
        law[i] /= whole
    for begin in range(0, depth, _BITS):
        rounds = min(_BITS, depth - begin)
        weight[:] = 0.0
        if begin == 0:
            for i in range(count):
                weight[bits[i] & last] += law[i]
        else:
            for i in range(count):
                law[i] *= factor[bits[i] & last]
                bits[i] >>= np.uint64(_BITS)
                weight[bits[i] & last] += law[i]
        used = 1 << rounds
        factor[:] = 1.0
        for r in range(rounds):
            one = 0.0
            for c in range(used):
                one += weight[c] * np.float64((c >> r) & 1)
            for c in range(used):
                by = max(0.0, 1.0 + np.float64((c >> r) & 1) - one)
                weight[c] *= by
                factor[c] *= by
    total = 0.0
    for c in range(classes):
        total += weight[c]
    x *= total
    chosen = -1
    for c in range(classes):
        if weight[c] > 0.0:
            chosen = c
            if x < weight[c]:
                break
            x -= weight[c]
    winner = -1
    x /= factor[chosen]
    for i in range(count):
        if np.int64(bits[i] & last) == chosen and law[i] > 0.0:
            winner = i
            if x < law[i]:
                break
            x -= law[i]
    return winner


@compiled
def synthid_draws(
    n: int, most: int, end: int, token: Any, begin: Any, suffix: Any, gamma: Any, running: Any, total: Any, root: Any,
    state: Any, parent: Any, mass: Any, ranked: Any, top: Any, k: int, share: float, least: Any, known: Any, place: Any,
    hashed: Any, rounds: bool, keys: Any, table: Any, first: Any, length: int, history: int, skip: bool,
) -> Any:  # fmt: skip
    """Draw n documents by tournaments; where a context comes again within the history, by chance.

    `hashed` holds `patterns`; where it is empty, bits are made token by token.
    """
    size, contexts = len(root), len(gamma)
    seen = np.full(size, -1, np.int64)
    stamp = 0
    ids, law, bits = np.empty(len(known), np.int64), np.empty(len(known)), np.empty(len(known), np.uint64)
    work = np.empty(len(keys), np.int64)
    last = np.int64(len(hashed) - 1)
    slots = 4
    while slots < 2 * (most + 1):
        slots *= 2
    held, owner, when = np.zeros(slots, np.uint64), np.full(slots, -1, np.int64), np.zeros(slots, np.int64)
    out = np.empty(max(1024, 64 * n), np.int32)
    offsets = np.zeros(n + 1, np.int64)
    used = 0
    for d in range(n):
        context = after(suffix, contexts, end)
        for step in range(most):
            bound, stamp = least_mass(
                token, begin, suffix, gamma, total, root, mass, ranked, top, k, share, least, seen, stamp, context
            )
            h = np.int64(first)
            for j in range(step - length + 1, step):
                h = (h + np.int64(out[used - step + j] if j >= 0 else 0)) * _LCG + np.int64(1)
            marked = not skip or step >= length - 1
            if marked and history > 0:
                marked = first_time(np.uint64(h), d, step, history, held, owner, when)
            if marked:
                count = support(
                    known, place, token, begin, suffix, gamma, mass, ranked, top, context, bound, seen, stamp, ids, law
                )
                stamp += 16
                tokens = ids if count >= 0 else known
                found = count if count >= 0 else len(known)
                if len(hashed) > 0:
                    for i in range(found):
                        bits[i] = hashed[(h + tokens[i]) & last]
                else:
                    for i in range(found):
                        unit = np.uint64((h + tokens[i]) * _LCG + np.int64(1))
                        bits[i] = pattern_of(unit, keys, rounds, table, work)
                w = tokens[winner(law, bits, found, len(keys), _next(state))]
            else:
                w = by_chance(token, begin, suffix, gamma, running, total, root, parent, mass, context, bound, state)
            if w == end:
                break
            if used == len(out):
                larger = np.empty(2 * used, np.int32)
                larger[:used] = out
                out = larger
            out[used] = w
            used += 1
            context = after(suffix, contexts, longest(token, begin, suffix, context, w))
        offsets[d + 1] = used
    return out[:used].copy(), offsets
