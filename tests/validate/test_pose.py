import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackfix.validate.inside import pose, skeleton
from stackfix.validate.inside.pipeline import find_people

corner = st.floats(-500, 5000, allow_nan=False, width=32)
side = st.floats(2, 4000, allow_nan=False, width=32)


@given(corner, corner, side, side)
def test_a_crop_is_three_to_four_and_a_quarter_larger_than_its_box(left, top, width, height):
    crop = pose.crop_of([left, top, left + width, top + height])
    assert crop.size[0] / crop.size[1] == pytest.approx(288 / 384, rel=1e-4)
    assert crop.size[0] >= 1.25 * width * (1 - 1e-3) - 0.01
    assert crop.size[1] >= 1.25 * height * (1 - 1e-3) - 0.01
    assert min(crop.size[0] / width, crop.size[1] / height) == pytest.approx(1.25, rel=1e-2)


@given(corner, corner, side, side, st.floats(0, 288), st.floats(0, 384))
def test_the_way_back_undoes_the_warp(left, top, width, height, x, y):
    crop = pose.crop_of([left, top, left + width, top + height])
    back = pose.to_picture(np.array([[x, y]]), crop)[0]
    there = pose.warp_matrix(crop) @ np.array([back[0], back[1], 1.0])
    # picture coordinates are 32-bit, so the smaller a crop the coarser they are
    assert there == pytest.approx((x, y), abs=0.05 + 3e-7 * 6000 * 384 / float(crop.size[1]))


@pytest.mark.parametrize("frame", [(192, 256), (288, 384), (256, 256)])
def test_a_network_of_another_size_sees_people_at_that_size_and_puts_them_back(frame):
    crop = pose.crop_of([100, 50, 180, 250], frame)
    assert crop.size[0] / crop.size[1] == pytest.approx(frame[0] / frame[1])
    corner = pose.warp_matrix(crop) @ np.array([*(crop.centre + crop.size / 2), 1.0])
    assert corner == pytest.approx(np.array(frame, float), abs=1e-3)
    picture = np.zeros((300, 300, 3), np.uint8)
    seen = []

    def run_pose(tensor):
        seen.append(tensor.shape)
        bins = [np.zeros((1, 133, 2 * side), np.float32) for side in frame]
        for each in bins:
            each[:, :, each.shape[2] // 2] = 0.9  # the middle of the crop
        return tuple(bins)

    positions, scores = pose.estimate(picture, np.array([[100, 50, 180, 250]]), run_pose, frame=frame)
    assert seen == [(1, 3, frame[1], frame[0])]
    assert positions == pytest.approx(np.broadcast_to([140.0, 150.0], (1, 133, 2)))
    assert scores.min() == pytest.approx(0.9)


def test_decoding_takes_the_best_bin_of_each_axis_and_the_lower_score():
    simcc_x, simcc_y = np.zeros((1, 133, 576), np.float32), np.zeros((1, 133, 768), np.float32)
    simcc_x[0, 4, 101], simcc_y[0, 4, 700] = 0.9, 0.4
    simcc_x[0, 5, 7], simcc_y[0, 5, :] = 0.9, -0.1
    positions, scores = pose.decode(simcc_x, simcc_y)
    assert positions[0, 4].tolist() == [50.5, 350.0]
    assert scores[0, 4] == np.float32(0.4)
    assert positions[0, 5].tolist() == [-0.5, -0.5]


def test_outside_the_picture_is_black_before_it_is_normalised():
    picture = np.full((100, 100, 3), 255, np.uint8)
    tensor = pose.tensor_of(picture, pose.crop_of([80, 0, 140, 80]))
    black = (0 - np.array(pose.MEAN)) / np.array(pose.DEVIATION)
    assert tensor[0, :, 192, 287] == pytest.approx(black, abs=1e-5)
    white = (255 - np.array(pose.MEAN)) / np.array(pose.DEVIATION)
    assert tensor[0, :, 192, 20] == pytest.approx(white, abs=1e-5)


def test_the_order_is_that_of_the_original_assignments():
    positions = np.arange(133 * 2, dtype=np.float64).reshape(1, 133, 2)
    scores = np.linspace(0.35, 0.9, 133)[None]
    points = [
        *positions[0][:17].tolist(),
        ((positions[0, 5] + positions[0, 6]) / 2).tolist(),
        *positions[0][17:].tolist(),
    ]
    expected = list(points)
    for target, source in zip(
        [1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17],
        [17, 6, 8, 10, 7, 9, 12, 14, 16, 13, 15, 2, 1, 4, 3],
        strict=True,
    ):
        expected[target] = points[source]
    found, found_scores = skeleton.openpose(positions, scores)
    assert found[0].tolist() == expected
    assert found_scores[0, 1] == 1.0


@pytest.mark.parametrize(("left", "right", "neck"), [(0.31, 0.31, 1), (0.3, 0.9, 0), (0.9, 0.1, 0)])
def test_a_neck_needs_both_shoulders(left, right, neck):
    scores = np.full((1, 133), 0.9)
    scores[0, 5], scores[0, 6] = left, right
    assert skeleton.openpose(np.zeros((1, 133, 2)), scores)[1][0, 1] == neck


def test_exactly_three_tenths_is_visible():
    assert skeleton.visible(np.array([0.2999, 0.3])).tolist() == [False, True]


def test_without_people_the_whole_picture_is_posed():
    seen = []

    def run_pose(tensor):
        seen.append(tensor)
        simcc_x, simcc_y = np.zeros((1, 133, 576), np.float32), np.zeros((1, 133, 768), np.float32)
        simcc_x[:, :, 288], simcc_y[:, :, 384] = 0.5, 0.5
        return simcc_x, simcc_y

    found = find_people(
        np.zeros((300, 400, 3), np.uint8), lambda _: np.zeros((1, 8400, 85), np.float32), run_pose
    )
    assert found.boxes.shape == (0, 4)
    assert len(seen) == 1
    assert found.keypoints[0, 0].tolist() == [200.0, 150.0]
