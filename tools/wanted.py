"""Which releases get rows: the packages that recipes and their libraries are made of, and from which release on."""

from __future__ import annotations

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from stackfix.index.releases import PYTHONS
from stackfix.index.simple import IndexFile
from stackfix.model.machine import Platform
from stackfix.model.wheel import WheelFile
from stackfix.rules.tags import best_file

# package -> oldest release that gets a row
ROOTS = {
    "torch": "1.13.0",
    "torchvision": "0.14.0",
    "torchaudio": "0.13.0",
    "onnxruntime-gpu": "1.11.0",
    "onnxruntime": "1.16.0",
    "opencv-python-headless": "4.5.5.64",
    "opencv-python": "4.5.5.64",
    "opencv-contrib-python": "4.5.5.64",
    "opencv-contrib-python-headless": "4.5.5.64",
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
