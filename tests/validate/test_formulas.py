"""The pipeline against DWPose's formulas, written again here as plain loops over 64-bit numbers."""

import math

import numpy as np
import pytest

import standin_scene
from stackfix.validate.inside import detect, pose
from stackfix.validate.inside.pipeline import find_people

PIXELS = 1e-3
# OpenPose's 18 body points by name, as COCO numbers them
NOSE, LEFT_EYE, RIGHT_EYE, LEFT_EAR, RIGHT_EAR = range(5)
LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG = (5, 7, 9), (6, 8, 10), (11, 13, 15), (12, 14, 16)


def boxes_by_formula(output: np.ndarray, ratio: float) -> list[list[float]]:
    cells = [(x, y, s) for s in (8, 16, 32) for y in range(640 // s) for x in range(640 // s)]
    found = []
    for row, (x, y, stride) in zip(output[0].astype(np.float64), cells, strict=True):
        score = row[4] * row[5]
        if score > 0.1:
            middle = ((row[0] + x) * stride, (row[1] + y) * stride)
            half = (math.exp(row[2]) * stride / 2, math.exp(row[3]) * stride / 2)
            box = [middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1]]
            found.append((score, [edge / ratio for edge in box]))
    kept: list[tuple[float, list[float]]] = []
    for score, box in sorted(found, key=lambda each: -each[0]):
        if all(shared(box, other) <= 0.45 for _, other in kept):
            kept.append((score, box))
    return [box for score, box in kept if score > 0.3]


def shared(first: list[float], second: list[float]) -> float:
    def area(left: float, top: float, right: float, bottom: float) -> float:
        return max(0.0, right - left + 1) * max(0.0, bottom - top + 1)

    common = area(*(max(first[k], second[k]) for k in (0, 1)), *(min(first[k], second[k]) for k in (2, 3)))
    return common / (area(*first) + area(*second) - common)


def crop_by_formula(box: list[float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(edge) for edge in box)
    width = max((right - left) * 1.25, (bottom - top) * 1.25 * 288 / 384)
    return (left + right) / 2, (top + bottom) / 2, width, width * 384 / 288


def points_by_formula(box: list[float], simcc_x: np.ndarray, simcc_y: np.ndarray) -> list[list[float]]:
    across, down, width, height = crop_by_formula(box)
    points = []
    for bins_x, bins_y in zip(simcc_x[0].tolist(), simcc_y[0].tolist(), strict=True):
        score = min(max(bins_x), max(bins_y))
        x, y = (bins_x.index(max(bins_x)), bins_y.index(max(bins_y))) if score > 0 else (-1, -1)
        points.append(
            [x / 2 / 288 * width + across - width / 2, y / 2 / 384 * height + down - height / 2, score]
        )
    shoulders = points[5], points[6]
    both = all(each[2] > 0.3 for each in shoulders)
    neck = [(shoulders[0][0] + shoulders[1][0]) / 2, (shoulders[0][1] + shoulders[1][1]) / 2, float(both)]
    limbs = [points[k] for k in (*RIGHT_ARM, *LEFT_ARM, *RIGHT_LEG, *LEFT_LEG)]
    head = [points[k] for k in (RIGHT_EYE, LEFT_EYE, RIGHT_EAR, LEFT_EAR)]
    return [points[NOSE], neck, *limbs, *head, *points[17:]]


def detector_answer(random: np.random.Generator, people: int) -> np.ndarray:
    output = np.zeros((1, 8400, 85), np.float32)
    output[0, :, 4:] = random.uniform(0, 0.3, (8400, 81))
    rows = random.choice(8400, people, replace=False)
    output[0, rows, :2] = random.normal(0.5, 1.5, (people, 2))
    output[0, rows, 2:4] = random.normal(1.0, 1.0, (people, 2))
    output[0, rows, 4:6] = random.uniform(0, 1, (people, 2))
    return output


def pose_answers(random: np.random.Generator, people: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return [
        tuple(random.normal(0, 0.3, (1, 133, bins)).astype(np.float32) for bins in (576, 768))
        for _ in range(people)
    ]


def found(picture, output, answers, batch=1):
    given = iter(answers)

    def run_pose(tensor):
        group = [next(given) for _ in tensor]
        return tuple(np.concatenate([each[axis] for each in group]) for axis in (0, 1))

    return find_people(picture, lambda _: output, run_pose, batch)


@pytest.mark.parametrize(
    ("people", "height", "width"),
    [(0, 480, 640), (0, 4320, 7680), (1, 8, 8), (8, 1300, 57), (300, 480, 640), (12, 4320, 7680)],
)
def test_boxes_and_keypoints_are_those_of_the_formulas(people, height, width):
    random = np.random.default_rng(people + height)
    picture = np.zeros((height, width, 3), np.uint8)
    output = detector_answer(random, people)
    boxes = boxes_by_formula(output, min(640 / height, 640 / width))
    answers = pose_answers(random, max(1, len(boxes)))
    mine = found(picture, output, answers)
    assert mine.boxes.shape == (len(boxes), 4)
    # a letterbox pixel of 8K is 12 of the picture's, and the detector's own numbers hold 24 bits
    allowed = PIXELS * max(1.0, max(height, width) / 640)
    assert np.abs(mine.boxes - np.reshape(boxes, (-1, 4))).max(initial=0.0) <= allowed
    looked_at = mine.boxes.tolist() if boxes else [[0, 0, width, height]]
    for index, (box, answer) in enumerate(zip(looked_at, answers, strict=True)):
        truly = np.array(points_by_formula(box, *answer))
        assert np.abs(mine.keypoints[index] - truly[:, :2]).max() <= PIXELS
        assert np.abs(mine.scores[index] - truly[:, 2]).max() <= 1e-6


@pytest.mark.parametrize(("score", "kept"), [(0.3, 1), (0.29999998, 0), (0.30000004, 1)])
def test_three_tenths_in_32_bits_is_a_person_as_it_is_in_the_original(score, kept):
    output = np.zeros((1, 8400, 85), np.float32)
    output[0, 100, 4:6] = (np.float32(score), 1.0)
    assert len(detect.people(output, 1.0)) == kept


@pytest.mark.parametrize("batch", [2, 5, 100])
def test_people_together_are_found_as_one_by_one(batch):
    random = np.random.default_rng(batch)
    picture = random.integers(0, 256, (300, 400, 3), dtype=np.uint8)
    output = detector_answer(random, 20)
    answers = pose_answers(random, 40)
    alone, together = found(picture, output, answers), found(picture, output, answers, batch)
    assert len(alone.boxes) > 5
    assert np.array_equal(alone.keypoints, together.keypoints)
    assert np.array_equal(alone.scores, together.scores)


@pytest.mark.parametrize("box", [[40, 30, 160, 170], [-60, -20, 90, 240], [150, 100, 260, 330]])
def test_the_crop_is_the_picture_under_the_formula_and_black_beyond_its_border(box):
    down, across = np.mgrid[0:240, 0:320]
    picture = np.stack((across * 0.7, down * 0.9, (across + down) * 0.4), axis=2).astype(np.uint8)
    x, y, width, height = crop_by_formula(box)
    tensor = pose.tensor_of(picture, pose.crop_of(box))[0]
    seen = tensor * np.reshape(pose.DEVIATION, (3, 1, 1)) + np.reshape(pose.MEAN, (3, 1, 1))
    there_x = (np.arange(288) - 144) / 288 * width + x
    there_y = (np.arange(384) - 192) / 384 * height + y
    inside = np.ix_((there_y >= 0) & (there_y <= 239), (there_x >= 0) & (there_x <= 319))
    outside = np.ix_((there_y <= -1) | (there_y >= 240), (there_x <= -1) | (there_x >= 320))
    truly = np.stack(np.broadcast_arrays(there_x[None] * 0.7, there_y[:, None] * 0.9))
    # the picture rounds down, OpenCV places a pixel to a thirty-second and rounds again
    for channel in (0, 1):
        assert np.abs(seen[channel][inside] - truly[channel][inside] + 0.5).max() <= 1.2
    assert np.abs(seen[:, outside[0], outside[1]]).max(initial=0.0) <= 1e-3


@pytest.mark.parametrize(("height", "width"), [(8, 8), (1, 1), (2160, 3840)])
def test_the_letterbox_is_the_picture_scaled_into_the_top_left(height, width):
    down, across = np.mgrid[0:height, 0:width]
    picture = np.stack((across * 200 / width, down * 200 / height, 0 * across), axis=2).astype(np.uint8)
    tensor, ratio = detect.letterbox(picture)
    assert ratio == min(640 / height, 640 / width)
    tall, wide = int(height * ratio), int(width * ratio)
    step = 200 / min(height, width) + 1.5
    middle = (np.arange(wide) + 0.5) / ratio - 0.5
    assert np.abs(tensor[0, 0, tall // 2, :wide] - np.clip(middle, 0, width - 1) * 200 / width).max() <= step
    assert (tensor[0, :, tall:] == 114).all()
    assert (tensor[0, :, :, wide:] == 114).all()


def test_someone_cut_by_the_border_is_cropped_beyond_it():
    picture = standin_scene.paint(320, 240, [(0, 0, 60, 200)], seed=1)
    across, down, width, height = crop_by_formula([0, 0, 60, 200])
    crop = pose.crop_of([0, 0, 60, 200])
    assert (*crop.centre, *crop.size) == pytest.approx((across, down, width, height), abs=1e-9)
    assert across - width / 2 < 0
    assert pose.tensor_of(picture, crop).shape == (1, 3, 384, 288)
