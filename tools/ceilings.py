"""Highest ONNX opset and IR version that an onnxruntime release accepts, by asking it.

The wheel is unpacked without its CUDA and TensorRT providers, imported by a Python that it has a wheel for, and
given one model after another, each one step newer, until it refuses. The models are an Identity node each.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from stackfix.errors import MeasureError
from stackfix.measure.archive import Archive

LEFT_OUT = ("libonnxruntime_providers_cuda", "libonnxruntime_providers_tensorrt")
OLDEST_OPSET, OLDEST_IR = 13, 7
LIMIT = 200

QUESTION = """
import json, sys
sys.path[:0] = sys.argv[1:3]
import onnxruntime
models = json.loads(sys.stdin.read())
answers = {}
for kind, steps in models.items():
    for number, text in steps:
        try:
            onnxruntime.InferenceSession(bytes.fromhex(text), providers=["CPUExecutionProvider"])
        except Exception as error:
            if "NOT_IMPLEMENTED" in str(error):  # the opset is known; 1.15 lacks the kernel of its one node
                answers[kind] = number
                continue
            answers[kind + " refused"] = str(error).splitlines()[0][:2000]
            break
        answers[kind] = number
print(json.dumps(answers))
"""


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _number(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _bytes(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def model(opset: int, ir: int) -> bytes:
    """Return a model that copies one float (onnx.proto: ModelProto, GraphProto, NodeProto)."""
    tensor = _bytes(1, _number(1, 1) + _bytes(2, _bytes(1, _number(1, 1))))
    node = _bytes(1, b"x") + _bytes(2, b"y") + _bytes(4, b"Identity")
    graph = _bytes(1, node) + _bytes(2, b"g")
    graph += _bytes(11, _bytes(1, b"x") + _bytes(2, tensor)) + _bytes(12, _bytes(1, b"y") + _bytes(2, tensor))
    return _number(1, ir) + _bytes(7, graph) + _bytes(8, _number(2, opset))


def unpack(archive: Archive, folder: Path) -> None:
    """Write onnxruntime's own members of a wheel below `folder`, without its GPU providers."""
    for name in archive.names:
        parts = name.split("/")
        if parts[0] != "onnxruntime" or name.endswith("/") or parts[-1].startswith(LEFT_OUT):
            continue
        if ".." in parts or "\\" in name:
            raise MeasureError(f"{archive.name}: {name}: leads out of the wheel")
        target = folder.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(archive.read(name))


def ask(archive: Archive, python: str, numpy_folder: Path) -> tuple[int, int]:
    """Return (opset, IR version) ceilings of the onnxruntime in a wheel.

    Raises MeasureError where it cannot be imported, or never refuses: then no ceiling was seen.
    """
    models = {
        "opset": [(n, model(n, OLDEST_IR).hex()) for n in range(OLDEST_OPSET, LIMIT)],
        "IR": [(n, model(OLDEST_OPSET, n).hex()) for n in range(OLDEST_IR, LIMIT)],
    }
    with tempfile.TemporaryDirectory() as folder:
        unpack(archive, Path(folder))
        done = subprocess.run(
            [python, "-I", "-c", QUESTION, folder, str(numpy_folder)],
            input=json.dumps(models),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"ended with {done.returncode}"]
        raise MeasureError(f"{archive.name}: cannot be asked: {last[0]}")
    answers = json.loads(done.stdout.splitlines()[-1])
    for kind in models:
        refusal = str(answers.get(f"{kind} refused", ""))
        if kind not in answers or not any(word in refusal for word in ("opset", "IR version")):
            raise MeasureError(f"{archive.name}: {kind}: no ceiling seen: {refusal or 'nothing was refused'}")
    return int(answers["opset"]), int(answers["IR"])


def numpy_for(python: str, folder: Path) -> None:
    """Install the numpy that every onnxruntime since 1.16 loads under, for `python`, into `folder`."""
    command = [
        shutil.which("uv") or str(Path(sys.executable).with_name("uv")),
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        "--target",
        str(folder),
        "numpy==1.26.4",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MeasureError(f"numpy cannot be installed for {python}: {done.stderr.strip()}")


def tag_of(python: str) -> str:
    """Return the part of a wheel's name that is for exactly this CPython: -cp311-cp311-."""
    question = "import sys; print('cp%d%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-I", "-c", question], capture_output=True, text=True, check=False)
    if done.returncode:
        raise MeasureError(f"{python} is not a Python that answers: {done.stderr.strip()}")
    return "-{0}-{0}-".format(done.stdout.strip())
