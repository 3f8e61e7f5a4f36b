"""The proof on a GPU, whole, with the real CUDA provider: it holds on a device in software, and fails when that does.

What the device is, and what it can't tell, is in tests/software_gpu/README.md.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

pytestmark = [
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler to build the device with"),
    pytest.mark.skipif(sys.platform != "linux", reason="the device is a set of ELF libraries"),
]
UV = Path(sys.executable).with_name("uv")
BUILD = Path(__file__).parent.parent / "software_gpu" / "build_device.py"
WHEELS = ("onnxruntime-gpu==1.26.0", "opencv-python-headless", "numpy")
# without each of these nothing is proved on a GPU
PROVES = {
    "models", "gpu session", "providers", "driver", "finite gpu numbers", "numbers", "people", "batches", "placement",
    "bound outputs", "bound numbers", "own program", "own numbers",
}  # fmt: skip
CONTEXT = 1143 * 2**20  # bytes: what the driver and one context hold
DEVICE_FILES = any(Path("/dev").glob("nvidia[0-9]*"))


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    """Return the folder of an environment and of the device's libraries, made once for all workers of a run."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "software-gpu"
    with FileLock(f"{folder}.lock"):
        if not (folder / "libraries" / "libcublas.so.12").exists():
            environment = folder / "env"
            subprocess.run([UV, "venv", "--quiet", "-p", sys.executable, environment], check=True)
            python = environment / "bin" / "python"
            subprocess.run([UV, "pip", "install", "--quiet", "--python", python, *WHEELS], check=True)
            subprocess.run([sys.executable, BUILD, environment, folder / "libraries"], check=True)
    return folder


def asked(device, *words, **variables):
    """Return what stackfix answers about the environment where the device is the machine's only one."""
    environment = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    environment |= {
        "LD_LIBRARY_PATH": str(device / "libraries"),
        "SOFTWARE_GPU_HOLDERS": str(
            device / f"holders-{os.getpid()}"
        ),  # each worker of a run has a GPU of its own
        **variables,
    }
    command = [sys.executable, "-m", "stackfix", *words, "--venv", str(device / "env"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def validated(device, **variables):
    code, verdict = asked(device, "validate", "--device", "gpu", "--weights", "standin", **variables)
    return code, verdict, {check["name"]: check for check in verdict["checks"]}


def failed(checks):
    return {name for name, check in checks.items() if check["ok"] is False}


def test_dwpose_is_proved_on_the_device(device):
    code, verdict, checks = validated(device)
    assert (code, verdict["verdict"]) == (0, "proved on gpu"), verdict["reason"]
    assert not failed(checks)
    assert {name for name in PROVES if checks[name]["ok"] is not True} == set()
    assert verdict["nodes_on_gpu"] == 1.0
    assert len(verdict["people"]) == 3
    assert str(device / "libraries" / "libcudnn.so.9") in checks["mapped libraries"]["text"]


@pytest.mark.parametrize(
    ("fault", "noticed"),
    [
        ("convolutions=0.01", {"numbers", "people", "bound numbers"}),
        ("tf32", {"numbers", "bound numbers"}),
        ("kernels", {"numbers", "people", "driver", "bound numbers"}),
        ("tensor-cores=0.01", {"own numbers"}),
    ],
)
def test_a_device_that_computes_wrongly_is_not_proved(device, fault, noticed):
    code, verdict, checks = validated(device, SOFTWARE_GPU_FAULT=fault)
    assert (code, verdict["verdict"], verdict["code"]) == (1, "failed", "wrong_numbers"), verdict["reason"]
    assert noticed <= failed(checks)


def test_numbers_that_are_wrong_for_several_people_alone_are_noticed(device):
    code, verdict, checks = validated(device, SOFTWARE_GPU_FAULT="batches=0.01")
    assert (code, verdict["verdict"], verdict["code"]) == (1, "failed", "wrong_numbers"), verdict["reason"]
    assert failed(checks) - {"own numbers"} == {"batches"}


def test_a_device_without_memory_is_said_to_be_that(device):
    code, verdict, checks = validated(device, SOFTWARE_GPU_MEMORY=str(CONTEXT + 2 * 2**20))
    assert (code, verdict["verdict"], verdict["code"]) == (1, "failed", "gpu_memory"), verdict["reason"]
    assert failed(checks)


def test_an_error_of_the_device_that_stays_ends_the_proof(device):
    code, verdict, checks = validated(device, SOFTWARE_GPU_FAULT="work=100:700")
    # where the kernel module's files are missing too, that is what there is to mend first
    cause = "driver_broken_state" if DEVICE_FILES else "driver_missing"
    assert (code, verdict["verdict"], verdict["code"]) == (1, "failed", cause), verdict["reason"]
    assert "an illegal memory access was encountered" in checks["gpu run"]["text"]


def test_a_device_that_is_hidden_proves_nothing(device):
    code, verdict, checks = validated(device, CUDA_VISIBLE_DEVICES="")
    assert (code, verdict["verdict"]) == (0, "not proved"), verdict["reason"]
    assert "CUDA_VISIBLE_DEVICES" in verdict["reason"]
    assert not failed(checks)


def test_the_doctor_takes_a_gpu_whose_name_it_has_never_heard(device):
    code, report = asked(device, "doctor", "--live")
    assert (code, report["findings"]) == (0, [])
    assert "the installed builds have code for Software GPU (no NVIDIA hardware)" in report["good"]
    assert any(
        text.startswith("onnxruntime offers ") and "CUDAExecutionProvider" in text for text in report["good"]
    )
