"""What is asked beside a lock is held against it, and refused before anything is made."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from stackfix import app
from stackfix.asking import MachineQuestion, Question
from stackfix.beside_lock import idle_gpu, refuse_choosing, unheld
from stackfix.errors import QuestionError
from stackfix.model.lock import Address, Lock
from stackfix.model.machine import Machine
from stackfix.model.resolution import Resolution
from stackfix.plan.lock import lock_of, to_pylock

CPU = MachineQuestion(gpus=("none",), python="3.12", glibc="2.35", platform="linux_x86_64")
GPU = replace(CPU, driver="580.95.05", gpus=("RTX 4090",))


def locked(machine: MachineQuestion) -> Lock:
    answer = app.resolve(Question(targets=("dwpose",), machine=machine), reasons="none")
    assert isinstance(answer.result, Resolution)
    files = {
        pin.file.name: Address(url=f"https://files.example/{pin.file.name}") for pin in answer.result.pins
    }
    return lock_of(answer.result, files, facts_date=answer.facts_date, recipe="dwpose")


@pytest.fixture(scope="module")
def cpu() -> Lock:
    return locked(CPU)


@pytest.fixture(scope="module")
def gpu() -> Lock:
    return locked(GPU)


@pytest.fixture(scope="module")
def here() -> Machine:
    return app.machine(CPU)


def said(lock: Lock, here: Machine, *targets: str, **files: tuple[str, ...]) -> list[str]:
    wrong = unheld(Question(targets=targets, **files), lock, here, app.database())
    return [fact.text for fact in wrong.conflict] if wrong is not None else []


def test_what_the_lock_has_is_held(cpu, gpu, here):
    assert said(cpu, here) == []
    assert said(cpu, here, "dwpose") == []
    numpy = cpu.versions["numpy"]
    assert said(cpu, here, "dwpose", f"numpy=={numpy}", "onnxruntime>=1") == []
    assert said(gpu, app.machine(GPU), "dwpose", "torch>=2.4", f"cuda=={gpu.cuda.split('.')[0]}") == []


def test_what_another_package_of_the_lock_stands_in_for_is_held_by_its_release(cpu, here):
    standing = replace(cpu, stands_for={"opencv-python-headless": ("opencv-python",)})
    version = cpu.versions["opencv-python-headless"]
    assert said(cpu, here, "opencv-python") == ["you ask for opencv-python", "the lock has no opencv-python"]
    assert said(standing, here, "opencv-python>=4.7") == []
    assert said(standing, here, "opencv-python<4") == [
        "you ask for opencv-python<4",
        f"the lock has opencv-python {version}",
    ]


def test_a_requirement_that_it_does_not_hold_is_named_with_what_it_has(cpu, gpu, here):
    assert said(cpu, here, "torch==2.3.1") == ["you ask for torch==2.3.1", "the lock has no torch"]
    assert said(cpu, here, "dwpose", "numpy<1.26") == [
        "you ask for numpy<1.26",
        f"the lock has numpy {cpu.versions['numpy']}",
    ]
    assert said(gpu, here, "dwpose", "cuda==12") == [
        "you ask for cuda==12",
        f"the lock has CUDA {gpu.cuda}",
    ]
    assert said(cpu, here, "dwpose", "cuda==12") == ["you ask for cuda==12", "the lock has no CUDA"]


def test_what_a_marker_leaves_out_is_not_asked(cpu, here):
    assert said(cpu, here, "numpy", "torch; sys_platform == 'win32'") == []


def test_files_are_held_too_and_a_constraint_brings_nothing_in(cpu, here, tmp_path):
    wanted, limits = tmp_path / "wanted.txt", tmp_path / "limits.txt"
    wanted.write_text("numpy\nstrange-thing\n")
    limits.write_text("torch<2\nonnxruntime<1.2\n")
    assert said(cpu, here, requirement_files=(str(wanted),), constraint_files=(str(limits),)) == [
        f"{wanted} line 2 asks for strange-thing",
        "the lock has no strange-thing",
        f"{limits} line 2 constrains onnxruntime<1.2",
        f"the lock has onnxruntime {cpu.versions['onnxruntime']}",
    ]
    assert len(said(cpu, here, constraint_files=(str(limits),))) == 2


def test_hashes_of_a_file_are_held(cpu, here, tmp_path):
    wanted = tmp_path / "wanted.txt"
    package = next(each for each in cpu.packages if each.name == "numpy")
    wanted.write_text(f"numpy --hash=sha256:{package.file.sha256}\n")
    assert said(cpu, here, requirement_files=(str(wanted),)) == []
    wanted.write_text(f"numpy --hash=sha256:{hashlib.sha256(b'other').hexdigest()}\n")
    assert said(cpu, here, requirement_files=(str(wanted),)) == [
        f"{package.file.name} of the lock has none of the hashes that are asked for"
    ]


def test_what_an_extra_asks_for_is_held(gpu, here):
    (asked, lacking) = said(gpu, here, "torch[optree]")
    assert asked == "you ask for torch[optree]"
    assert lacking.startswith("torch[optree] requires optree")
    assert lacking.endswith("and the lock has no optree")


def test_what_chooses_a_set_means_nothing_beside_a_lock():
    refuse_choosing(Question(targets=("dwpose",), offline=True))
    for question in (
        Question(targets=("dwpose",), sources=("pypi",)),
        Question(targets=("dwpose",), newest_before="2026-06-01"),
    ):
        with pytest.raises(QuestionError, match="a lock names each file"):
            refuse_choosing(question)


def test_a_gpu_that_a_lock_leaves_idle_is_named(cpu, gpu, here):
    assert idle_gpu(cpu, here) == idle_gpu(gpu, app.machine(GPU)) == ""
    assert idle_gpu(cpu, app.machine(GPU)) == (
        "the lock is of a set for the CPU; this machine has a GPU (GeForce RTX 4090)"
    )


def installing(lock: Lock, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    file = folder / "pylock.toml"
    file.write_text(to_pylock(lock))
    target = ("--lock", str(file), "--venv", str(folder / "venv"))
    done = subprocess.run(
        [sys.executable, "-m", "stackfix", "install", *words, *target],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not (folder / "venv").exists()
    return done


def test_install_refuses_what_the_lock_does_not_hold(cpu, tmp_path):
    done = installing(cpu, tmp_path, "torch==2.3.1", "--json")
    assert done.returncode == 1
    facts = [fact["text"] for fact in json.loads(done.stdout)["conflict"]]
    assert facts == ["you ask for torch==2.3.1", "the lock has no torch"]
    assert "does not hold what is asked for beside it" in done.stderr
    assert installing(cpu, tmp_path, "dwpose", "--source", "pypi").returncode == 2
    assert installing(cpu, tmp_path, "dwpose", "--newest-before", "2026-06-01").returncode == 2


def test_install_refuses_a_set_for_the_cpu_where_a_gpu_is_described(cpu, tmp_path):
    done = installing(cpu, tmp_path, "dwpose", "--driver", "580.95.05", "--gpu", "RTX 4090")
    assert done.returncode == 1
    assert "it breaks: device" in done.stderr
    assert "the machine has a GPU (GeForce RTX 4090)" in done.stdout
    assert "`--gpu none`" in done.stdout
