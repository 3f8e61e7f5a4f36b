"""Stray copies: CUDA libraries inside an environment that no distribution brought.

People copy `cudnn64_9.dll` beside onnxruntime, or unpack an archive of cuDNN over a wheel's folder. Such a file lies
where the loader looks first, is of whatever release it was, and no installer will ever replace it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from stackfix.model.environment import Distribution, SharedLibrary
from stackfix.probe.shelf import Shelf, read_library

_CUDA = re.compile(
    r"lib(cudart|cudnn\w*|cublas(Lt)?|cufftw?|curand|cusolver(Mg)?|cusparse(Lt)?|nvrtc(-builtins)?|nvJitLink|nccl|nvinfer\w*)"
    r"\.so(\.\d+)+"
    r"|(cudart|cudnn\w*|cublas(lt)?|cufftw?|curand|cusolver(mg)?|cusparse(lt)?|nvrtc\w*|nvjitlink\w*|nvinfer\w*)64_\d+\.dll"
    r"|zlibwapi\.dll",
    re.IGNORECASE,
)
_BEGIN = ("onnxruntime/", "torch/", "nvidia/")
_FOLDERS = re.compile(r"onnxruntime/capi|torch/lib|(nvidia(/[\w-]+)+/(lib|bin)(/x86_64)?)|")


def stray_libraries(
    shelf: Shelf, distributions: Iterable[Distribution], *, portable: bool
) -> Iterator[SharedLibrary]:
    """Yield the stray copies in the folders that a loader searches; paths are relative to site-packages."""
    owners = [each.files for each in distributions]
    folders = {path.rpartition("/")[0] for files in owners for path in files if path.startswith(_BEGIN)}
    folders.update(f"nvidia/{name}/lib" for name in _parts(shelf))  # of a package whose record is lost
    searched = sorted(folder for folder in {*folders, ""} if _FOLDERS.fullmatch(folder))
    if portable:  # beside python.exe, where Windows looks before everything else
        searched.append("../..")
    for folder in searched:
        try:
            names = sorted(os.listdir(shelf.at(folder)))  # noqa: PTH208 - as in distributions
        except OSError:
            continue
        for name in names:
            path = f"{folder}/{name}" if folder else name
            if _CUDA.fullmatch(name) and not any(path in files for files in owners):
                yield read_library(shelf, path)


def _parts(shelf: Shelf) -> list[str]:
    try:
        return os.listdir(shelf.at("nvidia"))  # noqa: PTH208 - as in distributions
    except OSError:
        return []
