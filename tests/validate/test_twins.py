"""Twins are as large as the real networks, and the verdict says that they prove nothing of what is found."""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from stackfix.model.evidence import Known
from stackfix.validate.inside import twins
from stackfix.validate.inside.onnx_writer import Graph
from stackfix.validate.run import run
from stackfix.validate.weights import refuse_what_is_no_network
from stackfix.validate.weights import twins as twin_weights

DATA = Path(__file__).resolve().parent.parent.parent / "data"
REAL_BYTES = {twins.DETECTOR: 216_746_733, twins.POSE: 134_399_116}


def test_what_the_writer_writes_is_what_onnx_reads(tmp_path):
    graph = Graph("small")
    value = graph.takes("taken", ["batch", 6])
    weight = graph.constant(np.arange(12).reshape(6, 2) / 7)
    first, second = graph.add("Split", graph.add("MatMul", value, weight), count=2, axis=-1, split=[1, 1])
    graph.add("Gemm", first, graph.constant([[2.0]]), graph.constant([1.5]), alpha=0.5, name="given")
    graph.add("LeakyRelu", second, name="other", alpha=0.25)
    graph.gives("given", ["batch", 1])
    graph.gives("other", ["batch", 1])
    size = graph.write(str(tmp_path / "m.onnx"))
    assert size == (tmp_path / "m.onnx").stat().st_size
    refuse_what_is_no_network(tmp_path / "m.onnx")
    model = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert np.array_equal(
        numpy_helper.to_array(model.graph.initializer[0]),
        (np.arange(12).reshape(6, 2) / 7).astype(np.float32),
    )
    taken = -np.ones((3, 6), np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    given, other = session.run(None, {"taken": taken})
    product = taken @ (np.arange(12).reshape(6, 2) / 7)
    assert given == pytest.approx(product[:, :1] + 1.5, rel=1e-5)
    assert other == pytest.approx(product[:, 1:] * 0.25, rel=1e-5)


def test_a_negative_number_is_written_in_64_bits(tmp_path):
    graph = Graph("negative")
    graph.add("Concat", graph.takes("taken", [2]), graph.constant([1, 2]), axis=-1, name="given")
    graph.gives("given", [4])
    graph.write(str(tmp_path / "m.onnx"))
    assert onnx.load(tmp_path / "m.onnx").graph.node[0].attribute[0].i == -1


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_twins_are_as_large_as_the_real_networks_and_run(tmp_path):
    for made in twins.write(str(tmp_path)):
        real = REAL_BYTES[Path(made.path).name]
        # less than the names of the real file's nodes
        assert abs(made.bytes - real) < 20_000, made
        onnx.checker.check_model(made.path, full_check=True)
    verdict = run(Path(sys.executable), device="cpu", weights=twin_weights(DATA), repeats=1)
    assert verdict.state == "proved on cpu", verdict
    assert "nothing about accuracy" in verdict.reason
    assert verdict.detected == 0
    assert isinstance(verdict.latency_ms, Known)
    assert isinstance(verdict.network_ms, Known)
    assert verdict.network_ms.value <= verdict.latency_ms.value
    assert not any(check.ok is True and check.name in {"boxes", "keypoints"} for check in verdict.checks)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("shade", [-2.1, 2.4, None])
def test_the_pose_networks_twin_does_not_magnify_what_another_order_of_additions_makes(tmp_path, shade):
    twins.rtmpose().write(str(tmp_path / twins.POSE))
    flat = np.full((1, 3, 384, 288), shade or 0, np.float32)
    crop = flat if shade else np.random.default_rng(0).standard_normal(flat.shape, dtype=np.float32)
    answers = []
    for level in (
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
        onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    ):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = level
        session = onnxruntime.InferenceSession(
            str(tmp_path / twins.POSE), options, providers=["CPUExecutionProvider"]
        )
        answers.append(session.run(None, {"input": crop}))
    for plain, fused in zip(*answers, strict=True):
        # a proof allows a thousandth; between a CPU and a GPU more differs than between these
        assert np.abs(plain - fused).max() <= 5e-5 * np.abs(fused).max()
