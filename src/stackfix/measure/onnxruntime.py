"""onnxruntime's wheel: what its CUDA provider needs, opens and carries; which numpy its module loads under."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from stackfix.measure import elf, fatbin
from stackfix.measure.archive import Archive
from stackfix.measure.measurement import (
    Measurement,
    base_names,
    cuda_major,
    foreign,
    library_names,
    numpy_abi,
    section_bytes,
)
from stackfix.measure.reader import Reader

MODULE = re.compile(r"(onnxruntime/capi/)onnxruntime_pybind11_state\.[^/]*so")
CUDA_PROVIDER = "libonnxruntime_providers_cuda.so"
TENSORRT_PROVIDER = "libonnxruntime_providers_tensorrt.so"

_OPENED = re.compile(
    r"lib(cudnn|cufft|cublas|curand|cusolver|cusparse|nvrtc|nccl|nvinfer|nvjitlink|nvJitLink)"
)
_CUDA_VERSION = re.compile(r"cuda_version\s*=\s*['\"](\d+\.\d+)")

# PTX ISA -> the toolkit that writes it: NVIDIA, PTX ISA, "Release Notes"; 8.5 is written by 12.5 and 12.6. From 9.2
# on, measured: the compiler in nvidia-cuda-nvrtc 13.3.33 knows `ptx92`, 13.4.92 `ptx94`, 13.5.37 `ptx95`.
PTX_TOOLKIT = {
    "7.0": "11.0", "7.1": "11.1", "7.2": "11.2", "7.3": "11.3", "7.4": "11.4", "7.5": "11.5", "7.6": "11.6",
    "7.7": "11.7", "7.8": "11.8", "8.0": "12.0", "8.1": "12.1", "8.2": "12.2", "8.3": "12.3", "8.4": "12.4",
    "8.5": "12.5", "8.7": "12.8", "8.8": "12.9", "9.0": "13.0", "9.1": "13.1", "9.2": "13.2", "9.3": "13.3",
    "9.4": "13.4", "9.5": "13.5",
}  # fmt: skip
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
    paths = {"": module_name(archive), "cuda": folder + CUDA_PROVIDER, "tensorrt": folder + TENSORRT_PROVIDER}
    paths = {feature: path for feature, path in paths.items() if path in archive.names}
    own = base_names(archive.names)
    if large is None:
        providers = {feature: path for feature, path in paths.items() if feature}
        _heads(providers, archive, own, found)
    else:
        _whole(paths, large, own, found)
    if "cuda" in found.needs:
        found.cuda_major = cuda_major(found.needs["cuda"])
        found.how["cuda_major"] = "sonames that the CUDA provider needs"
    if "cuda" in paths:
        _built_with(folder, archive, found)


def _heads(paths: Mapping[str, str], archive: Archive, own: set[str], found: Measurement) -> None:
    for feature, path in paths.items():
        _, names = library_names(archive, None, path)
        if names is not None:
            found.needs[feature] = foreign(names, own)
    found.how["needs"] = "string tables in the heads of the providers"
    unread = paths.keys() - found.needs.keys()
    if unread:
        found.how["not read"] = " ".join(sorted(paths[feature].rpartition("/")[2] for feature in unread))


def _whole(paths: Mapping[str, str], large: Archive, own: set[str], found: Measurement) -> None:
    found.how["needs"] = "DT_NEEDED of onnxruntime_pybind11_state and of the providers"
    for feature, path in paths.items():
        with large.spooled(path) as library:
            found.needs[feature] = foreign(elf.dynamic(library).needed, own)
            if feature == "":
                found.numpy_abi = numpy_abi(library.read(0, library.size))
                found.how["numpy_abi"] = f"`numpy._core` in {path.rpartition('/')[2]}"
            elif feature == "cuda":
                _cuda_provider(library, own, found)


def _cuda_provider(provider: Reader, own: set[str], found: Measurement) -> None:
    opened = elf.strings(section_bytes(provider, ".rodata"))
    opened |= elf.assembled_names(section_bytes(provider, ".text"))
    found.opens["cuda"] = tuple(
        sorted(n for n in opened - set(found.needs["cuda"]) - own if _OPENED.match(n))
    )
    counted = fatbin.tally(provider)
    found.code = _code(counted)
    found.how["opens"] = "library names among the provider's strings and in its code"
    found.how["code"] = "entries of .nv_fatbin"
    written_by = {isa for _, ptx in counted for _, isa in ptx}
    if len(written_by) == 1 and not written_by & _SHARED_ISA:
        found.cuda = PTX_TOOLKIT.get(written_by.pop(), "")
        found.how["cuda"] = "the toolkit that wrote the provider's PTX"


def _built_with(folder: str, archive: Archive, found: Measurement) -> None:
    """Take the CUDA version that the wheel's own build information names; it goes before the PTX's."""
    name = folder + "build_and_package_info.py"
    if name not in archive.names:
        return
    version = _CUDA_VERSION.search(archive.read(name).decode("utf-8", "replace"))
    if version:
        found.cuda = version[1]
        found.how["cuda"] = "build_and_package_info.py"


def _code(counted: Counter[fatbin.Images]) -> tuple[tuple[tuple[str, ...], Mapping[str, str], int], ...]:
    rows = [
        (cubins, {architecture: PTX_TOOLKIT.get(isa, "") for architecture, isa in ptx}, count)
        for (cubins, ptx), count in counted.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row[2], row[0], sorted(row[1]))))
