"""Overlays: folders from which Python imports before an environment's own, with what of the GPU stack lies there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence

from packaging.utils import canonicalize_name

from stackfix.model.surroundings import Overlay

_WATCHED = ("torch", "torchvision", "torchaudio", "onnxruntime", "cv2", "numpy")
_MODULE = re.compile(r"(?P<name>\w+)(\.[\w-]+)?\.(py|pyc|so|pyd)", re.ASCII)
_FIRST = re.compile(r"__init__(\.[\w-]+)?\.(py|pyc|so|pyd)", re.ASCII)
_INFO = re.compile(r"(?P<name>[\w.]+)-(?P<version>[^-]+)\.dist-info", re.ASCII)


def read_overlays(environ: Mapping[str, str]) -> Iterator[Overlay]:
    """Yield the folders of PYTHONPATH and the user's own site-packages, where they hold a package that counts."""
    for folder in dict.fromkeys(environ.get("PYTHONPATH", "").split(os.pathsep)):
        yield from _overlay(folder, "PYTHONPATH", "")
    base = _user_base(environ)
    for name in _listed(f"{base}/lib") if base else ():
        if re.fullmatch(r"python3\.\d+", name):
            folder = f"{base}/lib/{name}/site-packages"
            yield from _overlay(folder, "the user's own packages", name.removeprefix("python"))


def user_packages(environ: Mapping[str, str], minor: str, folders: Sequence[str]) -> str:
    """Return the user's own site-packages for a Python ("3.12"), "" where there are none.

    None either where they hold a package that counts and the Python's own `folders` hold too: which of the two is
    imported is a finding, not a reading.
    """
    base = _user_base(environ)
    folder = f"{base}/lib/python{minor}/site-packages"
    names = set(_listed(folder)) if base else set()
    twice = any(names & set(_WATCHED) & set(_listed(each)) for each in folders)
    return folder if names and not twice else ""


def _user_base(environ: Mapping[str, str]) -> str:
    base = environ.get("PYTHONUSERBASE", "") or os.path.join(environ.get("HOME", ""), ".local")  # noqa: PTH118 - may be none
    return base if os.path.isabs(base) and not environ.get("PYTHONNOUSERSITE") else ""  # noqa: PTH117 - likewise


def _overlay(folder: str, through: str, python: str) -> Iterator[Overlay]:
    names = _listed(folder) if folder else ()
    filled = frozenset(name for name in _WATCHED if name in names and _listed(f"{folder}/{name}"))
    imported = frozenset(_imported(folder, names))
    if filled or imported:
        found = (_INFO.fullmatch(name) for name in names)
        packages: dict[str, str] = {
            canonicalize_name(one["name"]): one["version"] for one in found if one is not None
        }
        yield Overlay(
            folder=folder,
            through=through,
            python=python,
            filled=filled | imported,
            packages=packages,
            imported=imported,
        )


def _imported(folder: str, names: Sequence[str]) -> Iterator[str]:
    """Yield what counts of a folder's packages with an `__init__` and of its modules, in Python or compiled."""
    for name in names:
        module = _MODULE.fullmatch(name)
        if module is not None and module["name"] in _WATCHED:
            yield module["name"]
        elif name in _WATCHED and any(map(_FIRST.fullmatch, _listed(f"{folder}/{name}"))):
            yield name


def _listed(folder: str) -> tuple[str, ...]:
    try:
        return tuple(sorted(os.listdir(folder)))  # noqa: PTH208 - folders of a variable that may be none
    except (OSError, ValueError):
        return ()
