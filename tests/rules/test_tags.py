"""Tags: what we read of file names is what `packaging` says of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging import tags as oracle
from packaging.utils import parse_wheel_filename

from stackfix.model.machine import Platform
from stackfix.model.wheel import WheelFile
from stackfix.rules.tags import best_file, needed_glibc, pythons
from stackfix.versions import PythonVersion

LINUX = Platform.parse("linux_x86_64")
PYTHONS = [PythonVersion(3, minor) for minor in range(8, 16)]


def wheel(tag, requires_python=""):
    return WheelFile(name=f"a-1.0-{tag}.whl", size=1, sha256="0" * 64, requires_python=requires_python)


INTERPRETERS = st.sampled_from(
    [
        "cp38-cp38",
        "cp312-cp312",
        "cp313-cp313",
        "cp313-cp313t",
        "cp37-abi3",
        "cp310-abi3",
        "cp312-abi3",
        "cp312-none",
        "py3-none",
        "py2.py3-none",
        "py310-none",
        "py312-none",
        "cp311-cp310",
    ]
)
PLATFORMS = st.sampled_from(
    [
        "any",
        "manylinux2014_x86_64",
        "manylinux_2_17_x86_64",
        "manylinux_2_28_x86_64",
        "manylinux1_x86_64",
        "manylinux_2_28_aarch64",
        "win_amd64",
        "linux_x86_64",
        "musllinux_1_2_x86_64",
        "manylinux2014_x86_64.manylinux_2_17_x86_64",
    ]
)
TAGS = st.tuples(INTERPRETERS, PLATFORMS).map("-".join)
LEGACY = {17: ["manylinux2014_x86_64"], 12: ["manylinux2010_x86_64"], 5: ["manylinux1_x86_64"]}


def places(python, glibc, *, free_threaded):
    """What `packaging` accepts, with its place; lower is better."""
    platforms = []
    for minor in range(glibc, 4, -1):
        platforms += [f"manylinux_2_{minor}_x86_64", *LEGACY.get(minor, [])]
    platforms.append("linux_x86_64")
    abi = f"cp3{python.minor}{'t' if free_threaded else ''}"
    version = (python.major, python.minor)
    known = [
        *oracle.cpython_tags(version, [abi], platforms),
        *oracle.compatible_tags(version, f"cp3{python.minor}", platforms),
    ]
    return {tag: place for place, tag in reversed(list(enumerate(known)))}


@settings(max_examples=400, deadline=None)
@given(
    st.lists(TAGS, min_size=1, max_size=4, unique=True),
    st.sampled_from(PYTHONS),
    st.sampled_from([20, 28, 40]),
    st.booleans(),
)
def test_the_file_that_is_taken_is_one_that_packaging_ranks_first(tags, python, glibc, free_threaded):
    files = [wheel(tag) for tag in tags]
    known = places(python, glibc, free_threaded=free_threaded)
    ranked = {
        file.name: min(
            (known[tag] for tag in parse_wheel_filename(file.name)[3] if tag in known), default=None
        )
        for file in files
    }
    best = min((place for place in ranked.values() if place is not None), default=None)
    taken = best_file(files, python, LINUX, (2, glibc), free_threaded=free_threaded)
    assert (taken is None) is (best is None)
    assert taken is None or ranked[taken.name] == best


@pytest.mark.parametrize(
    ("glibc", "fits"), [((2, 27), False), ((2, 28), True), ((2, 39), True), (None, True)]
)
def test_glibc_rules_out_wheels_for_newer_systems(glibc, fits):
    file = wheel("cp312-cp312-manylinux_2_28_x86_64")
    assert (best_file([file], PythonVersion(3, 12), LINUX, glibc) is not None) is fits
    assert needed_glibc(file) == (2, 28)


def test_of_two_equal_wheels_the_higher_build_is_taken():
    plain, rebuilt = wheel("cp312-cp312-manylinux_2_28_x86_64"), wheel("3-cp312-cp312-manylinux_2_28_x86_64")
    assert best_file([plain, rebuilt], PythonVersion(3, 12), LINUX, None) == rebuilt


def test_requires_python_rules_out_what_the_tag_admits():
    file = wheel("py3-none-any", ">=3.11")
    assert pythons([file], PYTHONS, LINUX) == [python for python in PYTHONS if python.minor >= 11]
