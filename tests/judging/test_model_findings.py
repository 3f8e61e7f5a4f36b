"""Model files beside an environment: too new for its runtime, broken, or read."""

from __future__ import annotations

import struct

import pytest
from patients import finding, look


def field(number, data):
    return bytes([number << 3 | 2, len(data)]) + data


def model(ir=8, opset=17):
    return bytes([1 << 3, ir]) + field(7, b"\x0a\x01g") + field(8, bytes([2 << 3, opset]))


@pytest.mark.parametrize(
    ("ir", "opset", "said"),
    [
        (11, 17, "is ONNX IR version 11, and onnxruntime-gpu 1.22.0 reads up to 10"),
        (8, 25, "is ONNX opset 25, and onnxruntime-gpu 1.22.0 reads up to 22"),
    ],
)
def test_a_model_above_the_runtimes_ceiling_is_told_with_both_numbers(site, tmp_path, ir, opset, said):
    file = tmp_path / "dw.onnx"
    file.write_bytes(model(ir, opset))
    found = finding(look(site.healthy(), models=[file]), "model_ir_or_opset")
    assert said in found.text
    assert found.about == ("onnxruntime-gpu",)


@pytest.mark.parametrize(
    ("ir", "fix"),
    [
        (11, "onnxruntime-gpu==1.26.0"),  # the newest for CUDA 12, as torch 2.8.0
        (99, "export the model again, for IR 10 and opset 22 or older"),
    ],
)
def test_a_model_that_is_too_new_is_answered_with_the_newest_release_that_goes_with_torch(
    site, tmp_path, ir, fix
):
    file = tmp_path / "dw.onnx"
    file.write_bytes(model(ir))
    found = finding(look(site.cuda12().torch().onnxruntime(), models=[file]), "model_ir_or_opset")
    assert fix in found.fix


def test_a_model_that_the_runtime_reads_is_right(site, tmp_path):
    file = tmp_path / "dw.onnx"
    file.write_bytes(model())
    report = look(site.healthy(), models=[file])
    assert report.ok
    assert any(
        "is a whole model, IR 8, opset 17, which onnxruntime-gpu 1.22.0 reads" in line for line in report.good
    )


def test_without_a_runtime_a_model_is_held_against_none(site, tmp_path):
    file = tmp_path / "dw.onnx"
    file.write_bytes(model(200 & 0x7F, 99))
    assert any("held against no runtime" in line for line in look(site, models=[file]).good)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"version https://git-lfs.github.com/spec/v1\n",
        b"<html>",
        model()[:4] + struct.pack("<Q", 1 << 60),
    ],
)
def test_a_file_that_is_no_whole_model_is_an_error_and_the_rest_is_judged(site, tmp_path, data):
    file = tmp_path / "dw.onnx"
    file.write_bytes(data)
    report = look(site.healthy(), models=[file])
    assert finding(report, "corrupt_model_file").severity == "error"
    assert report.good


def test_a_model_that_is_not_there_is_an_error_with_the_systems_word(site, tmp_path):
    found = finding(look(site, models=[tmp_path / "none.onnx", tmp_path]), "corrupt_model_file")
    assert "No such file" in found.text
