"""Kernels: which GPUs the device code of a wheel serves."""

import pytest

from stackfix.model.wheel import DeviceCode
from stackfix.rules.architectures import (
    Native,
    NoCode,
    NotMeasured,
    Translated,
    runs_cubin,
    runs_ptx,
    service,
)
from stackfix.versions import ComputeCapability, CudaVersion


def cc(text):
    return ComputeCapability.parse(text)


def code(cubins, ptx=(), count=1):
    toolkits = dict.fromkeys(ptx, CudaVersion(12, 8))
    return DeviceCode(cubins=frozenset(cubins), ptx=toolkits, count=count)


@pytest.mark.parametrize(
    ("architecture", "gpu", "runs"),
    [
        ("86", "8.6", True),
        ("80", "8.9", True),
        ("89", "8.6", False),
        ("80", "9.0", False),
        ("90a", "9.0", True),
        ("100a", "10.3", False),
        ("100f", "10.3", True),
        ("120f", "12.1", True),
        ("120a", "12.1", False),
        ("60", "6.1", True),
    ],
)
def test_a_cubin_runs_on_its_own_major_from_its_minor_on(architecture, gpu, runs):
    assert runs_cubin(architecture, cc(gpu)) is runs


@pytest.mark.parametrize(
    ("architecture", "gpu", "runs"), [("70", "12.0", True), ("90", "8.9", False), ("90a", "12.0", False)]
)
def test_ptx_runs_from_its_capability_on_unless_it_is_bound(architecture, gpu, runs):
    assert runs_ptx(architecture, cc(gpu)) is runs


def test_kernels_for_one_generation_do_not_hide_that_others_are_served():
    wheel = [code(["90a"], count=292), code(["75", "80", "86", "89", "90a", "120a"], count=217)]
    assert service(wheel, cc("7.5")) == Native("75")
    assert service(wheel, cc("8.9")) == Native("89")
    assert service(wheel, cc("10.0")) == NoCode()


def test_ptx_serves_what_no_cubin_does_and_names_its_toolkit():
    wheel = [code(["60", "70", "75", "80", "86", "90a"], ["90"], count=230)]
    assert service(wheel, cc("12.0")) == Translated("90", CudaVersion(12, 8))
    assert service(wheel, cc("5.2")) == NoCode()


def test_what_was_not_measured_is_said_to_be_so():
    assert service([], cc("8.9")) == NotMeasured()
