"""The page of laws is what `LAWS` say, and the how-to does what it says."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

import genloss as gl
from genloss.report.formula import formula, mathml
from genloss.theory import LAWS, cite, predict
from genloss.theory.papers import ARXIV, PAPERS
from genloss.theory.predict import subject
from genloss.theory.verification.check import judge
from genloss.theory.verification.laws_page import markdown
from genloss.theory.verification.plot import labels, picture

ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date():
    written = (ROOT / "docs/reference/laws.md").read_text()
    assert written == markdown(), "run python -m genloss.theory.verification.laws_page > docs/reference/laws.md"


def test_the_page_names_every_law_and_links_within_itself():
    page = markdown()
    for name in LAWS:
        assert f"### {name}\n" in page
    for target in re.findall(r"\(#(\w+)\)", page):
        assert f"### {target}\n" in page
    assert "/work" not in page


def test_formulas_have_matching_braces():
    for law in LAWS.values():
        depth = 0
        for sign in re.findall(r"(?<!\\)[{}]", law.formula):
            depth += 1 if sign == "{" else -1
            assert depth >= 0, law.name
        assert depth == 0, law.name
        assert law.formula.count(r"\left") == law.formula.count(r"\right"), law.name


def test_every_formula_is_drawn_as_mathematics():
    drawn = {name: mathml(law.formula) for name, law in LAWS.items() if law.formula}
    assert all(drawn.values())
    for name, found in drawn.items():
        if found:
            root = ElementTree.fromstring(found)
            letters = {part.text for part in root.iter("mi")} | {part.text for part in root.iter("mtext")}
            assert "\\" not in "".join(text for text in letters if text), name
            assert root.findtext(".//annotation") == LAWS[name].formula
    assert "<mfrac><mrow><mi>a</mi></mrow><mrow><mi>σ</mi></mrow></mfrac>" in mathml(r"\frac{a}{\sigma}")
    assert formula("") is None
    space = '<mspace width="0.167em"></mspace>'
    assert f"<mi>E</mi>{space}<mi>log</mi>{space}<mi>x</mi>" in mathml(r"E\log x")
    assert space not in mathml(r"\log(x)+2x_i")


@pytest.mark.parametrize(
    "latex",
    [
        r"\nonsense x",
        r"\frac{a",
        r"x^",
        r"\left(",
        r"\href{javascript:alert(1)}{x}",
        r"\style{position:fixed}{x}",
        r"\class{tile}{x}",
        r"\color{red}x",
        r"\hspace{900em}x",
        r"\rule{90em}{90em}",
        r"\newcommand{\a}{\b\b}\a",
        r"\sideset{_a}{_b}{" * 60 + r"\sum" + "}" * 60,
        "{" * 1500,
        "x" * 5000,
        "<script>alert(1)</script>\\nonsense",
    ],
)
def test_a_formula_that_cannot_be_drawn_is_shown_as_it_was_written(latex):
    shown = str(formula(latex))
    inner = ElementTree.fromstring(shown)
    assert (inner.tag, inner.text, len(inner)) == ("code", latex, 0)


@pytest.mark.parametrize(
    "latex",
    [r"\text{<script>alert(1)</script>}", r"\text{&lt;b&gt;}", r"\unicode{x3c}b>", "</math><b>x", r"\verb|<b>|"],
)
def test_text_in_a_formula_is_never_markup(latex):
    tags = {part.tag for part in ElementTree.fromstring(str(formula(latex))).iter()}
    assert tags <= {"math", "semantics", "annotation", "mrow", "mtext", "mi", "mo"}


def test_the_converter_is_loaded_only_where_a_formula_is_drawn():
    code = "import sys, genloss, genloss.report, genloss.report.ledger_page; print('latex2mathml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_what_a_law_predicts_is_named_rightly():
    said = {law.name: subject(law) for law in LAWS.values()}
    assert said["variance_replace"] == "mean of variance"
    assert said["std_median_replace"] == "median of std"
    assert said["collapsed_replace"] == "mean of collapsed"
    assert said["collapsed_time_replace"] == "mean first passage of collapsed"
    assert said["std_below_tenth_passage_replace"] == "mean first passage of std_below_tenth"
    page = markdown()
    for law in LAWS.values():
        assert ("first passage" in said[law.name]) == law.scalar, law.name
        assert f"- Predicts: {said[law.name].removesuffix(law.probe)}`{law.probe}` over replicates" in page


def test_a_time_is_not_named_like_the_event_it_waits_for():
    found = predict(gl.Chain(gl.Categorical([0.5, 0.5]), gl.CategoricalMLE(), gl.Replace(6), n0=6), 4)
    assert found["collapsed"].dims == ("generation",)
    assert found["collapsed.first_passage"].dims == ()
    assert found["collapsed.first_passage"].attrs["statistic"] == "mean first passage"
    assert float(found["collapsed.first_passage"]) > 1


def test_every_paper_is_cited_in_full_and_once():
    for law in LAWS.values():
        assert set(ARXIV.findall(law.reference)) <= set(PAPERS), law.name
    chains = [
        gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(20), 20),
        gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Accumulate(20), 20, gl.Subsample(10)),
        gl.Chain(gl.Zipf(10, 1.2), gl.CategoricalMLE(), gl.FixedReal(20, 10), 10),
    ]
    for chain in chains:
        lines = cite(chain).splitlines()
        papers = [paper for paper in PAPERS.values() if any(line.startswith(f"{paper}: ") for line in lines)]
        assert papers
        assert len(lines) == len({line.split(": ")[0] for line in lines})
        for paper in papers:
            assert sum(line.startswith(paper) for line in lines) == 1
    for name, paper in PAPERS.items():
        assert name in paper or name.split()[-1] in paper
        assert re.match(r"[A-Z][\w'-]+.* (19|20)\d\d\. \S", paper)


def test_a_derivation_without_a_paper_is_cited_as_what_it_is():
    lines = cite(gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(20), 20)).splitlines()
    assert any(line.startswith("exact, from Cochran's theorem: variance, ") for line in lines)


def test_the_recursion_that_stands_in_for_a_law_is_cited(monkeypatch):
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Window(9, 2), 9, gl.Subsample(5))
    for law in [law for law in LAWS.values() if law.probe == "variance" and law.applies(chain)]:
        monkeypatch.delitem(LAWS, law.name)
    assert predict(chain, 3)["variance"].attrs["law"] == "two-point recursion"
    assert f"{PAPERS['Kingman 1982']}: variance" in cite(chain).splitlines()


def test_lines_of_a_law_with_labels_are_named():
    quantiles, places = labels(LAWS["std_quantiles_replace"], (4,))
    assert quantiles == ["quantile 0.05", "quantile 0.25", "quantile 0.75", "quantile 0.95"]
    assert places == [0, 1, 2, 3]
    symbols, places = labels(LAWS["lost_symbols_replace"], (30,))
    assert (symbols[0], symbols[-1], len(symbols), places[-1]) == ("symbol 0", "symbol 29", 6, 29)
    assert labels(LAWS["covariance_regimes"], (2, 2))[0] == ["row 0, column 0", "row 0, column 1", "row 1, column 1"]
    assert labels(LAWS["variance_replace"], ()) == ([""], [0])


@pytest.mark.parametrize(
    ("name", "dash"), [("std_quantiles_replace", None), ("squared_offset_bound_accumulate", "1.5 3")]
)
def test_a_panel_names_its_lines_and_tells_bounds_from_equalities(name, dash):
    law = LAWS[name]
    draws = np.random.default_rng(0).normal(1, 0.1, (2000, 5))
    text = picture(judge(law, draws, "exact"))
    root = ElementTree.fromstring(f"<svg>{text}</svg>")
    words = [part.text for part in root.iter("text")]
    assert words[0] == f"{subject(law)} (exact engine)"
    for level in law.levels:
        assert f"quantile {level:g}" in words
    assert {line.get("stroke-dasharray") for line in root.iter("polyline")} == {dash}


def test_the_how_to_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs/how-to/add-a-law.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 4
    definition = blocks[0][blocks[0].index("GROWING =") :]
    assert len(definition.strip().splitlines()) < 10
    space = {}
    try:
        for block in blocks:
            exec(compile(block, "add-a-law.md", "exec"), space)
    finally:
        LAWS.pop("variance_sum_accumulate", None)
    shown = capsys.readouterr().out
    assert "Bernoulli's inequality: variance" in shown
    assert shown.count("holds") == 2
    picture = ElementTree.parse(tmp_path / "variance_sum_accumulate.svg").getroot()
    lines = [part for part in picture.iter() if part.tag.endswith("polyline")]
    assert len(lines) == 2
    assert all(len(line.get("points").split()) == 9 for line in lines)
    assert "NaN" not in ElementTree.tostring(picture, "unicode")
