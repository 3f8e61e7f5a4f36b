"""`stackfix fix --keep`: what is kept and wrong is said, with or without `--dry-run`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "judging"))

from patients import Site

ON = ("--driver", "580.95.05", "--gpu", "RTX 4090", "--glibc", "2.35")


def fix(site, *words, on=ON):
    command = [sys.executable, "-m", "stackfix", "fix", "--venv", str(site.root), *words, *on]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture
def site(tmp_path):
    files = {
        "torch/__init__.py": "",
        "torch/version.py": "__version__ = '2.8.0+cpu'\ncuda: str | None = None\n",
    }
    tag = "cp312-cp312-manylinux_2_28_x86_64"
    return Site(tmp_path / "env").install("torch", "2.8.0+cpu", files, (), tag)


def test_a_cpu_build_that_is_kept_stays_wrong_and_is_named(site):
    done = fix(site, "--keep", "torch", "--dry-run")
    assert done.returncode == 1
    assert "torch would have to change, and you ask to keep it:" in done.stdout
    assert "cause: torch 2.8.0+cpu is the CPU build  [torch_cpu_build]" in done.stdout


def test_its_document_says_so_too(site):
    done = fix(site, "--keep", "torch", "--dry-run", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"], document["plan"]) == (1, False, [])
    assert document["findings"][0]["code"] == "torch_cpu_build"


def test_what_cannot_be_kept_together_is_answered_with_what_may_be_left_out(tmp_path):
    site = Site(tmp_path / "other").cuda12().torch().onnxruntime(version="1.31.1")
    done = fix(site, "--keep", "torch", "--keep", "onnxruntime-gpu", "--dry-run")
    assert done.returncode == 1
    assert "onnxruntime-gpu 1.31.1 is built for CUDA 13" in done.stdout
    assert "let onnxruntime-gpu change: leave out `--keep onnxruntime-gpu`" in done.stdout
    assert "let torch change: leave out `--keep torch`" in done.stdout
    assert done.stdout.index("let onnxruntime-gpu") < done.stdout.index("let torch")


def test_a_torch_for_windows_stays_without_cuda_and_the_rest_is_planned(tmp_path):
    site = Site(tmp_path / "python_embeded", kind="portable")
    files = {
        "torch/__init__.py": "",
        "torch/version.py": "__version__ = '2.8.0+cpu'\ncuda: Optional[str] = None\n",
    }
    site.install("torch", "2.8.0", files, (), "cp312-cp312-win_amd64")
    site.install("onnxruntime-gpu", "1.22.0", {"onnxruntime/__init__.py": "#"}, (), "cp312-cp312-win_amd64")
    done = fix(site, "--dry-run", on=("--driver", "580.88", "--gpu", "RTX 4090"))
    assert done.returncode == 0, done.stdout
    assert "install  nvidia-cublas-cu12" in done.stdout
    assert "note     torch 2.8.0+cpu is a build without CUDA and stays so" in done.stdout


def test_a_driver_that_is_too_old_is_answered_with_the_one_that_is_needed(tmp_path):
    site = Site(tmp_path / "other").cuda12().torch().onnxruntime()
    done = fix(site, "--dry-run", on=("--driver", "470.82.01", "--gpu", "V100", "--glibc", "2.35"))
    assert done.returncode == 1
    options = [line for line in done.stdout.splitlines() if line.startswith("option")]
    assert options == [
        "option   install NVIDIA driver 525.60.13 or newer",
        "option   serve the CPU alone: `--device cpu`",
    ]


def test_a_gpu_that_nothing_serves_does_not_hinder_a_repair_for_the_cpu(tmp_path):
    site = Site(tmp_path / "other").cuda12().torch().onnxruntime()
    machine = ("--driver", "470.82.01", "--gpu", "Tesla K80", "--glibc", "2.35")
    assert fix(site, "--dry-run", "--device", "cpu", on=machine).returncode == 0
