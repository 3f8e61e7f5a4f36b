"""TensorRT beside DWPose: asked only where the environment brings it, proved only where networks ran on it."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from stackfix.model.environment import Distribution, Environment, SharedLibrary
from stackfix.model.evidence import Known, Unknown
from stackfix.model.trial import Comparison, Trial
from stackfix.render.comparison_text import provider_lines, provider_list
from stackfix.validate.compare import GPU_TRIALS, TENSORRT, compare
from stackfix.validate.run import run
from stackfix.validate.tensorrt import TensorRT, tensorrt_in
from stackfix.versions import PythonVersion

FAKE = Path(__file__).parent / "fake_onnxruntime.py"
STUB_DRIVER = Path(__file__).parent.parent / "probe" / "stub_cuda.c"
PROVIDER = SharedLibrary(
    path="onnxruntime/capi/libonnxruntime_providers_tensorrt.so",
    needed=("libcudart.so.13", "libnvinfer.so.10", "libnvonnxparser.so.10", "libc.so.6"),
)


def environment(*libraries):
    return Environment(
        path="/nowhere",
        executable="/nowhere/bin/python",
        python=PythonVersion.parse("3.12"),
        site_packages=("/nowhere/lib/python3.12/site-packages",),
        distributions=(Distribution(name="a", version="1", folder="a-1.dist-info", libraries=libraries),),
    )


def libraries(major):
    names = ("nvonnxparser", "nvinfer_plugin", "nvinfer")
    return [
        SharedLibrary(path=f"tensorrt_libs/lib{name}.so.{major}", soname=f"lib{name}.so.{major}")
        for name in names
    ]


def test_an_environment_without_its_libraries_offers_no_tensorrt():
    assert tensorrt_in(environment(PROVIDER)) is None
    assert tensorrt_in(environment(*libraries(10))) is None


def test_its_libraries_are_loaded_before_those_that_need_them():
    found = tensorrt_in(environment(PROVIDER, *libraries(10)))
    assert [Path(path).name for path in found.paths] == [
        "libnvinfer.so.10",
        "libnvinfer_plugin.so.10",
        "libnvonnxparser.so.10",
    ]


def test_the_newest_tensorrt_is_another_than_onnxruntime_takes():
    found = tensorrt_in(environment(PROVIDER, *libraries(11)))
    assert found.paths == ()
    assert found.lacking == snapshot(
        "its provider needs libnvinfer.so.10 and libnvonnxparser.so.10, and the environment has libnvinfer.so.11, libnvinfer_plugin.so.11, libnvonnxparser.so.11; it takes TensorRT 10"
    )


def test_a_library_that_several_packages_bring_is_loaded_once():
    found = tensorrt_in(environment(PROVIDER, *libraries(10), *libraries(11)))
    assert len(found.paths) == 3
    assert all(path.endswith(".10") for path in found.paths)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with an interpreter, a driver that is a stub, and libraries that are none of TensorRT's."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("tensorrt")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    site = next((folder / "venv" / "lib").glob("python*")) / "site-packages"
    (site / "onnxruntime").mkdir()
    shutil.copy(FAKE, site / "onnxruntime" / "__init__.py")
    (site / "more.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for name, source in (("libcuda.so.1", STUB_DRIVER.read_text()), ("libnvinfer.so.10", "int none;\n")):
        (folder / "one.c").write_text(source)
        made = [compiler, "-shared", "-fPIC", "-o", str(folder / name), str(folder / "one.c")]
        subprocess.run(made, check=True)
    return folder


def asked(place, weights, mode, *, driver=True, paths=None, device="cpu"):
    paths = (str(place / "libnvinfer.so.10"),) if paths is None else paths
    folder = str(place) if driver else ""
    verdict = run(
        place / "venv" / "bin" / "python",
        device=device,
        weights=weights,
        repeats=1,
        environment={**os.environ, "FAKE_ONNXRUNTIME": mode, "LD_LIBRARY_PATH": folder},
        tensorrt=TensorRT(paths),
    )
    return verdict.state, next(check for check in verdict.checks if check.name == "tensorrt")


def test_networks_that_ran_on_it_are_proved_with_their_nodes(place, weights):
    state, check = asked(place, weights, "gpu")
    assert (state, check.ok) == ("proved on cpu", True)
    assert check.text.startswith("TensorRT alone runs both networks; on TensorrtExecutionProvider")
    assert "2 fused parts; nothing elsewhere; 100.0% of 2 nodes" in check.text


def test_a_node_that_it_cannot_run_goes_to_cuda_and_that_is_told(place, weights):
    _, check = asked(place, weights, "tensorrt lacks a kernel")
    assert check.ok is True
    assert check.text.startswith("TensorRT runs the networks with CUDA beside it")


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("tensorrt is left", "the sessions left it"),
        ("tensorrt runs nothing", "no node of the networks ran on it"),
        ("wrong numbers", "it gives other numbers"),
        ("tensorrt dies", "SIGABRT"),
    ],
)
def test_what_is_not_proved_of_it_breaks_no_verdict(place, weights, mode, said):
    state, check = asked(place, weights, mode)
    assert (state, check.ok) == ("proved on cpu", None)
    assert "not proved: " in check.text
    assert said in check.text


def test_without_a_gpu_its_libraries_are_loaded_and_nothing_is_proved(place, weights):
    state, check = asked(place, weights, "gpu", driver=False)
    assert (state, check.ok) == ("proved on cpu", None)
    assert check.text == snapshot(
        "its libraries are here and load; not proved: there is no GPU to run them on"
    )
    _, check = asked(place, weights, "gpu", paths=("/nowhere/libnvinfer.so.10",))
    assert "/nowhere/libnvinfer.so.10: cannot open shared object file" in check.text


def test_it_is_compared_only_where_it_is(place, weights):
    wish = {"device": "gpu", "weights": weights, "repeats": 1}
    wish["environment"] = {**os.environ, "FAKE_ONNXRUNTIME": "gpu", "LD_LIBRARY_PATH": ""}
    python = place / "venv" / "bin" / "python"
    path = str(place / "libnvinfer.so.10")
    found = compare(python, **wish, tensorrt=TensorRT((path,)))
    assert [trial.name for trial in found.trials] == [*(trial.name for trial in GPU_TRIALS), "TensorRT"]
    assert found.trials[-1].failed == ""
    assert len(compare(python, **wish, tensorrt=TensorRT((), "another")).trials) == len(GPU_TRIALS)


def test_it_is_recommended_with_what_must_be_loaded_before_it():
    measured = {"first_ms": Known(9.0, "clock"), "memory_bytes": Unknown(("not asked",))}
    fast = Trial(
        name="TensorRT",
        provider=TENSORRT,
        loads=("/t/libnvinfer.so.10",),
        latency_ms=Known(5.0, ""),
        **measured,
    )
    plain = Trial(name="defaults", latency_ms=Known(9.0, ""), **measured)
    found = Comparison(device="gpu", weights="twin", trials=(plain, fast), free_bytes=Known(10**10, "NVML"))
    assert provider_list(found) == snapshot(
        [
            "TensorrtExecutionProvider",
            ("CUDAExecutionProvider", {"gpu_mem_limit": 4500000000}),
            "CPUExecutionProvider",
        ]
    )
    code = "\n".join(provider_lines(found))
    assert code == snapshot("""\
# measured here with the full-size twins: TensorRT (5.0 ms), against onnxruntime's defaults (9.0 ms)
# gpu_mem_limit: for each of the two sessions half of nine tenths of the 10.0 GB that were free
import ctypes

for path in (
    '/t/libnvinfer.so.10',
):
    ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)

import onnxruntime

options = onnxruntime.SessionOptions()
providers = ['TensorrtExecutionProvider', ('CUDAExecutionProvider', {'gpu_mem_limit': 4500000000}), 'CPUExecutionProvider']
session = onnxruntime.InferenceSession("yolox_l.onnx", sess_options=options, providers=providers)\
""")
    compile(code, "pasted", "exec")
