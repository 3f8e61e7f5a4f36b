"""What people read of a machine, whole."""

from inline_snapshot import snapshot
from machine_samples import a_machine

from stackfix.model.evidence import Known, Unknown
from stackfix.model.machine import Gpu, Interpreter
from stackfix.render.machine_text import machine_lines
from stackfix.versions import PythonVersion


def test_a_machine_on_which_all_was_read():
    assert machine_lines(a_machine()) == snapshot(
        [
            "driver    580.95.05  (NVML)",
            "CUDA      13.0 offered by the driver  (NVML)",
            "GPU 0     NVIDIA L4, compute capability 8.9, 24.0 GiB  (NVML)",
            "Python    3.12.4  /usr/bin/python3.12  (PATH)",
            "platform  linux_x86_64",
            "glibc     2.35  (os.confstr)",
            "free disk 100.0 GiB  (the file system of /home)",
            "note      a note",
        ]
    )


def test_a_machine_on_which_nothing_was_read():
    unknown = Unknown(("NVML: it is not here", "nvidia-smi: not on PATH"))
    machine = a_machine(
        driver=unknown,
        cuda=unknown,
        gpus=unknown,
        glibc=Unknown(()),
        free_disk_bytes=unknown,
        pythons=(),
        notes=(),
        container=True,
    )
    assert machine_lines(machine) == snapshot(
        [
            "driver    unknown; tried:",
            "          - NVML: it is not here",
            "          - nvidia-smi: not on PATH",
            "CUDA      unknown; tried:",
            "          - NVML: it is not here",
            "          - nvidia-smi: not on PATH",
            "GPU       unknown; tried:",
            "          - NVML: it is not here",
            "          - nvidia-smi: not on PATH",
            "Python    unknown",
            "platform  linux_x86_64, in a container",
            "glibc     unknown",
            "free disk unknown; tried:",
            "          - NVML: it is not here",
            "          - nvidia-smi: not on PATH",
        ]
    )


def test_a_machine_with_gaps_and_several_of_everything():
    gap = Gpu(
        name="",
        compute_capability=Unknown(("NVML, compute capability: too old",)),
        memory_bytes=Unknown(("NVML, memory: not told",)),
        index=1,
    )
    free = Interpreter(version=PythonVersion(3, 14), free_threaded=True)
    machine = a_machine(
        gpus=Known((*a_machine().gpus.value, gap), "NVML"),
        pythons=(free, *a_machine().pythons),
        notes=("first", "second"),
        wsl=True,
        tegra=True,
    )
    assert machine_lines(machine) == snapshot(
        [
            "driver    580.95.05  (NVML)",
            "CUDA      13.0 offered by the driver  (NVML)",
            "GPU 0     NVIDIA L4, compute capability 8.9, 24.0 GiB  (NVML)",
            "GPU 1     name unknown, compute capability unknown, memory unknown  (NVML)",
            "          - NVML, compute capability: too old",
            "          - NVML, memory: not told",
            "Python    3.14 free-threaded",
            "          3.12.4  /usr/bin/python3.12  (PATH)",
            "platform  linux_x86_64, WSL: the driver's number is that of Windows, Tegra",
            "glibc     2.35  (os.confstr)",
            "free disk 100.0 GiB  (the file system of /home)",
            "note      first",
            "          second",
        ]
    )


def test_no_gpu_is_said_and_text_from_outside_cannot_move_the_cursor():
    machine = a_machine(gpus=Known((), "NVML"), pythons=(), notes=("\x1b[2J\nhidden",))
    lines = machine_lines(machine)
    assert "GPU       none  (NVML)" in lines
    assert lines[-1] == "note      \N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}hidden"
