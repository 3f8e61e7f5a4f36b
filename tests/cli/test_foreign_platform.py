"""`install` of another platform's set: refused before anything is made, and told what makes one."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from stackfix.probe.host import read_platform

HERE = read_platform().label
FOREIGN = [label for label in ("linux_x86_64", "linux_aarch64", "win_amd64") if label != HERE]


def run(*words, folder):
    command = [sys.executable, "-m", "stackfix", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120, check=False)


@pytest.mark.parametrize("label", FOREIGN)
def test_a_foreign_platform_is_refused_at_once(label, tmp_path):
    done = run(
        "install", "dwpose", "--platform", label, "--gpu", "none", "--python", "3.12", "--venv", "zz", folder=tmp_path
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"error: this machine is {HERE}: a set for {label} cannot be installed here",
        "hint: `stackfix lock`, `stackfix export` and `stackfix bundle` make one for another machine",
    ]
    assert not list(tmp_path.iterdir())


def test_a_file_of_a_foreign_machine_is_refused_before_anything_is_made(tmp_path):
    described = run(
        "machine", "--platform", FOREIGN[-1], "--gpu", "none", "--python", "3.12", "--json", folder=tmp_path
    )
    (tmp_path / "there.json").write_text(described.stdout)
    done = run(
        "install", "dwpose", "--machine", "there.json", "--venv", "zz", "--no-validate", "--json", folder=tmp_path
    )  # fmt: skip
    assert done.returncode == 2
    assert f"a set for {FOREIGN[-1]} cannot be installed here" in json.loads(done.stdout)["error"]["message"]
    assert not (tmp_path / "zz").exists()
