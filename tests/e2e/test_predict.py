"""`genloss predict` says what theory knows of a spec, and runs nothing."""

import csv
import io
import json

import numpy as np
import pytest

import genloss as gl
from genloss.cli.main import main

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
    for words in ("replace, 20", "mine [red], 50", "variance_replace, exact", "mean of variance", "Papers"):
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
    some = [row for row in rows if row["chain"] == "replace, 20" and row["variable"] == "variance"]
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
