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
    numpy_abi,
    section_bytes,
)

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


def measure_onnxruntime(archive: Archive, large: Archive, found: Measurement) -> None:
    """Measure a wheel with onnxruntime's extension module, with or without a CUDA provider."""
    name = module_name(archive)
    own = base_names(archive.names)
    with large.spooled(name) as module:
        found.needs[""] = foreign(elf.dynamic(module).needed, own)
        found.numpy_abi = numpy_abi(module.read(0, module.size))
    found.how["needs"] = "DT_NEEDED of onnxruntime_pybind11_state"
    found.how["numpy_abi"] = f"`numpy._core` in {name.rpartition('/')[2]}"
    folder = name.rpartition("/")[0] + "/"
    if folder + CUDA_PROVIDER in archive.names:
        _cuda_provider(folder + CUDA_PROVIDER, large, own, found)
        _built_with(folder, archive, found)
    if folder + TENSORRT_PROVIDER in archive.names:
        with large.spooled(folder + TENSORRT_PROVIDER) as provider:
            found.needs["tensorrt"] = foreign(elf.dynamic(provider).needed, own)


def _cuda_provider(name: str, large: Archive, own: set[str], found: Measurement) -> None:
    with large.spooled(name) as provider:
        found.needs["cuda"] = foreign(elf.dynamic(provider).needed, own)
        opened = elf.strings(section_bytes(provider, ".rodata"))
        opened |= elf.assembled_names(section_bytes(provider, ".text"))
        counted = fatbin.tally(provider)
    found.opens["cuda"] = tuple(
        sorted(n for n in opened - set(found.needs["cuda"]) - own if _OPENED.match(n))
    )
    found.code = _code(counted)
    found.cuda_major = cuda_major(found.needs["cuda"])
    found.how |= {
        "needs": "DT_NEEDED of onnxruntime_pybind11_state and of the providers",
        "opens": "library names among the provider's strings and in its code",
        "code": "entries of .nv_fatbin",
        "cuda_major": "sonames that the CUDA provider needs",
    }
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
