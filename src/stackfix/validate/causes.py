"""The cause code of a failure, the sentence and the one thing to do, from what the worker saw."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from stackfix.validate.memory import lack_of_memory, records, says_memory


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause code, what was found in one sentence, and what to do ("" if nothing is known to help)."""

    code: str
    reason: str
    fix: str = ""


Values: TypeAlias = Mapping[str, Any]
Step: TypeAlias = Callable[[str, Values], "Cause | None"]

REBUILD = (
    "make a fresh environment with `stackfix install`; `stackfix doctor` says what is wrong with this one"
)
_NO_DEVICE = 100
_RESTART = "restart the machine; if it stays, look into `sudo dmesg | grep -i -e nvrm -e nvidia`"
_UNHIDE = "`unset CUDA_VISIBLE_DEVICES`, or name a GPU that `nvidia-smi -L` lists in it, then try again"
_CUINIT = {
    # https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__TYPES.html
    34: ("driver_missing", "the `libcuda.so.1` that programs find is the toolkit's stub for linking, not a driver",
         "take the folder of the stub out of LD_LIBRARY_PATH (`echo $LD_LIBRARY_PATH`; it ends in `stubs`)"),
    100: ("driver_missing", "the CUDA driver finds no GPU",
          "`nvidia-smi -L` must list one; `docker run --gpus all` gives it to a container; `sudo dmesg | grep -i nvrm` tells"),
    802: ("driver_broken_state", "the GPU is not ready yet: its fabric manager does not run",
          "`sudo systemctl start nvidia-fabricmanager`, of the driver's very release"),
    803: ("driver_803_combination", "the driver's library and its kernel module are of different releases", "restart the machine"),
    804: ("driver_forward_compat", "a forward-compatibility library stands before the driver on a GPU it is not for",
          "take the folder of cuda-compat out of LD_LIBRARY_PATH"),
    999: ("driver_broken_state", "the CUDA driver is in a state that it can't tell more about", _RESTART),
}  # fmt: skip

# what these say of a driver is true also where the kernel has nothing of one
_TELLING = (34, 803, 804)
_TOO_OLD, _BROKEN_STATE = "driver_too_old", "driver_broken_state"
NO_WHOLE_DRIVER = Cause(
    "driver_missing",
    "the `libcuda.so.1` that programs find is no whole driver: this machine has none of the devices of NVIDIA's kernel module",
    "take the folder of this library out of LD_LIBRARY_PATH (`echo $LD_LIBRARY_PATH`); on a machine with a GPU "
    "`nvidia-smi -L` must list it",
)

_COMPUTE_PART = (
    "install NVIDIA's driver whole; a container gets its CUDA part with `--gpus all` and "
    "NVIDIA_DRIVER_CAPABILITIES=compute,utility"
)
_OTHER_LIBCUDA = (
    "`ldconfig -p | grep libcuda` and `echo $LD_LIBRARY_PATH` tell where it lies: take it away from there, "
    "or install NVIDIA's driver anew"
)

_MODULE = "wrong_python_environment"
# import folders whose distribution has another name
_PACKAGES = {"cv2": "opencv-python-headless", "PIL": "pillow", "google": "protobuf"}

_SYSTEM_MEMORY = (
    "system_memory",
    "the machine's own memory did not suffice (or a limit was set: `ulimit -v`)",
    "end other programs or raise the limit, then try again; `--weights standin` needs little",
)
# what a worker writes before it opens anything on a GPU
_GPU_STATE = "gpu state"
_OF_A_GPU = re.compile(r"\bGPU\b|cuda|cublas|cudnn", re.IGNORECASE)

_FORMAT = "model_ir_or_opset"
_EXPORT = "a network of your own can be exported again for an older opset"

# What a kernel that breaks off leaves behind: CUDA does nothing more in this process, and no package is known for it.
# https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html: 214, 220, 700, 702, 714 to 719
_FAULT = re.compile(
    r"uncorrectable (ECC|NVLink) error|illegal memory access|launch timed out and was terminated|hardware stack error"
    r"|an illegal instruction was encountered|misaligned address|invalid program counter|unspecified launch failure"
    r"|operation not supported on global/shared address space",
    re.IGNORECASE,
)
_AFTER_FAULT = (
    "run it again; if it stays, `sudo dmesg | grep -i xid` tells whether the GPU, its driver or a program is at fault: "
    "restart the machine, and try another GPU if there is one"
)
_CUDNN_START = r"CUDNN_STATUS_NOT_INITIALIZED"

# What an error text says, most telling first. Numbers are cudaError_t or the texts of NVIDIA's own libraries.
_TEXTS: tuple[tuple[str, str, str, str], ...] = (
    (r"NVML.*mismatch|driver/library version mismatch", "nvml_mismatch",
     "the driver was updated and its old kernel module still runs", "restart the machine"),
    ((r"CUDA failure 3[56]\b|driver version is insufficient|cudaErrorInsufficientDriver"
      r"|not supported in the installed CUDA driver|cudaErrorCallRequiresNewerDriver"), _TOO_OLD,
     "the driver is too old for the CUDA runtime of this environment",
     "`stackfix resolve dwpose` names the newest set for this driver"),
    (r"(CUDA )?(failure|error) 803\b|system has unsupported display driver / cuda driver", "driver_803_combination",
     "the driver's library and its kernel module are of different releases", "restart the machine"),
    (r"(CUDA )?(failure|error) 804\b|forward compatibility was attempted", "driver_forward_compat",
     "a forward-compatibility library stands before the driver on a GPU it is not for",
     "take the folder of cuda-compat out of LD_LIBRARY_PATH"),
    (r"CUDNN_STATUS_(NOT_SUPPORTED_)?ARCH_MISMATCH", "cudnn_arch_dropped",
     "this cuDNN has no code for this GPU", REBUILD),
    (r"CUBLAS failure 8\b|CUBLAS_STATUS_ARCH_MISMATCH|architectural feature absent from the device", "gpu_arch_not_in_build",
     "this cuBLAS has no code for this GPU", REBUILD),
    (r"no kernel image is available|CUDA failure 209\b|cudaErrorNoKernelImageForDevice|INVALID_PTX|failure 222\b",
     "gpu_arch_not_in_build", "this build has no kernel for this GPU", REBUILD),
    (_CUDNN_START, "cudnn_broken", "cuDNN does not start, and not for lack of memory", REBUILD),
    (r"std::bad_alloc|\bMemoryError\b|Unable to allocate [\d.]+ .?i?B|Cannot allocate memory", *_SYSTEM_MEMORY),
    (r"No space left on device|Disk quota exceeded", "disk_full",
     "the disk is full: what a run writes for itself found no room on it",
     "make room, or name a folder on another disk in TMPDIR"),
    (r"no CUDA-capable device|CUDA failure 100\b", "driver_missing", "CUDA finds no GPU", ""),
    # https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html: initialization, operating system, unknown
    (r"CUDA failure (3|304|999)\b", _BROKEN_STATE, "the CUDA driver fails at the first that is asked of it", _RESTART),
    (r"compiled using NumPy 1|_ARRAY_API not found|numpy\.core\.multiarray failed to import|numpy\._core",
     "numpy2_abi", "a package was built for another numpy than the one that is installed", REBUILD),
    (r"Unsupported model IR version|max supported IR|is only \*?guaranteed\*? to support|opset \d+ is under",
     _FORMAT, "this onnxruntime is too old for the network's format", f"{REBUILD}; {_EXPORT}"),
    (r"External data path (validation failed|does not exist)|external data.*(No such file|does not exist)",
     "corrupt_model_file", "a network keeps its weights in a second file, which does not lie beside it under its name",
     "copy the second file (`.data`) into the folder of the network too, under the name with which it was exported"),
    (r"Protobuf parsing failed|INVALID_PROTOBUF|NO_SUCHFILE|NoSuchFile|ModelProto does not have a graph",
     "corrupt_model_file", "the file of a network is missing, cut short or no network",
     "download both networks again and compare their sha256"),
    (r"error 126|LoadLibrary failed.*126", "windows_error_126",
     "a DLL that a DLL needs is not there", REBUILD),
    (r"GLIBC_[\d.]+'? not found|GLIBCXX_[\d.]+'? not found|not a valid ELF|wrong ELF class", "missing_wheel",
     "a library was built for another system than this one", REBUILD),
    (r"torch \S+ is the build without CUDA|Torch not compiled with CUDA enabled", "torch_cpu_build",
     "the torch of this environment is the build without CUDA", REBUILD),
    (r"libGL\.so|libgthread|libSM\.so|libXext", "opencv_conflict",
     "OpenCV's build for desktops needs libraries of a desktop",
     "install `opencv-python-headless` in place of `opencv-python`"),
    (r"No module named", _MODULE,
     "a package that DWPose needs is not in this environment", REBUILD),
    (r"undefined symbol: (?-i:cu[A-Z])", _TOO_OLD,
     "the driver's `libcuda.so.1` is older than this build: it lacks a function that the build calls",
     "`stackfix resolve dwpose` names the newest set for this driver"),
    (r"undefined symbol", "cuda_runtime_missing",
     "two libraries that were loaded together are not of one release", REBUILD),
)  # fmt: skip


def _by_missing_library(_text: str, values: Values) -> Cause | None:
    for each in records(values.get("missing")):
        soname = str(each.get("soname", ""))
        stem = soname.partition(".so")[0]
        if each.get("same"):
            return _driver_not_loaded(values) or Cause(
                "import_order_preload",
                f"`{soname}` is in the environment, but nothing loads it before onnxruntime",
                "make the environment with `stackfix install`: its import hook loads it",
            )
        if stem == "libcuda":
            return _driver_not_loaded(values) or Cause(
                "driver_missing", "the driver's own `libcuda.so.1` is not on this machine"
            )
        if each.get("other"):
            there = str(each["other"][0]).rsplit("/", 1)[-1]
            code = "cudnn_major_mismatch" if stem.startswith("libcudnn") else "cuda_major_mismatch"
            return Cause(code, f"onnxruntime needs `{soname}`; the environment has `{there}`", REBUILD)
        codes = {"libcudnn": "cudnn_missing", "libnvrtc": "nvrtc_missing", "libnvinfer": "tensorrt_missing"}
        if not re.match(r"lib(cud|cublas|cufft|curand|cuso|cuspa|nv)", stem):
            continue
        code = next((code for name, code in codes.items() if stem.startswith(name)), "cuda_runtime_missing")
        return Cause(code, f"`{soname}` is not in the environment", REBUILD)
    return None


def _driver_not_loaded(values: Values) -> Cause | None:
    """Return why nothing of CUDA is loaded where the driver's library is not: stackfix's hook waits for it too."""
    driver = values.get("driver")
    if not isinstance(driver, Mapping) or driver.get("found") is not False:
        return None
    said = str(driver.get("text") or "").splitlines()[:1]
    if not said or "cannot open shared object file" in said[0]:
        return Cause(
            "driver_missing", "the driver's own `libcuda.so.1` is not on this machine", _COMPUTE_PART
        )
    return Cause(
        "driver_missing", f"the driver's own `libcuda.so.1` can't be loaded: {said[0]}", _OTHER_LIBCUDA
    )


def _by_build(_text: str, values: Values) -> Cause | None:
    if values.get("cuda build") is not False:
        return None
    names = values.get("onnxruntime packages")
    if isinstance(names, list) and "onnxruntime" in names and "onnxruntime-gpu" in names:
        return Cause(
            "both_ort_packages",
            "onnxruntime and onnxruntime-gpu are both installed and share one folder; the CPU's won",
            REBUILD,
        )
    return Cause("ort_cpu_only", "the onnxruntime of this environment is the build without CUDA", REBUILD)


def _by_driver(_text: str, values: Values) -> Cause | None:
    driver = values.get("driver")
    if not isinstance(driver, Mapping) or driver.get("found") is not True:
        return None
    result = driver.get("result")
    if _finds_none(driver):
        code, reason, fix = _CUINIT[_NO_DEVICE]
        hidden = _hidden(driver)
        return Cause(code, f"{reason}{hidden}", _UNHIDE if hidden else fix)
    if isinstance(result, int) and result not in (0, *_TELLING) and _is_half(driver):
        return NO_WHOLE_DRIVER
    if result in _CUINIT:
        return Cause(*_CUINIT[result])
    if isinstance(result, int) and result != 0:
        return Cause(
            "driver_broken_state", f"the CUDA driver does not start: cuInit gives {result}", _RESTART
        )
    return None


def _finds_none(driver: Mapping[str, Any]) -> bool:
    return driver.get("result") == _NO_DEVICE or (driver.get("result") == 0 and driver.get("devices") == 0)


def _hidden(driver: Mapping[str, Any]) -> str:
    """Return that a variable says which GPUs are to be seen, "" if it is not set."""
    visible = driver.get("visible")
    return f": CUDA_VISIBLE_DEVICES is set to `{visible}`" if isinstance(visible, str) else ""


def _by_fault(text: str, values: Values) -> Cause | None:
    found = _FAULT.search(text)
    if found is None:
        return None
    if _is_half(values.get("driver")):
        return NO_WHOLE_DRIVER
    # a library that was called then speaks first, and of itself
    named = (each.strip() for each in re.findall(r"CUDA failure \d+: [^;\n]+", text))
    said = next((each for each in named if _FAULT.search(each)), found[0])
    return Cause(_BROKEN_STATE, f"the GPU broke off in the middle of its work: {said}", _AFTER_FAULT)


def _by_memory(text: str, values: Values) -> Cause | None:
    # onnxruntime's allocator says the same of either memory
    if _GPU_STATE not in values and says_memory(text) and not _OF_A_GPU.search(text):
        return Cause(*_SYSTEM_MEMORY)
    lack = lack_of_memory(text, values)
    return Cause("gpu_memory", lack.reason, lack.fix) if lack else None


def _by_text(text: str, values: Values) -> Cause | None:
    for pattern, code, reason, fix in _TEXTS:
        if re.search(pattern, text, re.IGNORECASE):
            if code in (_TOO_OLD, _BROKEN_STATE) and _is_half(values.get("driver")):
                return NO_WHOLE_DRIVER
            told = _format_told(text) if code == _FORMAT else ""
            return (_lost_module(text) if code == _MODULE else None) or Cause(code, f"{reason}{told}", fix)
    return None


def _format_told(text: str) -> str:
    """Return which network is of which format, and what onnxruntime reads, as far as it says so."""
    file = re.search(r"Load model from (?:[^\n]*[\\/])?([^\\/\n]+?) failed", text)
    its = re.search(r"\b(opset|IR version:?) (\d+)", text, re.IGNORECASE)
    most = re.search(r"(?:is till opset|max supported IR version:) (\d+)", text)
    if file is None or its is None:
        return ""
    kind = "opset" if its[1].lower() == "opset" else "IR"
    return f": `{file[1]}` is of {kind} {its[2]}" + (f", and it reads up to {most[1]}" if most else "")


def _is_half(driver: Any) -> bool:
    """Whether a library answers as the driver, and the kernel of this machine has nothing of one."""
    return isinstance(driver, Mapping) and driver.get("found") is True and driver.get("device files") == []


def _by_half(text: str, values: Values) -> Cause | None:
    """Return that a call of CUDA's failed in a library that is no whole driver, whatever it said."""
    return NO_WHOLE_DRIVER if said_by_cuda(text) and _is_half(values.get("driver")) else None


def _lost_module(text: str) -> Cause | None:
    """Return which package is missing, by the name of the module that Python did not find."""
    found = re.search(r"No module named '?([A-Za-z_][\w.]*)", text)
    if found is None:
        return None
    folder, _, inner = found[1].partition(".")
    package = _PACKAGES.get(folder, folder)
    if inner:
        reason = f"a part of the package `{package}` is not in this environment: `{found[1]}`"
        return Cause(_MODULE, reason, f"install `{package}` anew; or {REBUILD}")
    named = f"`{package}`, which brings `{folder}`," if package != folder else f"`{package}`"
    reason = f"a package that DWPose needs is not in this environment: {named.rstrip(',')}"
    return Cause(_MODULE, reason, f"install `{package}` into it; or {REBUILD}")


_STEPS: tuple[Step, ...] = (
    _by_build, _by_missing_library, _by_driver, _by_fault, _by_memory, _by_text, _by_half,
)  # fmt: skip


def cause_of(text: str, values: Values, otherwise: Cause) -> Cause:
    """Return the first cause that what was seen establishes, or `otherwise`."""
    for step in _STEPS:
        found = step(text, values)
        if found is not None:
            return found
    return otherwise


def said_by_cuda(text: str) -> str:
    """Return what CUDA or a library of it said when onnxruntime first called it, "" if a text tells of no such call."""
    found = re.search(r"\bCU(DA|BLAS|DNN(_FE)?|FFT|RAND) failure \d+: [^;\n]+", text)
    return " ".join(found[0].split()) if found else ""


def driver_alone(how: str, *, half: bool) -> Cause:
    """Return the cause of a run that broke off where the driver breaks off, `how`, whoever starts it."""
    alone = f"the process that asked it alone {how}"
    if half:
        return replace(NO_WHOLE_DRIVER, reason=f"{NO_WHOLE_DRIVER.reason}, and {alone}")
    return Cause(_BROKEN_STATE, f"the CUDA driver does not start: {alone}", _RESTART)


def no_gpu_here(values: Values) -> tuple[str, str]:
    """Return why nothing can run on a GPU on this machine whatever is installed, and what to do; ("", "") if it could."""
    driver = values.get("driver")
    if not isinstance(driver, Mapping):
        return "", ""
    elsewhere = "ask again on a machine with the GPU"
    if driver.get("found") is False:
        return "no NVIDIA driver answers on this machine", elsewhere
    if _finds_none(driver):
        hidden = _hidden(driver)
        return f"the NVIDIA driver of this machine finds no GPU{hidden}", _UNHIDE if hidden else elsewhere
    return "", ""


def sonames(values: Values) -> set[str]:
    """Return the names of the libraries that were called missing."""
    return {str(each.get("soname", "")) for each in records(values.get("missing"))}
