"""The page of laws is what `LAWS` say, and the how-to does what it says."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from genloss.theory import LAWS
from genloss.theory.page import markdown

ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date():
    written = (ROOT / "docs/reference/laws.md").read_text()
    assert written == markdown(), "run python -m genloss.theory.page > docs/reference/laws.md"


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


def test_the_how_to_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs/how-to/add-a-law.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 4
    definition = blocks[0][blocks[0].index("EVEN =") :]
    assert len(definition.strip().splitlines()) < 10
    space = {}
    try:
        for block in blocks:
            exec(compile(block, "add-a-law.md", "exec"), space)
    finally:
        LAWS.pop("variance_basel_accumulate", None)
    shown = capsys.readouterr().out
    assert "sum of 1/i^2: variance" in shown
    assert shown.count("holds") == 2
    picture = ElementTree.parse(tmp_path / "variance_basel_accumulate.svg").getroot()
    lines = [part for part in picture.iter() if part.tag.endswith("polyline")]
    assert len(lines) == 2
    assert all(len(line.get("points").split()) == 9 for line in lines)
    assert "NaN" not in ElementTree.tostring(picture, "unicode")
