"""Machine: what is there to run on, each reading with how it was found."""

from __future__ import annotations

from msgspec import Struct

from stackfix.errors import QuestionError
from stackfix.model.evidence import Reading
from stackfix.versions import ComputeCapability, CudaVersion, DriverVersion, PythonVersion

PLATFORMS = ("linux_x86_64", "linux_aarch64", "win_amd64")
_MEANT = {
    **dict.fromkeys(("linux", "x86_64", "linux64", "linux_amd64", "linux_x64"), "linux_x86_64"),
    **dict.fromkeys(("aarch64", "arm64", "linux_arm64", "sbsa"), "linux_aarch64"),
    **dict.fromkeys(("windows", "win", "win32", "win64", "amd64", "win_x86_64", "windows_x86_64", "windows_amd64"), "win_amd64"),
}  # fmt: skip
"""Other words for a platform."""


class Platform(Struct, frozen=True):
    """Operating system and processor, in the words of wheel tags."""

    os: str
    arch: str

    @classmethod
    def parse(cls, label: str) -> Platform:
        """Return the platform of a label such as `linux_x86_64`, or raise QuestionError."""
        for known in PLATFORMS:
            if label == known:
                system, _, arch = label.partition("_")
                return cls("windows" if system == "win" else system, arch)
        meant = _MEANT.get(label.lower().replace("-", "_"))
        hint = f"did you mean `{meant}`?" if meant else f"use one of {', '.join(PLATFORMS)}"
        raise QuestionError(f"`{label}` is not a platform that stackfix knows", hint=hint)

    @property
    def label(self) -> str:
        """One word, as `--platform` takes it: linux_x86_64."""
        return f"{'win' if self.os == 'windows' else self.os}_{self.arch}"


class Gpu(Struct, frozen=True, kw_only=True):
    """One GPU; `index` is NVML's order, which is not CUDA's."""

    name: str
    compute_capability: Reading[ComputeCapability]
    memory_bytes: Reading[int]
    index: int = 0
    uuid: str = ""


class Interpreter(Struct, frozen=True, kw_only=True):
    """One CPython that can make environments; `path` is empty when it is only described."""

    version: PythonVersion
    path: str = ""
    free_threaded: bool = False
    found_via: str = ""


class Trouble(Struct, frozen=True):
    """A reading that says by itself why no GPU program runs here: its cause code, and what was seen."""

    code: str
    text: str


class Machine(Struct, frozen=True, kw_only=True):
    """All readings of one machine, real or described.

    `gpus` is Known(()) when it is certain that there is no GPU; `driver` Unknown when none was found.
    `other_pythons` are those that are on it too, where one was asked for: ways out, never chosen unasked.
    `glibc` is (2, 35); Unknown elsewhere than on glibc systems. `free_disk_bytes` is of the folder asked about.
    `troubles` are what is wrong with the machine itself; their texts are among the `notes` too.
    `driver_breaks` is how a process ended that did nothing but ask the driver's CUDA library, and in what; "" where it
    came back, or was not asked.
    `group` are the machines, by name, that this one stands for: then a set has to serve each of them.
    """

    platform: Platform
    glibc: Reading[tuple[int, int]]
    driver: Reading[DriverVersion]
    cuda: Reading[CudaVersion]
    gpus: Reading[tuple[Gpu, ...]]
    pythons: tuple[Interpreter, ...]
    free_disk_bytes: Reading[int]
    wsl: bool = False
    container: bool = False
    tegra: bool = False
    notes: tuple[str, ...] = ()
    other_pythons: tuple[Interpreter, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    driver_breaks: str = ""
    group: tuple[tuple[str, Machine], ...] = ()
