"""Runtime: an environment in which nothing runs a model is told, where that is all there is to tell."""

from __future__ import annotations

import binaries
import pytest
from patients import codes, finding, look, machine

from stackfix.model.surroundings import Overlay, Surroundings


@pytest.mark.parametrize("gpus", [("none",), ("RTX 4090",)])
def test_an_environment_without_a_runtime_is_another_than_was_meant(site, gpus):
    site.install("pillow", "12.0.0").install("nvidia-nccl-cu12", "2.27.3", {"nvidia/nccl/nccl.h": ""})
    report = look(site, on=machine(gpus=gpus))
    (found,) = report.findings
    assert (found.code, found.severity) == ("wrong_python_environment", "error")
    assert found.text == "neither torch nor onnxruntime is installed: nothing here runs a model on a GPU"
    assert "2 packages are on record" in found.because[0]
    assert found.fix.endswith("stackfix install dwpose --venv FOLDER")
    assert (report.ok, report.mend, report.unknown) == (False, "", ())


def test_an_environment_that_nobody_filled_is_made_anew_in_its_place(site):
    (found,) = look(site.install("pip", "26.0")).findings
    assert found.fix.endswith(f"stackfix install dwpose --venv {site.root} --replace")


@pytest.mark.parametrize(
    "name", ["ctranslate2", "tensorflow", "jaxlib", "cupy-cuda12x", "onnxruntime-directml"]
)
def test_another_runtime_is_enough(site, name):
    assert codes(look(site.install(name, "4.6.0"))) == []


def test_whatever_needs_cudas_libraries_is_enough(site):
    library = binaries.elf(needed=("libcudart.so.12", "libc.so.6"))
    site.install("engine", "1.0", {"engine/__init__.py": "", "engine/core.so": library})
    assert "wrong_python_environment" not in codes(look(site))


@pytest.mark.parametrize("folder", ["torch", "onnxruntime"])
def test_a_folder_that_nobody_owns_is_told_as_that(site, folder):
    (site.packages / folder).mkdir()
    (site.packages / folder / "left.py").write_text("")
    assert "wrong_python_environment" not in codes(look(site))


def test_what_is_imported_from_elsewhere_counts(site):
    there = Overlay(
        folder="/over", through="PYTHONPATH", python="", filled=frozenset(("torch",)), packages={}
    )
    assert look(site, surroundings=Surroundings(overlays=(there,))).ok


def test_another_error_is_the_cause_before_it(site):
    site.install("speaks", "1.0", requires=("absent>=2",))
    report = look(site)
    assert codes(report) == ["requirement_unmet", "wrong_python_environment"]
    assert finding(report, "wrong_python_environment").follows == ""
