"""libcuda asked in a child: the version without cuInit, the GPUs with it."""

import pytest

from stackfix.model.evidence import Known, Unknown
from stackfix.probe import libcuda
from stackfix.probe.libcuda import Libcuda
from stackfix.versions import ComputeCapability, CudaVersion


@pytest.mark.parametrize(("number", "version"), [(12080, "12.8"), (13040, "13.4"), (11020, "11.2")])
def test_the_version_is_read_in_the_drivers_own_encoding(given, cuda_library, number, version):
    given(cuda_library, CUDA=number)
    assert Libcuda().version() == Known(CudaVersion.parse(version), "libcuda")


def test_the_version_needs_no_start_of_cuda(given, cuda_library, bare_cuda_library):
    given(cuda_library, CUINIT_CRASH=1)
    assert isinstance(Libcuda().version(), Known)
    given(bare_cuda_library)
    assert isinstance(Libcuda().version(), Known)


def test_the_stub_of_a_toolkit_is_recognised(given, cuda_library):
    given(cuda_library, CUDA_CODE=34)
    said = Libcuda().version()
    assert isinstance(said, Unknown)
    assert "CUDA_ERROR_STUB_LIBRARY" in said.tried[0]


def test_a_version_of_zero_is_no_version(given, cuda_library):
    given(cuda_library, CUDA=0)
    assert Libcuda().version() == Unknown(("libcuda, cuDriverGetVersion: it answered 0",))


def test_a_missing_library_is_said_in_the_loaders_words(given, tmp_path):
    given(tmp_path)
    for said in (Libcuda().version(), Libcuda().gpus()):
        assert isinstance(said, Unknown)
        assert "libcuda.so.1: cannot open shared object file" in said.tried[0]


def test_gpus_are_read_where_nvml_is_missing(given, cuda_library, monkeypatch):
    given(cuda_library, COUNT=2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    gpus = Libcuda().gpus()
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
    gpus = Libcuda().gpus()
    assert isinstance(gpus, Unknown)
    assert word in gpus.tried[0]


def test_cuda_that_crashes_or_lacks_calls_leaves_gpus_unknown(given, cuda_library, bare_cuda_library):
    given(cuda_library, CUINIT_CRASH=1)
    where = f"in cuInit of {cuda_library}/libcuda.so.1"
    assert Libcuda().gpus() == Unknown((f"libcuda: the process that asked it crashed with SIGABRT, {where}",))
    given(bare_cuda_library)
    assert Libcuda().gpus() == Unknown(("libcuda, cuInit: it has no cuInit",))
    given(cuda_library, COUNT=0)
    assert isinstance(Libcuda().gpus(), Unknown)


def test_a_capability_that_is_not_told_is_unknown(given, cuda_library):
    given(cuda_library, ATTRIBUTE_CODE=999)
    gpu = Libcuda().gpus().value[0]
    assert isinstance(gpu.compute_capability, Unknown)
    assert "CUDA_ERROR_UNKNOWN" in gpu.compute_capability.tried[0]


def test_a_driver_that_breaks_off_alone_is_told_from_one_that_says_no(given, cuda_library, tmp_path):
    where = f"in cuInit of {cuda_library}/libcuda.so.1"
    given(cuda_library, CUINIT_CRASH=1)
    assert Libcuda().breaks() == f"crashed with SIGABRT, {where}"
    given(cuda_library, CUINIT_LEAVES=1)
    assert Libcuda().breaks() == f"ended with status 0 and without an answer, {where}"
    given(cuda_library, CUINIT=999)
    assert Libcuda().breaks() == ""
    given(tmp_path)
    assert Libcuda().breaks() == ""


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(libcuda, "_SECONDS", 1.0)


@pytest.mark.parametrize(("hangs", "where"), [("VERSION", "cuDriverGetVersion"), ("CUINIT", "cuInit")])
def test_a_driver_that_hangs_is_asked_once_and_it_is_said_in_what(
    given, cuda_library, impatient, hangs, where
):
    given(cuda_library, **{f"{hangs}_HANGS": 1})
    library = Libcuda()
    how = library.breaks()
    assert how == f"did not answer within 1 s, in {where} of {cuda_library}/libcuda.so.1"
    given(cuda_library)
    again = Unknown((f"libcuda: the process that asked it {how}",))
    assert (library.version(), library.gpus(), library.broke) == (again, again, how)


def test_a_library_that_hangs_while_it_is_loaded_is_named_by_its_file(
    given, unstarted_cuda_library, impatient
):
    given(unstarted_cuda_library)
    how = f"did not answer within 1 s, while loading {unstarted_cuda_library}/libcuda.so.1"
    assert Libcuda().breaks() == how


def test_what_hung_in_an_earlier_reading_is_not_waited_for_again(given, cuda_library):
    given(cuda_library, CUINIT_HANGS=1)
    assert Libcuda(broke="did not answer").breaks() == "did not answer"


def test_what_a_library_told_before_it_hung_stays_told(given, cuda_library, impatient):
    given(cuda_library, CUINIT_HANGS=1)
    library = Libcuda()
    assert isinstance(library.version(), Known)
    assert library.breaks()
    assert isinstance(library.version(), Known)
