"""Environments of real wheels that are broken on purpose fail their validation, also on a machine without a GPU."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.network]
UV = Path(sys.executable).with_name("uv")
STUB = Path(__file__).parent.parent / "probe" / "stub_cuda.c"
WHOLE = [
    "onnxruntime-gpu==1.26.0",
    "opencv-python-headless",
    "numpy",
    "nvidia-cublas-cu12",
    "nvidia-cuda-runtime-cu12",
    "nvidia-cudnn-cu12",
    "nvidia-cufft-cu12",
    "nvidia-curand-cu12",
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "env"
    subprocess.run([str(UV), "venv", "--quiet", "-p", sys.executable, str(folder)], check=True)
    uv("install", folder, *WHOLE)
    return folder


@pytest.fixture
def environment(whole, tmp_path):
    """Return a copy that shares its files: an installer that changes one writes another."""
    shutil.copytree(whole, tmp_path / "env", symlinks=True, copy_function=os.link)
    return tmp_path / "env"


def uv(verb, environment, *words):
    python = ("--python", str(environment / "bin" / "python"))
    subprocess.run([str(UV), "pip", verb, "--quiet", *python, *words], check=True, timeout=600)


def validated(environment, *words, **variables):
    command = [sys.executable, "-m", "stackfix", "validate", "--venv", str(environment), "--json", *words]
    if "--weights" not in words:
        command += ["--weights", "standin"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=500, env={**os.environ, **variables}
    )
    return done.returncode, json.loads(done.stdout)


def provider(environment):
    return next(
        environment.glob("lib/python*/site-packages/onnxruntime/capi/libonnxruntime_providers_cuda.so")
    )


def without(package):
    return lambda environment: uv("uninstall", environment, package)


def instead(package, other):
    def change(environment):
        uv("uninstall", environment, package)
        uv("install", environment, "--no-deps", other)

    return change


def besides(package):
    return lambda environment: uv("install", environment, "--no-deps", package)


def cut_short(environment):
    path = provider(environment)
    head = path.read_bytes()[:5_000_000]
    path.unlink()
    path.write_bytes(head)


def test_what_is_whole_is_not_failed(whole):
    code, verdict = validated(whole)
    assert (code, verdict["code"]) in {(0, None), (1, "import_order_preload")}
    # nothing loads the wheels' libraries in it: without a GPU that is no failure, and said
    assert code == 1 or any(
        check["name"] == "import order" and check["ok"] is None for check in verdict["checks"]
    )


@pytest.mark.parametrize(
    ("broken", "cause", "said"),
    [
        (without("nvidia-curand-cu12"), "cuda_runtime_missing", "needs libcurand.so.10, which nothing"),
        (without("nvidia-cudnn-cu12"), "cudnn_missing", "libcudnn.so.9"),
        (instead("nvidia-cudnn-cu12", "nvidia-cudnn-cu13"), "cuda_major_mismatch", "nvidia-cudnn-cu13"),
        (instead("nvidia-cudnn-cu12", "nvidia-cudnn-cu12==8.9.7.29"), "cudnn_major_mismatch", "libcudnn.so.9"),
        (instead("nvidia-cublas-cu12", "nvidia-cublas>=13"), "cuda_major_mismatch", "nvidia-cublas"),
        (besides("onnxruntime==1.26.0"), "both_ort_packages", "onnxruntime and onnxruntime-gpu"),
        (lambda environment: provider(environment).unlink(), "gutted_package", "has lost 1 of its files"),
        (cut_short, "gutted_package", "onnxruntime-gpu 1.26.0 holds libraries that cannot be read"),
    ],
    ids=[
        "no cuRAND", "no cuDNN", "cuDNN of CUDA 13", "cuDNN 8", "cuBLAS of CUDA 13", "the CPU's on top", "no provider",
        "a provider cut short",
    ],
)  # fmt: skip
def test_what_no_gpu_would_mend_fails_with_its_cause(environment, broken, cause, said):
    broken(environment)
    code, verdict = validated(environment)
    assert (code, verdict["verdict"], verdict["code"]) == (1, "failed", cause), verdict["reason"]
    assert said in verdict["reason"]
    assert verdict["fix"]


def test_the_build_without_cuda_fails_where_a_gpu_is_wished_for(environment):
    uv("uninstall", environment, "onnxruntime-gpu")
    uv("install", environment, "onnxruntime==1.26.0")
    code, verdict = validated(environment, "--device", "gpu")
    assert (code, verdict["verdict"], verdict["code"]) == (1, "failed", "ort_cpu_only")


@pytest.fixture(scope="module")
def stub(tmp_path_factory):
    """Return a folder with a library that answers as a driver does, and has few of its functions."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("stub")
    made = [
        compiler,
        "-shared",
        "-fPIC",
        "-Wl,-soname,libcuda.so.1",
        "-o",
        str(folder / "libcuda.so.1"),
        str(STUB),
    ]
    subprocess.run(made, check=True)
    return folder


def found_first(folder, environment):
    """Return a path on which, as for a user without an import hook, wheels' libraries are found: only the driver is wrong."""
    return ":".join([str(folder), *map(str, environment.glob("lib/python*/site-packages/nvidia/*/lib"))])


@pytest.mark.parametrize(
    ("broken", "cause"),
    [
        (lambda _: None, "driver_missing"),
        (instead("nvidia-cudnn-cu12", "nvidia-cudnn-cu13"), "cuda_major_mismatch"),
        (besides("nvidia-cudnn-cu13"), "cuda_major_mismatch"),
        (cut_short, "gutted_package"),
    ],
    ids=["whole", "cuDNN of CUDA 13", "cuDNN of CUDA 13 on top", "a provider cut short"],
)
def test_half_a_driver_does_not_hide_what_no_driver_would_mend(environment, stub, broken, cause):
    broken(environment)
    code, verdict = validated(environment, LD_LIBRARY_PATH=found_first(stub, environment), STUB_CUDA="13000")
    assert (code, verdict["verdict"], verdict["code"]) == (1, "failed", cause), verdict["reason"]
    assert verdict["fix"]


def test_the_toolkits_stub_is_told_from_a_driver(whole, stub):
    code, verdict = validated(whole, LD_LIBRARY_PATH=found_first(stub, whole), STUB_CUINIT="34")
    assert (code, verdict["verdict"], verdict["code"]) == (1, "failed", "driver_missing")
    assert "stub" in verdict["reason"]
    assert "LD_LIBRARY_PATH" in verdict["fix"]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("CRASH", "crashed with SIGABRT"),
        ("LEAVES", "ended with status 0 and without an answer"),
        ("HANGS", "did not answer within 60 s"),
    ],
)
def test_where_the_driver_alone_breaks_off_nothing_else_is_begun_on_it(whole, stub, how, said):
    path = found_first(stub, whole)
    code, verdict = validated(whole, LD_LIBRARY_PATH=path, **{f"STUB_CUINIT_{how}": "1"})
    assert (code, verdict["verdict"]) == (1, "failed")
    assert verdict["code"] in {"driver_missing", "driver_broken_state"}
    driver = next(check for check in verdict["checks"] if check["name"] == "driver")
    assert driver["text"] == f"the process that asked it alone {said}, in cuInit of {stub}/libcuda.so.1"
    assert driver["text"] in verdict["reason"]
    assert [check["name"] for check in verdict["checks"] if check["ok"] is not None] == [
        "libraries",
        "driver",
    ]
    assert driver["fix"] == verdict["fix"] != ""


def test_a_pointer_of_git_lfs_in_a_networks_place_is_no_verdict_on_the_environment(whole, tmp_path):
    for name in ("yolox_l.onnx", "dw-ll_ucoco_384.onnx"):
        (tmp_path / name).write_text(
            "version https://git-lfs.github.com/spec/v1\noid sha256:78\nsize 216746733\n"
        )
    code, answer = validated(whole, "--weights", str(tmp_path))
    assert code == 2
    assert "yolox_l.onnx" in answer["error"]["message"]
    assert "git lfs pull" in answer["error"]["hint"]
