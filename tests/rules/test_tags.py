"""Tags: what we read of file names is what `packaging` says of them."""

import pytest
from hypothesis import given
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
    ["cp38-cp38", "cp312-cp312", "cp313-cp313t", "cp37-abi3", "cp310-abi3", "py3-none"]
)
PLATFORMS = st.sampled_from(
    [
        "any",
        "manylinux2014_x86_64",
        "manylinux_2_28_x86_64",
        "manylinux_2_28_aarch64",
        "win_amd64",
        "linux_x86_64",
    ]
)


@given(INTERPRETERS, PLATFORMS, st.sampled_from(PYTHONS))
def test_a_python_is_served_exactly_when_packaging_says_so(interpreter, platform, python):
    file = wheel(f"{interpreter}-{platform}")
    platforms = [f"manylinux_2_{minor}_x86_64" for minor in range(40, 4, -1)] + [
        "manylinux2014_x86_64",
        "linux_x86_64",
    ]
    known = {
        *oracle.cpython_tags((python.major, python.minor), [f"cp3{python.minor}"], platforms),
        *oracle.compatible_tags((python.major, python.minor), f"cp3{python.minor}", platforms),
    }
    expected = bool(known & parse_wheel_filename(file.name)[3])
    assert (pythons([file], [python], LINUX) == [python]) is expected
    assert (best_file([file], python, LINUX, (2, 40)) is not None) is expected


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
