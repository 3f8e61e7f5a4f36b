"""Packages from outside: those that a venv or a `.pth` file adds after its own, and those that come before."""

from __future__ import annotations

import pytest
from patients import Site, codes, facts, finding, look

from stackfix.asking import MachineQuestion
from stackfix.errors import TargetError
from stackfix.install.progress import Silent
from stackfix.model.surroundings import Overlay, Surroundings
from stackfix.probe.environment import read_environment
from stackfix.probe.surroundings import read_surroundings
from stackfix.repairing import FixWish, mended


@pytest.fixture
def base(tmp_path):
    return Site(tmp_path / "base", kind="system").cuda12().torch().install("numpy", "2.2.6")


@pytest.fixture
def venv(tmp_path, base):
    site = Site(tmp_path / "env")
    (site.root / "pyvenv.cfg").write_text(
        f"home = {base.root}/bin\nversion = 3.12.4\ninclude-system-site-packages = true\n"
    )
    return site


def test_what_the_python_behind_a_venv_brings_is_there_for_it(venv):
    report = look(venv.onnxruntime(requires=("numpy>=1.21",)))
    assert [(one.code, one.severity) for one in report.findings] == [("import_order_preload", "warning")]
    assert any("(torch 2.8.0 among them)" in line for line in report.unknown)


def test_the_libraries_behind_a_venv_are_of_their_own_cuda(venv):
    first = look(venv.onnxruntime(version="1.31.1")).findings[0]
    assert (first.code, first.about[0]) == ("cuda_major_mismatch", "onnxruntime-gpu")
    assert first.text == "onnxruntime-gpu 1.31.1 is built for CUDA 13, and torch 2.8.0 was built with CUDA 12"
    assert first.fix == f"stackfix fix --venv {venv.root}"


def planned(venv, **wish):
    machine = MachineQuestion(driver="580.95.05", gpus=("RTX 4090",))
    return mended(venv.root, FixWish(dry_run=True, machine=machine, **wish), facts(), Silent()).repair


def test_what_lies_outside_stays_and_what_is_the_environments_own_is_fitted_to_it(venv):
    found = planned(venv.onnxruntime(version="1.31.1"))
    put = {step.pin.name: (step.before, step.pin.wheel.cuda_major) for step in found.steps}
    assert put["onnxruntime-gpu"] == ("1.31.1", 12)
    assert "torch 2.8.0" in found.kept
    assert {"torch", "numpy", "nvidia-cublas-cu12", "nvidia-cudnn-cu12"}.isdisjoint(put)


def test_what_is_wrong_outside_is_put_into_the_environment_and_nothing_leaves_the_other(venv):
    found = planned(venv.onnxruntime().install("thing", "1", requires=("numpy>=2.3",)))
    (step,) = [step for step in found.steps if step.pin.name == "numpy"]
    assert step.before == ""
    assert "numpy" not in found.leaving


def test_an_outside_that_would_have_to_change_is_not_mended_from_here(venv):
    venv.torchvision("0.22.0", build="+cu128", requires=("torch==2.7.0",)).onnxruntime()
    with pytest.raises(TargetError, match=r"torch of `.*` lies outside it"):
        planned(venv, keep=("torchvision",))


def test_what_is_required_counts_by_the_release_that_lies_outside(venv):
    found = finding(look(venv.install("thing", "1", requires=("torch>=2.9",))), "requirement_unmet")
    assert found.text == "thing 1 requires torch>=2.9, and torch 2.8.0 is installed"


def test_the_own_package_hides_the_one_outside(venv):
    venv.install("numpy", "1.26.4", {"numpy/__init__.py": "#"})
    assert "numpy" not in {one.name for one in read_environment(venv.root).outside}


def test_a_folder_that_a_pth_file_names_is_there_too(tmp_path, base):
    site = Site(tmp_path / "env").onnxruntime(requires=("numpy>=1.21",))
    (site.packages / "over.pth").write_text(f"import sys\n# no\n/nowhere\n{base.packages}\n")
    assert codes(look(site)) == ["import_order_preload"]


@pytest.mark.parametrize("line", ["\0", "~nobody", "../../../..", ""])
def test_any_line_of_a_pth_file_is_read(site, line):
    (site.packages / "over.pth").write_text(f"{line}\n")
    assert read_environment(site.healthy().root).outside == ()


def overlay(folder, **more):
    values = {"through": "PYTHONPATH", "python": "", "filled": frozenset({"onnxruntime"})}
    values |= {"packages": {"onnxruntime": "1.20.1"}, **more}
    return Surroundings(overlays=(Overlay(folder=str(folder), **values),))


def test_an_onnxruntime_on_pythonpath_is_the_cause_of_a_cpu_run(site, tmp_path):
    report = look(site.healthy(), surroundings=overlay(tmp_path / "over"))
    first = report.findings[0]
    assert (first.code, first.severity, first.fix) == (
        "wrong_python_environment",
        "error",
        "unset PYTHONPATH",
    )
    assert first.text == "PYTHONPATH puts onnxruntime 1.20.1 before this environment's own"
    assert "takes onnxruntime 1.20.1 in" in first.because[0]
    assert "the environment has onnxruntime-gpu 1.22.0" in first.because[0]
    assert "DWPose runs on the CPU, 6 to 120 times slower" in first.consequence
    assert report.mend == ""


def test_the_same_release_before_the_own_is_a_warning(site, tmp_path):
    around = overlay(tmp_path / "over", packages={"onnxruntime-gpu": "1.22.0"})
    assert (
        finding(look(site.healthy(), surroundings=around), "wrong_python_environment").severity == "warning"
    )


@pytest.mark.parametrize(
    ("kind", "python", "told"), [("conda", "3.12", True), ("conda", "3.11", False), ("venv", "3.12", False)]
)
def test_the_users_own_packages_come_before_those_of_all_but_a_venv(tmp_path, kind, python, told):
    site = Site(tmp_path / "env", kind=kind).cuda12().torch().onnxruntime()
    around = overlay(tmp_path / "home", through="the user's own packages", python=python)
    found = [
        one for one in look(site, surroundings=around).findings if one.code == "wrong_python_environment"
    ]
    assert bool(found) is told
    assert all("PYTHONNOUSERSITE" in one.fix for one in found)


def test_overlays_are_read_from_the_variables_and_the_users_folder(tmp_path):
    over = Site(tmp_path / "over").install("onnxruntime", "1.20.1", {"onnxruntime/__init__.py": "#"})
    base = tmp_path / "home"
    users = base / "lib" / "python3.12" / "site-packages"
    users.parent.mkdir(parents=True)
    users.symlink_to(over.packages)
    variables = {"PYTHONPATH": f"/nowhere:{over.packages}", "PYTHONUSERBASE": str(base)}
    first, second = read_surroundings(variables).overlays
    assert (first.through, first.python, first.packages) == ("PYTHONPATH", "", {"onnxruntime": "1.20.1"})
    assert (second.through, second.python) == ("the user's own packages", "3.12")
    assert second.filled == {"onnxruntime"}
    assert len(read_surroundings({**variables, "PYTHONNOUSERSITE": "1"}).overlays) == 1


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("onnxruntime/__init__.py", "onnxruntime"),
        ("torch.py", "torch"),
        ("cv2.cpython-312-x86_64-linux-gnu.so", "cv2"),
        ("cv2/__init__.py", "cv2"),
    ],
)
def test_a_bare_package_or_module_on_pythonpath_is_imported_instead(site, tmp_path, path, name):
    site.healthy().install("opencv-python", "4.10.0.84", {"cv2/__init__.py": ""})
    there = tmp_path / "over" / path
    there.parent.mkdir(parents=True)
    there.write_text("")
    around = read_surroundings({"PYTHONPATH": str(tmp_path / "over")})
    first = look(site, surroundings=around).findings[0]
    assert (first.code, first.severity) == ("wrong_python_environment", "error")
    assert first.text == f"PYTHONPATH puts `{name}` of no package on record before this environment's own"
    assert f"`import {name}` takes" in first.because[0]
    assert "CPU" not in first.consequence
    assert first.fix == "unset PYTHONPATH"


@pytest.mark.parametrize("path", ["torch/csrc/module.cpp", "torch/readme.py", "torchsummary.py", "numpy.txt"])
def test_what_gives_way_to_the_environments_own_is_not_told(site, tmp_path, path):
    there = tmp_path / "over" / path
    there.parent.mkdir(parents=True)
    there.write_text("")
    around = read_surroundings({"PYTHONPATH": str(tmp_path / "over")})
    assert codes(look(site.healthy(), surroundings=around)) == []


def test_a_bare_package_is_nobodys_matter_where_the_environment_has_none(site, tmp_path):
    (tmp_path / "over" / "cv2").mkdir(parents=True)
    (tmp_path / "over" / "cv2" / "__init__.py").write_text("")
    around = read_surroundings({"PYTHONPATH": str(tmp_path / "over")})
    assert codes(look(site.healthy(), surroundings=around)) == []
