"""Several signs in one text: which is the cause, which its consequence, and what the circumstances decide."""

from __future__ import annotations

import pytest

MISSING = (
    "Failed to load library libonnxruntime_providers_cuda.so with error: {}: cannot open shared object file"
)


@pytest.mark.parametrize(
    ("library", "beside", "code"),
    [
        ("libcublasLt.so.11", "pytorch version: 2.5.1+cu124", "cuda_major_mismatch"),
        ("libcublasLt.so.12", "pytorch version: 2.5.1+cu124", "cuda_runtime_missing"),
        ("libcublasLt.so.12", "torch==2.13.0", "cuda_major_mismatch"),
        ("libcublasLt.so.12", "nvcc: Cuda compilation tools, release 13.0, V13.0.48", "cuda_major_mismatch"),
        ("libcublasLt.so.12", "2025-01-15 10:00:00 [E:onnxruntime]", "cuda_runtime_missing"),
        ("libcublasLt.so.12", "2026-10-15 10:00:00 [E:onnxruntime]", "cuda_major_mismatch"),
        ("libcufft.so.10", "nvidia-cublas-cu12==12.4.5.8", "cuda_major_mismatch"),
        ("libcudnn.so.8", "torch 2.5.1+cu121", "cudnn_major_mismatch"),
        ("libcudnn.so.8", "torch 2.2.0+cu121", "cudnn_missing"),
        ("libcudnn.so.8", "2024-02-01 10:00:00 [E:onnxruntime]", "cudnn_missing"),
        ("libcudnn.so.9", "cudnn 8.9.7", "cudnn_major_mismatch"),
        ("libcudnn.so.9", "pytorch version: 2.6.0+cpu", "torch_cpu_build"),
        ("libcudnn.so.9", "cuda 12.1\ncudnn8", "cudnn_major_mismatch"),
        ("libcudnn.so.9", "it requires cuDNN 8", "cudnn_missing"),
        ("libcudnn.so.8", "C:\\cuda\\bin\\cudnn64_8.dll", "cudnn_missing"),
        ("libcublasLt.so.12", "onnxruntime-linux-x64-gpu-1.18.1.tgz", "cuda_runtime_missing"),
        ("libcuda.so.1", "在docker中运行", "container_without_gpu"),
        ("libcudnn_adv.so.9", "", "cudnn_missing"),
        ("libcudnn.so.9", "", "cudnn_missing"),
        ("libcublasLt.so.12", "", "cuda_major_mismatch"),
        ("libcudart.so.12", "", "cuda_major_mismatch"),
        ("libcudart.so.12", "2025-01-15 10:00:00 [E:onnxruntime]", "cuda_runtime_missing"),
        ("libcudart.so.10.2", "", "cuda_runtime_missing"),
        ("libcudart.so.12", "torch==2.13.0", "cuda_major_mismatch"),
        ("libcurand.so.10", "torch==2.15.0", "cuda_runtime_missing"),
        ("libnvrtc.so.12", "", "nvrtc_missing"),
        ("libnvinfer.so.10", "", "tensorrt_missing"),
        (
            "libcublasLt.so.12",
            "./venv/lib/python3.12/site-packages/nvidia/cublas/lib/libcublasLt.so.12",
            "import_order_preload",
        ),
        ("libcudnn.so.9", "nvidia-cudnn-cu12      9.1.0.70", "import_order_preload"),
        ("libcudnn.so.9", "nvidia-cudnn-cu12      8.9.2.26", "cudnn_major_mismatch"),
        ("libcublasLt.so.12", "Successfully installed nvidia-cublas-cu12-12.4.5.8", "import_order_preload"),
        ("libcublasLt.so.11", "Successfully installed nvidia-cublas-cu12-12.4.5.8", "cuda_major_mismatch"),
        ("libcublas.so.11", "provider_bridge_ort.cc:1029", "cuda_runtime_missing"),
        ("libcublas.so.11", "provider_bridge_ort.cc:1209", "cuda_major_mismatch"),
        ("libcublas.so.11", "onnxruntime-gpu==1.15.1", "cuda_runtime_missing"),
        ("libcudnn.so.8", "onnxruntime_pybind_state.cc:870", "cudnn_missing"),
        (
            "libcudnn.so.8",
            "2024-10-01 10:00:00 [E:onnxruntime] onnxruntime-gpu==1.18.1",
            "cudnn_major_mismatch",
        ),
        ("libcudnn.so", "", "cudnn_missing"),
        ("libcublas.so.9.1", "", "cuda_runtime_missing"),
        ("libcuda.so.1", "", "driver_missing"),
        ("libcuda.so.1", "Linux 5.15.153.1-microsoft-standard-WSL2", "wsl2"),
        ("libcuda.so.1", "docker run app", "container_without_gpu"),
    ],
)
def test_what_stands_beside_a_missing_library_decides(library, beside, code, codes):
    assert codes(f"{beside}\n{MISSING.format(library)}")[0] == code
    assert codes(f"{MISSING.format(library)}\n{beside}")[0] == code


@pytest.mark.parametrize("library", ["libcudart.so.12", "libcublas.so.12", "libcufft.so.11"])
def test_what_torch_itself_does_not_find_is_missing(library, codes):
    last = f"OSError: {library}: cannot open shared object file: No such file or directory"
    assert codes(last)[0] == "cuda_major_mismatch"
    assert codes(f'File "/venv/torch/__init__.py", line 176, in _load_global_deps\n{last}')[0] == (
        "cuda_runtime_missing"
    )


@pytest.mark.parametrize(
    ("day", "code"),
    [
        ("2024-02-01 10:00:00", "cudnn_missing"),
        ("Feb 1, 2024, 10:00:00 AM", "cudnn_missing"),
        ("Thu Feb  1 10:00:00 2024", "cudnn_missing"),
        ("2024/02/01 10:00:00", "cudnn_missing"),
        ("[02/01/2024-10:00:00] [TRT]", "cudnn_missing"),
        ("2025-01-31 20:54:10", "cudnn_major_mismatch"),
        ("January 31, 2025 at 8:54 PM", "cudnn_major_mismatch"),
        ("Fri Jan 31 20:54:10 2025", "cudnn_major_mismatch"),
        ("2025/01/31 20:54:10", "cudnn_major_mismatch"),
        ("[01/31/2025-20:54:10] [TRT]", "cudnn_major_mismatch"),
    ],
)
@pytest.mark.parametrize(
    "line", [MISSING.format("libcudnn.so.8"), "Could not load library libcudnn_ops_infer.so.8."]
)
def test_the_day_of_a_text_decides_in_whatever_form_it_is_written(day, code, line, codes):
    assert codes(f"{day} {line}")[0] == code


@pytest.mark.parametrize(
    ("after", "expected"),
    [("bitsandbytes is ready", []), ("CUDA Setup failed despite GPU being available.", True)],
)
def test_what_bitsandbytes_finds_twice_is_a_cause_only_where_its_setup_fails(after, expected, codes):
    found = codes(
        f"UserWarning: Found duplicate ['libcudart.so', 'libcudart.so.11.0'] files: /usr/lib\n{after}"
    )
    assert "shadowed_libraries" in found if expected else found == []


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("0123456789ab", "container_without_gpu"),
        ("deadbeef.example", "driver_missing"),
        ("pc-7", "driver_missing"),
    ],
)
def test_the_name_that_docker_gives_a_host_tells_a_container(host, code, codes):
    text = f"CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; hostname={host} ; line=66"
    assert codes(text)[0] == code


def test_what_onnxruntime_itself_asks_for_is_not_taken_for_what_is_there(codes):
    text = MISSING.format("libcublasLt.so.12") + (
        "\nFailed to create CUDAExecutionProvider. Require cuDNN 9.* and CUDA 12.*. 2025-01-15 10:00:00"
    )
    assert codes(text)[0] == "cuda_runtime_missing"
    assert "cudnn_missing" in codes(text)


@pytest.mark.parametrize(
    ("asks", "beside", "code"),
    [
        ("cuDNN 8.* and CUDA 12.*", "2024-11-12 10:07:56", "cudnn_major_mismatch"),
        ("cuDNN 8.* and CUDA 12.*", "2024-05-12 10:07:56", "cuda_runtime_missing"),
        ("cuDNN 8.* and CUDA 12.*", "2024-11-12 10:07:56 torch 2.3.1+cu121", "cuda_runtime_missing"),
        ("cuDNN 9.* and CUDA 12.*", "2024-11-12 10:07:56", "cuda_runtime_missing"),
        ("cuDNN 9.* and CUDA 12.*", "torch 2.5.1+cu118", "cuda_major_mismatch"),
        ("cuDNN 9.* and CUDA 12.*", "torch 2.5.1+cu121", "cuda_runtime_missing"),
        ("cuDNN 8.* and CUDA 12.*", "torch 2.5.1+cu121", "cudnn_major_mismatch"),
    ],
)
def test_what_onnxruntime_says_that_it_requires_is_held_against_what_is_there(asks, beside, code, codes):
    assert codes(f"{beside} Failed to create CUDAExecutionProvider. Require {asks}.")[0] == code


MASKS = {
    "dwpose_cpu_fallback": "UserWarning: DWPose: Onnxruntime not found or doesn't come with acceleration providers",
    "dwpose_get_providers_none": "AttributeError: 'NoneType' object has no attribute 'get_providers'",
}


@pytest.mark.parametrize("code", MASKS)
def test_a_mask_alone_has_its_own_code(code, codes):
    assert codes(MASKS[code]) == [code]


@pytest.mark.parametrize("code", MASKS)
@pytest.mark.parametrize(
    ("under", "cause"),
    [
        (MISSING.format("libcublasLt.so.11"), "cuda_major_mismatch"),
        (
            'LoadLibrary failed with error 126 "" when trying to load "onnxruntime_providers_cuda.dll"',
            "windows_error_126",
        ),
        ("onnxruntime==1.20.1\nonnxruntime-gpu==1.20.1", "both_ort_packages"),
        ("onnxruntime-gpu==1.18.1\npytorch version: 2.3.1+cu121", "cuda_major_mismatch"),
        ("onnxruntime-gpu==1.18.1\npytorch version: 2.5.1+cu118", "cudnn_major_mismatch"),
        ("[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : Protobuf parsing failed.", "corrupt_model_file"),
        ("torch.OutOfMemoryError: CUDA out of memory.", "gpu_memory"),
    ],
)
def test_a_mask_gives_way_to_what_lies_under_it(code, under, cause, codes):
    assert codes(f"{under}\n{MASKS[code]}")[0] == cause
    assert codes(f"{MASKS[code]}\n{under}")[0] == cause
    assert codes(f"{MASKS[code]}\n{under}")[-1] == code


def test_both_masks_are_named_and_neither_is_the_other_s_consequence(codes):
    assert set(codes("\n".join(MASKS.values()))) == set(MASKS)


def test_the_release_of_onnxruntime_is_told_by_the_line_of_its_source(named):
    text = (
        "pytorch version: 2.3.1+cu121\n"
        "[E:onnxruntime:Default, provider_bridge_ort.cc:1745 onnxruntime::TryGetProviderInfo_CUDA] "
        'LoadLibrary failed with error 126 "" when trying to load "onnxruntime_providers_cuda.dll"'
    )
    cause = named(text)[0]
    assert cause.code == "cuda_major_mismatch"
    assert any("onnxruntime-gpu 1.18 is built for CUDA 11" in line for line in cause.because)


def test_the_reason_why_a_library_does_not_load_is_the_cause_and_not_that_library(codes):
    text = "Could not load library libcudnn_cnn_infer.so.8. Error: libnvrtc.so.12: cannot open shared object file"
    assert codes(text)[0] == "nvrtc_missing"


def test_the_day_of_a_text_without_a_date_is_that_of_the_onnxruntime_that_it_names(named):
    because = named(f"onnxruntime-gpu==1.18.1\n{MISSING.format('libcudnn.so.8')}")[0].because
    assert any("onnxruntime-gpu 1.18.1 came out on 2024-06-2" in line for line in because)


@pytest.mark.parametrize(
    "beside",
    [
        "但是我的CUDA是12.1版本",
        "Running on Windows 10, Cuda 121",
        "D:\\ComfyUI_cu121\\main.py",
        "Model was trained with torch 1.10.0+cu102, yours is 2.5.1. Bad things might happen unless you revert torch to 1.x.",
    ],
)
def test_the_cuda_that_is_there_is_told_in_many_ways(beside, codes):
    text = (
        f"{beside}\nonnxruntime_pybind_state.cc:743 onnxruntime::python::CreateExecutionProviderInstance "
        "CUDA_PATH is set but CUDA wasn't able to be loaded."
    )
    assert codes(text)[0] == "cuda_major_mismatch"


def test_the_torch_that_a_model_was_trained_with_is_not_taken_for_the_one_that_is_there(codes):
    text = "Could not load library libcudnn_ops_infer.so.8. Error: libcudnn_ops_infer.so.8: cannot open shared object file"
    trained = "Model was trained with torch 1.10.0+cu102, yours is {}. Bad things might happen unless you revert torch to 1.x."
    assert codes(f"{trained.format('2.5.1')}\n{text}")[0] == "cudnn_major_mismatch"
    assert codes(f"{trained.format('2.1.2')}\n{text}")[0] == "cudnn_missing"


def test_what_was_seen_is_told_with_its_line(named):
    cause = named(
        "one\ntwo\nRuntimeError: CUDA error: no kernel image is available for execution on the device"
    )[0]
    assert cause.because == ("line 3: “no kernel image is available”",)
    assert 0 < cause.confidence <= 1


HEALTHY = {
    "nodes on the CPU": """2026-01-01 10:00:00 [W:onnxruntime:, session_state.cc:1166 VerifyEachNodeIsAssignedToAnEp]
Some nodes were not assigned to the preferred execution providers which may or may not have an negative impact""",
    "copies": """[W:onnxruntime:, transformer_memcpy.cc:74 ApplyImpl] 4 Memcpy nodes are added to the graph
main_graph for CUDAExecutionProvider. It might have negative impact on performance""",
    "a table": """| NVIDIA-SMI 580.65.06    Driver Version: 580.65.06    CUDA Version: 13.0     |
|   0  NVIDIA GeForce RTX 4090        Off |   00000000:01:00.0  On |                  Off |
|  No running processes found                                                             |""",
    "a warning": "FutureWarning: You are using `torch.load` with `weights_only=False` (the current default value)",
    "a start": """Total VRAM 24564 MB, total RAM 64000 MB
pytorch version: 2.9.1+cu128
Device: cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync
DWPose: Onnxruntime with acceleration providers detected""",
    "an install": """Collecting torch
  Downloading torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl (899.8 MB)
Successfully installed nvidia-cublas-cu12-12.8.4.1 nvidia-cudnn-cu12-9.10.2.21 torch-2.9.1
[notice] A new release of pip is available""",
    "bread": "a text about bread",
}


@pytest.mark.parametrize("text", list(HEALTHY.values()), ids=list(HEALTHY))
def test_a_healthy_log_has_no_cause(text, codes):
    assert codes(text) == []


def test_a_dll_of_another_program_part_is_not_explained_by_onnxruntime(codes):
    text = 'onnxruntime-gpu==1.18.1\ntorch==2.5.1\nOSError: [WinError 126] Error loading "C:\\torch\\lib\\fbgemm.dll"'
    assert codes(text) == ["windows_error_126"]


def test_a_list_of_providers_without_cuda_is_no_failure_by_itself(codes):
    text = "Applied providers: ['CPUExecutionProvider'], with options: {'CPUExecutionProvider': {}}"
    assert codes(text) == []
    assert codes(f"onnxruntime-gpu==1.18.1\ntorch==2.5.1+cu124\n{text}") == []
    assert codes(f"onnxruntime==1.18.1\nonnxruntime-gpu==1.18.1\n{text}") == ["both_ort_packages"]


@pytest.mark.parametrize(
    ("library", "code"),
    [("cudnn_ops_infer64_8.dll", "cudnn_missing"), ("zlibwapi.dll", "windows_zlib")],
)
def test_a_wording_can_say_what_is_likelier_where_nothing_else_is_told(library, code, codes):
    assert codes(f"Could not load library {library}. Error code 126")[0] == code
    newer = "cudnn_major_mismatch" if "cudnn" in library else code
    assert codes(f"torch 2.5.1+cu121\nCould not load library {library}. Error code 126")[0] == newer


@pytest.mark.parametrize(
    "message",
    [
        "The third-party dynamic library (cublas64_118.dll;cublas64_11.dll) that Paddle depends on is not configured",
        "The third-party dynamic library (libcublas.so) that Paddle depends on is not configured correctly.",
        "Error: Failed to find dynamic library: libcublas.so ( libcublas.so: not found )",
    ],
)
def test_paddle_names_a_library_in_several_ways(message, codes):
    assert codes(message)[0] == "cuda_runtime_missing"
    assert codes(f"{message}\n先import torch 就正常了")[0] == "import_order_preload"


@pytest.mark.parametrize("library", ["cudnn_cnn64_9.dll", "cublas64_12.dll"])
def test_code_127_on_a_library_of_cuda_is_another_copy_that_was_loaded_before(library, codes):
    text = f'OSError: [WinError 127] 找不到指定的程序。 Error loading "C:\\\\e\\\\paddle\\\\..\\\\nvidia\\\\{library}"'
    assert codes(text)[0] == "import_order_preload"


def test_words_that_a_terminal_has_broken_are_read(codes):
    whole = "Loaded runtime CuDNN library: 9.1.0 but source was compiled with: 9.3.0."
    assert codes(whole) == codes(whole.replace("library", "l\nibrary")) == ["shadowed_libraries"]


def test_a_library_of_tensorrt_that_windows_names_is_what_is_missing(codes):
    provider = '"C:\\venv\\onnxruntime_providers_tensorrt.dll"'
    reason = 'which depends on "nvinfer_10.dll" which is missing. (Error 126: "The specified module could not be found.")'
    assert codes(f"FAIL : Error loading {provider} {reason}") == ["tensorrt_missing"]


def test_a_cuda_that_was_removed_is_not_there(codes):
    missing = "Could not locate cublasLt64_12.dll. Please make sure it is in your library path!"
    assert codes(f"I have CUDA 12.4; CUDA 11.8 is there\n{missing}")[0] == "cuda_runtime_missing"
    assert codes(f"I have uninstalled CUDA 12.4; CUDA 11.8 is there\n{missing}")[0] == "cuda_major_mismatch"


def test_what_a_wording_says_of_a_library_holds_for_each_line_that_names_it(codes):
    second = "Error: libcudnn_ops_infer.so.8: cannot open shared object file: No such file or directory"
    assert codes(second)[0] == "cudnn_major_mismatch"
    assert codes(f"Could not load library libcudnn_ops_infer.so.8.\n{second}")[0] == "cudnn_missing"


@pytest.mark.parametrize(("number", "code"), [("8907", "cudnn_major_mismatch"), ("91002", "cudnn_missing")])
def test_the_number_that_cudnn_gives_itself_tells_its_major(number, code, codes):
    assert codes(f"cuDNN Ver. {number}\nlibcudnn.so.9: cannot open shared object file")[0] == code


def test_no_driver_in_a_container_is_a_container_without_gpu(codes):
    text = "RuntimeError: No CUDA GPUs are available"
    assert codes(text) == ["driver_missing"]
    assert codes(f"$ docker run app\n{text}")[0] == "container_without_gpu"


def test_a_driver_that_fails_in_a_container_is_not_a_container_without_one(codes):
    text = "failed call to cuInit: CUDA_ERROR_UNKNOWN: unknown error\nFAILED_PRECONDITION: No visible GPU devices."
    assert codes(f"$ docker run app\n{text}")[0] == "driver_broken_state"


def test_nothing_of_linux_inside_wsl_is_told_without_wsl(codes):
    text = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
    assert codes(text)[0] == "driver_broken_state"
    assert codes(f"Linux 5.15.153.1-microsoft-standard-WSL2\n{text}")[0] == "wsl2"


ENDED = 'Starting server\n!!! Exception during processing !!!\nTraceback (most recent call last):\n  File "x.py", line 3\n{}\n'
WARNED = {
    "torch_torchvision_mismatch": "xFormers was built for:\n PyTorch 2.3.0+cu121 with CUDA 1201 (you have 2.6.0+cu124)",
    "dwpose_cpu_fallback": "UserWarning: DWPose: Onnxruntime not found or doesn't come with acceleration providers",
    "wrong_python_environment": "ModuleNotFoundError: No module named 'insightface'\nCannot import custom_nodes/x",
}


@pytest.mark.parametrize("code", WARNED)
def test_what_was_only_warned_of_yields_to_what_a_text_ends_with(code, codes):
    ends = "RuntimeError: cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"
    assert codes(WARNED[code])[0] == code
    assert codes(f"{WARNED[code]}\n{ENDED.format(ends)}") == ["gpu_memory", code]
    assert codes(f"{WARNED[code]}\n{ENDED.format('ValueError: no shape')}") == [code]


def test_what_a_text_ends_with_does_not_yield_to_itself(codes):
    ends = "ModuleNotFoundError: No module named 'torch'"
    assert codes(ENDED.format(ends)) == ["wrong_python_environment"]


def test_a_failed_provider_does_not_yield_to_the_error_that_comes_of_it(codes):
    ends = (
        "[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : Could not find an implementation for CustomRelu(1) node"
    )
    assert codes(f"{MISSING.format('libcudnn.so.9')}\n{ENDED.format(ends)}")[0] == "cudnn_missing"


def test_what_a_text_surely_ends_with_is_no_consequence_of_a_warning(codes):
    ends = "AssertionError: Torch not compiled with CUDA enabled"
    warned = WARNED["wrong_python_environment"]
    assert codes(f"{warned}\n{ENDED.format(ends)}") == ["torch_cpu_build", "wrong_python_environment"]
    assert codes(f"{warned}\n{ends}")[0] == "wrong_python_environment"
