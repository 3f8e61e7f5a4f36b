"""This machine, read for real: each reading by the first way that gives it, or all that was tried."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from stackfix.model.evidence import Known, Unknown
from stackfix.model.machine import Interpreter, Machine, Trouble
from stackfix.probe.driver_files import driver_from_proc, driver_from_sys, pci_cards, reason
from stackfix.probe.host import missing_parts
from stackfix.probe.libcuda import Libcuda
from stackfix.probe.nvidia import NvidiaReadings, read_nvml
from stackfix.probe.nvidia_smi import read_nvidia_smi
from stackfix.probe.python import find_pythons
from stackfix.probe.rest import read_rest
from stackfix.probe.search import first_known
from stackfix.probe.surroundings import CACHE, cached_libraries


def read_machine(
    folder: Path,
    root: Path = Path("/"),
    *,
    pythons: Callable[[], tuple[Interpreter, ...]] = find_pythons,
    libcuda: Libcuda | None = None,
) -> Machine:
    """Return all readings of this machine; free disk is that of `folder`, kernel files are below `root`.

    `pythons` finds its Pythons, which is most of the time; who does not ask for them passes another. `libcuda` is who
    asks the driver's library, or has asked it before.
    """
    libcuda = libcuda or Libcuda(root)
    nvml = read_nvml(root)
    smi = cache(lambda: read_nvidia_smi(root))
    driver = first_known(
        (
            lambda: nvml.driver,
            lambda: driver_from_sys(root),
            lambda: driver_from_proc(root),
            lambda: smi().driver,
        )
    )
    cuda = first_known((lambda: nvml.cuda, libcuda.version))
    # Where libcuda cannot even be loaded (its version is unknown), it is not asked for GPUs again.
    gpus = first_known(
        (
            lambda: nvml.gpus,
            lambda: libcuda.gpus() if isinstance(cuda, Known) else cuda,
            lambda: smi().gpus,
        )
    )
    machine = replace(
        read_rest(folder, root, pythons=pythons),
        driver=driver,
        cuda=cuda,
        gpus=gpus,
        driver_breaks=libcuda.broke,
    )
    smi_notes = smi().notes if isinstance(gpus, Known) and gpus.found_via == "nvidia-smi" else ()
    lacking = _lacking(machine, libcuda, root) if isinstance(nvml.gpus, Known) and nvml.gpus.value else ()
    said = (*lacking, *_said(machine, nvml, os.environ, root))
    notes = (*nvml.notes, *smi_notes, *(one.text if isinstance(one, Trouble) else one for one in said))
    troubles = (*nvml.troubles, *(one for one in said if isinstance(one, Trouble)))
    return replace(machine, notes=tuple(dict.fromkeys(notes)), troubles=tuple(dict.fromkeys(troubles)))


def _lacking(machine: Machine, libcuda: Libcuda, root: Path) -> Iterator[Trouble]:
    """Yield that programs find no libcuda where NVML offers a GPU: they are two parts of a driver."""
    known = cached_libraries(root / CACHE.relative_to("/"))
    if not known or "libcuda.so.1" in known:
        return
    version = libcuda.version()  # a child of 40 ms, which the loader's cache spares nearly everybody
    if isinstance(version, Unknown) and not libcuda.broke:
        code = "container_without_gpu" if machine.container else "driver_missing"
        yield Trouble(code, f"NVML offers a GPU, and CUDA can't start: {version.tried[0]}")


def _said(
    machine: Machine, nvml: NvidiaReadings, environ: Mapping[str, str], root: Path
) -> Iterator[str | Trouble]:
    """Yield what a user should know; what keeps every GPU program from running with its cause code."""
    if nvml.failed and isinstance(machine.driver, Known):
        yield Trouble(nvml.cause, nvml.failed) if nvml.cause else nvml.failed
    if not isinstance(machine.gpus, Known) or not machine.gpus.value:
        yield from _pci_notes(machine, root)
    if machine.container:
        for part in missing_parts(environ):
            loss = "CUDA cannot run here" if part == "compute" else "NVML and nvidia-smi cannot be asked here"
            asked = environ["NVIDIA_DRIVER_CAPABILITIES"]
            text = f"this container was given no `{part}` part of the driver (NVIDIA_DRIVER_CAPABILITIES={asked}): {loss}"
            yield Trouble("container_without_gpu", text) if part == "compute" else text
        if isinstance(machine.driver, Known) and isinstance(machine.gpus, Unknown):
            yield Trouble(
                "container_without_gpu",
                "the host's driver is loaded, but no GPU can be opened in this container: start it with `--gpus all`",
            )
    if machine.driver_breaks:
        yield f"the process that asked libcuda alone {machine.driver_breaks}: every CUDA program here will do the same"
    elif isinstance(machine.driver, Known) and isinstance(machine.cuda, Unknown):
        yield Trouble(
            "container_without_gpu" if machine.container else "driver_broken_state",
            "the driver is there, but its libcuda did not tell the CUDA it offers: CUDA programs may not start",
        )
    hidden = environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and isinstance(machine.gpus, Known) and machine.gpus.value:
        yield f"CUDA_VISIBLE_DEVICES is set to `{hidden}`: CUDA programs started here see only those GPUs"
    if machine.tegra:
        yield "this is a Tegra board: its driver numbers follow another scheme, and PyPI's CUDA wheels do not serve it"


def _pci_notes(machine: Machine, root: Path) -> Iterator[str | Trouble]:
    cards = pci_cards(root)
    if machine.wsl or machine.tegra:
        return  # the GPU of WSL and of Tegra is not on the PCI bus
    if isinstance(cards, OSError):
        yield f"the PCI bus could not be looked at (/sys/bus/pci/devices: {reason(cards)})"
    elif not cards:
        yield "no NVIDIA GPU is on the PCI bus (/sys/bus/pci/devices)"
    elif isinstance(machine.driver, Known):
        code = "container_without_gpu" if machine.container else "driver_broken_state"
        yield from (
            Trouble(code, f"NVIDIA card on the PCI bus that the driver does not offer: {card}")
            for card in cards
        )
    else:
        # A container sees the host's bus: what holds the card there is the host's driver.
        for card in cards:
            code = (
                "container_without_gpu"
                if machine.container and card.bound_to == "nvidia"
                else "driver_missing"
            )
            yield Trouble(code, f"NVIDIA card on the PCI bus, but no NVIDIA driver: {card}")
