"""ONNX files: inputs and outputs against onnx's own reader, and what a file is that is none."""

import io

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from stackfix.facts.root import data_root
from stackfix.measure import onnx_model
from stackfix.measure.onnx_model import NotAModelError, OnnxModel, Tensor, read_onnx, what_instead

STANDINS = data_root() / "standins"


def as_onnx_reads_it(model):
    def tensor(value):
        shape = value.type.tensor_type.shape.dim
        dims = (each.dim_value if each.HasField("dim_value") else each.dim_param for each in shape)
        numbers = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name
        return Tensor(name=value.name, shape=tuple(dims), numbers=numbers)

    constants = {each.name for each in model.graph.initializer}
    free = tuple(tensor(each) for each in model.graph.input if each.name not in constants)
    return OnnxModel(inputs=free, outputs=tuple(map(tensor, model.graph.output)))


@pytest.mark.parametrize("name", ["yolox_l.onnx", "dw-ll_ucoco_384.onnx"])
def test_inputs_and_outputs_are_those_that_onnx_reads(name):
    path = STANDINS / name
    assert read_onnx(path) == as_onnx_reads_it(onnx.load(path))
    assert read_onnx(path).outputs


def test_constants_among_the_inputs_are_no_inputs_and_open_dimensions_are_kept(tmp_path):
    model = helper.make_model(
        helper.make_graph(
            [helper.make_node("Add", ["x", "w"], ["y"])],
            "sum",
            [
                helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", None, 3]),
                helper.make_tensor_value_info("w", TensorProto.FLOAT, [3]),
            ],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", None, 3])],
            [helper.make_tensor("w", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0])],
        )
    )
    onnx.save(model, tmp_path / "m.onnx")
    found = read_onnx(tmp_path / "m.onnx")
    assert found == as_onnx_reads_it(model)
    assert str(found) == "takes `x` [batch,?,3] and gives `y` [batch,?,3]"


@pytest.mark.parametrize(
    "kind",
    [
        "FLOAT",
        "UINT8",
        "INT8",
        "UINT16",
        "INT16",
        "INT32",
        "INT64",
        "FLOAT16",
        "DOUBLE",
        "BFLOAT16",
        "STRING",
    ],
)
def test_the_kind_of_numbers_is_that_which_onnx_reads(tmp_path, kind):
    value = [helper.make_tensor_value_info(name, TensorProto.DataType.Value(kind), [2]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "same", value[:1], value[1:])
    model = helper.make_model(graph)
    onnx.save(model, tmp_path / "m.onnx")
    found = read_onnx(tmp_path / "m.onnx")
    if kind == "STRING":
        assert found.inputs[0].numbers == "numbers of ONNX's type 8"
    else:
        assert found == as_onnx_reads_it(model)


@pytest.mark.parametrize(
    ("shape", "fits"),
    [((1, 3, 4), True), ((None, 3, 4), True), ((7, 3, 4), True), ((1, 3, 5), False), ((1, 3), False)],
)
def test_a_named_dimension_fits_any_number_and_a_number_only_itself(shape, fits):
    assert Tensor(name="x", shape=("batch", 3, 4)).fits(shape) is fits
    assert Tensor(name="x", shape=()).fits(shape)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "lfs"),
        (b"\n\n<!DOCTYPE html>", "page"),
        (b"\xef\xbb\xbf<html>", "page"),
        (b'{"error": "no"}', "text"),
        (b"<Error><Code>", "text"),
        (b"\x08\x06\x12\x07pytorch", ""),
        (b"PK\x03\x04", ""),
        (b"", ""),
    ],
)
def test_a_file_is_known_by_its_first_bytes(head, kind):
    assert what_instead(head)[0] == kind


def assert_read_or_refused(path):
    try:
        found = read_onnx(path)
    except NotAModelError:
        return
    assert isinstance(found, OnnxModel)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_model_or_no_model(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.onnx"
    path.write_bytes(data)
    assert_read_or_refused(path)


@settings(deadline=None)
@given(st.integers(0, 10**9), st.binary(min_size=1, max_size=4))
def test_a_damaged_graph_is_a_model_or_no_model(tmp_path_factory, place, change):
    whole = bytearray((STANDINS / "dw-ll_ucoco_384.onnx").read_bytes())
    start = place % len(whole)
    whole[start : start + len(change)] = change
    path = tmp_path_factory.getbasetemp() / "damaged.onnx"
    path.write_bytes(whole)
    assert_read_or_refused(path)


def test_a_graph_of_endless_parts_is_refused(monkeypatch):
    monkeypatch.setattr(onnx_model, "_MOST_FIELDS", 3)
    with pytest.raises(NotAModelError, match="more than 3 parts"):
        list(onnx_model._fields(io.BytesIO(b"\x08\x00" * 10), 0, 20))
