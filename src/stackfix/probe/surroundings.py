"""What reaches into a process from outside its environment: loader variables, and CUDA libraries of the system."""

from __future__ import annotations

import os
import re
import struct
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from stackfix.model.surroundings import StrayLibrary, Surroundings
from stackfix.probe.overlays import read_overlays

VARIABLES = (
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "CUDA_PATH",
    "CUDA_HOME",
    "PYTHONPATH",
    "PYTHONHOME",
    "CUDA_VISIBLE_DEVICES",
)
_CUDA = re.compile(
    r"lib(cud(?:art|nn\w*)|cublas(?:Lt)?|cufft|curand|cusolver|cusparse(?:Lt)?|nvrtc|nvJitLink|nccl|nvinfer\w*)\.so(\.\d+)+"
)
_CUDA_DLL = re.compile(
    r"(cudart|cudnn\w*|cublas(?:lt)?|cufft|curand|cusolver|cusparse|nvrtc)64_\d+\.dll", re.IGNORECASE
)
CACHE = Path("/etc/ld.so.cache")
_MAGIC = b"glibc-ld.so.cache1.1"
_ENTRY = struct.Struct("<iIIIQ")
_MOST = 16 << 20


def read_surroundings(variables: Mapping[str, str] | None = None, cache: Path = CACHE) -> Surroundings:
    """Return the loader's variables and the CUDA libraries to which they, or the system's own cache, lead."""
    environ = os.environ if variables is None else variables
    known = cached_libraries(cache)
    return Surroundings(
        strays=tuple(_strays(environ, known)),
        variables=tuple((name, environ[name]) for name in VARIABLES if environ.get(name)),
        system_libraries=frozenset(known) if known else None,
        overlays=tuple(read_overlays(environ)),
    )


def _strays(environ: Mapping[str, str], known: Mapping[str, str]) -> Iterator[StrayLibrary]:
    if sys.platform == "win32":
        for through, folder in (
            *((("PATH", each)) for each in environ.get("PATH", "").split(os.pathsep)),
            ("CUDA_PATH", _bin(environ)),
        ):
            yield from _in_folder(folder, through)
        return
    for folder in dict.fromkeys(environ.get("LD_LIBRARY_PATH", "").split(":")):
        yield from _in_folder(folder, "LD_LIBRARY_PATH")
    for path in environ.get("LD_PRELOAD", "").replace(":", " ").split():
        yield from _library(path, "LD_PRELOAD")
    for soname, path in sorted(known.items()):
        if _CUDA.fullmatch(soname):
            yield _stray(soname, path, "ld.so.conf")


def _bin(environ: Mapping[str, str]) -> str:
    root = environ.get("CUDA_PATH", "")
    return os.path.join(root, "bin") if root else ""  # noqa: PTH118 - an empty variable stays empty


def _in_folder(folder: str, through: str) -> Iterator[StrayLibrary]:
    if not folder:
        return
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - folders of a PATH that may be none
    except OSError:
        return
    for name in names:
        yield from _library(os.path.join(folder, name), through)  # noqa: PTH118 - likewise


def _library(path: str, through: str) -> Iterator[StrayLibrary]:
    name = os.path.basename(path)  # noqa: PTH119 - likewise
    if _CUDA.fullmatch(name) and name.partition(".so.")[2].count(".") == 0:
        yield _stray(name, path, through)
    elif _CUDA_DLL.fullmatch(name):
        yield _stray(name.lower(), path, through)


def _stray(soname: str, path: str, through: str) -> StrayLibrary:
    try:
        size = os.stat(path).st_size  # noqa: PTH116 - likewise
    except OSError:
        size = 0
    return StrayLibrary(soname=soname, path=path, release=_release(path), through=through, size=size)


def _release(path: str) -> str:
    """Return the version that the file behind a name tells: libcublas.so.12 -> libcublas.so.12.4.5.8 -> "12.4.5.8"."""
    real = os.path.basename(os.path.realpath(path))  # noqa: PTH119 - likewise
    release = real.partition(".so.")[2]
    return release if release.count(".") else ""


def cached_libraries(cache: Path = CACHE) -> dict[str, str]:
    """Return soname -> path of the loader's cache; empty where there is none, or none that can be read.

    Source of the layout: glibc, sysdeps/generic/dl-cache.h (`struct cache_file_new`).
    """
    try:
        with cache.open("rb") as handle:
            data = handle.read(_MOST)
    except OSError:
        return {}
    start = data.find(_MAGIC)
    if start < 0 or len(data) < start + 48:
        return {}
    (count,) = struct.unpack_from("<I", data, start + 20)
    found: dict[str, str] = {}
    for number in range(count):
        place = start + 48 + number * _ENTRY.size
        if place + _ENTRY.size > len(data):
            break
        _, key, value, _, _ = _ENTRY.unpack_from(data, place)
        name, path = _string(data, start + key), _string(data, start + value)
        if name and path:
            found.setdefault(name, path)
    return found


def _string(data: bytes, place: int) -> str:
    end = data.find(b"\0", place, place + 4096)
    return data[place:end].decode("utf-8", "replace") if 0 <= place < end else ""
