"""The five nouns: source, learner, regime, curator, probe (and the detector that some curators use)."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from numpy.random import Generator
from numpy.typing import ArrayLike

from genloss.chain.data import Array, Batch, Block, Count, Data, Pool, Statistic
from genloss.chain.generation import Generation


@runtime_checkable
class Source(Protocol):
    """A true law, a corpus, or a fitted model: anything that rows can be drawn from.

    Optional capabilities, used where they are present:

    - `sample_batch(n, rng, replicates) -> Batch`: rows of many replicates at once (see `BatchSource`).
    - `draw(n, rng, shape) -> Statistic`: the statistic of n rows at a cost free of n (see `ExactSource`).
    - `pick(i)`: the source of replicate i, for a source that holds one parameter per replicate.
    - `held_out`: real rows that no generation trains on.
    - `width`: how many numbers one row holds, for sources of wide rows.
    """

    def sample(self, n: int, rng: Generator) -> Data:
        """Draw n rows."""


@runtime_checkable
class BatchSource(Protocol):
    """A source that draws the rows of many replicates at once."""

    def sample_batch(self, n: int, rng: Generator, replicates: int) -> Batch:
        """Draw n rows per replicate: shape (replicates, n) or (replicates, n, d)."""


@runtime_checkable
class ExactSource(Protocol):
    """A source that draws the sufficient statistic of n rows at a cost that does not depend on n."""

    def draw(self, n: Count, rng: Generator, shape: tuple[int, ...] = ()) -> Statistic:
        """Draw the statistic of n rows, once for every entry of shape."""


@runtime_checkable
class Learner(Protocol):
    """A recipe; fitting never changes it.

    Optional capabilities: `statistic` (the `Statistic` class that its fit needs of the rows; then rows are reduced as
    they come and the exact engine can serve it), `batched = True` (it fits many replicates at once),
    `refit(parent, data, rng)` (training goes on from the parent model, used where the chain says `warm_start`), and
    `bound(source)` (the learner that knows what data alone do not tell: how many symbols there are, which law the
    inputs of a regression have; a chain trains with `learner.bound(chain.source)`).
    """

    def fit(self, data: Data, rng: Generator) -> Any:
        """Fit to the data and return the model, which is a `Source`."""


class RowDraw(Protocol):
    """One way to draw rows: from the current model, or new real data."""

    @property
    def rng(self) -> Generator:
        """Randomness for the regime's own choices about these rows."""

    def __call__(self, n: Count) -> Block:
        """Draw n rows (one number, or one per replicate) as a block."""


class OwnRowDraw(RowDraw, Protocol):
    """Rows of the chain's own models."""

    def __call__(self, n: Count, model: Any = None) -> Block:
        """Draw n rows from the last model, or from another one of `Draw.past`."""


class Draw(Protocol):
    """What a regime draws with."""

    @property
    def own(self) -> OwnRowDraw:
        """Rows of the chain's last model: `draw.own(n)`; their maker is 1."""

    @property
    def real(self) -> RowDraw:
        """New real rows: `draw.real(n)`; their maker is 0."""

    @property
    def replicates(self) -> int | None:
        """How many replicates run side by side; None for a single chain without leading axis."""

    @property
    def past(self) -> Sequence[Any]:
        """The true source and all models so far, oldest first; kept only for regimes with `keeps_models`."""


class Regime(Protocol):
    """What enters the pool from one generation to the next.

    Optional capabilities: `start(n0, draw) -> Pool` (how the first real data are laid down), `reuses` (whether a block
    trains more than one generation; default True), `ragged` (whether the number of rows differs between replicates;
    default False), `keeps_models` (whether it draws from models before the last; default False), and
    `synthetic_share(t)` (the share of the rows of generation t that models made; a chain whose regime says 0 for every
    t is a control).
    """

    def grow(self, pool: Pool, t: int, draw: Draw) -> Pool:
        """Return the pool that generation t trains on."""


class Curator(Protocol):
    """Which part of the pool a generation trains on.

    Optional capabilities: `batched = True` (it can handle `Batch` data), `thins = True` (on statistics it uses
    `Statistic.subsample`).
    """

    def select(self, pool: Pool, rng: Generator) -> Pool:
        """Return the part of the pool to train on."""


class Detector(Protocol):
    """A score of how synthetic each row looks; higher is more synthetic."""

    def score(self, data: Data) -> Array:
        """Score each row: shape (n,)."""


Probe = Callable[[Generation, Generator], ArrayLike] | Callable[[Generation], ArrayLike]
"""A measurement of one generation: a number, or a labelled vector (`xarray.DataArray`)."""
