"""Messages of the library name parameters; on the command line they name flags."""

import argparse
import ast
import re
from pathlib import Path

import pytest

import genloss
from genloss.cli.flags import in_flags
from genloss.cli.main import main, parser

SOURCE = Path(genloss.__file__).parent


def test_no_message_of_the_library_names_a_flag():
    named = []
    for path in SOURCE.rglob("*.py"):
        if path.is_relative_to(SOURCE / "cli"):
            continue
        for raised in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Raise)):
            texts = [node.value for node in ast.walk(raised) if isinstance(node, ast.Constant)]
            named += [
                (path.name, text) for text in texts if isinstance(text, str) and re.search(r"(^|\s)--[a-z]", text)
            ]
    assert named == []


SAID = {
    "fail_above: the share": "--fail-above: the share",
    "vocab_size: 7, but x.json is made for 8": "--vocab-size: 7, but x.json is made for 8",
    "spec: x.json: no vocabulary; give vocab_size=, that": "--spec: x.json: no vocabulary; give --vocab-size, that",
    "a.txt: line 3: the text is empty; set empty='skip'": "a.txt: line 3: the text is empty; set --empty skip",
    "name the field of the text (field=...)": "name the field of the text (--field)",
    "tokenizer=, ids=True and vocab_size= go with spec=": "--tokenizer, --ids and --vocab-size go with --spec",
    "give seed=3 or x.seed=3": "give seed=3 or x.seed=3",
    "json: no JSON": "json: no JSON",
    "spec.yaml: n0: 0 rows": "spec.yaml: n0: 0 rows",
}


@pytest.mark.parametrize(("message", "said"), SAID.items())
def test_parameters_become_the_flags_of_the_command(message, said):
    flags = parser().parse_args(["detect", "a.txt", "--spec", "x.json"]).flags
    assert in_flags(message, argparse.Namespace(flags=flags, file="json")) == said


def test_a_file_called_like_a_parameter_stays_a_file(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("out").mkdir()
    Path("out/other").write_text("x")
    assert main(["run", "--example", "gaussian", "--out", "out"]) == 2
    assert "genloss: out: not empty" in capsys.readouterr().err
