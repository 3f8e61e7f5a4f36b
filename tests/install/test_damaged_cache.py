"""What is emptied in place in one environment is emptied in uv's cache: the next install notices, and takes it anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conftest import PYTHON, Shelf, said
from stackfix.errors import NetworkError
from stackfix.install.contents import damaged
from stackfix.install.create import site_packages
from stackfix.install.install import install
from stackfix.install.progress import Silent
from stackfix.model.environment import Environment
from stackfix.probe.environment import read_environment

CODE = "app/__init__.py"


def yes(staged: Environment) -> bool:
    return True


def put(shelf: Shelf, target: Path, variables: dict[str, str], *packages: object, **more: object) -> Path:
    arguments = {"read": read_environment, "prove": yes, "variables": variables} | more
    return site_packages(install(shelf.lock(*packages), target, PYTHON, **arguments))


@pytest.fixture
def poisoned(shelf: Shelf, tmp_path: Path, variables: dict[str, str]) -> tuple[object, ...]:
    """Two packages that uv's cache holds; of `app` one file was emptied in place in an environment."""
    packages = (shelf.wheel("app"), shelf.wheel("lib", "2.0"))
    first = put(shelf, tmp_path / "first", variables, *packages)
    assert (first / CODE).stat().st_nlink > 1
    (first / CODE).write_bytes(b"")
    return packages


def test_a_damaged_copy_of_the_cache_is_said_and_passed_over(shelf, poisoned, tmp_path, variables):
    heard = Silent()
    shelf.asked.clear()
    second = put(shelf, tmp_path / "second", variables, *poisoned, progress=heard)
    assert (
        said(tmp_path / "second/bin/python", "import app, lib; print(app.version, lib.version)") == "1.0 2.0"
    )
    told = [line for line in heard.said if "cache" in line][-2:]
    size = len(b"version = '1.0'\ndef main(): print('app', version)\n")
    damage = f"{CODE} has 0 bytes, where its RECORD says {size}"
    assert told == [
        f"uv's cache holds a damaged copy of app 1.0 ({damage}): it comes anew, past the cache",
        "the cache stays as it is; `uv cache clean app` removes the damaged copy, which other environments would get",
    ]
    assert [name for name in shelf.asked if name.endswith(".whl")] == ["app-1.0-py3-none-any.whl"]
    assert not list((tmp_path / "second").glob(".stackfix-uv-*"))
    assert not list(second.glob("*.dist-info/direct_url.json"))
    assert (tmp_path / "first" / second.relative_to(tmp_path / "second") / CODE).read_bytes() == b""


def test_without_a_network_a_damaged_copy_is_no_reason_to_install_it(shelf, poisoned, tmp_path, variables):
    offline = variables | {"UV_OFFLINE": "1"}
    with pytest.raises(NetworkError, match=r"damaged copy of app 1\.0 .* `--offline` forbids") as raised:
        put(shelf, tmp_path / "second", offline, *poisoned)
    assert "uv cache clean app" in raised.value.hint
    assert not (tmp_path / "second").exists()


def test_pip_takes_whole_wheels_and_has_no_such_cache(shelf, poisoned, tmp_path, variables):
    heard = Silent()
    put(shelf, tmp_path / "second", variables, *poisoned, installer="pip", progress=heard)
    assert said(tmp_path / "second/bin/python", "import app; print(app.version)") == "1.0"
    assert not any("damaged" in line for line in heard.said)


def test_other_bytes_of_the_same_size_are_found_where_they_were_written_later(shelf, tmp_path, variables):
    packages = put(shelf, tmp_path / "first", variables, shelf.wheel("app"), shelf.wheel("lib"))
    path = packages / CODE
    assert damaged(packages, {"app", "lib"}) == {}
    later = path.stat().st_mtime + 3600
    os.utime(path, (later, later))
    assert damaged(packages, {"app", "lib"}) == {}
    path.write_bytes(path.read_bytes().replace(b"1.0", b"6.6"))
    os.utime(path, (later, later))
    assert damaged(packages, {"app", "lib"}) == {"app": f"{CODE} has another content than its RECORD says"}
    assert damaged(packages, {"lib"}) == {}


def test_a_file_that_is_gone_is_named(shelf, tmp_path, variables):
    packages = put(shelf, tmp_path / "first", variables, shelf.wheel("app"))
    (packages / CODE).unlink()
    assert damaged(packages, {"app"}) == {"app": f"{CODE} is not there"}
