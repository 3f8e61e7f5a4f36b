"""Kernels, driver, GPU generation and cuDNN's code, for machines that are described."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from patients import codes, finding, look, machine

from stackfix.model.evidence import Unknown


def test_a_gpu_that_a_build_has_no_code_for_is_told(site):
    found = finding(look(site.healthy(), on=machine(gpus=("GTX 1080",))), "gpu_arch_not_in_build")
    assert "no kernel image" in found.consequence
    assert any("compute capability 6.1" in line for line in found.because)


def test_a_driver_below_the_floor_of_the_cuda_is_told_with_both_numbers(site):
    found = finding(look(site.healthy(), on=machine(driver="470.82.01")), "driver_too_old")
    assert "driver 470.82.01" in " ".join((found.text, *found.because))
    assert "525" in " ".join((found.text, *found.because))


def test_ptx_needs_a_driver_of_the_branch_that_knows_it(site):
    """onnxruntime-gpu 1.22.0 serves an RTX 5090 by PTX of CUDA 12.2 alone, which branch 535 can translate."""
    found = finding(
        look(site.onnxruntime(), on=machine(driver="525.60.13", gpus=("RTX 5090",))), "driver_too_old"
    )
    assert "only by PTX of CUDA 12.2, which driver branch 535 and newer can translate" in found.text
    newer = look(site, on=machine(driver="580.95.05", gpus=("RTX 5090",)))
    assert not {"gpu_arch_not_in_build", "driver_too_old"} & set(codes(newer))


def test_a_driver_older_than_the_gpu_is_told(site):
    found = finding(
        look(site.healthy(), on=machine(driver="535.104.05", gpus=("RTX 5090",))), "driver_too_old"
    )
    assert "535.104.05" in " ".join((found.text, *found.because))


def test_a_cudnn_without_code_for_an_old_gpu_is_told(site):
    site.cuda12(nvidia_cudnn_cu12="9.11.0.98").torch()
    assert "cudnn_arch_dropped" in codes(look(site, on=machine(gpus=("V100",))))


def test_a_cudnn_that_still_has_that_code_is_not_told(site):
    site.cuda12().torch()
    assert "cudnn_arch_dropped" not in codes(look(site, on=machine(gpus=("V100",))))


def test_a_driver_that_is_not_known_is_unknown_and_no_finding(site):
    lost = Unknown(("looked",))
    report = look(site.healthy(), on=replace(machine(), driver=lost, gpus=lost))
    assert codes(report) == []
    assert any(line.startswith("no NVIDIA driver was found here") for line in report.unknown)
    assert not any("driver" in line for line in report.good)


@pytest.mark.parametrize("gpus", [("none",), ("RTX 4090",)])
def test_an_environment_without_gpu_packages_has_nothing_to_say_of_gpus(site, gpus):
    report = look(site.install("ctranslate2", "4.6.0"), on=machine(gpus=gpus))
    assert codes(report) == []
    assert not any("code for" in line for line in report.good)
    assert "neither torch nor onnxruntime is installed in it" in report.unknown
