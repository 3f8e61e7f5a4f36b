"""The main job on real wheels: the newest GPU set and the CPU set, judged by a program that is not ours."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from stackfix.facts.root import data_root
from stackfix.validate.child import WORKER

pytestmark = [pytest.mark.slow, pytest.mark.network]

SYSTEM = (
    "libc.so",
    "libm.so",
    "libdl.so",
    "libpthread.so",
    "librt.so",
    "libutil.so",
    "libgcc_s.so",
    "libstdc++.so",
)
SYSTEM += ("ld-linux", "libz.so", "libresolv.so")


def stackfix(*words):
    done = subprocess.run(
        [sys.executable, "-m", "stackfix", *words], capture_output=True, text=True, timeout=900
    )
    return done, json.loads(done.stdout) if done.stdout.startswith("{") else None


def needed(path):
    with path.open("rb") as handle:
        dynamic = ELFFile(handle).get_section_by_name(".dynamic")
        return (
            [tag.needed for tag in dynamic.iter_tags() if tag.entry.d_tag == "DT_NEEDED"] if dynamic else []
        )


def unresolved(site_packages, roots):
    """Follow DT_NEEDED from the roots with pyelftools; what is neither there nor the system's."""
    present = {path.name: path for path in site_packages.rglob("*.so*") if path.is_file()}
    queue, seen, missing = list(roots), set(), set()
    while queue:
        path = queue.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in needed(path):
            if name in present:
                queue.append(present[name])
            elif not name.startswith(SYSTEM):
                missing.add(name)
    return missing


@pytest.fixture(scope="module")
def gpu_environment(tmp_path_factory):
    target = tmp_path_factory.mktemp("gpu") / "env"
    words = [
        "install",
        "dwpose",
        "--driver",
        "580.95.05",
        "--gpu",
        "sm_89",
        "--venv",
        str(target),
        "--weights",
        "standin",
        "--json",
    ]
    done, answer = stackfix(*words)
    assert answer is not None, done.stderr
    return done, answer, next((target / "lib").glob("python3.*/site-packages"))


def test_the_newest_gpu_set_installs_and_its_libraries_close(gpu_environment):
    done, answer, packages = gpu_environment
    assert done.returncode == 0
    assert "nvidia-curand" in answer["packages"]
    provider = packages / "onnxruntime" / "capi" / "libonnxruntime_providers_cuda.so"
    torch = [packages / "torch" / "lib" / name for name in ("libtorch_cuda.so", "libtorch_python.so")]
    assert unresolved(packages, [provider, *torch]) == {"libcuda.so.1"}


@pytest.mark.skipif(Path("/dev/nvidia0").exists(), reason="this machine could prove it")
def test_a_gpu_set_on_a_machine_without_gpu_is_not_called_proved(gpu_environment):
    _, answer, _ = gpu_environment
    assert answer["verdict"] == "not proved"
    assert "libcuda.so.1" in answer["reason"]
    assert {check["name"]: check["ok"] for check in answer["checks"]}["libraries"] is True


def test_a_missing_library_is_found_from_outside_and_fails_the_verdict(gpu_environment):
    _, answer, packages = gpu_environment
    (library,) = packages.rglob("libcurand.so.10")
    library.rename(library.with_suffix(".away"))
    try:
        done, report = stackfix("doctor", "--venv", answer["venv"], "--json")
        assert done.returncode == 1
        assert any("libcurand.so.10" in finding["text"] for finding in report["findings"])
        done, verdict = stackfix("validate", "--venv", answer["venv"], "--json")
        assert (done.returncode, verdict["verdict"], verdict["code"]) == (1, "failed", "cuda_runtime_missing")
    finally:
        library.with_suffix(".away").rename(library)


# torch's own tensors without numbers take any device for granted, and refuse two of them in one operation
_ON_CUDA = """
import importlib, sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[1])
import worker
worker.load_inside()
standin = importlib.import_module(worker.PACKAGE + ".torch_standin")
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
standin.write(torch, sys.argv[2], sys.argv[3])
network = torch.jit.load(sys.argv[3], map_location="cpu")
with FakeTensorMode(allow_non_fake_inputs=True), torch.jit.optimized_execution(False):
    for module in network.modules():
        for name, held in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            module._c.setattr(name, torch.empty(held.shape, dtype=held.dtype, device="cuda"))
    print([str(each.device) for each in network(torch.empty(5, 3, 384, 288, device="cuda"))])
"""


def test_the_torchscript_stand_in_leaves_nothing_on_the_cpu_when_it_goes_to_a_gpu(gpu_environment, tmp_path):
    _, answer, _ = gpu_environment
    truth = data_root() / "standins" / "truth.json"
    words = [str(WORKER.parent), str(truth), str(tmp_path / "script.pt")]
    python = str(Path(answer["venv"]) / "bin" / "python")
    done = subprocess.run([python, "-c", _ON_CUDA, *words], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "['cuda:0', 'cuda:0']", done.stderr


def test_the_cpu_environment_is_proved_on_the_cpu_and_stays_where_a_failed_install_meets_it(tmp_path):
    target = tmp_path / "env"
    done, answer = stackfix("install", "dwpose", "--gpu", "none", "--venv", str(target), "--json")
    assert (done.returncode, answer["verdict"]) == (0, "proved on cpu")
    assert len(answer["people"]) == 3
    assert len(answer["people"][0]["keypoints"]) == 134
    assert not any(name.startswith(("torch", "nvidia")) for name in answer["packages"])
    before = sorted(path.name for path in tmp_path.iterdir())
    environment = {**os.environ, "STACKFIX_SOURCE_PYPI": "http://127.0.0.1:9/simple"}
    command = [sys.executable, "-m", "stackfix", "install", "dwpose", "--gpu", "none", "--venv", str(target)]
    assert subprocess.run(command, env=environment, capture_output=True).returncode == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert subprocess.run([target / "bin" / "python", "-c", "import onnxruntime, cv2"]).returncode == 0
