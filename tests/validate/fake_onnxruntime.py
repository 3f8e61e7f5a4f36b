"""An onnxruntime that does what FAKE_ONNXRUNTIME says; it computes with the real one, on the CPU."""

import ctypes
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path

MODE = os.environ["FAKE_ONNXRUNTIME"]
CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"
# a folder with what a session on the GPU maps; without it this says that it runs there, and nobody else does
DRIVER = os.environ.get("FAKE_DRIVER", "")

if MODE == "raises on import":
    raise ImportError("libcublas.so.12: cannot open shared object file: No such file or directory")
if MODE == "leaves on import":
    sys.exit(0)

_here = Path(__file__).resolve().parent.parent
_fake, _path = sys.modules.pop("onnxruntime"), list(sys.path)
sys.path = [each for each in sys.path if Path(each).resolve() != _here]
_real = importlib.import_module("onnxruntime")
sys.path = _path
sys.modules["onnxruntime"] = _fake

__version__ = _real.__version__
SessionOptions = _real.SessionOptions


class OrtValue:
    @staticmethod
    def ortvalue_from_numpy(array, device, index):
        return _Bound(array)


def get_available_providers():
    return [CPU] if MODE == "cpu build" else [CUDA, CPU]


class _Bound:
    def __init__(self, array):
        self.array = array

    def device_name(self):
        return "cpu" if MODE == "binds to the cpu" else "cuda"

    def data_ptr(self):
        return self.array.ctypes.data


class _Binding:
    def bind_ortvalue_input(self, name, value):
        self.given = {name: value.array}

    def bind_output(self, name, device):
        pass

    def get_outputs(self):
        return [_Bound(each) for each in self.answers]

    def copy_outputs_to_cpu(self):
        return [each * 1.01 for each in self.answers] if MODE == "copies other numbers" else self.answers


class InferenceSession:
    def __init__(self, path, sess_options=None, providers=None, enable_fallback=1):
        names = [each[0] if isinstance(each, tuple) else each for each in providers]
        self.on_gpu = CUDA in names
        strict = self.on_gpu and CPU not in names
        if self.on_gpu:
            if MODE == "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            if MODE == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if MODE == "abort":
                os.abort()
            if MODE == "hang":
                time.sleep(600)
            if MODE == "floods":
                while True:
                    os.write(2, b"warning\n" * 100_000)
            if MODE == "answers by itself":
                os.write(1, b'{"end": true, "verdict": "proved on gpu"}\n')
                os.close(1)
                os.close(2)
                os._exit(0)
            if MODE == "stops":
                os._exit(0)
            if MODE == "binary":
                os.write(2, b"\xff\xfe\x00\x1b[31mred\x07" * 50)
                os.write(1, b"\x80\x81 out of memory")
                os._exit(3)
            if MODE == "raises":
                raise RuntimeError(
                    "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version"
                )
            if MODE == "cudnn gets no memory":
                raise RuntimeError("CUDNN failure 1001: CUDNN_STATUS_NOT_INITIALIZED ; GPU=0")
            if strict and MODE in {"refuses strictly", "silent", "cpu build"}:
                raise RuntimeError("fallback to CPU EP has been explicitly disabled by the user")
        if self.on_gpu and DRIVER:
            ctypes.CDLL(f"{DRIVER}/libcuda.so.1")
            if MODE != "has no provider":
                ctypes.CDLL(f"{DRIVER}/libonnxruntime_providers_cuda.so")
        self.profile = sess_options.profile_file_prefix if sess_options.enable_profiling else ""
        self.claims = [CUDA, CPU] if self.on_gpu and MODE not in {"silent", "cpu build"} else [CPU]
        if MODE == "own program on the cpu" and self.on_gpu and not self.profile:
            self.claims = [CPU]
        if TENSORRT in names:
            if MODE == "tensorrt dies":
                os.abort()
            if MODE == "tensorrt lacks a kernel" and CUDA not in names:
                raise RuntimeError(
                    "This session contains graph nodes that are assigned to the default CPU EP"
                )
            self.claims = [CUDA, CPU] if MODE == "tensorrt is left" else names
            self.on_gpu = self.on_gpu or MODE == "wrong numbers"
        self.session = _real.InferenceSession(path, providers=[CPU])

    def get_providers(self):
        return [CUDA, CPU] if MODE == "says cuda" else self.claims

    def disable_fallback(self):
        pass

    def get_inputs(self):
        return self.session.get_inputs()

    def get_outputs(self):
        return self.session.get_outputs()

    def run(self, names, inputs):
        if self.on_gpu and MODE == "memory for one" and len(next(iter(inputs.values()))) > 1:
            raise RuntimeError(
                "bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 42467328"
            )
        if self.on_gpu and MODE == "no memory to run":
            raise RuntimeError("CUDA failure 2: out of memory")
        answers = self.session.run(names, inputs)
        if self.on_gpu and MODE == "wrong numbers":
            answers = [each * 1.01 for each in answers]
        if self.on_gpu and MODE == "sees a crowd":
            answers = [-each for each in answers]  # a product of two of them is a score again
        if self.on_gpu and MODE == "own program computes nothing" and not self.profile:
            answers = [each * 0 for each in answers]
        if self.on_gpu and MODE == "own program rounds" and not self.profile:
            answers = [each * 1.012 for each in answers]
        if self.on_gpu and MODE == "own program raises" and not self.profile:
            os.write(2, b"EP Error ... Falling back to ['CPUExecutionProvider'] and retrying.\n")
            raise RuntimeError("no plan for this convolution")
        if self.on_gpu and MODE == "several break off" and len(next(iter(inputs.values()))) > 1:
            raise RuntimeError("no plan for this many")
        if self.on_gpu and MODE == "no numbers":
            answers = [each * float("nan") for each in answers]
        if self.on_gpu and MODE == "falls back in a run":
            self.claims = [CPU]
        return answers

    def io_binding(self):
        return _Binding()

    def run_with_iobinding(self, binding):
        if MODE == "no memory to bind":
            raise RuntimeError("CUDA failure 2: out of memory ; GPU=0")
        if MODE == "has another binding":
            raise AttributeError("no such method")
        binding.answers = self.run(None, binding.given)
        if MODE == "binds other numbers":
            binding.answers = [each * 1.01 for each in binding.answers]

    def end_profiling(self):
        provider = CPU if MODE == "convolutions on the cpu" else CUDA
        nodes = [("Conv", provider), ("MatMul", CUDA)]
        if MODE == "refuses strictly":
            nodes.append(("Shape", CPU))
        if TENSORRT in self.claims and MODE != "tensorrt runs nothing":
            nodes = [("TRTKernel_graph_main_1_0", TENSORRT), *nodes[2:]]
        path = self.profile + "_profile.json"
        events = [
            {"cat": "Node", "args": {"op_name": name, "provider": on, "output_size": "16"}, "dur": 50}
            for name, on in nodes
        ]
        Path(path).write_text(json.dumps(events))
        return path


if MODE == "is not whole":
    del get_available_providers
