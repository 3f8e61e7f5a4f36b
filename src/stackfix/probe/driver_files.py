"""What the kernel's files say of the NVIDIA driver: its release, and the cards on the PCI bus."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from stackfix.errors import QuestionError
from stackfix.model.evidence import Known, Reading, Unknown
from stackfix.probe.child import first_line
from stackfix.versions import DriverVersion

SYS_MODULE = "sys/module/nvidia/version"
PROC_DRIVER = "proc/driver/nvidia/version"
PCI_DEVICES = "sys/bus/pci/devices"

# "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 …" and, of the open modules,
# "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  580.95.05  Release Build  (…)".
_NVRM = re.compile(r"^NVRM version:.*?\bKernel Module(?:\s+for\s+\S+)?\s+(\S+)", re.MULTILINE)
_NVIDIA_VENDOR = "0x10de"
_DISPLAY_CLASS = "0x03"


class PciCard(Struct, frozen=True, kw_only=True):
    """One NVIDIA display controller; `bound_to` is the kernel driver that holds it, if any."""

    address: str
    device: str
    bound_to: str = ""

    def __str__(self) -> str:
        return f"{self.address} [10de:{self.device}]" + (
            f", held by the kernel driver `{self.bound_to}`" if self.bound_to else ""
        )


def read_text(file: Path, limit: int = 65536) -> str | OSError:
    """Return the start of a text file, or the error that opening it gave."""
    try:
        with file.open("rb") as stream:
            return stream.read(limit).decode("utf-8", "replace")
    except OSError as error:
        return error


def driver_from_sys(root: Path = Path("/")) -> Reading[DriverVersion]:
    """Return the release of the loaded kernel module, from /sys/module/nvidia/version."""
    text = read_text(root / SYS_MODULE)
    if isinstance(text, OSError):
        return Unknown((f"/{SYS_MODULE}: {reason(text)}",))
    return _known(text, f"/{SYS_MODULE}")


def driver_from_proc(root: Path = Path("/")) -> Reading[DriverVersion]:
    """Return the release of the loaded kernel module, from /proc/driver/nvidia/version."""
    text = read_text(root / PROC_DRIVER)
    if isinstance(text, OSError):
        return Unknown((f"/{PROC_DRIVER}: {reason(text)}",))
    return parse_proc_driver(text)


def parse_proc_driver(text: str) -> Reading[DriverVersion]:
    """Return the release in the text of /proc/driver/nvidia/version."""
    match = _NVRM.search(text)
    if match is None:
        return Unknown((f"/{PROC_DRIVER}: no release in `{first_line(text)}`",))
    return _known(match[1], f"/{PROC_DRIVER}")


def _known(text: str, place: str) -> Reading[DriverVersion]:
    try:
        return Known(DriverVersion.parse(text), place)
    except QuestionError:
        return Unknown((f"{place}: `{first_line(text)}` is not an NVIDIA driver release",))


def pci_cards(root: Path = Path("/")) -> tuple[PciCard, ...] | OSError:
    """Return NVIDIA's display controllers on the PCI bus, or why the bus could not be read."""
    try:
        devices = sorted((root / PCI_DEVICES).iterdir())
    except OSError as error:
        return error
    return tuple(card for device in devices if (card := _card(device)) is not None)


def _card(device: Path) -> PciCard | None:
    vendor, kind, number = (read_text(device / name, 64) for name in ("vendor", "class", "device"))
    if isinstance(vendor, OSError) or isinstance(kind, OSError):
        return None
    if vendor.strip().lower() != _NVIDIA_VENDOR or not kind.startswith(_DISPLAY_CLASS):
        return None
    driver = device / "driver"
    return PciCard(
        address=device.name,
        device="????" if isinstance(number, OSError) else number.strip().lower().removeprefix("0x"),
        bound_to=driver.resolve().name if driver.exists() else "",
    )


def reason(error: OSError) -> str:
    """Return what the system said, in lower case and without the path."""
    return (error.strerror or str(error)).lower()
