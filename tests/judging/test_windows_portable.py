"""A portable Python for Windows, judged from any system: DLLs, the system's own, commands for its interpreter."""

from __future__ import annotations

import binaries
import pytest
from msgspec.structs import replace
from patients import Site, codes, finding, look, machine, row

from stackfix import app
from stackfix.asking import MachineQuestion
from stackfix.errors import TargetError
from stackfix.install.progress import Silent
from stackfix.model.surroundings import Surroundings
from stackfix.repairing import FixWish

DLL = "onnxruntime/capi/onnxruntime_providers_cuda.dll"


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "ComfyUI" / "python_embeded", kind="portable")


def runtime(site, needed):
    files = {"onnxruntime/__init__.py": "", DLL: binaries.pe("onnxruntime_providers_cuda.dll", needed)}
    return site.install("onnxruntime-gpu", "1.22.0", files, tag="cp312-cp312-win_amd64")


def on_windows():
    return machine(platform="win_amd64", driver="580.88", glibc="")


def test_a_missing_dll_is_told_with_the_package_that_brings_it(site):
    needs = sorted(name for name in row("onnxruntime-gpu", "1.22.0", "win_amd64").needs["cuda"])
    found = finding(look(runtime(site, needs), on=on_windows()), "cuda_runtime_missing")
    assert "cublas64_12.dll" in found.because[0]
    assert "nvidia-cublas-cu12==" in found.fix
    assert str(site.root / "python.exe") in found.fix


def test_dlls_of_nvidias_packages_serve_whatever_the_case_of_their_names(site):
    runtime(site, ("CUBLAS64_12.dll", "KERNEL32.dll", "MSVCP140.dll"))
    site.install(
        "nvidia-cublas-cu12",
        "12.8.4.1",
        {"nvidia/cublas/bin/cublas64_12.dll": binaries.pe("cublas64_12.dll")},
    )
    assert codes(look(site, on=on_windows())) == []


def test_a_dll_of_no_known_name_may_be_a_part_of_windows(site):
    assert codes(look(runtime(site, ("api-ms-win-something.dll", "python312.dll")), on=on_windows())) == []


def test_a_package_for_linux_in_it_is_foreign(site):
    site.install("thing", "1.0", tag="cp312-cp312-manylinux_2_28_x86_64")
    assert "on win_amd64" in finding(look(site, on=on_windows()), "missing_wheel").because[1]


def test_judged_from_linux_nothing_is_said_of_this_machines_driver_and_libraries(site):
    runtime(site, ("cublas64_12.dll",))
    around = Surroundings(system_libraries=frozenset({"cublas64_12.dll"}))
    here = machine(driver="470.82.01", gpus=("GTX 1080",))
    read = [replace(reading, found_via="NVML") for reading in (here.driver, here.gpus)]
    report = look(site, on=replace(here, driver=read[0], gpus=read[1]), surroundings=around)
    assert codes(report) == ["cuda_runtime_missing"]
    assert any("this machine is linux_x86_64, so what asks for a driver" in line for line in report.unknown)


def test_judged_from_linux_a_machine_that_is_described_counts(site):
    runtime(site, ("cublas64_12.dll",))
    report = look(site, on=machine(driver="470.82.01", gpus=("GTX 1080",)))
    assert "driver_too_old" in codes(report)
    assert not any("this machine islinux_x86_64" in line for line in report.unknown)


def test_a_torch_of_which_no_build_has_cuda_is_to_come_from_another_index(site):
    files = {
        "torch/__init__.py": "",
        "torch/version.py": "__version__ = '2.8.0+cpu'\ncuda: Optional[str] = None\n",
    }
    runtime(site, ()).install("torch", "2.8.0", files, tag="cp312-cp312-win_amd64")
    found = finding(look(site, on=on_windows()), "torch_cpu_build")
    assert found.fix.startswith("install torch from another index: `stackfix facts sources`")


def test_its_repair_is_planned_and_given_as_commands_for_its_own_shell(tmp_path):
    site = Site(tmp_path / "ComfyUI windows" / "python_embeded", kind="portable")
    runtime(site, ()).install("pip", "26.3")
    build = "package_name = 'onnxruntime-directml'\n__version__ = '1.22.0'\n"
    files = {"onnxruntime/__init__.py": "", "onnxruntime/capi/build_and_package_info.py": build}
    site.install("onnxruntime-directml", "1.22.0", files, tag="cp312-cp312-win_amd64")
    (site.packages / "~nnxruntime").mkdir()
    report = look(site, on=on_windows())
    assert report.findings[0].code == "both_ort_packages"
    assert report.mend == f'stackfix fix --venv "{site.root}" --dry-run'
    described = MachineQuestion(driver="580.88", gpus=("RTX 4090",), platform="win_amd64")
    planned = app.fix(site.root, FixWish(machine=described, dry_run=True), Silent())
    python = f'"{site.root}/python.exe"'
    first, second, third = planned.commands
    assert first == f"{python} -m pip uninstall -y onnxruntime-directml onnxruntime-gpu"
    assert second == f'rmdir /s /q "{site.packages}/~nnxruntime"'
    assert third.startswith(f"{python} -m pip install --no-deps ")
    assert "onnxruntime-gpu==1.22.0" in third.split()
    with pytest.raises(TargetError, match="portable environment") as refused:
        app.fix(site.root, FixWish(machine=described), Silent())
    assert "--dry-run" in refused.value.hint


def test_a_bounded_requirement_is_quoted_as_windows_takes_it(site):
    site.install("pip", "26.3").install("thing", "1.0", requires=("mpmath<1.4,>=1.1.0",))
    assert finding(look(site, on=on_windows()), "requirement_unmet").fix.endswith(
        'install "mpmath<1.4,>=1.1.0"'
    )
