"""What a lock takes on the disk once it is unpacked: each wheel by how well what it carries packs.

A lock has the size of each file and not of what is in it, and no one factor serves: libraries of kernels unpack to 1.2
times their size, those of plain code to 3, Python and headers to 4. Measured in blocks of 4 KiB on the sets of CUDA 12
(torch 2.4 and 2.13), CUDA 13 (torch 2.15) and of the CPU, each factor from the largest of these, rounded up where a
set is mostly that: the sums are 2 to 6 % more than what `du` says of the environments.
"""

from __future__ import annotations

import re

from stackfix.model.lock import Lock, LockedFile

_PACKED = {  # by the package's name, "-cu12" and the like left out
    "cuda-bindings": 9.2,
    "nvidia-cublas": 1.5,
    "nvidia-cuda-cupti": 4.2,
    "nvidia-cuda-nvrtc": 2.6,
    "nvidia-cudnn": 1.65,
    "nvidia-cufft": 1.5,
    "nvidia-curand": 2.25,
    "nvidia-cusolver": 1.5,
    "nvidia-cusparse": 1.35,
    "nvidia-cusparselt": 1.55,
    "nvidia-nccl": 1.3,
    "nvidia-nvjitlink": 2.45,
    "nvidia-nvshmem": 1.5,
    "numpy": 3.55,
    "onnxruntime": 2.8,
    "onnxruntime-gpu": 1.65,
    "opencv-python": 2.65,
    "opencv-python-headless": 2.65,
    "torch": 2.15,
    "triton": 3.6,
}
_LARGE = 10_000_000
_OTHER_LARGE = 3.0
_OTHER_SMALL = 4.8  # many small files: sympy's 1572 take 12 % more in blocks than in bytes
EMPTY_ENVIRONMENT = 256 << 10
_CUDA_MAJOR = re.compile(r"-cu\d\d$")


def unpacked_bytes(package: str, file: LockedFile) -> int:
    """Return about how many bytes of a disk a wheel takes unpacked."""
    other = _OTHER_LARGE if file.size >= _LARGE else _OTHER_SMALL
    return int(file.size * _PACKED.get(_CUDA_MAJOR.sub("", package), other))


def installed_bytes(lock: Lock) -> int:
    """Return about how many bytes of a disk an environment of a lock takes, no file of it a link."""
    return EMPTY_ENVIRONMENT + sum(unpacked_bytes(each.name, each.file) for each in lock.packages)
