"""Where torch sees no GPU: its release and the driver's CUDA say whether it is the build or the driver."""

from __future__ import annotations

import pytest

FALSE = ">>> torch.cuda.is_available()\nFalse"
TABLE = "| NVIDIA-SMI 515.65.01    Driver Version: 515.65.01    CUDA Version: 11.7     |"


@pytest.mark.parametrize(
    ("beside", "code"),
    [
        ("", "torch_cpu_build"),
        ("torch==2.5.1+cpu", "torch_cpu_build"),
        ("torch==2.5.1+cu124", "driver_missing"),
        (f"torch==2.5.1+cu124\n{TABLE}", "driver_too_old"),
        (f"torch==2.3.1+cu118\n{TABLE}", "driver_missing"),
        (f"torch==2.13.0\n{TABLE}", "driver_too_old"),
        (f"torch==2.5.1\n{TABLE.replace('11.7', '13.0')}", "torch_cpu_build"),
    ],
)
def test_a_release_and_the_driver_decide(beside, code, codes):
    assert codes(f"{beside}\n{FALSE}")[0] == code
    assert codes(f"{FALSE}\n{beside}")[0] == code


def test_the_reason_names_both_releases(named):
    because = named(f"torch==2.5.1+cu124\n{TABLE}\n{FALSE}")[0].because
    assert any("built for CUDA 12.4" in line for line in because)
    assert any("11.7" in line for line in because)


def test_a_build_that_torch_names_itself_is_not_taken_for_another(codes):
    text = f"AssertionError: Torch not compiled with CUDA enabled\n{TABLE}"
    assert codes(text) == ["torch_cpu_build"]


def test_what_needs_a_circumstance_is_not_told_without_it(codes):
    assert codes("pytorch version: 2.4.0+cpu\nDevice: cpu") == []
    assert codes("pytorch version: 2.4.0+cpu\nGPU: NVIDIA GeForce RTX 3060") == ["torch_cpu_build"]


def test_what_a_circumstance_speaks_against_is_not_told_with_it(codes):
    text = "E cuda_driver.cc:265] failed call to cuInit: CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected"
    assert codes(text) == ["driver_missing"]
    assert codes(f"Total VRAM 24564 MB, total RAM 64000 MB\n{text}") == []
