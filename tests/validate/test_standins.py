import json

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import make_standins
import standin_scene
from stackfix.validate import truth
from stackfix.validate.inside.detect import letterbox
from stackfix.validate.inside.journal import numbers
from stackfix.validate.inside.picture import read
from stackfix.validate.inside.pipeline import find_people
from stackfix.validate.inside.sessions import Networks, Options

CPU = Options(["CPUExecutionProvider"])
# the operators of the two real networks, activations and reshapes among them
OPERATORS = {
    *("Add", "Clip", "Concat", "Conv", "Div", "GlobalAveragePool", "HardSigmoid", "MatMul", "MaxPool", "Mul"),
    *("ReduceL2", "Relu", "Reshape", "Resize", "Sigmoid", "Slice", "Sub", "Transpose"),
}


@pytest.fixture(scope="module")
def networks(weights):
    return Networks(onnxruntime, str(weights.detector), str(weights.pose), CPU)


def found_in(picture, networks):
    networks.clear()
    people = find_people(picture, networks.run_detector, networks.run_pose)
    return truth.people_from(
        {"box": numbers(box), "keypoints": numbers(people.keypoints[k]), "scores": numbers(people.scores[k])}
        for k, box in enumerate(people.boxes)
    )


def assert_true(picture, people, networks):
    checks = truth.compare(
        found_in(picture, networks), truth.people_from(standin_scene.truth_of(people)["people"])
    )
    assert [check.ok for check in checks] == [True] * len(checks), checks


def test_writing_them_again_gives_the_same_networks_picture_and_truth(weights, tmp_path):
    make_standins.main(tmp_path)
    for path in (weights.detector, weights.pose):
        mine, other = onnx.load(path), onnx.load(tmp_path / path.name)
        for model in (mine, other):
            model.ClearField("producer_version")
        assert mine == other, f"{path.name} differs from what tools/make_standins.py writes"
    assert np.array_equal(read(str(weights.scene)), read(str(tmp_path / "scene.png")))
    assert json.loads(weights.truth.read_text()) == json.loads((tmp_path / "truth.json").read_text())


def test_they_look_like_the_real_networks_to_onnxruntime(weights, networks):
    detector, pose = onnx.load(weights.detector), onnx.load(weights.pose)
    for model, path in ((detector, weights.detector), (pose, weights.pose)):
        assert (model.ir_version, model.opset_import[0].version) == (6, 11)
        assert path.stat().st_size < 1_000_000
    used = {node.op_type for model in (detector, pose) for node in model.graph.node}
    assert used == OPERATORS

    def signature(values):
        return [(each.name, each.shape) for each in values]

    assert signature(networks.detector.get_inputs()) == [("images", [1, 3, 640, 640])]
    assert signature(networks.detector.get_outputs()) == [("output", [1, 8400, 85])]
    assert signature(networks.pose.get_inputs()) == [("input", ["batch", 3, 384, 288])]
    assert signature(networks.pose.get_outputs()) == [
        ("simcc_x", ["batch", 133, 576]),
        ("simcc_y", ["batch", 133, 768]),
    ]


@pytest.mark.parametrize("seed", range(8))
def test_the_people_of_random_scenes_are_found_where_they_are(networks, seed):
    random = np.random.default_rng(seed)
    width, height = ((640, 480), (960, 720), (500, 640), (1280, 720))[seed % 4]
    people, left = [], int(random.integers(0, 40))
    while left + (across := int(random.integers(40, width // 5))) <= width:
        down = int(random.integers(80, min(480, height * 0.9)))
        top = int(random.integers(0, height - down))
        people.append((left, top, left + across, top + down))
        left += across + int(random.integers(40, 120))
    assert len(people) > 1
    assert_true(standin_scene.paint(width, height, people, seed=seed), people, networks)


def test_a_person_who_moves_takes_box_and_keypoints_along(networks):
    first, second = [(100, 80, 200, 380)], [(371, 143, 471, 443)]
    found = [found_in(standin_scene.paint(640, 480, each, seed=1), networks)[0] for each in (first, second)]
    moved = np.subtract(found[1].keypoints, found[0].keypoints)
    assert np.abs(moved - (271, 63))[np.array(found[0].scores) >= 0.3].max() <= 1.8


@pytest.mark.parametrize(
    "people", [[(0, 0, 90, 300)], [(550, 200, 640, 480)], [(0, 40, 60, 480), (300, 0, 420, 400)]]
)
def test_people_at_the_border_are_found(networks, people):
    assert_true(standin_scene.paint(640, 480, people, seed=5), people, networks)


@pytest.mark.parametrize("value", [0, 255])
def test_in_an_empty_room_nobody_is_found(networks, value):
    assert found_in(np.full((300, 500, 3), value, np.uint8), networks) == ()


def test_a_picture_of_one_pixel_and_one_of_8k_are_looked_at(networks):
    assert found_in(np.zeros((1, 1, 3), np.uint8), networks) == ()
    people = [(1200, 600, 2400, 3900), (4800, 300, 6000, 3300)]
    boxes = [person.box for person in found_in(standin_scene.paint(7680, 4320, people, seed=2), networks)]
    # a letterbox pixel is twelve of this picture
    assert np.abs(np.array(sorted(boxes)) - people).max() <= 12


def test_inputs_that_were_recorded_stay_when_the_square_holds_another_picture(weights, networks):
    picture, other = read(str(weights.scene)), np.zeros((480, 640, 3), np.uint8)
    networks.clear()
    for each in (picture, other):
        find_people(each, networks.run_detector, networks.run_pose, square=networks.square)
    expected = [letterbox(each).tensor for each in (picture, other)]
    assert [*map(np.array_equal, networks.inputs["detector"], expected)] == [True, True]


@pytest.mark.parametrize("name", ["detector", "pose"])
def test_every_convolution_and_product_takes_part_in_the_answer(weights, name, networks):
    picture = read(str(weights.scene))
    found_in(picture, networks)
    tensor = {"detector": letterbox(picture).tensor, "pose": networks.inputs["pose"][0]}[name]
    model = onnx.load(getattr(weights, name))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: tensor}
    expected = session.run(None, feed)
    weighted = [
        node.input[1]
        for node in model.graph.node
        if node.op_type in {"Conv", "MatMul"}
        # a shift farther than any person of the scene reaches adds nothing, and rightly so
        and not any(each.name == "group" for each in node.attribute)
    ]
    constants = {each.name: each for each in model.graph.initializer}
    changed = 0
    for weight in [each for each in weighted if each in constants]:
        other = onnx.ModelProto()
        other.CopyFrom(model)
        for tensor_proto in other.graph.initializer:
            if tensor_proto.name == weight:
                array = numpy_helper.to_array(tensor_proto) * np.float32(1.2) + np.float32(0.01)
                tensor_proto.CopyFrom(numpy_helper.from_array(array, weight))
        answers = onnxruntime.InferenceSession(
            other.SerializeToString(), providers=["CPUExecutionProvider"]
        ).run(None, feed)
        differs = max(float(np.abs(a - b).max()) for a, b in zip(answers, expected, strict=True))
        assert differs > 1e-5, f"{weight} could be anything"
        changed += 1
    assert changed > 5
