"""`doctor --model` of what is no file: a question that could not be read, not a finding about a model."""

from __future__ import annotations

import subprocess
import sys

import pytest


def doctor(*words):
    command = [sys.executable, "-m", "stackfix", "doctor", "--venv", sys.prefix, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nosuch.onnx", "nosuch.onnx: there is no such model file"),
        ("", ": is a folder, and a model is one file"),
    ],
)
def test_a_mistyped_path_is_a_question_error(name, said, tmp_path):
    done = doctor("--model", tmp_path / name)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_a_file_that_is_no_model_is_still_a_finding(tmp_path):
    file = tmp_path / "cut.onnx"
    file.write_bytes(b"\x08")
    done = doctor("--model", file)
    assert done.returncode == 1
    assert "corrupt_model_file" in done.stdout
