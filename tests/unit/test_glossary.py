"""The words of the pages are explained once, on every page and in the documentation."""

from importlib import resources
from pathlib import Path

import pytest

import genloss as gl
from genloss import report
from genloss.report.glossary import GLOSSARY, markdown

ROOT = Path(__file__).parents[2]


def test_the_documentation_is_written_from_the_list():
    page = (ROOT / "docs/reference/glossary.md").read_text(encoding="utf-8")
    assert page == markdown(), "run `python -m genloss.report.glossary > docs/reference/glossary.md`"
    assert len(GLOSSARY) >= 15
    assert "docs/reference/glossary.md" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("template", ["page.html", "ledger.html", "foretold.html"])
def test_every_page_holds_the_list(template):
    text = resources.files("genloss.report").joinpath(template).read_text(encoding="utf-8")
    assert '{% include "glossary.html" %}' in text


def test_a_report_links_to_its_words():
    chain = gl.Chain(gl.Gaussian(), gl.GaussianMLE(), gl.Replace(20), n0=20)
    result = gl.run(chain, {"variance": gl.probes.variance}, generations=2, replicates=3, engine="exact")
    page = report.html(result)
    assert 'href="#words"' in page
    assert 'id="words"' in page
    assert all(f"<dt>{term}</dt>" in page for term in GLOSSARY)
