"""A lock is refused on a machine that it does not fit, by the rule that it breaks; and taken where it does."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from msgspec.structs import replace

from stackfix import app
from stackfix.asking import MachineQuestion, Question
from stackfix.fitting import broken_rules, misfit
from stackfix.model.lock import Address, Lock
from stackfix.model.resolution import Resolution
from stackfix.plan.lock import lock_of, to_pylock

HERE = MachineQuestion(
    driver="580.95.05", gpus=("RTX 4090",), python="3.12", glibc="2.35", platform="linux_x86_64"
)


@pytest.fixture(scope="module")
def lock() -> Lock:
    answer = app.resolve(Question(targets=("dwpose",), machine=HERE), reasons="none")
    assert isinstance(answer.result, Resolution)
    files = {
        pin.file.name: Address(url=f"https://files.example/{pin.file.name}") for pin in answer.result.pins
    }
    return lock_of(answer.result, files, facts_date=answer.facts_date, recipe="dwpose")


def on(**changes: object) -> object:
    return app.machine(replace(HERE, **changes))


def test_the_machine_that_it_was_made_for_takes_it(lock):
    assert misfit(lock, on(), app.database()) is None


def test_a_newer_machine_takes_it(lock):
    assert misfit(lock, on(driver="595.45.04", glibc="2.39"), app.database()) is None


@pytest.mark.parametrize(
    ("changes", "rules", "said"),
    [
        ({"driver": "535.104.05"}, "driver floor", "CUDA 13 needs NVIDIA driver 580.65.06"),
        ({"gpus": ("GTX 1080 Ti",)}, "device code of libraries", "no code below compute capability 7.5"),
        ({"glibc": "2.17"}, "glibc", "needs glibc 2.28 or newer; this machine has 2.17"),
        ({"python": "3.11"}, "python", "the lock is for Python 3.12"),
        (
            {"platform": "linux_aarch64"},
            "platform",
            "the lock is for linux_x86_64, this machine is linux_aarch64",
        ),
    ],
)
def test_another_machine_is_refused_by_the_rule(lock, changes, rules, said):
    wrong = misfit(lock, on(**changes), app.database())
    assert wrong is not None
    assert rules in broken_rules(wrong.conflict)
    assert wrong.outcome.startswith("the lock does not fit this machine; it breaks the rule")
    assert rules in wrong.outcome
    assert said in " ".join(fact.text for fact in wrong.conflict)
    assert wrong.options[-1].text == "lock anew for this machine: `stackfix lock dwpose`"


def test_a_driver_that_would_do_is_named(lock):
    wrong = misfit(lock, on(driver="535.104.05"), app.database())
    assert wrong.options[0].text == "install NVIDIA driver 580.65.06 or newer: the lock then fits"


def test_what_the_facts_do_not_know_is_not_judged(lock):
    strange = replace(lock.packages[0], name="strange-thing", version="1.0")
    assert misfit(replace(lock, packages=(strange,)), on(driver="535.104.05"), app.database()) is None


def test_install_refuses_it_before_anything_is_made(lock, tmp_path):
    file = tmp_path / "pylock.toml"
    file.write_text(to_pylock(lock))
    words = ["install", "--lock", str(file), "--venv", str(tmp_path / "venv"), "--driver", "535.104.05"]
    done = subprocess.run(
        [sys.executable, "-m", "stackfix", *words, "--gpu", "RTX 4090"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"{file} does not fit this machine; it breaks: " in done.stderr
    assert "driver floor" in done.stderr
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_the_same_question_gives_the_same_bytes(lock, seed):
    code = (
        "import test_lock_fits as t; from stackfix import app; from stackfix.asking import Question;"
        "import sys; a = app.resolve(Question(targets=('dwpose',), machine=t.HERE), reasons='none');"
        "f = {p.file.name: t.Address(url=f'https://files.example/{p.file.name}') for p in a.result.pins};"
        "sys.stdout.write(t.to_pylock(t.lock_of(a.result, f, facts_date=a.facts_date, recipe='dwpose')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout == to_pylock(lock)
