"""Broken environments of real wheels: diagnosed, mended, and judged again by a program that is not ours."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_real_environments import unresolved

pytestmark = [pytest.mark.slow, pytest.mark.network]
UV = Path(sys.executable).with_name("uv")


def stackfix(*words, **variables):
    done = subprocess.run(
        [sys.executable, "-m", "stackfix", *words, "--json"],
        capture_output=True,
        text=True,
        timeout=900,
        env={**os.environ, **variables},
    )
    return done.returncode, json.loads(done.stdout)


def uv(*words):
    subprocess.run([str(UV), "pip", *words, "--quiet"], check=True, timeout=600)


@pytest.fixture
def environment(tmp_path):
    folder = tmp_path / "env"
    subprocess.run([str(UV), "venv", "--quiet", "-p", sys.executable, str(folder)], check=True)
    return folder


def test_an_onnxruntime_that_another_one_gutted_is_mended_with_its_libraries(environment):
    python = ("--python", str(environment / "bin" / "python"))
    uv("install", *python, "onnxruntime-gpu==1.26.0", "opencv-python-headless", "numpy")
    uv("install", *python, "onnxruntime==1.26.0")
    uv("uninstall", *python, "onnxruntime")
    code, before = stackfix("doctor", "--venv", str(environment))
    assert code == 1
    assert before["findings"][0]["code"] == "both_ort_packages"
    code, plan = stackfix("fix", "--venv", str(environment), "--dry-run")
    assert code == 0
    assert ("onnxruntime-gpu", "reinstall") in {(one["name"], one["action"]) for one in plan["plan"]}
    code, fixed = stackfix("fix", "--venv", str(environment))
    assert code == 0, fixed
    assert fixed["applied"]
    assert fixed["verdict"] in ("not proved", "proved on gpu")
    code, after = stackfix("doctor", "--venv", str(environment))
    assert (code, after["findings"]) == (0, [])
    packages = next((environment / "lib").glob("python3.*/site-packages"))
    roots = [packages / "onnxruntime" / "capi" / "libonnxruntime_providers_cuda.so"]
    assert unresolved(packages, roots) <= {"libcuda.so.1"}
    code, _ = stackfix("fix", "--undo", "--venv", str(environment))
    assert code == 0
    assert stackfix("doctor", "--venv", str(environment))[1]["findings"][0]["code"] == "both_ort_packages"


def test_two_opencvs_become_one(environment):
    python = ("--python", str(environment / "bin" / "python"))
    uv("install", *python, "opencv-python==4.10.0.84", "numpy")
    uv("install", *python, "--no-deps", "opencv-python-headless==4.11.0.86")
    assert stackfix("doctor", "--venv", str(environment))[1]["findings"][0]["code"] == "opencv_conflict"
    code, fixed = stackfix("fix", "--venv", str(environment))
    assert code == 0, fixed
    code, after = stackfix("doctor", "--venv", str(environment))
    assert (code, [one["rule"] for one in after["findings"]]) == (
        1,
        ["runtime"],
    )  # there is none, and never was
    command = [str(environment / "bin" / "python"), "-c", "import cv2; print(cv2.__version__)"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.strip() == "4.11.0"


def test_a_library_path_of_the_shell_is_told_and_does_not_hinder_the_repair(environment, tmp_path):
    python = ("--python", str(environment / "bin" / "python"))
    uv(
        "install",
        *python,
        "onnxruntime-gpu==1.26.0",
        "nvidia-cublas-cu12==12.8.4.1",
        "opencv-python-headless",
    )
    uv("install", *python, "--no-deps", "onnxruntime-openvino")
    uv("install", "--no-deps", "--target", str(tmp_path / "other"), "nvidia-cublas-cu12==12.4.5.8")
    path = str(tmp_path / "other" / "nvidia" / "cublas" / "lib")
    code, fixed = stackfix("fix", "--venv", str(environment), LD_LIBRARY_PATH=path)
    assert (code, fixed["applied"]) == (0, True), fixed
    assert [one["code"] for one in fixed["findings"]] == ["shadowed_libraries"]
    code, after = stackfix("doctor", "--venv", str(environment))
    assert (code, after["findings"]) == (0, [])


def test_a_copy_of_cudnn_that_torch_comes_to_first_is_told_and_taken_away(environment, tmp_path):
    python = ("--python", str(environment / "bin" / "python"))
    uv("install", *python, "torch==2.8.0", "numpy")
    uv("install", "--no-deps", "--target", str(tmp_path / "other"), "nvidia-cudnn-cu12==9.1.0.70")
    packages = next((environment / "lib").glob("python3.*/site-packages"))
    other = tmp_path / "other" / "nvidia" / "cudnn" / "lib" / "libcudnn.so.9"
    copy = packages / "nvidia" / "cublas" / "lib" / "libcudnn.so.9"
    copy.write_bytes(other.read_bytes())
    command = [
        str(environment / "bin" / "python"),
        "-c",
        "import torch; print(torch.backends.cudnn.version())",
    ]
    assert subprocess.run(command, capture_output=True, timeout=300).returncode != 0  # it lacks its own parts
    code, before = stackfix("doctor", "--venv", str(environment))
    assert (code, before["findings"][0]["code"]) == (1, "shadowed_libraries")
    code, fixed = stackfix("fix", "--venv", str(environment))
    assert (code, fixed["applied"]) == (0, True), fixed
    assert not copy.exists()
    assert subprocess.run(command, capture_output=True, text=True, timeout=300).stdout.strip() == "91002"
    code, after = stackfix("doctor", "--venv", str(environment))
    assert (code, after["findings"]) == (0, [])
    assert stackfix("fix", "--undo", "--venv", str(environment))[0] == 0
    assert copy.exists()


def test_an_extension_for_another_torch_is_told_by_the_name_on_which_its_import_ends(environment):
    python = ("--python", str(environment / "bin" / "python"))
    uv("install", *python, "torch==2.8.0", "numpy")
    uv("install", *python, "--no-deps", "xformers==0.0.31")  # one wheel for every Python
    command = [str(environment / "bin" / "python"), "-c", "import xformers.ops"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=300).stderr
    code, before = stackfix("doctor", "--venv", str(environment))
    assert (code, before["findings"][0]["code"]) == (1, "torch_torchvision_mismatch")
    assert said.rstrip().rpartition("undefined symbol: ")[2] in before["findings"][0]["text"]
    code, fixed = stackfix("fix", "--venv", str(environment))
    assert (code, fixed["applied"]) == (0, True), fixed
    assert subprocess.run(command, capture_output=True, timeout=300).returncode == 0
