"""onnxruntime's wheel: what its CUDA provider needs, opens and carries; which numpy its module loads under."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stackfix.measure import elf, fatbin
from stackfix.measure.archive import Archive
from stackfix.measure.library import linked, linked_member, section_bytes
from stackfix.measure.measurement import (
    PTX_TOOLKIT,
    Measurement,
    base_names,
    code_rows,
    cuda_major,
    foreign,
    numpy_abi,
)
from stackfix.measure.reader import Reader

MODULE = re.compile(r"(onnxruntime/capi/)onnxruntime_pybind11_state\.([^/]*so|pyd)")
CUDA_PROVIDERS = ("libonnxruntime_providers_cuda.so", "onnxruntime_providers_cuda.dll")
TENSORRT_PROVIDERS = ("libonnxruntime_providers_tensorrt.so", "onnxruntime_providers_tensorrt.dll")
PRELOADER = "_ld_preload.py"

_OPENED = re.compile(
    r"(lib)?(cudnn|cufft|cublas|curand|cusolver|cusparse|nvrtc|nccl|nvinfer|nvjitlink|nvJitLink)"
)
_PRELOADED = re.compile(r"CDLL\(\s*[\"']([^\"']+)[\"']")
_CUDA_VERSION = re.compile(r"cuda_version\s*=\s*['\"](\d+\.\d+)")

_SHARED_ISA = frozenset({"8.5"})


def module_name(archive: Archive) -> str:
    """Return the name of onnxruntime's extension module in a wheel, "" where there is none."""
    return next((name for name in archive.names if MODULE.fullmatch(name)), "")


def measure_onnxruntime(archive: Archive, large: Archive | None, found: Measurement) -> None:
    """Measure a wheel with onnxruntime's extension module, with or without a CUDA provider.

    Without `large`, only what the heads of the providers tell: needs, and so the CUDA major; no device code, no
    opened names, no numpy. The extension module has no soname by which its names could be found.
    """
    folder = module_name(archive).rpartition("/")[0] + "/"
    paths = {"": module_name(archive)}
    for feature, names in (("cuda", CUDA_PROVIDERS), ("tensorrt", TENSORRT_PROVIDERS)):
        paths.update((feature, folder + name) for name in names if folder + name in archive.names)
    own = base_names(archive.names)
    if large is None:
        providers = {feature: path for feature, path in paths.items() if feature}
        _heads(providers, archive, own, found)
    else:
        _whole(paths, large, own, found)
    _preloaded(folder + PRELOADER, archive, own, found)
    if "cuda" in found.needs:
        found.cuda_major = cuda_major(found.needs["cuda"])
        found.how["cuda_major"] = "sonames that the CUDA provider needs"
    if "cuda" in paths:
        _built_with(folder, archive, found)


def _heads(paths: Mapping[str, str], archive: Archive, own: set[str], found: Measurement) -> None:
    for feature, path in paths.items():
        names = linked_member(archive, None, path)
        if names is not None:
            found.needs[feature] = foreign(names.needed, own)
    found.how["needs"] = "string tables in the heads of the providers"
    unread = paths.keys() - found.needs.keys()
    if unread:
        found.how["not read"] = " ".join(sorted(paths[feature].rpartition("/")[2] for feature in unread))


def _whole(paths: Mapping[str, str], large: Archive, own: set[str], found: Measurement) -> None:
    found.how["needs"] = "names of needed libraries in onnxruntime_pybind11_state and the providers"
    for feature, path in paths.items():
        with large.spooled(path) as library:
            names = linked(library)
            found.needs[feature] = foreign(names.needed, own)
            if names.delayed:
                found.opens[feature] = foreign(names.delayed, own)
                found.how["opens"] = "imports that are loaded at first use"
            if feature == "":
                found.numpy_abi = numpy_abi(library.read(0, library.size))
                found.how["numpy_abi"] = f"`numpy._core` in {path.rpartition('/')[2]}"
            elif feature == "cuda":
                _cuda_provider(library, own, found)


def _preloaded(path: str, archive: Archive, own: set[str], found: Measurement) -> None:
    """Add what onnxruntime up to 1.15 loads by ctypes before its providers, whose DT_NEEDED was emptied for it."""
    if path not in archive.names:
        return
    text = archive.read(path).decode("utf-8", "replace")
    blocks = [set(_PRELOADED.findall(block)) for block in text.split("try:")[1:]]
    for names in blocks:
        feature = "tensorrt" if any(name.startswith("libnvinfer") for name in names) else "cuda"
        if feature in found.needs and names - set(found.needs[feature]):
            found.needs[feature] = foreign({*found.needs[feature], *names}, own)
            found.how["needs"] = f"symbol versions, DT_NEEDED, and the names that {PRELOADER} loads"


def _cuda_provider(provider: Reader, own: set[str], found: Measurement) -> None:
    opened = elf.strings(section_bytes(provider, ".rodata"))
    opened |= dll_strings(section_bytes(provider, ".rdata"))
    opened |= elf.assembled_names(section_bytes(provider, ".text"))
    opened |= set(found.opens.get("cuda", ()))
    found.opens["cuda"] = tuple(
        sorted(n for n in opened - set(found.needs["cuda"]) - own if _OPENED.match(n))
    )
    counted = fatbin.tally(provider)
    found.code = code_rows(counted)
    found.how["opens"] = "library names among the provider's strings and in its code"
    found.how["code"] = "entries of .nv_fatbin"
    written_by = {isa for _, ptx in counted for _, isa in ptx}
    if len(written_by) == 1 and not written_by & _SHARED_ISA:
        found.cuda = PTX_TOOLKIT.get(written_by.pop(), "")
        found.how["cuda"] = "the toolkit that wrote the provider's PTX"


_DLL = re.compile(rb"[A-Za-z0-9_]{3,40}\.dll", re.IGNORECASE)
_WIDE_DLL = re.compile(rb"(?:[A-Za-z0-9_]\0){3,40}\.\0d\0l\0l\0", re.IGNORECASE)


def dll_strings(data: bytes) -> set[str]:
    """Return the names of DLLs that stand in data, narrow or wide, in lower case."""
    narrow = {match.decode().lower() for match in _DLL.findall(data)}
    return narrow | {match.decode("utf-16-le").lower() for match in _WIDE_DLL.findall(data)}


def _built_with(folder: str, archive: Archive, found: Measurement) -> None:
    """Take the CUDA version that the wheel's own build information names; it goes before the PTX's."""
    name = folder + "build_and_package_info.py"
    if name not in archive.names:
        return
    version = _CUDA_VERSION.search(archive.read(name).decode("utf-8", "replace"))
    if version:
        found.cuda = version[1]
        found.how["cuda"] = "build_and_package_info.py"
