"""This machine without its driver and its GPUs: what is left to read where flags describe those."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stackfix.model.evidence import Unknown
from stackfix.model.machine import Interpreter, Machine
from stackfix.probe.disk import read_free_disk
from stackfix.probe.host import is_container, is_tegra, is_wsl, read_platform
from stackfix.probe.libc import read_glibc
from stackfix.probe.python import find_pythons

_NOT_ASKED = Unknown(("not asked for",))


def read_rest(
    folder: Path, root: Path = Path("/"), *, pythons: Callable[[], tuple[Interpreter, ...]] = find_pythons
) -> Machine:
    """Return all readings but those of driver, CUDA and GPUs; arguments as of `read_machine`."""
    return Machine(
        platform=read_platform(),
        glibc=read_glibc(),
        driver=_NOT_ASKED,
        cuda=_NOT_ASKED,
        gpus=_NOT_ASKED,
        pythons=pythons(),
        free_disk_bytes=read_free_disk(folder),
        wsl=is_wsl(root),
        container=is_container(root),
        tegra=is_tegra(root),
    )
