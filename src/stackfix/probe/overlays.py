"""Overlays: folders from which Python imports before an environment's own, with what of the GPU stack lies there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

from packaging.utils import canonicalize_name

from stackfix.model.surroundings import Overlay

_WATCHED = ("torch", "torchvision", "torchaudio", "onnxruntime", "cv2", "numpy")
_INFO = re.compile(r"(?P<name>[\w.]+)-(?P<version>[^-]+)\.dist-info", re.ASCII)


def read_overlays(environ: Mapping[str, str]) -> Iterator[Overlay]:
    """Yield the folders of PYTHONPATH and the user's own site-packages, where they hold a package that counts."""
    for folder in dict.fromkeys(environ.get("PYTHONPATH", "").split(os.pathsep)):
        yield from _overlay(folder, "PYTHONPATH", "")
    base = environ.get("PYTHONUSERBASE", "") or os.path.join(environ.get("HOME", ""), ".local")  # noqa: PTH118 - may be none
    if environ.get("PYTHONNOUSERSITE") or not os.path.isabs(base):  # noqa: PTH117 - likewise
        return
    for name in _listed(f"{base}/lib"):
        if re.fullmatch(r"python3\.\d+", name):
            folder = f"{base}/lib/{name}/site-packages"
            yield from _overlay(folder, "the user's own packages", name.removeprefix("python"))


def _overlay(folder: str, through: str, python: str) -> Iterator[Overlay]:
    names = _listed(folder) if folder else ()
    filled = frozenset(name for name in _WATCHED if name in names and _listed(f"{folder}/{name}"))
    if filled:
        found = (_INFO.fullmatch(name) for name in names)
        packages: dict[str, str] = {
            canonicalize_name(one["name"]): one["version"] for one in found if one is not None
        }
        yield Overlay(folder=folder, through=through, python=python, filled=filled, packages=packages)


def _listed(folder: str) -> tuple[str, ...]:
    try:
        return tuple(sorted(os.listdir(folder)))  # noqa: PTH208 - folders of a variable that may be none
    except (OSError, ValueError):
        return ()
