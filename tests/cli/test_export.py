"""`stackfix export` as a person types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

CPU = ["dwpose", "--gpu", "none", "--python", "3.12", "--platform", "linux_x86_64", "--glibc", "2.35"]
GPU = ["dwpose", "--driver", "580.95.05", "--gpu", "RTX 4090", *CPU[3:]]
SOURCE = str(Path(__file__).resolve().parents[2] / "src")


def run(folder, *words):
    nowhere = {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, "-m", "stackfix", "export", *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **nowhere, "PYTHONPATH": SOURCE},
    )


def test_an_export_is_written_without_asking_the_network(tmp_path):
    done = run(tmp_path, *CPU, "--format", "requirements", "--json")
    answer = json.loads(done.stdout)
    assert answer["schema"] == "stackfix.export/1"
    assert answer["ok"] is True
    assert answer["path"] == "requirements.txt"
    assert answer["format"] == "requirements"
    text = (tmp_path / "requirements.txt").read_text()
    for name, version in answer["packages"].items():
        assert f"{name}=={version} --hash=sha256:" in text
    assert [path.name for path in tmp_path.iterdir()] == ["requirements.txt"]


def test_the_same_question_gives_the_same_bytes(tmp_path):
    first = run(tmp_path, *GPU, "--format", "dockerfile", "-o", "-").stdout
    assert first == run(tmp_path, *GPU, "--format", "dockerfile", "-o", "-").stdout
    assert first.startswith("# `stackfix export dwpose --format dockerfile`")


def test_a_usual_name_never_overwrites_what_is_no_export(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'mine'\n")
    done = run(tmp_path, *CPU, "--format", "pyproject")
    assert done.returncode == 2
    assert "is there, and is not an export" in done.stderr
    assert (tmp_path / "pyproject.toml").read_text() == "[project]\nname = 'mine'\n"
    assert run(tmp_path, *CPU, "--format", "pyproject", "-o", "other.toml").returncode == 0
    assert run(tmp_path, *CPU, "--format", "conda").returncode == 0
    assert run(tmp_path, *CPU, "--format", "conda").returncode == 0


def test_a_script_can_be_run_at_once(tmp_path):
    assert run(tmp_path, *CPU, "--format", "bootstrap-sh").returncode == 0
    assert os.access(tmp_path / "bootstrap.sh", os.X_OK)


def test_a_format_of_another_system_is_refused_with_the_flag_that_helps(tmp_path):
    done = run(tmp_path, *GPU, "--format", "bootstrap-ps1")
    assert done.returncode == 2
    assert "`--platform win_amd64`" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_set_is_said_as_everywhere(tmp_path):
    words = ["dwpose", "--driver", "550.54.14", "--gpu", "RTX 5090", *CPU[3:]]
    done = run(tmp_path, *words, "--format", "requirements", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["conflict"]


def test_a_place_that_cannot_be_written_ends_with_3(tmp_path):
    (tmp_path / "file").write_text("kept")
    assert run(tmp_path, *CPU, "--format", "conda", "-o", "file/environment.yml").returncode == 3
    assert (tmp_path / "file").read_text() == "kept"


def stackfix(folder, *words):
    return subprocess.run(
        [sys.executable, "-m", "stackfix", *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )


def test_both_verbs_are_in_the_help_and_have_one(tmp_path):
    listed = stackfix(tmp_path, "--help").stdout
    for verb in ("export", "bundle"):
        assert f"  {verb} " in listed
        assert "--json" in stackfix(tmp_path, verb, "--help").stdout


def test_a_bundle_needs_the_network_and_leaves_nothing_without_it(tmp_path):
    done = stackfix(tmp_path, "bundle", *CPU, "-o", "stick", "--offline", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["ok"] is False
    assert list(tmp_path.iterdir()) == []


def test_models_that_are_not_the_recipes_are_refused_before_anything_is_fetched(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "yolox_l.onnx").write_bytes(b"another network")
    done = stackfix(tmp_path, "bundle", *CPU, "-o", "stick", "--models", "models")
    assert done.returncode == 2
    assert "`yolox_l.onnx` is not the file of sha256" in done.stderr
    assert "`dw-ll_ucoco_384.onnx` is not there" in done.stderr
    assert not (tmp_path / "stick").exists()
