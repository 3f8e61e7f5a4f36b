"""Which CUDA libraries this process has mapped, which are missing, and what the driver says."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

_CUDA_LIBRARY = re.compile(
    r"^(lib(cudart|cublas|cublasLt|cudnn\w*|curand|cufft|nvrtc\S*?|nvJitLink|cuda|onnxruntime_providers_cuda\w*)"
    r"(-[0-9a-f]+)?\.so[.\d]*)$"
)
_MISSING = re.compile(r"(lib[\w.+-]+?\.so[.\d]*): cannot open shared object file")
_LIMIT = 20
_REPLACED = " (deleted)"


def mapped(maps: str = "/proc/self/maps") -> list[str] | None:
    """Return the paths of the CUDA libraries in this process, or None where /proc does not tell."""
    try:
        lines = Path(maps).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    paths = {line.split(None, 5)[5] for line in lines if len(line.split(None, 5)) == 6}
    # the system's mark on a file that was replaced since, as by an update of the driver
    whole = {path.partition(_REPLACED)[0] for path in paths}
    return sorted(path for path in whole if _CUDA_LIBRARY.match(path.rsplit("/", 1)[-1]))


def missing_in(text: str) -> list[dict[str, Any]]:
    """Return each library that an error text calls missing, and where this environment has it or another of it."""
    found = []
    for soname in sorted(set(_MISSING.findall(text))):
        stem = soname.partition(".so")[0]
        same: set[str] = set()
        other: set[str] = set()
        for folder in sys.path:
            if not folder.endswith("-packages"):
                continue
            for path in sorted(Path(folder, "nvidia").glob(f"**/{stem}.so*"))[:_LIMIT]:
                (same if path.name == soname else other).add(str(path))
        found.append({"soname": soname, "same": sorted(same), "other": sorted(other)})
    return found


def raised_in(error: BaseException) -> str:
    """Return the file of an installed package in which an error was raised, "" if it was raised in none."""
    files = [str(getattr(error, "filename", None) or "")] if isinstance(error, SyntaxError) else []
    trace = error.__traceback__
    while trace is not None:
        files.insert(1 if isinstance(error, SyntaxError) else 0, trace.tb_frame.f_code.co_filename)
        trace = trace.tb_next
    return next((each for each in files if "-packages" in each), "")


def open_provider(runtime: Any) -> str | None:
    """Return why onnxruntime's CUDA provider can't be opened, "" if it can, None if the build has none."""
    folder = Path(runtime.__file__).parent / "capi"
    path = folder / "libonnxruntime_providers_cuda.so"
    shared = folder / "libonnxruntime_providers_shared.so"
    if not path.exists():
        return None
    try:
        if shared.exists():
            ctypes.CDLL(str(shared), mode=ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(path))
    except OSError as error:
        return str(error)
    return ""


def onnxruntime_packages() -> list[str]:
    """Return the names of all installed distributions of onnxruntime; they share one folder."""
    names = {str(each.metadata["Name"] or "").lower().replace("_", "-") for each in distributions()}
    return sorted(name for name in names if name.startswith("onnxruntime"))


def driver() -> dict[str, Any]:
    """Return what the CUDA driver says: `found`, `result` of cuInit, `devices`; None where it was not asked.

    `used` are the GPUs on which this process has CUDA's own context, None where that is not told. `visible` is what
    CUDA_VISIBLE_DEVICES says, None if it is not set; `device files` are those of a driver's other half in the kernel.
    """
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    said: dict[str, Any] = {"found": False, "result": None, "devices": None, "used": None}
    said["visible"] = os.environ.get("CUDA_VISIBLE_DEVICES")
    said["device files"] = device_files()
    try:
        library = ctypes.CDLL(name)
        result = int(library.cuInit(0))
    except (OSError, AttributeError) as error:
        return {**said, "text": str(error)}
    said.update(found=True, result=result, text=f"cuInit gives {result}")
    count = ctypes.c_int(0)
    if result == 0 and library.cuDeviceGetCount(ctypes.byref(count)) == 0:
        said.update(devices=count.value, used=_used(library, count.value))
    return said


def device_files() -> list[str] | None:
    """Return through which files a driver's library speaks with the kernel, None where there are none to look for.

    Of a machine, a container (also without /proc/driver), WSL and Jetson.
    """
    if not sys.platform.startswith("linux"):
        return None
    names = ("nvidia*", "dxg", "nvgpu*", "nvhost*", "nvmap")
    found = [str(path) for name in names for path in sorted(Path("/dev").glob(name))[:2]]
    return found + [path for path in ("/proc/driver/nvidia/version",) if Path(path).exists()]


def _used(library: Any, count: int) -> list[int] | None:
    """Return on which GPUs this process has the context that the CUDA runtime makes before its first work."""
    found = []
    for index in range(count):
        device, flags, active = ctypes.c_int(0), ctypes.c_uint(0), ctypes.c_int(0)
        try:
            told = library.cuDeviceGet(ctypes.byref(device), index) == 0 and not (
                library.cuDevicePrimaryCtxGetState(device, ctypes.byref(flags), ctypes.byref(active))
            )
        except AttributeError:
            return None
        if not told:
            return None
        if active.value:
            found.append(index)
    return found
