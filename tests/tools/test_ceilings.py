"""Ceilings: what an onnxruntime refuses is asked of it, never concluded."""

import sys
from pathlib import Path

import onnx
import pytest
from binaries import wheel

import ceilings
from stackfix.errors import MeasureError
from stackfix.measure.archive import Archive
from stackfix.measure.reader import BytesReader

OF_TEST = """
class InferenceSession:
    def __init__(self, model, providers):
        if model[-1] > {opset}:
            raise RuntimeError("{word} " + str(model[-1]) + " is under development")
        if model[1] > {ir}:
            raise RuntimeError("Unsupported model IR version: " + str(model[1]))
"""


def archive(opset=21, ir=10, word="opset", source=OF_TEST, **members):
    code = source.format(opset=opset, ir=ir, word=word)
    return Archive(BytesReader("ort.whl", wheel({"onnxruntime/__init__.py": code, **members})))


def ask(opened, tmp_path):
    return ceilings.ask(opened, sys.executable, tmp_path)


@pytest.mark.parametrize(("opset", "ir"), [(13, 7), (21, 10), (26, 13)])
def test_a_model_is_valid_onnx_of_the_opset_and_ir_asked_for(opset, ir):
    model = onnx.load_model_from_string(ceilings.model(opset, ir))
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, model.opset_import[0].version) == (ir, opset)


def test_the_last_step_before_the_refusal_is_the_ceiling(tmp_path):
    assert ask(archive(opset=21, ir=10), tmp_path) == (21, 10)


def test_an_onnxruntime_that_fails_for_another_reason_has_no_known_ceiling(tmp_path):
    with pytest.raises(MeasureError, match=r"ort\.whl: opset: no ceiling seen: out of memory"):
        ask(archive(word="out of memory"), tmp_path)


def test_an_onnxruntime_that_refuses_nothing_has_no_known_ceiling(tmp_path):
    with pytest.raises(MeasureError, match="nothing was refused"):
        ask(archive(opset=500, ir=500), tmp_path)


def test_an_onnxruntime_that_cannot_be_imported_is_told_with_the_reason(tmp_path):
    with pytest.raises(MeasureError, match=r"cannot be asked: ImportError: no numpy"):
        ask(archive(source="raise ImportError('no numpy')"), tmp_path)


def test_gpu_providers_are_left_out_and_nothing_is_written_outside(tmp_path):
    folder = tmp_path / "unpacked"
    ceilings.unpack(
        archive(**{"onnxruntime/capi/libonnxruntime_providers_cuda.so": b"x", "other/a.py": b""}), folder
    )
    assert [path.relative_to(folder) for path in folder.rglob("*.*")] == [Path("onnxruntime/__init__.py")]
    with pytest.raises(MeasureError, match="leads out of the wheel"):
        ceilings.unpack(archive(**{"onnxruntime/../../evil.py": b""}), folder)
