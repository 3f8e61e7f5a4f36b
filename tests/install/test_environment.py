"""An environment is read from outside: what is in it, and what is broken in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from conftest import PYTHON, VERSION
from stackfix.errors import TargetError
from stackfix.probe.environment import read_environment


@pytest.fixture(scope="module")
def here():
    """The environment that these tests run in."""
    return read_environment(Path(sys.prefix))


def test_packages_and_python_are_those_that_run(here):
    assert str(here.python) == ".".join(map(str, sys.version_info[:3]))
    assert here.packages["pytest"] == pytest.__version__
    assert not here.hook
    assert here.lock == ""


def test_libraries_say_what_an_independent_reader_says(here):
    libraries = [each for each in here.libraries if each.path.startswith(("numpy", "onnxruntime"))]
    assert libraries
    for library in libraries:
        with (Path(here.site_packages[0]) / library.path).open("rb") as handle:
            tags = list(ELFFile(handle).get_section_by_name(".dynamic").iter_tags())
        assert library.needed == tuple(tag.needed for tag in tags if tag.entry.d_tag == "DT_NEEDED"), library
        assert library.soname == next((tag.soname for tag in tags if tag.entry.d_tag == "DT_SONAME"), ""), (
            library
        )


@pytest.fixture
def broken(tmp_path) -> Path:
    folder = tmp_path / "venv"
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", folder], check=True)
    packages = folder / "lib" / f"python{VERSION}" / "site-packages"
    for name, metadata, record in (
        (
            "good",
            "Name: Good_One\nVersion: 1\nRequires-Dist: six (>=1)\n",
            "good.py,,\nlib/libx.so.1,,\ngone.py,,\n",
        ),
        ("nameless", "Summary: nothing\n", ""),
        ("silent", "Name: silent\nVersion: 2\n", None),
        ("hostile", "Name: hostile\nVersion: 3\n", "../../../../../../../etc/passwd,,\n/etc/passwd,,\n"),
    ):
        info = packages / f"{name}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(metadata)
        if record is not None:
            (info / "RECORD").write_text(record)
    (packages / "empty-1.dist-info").mkdir()
    (packages / "good.py").write_text("raise SystemExit('never imported')")
    (packages / "lib").mkdir()
    (packages / "lib" / "libx.so.1").write_bytes(b"\x7fELF\x02\x01 and then nothing")
    return folder


def test_what_is_broken_is_named_and_the_rest_is_read(broken):
    found = read_environment(broken)
    assert found.packages == {"good-one": "1", "hostile": "3", "silent": "2"}
    assert sorted(each.split(":")[0] for each in found.unreadable) == [
        "empty-1.dist-info",
        "nameless-1.dist-info",
        "silent-1.dist-info",
    ]
    good = next(each for each in found.distributions if each.name == "good-one")
    assert good.missing == ("gone.py",)
    assert good.requires_dist == ("six (>=1)",)
    assert [(each.path, bool(each.broken)) for each in good.libraries] == [("lib/libx.so.1", True)]
    assert not next(each for each in found.distributions if each.name == "hostile").files


def test_an_interpreter_stands_for_its_environment(broken):
    assert read_environment(broken / "bin" / "python") == read_environment(broken)
    assert str(read_environment(PYTHON).python) == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.parametrize("what", ["nothing", "file", "folder"])
def test_what_is_no_environment_is_said_so(tmp_path, what):
    place = tmp_path / "place"
    if what == "file":
        place.write_text("x")
    elif what == "folder":
        place.mkdir()
    with pytest.raises(TargetError, match="place"):
        read_environment(place)
