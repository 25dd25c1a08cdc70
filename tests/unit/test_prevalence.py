"""The share of a mixture: formulas by hand, labels, warnings and what is refused."""

import json
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from genloss.cli.main import main
from genloss.corpus import Document
from genloss.errors import SpecError
from genloss.provenance.share import estimates
from genloss.provenance.share.mixtures import METHODS, Cells, log_ratio
from genloss.provenance.share.prevalence import _median, prevalence

TWO = ("acc", "likelihood", "moments", "pacc")


def rng(seed=0):
    return np.random.default_rng(seed)


def made(share, n=1000, seed=0, apart=2.0, references=500):
    """Scores of a corpus, of human and of synthetic text."""
    g = rng(seed)
    k = round(n * share)
    corpus = np.concatenate([g.normal(0, 1, n - k), g.normal(apart, 1, k)])
    return corpus, g.normal(0, 1, references), g.normal(apart, 1, references)


def test_an_adjusted_count_by_hand():
    human, synthetic = np.repeat([0.0, 1.0], [75, 25]), np.repeat([0.0, 1.0], [10, 90])
    corpus = np.repeat([0.0, 1.0], [740, 260])
    for method in TWO:
        found = prevalence(corpus, human, synthetic, method)
        formula = (0.26 - 0.25) / (0.9 - 0.25)
        assert found.unbounded == pytest.approx(formula, abs=0.003 if method == "likelihood" else 1e-9)
        assert found.low == 0
        assert found.high > found.share > 0
        assert found.separation == pytest.approx(0.65)


def test_moments_are_exact_however_many_scores_there_are():
    corpus, human, synthetic = made(0.3, 5000)
    expected = (corpus.mean() - human.mean()) / (synthetic.mean() - human.mean())
    assert prevalence(corpus, human, synthetic, "moments").unbounded == pytest.approx(expected)


def test_the_share_of_green_tokens_gives_the_share_of_watermarked_text():
    """g0 is measured on human text, not taken for gamma; g1 is known."""
    g = rng()
    human, corpus = g.binomial(200, 0.27, 400) / 200, g.binomial(200, np.repeat([0.27, 0.5], [900, 100])) / 200
    found = prevalence(corpus, human, 0.5, "moments")
    assert found.unbounded == pytest.approx((corpus.mean() - human.mean()) / (0.5 - human.mean()))
    assert found.low < 0.1 < found.high
    assert found.separation == 1
    assert not found.warnings
    assert "cannot be identified" in prevalence(corpus, human, human.mean() + 1e-4, "moments").warnings[0]


@pytest.mark.parametrize(("centre", "width"), [(0.02, 0.05), (-0.06, 0.04), (0.97, 0.03), (0.4, 0.1), (0.3, 1e-5)])
def test_the_share_is_the_median_of_its_posterior(centre, width):
    """By quadrature over the share itself; the density t^-1/2 (1 - t)^-1/2 N(t; centre, width)."""
    draws = centre + width * stats.norm.ppf((np.arange(2000) + 0.5) / 2000)
    found = _median(centre, draws)

    def mass(low, high):
        def density(share):
            return np.exp(-((share - centre) ** 2 - max(centre - 1, -centre, 0) ** 2) / (2 * width**2))

        # The substitution takes away the poles at 0 and 1.
        ends = np.arcsin(np.sqrt([max(low, centre - 9 * width, 0), min(high, centre + 9 * width, 1)]))
        return integrate.quad(lambda angle: density(np.sin(angle) ** 2), *ends, limit=200)[0]

    assert mass(0, found) == pytest.approx(mass(found, 1), rel=0.02)
    assert _median(1 - centre, 1 - draws) == pytest.approx(1 - found, abs=1e-6 + 0.01 * width)


def test_the_share_lies_in_its_interval_and_near_the_formula_away_from_the_ends():
    for share in (0.0, 0.01, 0.5, 1.0):
        found = prevalence(*made(share, 600, seed=4), resamples=100)
        assert found.low <= found.share <= found.high
    half = prevalence(*made(0.5, 600, seed=4), resamples=100)
    assert half.share == pytest.approx(half.unbounded, abs=0.002)
    more_human = prevalence(rng(1).normal(-0.5, 1, 600), *made(0.5)[1:], resamples=100)
    assert more_human.unbounded < 0 <= more_human.share <= more_human.high < 0.01


def test_the_ratio_of_densities_may_turn_twice():
    """Synthetic text that scores between two kinds of human text: a straight ratio sees little, a bent one all."""
    g = rng(2)

    def human(n):
        return np.where(g.random(n) < 0.3, 2.4, -1) + g.normal(0, 0.7, n)

    corpus = np.concatenate([human(8000), g.normal(1.0, 0.5, 2000)])
    for method in ("pacc", "likelihood"):
        found = prevalence(corpus, human(8000), g.normal(1.0, 0.5, 8000), method)
        assert abs(found.share - 0.2) < 0.03
        assert found.high - found.low < 0.06


def test_the_functions_of_the_spline_are_orthonormal_and_straight_at_the_ends():
    cells = Cells.of(*made(0.3))
    mass = (cells.histogram(made(0.3)[1]) + cells.histogram(made(0.3)[2]))[0] / 1000
    assert cells.basis.T @ (mass[:, None] * cells.basis) == pytest.approx(np.eye(5), abs=1e-9)
    assert Cells.of(*[np.repeat([0.0, 1.0], 9)] * 3).basis[:, 2:] == pytest.approx(0)


def test_the_likelihood_is_where_em_ends():
    corpus, human, synthetic = made(0.2)
    cells = Cells.of(corpus, human, synthetic)
    histograms = [cells.histogram(each) for each in (corpus, human, synthetic)]
    ratio = np.exp(log_ratio(histograms[1], histograms[2], cells.basis)[0])
    share = 0.5
    for _ in range(3000):
        share = (histograms[0][0] * share * ratio / (1 - share + share * ratio)).sum() / len(corpus)
    assert METHODS["likelihood"](*histograms, cells)[0] == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("method", TWO)
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_every_method_finds_the_share(method, share):
    found = prevalence(*made(share, 4000, references=2000), method)
    assert abs(found.share - share) < 0.04
    assert found.low <= share <= found.high
    assert 0 <= found.low <= found.share <= found.high <= 1


@pytest.mark.parametrize("method", ["acc", "likelihood", "pacc"])
def test_only_the_order_of_scores_counts_where_no_mean_is_taken(method):
    parts = made(0.3)
    found, other = prevalence(*parts, method), prevalence(*map(np.exp, parts), method)
    assert other.share == pytest.approx(found.share)
    assert other.low == pytest.approx(found.low)
    infinite = np.where(parts[1] == parts[1].min(), -np.inf, parts[1])
    assert prevalence(parts[0], infinite, parts[2], method).share == pytest.approx(found.share, rel=1e-3)


def test_the_seed_decides_and_the_order_of_rows_does_not():
    corpus, human, synthetic = made(0.3)
    one = prevalence(corpus, human, synthetic, seed=1)
    assert prevalence(corpus[::-1], human[::-1], synthetic, seed=1) == one
    assert prevalence(corpus, human, synthetic, seed=2).low != one.low


def test_groups_and_times_have_shares_of_their_own():
    shares = {2021: 0.0, 2022: 0.1, 2023: 0.4}
    parts = [made(share, 500, seed) for seed, share in enumerate(shares.values())]
    corpus = np.concatenate([part[0] for part in parts])
    years = np.repeat(list(shares), 500)
    groups = np.where(np.arange(1500) % 2, "odd", "even")
    found = prevalence(corpus, *parts[0][1:], times=years, groups=groups)
    assert list(found.times) == list(shares)
    assert set(found.groups) == {"odd", "even"}
    for year, share in shares.items():
        assert found.times[year].low <= share <= found.times[year].high
        assert found.times[year].rows == 500
    assert found.low < 1 / 6 < found.high
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["times"]["2023"]["share"] == found.times[2023].share
    many = prevalence(corpus, *parts[0][1:], times=np.arange(1500.0))
    assert len(many.times) == 12
    assert sum(each.rows for each in many.times.values()) == 1500


def test_a_group_is_measured_against_its_own_human_text():
    """A dialect whose human text scores higher seems synthetic until it is calibrated by itself."""
    corpus, human, synthetic = made(0.1, 2000)
    groups, of_human = np.repeat(["a", "b"], 1000), np.repeat(["a", "b"], 500)
    off = (groups == "b") * 1.0
    corpus = rng(5).permutation(corpus) + off
    labelled = {"groups": groups, "human_groups": of_human}
    own = prevalence(corpus, np.concatenate([human, human + 1]), synthetic + 1, **labelled)
    shared = prevalence(corpus, human, synthetic, groups=groups)
    assert shared.groups["b"].low > 0.2
    assert own.groups["b"].low < 0.1 < own.groups["b"].high


def test_references_that_score_alike_identify_nothing():
    for apart in (0.0, 0.05):
        found = prevalence(*made(0.3, apart=apart))
        assert (found.low, found.high) == (0, 1)
        assert "cannot be identified" in found.warnings[0]
    same = prevalence([1.0, 2.0], [3.0, 3.0], [3.0, 3.0])
    assert (same.low, same.high) == (0, 1)
    assert "cannot be identified" in str(same)
    one = prevalence(*made(0.3), human_clusters=np.zeros(500))
    assert (one.low, one.high) == (0, 1)
    assert "only one cluster" in one.warnings[0]


@pytest.mark.parametrize("method", TWO)
def test_nothing_seen_is_no_proof_of_nothing(method):
    """With none of n rows synthetic the share may be 3 in n and more; with all, the same below 1."""
    for n in (3, 100):
        none = prevalence(np.zeros(n), np.zeros(100), np.ones(100), method)
        every = prevalence(np.ones(n), np.zeros(100), np.ones(100), method)
        bound = 1 - 0.025 ** (1 / n)
        assert none.low == pytest.approx(0, abs=1e-6)
        assert none.high == pytest.approx(bound, abs=0.001)
        assert every.high == pytest.approx(1, abs=1e-6)
        assert every.low <= 1 - bound + 0.001
        assert none.share < 0.02


@pytest.mark.parametrize("n", [50, 100, 400])
def test_few_synthetic_rows_are_covered(n):
    g = rng(n)
    counts = g.binomial(n, 0.02, 100)
    found = [prevalence(np.arange(n) < k, np.zeros(1000), np.ones(1000), resamples=60, seed=k) for k in counts]
    assert np.mean([each.low <= 0.02 <= each.high for each in found]) >= 0.93
    assert np.mean([each.high - each.low for each in found]) < {50: 0.12, 100: 0.08, 400: 0.035}[n]


def test_clusters_count_where_they_are_of_one_kind_and_rows_where_they_are_mixed():
    clusters = np.repeat(np.arange(10), 1000)
    known = np.zeros(1000), np.ones(1000)
    mixed = prevalence(np.arange(10_000) % 50 == 0, *known, clusters=clusters)
    assert mixed.low < 0.02 < mixed.high < 0.03
    whole = prevalence(clusters == 0, *known, clusters=clusters)
    assert whole.high > 0.4
    assert prevalence(clusters < 0, *known, clusters=clusters).high == pytest.approx(1 - 0.025 ** (1 / 10))


@pytest.mark.parametrize("references", [2, 5, 10, 20])
def test_a_cut_that_few_rows_chose_makes_intervals_wide(references):
    found = [prevalence(*made(0.1, 400, seed, 4.0, references), "acc", resamples=60) for seed in range(60)]
    assert np.mean([each.low <= 0.1 <= each.high for each in found]) >= 0.93
    assert (np.mean([each.high - each.low for each in found]) < 0.5) == (references >= 10)


@pytest.mark.parametrize("method", ["likelihood", "acc", "pacc"])
def test_a_misfit_below_the_noise_raises_no_alarm(method):
    for seed in range(10):
        g = rng(seed)
        sets = [g.random(2000) < chance for chance in (0.3 * 0.8 + 0.7 * 0.1, 0.1, 0.8)]
        assert not prevalence(*sets, method, resamples=150).warnings
        assert not prevalence(np.arange(1000) < 980, np.zeros(1000), np.ones(1000), method, resamples=150).warnings


def test_scores_turned_upside_down_are_found_out():
    parts = [-each for each in made(0.3)]
    found = prevalence(*parts)
    assert any("turn the sign" in warning for warning in found.warnings)
    assert found.low < 0.3 < found.high


def test_another_domain_is_found_out():
    corpus, human, synthetic = made(0.3)
    between = prevalence(np.concatenate([corpus, rng(7).normal(1, 0.1, 300)]), human, synthetic)
    assert between.misfit_p < 0.01
    assert between.misfit > 0.05
    assert any("no mixture of the references" in warning for warning in between.warnings)
    below = prevalence(corpus * 0 + rng(8).normal(-0.5, 1, 1000), human, synthetic)
    assert any("more human than the human" in warning for warning in below.warnings)
    far = prevalence(np.append(corpus, np.full(50, 99.0)), human, synthetic)
    assert any("lie beyond all scores" in warning for warning in far.warnings)
    assert not prevalence(corpus, human, synthetic).warnings


@pytest.mark.parametrize(
    "labelled", [{}, {"times": [1, 2] * 500}, {"groups": ["a", "$b$"] * 500, "times": range(1000)}]
)
def test_the_picture_belongs_to_no_window(labelled):
    found = prevalence(*made(0.3), resamples=50, **{name: list(each) for name, each in labelled.items()})
    figure = found.plot()
    figure.draw_without_rendering()
    assert len(figure.axes) == max(1, len(labelled))
    first, last = figure.axes[0], figure.axes[-1]
    if found.times:
        assert [tick.get_text() for tick in first.get_xticklabels()] == [str(each) for each in found.times]
    if not found.times or found.groups:
        rows = [tick.get_text() for tick in last.get_yticklabels()]
        assert rows == [f"{name}  ({one.rows:,} rows)" for name, one in (found.groups or {"all": found}).items()]
    assert f"{found.share:.1%} of all" in figure.get_suptitle()


def test_the_picture_tells_what_is_known_doubted_and_unknown():
    corpus, human, synthetic = made(0.1, 1200)
    corpus = rng(3).permutation(corpus)
    years = np.repeat([2020, 2021, 2024], 400)
    corpus[400:800] = rng(4).normal(1, 0.1, 400)
    found = prevalence(corpus, human, synthetic, times=years, groups=np.where(np.arange(1200) == 5, "one", "rest"))
    assert found.times[2021].warnings
    assert (found.groups["one"].low, found.groups["one"].high) == (0, 1)
    time, group = found.plot().axes
    assert time.get_xticks().tolist() == [2020, 2021, 2024], "times stand where they belong"
    hollow = [line for line in time.lines if line.get_label() == "with a warning"]
    assert [line.get_xdata().tolist() for line in hollow] == [[2021]]
    assert "cannot be known" in [text.get_text() for text in group.get_legend().get_texts()]
    points = np.concatenate([line.get_ydata() for line in group.lines if line.get_marker() == "o"])
    assert points.tolist() == [1.0], "what cannot be known has no point"
    assert group.get_xlim()[1] < 1, "nor does it stretch the axis"


def test_the_command_draws_a_picture_or_says_why_not(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, scores in zip(("corpus", "human", "made"), made(0.3, 200, references=100), strict=True):
        rows = [json.dumps({"s": score, "year": 2020 + i % 2}) for i, score in enumerate(scores.tolist())]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows), encoding="utf-8")
    command = ["prevalence", "corpus.jsonl", "--reference", "human.jsonl", "--synthetic", "made.jsonl", "--scores", "s"]
    for _ in range(2):
        assert main([*command, "--time", "year", "--picture", "shares.svg"]) == 0
        drawn = (tmp_path / "shares.svg").read_bytes()
        (tmp_path / "shares.svg").rename(tmp_path / f"{len(list(tmp_path.iterdir()))}.svg")
    assert b"<svg" in drawn
    assert len({path.read_bytes() for path in tmp_path.glob("*.svg")}) == 1, "the same shares make the same file"
    for wrong, says in (("shares.gif", "known: .png, .svg, .pdf"), ("no/shares.png", "no such folder")):
        assert main([*command, "--picture", wrong]) == 2
        assert says in capsys.readouterr().err


def test_a_row_of_a_corpus_costs_its_score_and_four_bytes_a_label():
    rows = (
        Document("", "", None, f"group {i % 7}", f"{2000 + i % 20}", {"score": 0.5, "cluster": f"author {i % 1000}"})
        for i in range(100_000)
    )
    labels_of = [lambda row: row.group, lambda row: row.time, lambda row: row.columns["cluster"]]
    tracemalloc.start()
    try:
        values, labels = estimates.scores(estimates.by_field, rows, labels_of)
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 100_000 * (8 + 3 * 4) + 500_000
    assert most < 100_000 * (2 * 8 + 5 * 4) + 1_000_000
    assert [len(each.names) for each in labels] == [7, 20, 1000]
    plain = [[f"group {i % 7}" for i in range(100_000)], [f"{2000 + i % 20}" for i in range(100_000)]]
    assert [[each.names[code] for code in each.codes] for each in labels[:2]] == plain
    values = values + rng().normal(size=len(values))
    options = {"resamples": 20, "clusters": labels[2]}
    one = prevalence(values, *made(0.3)[1:], groups=labels[0], times=labels[1], **options)
    assert one == prevalence(values, *made(0.3)[1:], groups=plain[0], times=plain[1], **options)
    assert list(one.groups) == [f"group {i}" for i in range(7)]


@pytest.mark.parametrize(
    ("times", "first"),
    [
        (np.linspace(2015, 2027, 960), "2015 to 2016"),
        (np.arange(960) + 1_600_000_000, "1600000000 to 1600000078"),
        (np.datetime64("2024-01-01T05") + np.arange(960) * np.timedelta64(12, "h"), "2024-01-01 to 2024-02-09"),
    ],
)
def test_spans_of_time_are_named_in_few_digits(times, first):
    corpus, human, synthetic = made(0.1, 960)
    found = prevalence(corpus, human, synthetic, times=times, resamples=20)
    assert len(found.times) == 12
    assert next(iter(found.times)) == first


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: prevalence([], [1.0], [2.0]), "prevalence.scores: no scores"),
        (lambda: prevalence([1.0], [], [2.0]), "prevalence.human_scores: no scores"),
        (lambda: prevalence([1.0], [1.0], []), "prevalence.synthetic_scores: no scores"),
        (lambda: prevalence([1.0], [1.0], None), "prevalence.synthetic_scores: "),
        (lambda: prevalence([1.0, np.nan], [1.0], [2.0]), "prevalence.scores: 1 of 2 are NaN, the first at 1"),
        (lambda: prevalence([1.0], [[1.0]], [2.0]), "prevalence.human_scores: an array of shape (1, 1)"),
        (lambda: prevalence([1.0], [1.0], 2.0), "'pacc' needs the scores of synthetic rows"),
        (lambda: prevalence([1.0], [1.0], np.nan, "moments"), "prevalence.synthetic_scores: 1 of 1 are NaN"),
        (lambda: prevalence([1.0], [-np.inf, 1], [2.0], "moments"), "prevalence.human_scores: infinite scores"),
        (lambda: prevalence([1.0], [1.0], [2.0], "guess"), "no method 'guess'; known: acc, likelihood, moments, pacc"),
        (lambda: prevalence([1.0], [1.0], [2.0], level=95), "prevalence.level: 95"),
        (
            lambda: prevalence([1.0], [1.0], [2.0], resamples=3),
            "prevalence.resamples: must be a whole number from 20, got 3",
        ),
        (lambda: prevalence([1.0], [1.0], [2.0], clusters=[1, 2]), "prevalence.clusters: labels of shape (2,)"),
        (lambda: prevalence([1.0], [1.0], [2.0], times=[np.nan]), "prevalence.times: 1 labels are NaN"),
        (
            lambda: prevalence([1.0, 2], [1.0], [2.0], times=np.array(["2024-01-01", "NaT"], "datetime64[D]")),
            "prevalence.times: 1 labels are NaT, the first at 1",
        ),
        (lambda: prevalence([1.0], [1.0], [2.0], times=np.array([pd.NaT])), "prevalence.times: 1 labels are NaN"),
        (lambda: prevalence([1.0], [1.0], [2.0], groups=np.array([pd.NA])), "prevalence.groups: 1 labels are NaN"),
        (lambda: prevalence([1.0], [1.0], [2.0], human_groups=["a"]), "the corpus has no groups"),
        (
            lambda: prevalence([1.0], [1.0], [2.0], groups=["b"], human_groups=["a"]),
            "prevalence.human_groups: no human score of group 'b'",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(call, message):
    with pytest.raises(SpecError) as caught:
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
