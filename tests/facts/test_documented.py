"""What documents say of other indexes, held against the wheels of the main one."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet

from stackfix.facts.database import Database
from stackfix.facts.root import data_root
from stackfix.facts.sources import documented, read_sources
from stackfix.model.evidence import Source
from stackfix.model.growth import Documented

PLATFORMS = ("linux_x86_64", "linux_aarch64", "win_amd64")


def pythons_measured(package, minor, platform):
    files = [
        file
        for wheel in Database(data_root()).wheels(package)
        if wheel.platform == platform and ".".join(wheel.key.split(".")[:2]) == minor
        for file in wheel.files
    ]
    tags = {tag for file in files for tag in file.name.split("-")[2:3] if tag.startswith("cp3")}
    return {f"3.{tag.removeprefix('cp3')}" for tag in tags}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_documents_exclude_no_python_of_which_the_main_index_has_a_wheel(platform):
    excluded = {
        (one.minor, python)
        for one in documented(data_root(), "torch", platform)
        for python in pythons_measured("torch", one.minor, platform)
        if one.excludes(python)
    }
    assert excluded == ({("1.13", "3.11")} if platform == "linux_x86_64" else set())


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_main_index_has_wheels_for_the_documented_pythons(platform):
    missing = {
        (one.minor, python)
        for one in documented(data_root(), "torch", platform)
        for python in (f"3.{minor}" for minor in range(7, 20))
        if not one.excludes(python) and python not in pythons_measured("torch", one.minor, platform)
    }
    assert missing == {("2.14", "3.15")} | ({("1.13", "3.7")} if platform != "linux_aarch64" else set())


def test_every_statement_on_torch_names_its_pythons_and_one_document_of_pytorch():
    for row in read_sources(data_root()).documented:
        if row.package == "torch":
            assert SpecifierSet(row.pythons)
            assert row.method == "documented"
            assert row.source.startswith("https://github.com/pytorch/")


def test_a_document_that_names_no_pythons_excludes_none():
    evidence = Source(method="documented", where="a page", seen="2026-11-24")
    silent = Documented(package="torch", minor="2.7", index="there", cuda="11.8", evidence=evidence)
    assert not silent.excludes("3.99")
