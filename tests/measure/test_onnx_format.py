"""ONNX models: format read from the top-level fields, and what is no whole model named as what it is."""

from __future__ import annotations

import os

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from stackfix.errors import MeasureError
from stackfix.measure.onnx_format import onnx_format
from stackfix.measure.reader import BytesReader, held


def model(ir=8, opset=17, domains=()):
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "g",
        [value],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    sets = [helper.make_opsetid("", opset), *(helper.make_opsetid(*each) for each in domains)]
    made = helper.make_model(graph, opset_imports=sets)
    made.ir_version = ir
    return made.SerializeToString()


def read(data):
    return onnx_format(BytesReader("m.onnx", data))


@pytest.mark.parametrize(("ir", "opset"), [(3, 7), (8, 17), (13, 26)])
def test_the_format_is_what_onnx_itself_wrote(ir, opset):
    found = read(model(ir, opset, [("com.microsoft", 1)]))
    assert (found.ir, found.opsets) == (ir, {"": opset, "com.microsoft": 1})


def test_the_long_name_of_onnx_own_domain_is_the_same_domain():
    data = onnx.ModelProto.FromString(model())
    data.opset_import[0].domain = "ai.onnx"
    assert read(data.SerializeToString()).opsets == {"": 17}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "is a pointer of Git LFS"),
        (b"<!DOCTYPE html><html>not found</html>", "is a web page or text"),
        (b"\n  <html>", "is a web page or text"),
        (b'{"error": "not found"}', "is a web page or text"),
        (bytes(100), "is no ONNX model"),
        (b"\x08" + b"\xff" * 20, "a number without end"),
        (b"\x08\x07", "it has no graph"),
    ],
)
def test_what_is_no_model_is_named_as_what_it_is(data, said):
    with pytest.raises(MeasureError, match=said):
        read(data)


def test_a_model_that_is_cut_short_anywhere_is_refused():
    whole = model()
    for length in range(len(whole)):
        cut = whole[:length]
        try:
            found = read(cut)
        except MeasureError:
            continue
        onnx.ModelProto.FromString(cut)  # the fields that are there are whole
        assert found.ir == 8


def test_a_cut_inside_the_graph_says_how_much_is_missing():
    with pytest.raises(MeasureError, match=r"is cut short: 30 bytes, at least \d+ are expected"):
        read(model()[:30])


def test_what_is_no_file_is_not_read(tmp_path):
    pipe = tmp_path / "m.onnx"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="is not a file"), held(str(pipe)) as reader:
        onnx_format(reader)


@settings(max_examples=300, deadline=None)
@given(data=st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda tail: model()[:-20] + tail)))
def test_no_bytes_raise_anything_else(data):
    try:
        found = read(data)
    except MeasureError as error:
        assert "m.onnx" in error.message  # noqa: PT017 - either is right
        return
    assert found.ir
