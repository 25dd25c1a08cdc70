"""`genloss verify` prints the ledger, and says by its exit status whether theory stands."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import genloss as gl
from genloss.cli.main import main
from genloss.theory import LAWS
from genloss.theory.verification.verify import verify

FEW = "variance_accumulate_published"


def ran(*arguments):
    return main(["verify", *map(str, arguments)])


@pytest.fixture
def wrong():
    """A law that is wrong by a fifth, of a user's own."""

    def compute(source: gl.Gaussian, learner: gl.GaussianMLE, regime: gl.Replace, n: gl.theory.Sizes):
        """Nothing <script>alert(1)</script> of this is true."""
        return 0.8 * np.cumprod(1 - 1 / n)

    compute.__name__ = "wrong_law_of_mine"
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(10), n0=10)
    compute.__annotations__["return"] = gl.theory.Values
    gl.theory.law("variance", example=chain, reference="[red]nobody[/red] \x1b[31m")(compute)
    yield "wrong_law_of_mine"
    del LAWS["wrong_law_of_mine"]


def test_the_ledger_is_printed_and_stands(capsys):
    assert ran("--only", FEW, "--workers", 1) == 0
    out, err = capsys.readouterr()
    assert "1 law, 1 erratum: all stand at five standard errors (seed 0)" in out
    for words in ("claim, source", "predicted", "measured", "verdict", "refuted", "holds"):
        assert words in out
    assert err == ""


def test_json_is_one_document_and_nothing_else():
    call = [sys.executable, "-m", "genloss", "verify", "--json", "--only", FEW, "--workers", "2", "--seed", "5"]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert done.stderr == ""
    assert found["holds"] is True
    assert (found["seed"], found["only"]) == (5, FEW)
    alone = verify(FEW, 5)
    assert [row["measured"] for row in found["rows"]] == [row.measured for row in alone.rows]
    assert [row["z"] for row in found["rows"]] == [row.z for row in alone.rows]
    assert {row["part"] for row in found["rows"]} == {"laws", "errata"}


def test_another_seed_measures_something_else():
    one, other = verify(FEW, 1), verify(FEW, 2)
    assert [row.predicted for row in one.rows] == [row.predicted for row in other.rows]
    assert all(a.measured != b.measured for a, b in zip(one.rows, other.rows, strict=True))


def test_a_law_that_fails_is_told_by_the_status(wrong, capsys, tmp_path):
    page = tmp_path / "ledger.html"
    assert ran("--only", wrong, "--workers", 2, "--html", page) == 1
    out = capsys.readouterr().out
    assert "FAIL" in out
    assert "[red]nobody[/red] ?[31m" in out
    assert "\x1b" not in out
    text = page.read_text()
    assert "1 fail" in text
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_a_part_that_is_not_known_is_one_line(capsys):
    assert ran("--only", "nonsense") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert (
        err == "genloss: --only: nothing is named 'nonsense'; give laws, errata, claims, or a piece of a law's name\n"
    )
    assert ran("--only", FEW, "--workers", 0) == 2
    assert ran("--only", FEW, "--seed", -1) == 2
    assert ran("--only", FEW, "--html", "no/such/folder.html") == 2
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_the_page_holds_plots_and_runs_nothing(tmp_path):
    page = tmp_path / "ledger.html"
    assert ran("--only", FEW, "--workers", 1, "--html", page, "--json") == 0
    text = page.read_text()
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in text
    pictures = [base64.b64decode(each) for each in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", text)]
    assert len(pictures) == 4
    assert all(b"<svg" in each and b"standard errors" not in each for each in pictures)
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", text)
    for name in ("variance_accumulate_published", "variance_accumulate"):
        assert f'">{name}</a>' in text


def test_single_numbers_are_drawn_as_intervals():
    from genloss.report.ledger_page import html

    found = verify("signal_verified")
    text = html(found.rows, found.checks)
    picture = base64.b64decode(re.findall(r"data:image/svg\+xml;base64,([^\"]+)", text)[0])
    assert b"standard errors from the prediction" in picture


def test_the_how_to_runs_as_it_stands(capsys):
    guide = Path(__file__).parents[2] / "docs/how-to/verify-the-laws.md"
    blocks = re.findall(r"```python\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(block, {})
    out = capsys.readouterr().out
    assert "refuted; variance_accumulate holds" in out
    assert out.endswith("\nvariance_accumulate\n")
