"""Which replicates one random stream serves: blocks whose borders do not depend on how many replicates run."""

from collections.abc import Iterator
from dataclasses import dataclass

from genloss.chain.capabilities import statistic_width_of, width_of
from genloss.chain.recursion import Chain, Engine

_EXACT_FIRST, _EXACT_NUMBERS = 1024, 2**23
_ROWS_FIRST_NUMBERS, _ROWS_NUMBERS = 2**14, 2**17
_MOST = 8_192


@dataclass(frozen=True, slots=True)
class Layout:
    """Blocks of replicates: the first ones small, so that few replicates cost little; later ones twice as large.

    Attributes:
        first: Replicates in the first block; 0 for single chains without a replicate axis.
        most: The most replicates in a block.
    """

    first: int
    most: int

    def blocks(self, replicates: int) -> Iterator[tuple[int, int, int]]:
        """Give each block's number, first replicate and size; the last may reach past what was asked for."""
        number, begin, width = 0, 0, max(self.first, 1)
        while begin < replicates:
            yield number, begin, width
            number, begin = number + 1, begin + width
            if number > 1:
                width = min(2 * width, self.most)


def layout(chain: Chain, engine: Engine) -> Layout:
    """Choose the blocks for a chain; the choice depends on the chain and engine alone (bench/exact.py measured it)."""
    width = width_of(chain.source)
    if engine == "exact":
        most = max(1, min(_MOST, _EXACT_NUMBERS // statistic_width_of(chain.source)))
        return Layout(min(_EXACT_FIRST, most), most)
    if not chain.batchable():
        return Layout(0, 1)
    numbers = max(width * chain.n0, statistic_width_of(chain.source))
    most = max(1, min(_MOST, _ROWS_NUMBERS // numbers))
    return Layout(max(1, min(most, _ROWS_FIRST_NUMBERS // numbers)), most)
