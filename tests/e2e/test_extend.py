"""The how-to about extension points runs as it stands, and names every one of them."""

import re
from pathlib import Path

from genloss.theory import LAWS

GUIDE = Path(__file__).parents[2] / "docs/how-to/extend.md"


def test_every_example_runs_in_order(capsys):
    text = GUIDE.read_text(encoding="utf-8")
    names = {"__name__": "extend"}
    before = set(LAWS)
    try:
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            exec(compile(block, "extend.md", "exec"), names)
    finally:
        for name in set(LAWS) - before:
            del LAWS[name]
    said = capsys.readouterr().out
    assert "Logistic offers: entropy, quantile(q)" in said
    assert names["result"]["variance"].notnull().all()


def test_every_extension_point_has_its_bullet():
    bullets = re.findall(r"^- \*\*([^*]+)\*\*", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    for point in (
        "model",
        "family",
        "regime",
        "curator",
        "metric",
        "probe",
        "law",
        "detector",
        "watermark",
        "tokenizer",
        "engine",
    ):
        assert any(point in bullet for bullet in bullets), point
