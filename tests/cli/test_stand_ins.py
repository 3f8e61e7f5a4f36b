"""A package that has everything of another may stand in for it, if its user lets it; the lock says what is left out."""

import json

import pytest
from binaries import part

from stackfix import app
from stackfix.asking import MachineQuestion, Question
from stackfix.errors import QuestionError
from stackfix.facts.covers import cover_rows
from stackfix.facts.root import data_root
from stackfix.model.resolution import Explanation, Resolution

pytestmark = pytest.mark.resolving

CPU = ["--gpu", "none", "--python", "3.12", "--glibc", "2.35", "--platform", "linux_x86_64"]
CONTRIB = "opencv-contrib-python"


def ask(*targets, stand_ins=(), gpu="none", platform="linux_x86_64"):
    driver = "" if gpu == "none" else "580.95.05"
    machine = MachineQuestion(driver=driver, gpus=(gpu,), python="3.12", platform=platform)
    return app.resolve(Question(targets=targets, machine=machine, stand_ins=stand_ins), reasons="none").result


@pytest.mark.parametrize("platform", ["linux_x86_64", "linux_aarch64", "win_amd64"])
def test_two_packages_for_one_folder_are_refused_and_what_can_stand_in_is_offered_and_works(platform):
    refused = ask("opencv-python>=4.7", CONTRIB, platform=platform)
    assert isinstance(refused, Explanation)
    offered = refused.options[0]
    assert offered.kind == "stand-in"
    assert f"`--stand-in {CONTRIB}`" in offered.text
    found = ask("opencv-python>=4.7", CONTRIB, stand_ins=(CONTRIB,), platform=platform)
    assert isinstance(found, Resolution)
    assert dict(offered.packages)[CONTRIB] == found.packages[CONTRIB]
    assert "opencv-python" not in found.packages
    (note,) = (one for one in found.notes if "stands in" in one)
    assert note.startswith(f"{CONTRIB} {found.packages[CONTRIB]} stands in for opencv-python")


def test_one_package_stands_in_for_several_and_for_a_recipes():
    names = ("opencv-python", "opencv-python-headless", CONTRIB)
    assert isinstance(ask("dwpose", *names), Explanation)
    found = ask("dwpose", *names, stand_ins=(CONTRIB,))
    assert [name for name in found.packages if name.startswith("opencv")] == [CONTRIB]


def test_the_gpu_build_of_onnxruntime_stands_in_for_the_other_and_keeps_its_cuda():
    refused = ask("dwpose", "onnxruntime", gpu="RTX 4090")
    assert "`--stand-in onnxruntime-gpu`" in refused.options[0].text
    found = ask("dwpose", "onnxruntime", stand_ins=("onnxruntime-gpu",), gpu="RTX 4090")
    assert "onnxruntime" not in found.packages
    alone = ask("dwpose", gpu="RTX 4090")
    assert found.packages == alone.packages


def test_only_a_release_that_was_measured_stands_in_and_the_others_bounds_hold():
    rows = {row.version for row in cover_rows(data_root()) if row.package == CONTRIB}
    newest = ask(CONTRIB).packages[CONTRIB]
    found = ask("opencv-python", stand_ins=(CONTRIB,)).packages[CONTRIB]
    assert found in rows
    assert newest not in rows, "the newest is measured now: this test needs another release"
    older = ask("opencv-python<4.12", stand_ins=(CONTRIB,)).packages[CONTRIB]
    assert older.startswith("4.11.")
    refused = ask("opencv-python<4.8", stand_ins=(CONTRIB,))
    said = " ".join(fact.text for fact in refused.conflict)
    assert f"opencv-python<4.8, for which {CONTRIB} stands in" in said


def test_what_was_not_measured_cannot_stand_in():
    with pytest.raises(QuestionError, match="was not measured to have everything of another") as caught:
        ask("opencv-python", stand_ins=("numpy",))
    assert CONTRIB in caught.value.hint


def test_what_has_no_windows_never_stands_in_for_what_has():
    for row in cover_rows(data_root()):
        if row.package.endswith("-headless"):
            assert all(name.endswith("-headless") for name in row.covers), row


@pytest.fixture
def project(index, tmp_path):
    """A project that asks for one opencv, and by way of a package without facts for two others."""
    for name in ("opencv-python", "opencv-python-headless", CONTRIB):
        for version in ("4.11.0.86", "5.0.0.93"):
            index.publish(*part(name, version))
    index.publish(*part("looks", requires=[f"{CONTRIB}>=4", "draws"]))
    index.publish(*part("draws", requires=["opencv-python-headless>=4.9"]))
    (tmp_path / "r.txt").write_text("opencv-python\nlooks\n")
    return tmp_path


def exported(index, project, *words):
    command = ("export", "--format", "requirements", "-r", str(project / "r.txt"), *CPU, "-o", "-")
    return index.run(*command, *words, UV_CACHE_DIR=str(project / "c"))


def test_who_asks_for_what_by_way_of_a_strange_package_is_named(index, project):
    done = exported(index, project, "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 1
    assert f"looks ({project / 'r.txt'} line 2) asks for {CONTRIB}" in [
        each["text"] for each in said["conflict"]
    ]
    assert said["options"][0]["text"].endswith(f"`--stand-in {CONTRIB}`")


def test_what_is_left_out_is_not_in_the_set_and_who_bounds_it_bounds_what_stands_in(index, project):
    done = exported(index, project, "--stand-in", CONTRIB, "--json")
    assert done.returncode == 0, done.stderr
    packages = json.loads(done.stdout)["packages"]
    assert [name for name in packages if name.startswith("opencv")] == [CONTRIB]
    assert packages[CONTRIB] == "5.0.0.93"
    index.publish(*part("draws", "1.1", requires=["opencv-python-headless>=4.9,<5"]))
    (project / "r.txt").write_text("opencv-python\nlooks\ndraws>=1.1\n")
    done = exported(index, project, "--stand-in", CONTRIB, "--json")
    assert done.returncode == 3
    assert "opencv-python-headless" in done.stderr


def test_a_stand_in_that_nobody_asked_for_comes_in_where_it_is_needed(index, project):
    (project / "r.txt").write_text("opencv-python\ndraws\n")
    done = exported(index, project, "--stand-in", CONTRIB, "--json")
    packages = json.loads(done.stdout)["packages"]
    assert [name for name in packages if name.startswith("opencv")] == [CONTRIB]
