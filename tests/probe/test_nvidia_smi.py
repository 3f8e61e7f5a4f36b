"""nvidia-smi's query, as pasted from machines, and a program of that name that is really run."""

import pytest

from stackfix.model.evidence import Known, Unknown
from stackfix.probe.nvidia_smi import parse_csv, read_nvidia_smi
from stackfix.versions import ComputeCapability, DriverVersion

FAILED = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
    "Make sure that the latest NVIDIA driver is installed and running."
)
MISMATCH = "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.95"
LOST = "Unable to determine the device handle for GPU0000:41:00.0: Unknown Error"


def program(folder, script):
    file = folder / "nvidia-smi"
    file.write_text("#!/bin/sh\n" + script)
    file.chmod(0o755)


def test_several_gpus_are_read_in_order():
    readings = parse_csv(
        "550.54.14, NVIDIA A100-SXM4-40GB, 8.0, 40960 MiB\n550.54.14, NVIDIA GeForce GTX 1080 Ti, 6.1, 11264 MiB\n"
    )
    assert readings.driver == Known(DriverVersion.parse("550.54.14"), "nvidia-smi")
    assert isinstance(readings.cuda, Unknown)
    first, second = readings.gpus.value
    assert (first.name, first.index) == ("NVIDIA A100-SXM4-40GB", 0)
    assert first.memory_bytes == Known(40960 * 1024**2, "nvidia-smi")
    assert (second.name, second.index) == ("NVIDIA GeForce GTX 1080 Ti", 1)
    assert second.compute_capability == Known(ComputeCapability(6, 1), "nvidia-smi")


@pytest.mark.parametrize(
    "word", ["[N/A]", "[Not Supported]", "[Unknown Error]", "[GPU is lost]", "[Insufficient Permissions]"]
)
def test_a_cell_that_tells_nothing_is_unknown_and_shown(word):
    gpu = parse_csv(f"580.95.05, {word}, {word}, {word}\n").gpus.value[0]
    assert gpu.name == ""
    assert gpu.compute_capability == Unknown((f"nvidia-smi, compute_cap: `{word}`",))
    assert gpu.memory_bytes == Unknown((f"nvidia-smi, memory.total: `{word}`",))


def test_a_name_with_a_comma_keeps_it():
    assert parse_csv("580.95.05, NVIDIA X, rev. 2, 9.0, 1024 MiB").gpus.value[0].name == "NVIDIA X, rev. 2"


@pytest.mark.parametrize(
    ("cell", "size"),
    [
        ("24564 MiB", 24564 * 1024**2),
        ("1 GiB", 1024**3),
        ("24564,0 MiB", 24564 * 1024**2),
        ("many MiB", None),
    ],
)
def test_memory_is_read_with_its_unit(cell, size):
    memory = parse_csv(f"580.95.05, NVIDIA L4, 8.9, {cell}").gpus.value[0].memory_bytes
    assert memory == Known(size, "nvidia-smi") if size else isinstance(memory, Unknown)


def test_a_lost_gpu_among_others_becomes_a_note():
    readings = parse_csv(f"{LOST}\n580.95.05, NVIDIA L4, 8.9, 23034 MiB\n")
    assert [gpu.name for gpu in readings.gpus.value] == ["NVIDIA L4"]
    assert readings.notes == (f"nvidia-smi said `{LOST}`",)


@pytest.mark.parametrize("text", [FAILED, MISMATCH, LOST, "", "\n\n", "a, b, c, d", "драйвер, не, найден, 0"])
def test_text_that_is_no_answer_leaves_everything_unknown(text):
    readings = parse_csv(text)
    assert isinstance(readings.driver, Unknown)
    assert isinstance(readings.gpus, Unknown)


@pytest.mark.parametrize(("text", "code"), [(FAILED, 9), (MISMATCH, 18), ("No devices were found", 6)])
def test_a_failing_program_is_quoted_with_its_code(no_programs, text, code):
    program(no_programs, f'echo "{text}"\nexit {code}\n')
    said = read_nvidia_smi().failed
    assert said == f"nvidia-smi ended with {code} and said `{text.splitlines()[0]}`"


def test_the_program_is_asked_by_query_without_header(no_programs):
    program(
        no_programs,
        '[ "$*" = "--query-gpu=driver_version,name,compute_cap,memory.total --format=csv,noheader" ] || exit 2\n'
        '[ "$LC_ALL" = C ] || exit 3\necho "566.36, NVIDIA GeForce RTX 4070, 8.9, 12282 MiB"\n',
    )
    assert read_nvidia_smi().driver == Known(DriverVersion.parse("566.36"), "nvidia-smi")


def test_a_program_too_old_for_the_capability_is_asked_without_it(no_programs):
    program(
        no_programs,
        'case "$*" in *compute_cap*) echo "Field \\"compute_cap\\" is not a valid field to query."; exit 2;; esac\n'
        'echo "450.80.02, Tesla T4, 15109 MiB"\n',
    )
    readings = read_nvidia_smi()
    assert readings.driver == Known(DriverVersion.parse("450.80.02"), "nvidia-smi")
    gpu = readings.gpus.value[0]
    assert gpu.name == "Tesla T4"
    assert isinstance(gpu.compute_capability, Unknown)
    assert gpu.memory_bytes == Known(15109 * 1024**2, "nvidia-smi")


def test_a_missing_or_broken_program_is_said(no_programs):
    assert read_nvidia_smi(no_programs).failed == "nvidia-smi: not on PATH"
    (no_programs / "nvidia-smi").write_bytes(b"\x7fELF not for this machine")
    (no_programs / "nvidia-smi").chmod(0o755)
    assert "nvidia-smi: could not be started" in read_nvidia_smi().failed


def test_the_program_of_wsl_is_found_beside_its_libraries(no_programs, tmp_path):
    folder = tmp_path / "usr/lib/wsl/lib"
    folder.mkdir(parents=True)
    program(folder, 'echo "566.36, NVIDIA GeForce RTX 4070, 8.9, 12282 MiB"\n')
    assert str(read_nvidia_smi(tmp_path).driver.value) == "566.36"
