"""A wheel's own facts: what it requires, needs, opens, provides, carries; read from its bytes alone.

What a wheel is, is seen from what it holds, never from its name: the same code measures a release for the
database, a new one on a user's machine, and a rebuilt one that nobody has seen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser

from stackfix.errors import MeasureError
from stackfix.measure import elf, fatbin
from stackfix.measure.archive import Archive

METADATA_LIMIT = 4 << 20
HEADS = (1 << 15, 1 << 18, 1 << 22)

CUDA_PROVIDER = "libonnxruntime_providers_cuda.so"
TENSORRT_PROVIDER = "libonnxruntime_providers_tensorrt.so"
NUMPY_2_MARK = b"numpy._core"
NUMPY_MARK = b"numpy.core"

_OPENED = re.compile(r"lib(cudnn|cufft|cublas|curand|cusolver|cusparse|nvrtc|nccl|nvinfer|nvjitlink|nvJitLink)")
_MAJOR_OF = re.compile(r"lib(?:cublas|cublasLt|cudart|nvrtc|nvJitLink)\.so\.(\d+)")
_TORCH_GLOBAL = ("torch/lib/libtorch_global_deps.so", "torch/lib/libc10_cuda.so")

# PTX ISA -> the toolkit that writes it: NVIDIA, PTX ISA, "Release Notes"; 8.5 is written by 12.5 and 12.6.
PTX_TOOLKIT = {
    "7.0": "11.0", "7.1": "11.1", "7.2": "11.2", "7.3": "11.3", "7.4": "11.4", "7.5": "11.5", "7.6": "11.6",
    "7.7": "11.7", "7.8": "11.8", "8.0": "12.0", "8.1": "12.1", "8.2": "12.2", "8.3": "12.3", "8.4": "12.4",
    "8.5": "12.5", "8.7": "12.8", "8.8": "12.9", "9.0": "13.0", "9.1": "13.1", "9.2": "13.2", "9.3": "13.3",
    "9.4": "13.4", "9.5": "13.5",
}  # fmt: skip


@dataclass(slots=True)
class Measurement:
    """What was measured, and for each field how. Shapes as in `model.wheel.Wheel`, versions as text."""

    requires_dist: tuple[str, ...] = ()
    requires_python: str = ""
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    opens: dict[str, tuple[str, ...]] = field(default_factory=dict)
    provides: dict[str, str] = field(default_factory=dict)
    cuda: str = ""
    cuda_major: int = 0
    code: tuple[tuple[tuple[str, ...], Mapping[str, str], int], ...] = ()
    owns: tuple[str, ...] = ()
    numpy_abi: tuple[int, ...] = ()
    how: dict[str, str] = field(default_factory=dict)


def metadata(archive: Archive) -> tuple[tuple[str, ...], str]:
    """Return Requires-Dist and Requires-Python of a wheel's METADATA."""
    names = [name for name in archive.names if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
    if len(names) != 1:
        raise MeasureError(f"{archive.name}: {len(names)} METADATA files instead of one")
    message = BytesParser().parsebytes(archive.read(names[0], METADATA_LIMIT))
    lines = [re.sub(r"\s+", " ", str(line)).strip() for line in message.get_all("Requires-Dist") or []]
    return tuple(lines), str(message.get("Requires-Python") or "")


def measure(archive: Archive, bulk: Archive | None = None) -> Measurement:
    """Return everything that is measured of one wheel.

    `bulk` is the same wheel opened for reading large members (its ranges are larger); without it the same
    reader serves both.
    """
    found = Measurement()
    found.requires_dist, found.requires_python = metadata(archive)
    found.owns = tuple(sorted(_import_folders(archive)))
    large = bulk if bulk is not None else archive
    if any(name.endswith(f"/{CUDA_PROVIDER}") for name in archive.names):
        _onnxruntime(archive, large, found)
    elif "torch/version.py" in archive.names:
        _torch(archive, large, found)
    elif any(name.startswith("nvidia/") for name in archive.names):
        _toolkit_part(archive, found)
    else:
        _numpy_of_extensions(archive, large, found)
    if not found.cuda_major and found.cuda:
        found.cuda_major = int(found.cuda.partition(".")[0])
    return found


def _import_folders(archive: Archive) -> Iterator[str]:
    for name in archive.names:
        folder, _, rest = name.partition("/")
        if rest == "__init__.py" and folder != "nvidia":
            yield folder


def _onnxruntime(archive: Archive, large: Archive, found: Measurement) -> None:
    """Measure onnxruntime with its CUDA provider."""
    folder = next(n for n in archive.names if n.endswith(f"/{CUDA_PROVIDER}")).removesuffix(CUDA_PROVIDER)
    own = {name.rpartition("/")[2] for name in archive.names}
    with large.spooled(folder + CUDA_PROVIDER) as provider:
        found.needs["cuda"] = _foreign(elf.dynamic(provider).needed, own)
        opened = elf.strings(_section(provider, ".rodata")) | elf.assembled_names(_section(provider, ".text"))
        found.opens["cuda"] = tuple(
            sorted(n for n in opened - set(found.needs["cuda"]) - own if _OPENED.match(n))
        )
        found.code = _code(fatbin.tally(provider))
    found.how |= {
        "needs": "DT_NEEDED of the CUDA provider",
        "opens": "library names among the provider's strings and in its code",
        "code": "entries of .nv_fatbin",
    }
    if folder + TENSORRT_PROVIDER in archive.names:
        with large.spooled(folder + TENSORRT_PROVIDER) as provider:
            found.needs["tensorrt"] = _foreign(elf.dynamic(provider).needed, own)
    for name in archive.names:
        if re.fullmatch(re.escape(folder) + r"onnxruntime_pybind11_state\.[^/]*so", name):
            with large.spooled(name) as module:
                found.needs[""] = _foreign(elf.dynamic(module).needed, own)
                found.numpy_abi = _numpy_abi(module.read(0, module.size))
                found.how["numpy_abi"] = f"`numpy._core` in {name.rpartition('/')[2]}"
    info = folder + "build_and_package_info.py"
    if info in archive.names:
        text = archive.read(info).decode("utf-8", "replace")
        version = re.search(r"cuda_version\s*=\s*['\"](\d+\.\d+)", text)
        if version:
            found.cuda = version[1]
            found.how["cuda"] = "build_and_package_info.py"
    found.cuda_major = _major(found.needs["cuda"])


def _torch(archive: Archive, large: Archive, found: Measurement) -> None:
    """Measure torch: its CUDA, architecture list, and the libraries that `import torch` loads."""
    text = archive.read("torch/version.py").decode("utf-8", "replace")
    version = re.search(r"^cuda\b[^=]*=\s*['\"](\d+\.\d+)", text, re.MULTILINE)
    if version:
        found.cuda = version[1]
        found.how["cuda"] = "torch/version.py"
    own = {name.rpartition("/")[2] for name in archive.names}
    needed: set[str] = set()
    for name in _TORCH_GLOBAL:
        if name in archive.names:
            with archive.spooled(name) as library:
                needed |= set(_foreign(elf.dynamic(library).needed, own))
    found.needs[""] = tuple(sorted(needed))
    found.how["needs"] = "DT_NEEDED of libtorch_global_deps.so and libc10_cuda.so"
    binding = "torch/lib/libtorch_python.so"
    if binding in archive.names:
        with large.spooled(binding) as library:
            data = library.read(0, library.size)
        found.numpy_abi = _numpy_abi(data)
        listed = re.search(rb"((?:(?:sm|compute)_\d+[af]? ?){2,})\0", data)
        if listed:
            names = listed[1].decode().split()
            cubins = tuple(sorted(n.removeprefix("sm_") for n in names if n.startswith("sm_")))
            ptx = {n.removeprefix("compute_"): found.cuda for n in names if n.startswith("compute_")}
            found.code = ((cubins, ptx, 1),)
        found.how |= {
            "code": "architecture list in libtorch_python.so",
            "numpy_abi": "`numpy._core` in libtorch_python.so",
        }


def _toolkit_part(archive: Archive, found: Measurement) -> None:
    """Measure one of NVIDIA's wheels: which libraries it provides, and what these need."""
    own = {name.rpartition("/")[2] for name in archive.names}
    needed: set[str] = set()
    for name in archive.names:
        library = name.rpartition("/")[2]
        if not re.fullmatch(r"lib[^/]+\.so(\.\d+)+", library) or "/stubs/" in name:
            continue
        found.provides[library] = name
        for length in HEADS:
            names = elf.names_in_head(archive.head(name, length), library)
            if names is not None:
                needed |= set(names)
                break
        else:
            found.how[f"soname {library}"] = "file name; its string table is not in the first 4 MiB"
    found.needs[""] = _foreign(tuple(needed), own)
    folder = next((m for n in archive.names if (m := re.match(r"nvidia/cu(\d+)/", n))), None)
    found.cuda_major = int(folder[1]) if folder else _major(found.needs[""])
    found.how |= {
        "provides": "string tables of the libraries",
        "needs": "string tables of the libraries",
        "cuda_major": "folder nvidia/cuNN" if folder else "sonames that its libraries need",
    }


def _numpy_of_extensions(archive: Archive, large: Archive, found: Measurement) -> None:
    """Measure which numpy an image library's extension module was built for (opencv)."""
    for name in archive.names:
        if re.fullmatch(r"cv2/cv2\.[^/]*so", name):
            with large.spooled(name) as module:
                found.numpy_abi = _numpy_abi(module.read(0, module.size))
            found.how["numpy_abi"] = f"`numpy._core` in {name}"


def _numpy_abi(data: bytes) -> tuple[int, ...]:
    """Return the numpy majors that a module loads under.

    numpy 2's headers (and pybind11 from 2.12) import `numpy._core` and fall back to `numpy.core`, so they
    serve both; older ones know `numpy.core` alone. Neither name: it does not use numpy's C interface.
    """
    if NUMPY_2_MARK in data:
        return (1, 2)
    return (1,) if NUMPY_MARK in data else ()


def _foreign(names: tuple[str, ...], own: set[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names) - own))


def _major(names: tuple[str, ...]) -> int:
    majors = {int(match[1]) for name in names if (match := _MAJOR_OF.fullmatch(re.sub(r"\.0$", "", name)))}
    return majors.pop() if len(majors) == 1 else 0


def _section(reader: elf.Reader, name: str) -> bytes:
    found = elf.section(reader, name)
    return reader.read(*found) if found is not None else b""


def _code(
    counted: Counter[fatbin.Images],
) -> tuple[tuple[tuple[str, ...], Mapping[str, str], int], ...]:
    rows = [
        (cubins, {architecture: PTX_TOOLKIT.get(isa, "") for architecture, isa in ptx}, count)
        for (cubins, ptx), count in counted.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row[2], row[0], sorted(row[1]))))
