"""Which releases get rows: the packages that recipes and their libraries are made of, and from which release on."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from stackfix.index.simple import IndexFile
from stackfix.model.machine import Platform
from stackfix.model.wheel import WheelFile
from stackfix.rules.tags import best_file
from stackfix.versions import PythonVersion

PYTHONS = tuple(PythonVersion(3, minor) for minor in range(7, 16))

# package -> oldest release that gets a row
ROOTS = {
    "torch": "1.13.0",
    "torchvision": "0.14.0",
    "torchaudio": "0.13.0",
    "onnxruntime-gpu": "1.11.0",
    "onnxruntime": "1.16.0",
    "opencv-python-headless": "4.5.5.64",
    "opencv-python": "4.5.5.64",
    "cuda-toolkit": "11.8.0",
    "cuda-bindings": "12.9",
    "triton": "2.0",
}
TOOLKIT_PARTS = (
    "cublas", "cuda-cccl", "cuda-runtime", "cuda-nvrtc", "cuda-cupti", "cudnn", "cufft", "cufile", "curand", "cusolver",
    "cusparse", "cusparselt", "nccl", "nvjitlink", "nvshmem", "nvtx",
)  # fmt: skip
TOOLKIT_NAMES = frozenset(
    f"nvidia-{part}{suffix}" for part in TOOLKIT_PARTS for suffix in ("", "-cu11", "-cu12", "-cu13")
)
PLAIN_ROOTS = ("numpy", "pip", "pillow")
OLDEST_NUMPY = Version("1.21")


def releases(files: Iterable[IndexFile], platform: Platform) -> dict[Version, list[IndexFile]]:
    """Return the final releases with wheels for the platform, oldest first; pre-releases, stubs and yanked files out."""
    found: dict[Version, list[IndexFile]] = {}
    for file in files:
        if file.yanked or not file.name.endswith(".whl") or not file.sha256:
            continue
        try:
            version = Version(file.name.split("-")[1])
        except (InvalidVersion, IndexError):
            continue
        if version.is_prerelease or version.release[:2] == (0, 0):
            continue
        wheel = WheelFile(name=file.name, size=file.size, sha256=file.sha256)
        if any(best_file((wheel,), python, platform, None) for python in PYTHONS):
            found.setdefault(version, []).append(file)
    return {version: sorted(found[version], key=lambda file: file.name) for version in sorted(found)}


def wanted_plain(
    found: dict[Version, list[IndexFile]], specifiers: set[str], package: str, platform: Platform
) -> set[Version]:
    """Return the newest release per Python within each specifier that some row puts on a plain package."""
    wanted: set[Version] = set()
    for text in {"", *specifiers}:
        specifier = SpecifierSet(text)
        for python in PYTHONS:
            for version in reversed(found):
                files = [
                    WheelFile(name=f.name, size=f.size, sha256=f.sha256, requires_python=f.requires_python)
                    for f in found[version]
                ]
                if specifier.contains(version) and best_file(files, python, platform, None):
                    wanted.add(version)
                    break
    if package == "numpy":
        minors = {version.release[:2]: version for version in found if version >= OLDEST_NUMPY}
        wanted |= set(minors.values())
    return wanted
