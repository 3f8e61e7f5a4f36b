"""What kind of machine this is: platform, WSL, container, Tegra."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from stackfix.model.machine import Platform
from stackfix.probe.driver_files import read_text

_CONTAINER_FILES = (".dockerenv", "run/.containerenv", ".singularity.d", "run/systemd/container")
_CONTAINER_GROUP = re.compile(r"docker|kubepods|containerd|libpod|/lxc/|crio-")
_CONTAINER_MOUNT = re.compile(r"/docker/containers/|/containers/storage/|/kubelet/pods/|/containerd/")
_ARCHITECTURES = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64"}


def read_platform() -> Platform:
    """Return this machine's system and processor, in the words of wheel tags."""
    return platform_of(sys.platform, platform.machine())


def platform_of(system: str, machine: str) -> Platform:
    """Return the platform of `sys.platform` and `platform.machine()`."""
    processor = machine.lower()
    if system == "win32":
        return Platform("windows", {"x86_64": "amd64", "x64": "amd64"}.get(processor, processor))
    if system == "darwin":
        return Platform("macos", processor)
    return Platform(system, _ARCHITECTURES.get(processor, processor))


def is_wsl(root: Path = Path("/")) -> bool:
    """Whether the kernel is the one of the Windows Subsystem for Linux."""
    return "microsoft" in _text(root / "proc/version").lower()


def is_container(root: Path = Path("/")) -> bool:
    """Whether this is inside a container, by the marks that engines leave."""
    if any((root / mark).exists() for mark in _CONTAINER_FILES):
        return True
    if _CONTAINER_GROUP.search(_text(root / "proc/1/cgroup")):
        return True
    return _CONTAINER_MOUNT.search(_text(root / "proc/self/mountinfo")) is not None


def is_tegra(root: Path = Path("/")) -> bool:
    """Whether this is a Jetson or another Tegra board, whose driver numbers follow another scheme."""
    if (root / "etc/nv_tegra_release").exists():
        return True
    return "nvidia,tegra" in _text(root / "proc/device-tree/compatible")


def missing_parts(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the parts of the driver (`compute`, `utility`) that this container did not ask for.

    The NVIDIA container toolkit's default, where the variable is not set, is both.
    """
    asked = environ.get("NVIDIA_DRIVER_CAPABILITIES", "")
    parts = {part.strip() for part in asked.split(",")} - {""}
    if not parts or "all" in parts:
        return ()
    return tuple(part for part in ("compute", "utility") if part not in parts)


def _text(file: Path) -> str:
    text = read_text(file)
    return "" if isinstance(text, OSError) else text
