"""An environment that no GPU would mend fails its validation, also on a machine that has none."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.network]
UV = Path(sys.executable).with_name("uv")


def test_the_cpu_build_on_top_of_the_gpu_build_fails(tmp_path):
    folder = tmp_path / "env"
    subprocess.run([str(UV), "venv", "--quiet", "-p", sys.executable, str(folder)], check=True)
    libraries = ["nvidia-cublas-cu12", "nvidia-cudnn-cu12", "nvidia-cufft-cu12", "nvidia-curand-cu12"]
    wanted = [
        "onnxruntime-gpu==1.26.0",
        "opencv-python-headless",
        "numpy",
        *libraries,
        "nvidia-cuda-runtime-cu12",
    ]
    python = ("--python", str(folder / "bin" / "python"))
    for packages in (wanted, ["onnxruntime==1.26.0"]):
        subprocess.run([str(UV), "pip", "install", "--quiet", *python, *packages], check=True, timeout=600)
    words = ["validate", "--venv", str(folder), "--weights", "standin", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "stackfix", *words], capture_output=True, text=True, timeout=300
    )
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["verdict"], verdict["code"]) == (1, "failed", "both_ort_packages")
