"""`stackfix doctor` as a person and a script call it: exit codes, JSON, environments that are not whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "judging"))

from patients import Site

from stackfix.cli.judge import environment_meant
from stackfix.errors import QuestionError

ON = ("--driver", "580.95.05", "--gpu", "RTX 4090", "--glibc", "2.35")


def doctor(*words, **environment):
    clean = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "CONDA_PREFIX")}
    command = [sys.executable, "-m", "stackfix", "doctor", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env={**clean, **environment})


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "env")


def test_a_healthy_environment_ends_with_0(site):
    done = doctor("--venv", site.healthy().root, *ON)
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing is wrong as far as this can be seen from outside" in done.stdout


def test_a_broken_one_ends_with_1_and_its_json_has_the_promised_keys(site):
    done = doctor("--venv", site.onnxruntime().root, *ON, "--json")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["schema"], answer["ok"]) == (1, "stackfix.doctor/1", False)
    assert all({"code", "severity", "text", "because", "fix"} <= set(one) for one in answer["findings"])


@pytest.mark.parametrize("lost", ["bin", "lib", "pyvenv.cfg"])
def test_a_half_deleted_venv_ends_with_1_and_no_traceback(site, lost):
    site.install("thing", "1.0")
    (site.root / "bin" / "activate").write_text("")
    (site.root / lost).rename(site.root.parent / "away")
    done = doctor("--venv", site.root, *ON)
    assert (done.returncode, done.stderr) == (1, "")
    assert "[broken_environment]" in done.stdout


def test_a_name_that_is_not_utf8_is_shown_and_not_a_traceback(tmp_path):
    site = Site(tmp_path / os.fsdecode(b"\xff")).healthy()
    for flags in ((), ("--json",)):
        done = doctor("--venv", site.root, *ON, *flags, PYTHONIOENCODING="utf-8")
        assert (done.returncode, "Traceback" in done.stderr) == (0, False)


def test_live_tells_what_the_environments_own_interpreter_says(tmp_path):
    site = Site(tmp_path / "env", python=f"{sys.version_info[0]}.{sys.version_info[1]}.0")
    site.install(
        "torch",
        "2.8.0",
        {"torch/__init__.py": "raise ImportError('libcudnn.so.9: cannot open shared object file')"},
    )
    done = doctor("--venv", site.root, *ON, "--live", "--json")
    found = next(one for one in json.loads(done.stdout)["findings"] if one["rule"] == "live")
    assert (done.returncode, found["code"]) == (1, "cudnn_missing")


def test_the_environment_that_is_meant(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(QuestionError, match="no environment is active"):
        environment_meant("", "", {})
    (tmp_path / "python_embeded").mkdir()
    assert environment_meant("", "", {}) == Path("python_embeded")
    assert environment_meant("", "", {"CONDA_PREFIX": "/conda"}) == Path("/conda")
    assert environment_meant("", "", {"VIRTUAL_ENV": "/venv", "CONDA_PREFIX": "/conda"}) == Path("/venv")
    assert environment_meant("", "/x/bin/python", {"VIRTUAL_ENV": "/venv"}) == Path("/x/bin/python")
    assert environment_meant("mine", "/x/bin/python", {}) == Path("mine")
    with pytest.raises(QuestionError, match="names a version"):
        environment_meant("", "3.12", {})


def test_redacted_it_tells_neither_folder_nor_user_nor_home(site):
    ann = {"HOME": str(site.root.parent), "USER": "ann", "LOGNAME": "ann"}
    for flags in ((), ("--json",)):
        done = doctor("--venv", site.onnxruntime().root, *ON, "--redact", *flags, **ann)
        assert done.returncode == 1
        assert str(site.root.parent) not in done.stdout
        assert "stackfix fix --venv ENVIRONMENT" in done.stdout


def test_redacted_the_error_tells_no_folder_either(tmp_path):
    done = doctor("--venv", tmp_path / "not" / "there", "--redact")
    assert done.returncode == 2
    assert str(tmp_path) not in done.stderr + done.stdout
    assert "ENVIRONMENT" in done.stderr
