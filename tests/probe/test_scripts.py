"""Scripts of an environment that start another one's Python, as those of a copied or moved one do."""

from __future__ import annotations

import shutil
import sys
import venv
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "judging"))

from patients import finding, look

from stackfix.probe.scripts import strange_scripts


@pytest.fixture
def made(tmp_path):
    """An environment with two scripts of its own: a plain one, and one written round a path with spaces."""
    folder = tmp_path / "original"
    venv.create(folder, symlinks=True)
    (folder / "bin" / "tool").write_text(f"#!{folder}/bin/python\nimport this\n")
    spaced = f"#!/bin/sh\n'''exec' '{folder}/bin/python3' \"$0\" \"$@\"\n' '''\nimport this\n"
    (folder / "bin" / "spaced").write_text(spaced)
    (folder / "bin" / "system").write_text("#!/usr/bin/python3\n")
    (folder / "bin" / "shell").write_text("#!/bin/sh\nexec true\n")
    return folder


def test_an_environment_where_it_was_made_has_none(made):
    assert strange_scripts(made) == ()


def test_one_that_is_reached_by_a_link_has_none(made, tmp_path):
    (tmp_path / "link").symlink_to(made)
    assert strange_scripts(tmp_path / "link") == ()
    (made / "bin" / "tool").write_text(f"#!{tmp_path}/link/bin/python\n")
    assert strange_scripts(made) == ()


@pytest.mark.parametrize("moved", [False, True])
def test_those_of_a_copied_or_moved_one_are_named_with_where_they_lead(made, tmp_path, moved):
    copy = tmp_path / "copy"
    if moved:
        made.rename(copy)
    else:
        shutil.copytree(made, copy, symlinks=True)
    assert strange_scripts(copy) == (("spaced", str(made)), ("tool", str(made)))
    found = finding(look(copy), "copied_environment")
    assert found.severity == "warning"
    assert f"2 scripts of it start the Python in {made}" in found.text
    assert f"{Path(copy) / 'bin' / 'python'} -m pip" in found.fix
