"""The whole machine, read through compiled libraries, programs and kernel files below a folder."""

import time
from pathlib import Path

import pytest
from test_surroundings import cache

from stackfix.model.evidence import Known, Unknown
from stackfix.probe import libcuda
from stackfix.probe.document import from_document, to_document
from stackfix.probe.libcuda import Libcuda
from stackfix.probe.machine import read_machine
from stackfix.probe.search import first_known
from stackfix.versions import CudaVersion, DriverVersion


def write(root: Path, name: str, text: str = "") -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def card(root: Path) -> None:
    for name, text in (("vendor", "0x10de"), ("class", "0x030000"), ("device", "0x2684")):
        write(root, f"sys/bus/pci/devices/0000:01:00.0/{name}", text + "\n")


@pytest.fixture
def root(tmp_path, no_programs) -> Path:
    folder = tmp_path / "root"
    (folder / "sys/bus/pci/devices").mkdir(parents=True)
    return folder


def test_a_good_machine_is_read_by_nvml_alone(given, nvml_library, root):
    given(nvml_library, COUNT=1, **{"0_NAME": "NVIDIA L4"})
    machine = read_machine(root, root)
    assert machine.driver == Known(DriverVersion.parse("580.95.05"), "NVML")
    assert machine.cuda == Known(CudaVersion(13, 0), "NVML")
    assert [gpu.name for gpu in machine.gpus.value] == ["NVIDIA L4"]
    assert isinstance(machine.free_disk_bytes, Known)
    assert machine.pythons
    assert (machine.wsl, machine.container, machine.tegra, machine.notes) == (False, False, False, ())


def test_with_no_driver_anywhere_everything_tried_is_told_in_order(given, root):
    given()
    machine = read_machine(root, root)
    assert isinstance(machine.driver, Unknown)
    assert [attempt.split(":")[0] for attempt in machine.driver.tried] == [
        "NVML",
        "/sys/module/nvidia/version",
        "/proc/driver/nvidia/version",
        "nvidia-smi",
    ]
    assert [attempt.split(":")[0] for attempt in machine.cuda.tried] == ["NVML", "libcuda"]
    assert [attempt.split(":")[0] for attempt in machine.gpus.tried] == ["NVML", "libcuda", "nvidia-smi"]
    assert machine.notes == ("no NVIDIA GPU is on the PCI bus (/sys/bus/pci/devices)",)


def test_a_card_without_a_driver_is_noted(given, root):
    given()
    card(root)
    assert read_machine(root, root).notes == (
        "NVIDIA card on the PCI bus, but no NVIDIA driver: 0000:01:00.0 [10de:2684]",
    )


def test_what_keeps_gpu_programs_from_running_has_its_cause_code(given, nvml_library, root):
    given()
    assert read_machine(root, root).troubles == ()  # a machine without a card has none
    card(root)
    assert {one.code for one in read_machine(root, root).troubles} == {"driver_missing"}
    write(root, ".dockerenv")
    holder = root / "sys/bus/pci/drivers/nvidia"
    holder.mkdir(parents=True)
    (root / "sys/bus/pci/devices/0000:01:00.0/driver").symlink_to(holder)
    assert {one.code for one in read_machine(root, root).troubles} == {"container_without_gpu"}
    (root / ".dockerenv").unlink()
    write(root, "sys/module/nvidia/version", "570.86.10\n")
    given(nvml_library, CRASH=1)
    assert {one.code for one in read_machine(root, root).troubles} == {"driver_broken_state"}
    given(nvml_library, COUNT=2, CUDA=13000, **{"1_HANDLE_CODE": 15})
    (lost,) = read_machine(root, root).troubles
    assert lost.code == "driver_broken_state"
    assert "fallen off the bus" in lost.text


@pytest.mark.parametrize(("container", "code"), [(False, "driver_missing"), (True, "container_without_gpu")])
def test_a_gpu_of_nvmls_without_a_libcuda_is_no_gpu_for_programs(
    given, nvml_library, cuda_library, root, container, code
):
    (root / "etc").mkdir()
    (root / "etc/ld.so.cache").write_bytes(cache([("libthing.so.1", "/usr/lib/libthing.so.1")]))
    if container:
        write(root, ".dockerenv")
    given(nvml_library, COUNT=1)
    (trouble,) = read_machine(root, root).troubles
    assert trouble.code == code
    assert trouble.text.startswith(
        "NVML offers a GPU, and CUDA can't start: libcuda: libcuda.so.1: cannot open"
    )
    given(nvml_library, cuda_library, COUNT=1)
    assert read_machine(root, root).troubles == ()
    (root / "etc/ld.so.cache").write_bytes(cache([("libcuda.so.1", "/usr/lib/libcuda.so.1")]))
    given(nvml_library, COUNT=1)
    assert read_machine(root, root).troubles == ()


def test_a_bus_that_cannot_be_read_is_noted(given, tmp_path, no_programs):
    given()
    notes = read_machine(tmp_path, tmp_path / "empty").notes
    assert notes == ("the PCI bus could not be looked at (/sys/bus/pci/devices: no such file or directory)",)


def test_a_driver_with_no_device_is_known_to_have_none(given, nvml_library, root):
    given(nvml_library, COUNT=0)
    card(root)
    machine = read_machine(root, root)
    assert machine.gpus == Known((), "NVML")
    assert machine.notes == (
        "NVIDIA card on the PCI bus that the driver does not offer: 0000:01:00.0 [10de:2684]",
    )


def test_after_an_update_without_reboot_the_kernels_release_counts_and_the_reason_is_noted(
    given, nvml_library, root
):
    given(nvml_library, INIT=18)
    write(root, "sys/module/nvidia/version", "535.104.05\n")
    machine = read_machine(root, root)
    assert machine.driver == Known(DriverVersion.parse("535.104.05"), "/sys/module/nvidia/version")
    assert any("LIB_RM_VERSION_MISMATCH" in note and "reboot" in note for note in machine.notes)
    assert "nvml_mismatch" in {trouble.code for trouble in machine.troubles}


def test_proc_serves_where_sys_does_not(given, root):
    given()
    write(
        root,
        "proc/driver/nvidia/version",
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.256.02  Thu May  2 14:37:44 UTC 2024\n",
    )
    machine = read_machine(root, root)
    assert machine.driver == Known(DriverVersion.parse("470.256.02"), "/proc/driver/nvidia/version")


def test_libcuda_serves_a_container_that_was_given_no_nvml(given, cuda_library, root, monkeypatch):
    given(cuda_library)
    monkeypatch.setenv("NVIDIA_DRIVER_CAPABILITIES", "compute")
    write(root, ".dockerenv")
    write(root, "sys/module/nvidia/version", "570.86.10\n")
    machine = read_machine(root, root)
    assert machine.container
    assert machine.cuda == Known(CudaVersion(12, 8), "libcuda")
    assert machine.gpus.found_via == "libcuda"
    assert any("no `utility` part" in note for note in machine.notes)


def test_a_container_without_any_gpu_is_told_how_to_get_one(given, root):
    given()
    write(root, "run/.containerenv")
    write(root, "sys/module/nvidia/version", "570.86.10\n")
    machine = read_machine(root, root)
    assert isinstance(machine.gpus, Unknown)
    assert any("--gpus all" in note for note in machine.notes)


def test_nvml_without_libcuda_leaves_cuda_unknown_and_noted(given, nvml_library, root, monkeypatch):
    given(nvml_library, CUDA_CODE=12, COUNT=1)
    monkeypatch.setenv("NVIDIA_DRIVER_CAPABILITIES", "utility")
    write(root, ".dockerenv")
    machine = read_machine(root, root)
    assert isinstance(machine.cuda, Unknown)
    assert any("no `compute` part" in note for note in machine.notes)
    assert any("did not tell the CUDA it offers" in note for note in machine.notes)


def test_nvidia_smi_is_the_last_to_be_asked(given, root, no_programs):
    given()
    program = no_programs / "nvidia-smi"
    program.write_text('#!/bin/sh\necho "566.36, NVIDIA GeForce RTX 4070, 8.9, 12282 MiB"\necho lost\n')
    program.chmod(0o755)
    write(root, "proc/version", "Linux version 5.15.167.4-microsoft-standard-WSL2")
    machine = read_machine(root, root)
    assert machine.wsl
    assert machine.driver == Known(DriverVersion.parse("566.36"), "nvidia-smi")
    assert [gpu.name for gpu in machine.gpus.value] == ["NVIDIA GeForce RTX 4070"]
    assert "nvidia-smi said `lost`" in machine.notes


def test_hidden_gpus_and_tegra_are_noted(given, nvml_library, root, monkeypatch):
    given(nvml_library, COUNT=1, DRIVER="540.4.0", CUDA=12060)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    write(root, "etc/nv_tegra_release", "# R36 (release), REVISION: 4.0")
    machine = read_machine(root, root)
    assert machine.tegra
    assert len(machine.notes) == 2
    assert "CUDA_VISIBLE_DEVICES is set to `1`" in machine.notes[0]
    assert "Tegra" in machine.notes[1]


def test_a_search_stops_at_the_first_find_and_tells_each_failure_once():
    asked = []

    def step(answer):
        def ask():
            asked.append(answer)
            return answer

        return ask

    one, two = Unknown(("a", "b")), Unknown(("b", "c"))
    assert first_known((step(one), step(Known(1, "x")), step(two))) == Known(1, "x")
    assert asked == [one, Known(1, "x")]
    assert first_known((step(one), step(two))) == Unknown(("a", "b", "c"))


def test_a_driver_that_hangs_is_told_by_the_machine_and_waited_for_once(
    given, cuda_library, root, monkeypatch
):
    monkeypatch.setattr(libcuda, "_SECONDS", 1.0)
    given(cuda_library, CUINIT_HANGS=1)
    write(root, "sys/module/nvidia/version", "580.95.05\n")
    machine = read_machine(root, root, pythons=tuple)
    how = f"did not answer within 1 s, in cuInit of {cuda_library}/libcuda.so.1"
    assert machine.driver_breaks == how
    assert isinstance(machine.cuda, Known)
    assert any(how in note for note in machine.notes)
    told = from_document(to_document(machine), "machine.json")
    assert told.driver_breaks == how
    begun = time.monotonic()
    again = Libcuda(root, broke=machine.driver_breaks)
    assert read_machine(root, root, pythons=tuple, libcuda=again).driver_breaks == how
    assert time.monotonic() - begun < 1
