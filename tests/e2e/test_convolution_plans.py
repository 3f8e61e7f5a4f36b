"""cuDNN itself has a plan for each convolution on each GPU, as the proof asks for it; asked without a GPU.

cuDNN tells from the properties of a device alone what it would run on it:
https://docs.nvidia.com/deeplearning/cudnn/frontend/latest/utilities/deviceless-ahead-of-time-compilation.html
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from stackfix.facts.root import data_root
from stackfix.validate.inside import twins
from stackfix.validate.inside.sessions import EXACT

pytestmark = [pytest.mark.slow, pytest.mark.network]
UV = Path(sys.executable).with_name("uv")
PACKAGES = ("nvidia-cudnn-cu13==9.26.0.51", "nvidia-cublas", "nvidia-cuda-runtime", "nvidia-cuda-nvrtc")
# how onnxruntime asks cuDNN's heuristics (UpdateState in core/providers/cuda/nn/conv.cc)
MODES = {"EXHAUSTIVE": "B", "HEURISTIC": "A", "DEFAULT": "FALLBACK"}
# of each GPU the multiprocessors and the most bytes of shared memory that a block may have
GPUS = {"sm_75": (40, 65536), "sm_80": (108, 166912), "sm_90": (132, 232448), "sm_120": (170, 101376)}

_ASK = """
import json, sys
import cudnn
convolutions, properties, mode, tf32 = json.load(sys.stdin)
device = cudnn.create_device_properties(json.dumps(properties))
float32 = cudnn.data_type.FLOAT

def laid(shape):
    return [shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[3], 1]

lacking = []
for x, w, pads, strides, dilations in convolutions:
    graph = cudnn.pygraph(device_property=device, sm_version=properties["deviceVer"], io_data_type=float32,
                          intermediate_data_type=float32, compute_data_type=float32)
    image = graph.tensor(name="x", dim=x, stride=laid(x), data_type=float32)
    weight = graph.tensor(name="w", dim=w, stride=laid(w), data_type=float32)
    answer = graph.conv_fprop(image=image, weight=weight, pre_padding=pads[:2], post_padding=pads[2:],
                              stride=strides, dilation=dilations)
    sides = [(x[2 + k] + pads[k] + pads[2 + k] - dilations[k] * (w[2 + k] - 1) - 1) // strides[k] + 1 for k in (0, 1)]
    shape = [x[0], w[0], *sides]
    answer.set_output(True).set_data_type(float32).set_dim(shape).set_stride(laid(shape))
    try:
        graph.validate()
        graph.build_operation_graph()
        graph.create_execution_plans([getattr(cudnn.heur_mode, mode)])
        if not tf32:
            graph.deselect_numeric_notes([cudnn.numerical_note.TENSOR_CORE])
        graph.check_support()
        graph.build_plans()
    except Exception as error:
        lacking.append([x, w, str(error)[:200]])
print(json.dumps(lacking))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cudnn") / "env"
    subprocess.run([str(UV), "venv", "--quiet", "-p", sys.executable, str(folder)], check=True)
    command = [str(UV), "pip", "install", "--quiet", "--python", str(folder / "bin" / "python")]
    subprocess.run([*command, "nvidia-cudnn-frontend==1.32.0", "numpy", *PACKAGES], check=True, timeout=600)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def convolutions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twins")
    twins.write(str(folder))
    found = set()
    for path in (*(data_root() / "standins").glob("*.onnx"), *folder.glob("*.onnx")):
        model = onnx.load(path)
        for value in (*model.graph.input, *model.graph.output):
            first = value.type.tensor_type.shape.dim[0]
            first.dim_value = first.dim_value or 1
        del model.graph.value_info[:]
        graph = onnx.shape_inference.infer_shapes(model).graph
        shapes = {
            value.name: tuple(each.dim_value for each in value.type.tensor_type.shape.dim)
            for value in (*graph.value_info, *graph.input)
        } | {each.name: tuple(each.dims) for each in graph.initializer}
        for node in graph.node:
            if node.op_type == "Conv":
                given = {each.name: tuple(each.ints) for each in node.attribute}
                rest = ((0, 0, 0, 0), (1, 1), (1, 1))
                named = zip(("pads", "strides", "dilations"), rest, strict=True)
                found.add((*(shapes[name] for name in node.input[:2]), *(given.get(*each) for each in named)))
    assert len(found) > 100
    return sorted(found)


def lacking(python, convolutions, gpu, search, *, tf32, **variables):
    """Return the convolutions for which cuDNN has no plan on a GPU."""
    processors, shared = GPUS[gpu]
    properties = {
        "deviceName": gpu, "deviceVer": int(gpu[3:]) * 10, "driverVer": 13000, "cudaDeviceId": 0, "pciDeviceId": 0,
        "maxGridSize": [2**31 - 1, 65535, 65535], "maxBlockSize": [1024, 1024, 64], "regsPerBlock": 65536,
        "multiProcessorCount": processors, "smCountOrigin": 0, "warpSize": 32, "maxSharedMemoryPerBlock": 49152,
        "maxSharedMemoryPerBlockOptin": shared, "oversizedSharedMemoryPerBlock": 0, "reservedSharedMemoryPerBlock": 1024,
        "maxRegistersPerSM": 65536, "maxCtasPerSM": 16, "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 1024,
        "isTccDriver": 0, "supportCoopLaunch": 1, "smClockRateKHz": 1980000, "memClockRateKHz": 2619000,
        "l2CacheSize": 50 << 20, "totalGlobalMem": 80 << 30,
    }  # fmt: skip
    question = json.dumps([convolutions, properties, MODES[search], tf32])
    environment = {**os.environ, **variables}
    command = [str(python), "-c", _ASK]
    done = subprocess.run(
        command, input=question, capture_output=True, text=True, env=environment, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("gpu", GPUS)
def test_as_the_proof_asks_each_convolution_has_a_plan_in_32_bits(python, convolutions, gpu):
    assert lacking(python, convolutions, gpu, EXACT["cudnn_conv_algo_search"], tf32=False) == []


@pytest.mark.parametrize("gpu", GPUS)
def test_as_a_program_of_its_own_asks_each_convolution_has_a_plan(python, convolutions, gpu):
    assert lacking(python, convolutions, gpu, "EXHAUSTIVE", tf32=True) == []


def test_the_variable_leaves_convolutions_without_a_plan_where_the_option_does_not(python, convolutions):
    found = lacking(python, convolutions, "sm_90", "EXHAUSTIVE", tf32=True, NVIDIA_TF32_OVERRIDE="0")
    assert [(x, w) for x, w, _ in found] == [
        ([1, 2, 1, 288], [2, 1, 1, 3]),
        ([1, 2, 1, 384], [2, 1, 1, 3]),
    ]
