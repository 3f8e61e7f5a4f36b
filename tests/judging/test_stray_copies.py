"""CUDA libraries that somebody copied into an environment by hand."""

from __future__ import annotations

import binaries
import pytest
from patients import codes, facts, finding, look

from stackfix.asking import MachineQuestion, machine_of
from stackfix.judging.examine import scene_of
from stackfix.probe.environment import read_environment
from stackfix.solve.repair import Wish, repair


def copied(site, path, soname):
    place = site.packages / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(binaries.elf(soname=soname))
    return site


@pytest.mark.parametrize("folder", ["onnxruntime/capi", "torch/lib", "."])
def test_a_copy_of_what_a_package_brings_is_the_cause_and_goes_with_a_repair(site, folder):
    there = copied(site.healthy(), f"{folder}/libcudnn.so.9", "libcudnn.so.9")
    found = finding(look(there), "shadowed_libraries")
    assert found.severity == "error"
    assert found.about == ("nvidia-cudnn-cu12",)
    environment = read_environment(there.root)
    machine = machine_of(
        MachineQuestion(driver="580.95.05", gpus=("RTX 4090",)), facts(), there.root, pythons=False
    )
    planned = repair(environment, scene_of(environment, machine, facts()), Wish(gpu=True))
    assert [path.rpartition("/")[2] for path in planned.strays] == ["libcudnn.so.9"]


def test_a_copy_of_what_no_package_brings_is_a_warning(site):
    there = copied(site.healthy(), "onnxruntime/capi/libnvinfer.so.10", "libnvinfer.so.10")
    assert finding(look(there), "shadowed_libraries").severity == "warning"


@pytest.mark.parametrize(
    "path", ["onnxruntime/capi/libcudnn.so", "elsewhere/libcudnn.so.9", "torch/lib/notes.txt"]
)
def test_other_files_are_nobodys_business(site, path):
    there = copied(site.healthy(), path, "libcudnn.so.9")
    assert "shadowed_libraries" not in codes(look(there))
