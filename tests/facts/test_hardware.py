"""What the rules ask of drivers, GPUs, cuDNN and libraries, on the facts as they are recorded."""

from __future__ import annotations

import pytest
from packaging.version import Version

from stackfix.facts.database import Database
from stackfix.facts.root import data_root
from stackfix.versions import ComputeCapability, CudaVersion, DriverVersion

DATABASE = Database(data_root())
HARDWARE = DATABASE.hardware


@pytest.mark.parametrize(
    ("major", "linux", "windows"),
    [(11, "450.80.02", "452.39"), (12, "525.60.13", "528.33"), (13, "580.65.06", "580.88")],
)
def test_each_cuda_major_has_a_floor_for_each_system(major, linux, windows):
    assert str(HARDWARE.floor(major, "linux", wsl=False).driver) == linux
    assert str(HARDWARE.floor(major, "windows", wsl=False).driver) == windows


def test_wsl_reports_the_windows_driver_so_its_floor_is_the_windows_one():
    assert str(HARDWARE.floor(12, "linux", wsl=True).driver) == "528.33"


@pytest.mark.parametrize("major", [9, 14])
def test_nothing_is_said_of_a_cuda_major_that_is_not_recorded(major):
    assert HARDWARE.floor(major, "linux", wsl=False) is None


def test_every_floor_says_where_it_stands():
    source = HARDWARE.floor(13, "linux", wsl=False).source
    assert (source.method, source.seen) == ("documented", "2026-11-24")
    assert "docs.nvidia.com" in source.where


def test_cuda_minors_come_newest_first_and_without_the_one_that_was_never_released():
    minors = [str(minor) for minor in HARDWARE.cuda_minors()]
    assert minors[:2] == ["13.5", "13.4"]
    assert "12.7" not in minors
    assert list(HARDWARE.cuda_minors()) == sorted(HARDWARE.cuda_minors(), reverse=True)


@pytest.mark.parametrize(
    ("toolkit", "branch"), [("11.8", 520), ("12.1", 530), ("12.8", 570), ("13.0", 580), ("13.4", 615)]
)
def test_ptx_needs_the_branch_of_the_toolkit_that_wrote_it(toolkit, branch):
    assert HARDWARE.ptx_branch(CudaVersion.parse(toolkit)) == branch


@pytest.mark.parametrize("toolkit", ["13.5", "12.7", "14.0"])
def test_nothing_is_said_of_ptx_whose_branch_no_document_names(toolkit):
    assert HARDWARE.ptx_branch(CudaVersion.parse(toolkit)) is None


@pytest.mark.parametrize(
    ("capability", "first", "last", "last_branch"),
    [
        ("3.5", "6.0", "11.8", 470),
        ("5.2", "6.5", "12.9", 580),
        ("6.1", "8.0", "12.9", 580),
        ("7.0", "9.0", "12.9", 580),
        ("7.5", "10.0", None, None),
        ("8.6", "11.1", None, None),
        ("8.9", "11.8", None, None),
        ("9.0", "11.8", None, None),
        ("10.0", "12.8", None, None),
        ("10.3", "12.9", None, None),
        ("10.7", "13.4", None, None),
        ("12.0", "12.8", None, None),
    ],
)
def test_a_capability_has_its_first_and_last_cuda_and_its_last_driver(capability, first, last, last_branch):
    row = HARDWARE.capability(ComputeCapability.parse(capability))
    assert str(row.first_cuda) == first
    assert (str(row.last_cuda) if row.last_cuda else None, row.last_driver_branch) == (last, last_branch)


def test_a_capability_newer_than_the_table_is_a_value_of_which_nothing_is_said():
    assert HARDWARE.capability(ComputeCapability(19, 3)) is None
    assert HARDWARE.first_cuda_of_family(ComputeCapability(19, 3)) is None


def test_code_of_a_lower_minor_serves_a_gpu_before_its_own_first_cuda():
    assert HARDWARE.first_cuda_of_family(ComputeCapability(8, 6)) == CudaVersion(11, 0)
    assert HARDWARE.first_cuda_of_family(ComputeCapability(8, 0)) == CudaVersion(11, 0)
    assert HARDWARE.first_cuda_of_family(ComputeCapability(12, 1)) == CudaVersion(12, 8)


@pytest.mark.parametrize("version", ["9.11.0.98", "9.11.1", "9.12.0.46", "9.28.1.4", "10.0"])
def test_cudnn_from_9_11_on_has_no_code_below_turing(version):
    dropped = HARDWARE.cudnn_minimum(Version(version))
    assert (dropped.first, str(dropped.capability)) == ("9.11.0", "7.5")
    assert dropped.source.method == "measured"


@pytest.mark.parametrize("version", ["9.10.2.21", "9.1.0.70", "8.9.7.29"])
def test_cudnn_before_9_11_still_serves_pascal(version):
    dropped = HARDWARE.cudnn_minimum(Version(version))
    assert dropped is None or dropped.capability <= ComputeCapability(5, 0)


def test_driver_steps_hold_every_floor_of_the_system_in_order():
    for system, wsl, floor in (
        ("linux", False, "525.60.13"),
        ("windows", False, "528.33"),
        ("linux", True, "528.33"),
    ):
        steps = list(HARDWARE.driver_steps(system, wsl=wsl))
        assert DriverVersion.parse(floor) in steps
        assert steps == sorted(steps)


def test_torchvision_pairs_are_the_two_that_metadata_leaves_open():
    pairs = {pair.version: pair.beside_version for pair in HARDWARE.pairs("torchvision")}
    assert (pairs["0.29.1"], pairs["0.29.2"]) == ("2.14.1", "2.15.0")
    assert list(HARDWARE.pairs("numpy")) == []


def test_system_and_driver_libraries_are_told_apart_from_those_a_wheel_must_bring():
    libraries = DATABASE.libraries
    assert libraries.is_system("libc.so.6")
    assert not libraries.is_driver("libc.so.6")
    assert libraries.is_driver("libcuda.so.1")
    assert not libraries.is_system("libcuda.so.1")
    assert not libraries.is_system("libcudart.so.12")
    assert not libraries.is_driver("libcudart.so.12")


def test_cudnn_is_opened_and_required_by_the_cuda_feature_alone():
    libraries = DATABASE.libraries
    assert libraries.opened_and_required("libcudnn.so.9", "cuda")
    assert not libraries.opened_and_required("libcudnn.so.9", "")
    assert not libraries.opened_and_required("libnvrtc.so.12", "cuda")
