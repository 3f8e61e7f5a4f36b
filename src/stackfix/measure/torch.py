"""torch's wheel: its CUDA, its architecture list, and every library that `import torch` has to load."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stackfix.measure import fatbin
from stackfix.measure.archive import Archive
from stackfix.measure.library import known_as, linked
from stackfix.measure.measurement import Measurement, base_names, code_rows, foreign, numpy_abi

VERSION_FILE = "torch/version.py"

_CUDA = re.compile(r"^cuda\b[^=]*=\s*['\"](\d+\.\d+)", re.MULTILINE)
_LIBRARY = re.compile(r"torch(?:/lib|\.libs)/([^/]+(?:\.so(?:\.\d+)*|\.dll))")
_GLOBAL = ("libtorch_global_deps.so", "libtorch_python.so")
_BINDINGS = ("torch/lib/libtorch_python.so", "torch/lib/torch_python.dll")
SMALL = 8 << 20

_KERNELS = ("torch/lib/libtorch_cuda.so", "torch/lib/torch_cuda.dll")
_LATER = {"libtorch_cuda_linalg.so": "linalg", "libcaffe2_nvrtc.so": "compile"}
_ARCHITECTURES = re.compile(rb"((?:(?:sm|compute)_\d+[af]? ?){2,})\0")


def measure_torch(archive: Archive, large: Archive | None, found: Measurement) -> None:
    """Measure torch; without `large`, only what two small libraries tell."""
    version = _CUDA.search(archive.read(VERSION_FILE).decode("utf-8", "replace"))
    if version:
        found.cuda = version[1]
        found.how["cuda"] = VERSION_FILE
    needed = _needed(archive, large)
    own = base_names(archive.names)
    found.needs[""] = foreign((n for name in _loaded(needed) for n in needed[name]), own)
    for name, feature in _LATER.items():
        if name in needed:
            found.needs[feature] = foreign(needed[name], {*own, *found.needs[""]})
    found.how["needs"] = f"names of needed libraries in {', '.join(sorted(needed))}"
    binding = next((name for name in _BINDINGS if name in archive.names), "")
    if binding:
        with (large or archive).spooled(binding) as library:
            _binding(library.read(0, library.size), binding, found)


def measure_kernels(archive: Archive, found: Measurement) -> None:
    """Measure the device code of torch's CUDA library itself, in place of the architecture list; a gigabyte to read."""
    path = next((name for name in _KERNELS if name in archive.names), "")
    if not path:
        return
    with archive.spooled(path) as library:
        counted = fatbin.tally(library)
    if counted:
        found.code = code_rows(counted)
        found.how["code"] = f"entries of .nv_fatbin in {path.rpartition('/')[2]}"


def small_needs(archive: Archive) -> tuple[str, ...]:
    """Return what torch's libraries of at most 8 MiB need; nothing of another wheel.

    That can differ between the Pythons of a release: fbgemm.dll of torch 2.4.0 imports libomp140.x86_64.dll in the
    wheels for Python 3.10 to 3.12 and not in those for 3.8 and 3.9.
    """
    needed: set[str] = set()
    for name in archive.names if VERSION_FILE in archive.names else ():
        if _LIBRARY.fullmatch(name) and archive.member_size(name) <= SMALL:
            with archive.spooled(name) as opened:
                needed.update(linked(opened).needed)
    return foreign(needed, base_names(archive.names))


def _needed(archive: Archive, large: Archive | None) -> Mapping[str, tuple[str, ...]]:
    """Return file name -> names of needed libraries of torch's libraries; of those above 4 MiB only with `large`."""
    found: dict[str, tuple[str, ...]] = {}
    for name in archive.names:
        library = _LIBRARY.fullmatch(name)
        if library is None:
            continue
        small = archive.member_size(name) <= 4 << 20
        if small or large is not None:
            with (archive if small or large is None else large).spooled(name) as opened:
                found[known_as(name)] = linked(opened).needed
    return found


def _loaded(needed: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Return torch's own libraries that its import loads, directly or through one another; on Windows it loads all."""
    if any(name.endswith(".dll") for name in needed):
        return set(needed)
    loaded: set[str] = set()
    waiting = [name for name in (*_GLOBAL, "libc10_cuda.so") if name in needed]
    while waiting:
        name = waiting.pop()
        if name not in loaded:
            loaded.add(name)
            waiting += [other for other in needed[name] if other in needed]
    return loaded


def _binding(data: bytes, path: str, found: Measurement) -> None:
    found.numpy_abi = numpy_abi(data)
    found.how["numpy_abi"] = f"`numpy._core` in {path.rpartition('/')[2]}"
    listed = _ARCHITECTURES.search(data)
    if listed:
        names = listed[1].decode().split()
        cubins = tuple(sorted(n.removeprefix("sm_") for n in names if n.startswith("sm_")))
        ptx = {n.removeprefix("compute_"): found.cuda for n in names if n.startswith("compute_")}
        found.code = ((cubins, ptx, 1),)
        found.how["code"] = f"architecture list in {path.rpartition('/')[2]}"
