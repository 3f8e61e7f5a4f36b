"""In what a row and a wheel that was read whole differ."""

from __future__ import annotations

import ast
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import parse_tag
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from stackfix.facts.rows import FileRow, WheelRow
from whole_wheel import MODULE, OF_TORCH, PROVIDER, WholeWheel, cuda_majors, images, opened_names

BESIDE_TORCH = ("torchvision", "torchaudio")
PRELOADER = "onnxruntime/capi/_ld_preload.py"
BUILD_INFORMATION = "onnxruntime/capi/build_and_package_info.py"
# What others need by name; nvshmem_bootstrap_mpi.so.3 and its like are opened where somebody configures them.
BY_NAME = re.compile(r"(^|/)(lib[^/]+\.so(\.\d+)+|[^/]+\.dll)$", re.IGNORECASE)
NUMPY_IN = {
    "torch": re.compile(r"torch/lib/(lib)?torch_python\.(so|dll)"),
    "onnxruntime": MODULE,
    "onnxruntime-gpu": MODULE,
    "opencv-python": re.compile(r"cv2/cv2\.([^/]*so|pyd)"),
    "opencv-python-headless": re.compile(r"cv2/cv2\.([^/]*so|pyd)"),
}


def differences(row: WheelRow, path: Path, scratch: Path, tool: Path | None) -> Iterator[str]:
    """Yield in what a row and its newest wheel differ; what could not be looked at begins with a question mark."""
    if hashlib.sha256(path.read_bytes()).hexdigest() != row.files[-1].sha256:
        yield "sha256 of the file"
    wheel = WholeWheel(path, scratch)
    yield from metadata_differences(row, row.files[-1], wheel)
    folders = {name.partition("/")[0] for name in wheel.names if re.fullmatch(r"[^/]+/__init__\.py", name)}
    yield from _differ("owns", row.owns, folders - {"nvidia"})
    yield from _linkage(row, wheel)
    yield from _cuda(row, wheel)
    yield from _inside(row, wheel, tool)


def _differ(what: str, kept: Iterable[object], told: Iterable[object]) -> Iterator[str]:
    lacks, extra = sorted(map(str, set(told) - set(kept))), sorted(map(str, set(kept) - set(told)))
    if lacks or extra:
        yield f"{what}:{f' the row lacks {lacks}' if lacks else ''}{f' the wheel lacks {extra}' if extra else ''}"


def metadata_differences(row: WheelRow, file: FileRow, wheel: WholeWheel) -> Iterator[str]:
    """Yield in what METADATA and WHEEL differ from a row and one of its files."""
    told = {str(Requirement(text)) for text in wheel.metadata.get("requires_dist", [])}
    yield from _differ("requires", {str(Requirement(text)) for text in row.requires_dist}, told)
    if Version(wheel.metadata.get("version", "0")) != Version(row.version):
        yield f"version: METADATA says {wheel.metadata.get('version')}"
    python = SpecifierSet(wheel.metadata.get("requires_python", ""))
    if python != SpecifierSet(file.requires_python):
        yield f"requires_python: METADATA says `{python}`, the row `{file.requires_python}`"
    named = {_plain_tag(str(tag)) for tag in parse_wheel_filename(file.name)[3]}
    told_tags = {_plain_tag(str(tag)) for text in wheel.tags for tag in parse_tag(text)}
    yield from _differ("tags", named, told_tags)


def _plain_tag(tag: str) -> str:
    """Return a tag without its glibc: many a wheel was renamed to `manylinux` and still says `linux` inside."""
    return re.sub(r"-manylinux(_\d+_\d+|\d+)_", "-linux_", tag).replace("_sbsa", "_aarch64")


def _linkage(row: WheelRow, wheel: WholeWheel) -> Iterator[str]:
    """Yield in what needs, provided sonames and what is loaded at first use differ."""
    for feature, paths in _features(row, wheel).items():
        told = wheel.foreign(paths)
        if row.package in BESIDE_TORCH:
            told = {name for name in told if not OF_TORCH.fullmatch(name)}
        if row.package == "torch" and feature:
            told -= set(row.needs.get("", ()))
        if feature and row.package.startswith("onnxruntime") and PRELOADER in wheel.names:
            told |= _preloaded(wheel, feature)
        yield from _differ(f"needs of `{feature}`", row.needs.get(feature, ()), told)
        later = {name for path in paths for name in wheel.libraries[path].later} - wheel.own - told
        yield from _differ(
            f"imports at first use of `{feature}`", later & set(row.opens.get(feature, ())), later
        )
    if row.provides:
        sonames = {
            library.soname or path.rpartition("/")[2]: path
            for path, library in wheel.libraries.items()
            if BY_NAME.search(path)
        }
        yield from _differ("provides", row.provides.items(), sonames.items())


def _features(row: WheelRow, wheel: WholeWheel) -> dict[str, set[str]]:
    """Return feature -> the libraries whose needs are its needs."""
    libraries = set(wheel.libraries)
    if row.package.startswith("onnxruntime"):
        providers = {match[2]: {path} for path in libraries if (match := PROVIDER.fullmatch(path))}
        return {"": {path for path in libraries if MODULE.fullmatch(path)}, **providers}
    if row.package == "torch":
        return _of_torch(libraries, wheel)
    if row.package in BESIDE_TORCH:
        parts: dict[str, set[str]] = {}
        for path in libraries:
            if re.fullmatch(r"(torchvision|torchaudio|torio)/(lib/)?[^/]+\.(so|dll|pyd)", path):
                part = re.search(r"(image|video|ffmpeg|sox)[^/]*$", path)
                parts.setdefault(part[1] if part else "", set()).add(path)
        return parts
    if row.package.startswith("nvidia-"):
        return {"": {path for path in libraries if BY_NAME.search(path)}}
    return {}


def _of_torch(libraries: set[str], wheel: WholeWheel) -> dict[str, set[str]]:
    """Return what `import torch` loads: its module and all that this needs, on Windows every DLL."""
    if any(path.endswith(".dll") for path in libraries):
        return {"": {path for path in libraries if path.startswith("torch/lib/") and path.endswith(".dll")}}
    first = {
        path for path in libraries if re.fullmatch(r"torch/_C\.[^/]*so|.*/libtorch_global_deps\.so", path)
    }
    parts = {"": wheel.loaded_with(first)}
    for feature, name in (("linalg", "libtorch_cuda_linalg.so"), ("compile", "libcaffe2_nvrtc.so")):
        if f"torch/lib/{name}" in libraries:
            parts[feature] = {f"torch/lib/{name}"}
    return parts


def _preloaded(wheel: WholeWheel, feature: str) -> set[str]:
    """Return what onnxruntime's preloader loads for a feature: one `try` for each, the first that of CUDA."""
    tree = ast.parse(wheel.read(PRELOADER))
    found: set[str] = set()
    for block in (node for node in ast.walk(tree) if isinstance(node, ast.Try)):
        names = {
            str(node.args[0].value)
            for node in ast.walk(block)
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)
        }
        names = {name for name in names if name.startswith("lib")}
        if any("nvinfer" in name for name in names) == (feature == "tensorrt"):
            found |= names
    return found


def _cuda(row: WheelRow, wheel: WholeWheel) -> Iterator[str]:
    """Yield in what the CUDA that a wheel was built with differs."""
    told = wheel.value("torch/version.py", "cuda") or wheel.value(BUILD_INFORMATION, "cuda_version")
    if told and not row.package.startswith("nvidia-") and [told] != [*row.cuda]:
        yield f"cuda: the wheel says {told}, the row {[*row.cuda]}"
    names = {name for library in wheel.libraries.values() for name in library.needs | {library.soname}}
    majors = cuda_majors(names) | ({int(told.partition(".")[0])} if told else set())
    if majors and row.cuda_major not in majors:
        yield f"cuda_major: the wheel says {sorted(majors)}, the row {row.cuda_major}"


def _inside(row: WheelRow, wheel: WholeWheel, tool: Path | None) -> Iterator[str]:
    """Yield in what large libraries differ: numpy's interface, opened names, device code."""
    for path in wheel.libraries:
        if row.package in NUMPY_IN and NUMPY_IN[row.package].fullmatch(path):
            with wheel.unpacked(path) as library:
                data = library.read_bytes()
            told = [1, 2] if b"numpy._core" in data else [1] if b"numpy.core" in data else []
            yield from _differ("numpy_abi", row.numpy_abi, told)
            if listed := re.findall(rb"((?:sm_\d+[af]? ?|compute_\d+[af]? ?){2,})\0", data):
                yield from _architectures(row, listed[0].decode().split())
        provider = PROVIDER.fullmatch(path)
        if provider and provider[2] == "cuda":
            with wheel.unpacked(path) as library:
                names, begun = opened_names(library)
                kept = set(row.opens.get("cuda", ()))
                unlinked = names - wheel.foreign([path]) - wheel.own
                yield from _differ("opens", {n for n in kept if n in names or n[:8] not in begun}, unlinked)
                yield from _device_code(row, library, tool)
        elif (
            row.package == "torch"
            and re.fullmatch(r"torch/lib/(lib)?torch_cuda\.(so|dll)", path)
            and "nv_fatbin" in row.measured.get("code", "")
        ):
            with wheel.unpacked(path) as library:
                yield from _device_code(row, library, tool)


def _architectures(row: WheelRow, listed: list[str]) -> Iterator[str]:
    """Yield in what torch's own list differs from device code that was taken from it."""
    if "list" in row.measured.get("code", ""):
        kept = {f"sm_{each}" for code in row.code for each in code.cubins}
        yield from _differ("architectures", kept | {f"compute_{p}" for c in row.code for p in c.ptx}, listed)


def _device_code(row: WheelRow, library: Path, tool: Path | None) -> Iterator[str]:
    if tool is None:
        return
    try:
        cubins, ptx = images(tool, library)
    except LookupError as error:
        yield f"?device code: {error}"
        return
    yield from _differ("cubins", _counted(row, "cubins"), cubins.items())
    yield from _differ("ptx", _counted(row, "ptx"), ptx.items())


def _counted(row: WheelRow, kind: str) -> set[tuple[str, int]]:
    """Return how many images of each architecture a row has, as cuobjdump lists them: `sm_103f` without its letter."""
    counted: Counter[str] = Counter()
    for code in row.code:
        counted.update(dict.fromkeys((name.rstrip("f") for name in getattr(code, kind)), code.count))
    return set(counted.items())
