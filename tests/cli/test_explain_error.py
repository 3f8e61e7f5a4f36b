"""`stackfix explain --error`: from a file, from standard input, as JSON, and beside an environment."""

from __future__ import annotations

import json
import subprocess
import sys
import venv

import pytest


def explain(*arguments, text=b""):
    command = [sys.executable, "-m", "stackfix", "explain", *arguments]
    done = subprocess.run(command, input=text, capture_output=True, check=False)
    assert b"Traceback" not in done.stderr
    return done


TEXT = b"ImportError: libcublasLt.so.11: cannot open shared object file: No such file or directory\n"


def test_a_file_is_explained_as_json(tmp_path):
    (tmp_path / "log.txt").write_bytes(b"start\n" + TEXT)
    done = explain("--error", str(tmp_path / "log.txt"), "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 0
    assert answer["schema"] == "stackfix.explain/1"
    assert answer["ok"] is True
    first = answer["causes"][0]
    assert set(first) == {"code", "confidence", "because", "consequence", "fix"}
    assert first["code"] == "cuda_major_mismatch"
    assert first["because"][0].startswith("line 2:")


def test_standard_input_is_explained_for_people():
    done = explain("--error", "-", text=TEXT)
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "likely: cuda_major_mismatch"
    assert any(line.startswith("  fix: ") for line in lines)


def test_a_text_that_is_not_known_is_said_so_and_ends_with_1():
    done = explain("--error", "-", text=b"all is well\n")
    assert done.returncode == 1
    assert done.stdout.decode().startswith("not known")
    as_json = explain("--error", "-", "--json", text=b"all is well\n")
    assert json.loads(as_json.stdout) == {"schema": "stackfix.explain/1", "ok": False, "causes": []}


@pytest.mark.parametrize("name", ["nothing-here.txt", "."])
def test_a_file_that_cannot_be_read_is_a_question_that_cannot_be_read(name, tmp_path):
    done = explain("--error", str(tmp_path / name), "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["ok"] is False


def test_an_environment_is_asked_beside_the_text(tmp_path):
    venv.create(tmp_path / "env", with_pip=False)
    done = explain("--error", "-", "--venv", str(tmp_path / "env"), "--json", text=TEXT)
    answer = json.loads(done.stdout)
    assert answer["causes"][0]["code"] == "cuda_major_mismatch"
    assert "findings" in answer


def test_no_environment_is_a_question_that_cannot_be_read(tmp_path):
    assert explain("--error", "-", "--venv", str(tmp_path / "none"), text=TEXT).returncode == 2


def test_an_environment_without_a_text_is_a_question_that_cannot_be_read(tmp_path):
    done = explain("dwpose", "--venv", str(tmp_path))
    assert done.returncode == 2
    assert b"stackfix doctor --venv" in done.stderr


def test_the_command_for_an_environment_alone_can_be_pasted_where_its_path_has_a_space(tmp_path):
    done = explain("dwpose", "--venv", str(tmp_path / "my env"))
    assert f"`stackfix doctor --venv '{tmp_path / 'my env'}'`".encode() in done.stderr
