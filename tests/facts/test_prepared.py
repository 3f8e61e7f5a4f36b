"""The prepared file is only ever a faster way to the same facts."""

from __future__ import annotations

import json

import pytest

from stackfix.errors import DataError
from stackfix.facts import prepared
from stackfix.facts.root import data_root


def _prepare(root):
    (root / prepared.PREPARED).write_bytes(prepared.encoded(prepared.prepare(root)))


def test_the_prepared_file_of_this_checkout_was_made_from_its_toml():
    root = data_root()
    assert json.loads((root / prepared.PREPARED).read_bytes())["digest"] == prepared.digest(root)


def test_prepared_facts_equal_the_toml(root):
    _prepare(root)
    assert prepared.load(root) == prepared.prepare(root)


def test_a_prepared_file_is_what_is_read_while_the_toml_is_as_it_was(root, monkeypatch):
    _prepare(root)
    monkeypatch.setattr(prepared, "parse_toml", lambda _: pytest.fail("the TOML was parsed"))
    assert prepared.load(root).drivers.floor


def test_a_changed_toml_is_believed_and_not_the_prepared_file(root):
    _prepare(root)
    path = root / "drivers.toml"
    path.write_text(path.read_text().replace("525.60.13", "525.60.99"))
    floors = {row.major: row.linux for row in prepared.load(root).drivers.floor}
    assert floors[12] == "525.60.99"


@pytest.mark.parametrize("keep", [0, 1, 1000, -3])
def test_a_cut_prepared_file_falls_back_to_the_toml(root, keep):
    _prepare(root)
    whole = (root / prepared.PREPARED).read_bytes()
    (root / prepared.PREPARED).write_bytes(whole[:keep])
    assert prepared.load(root) == prepared.prepare(root)


@pytest.mark.parametrize("content", [b"\x00\xff", b"[]", b'{"digest": 3}', b"\x80" * 40])
def test_a_prepared_file_of_other_bytes_falls_back_to_the_toml(root, content):
    (root / prepared.PREPARED).write_bytes(content)
    assert prepared.load(root) == prepared.prepare(root)


def test_without_a_prepared_file_the_toml_is_read(root):
    (root / prepared.PREPARED).unlink()
    assert prepared.load(root).gpus.gpu


@pytest.mark.parametrize(
    ("old", "new", "place", "reason"),
    [
        ("major = 12", "major = 12\ncolour = 1", "floor", "colour"),
        ('method = "documented"', 'method = "guessed"', "method", "guessed"),
        ("major = 12", 'major = "12"', "major", "int"),
        ("[[floor]]", "[floor", "", "not TOML"),
        ('seen = "2026-11-24"', "", "", "seen"),
    ],
)
def test_a_broken_row_is_told_with_file_and_key(root, old, new, place, reason):
    path = root / "drivers.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DataError) as caught:
        prepared.load(root)
    assert caught.value.file == "drivers.toml"
    assert place in caught.value.place
    assert reason in caught.value.reason


def test_a_row_without_a_source_is_refused(root):
    path = root / "gpus.toml"
    lines = path.read_text().splitlines()
    lines.remove(next(line for line in lines if line.startswith("source = ")))
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"gpus\.toml: capability.*missing required field `source`"):
        prepared.load(root)


def test_a_toml_that_is_not_utf8_is_told(root):
    (root / "cudnn.toml").write_bytes(b"seen = '\xff'")
    with pytest.raises(DataError, match=r"cudnn\.toml"):
        prepared.load(root)


@pytest.mark.parametrize("name", ["drivers", "gpus", "cudnn", "pairs", "libraries"])
def test_a_missing_file_is_told_by_name(root, name):
    (root / f"{name}.toml").unlink()
    with pytest.raises(DataError, match=rf"{name}\.toml: cannot be read"):
        prepared.load(root)
