"""Detectors: their formulas, their files, their work in chains, and what they refuse."""

import json

import numpy as np
import pytest

import genloss as gl
from genloss.chain.data import Block, Pool
from genloss.corpus import Sotu, Words
from genloss.errors import SpecError
from genloss.families.mixture import MixtureEM
from genloss.families.ngram.learner import NGram
from genloss.families.tables import Digits
from genloss.plain.describe import describe
from genloss.provenance.detectors import (
    LRR,
    Binoculars,
    DensityRatio,
    EmbeddingClassifier,
    EmbeddingDetector,
    FastDetectGPT,
    LogLikelihood,
    Oracle,
    Rank,
    SavedDetector,
    TextClassifier,
    TextDetector,
    saving,
)
from genloss.provenance.detectors.ngram_statistics import laws
from genloss.provenance.detectors.reading import encoded
from genloss.provenance.evidence.accuracy import accuracy
from genloss.spec.build import build


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def texts():
    """Parts of one real corpus, documents in random order, and what a bigram model wrote."""
    known = Sotu(held_out_share=0.0).train
    part = known.take(rng().permutation(len(known))[:4000])
    seen, human, rest = part[:2000], part[2000:3000], part[3000:]
    written = NGram(2, draws="seen-ngrams").fit(seen, rng()).sample(2000, rng(1))
    return {"seen": seen, "human": human, "rest": rest, "written": written[:1000], "more": written[1000:]}


class Dense:
    """An n-gram model seen through its laws alone, as a network is."""

    def __init__(self, model):
        self.model = model

    def laws(self, data):
        return laws(self.model, encoded(self.model, data))


def test_what_numpy_ignores_stays_inside():
    lm = NGram(2).fit(["a b"], rng())
    before = np.geterr()
    documents = iter(laws(lm, lm.tokenizer.encode(["a b", "b a"])))
    next(documents)
    assert np.geterr() == before


class Toy:
    """Four tokens, each text a row of digits; the law depends on the position."""

    def __init__(self, table):
        self.table = np.array(table)

    def laws(self, data):
        for text in data:
            with np.errstate(divide="ignore"):
                logs = np.log(self.table[: len(text)])
            yield np.array([int(c) for c in text]), logs


ONE = Toy([[0.5, 0.3, 0.15, 0.05], [0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.4, 0.1]])
TWO = Toy([[0.4, 0.4, 0.1, 0.1], [0.3, 0.3, 0.2, 0.2], [0.1, 0.2, 0.3, 0.4]])


def test_the_scores_are_those_of_the_papers():
    p = [0.15, 0.4, 0.25]
    ranks = [3, 1, 2]
    assert LogLikelihood(ONE).score(["230"]) == pytest.approx(np.log(p).mean())
    assert Rank(ONE).score(["230"]) == pytest.approx(-np.log(ranks).mean())
    assert Rank(ONE, log=False).score(["230"]) == pytest.approx(-2)
    assert LRR(ONE).score(["230"]) == pytest.approx(-np.log(p).sum() / np.log(ranks).sum())
    for weights, detector in ((ONE, FastDetectGPT(ONE)), (TWO, FastDetectGPT(ONE, sampler=TWO))):
        mean = (weights.table * np.log(ONE.table)).sum(1)
        var = (weights.table * np.log(ONE.table) ** 2).sum(1) - mean**2
        assert detector.score(["230"]) == pytest.approx((np.log(p).sum() - mean.sum()) / np.sqrt(var.sum()))
    cross = -(ONE.table * np.log(TWO.table)).sum()
    assert Binoculars(ONE, TWO).score(["230"]) == pytest.approx(np.log(p).sum() / cross)


def test_a_text_of_the_likeliest_tokens_has_finite_scores():
    for detector in (LogLikelihood(ONE), Rank(ONE), LRR(ONE), FastDetectGPT(ONE), Binoculars(ONE, TWO)):
        assert np.isfinite(detector.score(["03", "0"])).all()


@pytest.mark.parametrize("order", [1, 2, 3])
def test_sums_over_the_tree_are_sums_over_the_vocabulary(order):
    known = Sotu(held_out_share=0.0).train
    part = known.take(rng(order).permutation(len(known))[:300])
    words = Words(min_count=2).train(list(part))
    model, other = NGram(order).fit(words[:150], rng()), NGram(2).fit(words[150:200], rng())
    judged = words[200:212]
    assert (judged.tokens == words.tokenizer.unknown).any()
    for detector in (LogLikelihood, Rank, LRR, FastDetectGPT):
        fast, slow = detector(model).score(judged), detector(Dense(model)).score(judged)
        np.testing.assert_allclose(fast, slow, rtol=1e-9)
    for pair in ((model, other), (other, model)):
        fast, slow = Binoculars(*pair).score(judged), Binoculars(*map(Dense, pair)).score(judged)
        np.testing.assert_allclose(fast, slow, rtol=1e-9)


def test_likelihood_detectors_see_what_a_model_wrote(texts):
    model, other = NGram(2).fit(texts["seen"], rng()), NGram(1).fit(texts["seen"], rng())
    for detector in (LRR(model), FastDetectGPT(model), Binoculars(model, other)):
        found = accuracy(detector.score(texts["human"]), detector.score(texts["written"]))
        assert found.auroc.low > 0.6


def test_the_classifier_tells_and_is_the_same_when_read_back(texts, tmp_path):
    detector = TextClassifier(bits=16).fit(texts["human"], list(texts["written"]))
    human, made = detector.score(texts["rest"]), detector.score(texts["more"])
    assert accuracy(human, made).auroc.low > 0.65
    detector.save(tmp_path / "a.npz")
    again = TextDetector.load(tmp_path / "a.npz")
    assert again.recipe == detector.recipe
    np.testing.assert_array_equal(again.score(texts["rest"]), human)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_words_weigh_by_the_log_of_their_counts():
    recipe = TextClassifier(ngrams=(1, 1), bits=20)
    found = recipe._vectors(["a a a b"])
    weight = np.log1p([1, 3])
    assert sorted(found.data) == pytest.approx(weight / np.linalg.norm(weight))


@pytest.mark.parametrize("method", ["neighbours", "logistic"])
def test_the_embedding_classifier_tells_digits_from_a_mixture(method, tmp_path):
    digits = Digits().train
    made = MixtureEM(5).fit(digits, rng()).sample(800, rng(1))
    detector = EmbeddingClassifier(method, quadratic=method == "logistic").fit(digits[:700], made[:400])
    human, synthetic = detector.score(digits[700:]), detector.score(made[400:])
    assert accuracy(human, synthetic).auroc.low > 0.8
    detector.save(tmp_path / "a.npz")
    np.testing.assert_array_equal(EmbeddingDetector.load(tmp_path / "a.npz").score(made[400:]), synthetic)
    pictures = EmbeddingClassifier(method).fit(digits[:100].reshape(-1, 8, 8), made[:100].reshape(-1, 8, 8))
    assert pictures.score(made[:7].reshape(-1, 8, 8)).shape == (7,)


def test_neighbours_estimate_the_log_of_the_ratio_of_densities():
    human, made = rng().normal(0, 1, 20_000), rng(1).normal(1, 1, 20_000)
    x = np.linspace(-1, 2, 7)
    found = EmbeddingClassifier(neighbours=400).fit(human, made).score(x)
    np.testing.assert_allclose(found, x - 0.5, atol=0.3)


def test_an_embedding_of_texts_is_asked_for_when_read_back(texts, tmp_path):
    def lengths(data):
        return np.array([[len(text), text.count(",")] for text in data])

    detector = EmbeddingClassifier("logistic", embed=lengths).fit(texts["human"], texts["written"])
    detector.save(tmp_path / "a.npz")
    with pytest.raises(SpecError, match="give embed="):
        EmbeddingDetector.load(tmp_path / "a.npz")
    again = EmbeddingDetector.load(tmp_path / "a.npz", embed=lengths)
    np.testing.assert_array_equal(again.score(texts["rest"]), detector.score(texts["rest"]))


def test_the_density_ratio_is_that_of_the_models(texts):
    detector = DensityRatio.fit(texts["human"], texts["written"])
    assert accuracy(detector.score(texts["rest"]), detector.score(texts["more"])).auroc.low > 0.6
    one = texts["rest"][:1]
    off = detector.synthetic.logprob(one) - detector.human.logprob(one)
    assert detector.score(one) == pytest.approx(off.mean())
    assert DensityRatio(detector.human, detector.synthetic, per_token=False).score(one) == pytest.approx(off.sum())


def test_the_oracle_errs_at_its_rates_and_the_same_way_each_time():
    real, made = rng().random((20_000, 2)), rng(1).random((20_000, 2))
    oracle = Oracle(real, 0.9, 0.05, seed=3)
    for rows, rate in ((real, 0.05), (made, 0.9)):
        found = oracle.score(rows)
        assert abs(found.mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / len(rows))
        np.testing.assert_array_equal(oracle.score(rows[::-1])[::-1], found)
    assert (Oracle(real, 0.9, 0.05, seed=4).score(made) != oracle.score(made)).any()
    assert Oracle(lambda rows: rows[:, 0] > 0.5, 1, 0).score(made).tolist() == (made[:, 0] <= 0.5).tolist()
    assert Oracle(["a", "b"], 1, 0).score(["b", "c"]).tolist() == [0, 1]
    assert "oracle that is told the truth, no detector" in repr(oracle)


def test_the_oracle_knows_a_source_by_its_training_rows():
    plain = {"kind": "oracle", "real": {"kind": "sotu"}, "true_positive": 0.9, "false_positive": 0, "seed": 1}
    oracle = build("detector", plain)
    real = Sotu().sample(50, rng())
    assert not oracle.score(real).any()
    made = NGram(2).fit(real, rng()).sample(200, rng())
    assert 0.7 < oracle.score(made).mean() < 1
    assert describe(oracle) == {**plain, "real": describe(Sotu()), "false_positive": 0.0}


@pytest.fixture
def saved(tmp_path):
    """A text detector and one of rows, as files."""
    text = TextClassifier(bits=8).fit(["we hold these truths"] * 9, ["truths these hold we"] * 9)
    rows = EmbeddingClassifier("logistic", quadratic=True).fit(rng().normal(size=(50, 2)), rng(1).normal(2, 1, (50, 2)))
    text.save(tmp_path / "text.npz")
    rows.save(tmp_path / "rows.npz")
    return tmp_path, text, rows


def test_a_saved_detector_is_named_by_its_file(saved):
    folder, text, rows = saved
    for name, detector, data in (
        ("text", text, ["these hold", "hold these"]),
        ("rows", rows, rng(2).normal(size=(5, 2))),
    ):
        plain = {"kind": "saved-detector", "path": str(folder / f"{name}.npz")}
        made = build("detector", plain)
        np.testing.assert_array_equal(made.score(data), detector.score(data))
        curator = build("curator", {"kind": "below", "detector": plain, "cut": 0.0})
        assert build("curator", describe(curator)) == curator
        assert describe(curator)["detector"] == {**plain, "checksum": made.checksum}


def test_a_saved_detector_is_refused_where_it_is_another_or_none(saved):
    folder = saved[0]
    path = folder / "text.npz"
    plain = describe(SavedDetector(path))
    TextClassifier(bits=8).fit(["a b"] * 9, ["c d"] * 9).save(path)
    with pytest.raises(SpecError, match="not the content asked for"):
        build("detector", plain)
    for wrong, says in (
        ({"path": str(folder / "none.npz")}, r"none\.npz: unreadable \(No such file"),
        ({"path": str(folder)}, r"unreadable \(Is a directory\)"),
        ({"path": str(path), "embed": f"{__name__}:rng"}, "leave embed out"),
    ):
        with pytest.raises(SpecError, match=says) as error:
            build("detector", {"kind": "saved-detector", **wrong})
        assert "\n" not in str(error.value)


class Attack:
    """Unpickling it would leave a trace."""

    def __reduce__(self):
        return (open, ("trace", "w"))


def header(kind="embedding-classifier", **settings):
    return np.frombuffer(json.dumps({"genloss-detector": 1, "kind": kind, "settings": settings}).encode(), np.uint8)


GOOD = {"centre": np.zeros(2), "scale": np.ones(2), "weight": np.zeros(2), "intercept": np.zeros(1)}
HOSTILE = {
    "pickle": {"header": header(), "centre": np.array([Attack()], dtype=object)},
    "no arrays": {"header": header(method="logistic")},
    "shapes": {"header": header(method="logistic"), **GOOD, "weight": np.zeros(3)},
    "nan": {"header": header(method="logistic"), **GOOD, "centre": np.full(2, np.nan)},
    "scale": {"header": header(method="logistic"), **GOOD, "scale": np.zeros(2)},
    "text": {"header": header(method="logistic"), **GOOD, "scale": np.array(["a", "b"])},
    "rank": {"header": header(method="logistic"), **GOOD, "centre": np.zeros(())},
    "setting": {"header": header(method="logistic", colour=1), **GOOD},
    "method": {"header": header(method="sorcery"), **GOOD},
    "few": {"header": header(), **GOOD, "human": np.zeros((3, 2)), "synthetic": np.zeros((9, 2))},
    "kind": {"header": header("mind-reader")},
    "deep": {"header": np.frombuffer(b"[" * 100_000, np.uint8)},
    "place": {"header": header("text-classifier"), "at": np.array([1 << 40]), "weight": np.ones(1), "intercept": 0.0},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_one_line_and_runs_nothing(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "a.npz", allow_pickle=True, **HOSTILE[name])
    with pytest.raises(SpecError, match=r"^a\.npz: ") as error:
        SavedDetector("a.npz")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "trace").exists()


def test_a_file_that_unpacks_without_end_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(saving, "_LARGEST", 1 << 20)
    np.savez_compressed(tmp_path / "a.npz", header=header(), centre=np.zeros(1 << 18))
    with pytest.raises(SpecError, match="unpacks to more than"):
        SavedDetector(tmp_path / "a.npz")


def test_a_text_chain_that_a_density_ratio_filters(texts):
    """The models write more probable text than people do, which the ratio has learned from models of other text."""
    learner = NGram(2, temperature=0.6)
    ratio = DensityRatio.fit(texts["human"], learner.fit(texts["seen"], rng()).sample(1000, rng()))
    cut = float(np.quantile(ratio.score(texts["rest"]), 0.9))
    pool = Pool((Block(texts["rest"], False, 0), Block(texts["more"], True, 1)))
    assert gl.Below(ratio, cut).select(pool, rng()).size < pool.size
    chain = gl.Chain(Sotu(), learner, gl.Accumulate(200), 200, curator=gl.Below(ratio, cut))
    result = gl.run(
        chain, {"kept": lambda g: g.train.size, "real": lambda g: g.train.real_share}, generations=2, seed=0
    )
    assert (result["kept"] < [200, 400, 600]).all()
    share = result["real"].values.ravel()
    assert share[0] == 1
    assert (share[1:] > [0.6, 0.5]).all()


@pytest.mark.parametrize("method", ["neighbours", "logistic"])
def test_a_chain_of_pictures_that_an_embedding_classifier_filters(method):
    source = Digits()
    made = MixtureEM(3).fit(source.train, rng()).sample(300, rng(1))
    detector = EmbeddingClassifier(method, quadratic=True).fit(source.held_out, made)
    cut = float(np.quantile(detector.score(source.train[:400]), 0.9))
    filtered = gl.Chain(source, MixtureEM(3), gl.Accumulate(200), 200, curator=gl.Below(detector, cut))
    share = gl.run(filtered, {"real": lambda g: g.train.real_share}, generations=2, seed=0)["real"].values.ravel()
    assert (share > [0.99, 0.55, 0.38]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LogLikelihood(ONE).score([]), "log-likelihood: no documents"),
        (lambda: LogLikelihood(ONE).score("text"), "log-likelihood: str is not a list of texts"),
        (lambda: LRR(ONE).score(["1", 2]), "lrr: document 1 is int, not text"),
        (lambda: Rank(ONE).score(["1", ""]), "rank: document 1 has no token to score"),
        (lambda: Rank(object()).score(["1"]), "rank: object is not a language model"),
        (lambda: FastDetectGPT(ONE, Toy([[0.5, 0.5]])).score(["0"]), "different vocabularies"),
        (lambda: LogLikelihood(Toy([[1.0, 0.0]])).score(["0", "1"]), "gives document 1 probability 0"),
        (lambda: Binoculars(ONE, Toy([[1, 0, 0, 0]])).score(["0"]), "the performer gives tokens probability 0"),
        (lambda: Binoculars(NGram(2).fit(["a b"], rng()), NGram(2).fit(["c"], rng())).score(["a"]), "vocabularies"),
        (lambda: LogLikelihood(NGram(2, "none").fit(["a b"], rng())).score(["b a"]), "use a smoothed model"),
        (lambda: TextClassifier().fit([], ["a"]), "text-classifier.human: no documents"),
        (lambda: TextClassifier().fit(["a"], []), "text-classifier.synthetic: no documents"),
        (lambda: TextClassifier(bits=40), "text-classifier.bits: must be a whole number from 1 to 26, got 40"),
        (lambda: TextClassifier(analyzer="sound"), "no analyzer 'sound'"),
        (lambda: TextClassifier(ngrams=(2, 1)), "text-classifier.ngrams"),
        (lambda: TextDetector.load("nowhere.npz"), "nowhere.npz: no such file"),
        (lambda: EmbeddingClassifier("tree"), "no method 'tree'"),
        (lambda: EmbeddingClassifier().fit(np.zeros((9, 2)), np.zeros((0, 2))), "synthetic: no rows"),
        (lambda: EmbeddingClassifier().fit(np.zeros((9, 2)), np.zeros((9, 3))), "2 and 3 columns"),
        (lambda: EmbeddingClassifier().fit(np.zeros((9, 2)), np.full((9, 2), np.nan)), "NaN or infinite"),
        (lambda: EmbeddingClassifier().fit(np.zeros((3, 2)), np.zeros((9, 2))), "5 of 3 rows"),
        (lambda: EmbeddingClassifier().fit(["a"], ["b"]), "give an array, or embed="),
        (lambda: EmbeddingClassifier().fit(np.zeros(9), np.ones(9)).score(np.zeros((2, 2))), "2 columns; fitted to 1"),
        (lambda: DensityRatio.fit(["a"], []), "density-ratio.synthetic: no documents"),
        (lambda: DensityRatio.fit(["a"], ["a"], NGram(2, "none")), "use kneser-ney"),
        (lambda: Oracle([1], 1.5, 0), "oracle.true_positive: 1.5 is not a rate"),
        (lambda: Oracle(np.ones(3), 1, 0).score(np.ones(0)), "oracle: no rows"),
        (lambda: Oracle(lambda rows: rows, 1, 0).score(np.ones(3)), "give True or False a row"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_one_line(call, message):
    with pytest.raises(SpecError, match=message.replace("(", "\\(")) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_damaged_or_foreign_file_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    detector = EmbeddingClassifier(neighbours=1).fit(np.zeros((2, 2)), np.ones((2, 2)))
    detector.save(path)
    with pytest.raises(SpecError, match="holds embedding-classifier, not text-classifier"):
        TextDetector.load(path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"text", whole[:100] + b"\x00\x01" + whole[102:]):
        path.write_bytes(content)
        with pytest.raises(SpecError, match="no detector, or a damaged one"):
            EmbeddingDetector.load(path)
    np.savez(path, header=np.array([{"a": 1}], dtype=object))
    with pytest.raises(SpecError, match="no detector"):
        EmbeddingDetector.load(path)
    with pytest.raises(SpecError, match="cannot be written"):
        detector.save(tmp_path / "nowhere" / "a.npz")


def test_the_oracle_compares_numbers_by_value():
    oracle = Oracle(np.arange(5), 1, 0)
    for rows in (np.array([1.0, 9.0]), np.array([1, 9], np.uint8), np.array([1, 9], np.float32), [1, 9.0]):
        assert oracle.score(rows).tolist() == [0, 1]
    assert Oracle(np.array([[0.0, 1.0]]), 1, 0).score(np.array([[-0.0, 1]])).tolist() == [0]
    large = Oracle(np.array([2**53 + 1, 3]), 1, 0)
    assert large.score(np.array([2**53, 2**53 + 1, 3])).tolist() == [1, 0, 0]
    assert large.score(np.array([2.0**53, 3.0])).tolist() == [1, 0]
    assert large.score(np.array([2**53 + 1, 2**64 - 1], np.uint64)).tolist() == [0, 1]
    assert Oracle(["a", "\ud800"], 1, 0).score(np.array(["a", "bb"])).tolist() == [0, 1]


def test_half_a_surrogate_pair_is_one_line():
    detector = TextClassifier(bits=8).fit(["we hold these truths"] * 9, ["truths these hold we"] * 9)
    with pytest.raises(SpecError, match="half a surrogate pair") as error:
        detector.score(["\ud800"])
    assert "\n" not in str(error.value)
