"""libcuda asked in a child: the version without cuInit, the GPUs with it."""

import time

import pytest

from stackfix.model.evidence import Known, Unknown
from stackfix.probe import libcuda
from stackfix.probe.libcuda import libcuda_breaks, libcuda_gpus, libcuda_version
from stackfix.versions import ComputeCapability, CudaVersion


@pytest.mark.parametrize(("number", "version"), [(12080, "12.8"), (13040, "13.4"), (11020, "11.2")])
def test_the_version_is_read_in_the_drivers_own_encoding(given, cuda_library, number, version):
    given(cuda_library, CUDA=number)
    assert libcuda_version() == Known(CudaVersion.parse(version), "libcuda")


def test_the_version_needs_no_start_of_cuda(given, cuda_library, bare_cuda_library):
    given(cuda_library, CUINIT_CRASH=1)
    assert isinstance(libcuda_version(), Known)
    given(bare_cuda_library)
    assert isinstance(libcuda_version(), Known)


def test_the_stub_of_a_toolkit_is_recognised(given, cuda_library):
    given(cuda_library, CUDA_CODE=34)
    said = libcuda_version()
    assert isinstance(said, Unknown)
    assert "CUDA_ERROR_STUB_LIBRARY" in said.tried[0]


def test_a_version_of_zero_is_no_version(given, cuda_library):
    given(cuda_library, CUDA=0)
    assert libcuda_version() == Unknown(("libcuda, cuDriverGetVersion: it answered 0",))


def test_a_missing_library_is_said_in_the_loaders_words(given, tmp_path):
    given(tmp_path)
    for said in (libcuda_version(), libcuda_gpus()):
        assert isinstance(said, Unknown)
        assert "libcuda.so.1: cannot open shared object file" in said.tried[0]


def test_gpus_are_read_where_nvml_is_missing(given, cuda_library, monkeypatch):
    given(cuda_library, COUNT=2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    gpus = libcuda_gpus()
    assert isinstance(gpus, Known)
    assert [gpu.index for gpu in gpus.value] == [0, 1]
    first = gpus.value[0]
    assert first.name == "NVIDIA Stub"
    assert first.compute_capability == Known(ComputeCapability(9, 0), "libcuda")
    assert first.memory_bytes == Known(85899345920, "libcuda")
    assert first.uuid == "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f"


@pytest.mark.parametrize(
    ("code", "word"), [(100, "NO_DEVICE"), (803, "MISMATCH"), (804, "COMPAT"), (46, "46")]
)
def test_cuda_that_does_not_start_leaves_gpus_unknown(given, cuda_library, code, word):
    given(cuda_library, CUINIT=code)
    gpus = libcuda_gpus()
    assert isinstance(gpus, Unknown)
    assert word in gpus.tried[0]


def test_cuda_that_crashes_or_lacks_calls_leaves_gpus_unknown(given, cuda_library, bare_cuda_library):
    given(cuda_library, CUINIT_CRASH=1)
    assert libcuda_gpus() == Unknown(("libcuda: the process that asked it crashed with SIGABRT",))
    given(bare_cuda_library)
    assert libcuda_gpus() == Unknown(("libcuda, cuInit: it has no cuInit",))
    given(cuda_library, COUNT=0)
    assert isinstance(libcuda_gpus(), Unknown)


def test_a_capability_that_is_not_told_is_unknown(given, cuda_library):
    given(cuda_library, ATTRIBUTE_CODE=999)
    gpu = libcuda_gpus().value[0]
    assert isinstance(gpu.compute_capability, Unknown)
    assert "CUDA_ERROR_UNKNOWN" in gpu.compute_capability.tried[0]


def test_a_driver_that_breaks_off_alone_is_told_from_one_that_says_no(given, cuda_library, tmp_path):
    given(cuda_library, CUINIT_CRASH=1)
    assert libcuda_breaks() == "crashed with SIGABRT"
    given(cuda_library, CUINIT_LEAVES=1)
    assert libcuda_breaks() == "ended with status 0 and without an answer"
    given(cuda_library, CUINIT=999)
    assert libcuda_breaks() == ""
    given(tmp_path)
    assert libcuda_breaks() == ""


def test_a_driver_that_hangs_takes_its_time_once(given, cuda_library, monkeypatch):
    given(cuda_library, CUINIT_HANG=1)
    monkeypatch.setattr(libcuda, "_SECONDS", 2.0)
    began = time.monotonic()
    first = libcuda_breaks()
    once = time.monotonic() - began
    assert "2 s" in first
    assert libcuda_breaks() == first
    assert isinstance(libcuda_gpus(), Unknown)
    assert time.monotonic() - began < once + 1
    given(cuda_library, COUNT=2)
    assert libcuda_breaks() == ""
