"""The fix of a driver that no set goes with is the driver: `stackfix fix` is named only where it may work."""

from __future__ import annotations

import pytest
from patients import Site, codes, facts, finding, look, machine

from stackfix.judging.examine import scene_of
from stackfix.judging.readings import no_set
from stackfix.model.repair import Repair
from stackfix.probe.environment import read_environment
from stackfix.solve.repair import Wish, repair


def test_a_driver_older_than_the_gpu_is_mended_by_the_driver(site):
    report = look(site.healthy(), on=machine(driver="550.54.14", gpus=("RTX 5090",)))
    assert finding(report, "driver_too_old").fix == "install NVIDIA driver 570 or newer"
    assert report.mend == ""
    assert "stackfix fix" not in str(report)


def test_a_driver_older_than_all_that_this_python_has_is_told_with_the_reason(site):
    """Python 3.12 has no torch for CUDA 11, which is all that driver 470 runs."""
    found = finding(
        look(site.healthy(), on=machine(driver="470.57.02", gpus=("RTX 3090",))), "driver_too_old"
    )
    assert found.fix == "install NVIDIA driver 525.60.13 or newer"
    assert any(
        line.startswith(
            "every torch for Python 3.12 that stackfix knows is built for CUDA 12 and 13 [measured"
        )
        for line in found.because
    )


def test_a_driver_that_another_set_goes_with_is_mended_by_the_repair(tmp_path):
    older = Site(tmp_path / "venv", python="3.10.4").healthy()
    report = look(older, on=machine(driver="470.57.02", gpus=("RTX 3090",)))
    ours = f"stackfix fix --venv {older.root}"
    assert (finding(report, "driver_too_old").fix, report.mend) == (ours, ours)


def test_a_driver_that_has_left_the_gpu_behind_is_mended_by_its_branch(site):
    """No CUDA that Python 3.12 has builds for knows a Tesla K80: after the driver comes another Python."""
    report = look(site.healthy(), on=machine(driver="550.54.14", gpus=("Tesla K80",)))
    assert finding(report, "driver_too_new").fix == "install an NVIDIA driver of branch 470"
    anew = f"make it anew: stackfix install dwpose --venv {site.root} --replace"
    assert (
        finding(report, "gpu_arch_not_in_build").fix == f"install an NVIDIA driver of branch 470; then {anew}"
    )
    there = look(site, on=machine(driver="470.57.02", gpus=("Tesla K80",)))
    assert finding(there, "gpu_arch_not_in_build").fix == anew
    assert "stackfix fix" not in str(there)


def test_what_else_is_wrong_is_mended_after_the_driver(site):
    site.cuda12().torch(build="+cpu", cuda="").onnxruntime()
    report = look(site, on=machine(driver="550.54.14", gpus=("RTX 5090",)))
    assert {"driver_too_old", "torch_cpu_build"} <= set(codes(report))
    assert (
        finding(report, "torch_cpu_build").fix
        == f"install NVIDIA driver 570 or newer; then stackfix fix --venv {site.root}"
    )


@pytest.mark.parametrize("python", ["3.10.4", "3.12.4", "3.13.0"])
@pytest.mark.parametrize("driver", ["450.80.02", "470.57.02", "525.60.13", "550.54.14", "580.95.05"])
@pytest.mark.parametrize("gpu", ["Tesla K80", "RTX 3090", "RTX 5090"])
def test_where_the_readings_leave_no_set_the_repair_finds_none(tmp_path, python, driver, gpu):
    environment = read_environment(Site(tmp_path / "venv", python=python).healthy().root)
    scene = scene_of(environment, machine(driver=driver, gpus=(gpu,)), facts())
    impossible = no_set(environment, scene)
    assert impossible is None or not isinstance(repair(environment, scene, Wish(gpu=True)), Repair)
    if impossible and impossible.driver.endswith("or newer"):
        newer = impossible.driver.split()[3]
        there = scene_of(environment, machine(driver=newer, gpus=(gpu,)), facts())
        assert no_set(environment, there) is None


def test_code_that_only_another_driver_can_translate_is_not_called_right(site):
    """onnxruntime-gpu 1.22.0 serves an RTX 5090 by PTX of CUDA 12.2, which branch 535 can translate."""
    site.onnxruntime()
    old = look(site, on=machine(driver="525.60.13", gpus=("RTX 5090",)))
    assert not any("have code" in line for line in old.good)
    new = look(site, on=machine(driver="580.95.05", gpus=("RTX 5090",)))
    assert (
        "the installed builds have code for GeForce RTX 5090 (onnxruntime-gpu 1.22.0 as PTX alone)"
        in new.good
    )
    several = look(site, on=machine(driver="580.95.05", gpus=("RTX 4090", "RTX 5090")))
    assert any("onnxruntime-gpu 1.22.0 as PTX alone for GeForce RTX 5090" in line for line in several.good)
