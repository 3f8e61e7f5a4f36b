"""The kinds of versions and names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from stackfix.errors import QuestionError
from stackfix.versions import ComputeCapability, CudaVersion, DriverVersion, PythonVersion, canonical_name


@given(st.text("aB1-_.", min_size=1))
def test_names_are_compared_as_packaging_compares_them(name):
    assert canonical_name(name) == canonicalize_name(name)


def test_drivers_compare_number_by_number():
    assert DriverVersion.parse("535.104.05") > DriverVersion.parse("535.54.03")
    assert DriverVersion.parse("580.65.06") >= DriverVersion.parse("580.65.6")
    assert DriverVersion.parse("580") == DriverVersion.parse("580.0")
    assert hash(DriverVersion.parse("580")) == hash(DriverVersion.parse("580.0"))
    assert DriverVersion.parse("1000.1").branch == 1000


@pytest.mark.parametrize("text", ["", "13.0", "five", "580.", "580.65.06-beta", "580 65", "-1"])
def test_what_is_no_driver_is_refused(text):
    with pytest.raises(QuestionError):
        DriverVersion.parse(text)


def test_capabilities_are_read_in_all_their_spellings():
    assert {str(ComputeCapability.parse(text)) for text in ("12.0", "sm_120", "compute_120", "SM_120a")} == {
        "12.0"
    }
    assert ComputeCapability.parse("sm_89").sm == "sm_89"
    with pytest.raises(QuestionError):
        ComputeCapability.parse("89")


def test_cuda_and_python_are_major_and_minor():
    assert CudaVersion.from_driver_api(13040) == CudaVersion.parse("13.4.1")
    assert PythonVersion.parse("3.12") < PythonVersion.parse("3.13")
    assert str(PythonVersion.parse("3.12.1")) == "3.12.1"
    with pytest.raises(QuestionError):
        CudaVersion.parse("thirteen")
