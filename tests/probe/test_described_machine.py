"""Flags that describe a machine: each replaces its reading, and a foreign platform inherits nothing."""

import pytest
from hypothesis import given
from machine_samples import a_machine, machines

from stackfix.errors import QuestionError
from stackfix.model.evidence import Known, Unknown
from stackfix.model.machine import Gpu, Interpreter, Platform
from stackfix.probe.describe import described
from stackfix.versions import ComputeCapability, DriverVersion, PythonVersion

ELSEWHERE = Unknown(("not given, and the platform is described by --platform",))
GPU = Gpu(
    name="RTX 4090",
    compute_capability=Known(ComputeCapability(8, 9), "the table of GPUs"),
    memory_bytes=Unknown(("not given",)),
)


@given(machine=machines)
def test_without_flags_the_machine_is_as_it_was_read(machine):
    assert described(machine) == machine
    assert described(machine, platform=machine.platform) == machine


@given(machine=machines)
def test_nothing_of_this_machine_leaks_into_another_platform(machine):
    other = Platform("linux", "riscv64")
    machine = described(machine, platform=other)
    assert machine.platform == other
    assert (machine.glibc, machine.driver, machine.cuda, machine.gpus) == (ELSEWHERE,) * 4
    assert machine.free_disk_bytes == ELSEWHERE
    assert (machine.pythons, machine.notes) == ((), ())
    assert not (machine.wsl)
    assert not (machine.container)
    assert not (machine.tegra)


def test_a_driver_that_is_given_takes_the_cuda_of_the_real_one_with_it():
    machine = described(a_machine(), driver=DriverVersion.parse("535.104.05"))
    assert machine.driver == Known(DriverVersion.parse("535.104.05"), "--driver")
    assert machine.cuda == Unknown(("not read: the driver is described by --driver",))
    assert machine.gpus == a_machine().gpus
    assert machine.glibc == a_machine().glibc
    assert machine.notes == ()


def test_gpus_that_are_given_are_numbered_and_keep_their_own_evidence():
    machine = described(a_machine(), gpus=(GPU, GPU))
    assert machine.gpus.found_via == "--gpu"
    assert [gpu.index for gpu in machine.gpus.value] == [0, 1]
    assert machine.gpus.value[0] == GPU
    assert machine.driver == a_machine().driver


def test_no_gpu_is_a_known_answer():
    assert described(a_machine(), gpus=()).gpus == Known((), "--gpu")


def test_pythons_and_glibc_are_replaced():
    python = Interpreter(version=PythonVersion(3, 14), path="")
    machine = described(a_machine(), pythons=(python,), glibc=(2, 28))
    assert machine.pythons == (Interpreter(version=PythonVersion(3, 14), found_via="--python"),)
    assert machine.glibc == Known((2, 28), "--glibc")
    assert machine.notes == ("a note",)


def test_everything_may_be_described_for_another_platform():
    machine = described(
        a_machine(wsl=True),
        platform=Platform("linux", "aarch64"),
        driver=DriverVersion.parse("580.95.05"),
        gpus=(GPU,),
        glibc=(2, 39),
    )
    assert machine.driver == Known(DriverVersion.parse("580.95.05"), "--driver")
    assert machine.gpus == Known((GPU,), "--gpu")
    assert machine.glibc == Known((2, 39), "--glibc")
    assert machine.pythons == ()
    assert not machine.wsl


def test_windows_has_no_glibc_and_takes_none():
    windows = Platform("windows", "amd64")
    assert described(a_machine(), platform=windows).glibc == Unknown(("win_amd64 has no glibc",))
    with pytest.raises(QuestionError, match=r"--glibc 2\.35 says nothing of win_amd64"):
        described(a_machine(), platform=windows, glibc=(2, 35))
