"""The texts that kernels show of the NVIDIA driver, and cards on a PCI bus made of files."""

import pytest

from stackfix.model.evidence import Known, Unknown
from stackfix.probe.driver_files import driver_from_proc, driver_from_sys, parse_proc_driver, pci_cards
from stackfix.versions import DriverVersion

GCC = "GCC version:  gcc version 11.4.0 (Ubuntu 11.4.0-1ubuntu1~22.04)\n"
PROC = {
    "535.104.05": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n"
    + GCC,
    "390.157": "NVRM version: NVIDIA UNIX x86_64 Kernel Module  390.157  Wed Oct 12 09:19:07 UTC 2022\n"
    + GCC,
    "550.54.14": (
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build  "
        "(archlinux-builder@)  \n" + GCC
    ),
    "580.95.05": (
        "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  580.95.05  Release Build  "
        "(dvs-builder@U22-I3-B19-4-2)  Tue Sep 23 09:56:52 UTC 2025\n" + GCC
    ),
    "610.43.02": (
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  610.43.02  Release Build  "
        "(dvs-builder@U22-I3-AM34-12-3)  Mon Jun  1 21:14:09 UTC 2026\nGCC version:  Selected multilib: .;@m64\n"
    ),
    "470.256.02": "NVRM version: NVIDIA UNIX aarch64 Kernel Module  470.256.02  Thu May  2 14:37:44 UTC 2024\n",
    "540.4.0": "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build  (buildbrain@mobile)\n",
    "560.35.03": "NVRM version: NVIDIA UNIX Kernel Module for x86_64  560.35.03  Release Build\n",
}


@pytest.mark.parametrize("release", sorted(PROC))
def test_the_release_is_read_from_every_wording(release, tmp_path):
    assert parse_proc_driver(PROC[release]) == Known(
        DriverVersion.parse(release), "/proc/driver/nvidia/version"
    )
    file = tmp_path / "proc/driver/nvidia/version"
    file.parent.mkdir(parents=True)
    file.write_text(PROC[release])
    assert str(driver_from_proc(tmp_path).value) == release


@pytest.mark.parametrize(
    "text", ["", GCC, "NVRM version: something else", "NVRM version: Kernel Module  beta-7  x"]
)
def test_a_text_without_a_release_is_unknown(text):
    said = parse_proc_driver(text)
    assert isinstance(said, Unknown)
    assert said.tried[0].startswith("/proc/driver/nvidia/version: ")


def test_the_module_file_holds_the_release_alone(tmp_path):
    file = tmp_path / "sys/module/nvidia/version"
    file.parent.mkdir(parents=True)
    file.write_text("535.104.05\n")
    assert driver_from_sys(tmp_path) == Known(DriverVersion.parse("535.104.05"), "/sys/module/nvidia/version")
    file.write_text("700.12.beta\n")
    said = driver_from_sys(tmp_path)
    assert said == Unknown(("/sys/module/nvidia/version: `700.12.beta` is not an NVIDIA driver release",))


def test_missing_files_are_said_by_their_own_names(tmp_path):
    assert driver_from_sys(tmp_path) == Unknown(("/sys/module/nvidia/version: no such file or directory",))
    assert driver_from_proc(tmp_path) == Unknown(("/proc/driver/nvidia/version: no such file or directory",))


def pci_device(root, address, vendor, kind, device="0x2684", driver=""):
    folder = root / "sys/bus/pci/devices" / address
    folder.mkdir(parents=True)
    for name, text in (("vendor", vendor), ("class", kind), ("device", device)):
        (folder / name).write_text(text + "\n")
    if driver:
        held = root / "sys/bus/pci/drivers" / driver
        held.mkdir(parents=True, exist_ok=True)
        (folder / "driver").symlink_to(held)


def test_display_controllers_of_nvidia_are_found_and_nothing_else(tmp_path):
    pci_device(tmp_path, "0000:01:00.0", "0x10de", "0x030000", driver="nouveau")
    pci_device(tmp_path, "0000:01:00.1", "0x10de", "0x040300")
    pci_device(tmp_path, "0000:02:00.0", "0x1002", "0x030000")
    pci_device(tmp_path, "0000:81:00.0", "0x10de", "0x030200", device="0x20b0")
    cards = pci_cards(tmp_path)
    assert [str(card) for card in cards] == [
        "0000:01:00.0 [10de:2684], held by the kernel driver `nouveau`",
        "0000:81:00.0 [10de:20b0]",
    ]


def test_a_bus_without_nvidia_differs_from_a_bus_that_cannot_be_read(tmp_path):
    assert isinstance(pci_cards(tmp_path), OSError)
    pci_device(tmp_path, "0000:02:00.0", "0x1002", "0x030000")
    (tmp_path / "sys/bus/pci/devices/0000:03:00.0").mkdir()
    assert pci_cards(tmp_path) == ()
