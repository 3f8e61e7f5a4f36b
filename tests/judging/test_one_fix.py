"""One fix: commands of one report that do not undo one another, and that agree with what a repair does."""

from __future__ import annotations

import pytest
from patients import codes, finding, look

OPENCV = ("opencv-contrib-python", "opencv-python", "opencv-python-headless")


def opencvs(site, names=OPENCV):
    """Several builds of OpenCV, one over the other; each has a library of another size."""
    for place, name in enumerate(names):
        files = {"cv2/__init__.py": f"# {name}", "cv2/cv2.abi3.so": "x" * (place + 1)}
        site.install(name, "4.10.0.84", files)
    return site


def test_a_release_that_another_error_is_about_is_not_put_back(site):
    site.cuda12().torch().onnxruntime(version="1.31.1").onnxruntime("onnxruntime", "1.31.1")
    report = look(site)
    assert codes(report)[0] == "both_ort_packages"
    assert "cuda_major_mismatch" in codes(report)
    about = [one.fix for one in report.findings if "onnxruntime-gpu" in one.about]
    assert len(about) > 2
    assert set(about) == {f"stackfix fix --venv {site.root}"}


def test_what_a_collision_did_to_its_packages_has_the_collisions_command(site):
    report = look(opencvs(site))
    first, *others = [one for one in report.findings if one.code == "opencv_conflict"]
    assert first.fix.endswith("--no-deps opencv-contrib-python==4.10.0.84")
    assert others
    assert {one.fix for one in others} == {first.fix}


def test_the_files_of_a_second_collision_follow_it(site):
    site.cuda12().torch().onnxruntime().onnxruntime("onnxruntime")
    report = look(opencvs(site))
    assert report.findings[0].code == "both_ort_packages"
    conflict = [one for one in report.findings if one.code == "opencv_conflict"]
    assert [one.follows for one in conflict] == ["", *["opencv_conflict"] * (len(conflict) - 1)]
    assert len(conflict) > 1


@pytest.mark.parametrize("asked", ["opencv-python", "opencv-python-headless"])
def test_the_opencv_that_another_package_requires_is_put_back(site, asked):
    site.install("ultralytics", "8.3.0", requires=[f"{asked}>=4.6.0"])
    found = finding(look(opencvs(site, OPENCV[1:])), "opencv_conflict")
    assert found.fix.endswith(f"{asked}==4.10.0.84")


def test_a_command_about_one_of_colliding_packages_gives_way_to_the_repair(site):
    site.install("albumentations", "2.0.8", requires=["opencv-python-headless>=4.11"])
    report = look(opencvs(site))
    ours = f"stackfix fix --venv {site.root}"
    assert {one.fix for one in report.findings if set(one.about) & set(OPENCV)} == {ours}
