"""Linkage: what is missing and which package brings it, other majors, and who loads the libraries first."""

from __future__ import annotations

import binaries
import pytest
from patients import CUDA12, PROVIDER, Site, codes, finding, look, row

from stackfix.model.surroundings import Surroundings


def test_a_missing_curand_is_mended_by_the_one_of_torchs_toolkit(site):
    site.cuda12("nvidia-curand-cu12").torch().onnxruntime()
    found = finding(look(site), "cuda_runtime_missing")
    assert found.fix.endswith("nvidia-curand-cu12==10.3.9.90")


def test_a_runtime_alone_is_told_all_that_it_lacks(site):
    first = look(site.onnxruntime()).findings[0]
    assert (first.code, first.about[0]) == ("cuda_runtime_missing", "onnxruntime-gpu")
    for package in ("nvidia-cublas-cu12", "nvidia-cudnn-cu12", "nvidia-cufft-cu12", "nvidia-curand-cu12"):
        assert f"{package}==" in first.fix


def test_a_missing_cudnn_has_a_code_of_its_own(site):
    assert codes(look(site.cuda12("nvidia-cudnn-cu12").torch()))[0] == "cudnn_missing"


def test_a_missing_nvrtc_has_a_code_of_its_own(site):
    site.cuda12("nvidia-cuda-nvrtc-cu12").onnxruntime()
    found = finding(look(site), "nvrtc_missing")
    assert "libnvrtc.so.12" in found.text


def test_cudnn_8_where_9_is_needed_is_the_other_major(site):
    site.cuda12(nvidia_cudnn_cu12="8.9.7.29").torch().onnxruntime()
    first = look(site).findings[0]
    assert first.code == "cudnn_major_mismatch"
    assert any("libcudnn 8, not 9" in line for line in first.because)


@pytest.mark.parametrize(
    ("torch", "runtime", "text"),
    [
        (
            "2.8.0",
            "1.31.1",
            "onnxruntime-gpu 1.31.1 is built for CUDA 13, and torch 2.8.0 was built with CUDA 12",
        ),
        (
            "2.15.0",
            "1.22.0",
            "onnxruntime-gpu 1.22.0 is built for CUDA 12, and torch 2.15.0 was built with CUDA 13",
        ),
    ],
)
def test_torch_and_onnxruntime_of_two_cuda_majors_are_told_both_ways(site, torch, runtime, text):
    site.torch(torch).onnxruntime(version=runtime)
    first = look(site).findings[0]
    assert (first.code, first.text) == ("cuda_major_mismatch", text)


def test_a_library_whose_file_is_gone_is_told_as_lost_and_not_as_never_there(site):
    site.healthy()
    (site.packages / "nvidia/cufft/lib/libcufft.so.11").unlink()
    report = look(site)
    assert codes(report)[0] == "gutted_package"
    found = finding(report, "cuda_runtime_missing")
    assert found.follows == "gutted_package"
    assert "libcufft.so.11 is in a RECORD of the environment, and its file is gone" in found.because


def test_a_library_of_the_system_counts_where_the_loader_finds_it(site):
    site.cuda12("nvidia-curand-cu12").torch().onnxruntime()
    around = Surroundings(system_libraries=frozenset({"libcurand.so.10"}))
    assert "cuda_runtime_missing" not in codes(look(site, surroundings=around))


def test_without_the_hook_the_order_of_imports_decides_beside_torch(site):
    found = finding(look(site.cuda12().torch().onnxruntime()), "import_order_preload")
    assert found.severity == "warning"
    assert "before `import torch`" in found.consequence


def test_without_hook_and_torch_nothing_loads_the_libraries(site):
    report = look(site.cuda12().onnxruntime())
    assert finding(report, "import_order_preload").severity == "error"
    assert not report.ok


def test_with_the_hook_the_order_of_imports_does_not_matter(site):
    assert "import_order_preload" not in codes(look(site.healthy()))


def test_a_run_path_to_the_libraries_needs_no_hook(site):
    site.cuda12().onnxruntime(runpath="$ORIGIN/../../nvidia/cublas/lib")
    assert "import_order_preload" not in codes(look(site))


def test_the_libraries_of_a_conda_prefix_serve_its_packages(tmp_path):
    site = Site(tmp_path / "env", kind="conda").onnxruntime()
    needs = ("libcublas.so.12", "libcublasLt.so.12", "libcudart.so.12", "libcudnn.so.9", "libcufft.so.11")
    for name in (*needs, "libcurand.so.10", "libnvrtc.so.12"):
        (site.root / "lib" / name).write_bytes(binaries.elf(soname=name))
    assert codes(look(site)) == []
    (site.root / "lib" / "libcufft.so.11").unlink()
    assert "libcufft.so.11" in finding(look(site), "cuda_runtime_missing").text


def test_a_broken_head_of_the_provider_is_a_finding_and_nothing_else(site):
    site.healthy()
    provider = site.packages / PROVIDER
    provider.write_bytes(provider.read_bytes()[:20].ljust(provider.stat().st_size, b"\xff"))
    first = look(site).findings[0]
    assert (first.code, first.about) == ("gutted_package", ("onnxruntime-gpu",))
    assert "cannot be read" in first.text


def test_a_provider_that_is_cut_short_is_not_called_another_packages(site):
    site.healthy()
    provider = site.packages / PROVIDER
    provider.write_bytes(provider.read_bytes()[:40])
    first = look(site).findings[0]
    assert first.about == ("onnxruntime-gpu",)
    assert first.text.endswith("holds libraries that cannot be read")
    assert "cut off" in first.consequence


def test_every_package_that_the_fixtures_install_is_pinned_by_torch():
    asked = " ".join(row("torch", "2.8.0").requires_dist)
    assert all(f"{name}==" in asked for name in CUDA12)


def test_a_cudnn_of_the_other_cuda_is_one_cause_for_torch_and_onnxruntime(site):
    site.cuda12("nvidia-cudnn-cu12").torch().onnxruntime().nvidia(nvidia_cudnn_cu13="9.13.0.50")
    first, *rest = look(site).findings
    assert first.code == "cuda_major_mismatch"
    assert "nvidia-cudnn-cu13" in first.about
    errors = [one for one in rest if one.severity == "error"]
    assert any("onnxruntime-gpu" in one.about for one in errors)
    assert {one.follows for one in errors} == {"cuda_major_mismatch"}


def test_a_package_of_the_other_cuda_that_lost_a_library_is_not_installed_again(site):
    site.cuda12("nvidia-cudnn-cu12").torch().onnxruntime().nvidia(nvidia_cudnn_cu13="9.13.0.50")
    for library in site.packages.glob("nvidia/cudnn/lib/*.so*"):
        library.unlink()
    assert "nvidia-cudnn-cu13" not in finding(look(site), "cudnn_missing").fix


def test_a_copy_under_a_name_of_its_own_is_no_library_for_others(site):
    site.cuda12("nvidia-cuda-runtime-cu12").torch()
    copy = binaries.elf(soname="libcudart.so.12")  # as torchvision's wheels have it
    site.install("thing", "1.0", {"thing.libs/libcudart.e8e8b82a.so.12": copy})
    first = look(site).findings[0]
    assert (first.code, first.about[0]) == ("cuda_runtime_missing", "torch")
    assert first.fix.endswith("nvidia-cuda-runtime-cu12==12.8.90")


def test_the_libraries_of_the_right_major_are_not_put_beside_those_of_the_other(site):
    site.onnxruntime().nvidia(nvidia_cublas="13.1.0.3", nvidia_cuda_runtime="13.0.96")
    first = look(site).findings[0]
    assert (first.code, first.fix) == ("cuda_major_mismatch", f"stackfix fix --venv {site.root}")
