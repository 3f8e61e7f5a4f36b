"""What is told of specifiers and markers without `packaging` is what `packaging` says."""

import itertools
from types import SimpleNamespace

import pytest
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from stackfix import app
from stackfix.model.machine import Platform
from stackfix.model.wheel import Listing
from stackfix.rules import plain
from stackfix.rules.metadata import admitted, applies, marker_variables
from stackfix.rules.scene import Releases

VERSIONS = ("0", "1", "1.0", "1.0.0", "1.2", "1.2.0", "1.2.3", "1.10", "2.0", "2.1", "12.4.127", "0.0.1")
UNUSUAL = ("1.2rc1", "1.2.post1", "1.2+cu118", "1.2.dev0", "1!1.2", "1.2.3.post1")


@pytest.mark.parametrize("operator", ["==", "!=", "<", "<=", ">", ">=", "~="])
def test_every_clause_admits_what_packaging_admits(operator):
    clauses = [f"{operator}{version}" for version in (*VERSIONS, "1.2rc1", "1.2.post1")]
    clauses += [f"{operator}{version}.*" for version in VERSIONS if operator in {"==", "!="}]
    clauses = [one for one in clauses if operator != "~=" or "." in one]
    for clause, version in itertools.product(clauses, (*VERSIONS, *UNUSUAL)):
        theirs = SpecifierSet(clause).contains(version, prereleases=True)
        assert plain.admits(clause, version) is theirs, (clause, version)


def test_clauses_are_joined_by_and():
    for text, version in itertools.product((">=1.2,<2", "!=1.2, >1", "~=1.2,!=1.10"), (*VERSIONS, *UNUSUAL)):
        assert plain.admits(text, version) is SpecifierSet(text).contains(version, prereleases=True)


@pytest.mark.parametrize(
    "text", ["==1.2.*", "==1.*", "~=1.2", "~=1.2.0", "~=1.2.3", "==0.0.*", "==1.2.0.*,!=1.2.3"]
)
def test_what_lies_in_one_stretch_is_found_by_its_ends(text):
    versions = sorted((*VERSIONS, *UNUSUAL, "1.3.dev1", "2.0rc1"), key=Version, reverse=True)
    rows = Listing(versions, versions, (0,) * len(versions), (), lambda place: None)
    scene = SimpleNamespace(admitted={}, releases=lambda package: Releases(rows))
    theirs = {one for one in versions if SpecifierSet(text).contains(one, prereleases=True)}
    assert admitted("any", text, scene) == theirs


def _markers():
    facts = app.database()
    rows = (wheel for name in facts.packages() for wheel in facts.wheels(name))
    return {text.partition(";")[2].strip() for row in rows for text in row.requires_dist} - {""}


def test_every_marker_on_record_holds_where_packaging_says_that_it_holds():
    markers = _markers()
    read = [text for text in markers if plain.condition(text) is not None]
    assert len(read) > 0.9 * len(markers) > 100
    for platform, python in itertools.product(
        ("linux_x86_64", "linux_aarch64", "win_amd64"), ("3.8", "3.12")
    ):
        variables = marker_variables(Platform.parse(platform), python, f"{python}.1")
        for text, extra in itertools.product(markers, ("", "all", "Test_Full", "cublas")):
            theirs = Marker(text).evaluate({**variables, "extra": extra})
            assert applies(text, variables, extra) is theirs, (text, platform, python, extra)


@pytest.mark.parametrize(
    "text",
    [
        "os_name == 'nt' or os_name == 'posix' and python_version < '3.9'",
        "(os_name == 'nt' or os_name == 'posix') and python_version < '3.9'",
        "((python_version >= '3.10'))",
        "python_full_version != '3.12.1' or extra == 'A.B'",
        "'3.9' <= python_version",
        "python_version in '3.8 3.12'",
        "python_version ~= '3.8'",
        "python_version == '3.*'",
        "sys_platform == '1'",
        "platform_release > '5'",
    ],
)
@pytest.mark.parametrize("python", ["3.8", "3.12"])
def test_brackets_bind_and_what_is_unusual_is_left_to_packaging(text, python):
    variables = marker_variables(Platform.parse("linux_x86_64"), python, f"{python}.1")
    for extra in ("", "a-b"):
        theirs = Marker(text).evaluate({**variables, "extra": extra})
        assert applies(text, variables, extra) is theirs


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(",
        ")",
        "os_name",
        "os_name == 'a' and",
        "(os_name == 'a'",
        "os_name == 'a')",
        "x == 'a'",
        "() and ()",
    ],
)
def test_what_is_no_plain_marker_is_not_read(text):
    assert plain.condition(text) is None
