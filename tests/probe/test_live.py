"""The live probe in real children: versions, errors, crashes and hangs of packages that a test writes."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "judging"))

from patients import PROVIDER, Site, binaries, machine

from stackfix.judging.live import joined, live_view
from stackfix.model.evidence import Known
from stackfix.model.live import LiveRun, LiveStep
from stackfix.probe import live
from stackfix.probe.child import Ended
from stackfix.probe.environment import read_environment
from stackfix.probe.live import live_run, look_live

TORCH = """
__version__ = '2.8.0'
class version: cuda = '12.8'
class cuda:
    is_available = staticmethod(lambda: True)
    get_device_name = staticmethod(lambda index: 'NVIDIA Stub')
"""
RUNTIME = "__version__ = '1.22.0'\nget_available_providers = lambda: ['CUDAExecutionProvider']\n"
WITHOUT_GPU = TORCH.replace("lambda: True", "lambda: False") + (
    "    def current_device():\n        raise RuntimeError('Found no NVIDIA driver on your system')\n"
)


@pytest.fixture
def seen(tmp_path):
    """Return what the probe says of an environment with these two modules, and the environment."""

    def look(torch=TORCH, runtime=RUNTIME, needed=(), seconds=60.0):
        site = Site(tmp_path / "env", platform.python_version())
        provider = binaries.elf(soname="libonnxruntime_providers_cuda.so", needed=needed)
        site.install("torch", "2.8.0", {"torch/__init__.py": torch})
        site.install("onnxruntime-gpu", "1.22.0", {"onnxruntime/__init__.py": runtime, PROVIDER: provider})
        environment = read_environment(site.root)
        return look_live(environment, seconds=seconds), environment

    return look


def view(runs, environment, **readings):
    return live_view(runs, environment, replace(machine(gpus=("none",)), **readings))


def test_both_orders_are_tried_and_what_works_is_told(seen):
    runs, environment = seen()
    assert [run.order for run in runs] == [("torch", "onnxruntime"), ("onnxruntime", "torch")]
    told = view(runs, environment)
    assert told.findings == ()
    assert "`import torch` works: 2.8.0" in told.good
    assert "torch.cuda.is_available() is True: NVIDIA Stub" in told.good
    assert "onnxruntime offers CUDAExecutionProvider" in told.good


def test_the_environment_is_left_as_it_was(seen, tmp_path):
    seen()
    assert not list((tmp_path / "env").rglob("__pycache__"))


def test_a_crash_is_a_finding_with_the_signal_and_the_step(seen):
    runs, environment = seen(runtime="import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    (first, second) = view(runs, environment).findings
    assert first.code == second.code == "import_crashes"
    assert first.text.startswith("import onnxruntime crashed with SIGSEGV")
    assert "before it: import torch: 2.8.0 [seen: live]" in first.because


def test_a_hang_is_ended_and_told(seen):
    runs, environment = seen(torch="import time\ntime.sleep(600)\n", seconds=2.0)
    found = view(runs, environment).findings[0]
    assert (found.code, found.about) == ("import_hangs", ("torch",))
    assert "did not answer within 2 s" in found.text


@pytest.mark.parametrize(
    ("breaks", "told"),
    [("did not answer within 60 s, in cuInit of /d/libcuda.so.1", False), ("crashed with SIGABRT", True)],
)
def test_a_hang_as_of_the_driver_alone_is_no_matter_of_the_environment(seen, breaks, told):
    runs, environment = seen(torch="import time\ntime.sleep(600)\n", seconds=2.0)
    found = live_view(runs, environment, replace(machine(), driver_breaks=breaks))
    assert ("import_hangs" in [one.code for one in found.findings]) is told
    assert any("as what asks the driver alone does" in line for line in found.unknown) is not told


def test_where_the_driver_breaks_off_an_import_has_less_time(seen, monkeypatch):
    monkeypatch.setattr(live, "_SECONDS_WITHOUT_DRIVER", 1.0)
    _, environment = seen(torch="import time\ntime.sleep(600)\n", seconds=2.0)
    assert "within 1 s" in look_live(environment, driver_breaks="did not answer")[0].broken


@pytest.mark.parametrize(
    "code", ["import sys\nsys.exit(3)", "raise KeyboardInterrupt", "import os\nos._exit(0)", "x ="]
)
def test_a_module_that_ends_or_raises_anything_is_a_finding(seen, code):
    runs, environment = seen(torch=code)
    found = view(runs, environment).findings
    assert found
    assert {one.code for one in found} <= {"import_fails", "import_crashes"}


def test_what_only_torch_loads_is_a_matter_of_order(seen, curand_library):
    loads = (
        f"import ctypes\nctypes.CDLL({str(curand_library / 'libcurand.so.10')!r}, mode=ctypes.RTLD_GLOBAL)\n"
    )
    runs, environment = seen(torch=loads + TORCH, needed=("libcurand.so.10", "libc.so.6"))
    (found,) = view(runs, environment).findings
    assert (found.code, found.severity) == ("import_order_preload", "warning")
    assert "libcurand.so.10" in found.because[0]


def test_what_nobody_loads_names_each_missing_library(seen):
    runs, environment = seen(needed=("libcurand.so.10", "libcufft.so.11", "libcuda.so.1"))
    found = view(runs, environment).findings[0]
    assert (found.code, found.severity) == ("cuda_runtime_missing", "error")
    assert "libcurand.so.10: cannot open shared object file" in found.because[0]
    assert "likewise libcufft.so.11" in found.because[0]
    assert "libcuda.so.1" not in found.because[0]


def test_no_gpu_is_a_finding_only_where_this_machine_is_known_to_have_one(seen):
    runs, environment = seen(torch=WITHOUT_GPU)
    told = view(runs, environment)
    assert told.findings == ()
    assert any(line.startswith("torch finds no GPU here") for line in told.unknown)
    gpus = machine().gpus.value
    (found,) = view(runs, environment, gpus=Known(gpus, "NVML")).findings
    assert (found.code, found.about) == ("driver_missing", ("torch",))
    assert view(runs, environment, gpus=Known(gpus, "--gpu")).findings == ()


def test_an_interpreter_that_does_not_start_is_a_finding(tmp_path):
    site = Site(tmp_path / "env").install("torch", "2.8.0")
    (site.root / "bin" / "python").unlink()
    environment = read_environment(site.root)
    (run,) = look_live(environment)
    assert "could not be started" in run.broken
    assert view([run], environment).findings


def test_an_environment_without_either_package_is_not_run(tmp_path):
    assert look_live(read_environment(Site(tmp_path / "env").root)) == ()


@pytest.mark.parametrize(
    ("text", "printed", "code"),
    [
        (
            "ImportError: ",
            "A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2",
            "numpy2_abi",
        ),
        ("ImportError: libcudnn.so.9: cannot open shared object file: No such file", "", "cudnn_missing"),
        ("ImportError: libcuda.so.1: cannot open shared object file: No such file", "", "driver_missing"),
        ("ImportError: /lib/libc.so.6: version `GLIBC_2.38' not found", "", "missing_wheel"),
        ("ModuleNotFoundError: No module named 'sympy'", "", "requirement_unmet"),
        ("RuntimeError: something new", "", "import_fails"),
    ],
)
def test_an_error_of_an_import_has_the_code_of_its_words(tmp_path, text, printed, code):
    environment = read_environment(Site(tmp_path / "env").install("torch", "2.8.0").root)
    run = LiveRun(order=("torch",), steps=(LiveStep("import torch", False, text),), printed=printed)  # noqa: FBT003 - a value
    (found,) = view([run], environment).findings
    assert found.code == code


@pytest.mark.parametrize(
    "said", ["", "\xff\0", "[1]\n3\nnull\n", '{"step": 1}\n', "[" * 5000, '{"begin": "x"}\n{']
)
def test_whatever_a_child_writes_is_a_run(said):
    assert live_run(("torch",), said, Ended(code=0, out="", err="")).order == ("torch",)


def test_a_finding_that_the_files_show_too_rests_on_both(seen):
    runs, environment = seen(needed=("libcurand.so.10",))
    (one,) = view(runs, environment).findings[:1]
    before = replace(one, because=("read from the file",))
    (both,) = joined([before], [one])
    assert both.because == ("read from the file", *one.because)


def test_python_variables_of_the_user_are_left_out_and_said(seen, monkeypatch, tmp_path):
    (tmp_path / "torch.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delenv("PYTHONHOME", raising=False)
    told = view(*seen())
    assert told.findings == ()
    said = f"PYTHONPATH is set, and was left out: {tmp_path}; programs that keep it may import other packages"
    assert [each for each in told.unknown if "PYTHON" in each] == [said]
