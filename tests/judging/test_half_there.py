"""Packages that are half there: pip was cut off, or a record was lost."""

from __future__ import annotations

import binaries
from patients import codes, facts, finding, look, machine

from stackfix.judging.examine import scene_of
from stackfix.probe.environment import read_environment
from stackfix.repairing import wants_gpu
from stackfix.solve.repair import Wish, repair


def set_aside(site):
    """Leave torch as pip does when it is ended between setting the old one aside and writing the new one."""
    site.healthy().torchvision(requires=("torch==2.8.0",))
    (site.packages / "torch").rename(site.packages / "~orch")
    (site.packages / "torch-2.8.0.dist-info").rename(site.packages / "~orch-2.8.0.dist-info")
    return site


def test_what_pip_had_set_aside_and_others_require_is_the_cause(site):
    there = set_aside(site)
    assert read_environment(there.root).cut_off == (("torch", "2.8.0"),)
    first, *rest = look(there).findings
    assert first.code == "gutted_package"
    assert first.text == "torch 2.8.0 was being replaced or removed when that was cut off, and is not there"
    assert first.fix == f"stackfix fix --venv {there.root}"
    followed = {one.code for one in rest if one.follows == "gutted_package"}
    assert "requirement_unmet" in followed


def test_what_pip_had_set_aside_and_nobody_requires_may_have_been_wanted_away(site):
    there = set_aside(site).remove("torchvision")
    assert look(there).ok


def test_a_runtime_that_pip_had_set_aside_is_missed_though_nobody_says_so(site):
    site.healthy()
    (site.packages / "onnxruntime").rename(site.packages / "~nnxruntime")
    (site.packages / "onnxruntime_gpu-1.22.0.dist-info").rename(
        site.packages / "~nnxruntime_gpu-1.22.0.dist-info"
    )
    first = look(site).findings[0]
    assert (first.code, first.severity, first.about) == ("gutted_package", "error", ("onnxruntime-gpu",))
    assert "is not there" in first.text
    there = read_environment(site.root)
    assert wants_gpu(there, machine(gpus=("none",)), "auto")
    found = repair(there, scene_of(there, machine(), facts()), Wish(gpu=True))
    (step,) = (one for one in found.steps if one.pin.name == "onnxruntime-gpu")
    assert (step.pin.version, step.before) == ("1.22.0", "")
    assert step.why == ("it was here, and its record is lost or was set aside by pip",)
    site.onnxruntime("onnxruntime")
    assert read_environment(site.root).set_aside == {}


def test_what_is_back_again_is_only_litter(site):
    there = set_aside(site).torch()
    report = look(there)
    assert report.ok
    assert finding(report, "gutted_package").text.startswith("a package is broken: ~orch")


def test_a_name_set_aside_that_is_none_is_nobodys(site):
    site.healthy().install("torch2", "1.0")
    left = site.packages / "~orch2-1.0.dist-info"
    (site.packages / "torch2-1.0.dist-info").rename(left)
    (left / "METADATA").write_text("Name: ../torch\nVersion: 1\n")
    (site.packages / "~orch3-1.0.dist-info").mkdir()
    assert read_environment(site.root).cut_off == ()


def test_a_lost_record_is_the_cause_where_libraries_of_the_package_are_gone_too(site):
    there = site.healthy()
    (there.packages / "torch-2.8.0.dist-info" / "RECORD").unlink()
    assert look(there).ok
    (there.packages / "torch/lib/libtorch_cuda.so").unlink()
    first, *rest = look(there).findings
    assert (first.code, first.about) == ("gutted_package", ("torch",))
    assert "its RECORD cannot be read" in first.text
    assert [one.follows for one in rest if one.code == "library_missing"] == ["gutted_package"]


def test_what_auditwheel_put_beside_a_package_is_its_own_without_a_record_too(site):
    files = {
        "numpy/__init__.py": "",
        "numpy/_core/_multiarray_umath.cpython-312-x86_64-linux-gnu.so": binaries.elf(
            needed=("libscipy_openblas64_-4b78795a.so",), runpath="$ORIGIN/../../numpy.libs"
        ),
        "numpy.libs/libscipy_openblas64_-4b78795a.so": binaries.elf(),
    }
    there = site.healthy().install("numpy", "2.5.5", files)
    (there.packages / "numpy-2.5.5.dist-info" / "RECORD").unlink()
    assert "library_missing" not in codes(look(there))


def test_parts_of_two_other_cudas_are_not_told_as_one(site):
    there = site.healthy().nvidia(**{"nvidia-cublas-cu11": "11.11.3.6", "nvidia-curand": "10.4.2.66"})
    texts = [one.text for one in look(there).findings if one.code == "cuda_major_mismatch"]
    assert any(text.startswith("nvidia-cublas-cu11 11.11.3.6 is of CUDA 11") for text in texts)
    assert any(text.startswith("nvidia-curand 10.4.2.66 is of CUDA 13") for text in texts)


def test_a_python_of_uvs_that_was_removed_can_be_brought_back(site):
    python = site.root / "bin" / "python"
    python.unlink()
    python.symlink_to("/home/me/.local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu/bin/python3.12")
    first = look(site).findings[0]
    assert first.code == "broken_environment"
    assert first.fix.startswith("bring its Python back: `uv python install 3.12.4`; or make it anew: ")
