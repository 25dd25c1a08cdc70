"""`genloss predict` says what theory knows of a spec, and runs nothing."""

import base64
import csv
import html
import io
import json
import re

import numpy as np
import pytest

import genloss as gl
from genloss.cli.main import main
from genloss.theory import LAWS

SPEC = """
title: Two [bold]regimes[/bold]
source: gaussian
learner: gaussian-mle
regime: {replace: replace, "mine [red]": {kind: accumulate}}
n0: [20, 50]
generations: 30
probes: [variance]
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.yaml").write_text(SPEC)
    return tmp_path


def ran(*arguments):
    return main(["predict", *map(str, arguments)])


def test_predictions_are_printed_with_laws_and_papers(here, capsys):
    assert ran("two.yaml") == 0
    out = capsys.readouterr().out
    for words in ("replace, n0 20", "mine [red], n0 50", "variance_replace, exact", "mean of variance", "Papers"):
        assert words in out
    assert f"{(1 - 1 / 20) ** 31:.4g}" in out
    assert not list(here.glob("genloss-runs*"))


def test_json_holds_every_number(here, capsys):
    assert ran("two.yaml", "--json", "--generations", 7, "--set", "source.var=4") == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["chain"] for each in found["chains"]][1] == {"regime": "replace", "n0": 50}
    law = next(law for law in found["chains"][1]["predictions"] if law["variable"] == "variance")
    assert (law["law"], law["kind"], law["statistic"]) == ("variance_replace", "exact", "mean")
    assert law["reference"]
    assert np.allclose(law["values"], 4 * (1 - 1 / 50) ** np.arange(1, 9), rtol=1e-12)
    assert found["chains"][1]["papers"] == gl.theory.cite(
        gl.Chain(gl.Gaussian(var=4.0), gl.GaussianMLE(), gl.Replace(), n0=50)
    ).split("\n")


def test_csv_holds_every_number_and_no_formula(here, capsys):
    (here / "two.yaml").write_text(SPEC.replace("mine [red]", "=cmd()"))
    assert ran("two.yaml", "--csv", "--generations", 3) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    some = [row for row in rows if row["chain"] == "replace, n0 20" and row["variable"] == "variance"]
    assert [float(row["value"]) for row in some] == pytest.approx([0.95, 0.95**2, 0.95**3, 0.95**4])
    assert [row["generation"] for row in some] == ["0", "1", "2", "3"]
    assert any(row["chain"].startswith("'=cmd()") for row in rows)
    assert any(row["label"] == "quantile 0.05" for row in rows)


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.svg", b"<svg"), ("a.html", b"<!doctype html>")])
def test_predictions_are_drawn(here, capsys, name, start):
    assert ran("two.yaml", "--plot", name, "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)
    assert err == f"plot: {name}\n"
    content = (here / name).read_bytes()
    assert content.startswith(start)
    assert b"<script" not in content


def drawn(here, spec, *more):
    (here / "drawn.yaml").write_text(spec)
    assert ran("drawn.yaml", "--plot", "drawn.html", "--json", *more) == 0
    page = (here / "drawn.html").read_text()
    pictures = [base64.b64decode(each).decode() for each in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", page)]
    return page, {
        re.search(r"<h4[^>]*>([^<]*)", part)[1]: picture
        for part, picture in zip(page.split("<figure>")[1:], pictures, strict=True)
    }


SYMBOLS = "{source: {kind: zipf, k: 12, exponent: 1.2}, learner: categorical-mle, regime: replace, n0: 9}"


def test_bounds_are_drawn_unlike_exact_laws_and_every_line_is_named(here, capsys):
    page, pictures = drawn(here, SYMBOLS, "--generations", 40)
    collapsed = pictures["Mean of collapsed"]
    for words in (
        "collapsed_replace (exact)",
        "collapsed_most_replace (upper bound)",
        "vertical: when it is first expected (mean first passage)",
    ):
        assert words in collapsed
    assert "stroke-dasharray" in collapsed
    assert "stroke-dasharray" not in pictures["Mean of support"]
    for label in ("symbol 0", "symbol 11"):
        assert label in pictures["Mean of lost symbols"]
    assert "heterozygosity_replace and heterozygosity_regimes (exact)" in pictures["Mean of heterozygosity"]
    assert "<math" in page
    assert "≤ 18" in page
    found = gl.predict(gl.Chain(gl.Zipf(12, 1.2), gl.CategoricalMLE(), gl.Replace(9), n0=9), 40)
    assert len(found) > 10
    for array in found.data_vars.values():
        assert f"<bdi>{array.attrs['law']}</bdi>" in page
        assert html.escape(array.attrs["reference"]).replace("&#x27;", "&#39;") in page


def test_a_picture_of_several_chains_has_one_panel_a_chain_for_laws_with_labels(here, capsys):
    _, pictures = drawn(here, SPEC.replace("[20, 50]", "[20, 30]"))
    for size in (20, 30):
        assert "quantile 0.95" in pictures[f"Quantile of std, replace, n0 {size}"]
    assert "replace, n0 20: variance_replace (exact)" in pictures["Mean of variance"]
    assert "mine [red], n0 30: variance_floor_accumulate (lower bound)" in pictures["Mean of variance"]


def test_a_hostile_formula_or_reference_stays_text_on_the_page(here, capsys):
    def compute(source: gl.Gaussian, learner: gl.GaussianMLE, regime: gl.Replace, n: gl.theory.Sizes):
        """Says nothing."""
        return np.ones(len(n))

    compute.__name__ = "hostile_law"
    compute.__annotations__["return"] = gl.theory.Values
    bad = "<script>alert(1)</script>"
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(10), n0=10)
    gl.theory.law("variance", kind="upper bound", example=chain, reference=bad, formula=rf"\href{{{bad}}}{{x}}")(
        compute
    )
    try:
        page, _ = drawn(here, "{source: gaussian, learner: gaussian-mle, regime: replace, n0: 10}")
    finally:
        del LAWS["hostile_law"]
    assert "<script" not in page
    assert "<code>\\href{&lt;script&gt;alert(1)&lt;/script&gt;}{x}</code>" in page


def test_lines_of_a_law_with_labels_are_printed_by_label(here, capsys):
    (here / "symbols.yaml").write_text(SYMBOLS)
    assert ran("symbols.yaml", "--generations", 40) == 0
    out = capsys.readouterr().out
    assert re.search(r"mean first passage of collapsed: \d", out)
    assert "mean first passage of collapsed: ≤ 18" in out
    for line in ("symbol 0", "symbol 11", "6 of 12; --csv has them all"):
        assert f"   {line}" in out
    assert "arXiv:2404.05090" in out


def test_a_chain_of_which_nothing_is_known_says_so_in_one_line(here, capsys):
    (here / "none.yaml").write_text(
        "{source: digits, learner: {kind: mixture-em, k: 2}, regime: replace, n0: 50, probes: [total-variance]}"
    )
    assert ran("none.yaml") == 0
    assert capsys.readouterr().out == "the chain: no prediction: no law in the catalogue speaks of it\n"
    assert ran("none.yaml", "--plot", "a.png") == 2
    assert "nothing to draw" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("missing.yaml",),
        ("two.yaml", "--plot", "a.pdf"),
        ("two.yaml", "--plot", "none/a.png"),
        ("two.yaml", "--generations", "-1"),
        ("two.yaml", "--set", "regime.replace.kind=nonsense"),
        ("two.yaml", "--set", "generations=many"),
    ],
)
def test_wrong_input_is_one_line(here, capsys, arguments):
    assert ran(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("genloss: ")
    assert len(err.splitlines()) == 1


def test_a_run_draws_its_predictions_by_default(here, capsys):
    (here / "small.yaml").write_text(SPEC.replace("generations: 30", "generations: 4\nengine: exact\nreplicates: 20"))
    assert main(["run", "small.yaml", "--out", "out", "--workers", "1"]) == 0
    page = (here / "out" / "report.html").read_text()
    assert "Dashed: what theory says." in page
    assert "variance_accumulate (mean) says" in page
    (here / "out" / "report.html").unlink()
    assert main(["report", "out"]) == 0
    assert (here / "out" / "report.html").read_text() == page
