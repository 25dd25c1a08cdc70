"""Filters inside the loop: the law of an imperfect one, what a watermark filter saves, what a bad one destroys."""

from dataclasses import dataclass

import numpy as np
import pytest

import genloss as gl
from genloss.chain.meta import probe
from genloss.corpus import Corpus, Words
from genloss.corpus.readers import sotu_texts
from genloss.families.ngram.learner import NGram
from genloss.probes import Perplexity, Survival
from genloss.provenance import KGW, Watermarked, WatermarkSpec
from genloss.provenance.share.filters import KeepAtMostShare, Unwatermarked, filter_documents
from genloss.theory.catalogue.curation import filtered_share
from helpers import SIGMAS, assert_mean, z_scores

pytestmark = pytest.mark.statistical

RAW, TRAINED, REAL = 60, 8, 0.3
CHAINS = 12


def limit(alpha):
    """The squared offset and the variance that rows of binomial composition tend to (exact for any n)."""
    offset = 1 / (TRAINED * alpha * (2 - alpha) + (1 - alpha) ** 2)
    return offset, 1 - offset


@probe(role="average", better="higher", scale="linear", vectorized=True)
def share(g):
    return g.train.real_share


@probe(role="distance", better="lower", scale="linear", vectorized=True)
def squared_offset(g):
    return g.model.mean**2


@probe(role="spread", better="higher", scale="log", vectorized=True)
def variance(g):
    return g.model.var


PROBES = {"share": share, "offset": squared_offset, "variance": variance}


@pytest.mark.parametrize(("engine", "replicates", "power"), [("rows", 700, 0.5), ("exact", 20_000, 0.1)])
def test_an_imperfect_filter_acts_as_a_larger_share_of_real_rows(engine, replicates, power, seed):
    """A crawl of rows, real with chance .3, filtered by a detector of known rates: share and limits as in theory."""
    curator = gl.Then((gl.ImperfectFilter(0.8, 0.1), gl.Subsample(TRAINED)))
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.FreshReal(RAW, REAL, "binomial"), RAW, curator)
    found = gl.run({"x": chain}, PROBES, generations=9, replicates=replicates, seed=seed, engine=engine, workers=1)
    last = {name: found[name].values.reshape(replicates, -1)[:, -2:].mean(1) for name in PROBES}
    alpha = filtered_share(REAL, 0.8, 0.1)
    offset, spread = limit(alpha)
    assert_mean(last["share"], alpha, power=power / 2)
    assert_mean(last["offset"], offset, power=power)
    assert_mean(last["variance"], spread, power=power / 2)
    # The classic mistake: the raw share in place of the filtered one.
    raw_offset, raw_spread = limit(REAL)
    assert abs(z_scores(last["share"], REAL)) > 20
    if engine == "exact":
        assert abs(z_scores(last["offset"], raw_offset)) > 20
        assert abs(z_scores(last["variance"], raw_spread)) > 20


@pytest.fixture(scope="module")
def corpus():
    return Corpus(sotu_texts()[::16], tokens=Words(lower=True, min_count=2))


def survival(chain, seed, documents, generations):
    """Rare words that the model still writes, by replicate: the mean over the rarer bands."""
    words = Survival(edges=(6, 60), documents=documents)
    found = gl.run(
        {"x": chain}, {"s": words, "share": share}, generations=generations, replicates=CHAINS, seed=seed, workers=1
    )
    values = found["s"].values.reshape(CHAINS, generations + 1, -1)
    return values[:, -1, :2].mean(-1), found["share"].values.reshape(CHAINS, -1)[:, 1:].mean()


def apart(one, other):
    """By how many standard errors the mean of the first lies above that of the other."""
    return (one.mean() - other.mean()) / np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / CHAINS)


def test_a_watermark_filter_keeps_a_text_chain_at_its_control(corpus, seed):
    """Half of every crawl is watermarked text of the last model; all chains train on as many documents.

    With most keys the end of a document is seldom green, so that documents are long enough to be found, as here.
    """
    trained, crawled = 100, 250
    spec = WatermarkSpec(KGW(corpus.tokenizer.size, key=9, gamma=0.25, bias=4.0))
    learner = Watermarked(NGram(2, max_length=100), spec)
    crawl = gl.FreshReal(crawled, 0.5)
    some = gl.Subsample(trained)
    filtered = gl.Chain(corpus, learner, crawl, crawled, gl.Then((Unwatermarked(spec, 0.05), some)))
    control, _ = survival(gl.Chain(corpus, learner, gl.FreshReal(trained), trained), seed, trained, 2)
    without, raw = survival(gl.Chain(corpus, learner, crawl, crawled, some), seed + 1000, trained, 2)
    with_filter, real = survival(filtered, seed + 2000, trained, 2)
    assert 0.4 < raw < 0.6
    assert real > 0.97
    assert apart(control, without) > SIGMAS
    assert abs(apart(control, with_filter)) < SIGMAS
    assert apart(with_filter, without) > SIGMAS
    # What is lost to short documents that slip through is small beside what the filter saves.
    assert control.mean() - with_filter.mean() < 0.25 * (control.mean() - without.mean())


@probe(role="average", better="lower", scale="linear")
def synthetic(g):
    return g.train.size * (1 - g.train.real_share)


def test_a_watermark_filter_keeps_a_text_chain_that_accumulates_at_its_control(corpus, seed):
    """All models' text piles up; the filter leaves the first real documents, as good as fresh ones generation by one.

    It is not a fresh text: averages over generations do not average the choice of documents out, and the real documents
    that the key flags by chance stay out for ever. And it does not hold for ever: the short documents that slip
    through, here one in fifty, pile up as everything does.
    """
    n, generations = 130, 3
    spec = WatermarkSpec(KGW(corpus.tokenizer.size, key=9, gamma=0.25, bias=5.0))
    learner = Watermarked(NGram(2, max_length=100), spec)
    some = {"documents": 100}
    probes = {"words": Survival(edges=(6, 60), **some), "perplexity": Perplexity(**some), "synthetic": synthetic}

    def run(regime, curator, seed):
        chain = gl.Chain(corpus, learner, regime, n, curator)
        return gl.run({"x": chain}, probes, generations=generations, replicates=CHAINS, seed=seed, workers=1).isel(
            chain=0
        )

    control = run(gl.FreshReal(n), gl.KeepAll(), seed)
    without = run(gl.Accumulate(n), gl.KeepAll(), seed + 1000)
    filtered = run(gl.Accumulate(n), Unwatermarked(spec, 0.05), seed + 2000)
    for name, worse in (("words", -1), ("perplexity", 1)):
        last = [found[name].values.reshape(CHAINS, generations + 1, -1)[:, -1, :2].mean(-1) for found in
                (control, without, filtered)]  # fmt: skip
        assert apart(last[1], last[0]) * worse > SIGMAS
        assert apart(last[1], last[2]) * worse > SIGMAS
        assert abs(apart(last[0], last[2])) < SIGMAS
        # A filter that saved half of what is lost would not have passed for one that saves all of it.
        error = np.sqrt((last[0].var(ddof=1) + last[2].var(ddof=1)) / CHAINS)
        assert SIGMAS * error < 0.5 * abs(last[0].mean() - last[1].mean())
    assert apart(without["perplexity"].values[:, -1], control["perplexity"].values[:, -1]) > 20
    leaked = np.diff(filtered["synthetic"].values, axis=1)
    assert (without["synthetic"].values[:, -1] == generations * n).all()
    assert 0.005 * n < leaked.mean() < 0.06 * n
    # As many each generation as in the first: they add up.
    assert abs(apart(leaked[:, -1], leaked[:, 0])) < SIGMAS


@dataclass(frozen=True, eq=False)
class Rarities:
    """A detector whose false positives are documents with rare words."""

    counts: np.ndarray

    def score(self, data):
        rare = np.concatenate([[0], np.cumsum(self.counts[data.tokens] < 10)])
        return rare[data.offsets[1:]] - rare[data.offsets[:-1]]


def test_a_filter_that_takes_rare_words_for_synthetic_destroys_the_tails(corpus, seed):
    """All of the crawl is real. Dropping a fifth of it at random costs nothing; dropping the rare-worded fifth does."""
    trained, crawled, wrong = 150, 250, 0.2
    detector = Rarities(corpus.counts)
    cut = float(np.quantile(detector.score(corpus.train), 1 - wrong))
    some, crawl = gl.Subsample(trained), gl.FreshReal(crawled)

    def chain(filter_):
        return gl.Chain(corpus, NGram(2), crawl, crawled, gl.Then((filter_, some)))

    control, _ = survival(gl.Chain(corpus, NGram(2), gl.FreshReal(trained), trained), seed, trained, 1)
    by_chance, _ = survival(chain(gl.ImperfectFilter(1.0, wrong)), seed + 1000, trained, 1)
    biased, _ = survival(chain(gl.Below(detector, cut)), seed + 2000, trained, 1)
    assert abs(apart(control, by_chance)) < SIGMAS
    assert apart(control, biased) > SIGMAS
    assert apart(by_chance, biased) > SIGMAS


def test_what_is_kept_is_synthetic_to_the_share_asked_for(seed):
    rng = np.random.default_rng(seed)

    class Itself:
        def score(self, data):
            return data

    human, made = rng.normal(0, 1, 2000), rng.normal(2, 1, 2000)
    curator = KeepAtMostShare(Itself(), 0.05, human, made)
    found = []
    for _ in range(60):
        synthetic = rng.random(2000) < 0.3
        kept, _ = filter_documents(rng.normal(2.0 * synthetic, 1), curator)
        found.append(len(kept))
    many = rng.random(40_000) < 0.3
    rows = rng.normal(2.0 * many, 1)
    kept, dropped = filter_documents(rows, curator)
    left = np.delete(many, [each.position for each in dropped])
    assert abs(left.mean() - 0.05) < 0.02
    assert 0.4 < np.mean(found) / 2000 < 0.75
    assert len(kept) == len(left)


@pytest.mark.parametrize(("multiplicity", "most"), [("document", 0.05), ("pool", 0.05 / 400), ("dropped", 0.01)])
def test_real_documents_pass_as_the_level_says(multiplicity, most, corpus, seed):
    """Over keys, at most the share p of real documents is left out."""
    rng = np.random.default_rng(seed)
    documents = corpus.sample(400, rng)
    scheme = KGW(corpus.tokenizer.size)
    lost = []
    for _ in range(30):
        spec = scheme.with_key(scheme.random_key(rng))
        _, dropped = filter_documents(documents, Unwatermarked(spec, 0.05, multiplicity))
        lost.append(len(dropped) / len(documents))
    error = max(np.std(lost, ddof=1), 1e-3) / np.sqrt(len(lost))
    assert np.mean(lost) < most + SIGMAS * error
