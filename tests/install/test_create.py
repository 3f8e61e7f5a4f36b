"""An environment is made wherever its folder is called, and what is wrong is blamed on what is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conftest import PYTHON
from stackfix.errors import DiskError, InstallerError, TargetError
from stackfix.install.apply import failure
from stackfix.install.create import create, interpreter
from stackfix.install.installer import find_installer
from stackfix.install.process import Ended
from stackfix.install.target import resolved

BOTH = pytest.mark.parametrize("kind", ["uv", "pip"])


def made(kind: str, folder: Path, scratch: Path, prompt: str, **variables: str) -> None:
    environment = {**os.environ, **variables}
    installer = find_installer(kind, PYTHON, environment)
    create(folder, PYTHON, installer, prompt=prompt, scratch=scratch, variables=environment)


@BOTH
def test_a_name_that_begins_with_a_dash_is_no_option(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made(kind, Path("-dash"), tmp_path, "-dash")
    assert interpreter(tmp_path / "-dash").exists()


def test_a_cache_folder_that_is_a_file_is_not_blamed_on_the_python(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DiskError) as refused:
        made("uv", tmp_path / "new", tmp_path, "new", UV_CACHE_DIR=str(tmp_path / "file" / "uv"))
    assert refused.value.message.startswith("uv cannot use its cache folder `")
    assert "file/uv`: failed to create directory" in refused.value.message
    assert "UV_CACHE_DIR" in refused.value.hint


def test_an_install_that_has_no_cache_says_the_same():
    installer = find_installer("uv", PYTHON, os.environ)
    said = "error: Failed to initialize cache at `/none/uv`\n  cause: Permission denied (os error 13)"
    assert isinstance(failure(installer, Ended(2, said)), DiskError)
    assert isinstance(failure(installer, Ended(2, "error: something else")), InstallerError)


def test_a_name_that_scripts_would_quote_is_refused_with_another_way(tmp_path):
    with pytest.raises(TargetError) as refused:
        resolved(tmp_path / "quo'te")
    assert "--venv FOLDER" in refused.value.hint
