"""Symbols: libraries whose sonames fit and whose names do not, and what is left unsaid where all are there."""

from __future__ import annotations

import binaries
import pytest
from patients import codes, finding, look

JIT = "nvidia/nvjitlink/lib/libnvJitLink.so.12"
SPARSE = "nvidia/cusparse/lib/libcusparse.so.12"


def sparse_and_jit(site, jit, offers):
    """An environment of torch's own releases but for nvJitLink, in which cuSPARSE asks for a name of CUDA 12.8."""
    site.cuda12("nvidia-nvjitlink-cu12", "nvidia-cusparse-cu12").torch().onnxruntime()
    library = binaries.elf(
        soname="libcusparse.so.12",
        needed=("libnvJitLink.so.12",),
        asks={"libnvJitLink.so.12": ["__create_12_8"]},
    )
    site.install("nvidia-cusparse-cu12", "12.5.8.93", {SPARSE: library})
    site.install(
        "nvidia-nvjitlink-cu12", jit, {JIT: binaries.elf(soname="libnvJitLink.so.12", offers=offers)}
    )
    return look(site)


def test_an_older_library_that_lacks_a_name_is_the_cause(site):
    report = sparse_and_jit(site, "12.4.127", ["__create_12_4"])
    first = report.findings[0]
    assert (first.code, first.severity) == ("mixed_toolkit", "error")
    assert first.text == (
        "nvidia-cusparse-cu12 12.5.8.93 asks libnvJitLink.so.12 for __create_12_8, "
        "which nvidia-nvjitlink-cu12 12.4.127 does not have"
    )
    assert "undefined symbol: __create_12_8, version libnvJitLink.so.12" in first.consequence
    assert not report.ok


def test_an_older_library_that_has_the_names_is_only_a_warning(site):
    report = sparse_and_jit(site, "12.4.127", ["__create_12_4", "__create_12_8"])
    assert finding(report, "mixed_toolkit").severity == "warning"
    assert report.ok


def test_nothing_is_said_where_every_package_is_as_it_was_pinned(site):
    assert "mixed_toolkit" not in codes(sparse_and_jit(site, "12.8.93", ["__create_12_8"]))


def newer_jit(site, requires):
    site.cuda12("nvidia-nvjitlink-cu12", "nvidia-cusparse-cu12").torch().onnxruntime()
    asks = {"libnvJitLink.so.12": ["__create_12_8"]}
    library = binaries.elf(soname="libcusparse.so.12", needed=("libnvJitLink.so.12",), asks=asks)
    site.install("nvidia-cusparse-cu12", "12.5.8.93", {SPARSE: library}, requires)
    jit = binaries.elf(soname="libnvJitLink.so.12", offers=["__create_12_8", "__create_12_9"])
    return site.install("nvidia-nvjitlink-cu12", "12.9.86", {JIT: jit})


@pytest.mark.parametrize("asked", ["", "<13,>=12.8.93"])
def test_a_newer_library_that_all_requirements_allow_is_no_mix(site, asked):
    report = look(newer_jit(site, (f"nvidia-nvjitlink-cu12{asked}",)))
    assert "mixed_toolkit" not in codes(report)
    assert any("CUDA 12.8" in line for line in report.good)


@pytest.mark.parametrize("requires", [(), ("nvidia-nvjitlink-cu12", "nvidia-nvjitlink-cu12==12.8.93")])
def test_a_newer_library_that_nobody_requires_or_somebody_forbids_is_a_mix(site, requires):
    assert finding(look(newer_jit(site, requires)), "mixed_toolkit").severity == "warning"


def test_a_newer_library_that_lacks_a_name_is_the_cause_whatever_is_declared(site):
    newer_jit(site, ("nvidia-nvjitlink-cu12",))
    (site.packages / JIT).unlink()
    jit = binaries.elf(soname="libnvJitLink.so.12", offers=["__create_12_9"])
    site.install("nvidia-nvjitlink-cu12", "12.9.86", {JIT: jit})
    assert finding(look(site), "mixed_toolkit").severity == "error"


def test_headers_alone_mix_nothing(site):
    site.healthy().install("nvidia-cuda-cccl-cu12", "12.9.27", {"nvidia/cuda_cccl/include/cub/cub.cuh": ""})
    report = look(site)
    assert "mixed_toolkit" not in codes(report)


def test_a_library_that_was_overwritten_is_asked_too(site):
    site.cuda12("nvidia-cusparse-cu12").torch().onnxruntime()
    library = binaries.elf(
        soname="libcusparse.so.12",
        needed=("libnvJitLink.so.12",),
        asks={"libnvJitLink.so.12": ["__create_12_8"]},
    )
    site.install("nvidia-cusparse-cu12", "12.5.8.93", {SPARSE: library})
    (site.packages / JIT).write_bytes(binaries.elf(soname="libnvJitLink.so.12", offers=["other"]))
    report = look(site)
    assert report.findings[0].code == "gutted_package"
    assert any("asks libnvJitLink.so.12 for __create_12_8" in one.text for one in report.findings)


def test_a_name_without_a_version_is_missed_where_the_librarys_own_names_begin_so(site):
    site.cuda12("nvidia-nccl-cu12").torch(requires=("nvidia-nccl-cu12==2.27.3",)).onnxruntime()
    asks = {"": ["ncclAllReduce", "ncclMemFree", "PyObject_Call"]}
    operators = "torch/lib/libtorch_cuda_linalg.so"
    site.install("operators", "1.0", {operators: binaries.elf(needed=("libnccl.so.2",), asks=asks)})
    library = binaries.elf(soname="libnccl.so.2", offers=["ncclAllReduce", "ncclCommInitAll"])
    site.install("nvidia-nccl-cu12", "2.18.3", {"nvidia/nccl/lib/libnccl.so.2": library})
    first = look(site).findings[0]
    assert first.text == (
        "operators 1.0 asks libnccl.so.2 for ncclMemFree, which nvidia-nccl-cu12 2.18.3 does not have"
    )
    assert first.consequence.startswith("loading it fails with `undefined symbol: ncclMemFree`")


def test_names_that_another_needed_library_offers_are_there(site):
    site.cuda12("nvidia-cusparse-cu12").torch().onnxruntime()
    site.install(
        "nvidia-cusparse-cu12",
        "12.5.4.2",
        {SPARSE: binaries.elf(soname="libcusparse.so.12", offers=["cusparseCreate"])},
    )
    extra = binaries.elf(soname="libsparsext.so.0", offers=["cusparseLtInit"])
    user = binaries.elf(
        needed=("libcusparse.so.12", "libsparsext.so.0"), asks={"": ["cusparseLtInit", "cusparseCreate"]}
    )
    site.install("operators", "1.0", {"operators/libsparsext.so.0": extra, "operators/_C.so": user})
    assert not any("asks libcusparse" in one.text for one in look(site).findings)
