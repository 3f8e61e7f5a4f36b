"""The machine's own troubles as findings, where an environment has packages that want its GPU."""

from __future__ import annotations

from collections.abc import Iterator

from stackfix.judging.on_cpu import SLOWER
from stackfix.model.environment import Environment
from stackfix.model.evidence import Known
from stackfix.model.machine import Machine
from stackfix.model.report import Finding

_CPU = f"torch finds no GPU, and onnxruntime runs DWPose on the CPU, {SLOWER}"
_HANGS = "whatever starts CUDA does the same: torch, onnxruntime-gpu, and every program that asks for the GPU"
_REBOOT = "reboot; if it stays, read `dmesg` for lines with NVRM or Xid"
_TEXTS = {
    "driver_missing": (
        "there is an NVIDIA card, and no NVIDIA driver for it",
        "install NVIDIA's driver for this system, then reboot",
    ),
    "nvml_mismatch": (
        "the driver's libraries and the kernel module that runs are of different releases",
        "reboot, so that the kernel module of the libraries' release is loaded",
    ),
    "driver_broken_state": ("the NVIDIA driver is there, and does not work", _REBOOT),
    "container_without_gpu": (
        "this container was given no GPU, or not all of the driver",
        "start the container again with `--gpus all` and NVIDIA_DRIVER_CAPABILITIES=compute,utility",
    ),
}


_HALF = (
    "the `libcuda.so.1` that programs find is no driver's, and does not come back",
    (
        "take the folder of this library out of LD_LIBRARY_PATH (`echo $LD_LIBRARY_PATH`); on a machine with a GPU "
        "`nvidia-smi -L` must list it"
    ),
)


def machine_findings(environment: Environment, machine: Machine) -> Iterator[Finding]:
    """Yield one finding for each code of the machine's troubles; none for an environment that wants no GPU."""
    about = wants_gpu(environment)
    if not about:
        return
    seen = [(trouble.code, trouble.text) for trouble in machine.troubles]
    half = bool(machine.driver_breaks) and not isinstance(machine.driver, Known)
    broken = "driver_missing" if half else "driver_broken_state"
    if machine.driver_breaks:
        seen.append((broken, f"the process that asked libcuda alone {machine.driver_breaks}"))
    for code in dict.fromkeys(code for code, _ in seen):
        lines = [text for each, text in seen if each == code]
        text, fix = _HALF if half and code == broken else _TEXTS.get(code, (lines[0], _REBOOT))
        yield Finding(
            code=code,
            severity="error",
            text=text,
            because=tuple(f"{line} [read: this machine]" for line in lines),
            consequence=_HANGS if machine.driver_breaks and code == broken else _CPU,
            fix=fix,
            rule="driver",
            about=about,
        )


def wants_gpu(environment: Environment) -> tuple[str, ...]:
    """Return the packages that would use a GPU: onnxruntime-gpu, and torch in a build with CUDA."""
    packages = environment.packages
    torch = environment.builds.get("torch")
    cuda_torch = "torch" in packages and torch is not None and bool(torch.cuda)
    names = (("onnxruntime-gpu", "onnxruntime-gpu" in packages), ("torch", cuda_torch))
    return tuple(name for name, there in names if there)
