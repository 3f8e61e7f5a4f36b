"""The import hook: what is loaded in which order, that it costs next to nothing, and that it breaks nothing."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec import structs

from conftest import PYTHON
from stackfix.install.hook import add_hook, load_order, remove_hook
from stackfix.model.environment import Distribution, Environment, SharedLibrary
from stackfix.probe.environment import read_environment
from stackfix.versions import PythonVersion

PROVIDER = "onnxruntime/capi/libonnxruntime_providers_cuda.so"


def library(path: str, *needed: str, soname: str = "") -> SharedLibrary:
    return SharedLibrary(path=path, soname=soname or path.rpartition("/")[2], needed=needed)


def environment(*libraries: SharedLibrary, path: str = "/nowhere") -> Environment:
    return Environment(
        path=path,
        executable=f"{path}/bin/python",
        python=PythonVersion(3, 12),
        site_packages=(path,),
        distributions=(Distribution(name="all", version="1", folder="all.dist-info", libraries=libraries),),
    )


def order(*libraries: SharedLibrary) -> tuple[str, ...]:
    return load_order(environment(*libraries))


def test_each_library_comes_after_those_that_it_needs():
    found = order(
        library(PROVIDER, "libcublas.so.13", "libcurand.so.10", "libcuda.so.1", "libc.so.6"),
        library("nvidia/cu13/lib/libcublas.so.13", "libcublasLt.so.13"),
        library("nvidia/cu13/lib/libcublasLt.so.13"),
        library("nvidia/cu13/lib/libcurand.so.10", "libcudart.so.13"),
        library("nvidia/cu13/lib/libcudart.so.13"),
    )
    names = [path.rpartition("/")[2] for path in found]
    assert sorted(names) == ["libcublas.so.13", "libcublasLt.so.13", "libcudart.so.13", "libcurand.so.10"]
    assert names.index("libcublasLt.so.13") < names.index("libcublas.so.13")
    assert names.index("libcudart.so.13") < names.index("libcurand.so.10")


def test_libraries_of_the_python_behind_a_venv_are_loaded_from_where_they_lie(tmp_path):
    behind = "/usr/lib/python3/dist-packages/nvidia"
    there = environment(
        library(PROVIDER, "libcublas.so.12", "libcudart.so.12"), library("nvidia/cublas/lib/libcublas.so.12")
    )
    beside = (
        library(f"{behind}/cublas/lib/libcublas.so.12"),
        library(f"{behind}/cuda_runtime/lib/libcudart.so.12"),
        library("libcudart.so.12"),  # of a conda prefix, whose Python finds it
    )
    there = structs.replace(there, beside=beside)
    runtime = f"{behind}/cuda_runtime/lib/libcudart.so.12"
    assert load_order(there) == ("nvidia/cublas/lib/libcublas.so.12", runtime)
    add_hook(tmp_path, there)
    module = (tmp_path / "_stackfix_libraries.py").read_text()
    assert f"'{runtime}'" in module


def test_libraries_that_are_opened_by_name_come_too():
    found = order(
        library(PROVIDER, "libcudart.so.13"),
        library("nvidia/cu13/lib/libcudart.so.13"),
        library("nvidia/cudnn/lib/libcudnn.so.9"),
        library("nvidia/cudnn/lib/libcudnn_ops.so.9", "libcudnn_graph.so.9"),
        library("nvidia/cu13/lib/libcufft.so.12"),
        library("nvidia/cu13/lib/libcufftw.so.12", "libcufft.so.12"),
        library("nvidia/cu13/lib/libnvrtc.so.13"),
        library("nvidia/cu13/lib/libcusparse.so.12"),
    )
    assert {path.rpartition("/")[2] for path in found} == {
        "libcudart.so.13",
        "libcudnn.so.9",
        "libcufft.so.12",
        "libnvrtc.so.13",
    }


def test_of_two_cudas_the_one_that_is_needed_is_loaded():
    both = (
        library("nvidia/cuda_runtime/lib/libcudart.so.12"),
        library("nvidia/cu13/lib/libcudart.so.13"),
        library("nvidia/cufft/lib/libcufft.so.11"),
        library("nvidia/cu13/lib/libcufft.so.12"),
    )
    assert {path.rpartition("/")[2] for path in order(library(PROVIDER, "libcudart.so.12"), *both)} == {
        "libcudart.so.12",
        "libcufft.so.11",
    }
    assert {path.rpartition("/")[2] for path in order(library(PROVIDER, "libcudart.so.13"), *both)} == {
        "libcudart.so.13",
        "libcufft.so.12",
    }


def test_a_provider_that_names_nothing_gets_what_there_is():
    assert order(library(PROVIDER), library("nvidia/cublas/lib/libcublas.so.11")) == (
        "nvidia/cublas/lib/libcublas.so.11",
    )


def test_libraries_that_need_each_other_in_a_circle_end():
    found = order(
        library(PROVIDER, "libcublas.so.1"),
        library("nvidia/x/libcublas.so.1", "libcudart.so.1"),
        library("nvidia/x/libcudart.so.1", "libcublas.so.1"),
    )
    assert len(found) == 2


def test_without_a_provider_or_without_nvidia_there_is_no_hook(tmp_path):
    assert order(library("nvidia/x/libcublas.so.1")) == ()
    assert order(library(PROVIDER, "libcublas.so.1")) == ()
    assert add_hook(tmp_path, environment()) == ()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def hooked(tmp_path_factory) -> Path:
    """An environment with a small onnxruntime, one library that loads, and one that is broken."""
    folder = tmp_path_factory.mktemp("hook") / "venv"
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", folder], check=True)
    packages = next((folder / "lib").glob("python*/site-packages"))
    (packages / "onnxruntime" / "capi").mkdir(parents=True)
    (packages / "onnxruntime" / "__init__.py").write_text("from onnxruntime.capi import there\n")
    (packages / "onnxruntime" / "capi" / "__init__.py").write_text("there = True\n")
    libraries = packages / "nvidia" / "cu13" / "lib"
    libraries.mkdir(parents=True)
    (libraries / "libcublas.so.13").write_bytes(b"not a library")
    loads = next(Path(sys.base_prefix).rglob("_struct.*.so"), None)
    if loads is not None:
        shutil.copy(loads, libraries / "libcudart.so.13")
        (folder / "driver").mkdir()
        shutil.copy(loads, folder / "driver" / "libcuda.so.1")
    names = ("libcudart.so.13", "libcublas.so.13", "libnvrtc.so.13")
    described = [library(f"nvidia/cu13/lib/{name}") for name in names]
    assert len(add_hook(packages, environment(library(PROVIDER, *names), *described))) == 2
    return folder


def run(
    folder: Path, code: str, *options: str, hook: str = "verbose", driver: bool = True
) -> subprocess.CompletedProcess[str]:
    variables = {"STACKFIX_HOOK": hook, "PATH": "/usr/bin:/bin"}
    if driver:
        variables["LD_LIBRARY_PATH"] = str(folder / "driver")
    command = [str(folder / "bin" / "python"), *options, "-c", code]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


IMPORT = "import onnxruntime; assert onnxruntime.there"


@pytest.mark.parametrize("options", [(), ("-I",), ("-E", "-s"), ("-W", "error")])
def test_the_libraries_are_loaded_and_a_broken_one_breaks_no_import(hooked, options):
    done = run(hooked, IMPORT, *options)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert lines[0].startswith("stackfix: loaded ")
    assert lines[0].endswith("nvidia/cu13/lib/libcudart.so.13")
    assert all(line.startswith("stackfix: not loaded: ") for line in lines[1:])
    assert len(lines) == 3


def test_without_a_driver_nothing_is_loaded(hooked):
    done = run(hooked, IMPORT, driver=False)
    assert done.returncode == 0
    assert done.stderr.startswith("stackfix: nothing is loaded, there is no NVIDIA driver: libcuda.so.1")
    assert len(done.stderr.splitlines()) == 1


def test_it_is_silent_unless_asked_and_can_be_switched_off(hooked):
    assert run(hooked, IMPORT, hook="").stderr == ""
    code = f"{IMPORT}\nimport sys; print('ctypes' in sys.modules)"
    assert run(hooked, code, hook="").stdout == "True\n"
    assert run(hooked, code, hook="off").stdout == "False\n"


def test_looking_whether_onnxruntime_is_there_loads_nothing(hooked):
    assert run(hooked, "import importlib.util as u; assert u.find_spec('onnxruntime')").stderr == ""


def test_threads_processes_and_reloading_load_once(hooked):
    code = f"{IMPORT}\nimport importlib, site, sys; importlib.reload(onnxruntime); site.main(); importlib.invalidate_caches()"
    code += (
        "\nassert [f.__name__ for f in sys.meta_path if isinstance(f, type)].count('StackfixLibraries') == 1"
    )
    done = run(hooked, code)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 3
    child = f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {IMPORT!r}]))"
    assert len(run(hooked, child).stderr.splitlines()) == 3


def test_the_order_of_other_finders_is_kept(hooked):
    code = "import sys; print([getattr(f, '__name__', '') for f in sys.meta_path])"
    with_hook = run(hooked, code).stdout
    assert with_hook.startswith("['StackfixLibraries', ")
    assert with_hook.replace("'StackfixLibraries', ", "") == run(hooked, code, "-S").stdout


def test_metadata_of_packages_is_still_found(hooked):
    done = run(hooked, "import importlib.metadata as m; print(len(list(m.distributions())))")
    assert done.stdout == "0\n", done.stderr


def test_a_start_of_python_costs_less_than_a_millisecond_more(hooked):
    packages = next((hooked / "lib").glob("python*/site-packages"))
    path_file, away = packages / "stackfix_libraries.pth", packages / "stackfix_libraries.away"
    line = path_file.read_text().removeprefix("import sys; ")
    measured = []
    for _ in range(5):
        code = f"import sys, time; t = time.perf_counter(); {line.strip()}; print(time.perf_counter() - t)"
        path_file.rename(away)
        try:
            measured.append(float(run(hooked, code).stdout))
        finally:
            away.rename(path_file)
        time.sleep(0)
    assert statistics.median(measured) < 0.001


def test_the_hook_runs_on_other_pythons(hooked):
    others = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python"))
    packages = next((hooked / "lib").glob("python*/site-packages"))
    for python in others:
        version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout
        if version.startswith(("Python 3.6", "Python 3.7")):
            continue
        code = f"import site; site.addsitedir({str(packages)!r}); import onnxruntime"
        done = subprocess.run(
            [python, "-I", "-c", code],
            env={"STACKFIX_HOOK": "verbose", "LD_LIBRARY_PATH": str(hooked / "driver")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "loaded" in done.stderr, version


def test_it_can_be_taken_out_again(hooked, tmp_path):
    copy = tmp_path / "packages"
    shutil.copytree(next((hooked / "lib").glob("python*/site-packages")), copy)
    assert remove_hook(copy)
    assert not remove_hook(copy)
    assert [path.name for path in copy.rglob("*stackfix*")] == []


def test_the_hook_is_seen_from_outside(hooked):
    assert read_environment(hooked).hook
