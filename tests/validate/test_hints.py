"""What a failed proof says to do can be done on the machine that it failed on."""

import shlex
import sys
from pathlib import Path

import pytest

from stackfix import app, package_faults, proving
from stackfix.model.environment import Environment


def test_a_cpu_environment_asked_for_a_gpu_that_is_not_here_is_not_to_be_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proving, "_has_gpu", lambda _: False)
    verdict = app.validate(Path(sys.prefix), device="gpu", weights="standin")
    assert (verdict.state, verdict.code) == ("failed", "ort_cpu_only")
    assert "there is no NVIDIA GPU with a driver here" in verdict.fix
    assert "--device cpu" in verdict.fix
    assert "--replace" not in verdict.fix


def test_the_command_in_a_hint_names_a_folder_with_a_space_as_a_shell_takes_it() -> None:
    environment = Environment(
        path="/home/me/my envs/pose", executable="", python="3.12.1", site_packages=(), distributions=()
    )
    command = package_faults.no_provider(environment).fix.split("`")[3]
    assert shlex.split(command) == [
        *("stackfix", "validate", "--venv", "/home/me/my envs/pose", "--device", "cpu")
    ]
