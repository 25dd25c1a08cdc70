"""Filters: what is kept, what is dropped and why, in a pool and on a corpus."""

import hashlib

import numpy as np
import pytest

import genloss as gl
from genloss.chain.curators import Below, Then, TopFraction
from genloss.chain.data import Block, Pool
from genloss.corpus import Words
from genloss.errors import NotExact, SpecError
from genloss.families.categorical import Counts
from genloss.families.ngram.learner import NGram
from genloss.plain.describe import describe
from genloss.provenance import KGW, BayesianHead, Gumbel, SynthID, Unigram, Watermarked, WatermarkSpec
from genloss.provenance.share.filters import KeepAtMostShare, Unwatermarked, WatermarkScore, filter_documents
from genloss.spec import build as specs

V = 40
SPEC = WatermarkSpec(KGW(V, gamma=0.5))


class Itself:
    def score(self, data):
        return np.asarray(data, dtype=float)


def green(length=30, start=3):
    """A document whose every token is green."""
    ids = [start]
    rng = np.random.default_rng(start)
    while len(ids) < length:
        ids.append(int(rng.choice(np.flatnonzero(SPEC.scheme.green(ids)))))
    return ids


def red(length=30, start=3):
    ids = [start]
    rng = np.random.default_rng(start)
    while len(ids) < length:
        ids.append(int(rng.choice(np.flatnonzero(~SPEC.scheme.green(ids)))))
    return ids


DOCUMENTS = [red(), green(), red(start=5), [], green(start=7), [1]]


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("multiplicity", ["document", "pool", "dropped"])
def test_watermarked_documents_go_and_the_reason_says_why(multiplicity):
    kept, dropped = filter_documents(DOCUMENTS, Unwatermarked(SPEC, 0.01, multiplicity))
    assert kept == [DOCUMENTS[i] for i in (0, 2, 3, 5)]
    assert [each.position for each in dropped] == [1, 4]
    assert all(each.reason.startswith("watermark: log10 p = -") for each in dropped)


def test_multiplicity_costs_evidence():
    weak = [green(12, start) for start in range(3, 6)] + [red(12, start) for start in range(30)]
    left = {m: len(filter_documents(weak, Unwatermarked(SPEC, 0.01, m)).dropped) for m in ("document", "dropped")}
    assert left["document"] == 3
    assert left["dropped"] < 3


def test_in_a_pool_the_blocks_stay_apart():
    pool = Pool((Block(DOCUMENTS[:2], False, 0), Block(DOCUMENTS[2:], True, 1)))
    train = Unwatermarked(SPEC.scheme).select(pool, rng())
    assert [(block.size, block.synthetic, block.born) for block in train.blocks] == [(1, False, 0), (3, True, 1)]
    clean = Pool((Block(DOCUMENTS[2:4], False, 0),))
    assert Unwatermarked(SPEC).select(clean, rng()) is clean


def test_documents_of_a_tokenizer_are_read_by_their_ids():
    documents = Words().train(["the tails go first", "the head goes last"])
    watermark = WatermarkSpec(Unigram(documents.tokenizer.size))
    kept, dropped = filter_documents(documents, Unwatermarked(watermark))
    assert list(kept) == list(documents)
    assert dropped == ()
    assert WatermarkScore(watermark).score(documents).shape == (2,)


def test_at_most_a_share_keeps_a_good_pool_whole():
    human, made = np.linspace(0, 1, 200), np.linspace(0.8, 2, 200)
    pool = Pool((Block(np.linspace(0, 1, 50), False, 0),))
    assert KeepAtMostShare(Itself(), 0.1, human, made).select(pool, rng()) is pool


@pytest.mark.parametrize("level", [None, 0.9])
def test_at_most_a_share_drops_the_highest_scores(level):
    human, made = np.linspace(0, 1, 200), np.linspace(0.8, 2, 200)
    rows = np.concatenate([np.linspace(0, 1, 100), np.linspace(0.8, 2, 100)])
    kept, dropped = filter_documents(rows, KeepAtMostShare(Itself(), 0.05, human, made, level))
    assert kept.max() < min(rows[each.position] for each in dropped)
    assert 50 <= len(kept) <= 110
    assert "estimated" in dropped[0].reason


@pytest.mark.parametrize("level", [None, 0.9])
@pytest.mark.parametrize("references", [200, 1])
def test_a_share_that_nobody_knows_filters_nothing(level, references):
    """Both references are alike, or too few to say how they spread: an estimate is noise, and a cut by it too."""
    normal = rng()
    human, made, rows = (normal.normal(size=n) for n in (references, references, 500))
    with pytest.raises(SpecError, match=r"curator: the share cannot be (identified|bounded)"):
        filter_documents(rows, KeepAtMostShare(Itself(), 0.6, human, made, level))


def test_a_smaller_share_keeps_fewer():
    human, made = np.linspace(0, 1, 200), np.linspace(0.5, 2, 200)
    rows = np.concatenate([human[::2], made[::2]])
    sizes = [len(filter_documents(rows, KeepAtMostShare(Itself(), s, human, made)).kept) for s in (0.02, 0.1, 0.3)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_a_watermark_serves_as_detector():
    scores = WatermarkScore(SPEC)
    human = scores.score([red(30, i) for i in range(20)])
    made = scores.score([green(30, i) for i in range(20)])
    kept, dropped = filter_documents(DOCUMENTS, KeepAtMostShare(SPEC, 0.1, human, made))
    assert [each.position for each in dropped] == [1, 4]
    assert len(kept) == 4


def test_any_curator_filters_a_corpus():
    rows = np.arange(10.0)
    assert filter_documents(rows, gl.KeepAll()).kept is rows
    kept, dropped = filter_documents(rows, Then((Below(Itself(), 7.0), TopFraction(Itself().score, 0.5))))
    assert kept.tolist() == [3, 4, 5, 6]
    assert [each.position for each in dropped] == [0, 1, 2, 7, 8, 9]
    assert dropped[-1].reason == "score 9, not below the cut of 7"
    assert dropped[0].reason == "not chosen by TopFraction"
    assert len(filter_documents(rows, gl.Subsample(3), rng()).kept) == 3
    assert len(filter_documents(rows, Below(Itself(), -1.0)).dropped) == 10
    assert filter_documents([], Unwatermarked(SPEC)) == ([], ())


SCHEME = {"kind": "kgw", "vocab_size": V}
HEAD = BayesianHead((0.1, 0.2), ((0.0, 0.0), (0.5, 0.0)))
NAMED = {
    "unwatermarked": (
        "curator",
        {"kind": "unwatermarked", "spec": SCHEME, "p": 0.05},
        Unwatermarked(KGW(V), 0.05),
    ),
    "below": (
        "curator",
        {"kind": "below", "detector": {"kind": "watermark-score", "spec": SCHEME}, "cut": 2},
        Below(WatermarkScore(KGW(V)), 2.0),
    ),
    "spec": (
        "watermark",
        {"kind": "watermark-spec", "scheme": {"kind": "gumbel", "vocab_size": V, "key": 7, "prf": "twister"}},
        WatermarkSpec(Gumbel(V, 7, prf="twister")),
    ),
    "head": (
        "watermark",
        {"kind": "synth-id", "vocab_size": V, "keys": [1, 2], "score": "bayesian",
         "head": {"kind": "bayesian-head", "beta": [0.1, 0.2], "delta": [[0, 0], [0.5, 0]]}},
        SynthID(V, (1, 2), score="bayesian", head=HEAD),
    ),
    "watermarked": (
        "learner",
        {
            "kind": "watermarked",
            "learner": {"kind": "n-gram", "order": 2},
            "spec": {"kind": "unigram", "vocab_size": V},
        },
        Watermarked(NGram(2), WatermarkSpec(Unigram(V))),
    ),
    "by name": (
        "learner",
        {"kind": "watermarked", "learner": "n-gram", "spec": SCHEME},
        Watermarked(NGram(), KGW(V)),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("part", "plain", "meant"), NAMED.values(), ids=NAMED)
def test_a_spec_names_them(part, plain, meant):
    made = specs.build(part, plain)
    assert made == meant
    assert describe(made) == describe(meant)


def test_describing_gives_the_spec_back():
    for meant in (Unwatermarked(KGW(V), 0.05), Watermarked(NGram(2), Unigram(V)), Below(WatermarkScore(KGW(V)), 2.0)):
        part = "learner" if hasattr(meant, "fit") else "curator"
        assert specs.build(part, describe(meant)) == meant


def test_references_stand_in_the_spec_or_in_a_file(tmp_path):
    human, made = np.linspace(0, 1, 200), np.linspace(0.8, 2, 200)
    rows = np.concatenate([np.linspace(0, 1, 100), np.linspace(0.8, 2, 100)])
    np.save(tmp_path / "human.npy", human[::-1])
    plain = {
        "kind": "keep-at-most-share",
        "detector": {"python": f"{__name__}:Itself"},
        "share": 0.05,
        "human_scores": {"kind": "array-file", "path": str(tmp_path / "human.npy")},
        "synthetic_scores": made[::4].tolist(),
    }
    curator = specs.build("curator", plain)
    alike = KeepAtMostShare(Itself(), 0.05, human, made[::4])
    assert filter_documents(rows, curator).kept.tolist() == filter_documents(rows, alike).kept.tolist()
    again = specs.build("curator", describe(curator))
    assert describe(again) == describe(curator)
    checksum = hashlib.sha256((tmp_path / "human.npy").read_bytes()).hexdigest()
    assert describe(again)["human_scores"] == {**plain["human_scores"], "checksum": checksum}
    assert again.estimate(rows) == curator.estimate(rows)


@pytest.mark.parametrize(
    ("plain", "says"),
    [
        ({"kind": "watermarked", "learner": "n-gram"}, "learner: watermarked needs spec"),
        ({"kind": "watermarked", "learner": 3, "spec": SCHEME}, "learner: watermarked.learner: 3 is not a learner"),
        ({"kind": "watermarked", "learner": "n-grams", "spec": SCHEME}, "learner.learner.kind: no kind 'n-grams'"),
        ({"kind": "watermarked", "learner": "n-gram", "spec": 3}, "int is not a scheme"),
        ({"kind": "watermarked", "learner": "n-gram", "spec": {"kind": "kgw"}}, "learner.spec: kgw needs vocab_size"),
    ],
)
def test_a_wrong_spec_is_one_line(plain, says):
    with pytest.raises(SpecError, match=says) as error:
        specs.build("learner", plain)
    assert "\n" not in str(error.value)


class Lost:
    def select(self, pool, rng):
        return Pool((Block(pool.data[:2], False, 0),))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: Unwatermarked(SPEC, 0), "curator.p: 0 is not a level"),
        (lambda: Unwatermarked(SPEC, 0.1, "each"), "known: document, pool, dropped"),
        (lambda: Unwatermarked("kgw"), "str is not a scheme"),
        (lambda: KeepAtMostShare(Itself(), 1.0, [0.0], [1.0]), "curator.share: 1.0"),
        (
            lambda: KeepAtMostShare(Itself(), 0, [0.0], [1.0]),
            "curator.share: 0 cannot be reached; give a number above 0",
        ),
        (lambda: KeepAtMostShare(3, 0.1, [0.0], [1.0]), "int is not a detector"),
        (lambda: KeepAtMostShare(Itself(), 0.1, [np.nan], [1.0]), "human_scores: 1 of 1 are NaN"),
        (lambda: KeepAtMostShare(Itself(), 0.1, [0.0], []), "synthetic_scores: no scores"),
        (lambda: KeepAtMostShare(Itself(), 0.1, [0.0], [1.0], 2), "curator.level: 2"),
        (lambda: filter_documents(["text"], Unwatermarked(SPEC)), "document 0 is text"),
        (lambda: filter_documents([[V]], Unwatermarked(SPEC)), "outside the vocabulary of 40"),
        (lambda: filter_documents([1.0, np.nan], Below(Itself(), 0.5)), "1 scores are NaN"),
        (lambda: filter_documents([1.0], gl.ImperfectFilter(0.5)), "who made a row"),
        (lambda: filter_documents([1.0, 2.0, 3.0], Lost()), "does not say which rows"),
        (lambda: Unwatermarked(SPEC).select(Pool((Block([green()], True, 1),)), rng()), "leaves no row to train on"),
        (
            lambda: filter_documents(
                np.repeat([0.0, 1.0], [400, 600]),
                KeepAtMostShare(Itself(), 0.01, [0.0, 0.0, 1.0] * 200, [0.0, 1.0, 1.0] * 200),
            ),
            "no cut leaves an estimated synthetic share",
        ),
    ],
)
def test_wrong_input_is_one_line(call, says):
    with pytest.raises(SpecError, match=says) as error:
        call()
    assert "\n" not in str(error.value)


def test_statistics_have_no_documents():
    with pytest.raises(NotExact, match="has no rows to score"):
        Unwatermarked(SPEC).select(Pool((Block(Counts(np.array([1, 2])), False, 0),)), rng())
