"""CUDA libraries that somebody copied into an environment by hand: which win, which serve, which lie idle."""

from __future__ import annotations

import binaries
import pytest
from patients import codes, facts, finding, look

from stackfix.asking import MachineQuestion, machine_of
from stackfix.judging.examine import scene_of
from stackfix.model.surroundings import StrayLibrary, Surroundings
from stackfix.probe.environment import read_environment
from stackfix.solve.repair import Wish, repair

# the order of torch 2.8.0's own: NVIDIA's folders by name, its own folder last
RUN_PATH = "$ORIGIN/../../nvidia/cublas/lib:$ORIGIN/../../nvidia/cudnn/lib:$ORIGIN"


def healthy(site):
    site.healthy().torch(runpath=RUN_PATH)
    return site


def copied(site, path, soname):
    place = site.packages / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(binaries.elf(soname=soname))
    return site


def planned(site):
    environment = read_environment(site.root)
    question = MachineQuestion(driver="580.95.05", gpus=("RTX 4090",))
    machine = machine_of(question, facts(), site.root, pythons=False)
    return repair(environment, scene_of(environment, machine, facts()), Wish(gpu=True))


def test_a_copy_in_a_folder_that_comes_first_is_the_cause_and_goes_with_a_repair(site):
    there = copied(healthy(site), "nvidia/cublas/lib/libcudnn.so.9", "libcudnn.so.9")
    report = look(there)
    found = finding(report, "shadowed_libraries")
    assert report.findings[0] == found
    assert (found.severity, found.about) == ("error", ("nvidia-cudnn-cu12",))
    assert found.because[1].startswith("torch/lib/libtorch_cuda.so comes to the copy first")
    assert found.fix == f"stackfix fix --venv {there.root}"
    assert planned(there).strays == ("nvidia/cublas/lib/libcudnn.so.9",)


@pytest.mark.parametrize(
    "path",
    [
        "torch/lib/libcudnn.so.9",  # torch's own folder comes last
        "onnxruntime/capi/libcudnn.so.9",  # its provider has no run path
        "libcudnn.so.9",
    ],
)
def test_a_second_one_that_nothing_is_led_to_does_no_harm_and_goes_with_a_repair(site, path):
    there = copied(healthy(site), path, "libcudnn.so.9")
    report = look(there)
    found = finding(report, "shadowed_libraries")
    assert (report.ok, found.severity) == (True, "warning")
    assert found.consequence.startswith("no harm where it lies")
    assert found.fix == f"stackfix fix --venv {there.root}"
    assert planned(there).strays == (path,)


@pytest.mark.parametrize(
    ("path", "soname"),
    [
        ("onnxruntime/capi/libcublas.so.11", "libcublas.so.11"),
        ("nvidia/cublas/lib/libcudnn.so.8", "libcudnn.so.8"),
    ],
)
def test_a_copy_that_nobody_needs_does_no_harm_and_stays(site, path, soname):
    there = copied(healthy(site), path, soname)
    report = look(there)
    found = finding(report, "shadowed_libraries")
    assert (report.ok, found.severity) == (True, "warning")
    assert found.fix == f"it can go: rm {there.packages / path}"
    assert planned(there).strays == ()


def test_a_copy_that_alone_has_what_is_needed_is_told_and_counts(site):
    healthy(site).remove("nvidia-cudnn-cu12")
    assert "cudnn_missing" in codes(look(site))
    copied(site, "torch/lib/libcudnn_ops.so.9", "libcudnn_ops.so.9")
    report = look(copied(site, "torch/lib/libcudnn.so.9", "libcudnn.so.9"))
    assert "cudnn_missing" not in codes(report)
    assert codes(report).count("shadowed_libraries") == 1
    found = finding(report, "shadowed_libraries")
    assert found.severity == "warning"
    assert found.consequence.startswith("no installer updates or removes it")
    assert planned(site).strays == ("torch/lib/libcudnn.so.9", "torch/lib/libcudnn_ops.so.9")


def test_an_idle_copy_whose_folder_the_shell_names_comes_first(site):
    there = copied(healthy(site), "onnxruntime/capi/libcublas.so.12", "libcublas.so.12")
    path = str(there.packages / "onnxruntime/capi/libcublas.so.12")
    stray = StrayLibrary(soname="libcublas.so.12", path=path, through="LD_LIBRARY_PATH", release="", size=77)
    found = look(there, surroundings=Surroundings(strays=(stray,))).findings[0]
    assert (found.code, found.severity) == ("shadowed_libraries", "error")
    assert found.fix == "unset LD_LIBRARY_PATH"


@pytest.mark.parametrize(
    "path", ["onnxruntime/capi/libcudnn.so", "elsewhere/libcudnn.so.9", "torch/lib/notes.txt"]
)
def test_other_files_are_nobodys_business(site, path):
    there = copied(site.healthy(), path, "libcudnn.so.9")
    assert "shadowed_libraries" not in codes(look(there))
