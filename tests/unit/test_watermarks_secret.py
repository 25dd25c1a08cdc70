"""Keys show fingerprints, work as the numbers they are, and may be named in place of being written down."""

import json
import pickle  # noqa: TID251  what worker processes use

import pytest

from genloss import SpecError
from genloss.plain.describe import describe
from genloss.plain.secret import fingerprint
from genloss.provenance import KGW, Gumbel, SynthID, Unigram, WatermarkSpec

VOCAB = 400
SECRET = 4_815_162_342
HIDDEN = {
    "kgw": (lambda key: KGW(VOCAB, key=key), SECRET),
    "unigram": (lambda key: Unigram(VOCAB, key=key), SECRET),
    "gumbel": (lambda key: Gumbel(VOCAB, key), SECRET),
    "synthid": (lambda key: SynthID(VOCAB, key), (SECRET, 23)),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_a_key_shows_its_fingerprint_and_works_as_the_number_it_is(name, tmp_path, monkeypatch):
    make, key = HIDDEN[name]
    plain = json.dumps(key)
    scheme, other = make(key), make(key + 1 if name != "synthid" else (*key, 1))
    field = "keys" if name == "synthid" else "key"
    for text in (repr(scheme), str(WatermarkSpec(scheme)), json.dumps(describe(WatermarkSpec(scheme)))):
        assert str(SECRET) not in text
        assert fingerprint(key) in text
    assert fingerprint(key) != fingerprint(getattr(other, field))
    assert WatermarkSpec.from_plain(WatermarkSpec(scheme).to_plain()).scheme == scheme
    assert json.loads(plain) == WatermarkSpec(scheme).to_plain()[field]
    monkeypatch.setenv("GENLOSS_TEST_KEY", plain)
    (tmp_path / "key").write_text(f" {plain}\n")
    for named in ({"env": "GENLOSS_TEST_KEY"}, {"file": str(tmp_path / "key")}):
        found = make(named)
        assert found == scheme
        assert hash(found) == hash(scheme)
        assert describe(found)[field] == {**named, "fingerprint": fingerprint(key)}
        assert make(describe(found)[field]) == scheme
        assert pickle.loads(pickle.dumps(found)) == scheme  # noqa: S301
        assert describe(pickle.loads(pickle.dumps(found))) == describe(found)  # noqa: S301
    again = scheme.with_key(key)
    assert again == scheme
    assert repr(again) == repr(scheme)


def test_the_published_default_is_no_secret():
    assert "key=15485863" in repr(KGW(VOCAB))
    assert "key" not in describe(KGW(VOCAB))
    assert "fingerprint" in describe(KGW(VOCAB, key=7))["key"]


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("4815162342", "gumbel.key: is not a whole number from 0 to"),
        (2.5, "gumbel.key: is not a whole number"),
        (True, "gumbel.key: is not a whole number"),
        (-SECRET, "gumbel.key: is not a whole number from 0"),
        ({"env": "GENLOSS_NO_SUCH"}, "there is no environment variable GENLOSS_NO_SUCH"),
        ({"env": "GENLOSS_TEST_KEY"}, "GENLOSS_TEST_KEY holds no whole number, nor a list"),
        ({"file": "no-such-file"}, "no-such-file: cannot be read"),
        ({"fingerprint": "key-000000"}, "only its fingerprint 'key-000000' is known here"),
        ({"key": SECRET}, "a mapping with key; give the key"),
        ({"env": "A", "file": "b"}, "a mapping with env, file; give the key"),
        ({}, "a mapping with nothing"),
    ],
)
def test_a_wrong_key_is_one_line_that_does_not_show_it(monkeypatch, key, says):
    monkeypatch.setenv("GENLOSS_TEST_KEY", f"secret {SECRET}")
    with pytest.raises(SpecError, match=says) as error:
        Gumbel(VOCAB, key)
    assert str(SECRET) not in str(error.value)
    assert "\n" not in str(error.value)
