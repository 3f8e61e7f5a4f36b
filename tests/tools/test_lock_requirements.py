"""The lock of the tool itself: it serves every Python that the tool runs on, by hash, and names no index."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from stackfix.plan.lock import parse_toml

CHECKOUT = Path(__file__).resolve().parents[2]
FILES = ("requirements.txt", "build.txt")


def locked(file):
    text = (CHECKOUT / "data" / "tool" / file).read_text()
    for entry in re.split(r"\n(?=[a-z0-9])", re.sub(r"^#.*\n", "", text)):
        head, *hashes = entry.replace("\\\n", " ").split("--hash=")
        yield Requirement(head.strip()), hashes


def environment(python):
    return {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}


@pytest.mark.parametrize("file", FILES)
def test_every_file_is_named_by_sha256_and_none_by_an_address(file):
    assert "://" not in (CHECKOUT / "data" / "tool" / file).read_text()
    for requirement, hashes in locked(file):
        assert str(requirement.specifier).startswith("==")
        assert hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}\s*", each) for each in hashes)


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13", "3.14"])
def test_each_dependency_has_one_pin_that_it_admits_on_each_python(python):
    project = parse_toml((CHECKOUT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["uv"]]
    pins: dict[str, list[str]] = {}
    for requirement, _ in locked("requirements.txt"):
        if requirement.marker is None or requirement.marker.evaluate(environment(python)):
            pins.setdefault(requirement.name, []).append(str(requirement.specifier)[2:])
    for text in asked:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate(environment(python)):
            continue
        assert len(pins[wanted.name]) == 1
        assert wanted.specifier.contains(pins[wanted.name][0], prereleases=True)


def test_what_builds_is_pinned_where_it_is_not_needed_otherwise():
    tool, build = ({requirement.name for requirement, _ in locked(file)} for file in FILES)
    assert "hatchling" in build
    assert not tool & build
