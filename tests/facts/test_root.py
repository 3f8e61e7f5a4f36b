"""Where the data lies: never an old copy beside a checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from stackfix.errors import DataError
from stackfix.facts import root


@pytest.fixture(autouse=True)
def _fresh():
    root.data_root.cache_clear()
    yield
    root.data_root.cache_clear()


def _package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    package = tmp_path / "src" / "stackfix"
    package.mkdir(parents=True)
    monkeypatch.setattr(root, "_PACKAGE", package)
    return package


def _data(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "drivers.toml").write_text("")
    return folder


def test_an_installed_package_brings_its_data(monkeypatch, tmp_path):
    package = _package(monkeypatch, tmp_path)
    assert _data(package / "data") == root.data_root()


def test_a_checkout_wins_over_the_stale_copy_that_a_build_left(monkeypatch, tmp_path):
    package = _package(monkeypatch, tmp_path)
    _data(package / "data")
    assert _data(tmp_path / "data") == root.data_root()


def test_an_unrelated_data_folder_is_not_taken_for_ours(monkeypatch, tmp_path):
    package = _package(monkeypatch, tmp_path)
    (tmp_path / "data").mkdir()
    assert _data(package / "data") == root.data_root()


def test_an_installation_without_data_says_what_is_missing(monkeypatch, tmp_path):
    package = _package(monkeypatch, tmp_path)
    with pytest.raises(DataError, match="data folder is missing") as caught:
        root.data_root()
    assert caught.value.file == str(package / "data")


def test_this_checkout_has_its_data():
    assert (root.data_root() / "recipes" / "dwpose.toml").is_file()
