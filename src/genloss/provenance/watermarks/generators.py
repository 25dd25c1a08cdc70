"""Random number generators that watermarks are keyed by: the Mersenne Twister as torch uses it, and Philox.

Compiled; imported only where a watermark is embedded or looked for.
"""

from functools import partial
from typing import Any

import numpy as np

from genloss.plain.compiled import compiled as _compiled

compiled = partial(_compiled, boundscheck=False)

BLOCK = 624
"""Numbers that the Mersenne Twister makes at a time."""


@compiled
def seed_twister(state: Any, seed: int) -> None:
    """Set the state from a 32-bit seed (Matsumoto and Nishimura 1998, the initialisation of 2002)."""
    x = np.uint32(seed)
    state[0] = x
    for i in range(1, BLOCK):
        x = np.uint32(np.uint32(1812433253) * (x ^ (x >> np.uint32(30))) + np.uint32(i))
        state[i] = x


@compiled
def _twist(above: Any, below: Any) -> Any:
    mixed = (above & np.uint32(0x80000000)) | (below & np.uint32(0x7FFFFFFF))
    return np.uint32((mixed >> np.uint32(1)) ^ ((mixed & np.uint32(1)) * np.uint32(0x9908B0DF)))


@compiled
def _turn(state: Any) -> None:
    """Go on to the next 624 states."""
    for i in range(227):
        state[i] = state[i + 397] ^ _twist(state[i], state[i + 1])
    for i in range(227, 454):
        state[i] = state[i - 227] ^ _twist(state[i], state[i + 1])
    for i in range(454, 623):
        state[i] = state[i - 227] ^ _twist(state[i], state[i + 1])
    state[623] = state[396] ^ _twist(state[623], state[0])


@compiled
def _temper(y: Any) -> Any:
    y = np.uint32(y ^ (y >> np.uint32(11)))
    y = np.uint32(y ^ ((y << np.uint32(7)) & np.uint32(0x9D2C5680)))
    y = np.uint32(y ^ ((y << np.uint32(15)) & np.uint32(0xEFC60000)))
    return np.uint32(y ^ (y >> np.uint32(18)))


@compiled
def next_block(state: Any, out: Any) -> None:
    """Make the next 624 numbers of 32 bits."""
    _turn(state)
    for i in range(BLOCK):
        out[i] = _temper(state[i])


@compiled
def words(seed: int, n: int) -> Any:
    """The first n numbers of 32 bits after seeding."""
    state = np.empty(BLOCK, np.uint32)
    block = np.empty(BLOCK, np.uint32)
    out = np.empty(n, np.uint32)
    seed_twister(state, seed)
    for begin in range(0, n, BLOCK):
        next_block(state, block)
        for i in range(min(BLOCK, n - begin)):
            out[begin + i] = block[i]
    return out


@compiled
def _swaps(out: Any, begin: int, n: int, inverse: Any, partner: Any) -> None:
    """The places that the steps of a block swap with: step i with i + number modulo n - i.

    The remainder is taken in floating point, which is exact here: both numbers are below 2^32, and a quotient that
    rounding moves by one is put right.
    """
    for k in range(BLOCK):
        y = np.float64(out[k])
        d = np.float64(n - begin - k)
        z = y - np.floor(y * inverse[begin + k]) * d
        z = z + d if z < 0.0 else z
        z = z - d if z >= d else z
        partner[k] = np.int32(begin + k) + np.int32(z)


@compiled
def inverses(n: int, steps: int) -> Any:
    """One over the number of choices of every step, padded to whole blocks."""
    out = np.ones((steps // BLOCK + 1) * BLOCK)
    for i in range(len(out)):
        out[i] = 1.0 / (n - i) if n - i > 0 else 1.0
    return out


@compiled
def permutation(n: int, steps: int, seed: int) -> Any:
    """What a forward Fisher-Yates shuffle of 0 .. n - 1 has made after so many steps; torch.randperm(n) after n - 1."""
    inverse = inverses(n, steps)
    state = np.empty(BLOCK, np.uint32)
    out = np.empty(BLOCK, np.uint32)
    partner = np.empty(BLOCK, np.int32)
    order = np.arange(n)
    seed_twister(state, seed)
    for begin in range(0, steps, BLOCK):
        next_block(state, out)
        _swaps(out, begin, n, inverse, partner)
        for k in range(min(BLOCK, steps - begin)):
            i, j = begin + k, partner[k]
            order[i], order[j] = order[j], order[i]
    return order


@compiled
def _follow(partner: Any, begin: int, end: int, place: int) -> Any:
    """Follow one token through a block of steps: its new place, or -1 once a step has dealt it."""
    if place >= end:
        dealt = False
        for k in range(end - begin):
            dealt |= partner[k] == place
        return -1 if dealt else place
    for k in range(end - begin):
        if partner[k] == place:
            return -1
        if begin + k == place:
            place = partner[k]
    return place


@compiled
def dealt_first(n: int, steps: int, seeds: Any, tokens: Any, found: Any) -> None:
    """Whether torch.randperm(n) from a seed has the token among its first so many entries, for every seed and token.

    Equal seeds stand side by side. Few tokens of one seed are followed one by one, so that a block of the generator is
    all the memory that is used; many of them share one shuffle.
    """
    inverse = inverses(n, steps)
    state = np.empty(BLOCK, np.uint32)
    out = np.empty(BLOCK, np.uint32)
    partner = np.empty(BLOCK, np.int32)
    place = np.empty(16, np.int64)
    order = np.empty(0, np.int32)
    dealt = np.empty(0, np.bool_)
    low = 0
    while low < len(seeds):
        high = low + 1
        while high < len(seeds) and seeds[high] == seeds[low]:
            high += 1
        seed_twister(state, seeds[low])
        many = high - low > len(place)
        if many:
            if not len(order):
                order = np.empty(n, np.int32)
                dealt = np.empty(n, np.bool_)
            for i in range(n):
                order[i] = i
        else:
            for t in range(high - low):
                place[t] = tokens[low + t]
        left = high - low
        for begin in range(0, steps, BLOCK):
            end = min(begin + BLOCK, steps)
            next_block(state, out)
            _swaps(out, begin, n, inverse, partner)
            if many:
                for k in range(end - begin):
                    i, j = begin + k, partner[k]
                    order[i], order[j] = order[j], order[i]
                continue
            for t in range(high - low):
                if place[t] >= 0:
                    place[t] = _follow(partner, begin, end, place[t])
                    left -= place[t] < 0
            if not left:
                break
        if many:
            dealt[:] = False
            for i in range(steps):
                dealt[order[i]] = True
            for t in range(low, high):
                found[t] = dealt[tokens[t]]
        else:
            for t in range(high - low):
                found[low + t] = place[t] < 0
        low = high


@compiled
def dealt_one(n: int, steps: int, seed: Any, token: Any, inverse: Any, state: Any, out: Any, partner: Any) -> Any:
    """As `dealt_first` for one seed and token, with memory that the caller keeps."""
    seed_twister(state, seed)
    place = token
    for begin in range(0, steps, BLOCK):
        next_block(state, out)
        _swaps(out, begin, n, inverse, partner)
        place = _follow(partner, begin, min(begin + BLOCK, steps), place)
        if place < 0:
            return True
    return False


@compiled
def dealt_all(
    n: int, steps: int, seed: Any, inverse: Any, state: Any, out: Any, partner: Any, order: Any, row: Any
) -> None:
    """As `dealt_one` for every token, a bit each, the lowest first; `order` is n places to work in."""
    seed_twister(state, seed)
    for i in range(n):
        order[i] = i
    row[:] = 0
    for begin in range(0, steps, BLOCK):
        next_block(state, out)
        _swaps(out, begin, n, inverse, partner)
        for k in range(min(BLOCK, steps - begin)):
            i, j = begin + k, partner[k]
            w = order[j]
            order[j] = order[i]
            row[w >> 3] |= np.uint8(1 << (w & 7))


@compiled
def fill_words(seed: Any, n: int, state: Any, out: Any) -> None:
    """As `words`, into memory that the caller keeps."""
    seed_twister(state, seed)
    for begin in range(0, n, BLOCK):
        _turn(state)
        for i in range(min(BLOCK, n - begin)):
            out[begin + i] = _temper(state[i])


@compiled
def nth_words(seeds: Any, tokens: Any) -> Any:
    """The number at the token's place in the stream of each seed. Equal seeds stand side by side, tokens rising."""
    state = np.empty(BLOCK, np.uint32)
    found = np.empty(len(seeds), np.uint32)
    end = 0
    for i in range(len(seeds)):
        if i == 0 or seeds[i] != seeds[i - 1]:
            seed_twister(state, seeds[i])
            end = 0
        while tokens[i] >= end:
            _turn(state)
            end += BLOCK
        found[i] = _temper(state[tokens[i] - end + BLOCK])
    return found


@compiled
def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Philox4x32-10 (Salmon et al. 2011): four words of 32 bits from a counter and a key, all held in 64 bits."""
    low = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    for _ in range(10):
        first = np.uint64(0xD2511F53) * c0
        second = np.uint64(0xCD9E8D57) * c2
        c0 = (second >> half) ^ c1 ^ k0
        c1 = second & low
        c2 = (first >> half) ^ c3 ^ k1
        c3 = first & low
        k0 = (k0 + np.uint64(0x9E3779B9)) & low
        k1 = (k1 + np.uint64(0xBB67AE85)) & low
    return c0, c1, c2, c3


@compiled
def mix(x: Any) -> Any:
    """Mix 64 bits (the finaliser of SplitMix64, Steele et al. 2014)."""
    x = np.uint64(x) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
