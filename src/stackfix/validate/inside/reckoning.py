"""Reckoning: whether the CUDA driver really computes, and what stands in GPU memory, asked of the driver alone.

A stub can say yes to everything, and a shim can say of onnxruntime what it likes; neither can give the numbers
that a program of ours makes of random ones. cuda.h names what is called here:
https://docs.nvidia.com/cuda/cuda-driver-api/.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import random
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

_COUNT = 256
_KEY_LIMIT = 2**32
_MEMORY_TYPE, _HOST = 2, 1  # CU_POINTER_ATTRIBUTE_MEMORY_TYPE, CU_MEMORYTYPE_HOST
_INVALID_VALUE = 1  # of a pointer that CUDA does not know
# Each thread takes its number times the key plus its own index. Of the first architecture that cuDNN 9 and
# onnxruntime's builds know, in PTX of CUDA 9: every driver since makes code of it for the GPU that is there.
PTX = b"""\
.version 6.0
.target sm_50
.address_size 64
.visible .entry reckon(.param .u64 numbers, .param .u32 key)
{
    .reg .u32 %r<5>;
    .reg .u64 %d<4>;
    ld.param.u64 %d1, [numbers];
    ld.param.u32 %r1, [key];
    cvta.to.global.u64 %d1, %d1;
    mov.u32 %r2, %tid.x;
    mul.wide.u32 %d2, %r2, 4;
    add.u64 %d3, %d1, %d2;
    ld.global.u32 %r3, [%d3];
    mad.lo.u32 %r4, %r3, %r1, %r2;
    st.global.u32 [%d3], %r4;
    ret;
}
\0"""


class Reckoned(NamedTuple):
    """Whether the GPU gave the right numbers (None: it could not be asked), and what was seen."""

    ok: bool | None
    text: str


class _Refused(Exception):  # noqa: N818 - an answer of the driver's
    """A function of the driver gave a number that is no success."""


class _Driver:
    """The driver's functions; each raises what it refuses."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")

    def code(self, function: str, *arguments: Any) -> int:
        return int(getattr(self._library, function)(*arguments))

    def call(self, function: str, *arguments: Any) -> None:
        result = self.code(function, *arguments)
        if result != 0:
            raise _Refused(f"{function} gives {result}")


def reckon(index: int) -> Reckoned:
    """Return whether GPU `index`, of which this process has a context, computes what is asked of it."""
    try:
        with _working_on(index) as driver:
            return _reckoned(driver)
    except (_Refused, OSError, AttributeError) as error:
        return Reckoned(ok=None, text=f"the driver runs no program of ours: {error}")


def read(pointer: int, size: int, index: int = 0) -> bytes | None:
    """Return `size` bytes of the GPU's memory as the driver gives them, b"" where it says that they lie elsewhere.

    None where it can't be asked.
    """
    kind = ctypes.c_uint(0)
    try:
        with _working_on(index) as driver:
            result = driver.code(
                "cuPointerGetAttribute", ctypes.byref(kind), _MEMORY_TYPE, ctypes.c_uint64(pointer)
            )
            if result == _INVALID_VALUE or (result == 0 and kind.value == _HOST):
                return b""
            content = ctypes.create_string_buffer(size)
            driver.call("cuMemcpyDtoH_v2", content, ctypes.c_uint64(pointer), ctypes.c_size_t(size))
            return content.raw
    except (_Refused, OSError, AttributeError):
        return None


@contextlib.contextmanager
def _working_on(index: int) -> Iterator[_Driver]:
    """Make the context that CUDA's runtime works in current, and leave it as it was."""
    driver = _Driver()
    device, context, former = ctypes.c_int(0), ctypes.c_void_p(), ctypes.c_void_p()
    driver.call("cuInit", 0)
    driver.call("cuDeviceGet", ctypes.byref(device), index)
    driver.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
    try:
        driver.call("cuCtxPushCurrent_v2", context)
        try:
            yield driver
        finally:
            driver.code("cuCtxPopCurrent_v2", ctypes.byref(former))
    finally:
        driver.code("cuDevicePrimaryCtxRelease", device)


def _reckoned(driver: _Driver) -> Reckoned:
    module, function, memory = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_uint64(0)
    numbers = [random.randrange(_KEY_LIMIT) for _ in range(_COUNT)]  # noqa: S311 - no secret
    key = random.randrange(1, _KEY_LIMIT) | 1  # noqa: S311 - no secret
    content = array.array("I", numbers)
    size = ctypes.c_size_t(content.itemsize * _COUNT)
    host = (ctypes.c_char * size.value).from_buffer(content)
    driver.call("cuModuleLoadData", ctypes.byref(module), PTX)
    try:
        driver.call("cuModuleGetFunction", ctypes.byref(function), module, b"reckon")
        driver.call("cuMemAlloc_v2", ctypes.byref(memory), size)
        try:
            driver.call("cuMemcpyHtoD_v2", memory, host, size)
            given = ctypes.c_uint(key)
            parameters = (ctypes.c_void_p * 2)(ctypes.addressof(memory), ctypes.addressof(given))
            driver.call("cuLaunchKernel", function, 1, 1, 1, _COUNT, 1, 1, 0, None, parameters, None)
            driver.call("cuCtxSynchronize")
            driver.call("cuMemcpyDtoH_v2", host, memory, size)
        finally:
            driver.code("cuMemFree_v2", memory)
    finally:
        driver.code("cuModuleUnload", module)
    right = sum(
        found == (number * key + place) % _KEY_LIMIT
        for place, (found, number) in enumerate(zip(content, numbers))  # noqa: B905 - 3.8
    )
    if right == _COUNT:
        return Reckoned(ok=True, text=f"a program of ours made {_COUNT} random numbers into the right ones")
    return Reckoned(
        ok=False,
        text=f"the driver says that it ran a program of ours, and {_COUNT - right} of {_COUNT} numbers are wrong",
    )
