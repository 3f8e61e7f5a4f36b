"""NVML as nvidia-ml-py really loads it: a compiled library, a child process, every error it can give."""

import json
import sys
from pathlib import Path

import pytest

from stackfix.model.evidence import Known, Unknown
from stackfix.probe import nvml_worker
from stackfix.probe.child import Ended, run_child
from stackfix.probe.nvidia import binding_file, nvml_readings, read_nvml
from stackfix.versions import ComputeCapability, CudaVersion, DriverVersion

# The words that the codes a user meets must bring, from NVML's documentation of nvmlReturn_enum.
WORDS = {
    1: ("NVML_ERROR_UNINITIALIZED", "not started"),
    3: ("NVML_ERROR_NOT_SUPPORTED", "does not tell"),
    4: ("NVML_ERROR_NO_PERMISSION", "permissions of /dev/nvidia*"),
    9: ("NVML_ERROR_DRIVER_NOT_LOADED", "modprobe nvidia"),
    12: ("NVML_ERROR_LIBRARY_NOT_FOUND", "no driver is installed"),
    13: ("NVML_ERROR_FUNCTION_NOT_FOUND", "too old"),
    15: ("NVML_ERROR_GPU_IS_LOST", "reboot"),
    18: ("NVML_ERROR_LIB_RM_VERSION_MISMATCH", "reboot"),
    28: ("NVML_ERROR_GPU_NOT_FOUND", "no such GPU"),
    999: ("NVML_ERROR_UNKNOWN", "dmesg"),
}


def test_driver_cuda_and_every_gpu_are_read_through_the_real_binding(given, nvml_library):
    said = {"0_NAME": "NVIDIA GeForce RTX 4090", "0_MEMORY": 25757220864, "0_UUID": "GPU-a"}
    said |= {"1_NAME": "Tesla V100-SXM2-16GB", "1_MAJOR": 7, "1_MINOR": 0, "1_UUID": "GPU-b"}
    given(nvml_library, DRIVER="535.104.05", CUDA=12020, COUNT=2, **said)
    readings = read_nvml()
    assert readings.driver == Known(DriverVersion.parse("535.104.05"), "NVML")
    assert readings.cuda == Known(CudaVersion(12, 2), "NVML")
    assert isinstance(readings.gpus, Known)
    first, second = readings.gpus.value
    assert (first.name, first.index, first.uuid) == ("NVIDIA GeForce RTX 4090", 0, "GPU-a")
    assert first.compute_capability == Known(ComputeCapability(8, 9), "NVML")
    assert first.memory_bytes == Known(25757220864, "NVML")
    assert (second.name, second.index, second.uuid) == ("Tesla V100-SXM2-16GB", 1, "GPU-b")
    assert second.compute_capability == Known(ComputeCapability(7, 0), "NVML")
    assert (readings.notes, readings.failed) == ((), "")


@pytest.mark.parametrize("driver", ["390.157", "450.80.02", "580.95.05", "610.43.02", "540.4.0"])
def test_every_shape_of_driver_release_is_kept_as_it_is_written(given, nvml_library, driver):
    given(nvml_library, DRIVER=driver)
    assert str(read_nvml().driver.value) == driver


def test_a_driver_release_of_a_new_shape_is_unknown_and_shown(given, nvml_library):
    given(nvml_library, DRIVER="700.12.beta")
    readings = read_nvml()
    assert isinstance(readings.driver, Unknown)
    assert "700.12.beta" in readings.driver.tried[0]
    assert readings.cuda == Known(CudaVersion(13, 0), "NVML")


def test_no_device_is_known_to_be_none(given, nvml_library):
    given(nvml_library, COUNT=0)
    assert read_nvml().gpus == Known((), "NVML")


@pytest.mark.parametrize("code", sorted({*WORDS, 17, 19, 23, 27, 4711}))
def test_an_error_at_start_is_named_for_every_reading(given, nvml_library, code):
    given(nvml_library, INIT=code)
    readings = read_nvml()
    for reading in (readings.driver, readings.cuda, readings.gpus):
        assert isinstance(reading, Unknown)
        assert str(code) in reading.tried[0]
        for word in WORDS.get(code, ()):
            assert word in reading.tried[0]
    assert readings.failed == readings.driver.tried[0]


@pytest.mark.parametrize("code", sorted(WORDS))
def test_a_device_that_cannot_be_opened_is_left_out_and_said(given, nvml_library, code):
    given(nvml_library, COUNT=2, **{"0_HANDLE_CODE": code, "1_NAME": "NVIDIA L4"})
    readings = read_nvml()
    assert [(gpu.name, gpu.index) for gpu in readings.gpus.value] == [("NVIDIA L4", 1)]
    assert len(readings.notes) == 1
    assert "GPU 0" in readings.notes[0]
    assert WORDS[code][0] in readings.notes[0]


def test_gpus_are_unknown_and_not_none_when_none_may_be_opened(given, nvml_library):
    given(nvml_library, COUNT=2, **{"0_HANDLE_CODE": 4, "1_HANDLE_CODE": 15})
    gpus = read_nvml().gpus
    assert isinstance(gpus, Unknown)
    assert "NO_PERMISSION" in gpus.tried[0]
    assert "GPU_IS_LOST" in gpus.tried[1]


@pytest.mark.parametrize("code", sorted(WORDS))
def test_each_reading_of_a_device_fails_alone(given, nvml_library, code):
    failing = {"0_NAME_CODE": code, "1_CAPABILITY_CODE": code, "2_MEMORY_CODE": code, "3_UUID_CODE": code}
    given(nvml_library, COUNT=4, **failing)
    readings = read_nvml()
    unnamed, incapable, forgetful, anonymous = readings.gpus.value
    assert unnamed.name == ""
    assert isinstance(incapable.compute_capability, Unknown)
    assert WORDS[code][0] in incapable.compute_capability.tried[0]
    assert isinstance(forgetful.memory_bytes, Unknown)
    assert WORDS[code][0] in forgetful.memory_bytes.tried[0]
    assert anonymous.uuid == ""
    assert isinstance(unnamed.compute_capability, Known)
    assert isinstance(incapable.memory_bytes, Known)
    assert [note.split(":")[0] for note in readings.notes] == ["GPU 0, name", "GPU 3, uuid"]


@pytest.mark.parametrize("code", sorted(WORDS))
def test_driver_and_cuda_and_count_fail_alone(given, nvml_library, code):
    given(nvml_library, DRIVER_CODE=code, COUNT=1)
    assert WORDS[code][0] in read_nvml().driver.tried[0]
    given(nvml_library, CUDA_CODE=code, COUNT=1)
    readings = read_nvml()
    assert WORDS[code][0] in readings.cuda.tried[0]
    assert isinstance(readings.driver, Known)
    given(nvml_library, COUNT_CODE=code)
    assert WORDS[code][0] in read_nvml().gpus.tried[0]


def test_an_old_library_tells_its_driver_and_invents_no_cuda(given, old_nvml_library):
    given(old_nvml_library, DRIVER="384.81", COUNT=1, **{"0_NAME": "Tesla K80"})
    readings = read_nvml()
    assert readings.driver == Known(DriverVersion.parse("384.81"), "NVML")
    assert isinstance(readings.cuda, Unknown)
    assert "FUNCTION_NOT_FOUND" in readings.cuda.tried[0]
    assert readings.gpus.value[0].name == "Tesla K80"
    assert isinstance(readings.gpus.value[0].compute_capability, Unknown)


def test_an_old_library_that_fails_to_start_says_its_own_error(given, old_nvml_library):
    given(old_nvml_library, INIT=9)
    assert "DRIVER_NOT_LOADED" in read_nvml().failed


def test_a_cuda_of_zero_is_no_cuda(given, nvml_library):
    given(nvml_library, CUDA=0)
    assert isinstance(read_nvml().cuda, Unknown)


def test_a_split_gpu_has_its_parents_capability_and_a_note(given, nvml_library):
    given(nvml_library, COUNT=1, **{"0_MIG": 1, "0_MAJOR": 8, "0_MINOR": 0})
    readings = read_nvml()
    assert readings.gpus.value[0].compute_capability == Known(ComputeCapability(8, 0), "NVML")
    assert "MIG" in readings.notes[0]


def test_a_library_that_crashes_is_said_to_have_crashed(given, nvml_library):
    given(nvml_library, CRASH=1)
    assert "crashed with SIGSEGV" in read_nvml().failed


def test_a_library_that_hangs_is_stopped(given, nvml_library):
    given(nvml_library, HANG=1)
    assert "did not answer within 0.5 s" in read_nvml(seconds=0.5).failed


def test_what_the_library_prints_does_not_mix_with_the_answer(given, nvml_library, capfd):
    given(nvml_library, PRINT="WARNING: this is the stub of a toolkit", COUNT=1)
    assert isinstance(read_nvml().driver, Known)
    given(nvml_library, PRINT="WARNING: this is the stub of a toolkit", INIT=12)
    assert "it printed: WARNING: this is the stub of a toolkit" in read_nvml().failed
    assert capfd.readouterr() == ("", "")


def test_the_library_of_wsl_is_found_where_the_loader_does_not_look(given, nvml_library, tmp_path):
    folder = tmp_path / "usr/lib/wsl/lib"
    folder.mkdir(parents=True)
    (folder / "libnvidia-ml.so.1").symlink_to(nvml_library / "libnvidia-ml.so.1")
    given(DRIVER="566.36")
    assert read_nvml().failed
    assert read_nvml(tmp_path).driver == Known(DriverVersion.parse("566.36"), "NVML")


def test_a_library_of_another_machine_is_said(given, tmp_path):
    (tmp_path / "libnvidia-ml.so.1").write_bytes(b"not a library")
    given(tmp_path)
    assert "LIBRARY_NOT_FOUND" in read_nvml().failed
    assert "libnvidia-ml.so.1: " in read_nvml().failed


def test_the_deprecated_package_does_not_shadow_the_binding(tmp_path):
    (tmp_path / "pynvml").mkdir()
    (tmp_path / "pynvml/__init__.py").write_text("raise SystemExit('the old package')")
    assert binding_file([str(tmp_path)]) == ""
    (tmp_path / "pynvml.py").write_text("")
    assert binding_file(["/nowhere", str(tmp_path)]) == str(tmp_path / "pynvml.py")
    assert Path(binding_file(sys.path)).is_file()


OLD_BINDING = """
class NVMLError(Exception):
    def __init__(self, value): self.value = value
NVML_INIT_FLAG_NO_GPUS = 1
def nvmlInitWithFlags(flags): pass
def nvmlSystemGetDriverVersion(): return b"470.82.01"
def nvmlDeviceGetCount(): return 1
def nvmlDeviceGetHandleByIndex(index): return index
def nvmlDeviceGetName(handle): return b"Quadro \\xff"
def nvmlDeviceGetUUID(handle): return b"GPU-1"
def nvmlDeviceGetCudaComputeCapability(handle): return (7, 5)
def nvmlDeviceGetMemoryInfo(handle): raise UnicodeDecodeError("utf-8", b"", 0, 1, "no")
"""


def test_bytes_and_missing_calls_of_an_old_binding_are_read(tmp_path):
    binding = tmp_path / "pynvml.py"
    binding.write_text(OLD_BINDING)
    answer = run_child([sys.executable, "-I", "-S", nvml_worker.__file__, str(binding)], seconds=10)
    assert isinstance(answer, Ended)
    readings = nvml_readings(json.loads(answer.out))
    assert readings.driver == Known(DriverVersion.parse("470.82.01"), "NVML")
    assert isinstance(readings.cuda, Unknown)
    assert "nvmlSystemGetCudaDriverVersion_v2" in readings.cuda.tried[0]
    gpu = readings.gpus.value[0]
    assert (gpu.name, gpu.uuid) == ("Quadro \N{REPLACEMENT CHARACTER}", "GPU-1")
    assert gpu.compute_capability == Known(ComputeCapability(7, 5), "NVML")
    assert isinstance(gpu.memory_bytes, Unknown)


def test_a_binding_that_does_not_load_is_said(tmp_path):
    (tmp_path / "pynvml.py").write_text("raise ValueError('broken install')")
    command = [sys.executable, "-I", "-S", nvml_worker.__file__, str(tmp_path / "pynvml.py")]
    answer = run_child(command, seconds=10)
    assert isinstance(answer, Ended)
    assert "broken install" in nvml_readings(json.loads(answer.out)).failed
