"""Who made the rows: makers in blocks, one draw for regimes, and chains that are controls."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import genloss as gl
from genloss.chain.data import Batch, Block, Pool
from genloss.chain.seeds import Streams
from genloss.errors import SpecError
from genloss.families.gaussian import Moments
from genloss.plain.describe import checksum
from genloss.provenance.share.filters import filter_documents
from genloss.report.summary import cells_of
from genloss.runs.block import Job, Series, Values
from genloss.runs.checkpoint import pack, unpack

VARIANCE = {"variance": gl.probes.variance, "tails": gl.probes.TailRatio()}
BITS = {
    gl.Replace(8): 0.8005604654513983,
    gl.Accumulate(8): 0.7963813031171751,
    gl.FreshReal(8, 0.5): 1.8518391325992272,
    gl.FreshReal(8, 0.5, "binomial"): 1.6884653989589806,
    gl.FixedReal(8, 3): 0.758366246488424,
    gl.Window(8, 2): 0.7795143740135684,
    gl.PastModels(8): 0.4848798017251683,
}
"""The variance of generation 3 of seed 7 as it was when regimes were given two draws."""


def chain(regime, n0=8):
    return gl.Chain(gl.Gaussian(), gl.GaussianMLE(), regime, n0=n0)


@pytest.mark.parametrize("regime", BITS, ids=repr)
def test_streams_stand_at_the_addresses_that_they_had(regime):
    generations = chain(regime).generations(Streams(7))
    *_, last = (next(generations) for _ in range(4))
    assert last.model.var == BITS[regime]


@pytest.mark.parametrize("maker", [1, True, np.int64(1), np.True_])
def test_blocks_of_one_maker_are_added_up_whatever_its_number_is_written_as(maker):
    pool = Pool((Block(Moments.of(np.ones(3)), 0, 0),)).absorb(Block(Moments.of(np.ones(2)), 1, 1))
    pool = pool.absorb(Block(Moments.of(np.zeros(2)), maker, 2))
    assert [(block.maker, block.size) for block in pool.blocks] == [(0, 3), (1, 4)]
    assert len(pool.absorb(Block(Moments.of(np.zeros(2)), 2, 3)).blocks) == 3


def test_a_block_says_who_made_each_row():
    block = Block(np.arange(4.0), np.array([0, 2, 1, 0]), 1)
    assert block.synthetic.tolist() == [False, True, True, False]
    assert Pool((block,)).real_share == 0.5
    assert block.take(np.array([1, 3])).maker.tolist() == [2, 0]
    assert not Block(np.arange(2.0), 0, 0).synthetic
    side_by_side = Block(Batch(np.zeros((2, 3))), np.array([[0, 1, 1], [0, 0, 0]]), 1)
    assert Pool((side_by_side,)).real_share.tolist() == [1 / 3, 1.0]
    assert side_by_side.pick(1).maker.tolist() == [0, 0, 0]


class TwoDraws:
    def grow(self, pool, t, synthetic, real):
        return Pool((synthetic(4), real(4)))


class CalledStart:
    def start(self, n0, real):
        return Pool((real(n0),))

    def grow(self, pool, t, draw):
        return pool


class OwnAtOnce(CalledStart):
    def start(self, n0, draw):
        return Pool((draw.own(n0),))


def test_a_regime_of_the_old_form_is_refused_when_the_chain_is_built():
    with pytest.raises(SpecError) as error:
        chain(TwoDraws())
    assert str(error.value) == (
        "regime: TwoDraws.grow takes (pool, t, synthetic, real); write grow(pool, t, draw), with draw.own(n) for rows "
        "of the last model and draw.real(n) for new real rows"
    )
    with pytest.raises(SpecError, match=r"^regime: a draw is not called; write draw\.own\(n\)"):
        next(chain(CalledStart()).generations(Streams(1)))
    with pytest.raises(SpecError, match="there is no model before generation 0"):
        next(chain(OwnAtOnce()).generations(Streams(1)))


@dataclass(frozen=True)
class FirstModel:
    """Every generation trains on the first model's output."""

    keeps_models = True

    def grow(self, pool, t, draw):
        return Pool((draw.own(5, draw.past[1]), draw.real(1)))


def test_a_regime_draws_from_a_model_of_the_past():
    generations = chain(FirstModel()).generations(Streams(3))
    first, _, third = (next(generations) for _ in range(3))
    expected = first.model.sample(5, Streams(3)(2, "synthetic"))
    np.testing.assert_array_equal(third.pool.blocks[0].data.n, 5)
    assert third.pool.blocks[0].data == Moments.of(expected) or np.isclose(
        third.pool.blocks[0].data.mean, expected.mean(), rtol=0, atol=0
    )
    assert [block.maker for block in third.pool.blocks] == [1, 0]


@dataclass(frozen=True)
class Yearly:
    """A fresh-data regime of a user's own: new real rows in every generation, no model's."""

    n: int = 50

    def grow(self, pool, t, draw):
        return Pool((draw.real(self.n),))

    def synthetic_share(self, t):
        return 0.0


@dataclass(frozen=True)
class Late(Yearly):
    """Real rows only up to generation 3."""

    def synthetic_share(self, t):
        return 0.0 if t < 4 else 0.5


@pytest.mark.parametrize(
    ("regime", "generations", "control"),
    [
        (gl.FreshReal(), 5, True),
        (gl.FreshReal(real_fraction=0.5), 5, False),
        (gl.FreshReal(100, real_fraction=0.999), 5, True),
        (gl.FreshReal(100, real_fraction=0.999, composition="binomial"), 5, False),
        (gl.Replace(), 5, False),
        (gl.Accumulate(), 5, False),
        (gl.FixedReal(n_real=4), 5, False),
        (gl.Window(), 5, False),
        (gl.PastModels(), 5, False),
        (Yearly(), 5, True),
        (Late(), 3, True),
        (Late(), 4, False),
    ],
)
def test_a_chain_that_no_model_enters_is_a_control(regime, generations, control):
    assert chain(regime).control(generations) is control


def test_a_regime_that_does_not_say_is_no_control_and_one_that_says_nonsense_is_refused():

    class Loud(CalledStart):
        def synthetic_share(self, t):
            return 3

    assert not chain(TheLast()).control(5)
    with pytest.raises(
        SpecError, match=r"^regime: Loud\.synthetic_share: must be a number from 0 and at most 1, got 3$"
    ):
        chain(Loud()).control(5)


class TheLast:
    def grow(self, pool, t, draw):
        return Pool((draw.own(8),))


def test_verdicts_and_pictures_compare_with_a_control_of_the_users_own():
    chains = {"yearly": chain(Yearly(), 50), "loop": chain(gl.Replace(50), 50)}
    result = gl.run(chains, VARIANCE, generations=6, replicates=40, seed=1)
    assert json.loads(result.attrs["genloss"])["control"] == [True, False]
    assert [one.control for one in gl.stages(result)] == [True, False]
    assert "compared with the control yearly" in gl.stages(result).of(chain="loop").text
    assert [cell.control for cell in cells_of(result)] == [True, False]


def test_a_folder_of_an_older_version_says_which_chains_were_controls(tmp_path):
    chains = {"control": chain(gl.FreshReal()), "loop": chain(gl.Replace())}
    gl.run(chains, VARIANCE, generations=2, replicates=3, out=tmp_path / "run")
    header = tmp_path / "run" / "run.json"
    content = json.loads(header.read_text())
    del content["spec"]["control"]
    header.write_text(json.dumps(content))
    digest = checksum(json.dumps(content["spec"], sort_keys=True).encode())
    for record in (tmp_path / "run" / "parts").glob("*.json"):
        record.write_text(json.dumps({**json.loads(record.read_text()), "spec": digest}))
    assert json.loads(gl.load(tmp_path / "run").attrs["genloss"])["control"] == [True, False]
    with pytest.raises(SpecError, match=r"holds another run .*control"):
        gl.run(chains, VARIANCE, generations=2, replicates=3, out=tmp_path / "run", resume=True)


JOB = Job(cell=0, block=0, begin=0, width=0, keep=1, generations=5)


def packed(t=2, digest="one", job=JOB):
    pool = Pool((Block(np.arange(3.0), 0, 0), Block(np.arange(2.0), np.array([1, 2]), 1)))
    return pack(t, pool, Values({"variance": Series(np.ones((t + 1, 1)))}), digest, job)


def test_a_checkpoint_keeps_makers():
    t, pool, _ = unpack(packed(), chain(gl.Replace()), Path("a.ckpt"), "one", JOB)
    assert t == 2
    assert pool.blocks[0].maker == 0
    assert pool.blocks[1].maker.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (packed(digest="two"), "a.ckpt: checkpoint of another run, not of the one in run.json; delete the file"),
        (packed(job=replace(JOB, block=1)), "a.ckpt: checkpoint of another block of replicates; delete the file"),
        (packed(t=99), "a.ckpt: checkpoint of generation 99 in a run of 5; delete the file and resume"),
        (b"genloss-checkpoint-1 00\n", "a.ckpt: written by an older version; delete the file and resume"),
    ],
    ids=["run", "block", "generation", "format 1"],
)
def test_a_checkpoint_that_belongs_elsewhere_is_refused_in_one_line(content, says):
    with pytest.raises(SpecError) as error:
        unpack(content, chain(gl.Replace()), Path("a.ckpt"), "one", JOB)
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert asdict(JOB)["block"] == 0


class EverySecond:
    def select(self, pool, rng):
        return Pool([block.take(np.arange(0, block.size, 2)) for block in pool.blocks])


class Counts:
    """A curator that looks at makers: a corpus has people's rows only, as far as anybody knows."""

    def __init__(self):
        self.seen = None

    def select(self, pool, rng):
        self.seen = [block.maker for block in pool.blocks]
        return pool


def test_a_corpus_is_filtered_by_positions_that_no_curator_takes_for_makers():
    texts = [f"document {i}" for i in range(7)]
    assert list(filter_documents(texts, EverySecond()).kept) == texts[::2]
    counts = Counts()
    assert list(filter_documents(texts, counts).kept) == texts
    assert counts.seen == [0]
