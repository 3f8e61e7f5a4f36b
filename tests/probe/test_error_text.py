"""An error text is read in blocks, from a file or from standard input, and never without end."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from stackfix.errors import QuestionError
from stackfix.probe import error_text
from stackfix.probe.error_text import blocks_of


def test_a_file_is_read_in_blocks(tmp_path):
    (tmp_path / "log").write_bytes(b"x" * 600_000)
    blocks = list(blocks_of(str(tmp_path / "log")))
    assert [len(block) for block in blocks] == [262_144, 262_144, 75_712]


def test_a_dash_is_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"from a pipe")))
    assert b"".join(blocks_of("-")) == b"from a pipe"


@pytest.mark.parametrize("name", ["none", ".", "a\0b"])
def test_what_cannot_be_read_is_told_with_its_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(QuestionError, match="cannot be read"):
        list(blocks_of(name))


def test_a_text_without_end_is_refused_with_a_way_out(monkeypatch, tmp_path):
    monkeypatch.setattr(error_text, "LIMIT", 300_000)
    (tmp_path / "log").write_bytes(b"x" * 600_000)
    with pytest.raises(QuestionError) as caught:
        list(blocks_of(str(tmp_path / "log")))
    assert "tail" in caught.value.hint
