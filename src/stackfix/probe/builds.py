"""What the packages that write it down say of their own build: torch and its companions, onnxruntime."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.utils import canonicalize_name

from stackfix.model.environment import Build
from stackfix.probe.shelf import Shelf

_TORCH_CUDA = re.compile(r"^cuda(?::[^=\n]*)?\s*=\s*(None|'([\d.]+)'|\"([\d.]+)\")", re.MULTILINE)
_VERSION = re.compile(r"^__version__\s*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)
_ORT_CUDA = re.compile(r"^cuda_version\s*=\s*['\"]([\d.]*)['\"]", re.MULTILINE)
_ORT_PACKAGE = re.compile(r"^package_name\s*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)


def read_builds(shelf: Shelf) -> Iterator[tuple[str, Build]]:
    """Yield import folder and build of the packages that write down how they were built: torch and onnxruntime."""
    if shelf.has("torch/version.py"):
        text = _or_nothing(shelf, "torch/version.py")
        version, cuda = _VERSION.search(text), _TORCH_CUDA.search(text)
        if version:
            built = (cuda[2] or cuda[3] or "") if cuda else None
            yield "torch", Build("torch", version[1], built)
    for name in ("torchvision", "torchaudio"):
        version = (
            _VERSION.search(_or_nothing(shelf, f"{name}/version.py"))
            if shelf.has(f"{name}/version.py")
            else None
        )
        if version:
            yield name, Build(name, version[1], _cuda_of_local(version[1]))
    path = "onnxruntime/capi/build_and_package_info.py"
    if shelf.has(path):
        text = _or_nothing(shelf, path)
        package, version, cuda = _ORT_PACKAGE.search(text), _VERSION.search(text), _ORT_CUDA.search(text)
        if package and version:
            yield "onnxruntime", Build(canonicalize_name(package[1]), version[1], cuda[1] if cuda else "")


def _cuda_of_local(version: str) -> str | None:
    """Return the CUDA that a local version names: "12.6" of +cu126, "" of +cpu, None where it names neither."""
    local = version.partition("+")[2]
    named = re.fullmatch(r"cu(\d+)(\d)", local)
    if named:
        return f"{named[1]}.{named[2]}"
    return "" if local == "cpu" else None


def _or_nothing(shelf: Shelf, path: str) -> str:
    try:
        return shelf.text(path)
    except OSError:
        return ""
