"""Compiled loops over documents: what every token's random number is keyed by, and which units are new.

A unit is one draw of a watermark's pseudorandom function, named by 64 bits: its seed and its token. Documents come as
token ids one after the other and offsets, as in `genloss.corpus.documents.Documents`.
"""

from typing import Any

import numpy as np

from genloss.provenance.watermarks.generators import compiled, mix, philox

_LCG = np.int64(6364136223846793005)


@compiled
def hashed_seeds(
    tokens: Any, offsets: Any, table: Any, key: int, width: int, anchored: bool, own: bool, seeds: Any, valid: Any
) -> None:
    """Seeds that are a minimum over the window of hashed tokens, in wrapping 64 bits; the low 32 bits are kept.

    `anchored` multiplies each hash by that of the window's last token; `own` says that the token itself is in its
    window. Without an anchor the key multiplies the token before it is hashed.
    """
    size = np.int64(len(table))
    factor = np.int64(key)
    for d in range(len(offsets) - 1):
        for i in range(offsets[d] + width - own, offsets[d + 1]):
            end = i + own
            least = np.int64(0)
            anchor = np.int64(table[tokens[end - 1] % size] + 1)
            for j in range(end - width, end):
                if anchored:
                    value = factor * np.int64(table[tokens[j] % size] + 1) * anchor
                else:
                    value = np.int64(table[(factor * np.int64(tokens[j])) % size] + 1)
                if j == end - width or value < least:
                    least = value
            # A negative seed is taken modulo 2^64 - 1, which lowers its low bits by one.
            seeds[i] = np.uint32((least if least >= 0 else least - 1) & 0xFFFFFFFF)
            valid[i] = True


@compiled
def folded_seeds(tokens: Any, offsets: Any, start: Any, salt: Any, width: int, seeds: Any, valid: Any) -> None:
    """Seeds that fold the window from left to right: times the salt plus the token, modulo 2^64 - 1."""
    half, low = np.uint64(32), np.uint64(0xFFFFFFFF)
    top = np.uint64(0xFFFFFFFFFFFFFFFF)
    a1, a0 = salt >> half, salt & low
    for d in range(len(offsets) - 1):
        for i in range(offsets[d] + width, offsets[d + 1]):
            x = start
            for j in range(i - width, i):
                b1, b0 = x >> half, x & low
                cross = (a0 * b0 >> half) + (a1 * b0 & low) + (a0 * b1 & low)
                below = salt * x
                above = a1 * b1 + (a1 * b0 >> half) + (a0 * b1 >> half) + (cross >> half)
                x = below + above
                x += np.uint64(x < below)
                y = x + np.uint64(tokens[j])
                x = y + np.uint64(y < x)
                if x == top:
                    x = np.uint64(0)
            seeds[i] = np.uint32(x & low)
            valid[i] = True


@compiled
def first_seen(units: Any, valid: Any, offsets: Any) -> Any:
    """Whether a valid unit stands in its document for the first time."""
    longest = 1
    for d in range(len(offsets) - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    slots = 4
    while slots < 2 * longest:
        slots *= 2
    last = np.uint64(slots - 1)
    held = np.zeros(slots, np.uint64)
    owner = np.full(slots, -1, np.int64)
    new = np.zeros(len(units), np.bool_)
    for d in range(len(offsets) - 1):
        for i in range(offsets[d], offsets[d + 1]):
            if not valid[i]:
                continue
            slot = mix(units[i]) & last
            while owner[slot] == d and held[slot] != units[i]:
                slot = (slot + np.uint64(1)) & last
            if owner[slot] != d:
                owner[slot] = d
                held[slot] = units[i]
                new[i] = True
    return new


@compiled
def recent(contexts: Any, valid: Any, offsets: Any, history: int) -> Any:
    """Whether a context stood at one of the `history` valid positions before it in its document."""
    longest = 1
    for d in range(len(offsets) - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    slots = 4
    while slots < 2 * longest:
        slots *= 2
    last = np.uint64(slots - 1)
    held = np.zeros(slots, np.uint64)
    owner = np.full(slots, -1, np.int64)
    seen = np.zeros(slots, np.int64)
    again = np.zeros(len(contexts), np.bool_)
    for d in range(len(offsets) - 1):
        for i in range(offsets[d], offsets[d + 1]):
            if not valid[i]:
                continue
            slot = mix(contexts[i]) & last
            while owner[slot] == d and held[slot] != contexts[i]:
                slot = (slot + np.uint64(1)) & last
            if owner[slot] == d:
                again[i] = i - seen[slot] <= history
            owner[slot] = d
            held[slot] = contexts[i]
            seen[slot] = i
    return again


@compiled
def philox_context(tokens: Any, begin: int, end: int, width: int, k0: Any, k1: Any) -> Any:
    """Compress the window before a token to four words; -1 stands where a document has no token yet."""
    low = np.uint64(0xFFFFFFFF)
    s0, s1, s2, s3 = np.uint64(0x574D4358), np.uint64(width), np.uint64(0), np.uint64(0)
    for offset in range(0, width, 4):
        block = np.empty(4, np.uint64)
        for k in range(4):
            at = end - width + offset + k
            if offset + k >= width:
                block[k] = low - np.uint64(k)
            else:
                block[k] = np.uint64(tokens[at]) & low if at >= begin else low
        s0, s1, s2, s3 = philox(s0 ^ block[0], s1 ^ block[1], s2 ^ block[2], s3 ^ block[3], k0 ^ np.uint64(offset), k1)
    return s0, s1, s2, s3


@compiled
def philox_words(group: Any, s0: Any, s1: Any, s2: Any, s3: Any, k0: Any, k1: Any) -> Any:
    """The words of 32 bits of four neighbouring tokens after a compressed window."""
    return philox(np.uint64(group), s0, s1, s2, k0 ^ s3, k1 ^ np.uint64(0x574D544B))


@compiled
def philox_units(
    tokens: Any, offsets: Any, width: int, k0: Any, k1: Any, contexts: Any, units: Any, found: Any
) -> None:
    """Name every token's window and unit, and give its word."""
    half = np.uint64(32)
    for d in range(len(offsets) - 1):
        for i in range(offsets[d], offsets[d + 1]):
            s0, s1, s2, s3 = philox_context(tokens, offsets[d], i, width, k0, k1)
            contexts[i] = (s0 << half | s1) ^ mix(s2 << half | s3)
            units[i] = mix(contexts[i] + np.uint64(tokens[i]))
            four = philox_words(tokens[i] >> 2, s0, s1, s2, s3, k0, k1)
            found[i] = four[tokens[i] & 3]


@compiled
def philox_rows(groups: Any, s0: Any, s1: Any, s2: Any, s3: Any, k0: Any, k1: Any, out: Any) -> None:
    """The words of 32 bits of many groups of four neighbouring tokens: shape (4, groups).

    It is `philox_words` written out in 32 bits, which a processor does for many groups at once.
    """
    half = np.uint64(32)
    a1, a2, a3 = np.uint32(s0), np.uint32(s1), np.uint32(s2)
    q0, q1 = np.uint32(k0) ^ np.uint32(s3), np.uint32(k1) ^ np.uint32(0x574D544B)
    first, second, third, fourth = out[0], out[1], out[2], out[3]
    for g in range(len(groups)):
        c0, c1, c2, c3, p0, p1 = np.uint32(groups[g]), a1, a2, a3, q0, q1
        for _ in range(10):
            x = np.uint64(0xD2511F53) * np.uint64(c0)
            y = np.uint64(0xCD9E8D57) * np.uint64(c2)
            c0 = np.uint32(y >> half) ^ c1 ^ p0
            c1 = np.uint32(y)
            c2 = np.uint32(x >> half) ^ c3 ^ p1
            c3 = np.uint32(x)
            p0 = np.uint32(p0 + np.uint32(0x9E3779B9))
            p1 = np.uint32(p1 + np.uint32(0xBB67AE85))
        first[g], second[g], third[g], fourth[g] = c0, c1, c2, c3


@compiled
def philox_row(before: Any, width: int, k0: Any, k1: Any, size: int) -> Any:
    """The words of all tokens after a document's beginning."""
    s0, s1, s2, s3 = philox_context(before, 0, len(before), width, k0, k1)
    groups = np.arange((size + 3) // 4).astype(np.uint32)
    rows = np.empty((4, len(groups)), np.uint32)
    philox_rows(groups, s0, s1, s2, s3, k0, k1, rows)
    return rows.T.copy().ravel()[:size]


@compiled
def ngram_hashes(tokens: Any, offsets: Any, start: Any, length: int, contexts: Any, units: Any, valid: Any) -> None:
    """Hash the n-gram that every token ends, and the tokens before it, by a linear congruential generator."""
    for d in range(len(offsets) - 1):
        for i in range(offsets[d] + length - 1, offsets[d + 1]):
            h = np.int64(start)
            for j in range(i - length + 1, i):
                h = (h + np.int64(tokens[j])) * _LCG + np.int64(1)
            contexts[i] = np.uint64(h)
            units[i] = np.uint64((h + np.int64(tokens[i])) * _LCG + np.int64(1))
            valid[i] = True


@compiled
def rounds_bits(units: Any, keys: Any, rounds: int, shift: int, bits: Any) -> None:
    """Bits by rounds of the generator and a shift, one for every n-gram and key: shape (units, keys)."""
    x = np.empty(len(keys), np.int64)
    for i in range(len(units)):
        h = np.int64(units[i])
        for k in range(len(keys)):
            x[k] = (h + keys[k]) * _LCG + np.int64(1)
        for _ in range(rounds):
            for k in range(len(keys)):
                x[k] = ((x[k] + np.int64(1)) * _LCG + np.int64(1)) >> shift
        for k in range(len(keys)):
            bits[i, k] = (x[k] >> 30) & 1


@compiled
def rounds_scores(units: Any, valid: Any, keys: Any, rounds: int, shift: int, weights: Any, scores: Any) -> None:
    """The weighted sum of the bits of `rounds_bits`, for valid units."""
    x = np.empty(len(keys), np.int64)
    for i in range(len(units)):
        if not valid[i]:
            continue
        h = np.int64(units[i])
        for k in range(len(keys)):
            x[k] = (h + keys[k]) * _LCG + np.int64(1)
        for _ in range(rounds):
            for k in range(len(keys)):
                x[k] = ((x[k] + np.int64(1)) * _LCG + np.int64(1)) >> shift
        total = np.int64(0)
        for k in range(len(keys)):
            total += weights[k] * ((x[k] >> 30) & 1)
        scores[i] = total


@compiled
def table_bits(units: Any, keys: Any, table: Any, bits: Any) -> None:
    """Bits out of a table, one for every n-gram and key: shape (units, keys)."""
    size = np.int64(len(table))
    for i in range(len(units)):
        for k in range(len(keys)):
            at = ((np.int64(units[i]) + keys[k]) * _LCG + np.int64(1)) % size
            bits[i, k] = table[at]


@compiled
def tournament(law: Any, bits: Any) -> None:
    """Change a law round by round, in place, as a tournament of two candidates does: bits of shape (rounds, tokens)."""
    for r in range(len(bits)):
        row = bits[r]
        mass = 0.0
        for w in range(len(law)):
            mass += law[w] * row[w]
        for w in range(len(law)):
            # Rounding may leave a little less than nothing.
            law[w] = max(0.0, law[w] * (1.0 + row[w] - mass))


@compiled
def per_document(values: Any, counted: Any, offsets: Any) -> Any:
    """Add up the counted values of each document, and count them."""
    totals = np.zeros(len(offsets) - 1)
    counts = np.zeros(len(offsets) - 1, np.int64)
    for d in range(len(offsets) - 1):
        for i in range(offsets[d], offsets[d + 1]):
            if counted[i]:
                totals[d] += values[i]
                counts[d] += 1
    return totals, counts


@compiled
def _put(name: Any, value: float, room: int, held: Any, kept: Any) -> Any:
    """Put a named value into a table: 1 if it is new, 0 if it is known, -1 if there is no room."""
    last = np.uint64(len(held) - 1)
    slot = mix(name) & last
    while held[slot] != 0 and held[slot] != name:
        slot = (slot + np.uint64(1)) & last
    if held[slot] == name:
        return 0
    if room <= 0:
        return -1
    held[slot] = name
    kept[slot] = value
    return 1


@compiled
def absorb(units: Any, values: Any, counted: Any, begin: int, limit: Any, room: int, held: Any, kept: Any) -> Any:
    """Put new units and their values into a table, until there is no room.

    Units are named by their mixed bits and taken only where the name is not above the limit. 0 marks an empty slot.

    Returns:
        How many were new, and the position that comes next.
    """
    new = 0
    for i in range(begin, len(units)):
        if counted[i]:
            name = mix(units[i]) | np.uint64(1)
            if name <= limit:
                put = _put(name, values[i], room - new, held, kept)
                if put < 0:
                    return new, i
                new += put
    return new, len(units)


@compiled
def absorb_named(names: Any, values: Any, begin: int, limit: Any, room: int, held: Any, kept: Any) -> Any:
    """As `absorb`, for units that are named already."""
    new = 0
    for i in range(begin, len(names)):
        if names[i] <= limit:
            put = _put(names[i], values[i], room - new, held, kept)
            if put < 0:
                return new, i
            new += put
    return new, len(names)


@compiled
def reabsorb(old: Any, values: Any, limit: Any, held: Any, kept: Any) -> Any:
    """Move what is below a lower limit into an empty table, and count it."""
    last = np.uint64(len(held) - 1)
    moved = 0
    for i in range(len(old)):
        if old[i] == 0 or old[i] > limit:
            continue
        slot = mix(old[i]) & last
        while held[slot] != 0:
            slot = (slot + np.uint64(1)) & last
        held[slot] = old[i]
        kept[slot] = values[i]
        moved += 1
    return moved


@compiled
def segments(values: Any, drifts: Any) -> Any:
    """For every drift the stretch with the largest sum of values less the drift (Kadane): begin and end."""
    found = np.zeros((len(drifts), 2), np.int64)
    for k in range(len(drifts)):
        best, running, begin = 0.0, 0.0, 0
        for i in range(len(values)):
            if running <= 0.0:
                running, begin = 0.0, i
            running += values[i] - drifts[k]
            if running > best:
                best = running
                found[k, 0], found[k, 1] = begin, i + 1
    return found
