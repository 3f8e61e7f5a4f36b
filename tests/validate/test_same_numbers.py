"""What was made quick gives, bit for bit, what the plain steps of DWPose's own code give."""

import threading

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackfix.validate.inside import detect, pose
from stackfix.validate.inside.picture import planes_of

SIZES = [(1, 1), (1, 5000), (5000, 1), (2, 3), (480, 640), (641, 639), (1080, 1920), (2160, 3840)]


def noise(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def plain_letterbox(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    ratio = min(640 / height, 640 / width)
    tall, wide = max(1, int(height * ratio)), max(1, int(width * ratio))
    square = np.ones((640, 640, 3), np.uint8) * 114
    square[:tall, :wide] = cv2.resize(picture, (wide, tall), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(square.transpose(2, 0, 1), dtype=np.float32)[None]


def plain_tensor(picture: np.ndarray, crop: pose.Crop) -> np.ndarray:
    warped = cv2.warpAffine(picture, pose.warp_matrix(crop), (288, 384), flags=cv2.INTER_LINEAR)
    normalised = (warped - np.array(pose.MEAN)) / np.array(pose.DEVIATION)
    return normalised.transpose(2, 0, 1)[None].astype(np.float32)


def plain_decode(simcc_x: np.ndarray, simcc_y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    positions = np.stack((simcc_x.argmax(axis=2), simcc_y.argmax(axis=2)), axis=2).astype(np.float32)
    scores = np.minimum(simcc_x.max(axis=2), simcc_y.max(axis=2))
    positions[scores <= 0.0] = -1
    return positions / 2.0, scores


def plain_people(output: np.ndarray, ratio: float) -> np.ndarray:
    """Decode all 8400 boxes, as DWPose's own code does, and only then leave most of them out."""
    decoded = output[0].copy()
    decoded[:, :2] = (decoded[:, :2] + detect.CELLS) * detect.STRIDE_OF
    decoded[:, 2:4] = np.exp(decoded[:, 2:4]) * detect.STRIDE_OF
    half = decoded[:, 2:4] / 2.0
    corners = np.concatenate((decoded[:, :2] - half, decoded[:, :2] + half), axis=1)
    corners /= ratio
    scores = decoded[:, 4] * decoded[:, 5]
    valid = scores > 0.1
    kept = detect.suppress(corners[valid], scores[valid])
    return corners[valid][kept][scores[valid][kept].astype(np.float64) > 0.3]


def boxes_on(seed: int, count: int, height: int, width: int) -> np.ndarray:
    """Return boxes of which some reach beyond the picture, some are tiny."""
    random = np.random.default_rng(seed)
    start = random.uniform(-0.3, 0.9, (count, 2)) * (width, height)
    return np.concatenate(
        (start, start + random.uniform(0.7, 0.7 * max(height, width, 2), (count, 2))), axis=1
    )


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_letterbox_is_that_of_the_plain_steps(height, width):
    picture = noise(height, height, width)
    assert np.array_equal(detect.letterbox(picture).tensor, plain_letterbox(picture))


# to which the detector's square is as one to an odd number, a number next to one, or an even one
STEPS = [
    (5, 640),
    (640, 640),
    (1920, 1080),
    (1079, 1920),
    (1800, 3200),
    (70, 4480),
    (18, 5760),
    (33, 7040),
    (720, 1280),
]


@pytest.mark.parametrize(("height", "width"), STEPS)
def test_a_picture_of_whole_steps_is_scaled_as_any_other(height, width):
    picture = noise(height, height, width)
    assert np.array_equal(detect.letterbox(picture).tensor, plain_letterbox(picture))


def test_a_square_that_is_kept_holds_nothing_of_the_pictures_before():
    square = detect.Square()
    for height, width in [*SIZES, *reversed(SIZES), (480, 640), (640, 480), (600, 600), (640, 480)]:
        picture = noise(height, height, width)
        assert np.array_equal(square.hold(picture).tensor, plain_letterbox(picture))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_crops_are_those_of_the_plain_steps_one_by_one_and_together(height, width):
    picture = noise(width, height, width)
    crops = [pose.crop_of(box) for box in boxes_on(height, 6, height, width)]
    expected = np.concatenate([plain_tensor(picture, crop) for crop in crops])
    assert np.array_equal(pose.tensor_of(picture, *crops), expected)
    assert np.array_equal(pose.tensor_of(picture, crops[0]), expected[:1])


ODD_BOXES = {
    "the whole picture": (0, 0, 400, 300),
    "cut off below": (50, 100, 350, 500),
    "above it": (10, -900, 300, -300),
    "below it": (10, 900, 300, 1500),
    "beside it": (-900, 10, -300, 300),
    "a row above": (10, -400, 300, -49.2),
    "within a pixel": (200.3, 150.2, 200.6, 150.8),
    "no size": (200, 150, 200, 150),
    "inside out": (300, 200, 100, 50),
    "wider than 32 bits": (-1e9, -1e9, 1e9, 1e9),
    "wider than all": (0.5, 1, 3e38, 0),
    "endless": (0, 0, np.inf, np.inf),
    "no number": (0, 0, np.nan, 300),
}


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("box", ODD_BOXES.values(), ids=ODD_BOXES)
def test_an_odd_crop_is_that_of_the_plain_steps(box):
    picture = np.maximum(noise(9, 300, 400), 1)  # nothing of it is black
    crop = pose.crop_of(box)
    assert np.array_equal(pose.tensor_of(picture, crop), plain_tensor(picture, crop))


@given(
    st.tuples(*[st.integers(1, 60)] * 2),
    st.tuples(*[st.floats(-100, 200, width=32)] * 2),
    st.tuples(*[st.floats(0.5, 300, width=32)] * 2),
)
def test_every_crop_is_that_of_the_plain_steps(size, start, sides):
    picture = np.maximum(noise(2, *size), 1)  # nothing of it is black
    crop = pose.crop_of((*start, start[0] + sides[0], start[1] + sides[1]))
    assert np.array_equal(pose.tensor_of(picture, crop), plain_tensor(picture, crop))


def test_planes_of_a_part_of_a_picture_are_its_channels():
    part = noise(1, 60, 80)[10:50, 5:70]
    assert np.array_equal(planes_of(part), part.transpose(2, 0, 1))


@pytest.mark.parametrize("seed", range(5))
def test_answers_are_read_as_by_the_plain_steps(seed):
    random = np.random.default_rng(seed)
    # few different values, so that several bins are the best, and many that never respond
    answers = [random.integers(-9, 3, (4, 133, bins)).astype(np.float32) for bins in (576, 768)]
    answers[0][1, 5] = -1.0
    answers[1][2, 6, 7] = np.nan
    for mine, plain in zip(pose.decode(*answers), plain_decode(*answers), strict=True):
        assert np.array_equal(mine, plain, equal_nan=True)


@pytest.mark.parametrize(("seed", "ratio"), [(0, 1.0), (1, 1 / 3), (2, 640 / 3840), (3, 5.0)])
def test_boxes_are_those_of_decoding_them_all(seed, ratio):
    random = np.random.default_rng(seed)
    output = random.uniform(0, 1, (1, 8400, 85)).astype(np.float32)
    output[0, :, :4] = random.normal(0.5, 1, (8400, 4))
    output[0, :, 4] **= 4
    found = detect.people(output, ratio)
    assert len(found) > 20
    assert np.array_equal(found, plain_people(output, ratio))


@pytest.mark.parametrize("batch", [1, 3])
def test_people_are_posed_in_order_and_as_by_the_plain_steps(batch):
    picture = noise(3, 300, 400)
    boxes = boxes_on(4, 7, 300, 400)
    given = []

    def run_pose(tensor):
        given.append(tensor)
        # every number of the crop counts, and another crop has other answers
        mixed = tensor.reshape(len(tensor), 1, -1)[:, :, : 133 * 768].reshape(len(tensor), 133, 768)
        return mixed[:, :, :576].copy(), mixed.copy()

    positions, scores = pose.estimate(picture, boxes, run_pose, batch)
    crops = [pose.crop_of(box) for box in boxes]
    assert [len(each) for each in given] == ([1] * 7 if batch == 1 else [3, 3, 1])
    assert np.array_equal(np.concatenate(given), np.concatenate([plain_tensor(picture, c) for c in crops]))
    for index, crop in enumerate(crops):
        plain, plain_scores = plain_decode(*run_pose(plain_tensor(picture, crop)))
        expected = plain[0] / np.array([288, 384]) * crop.size + crop.centre - crop.size / 2
        assert np.array_equal(positions[index], expected)
        assert np.array_equal(scores[index], plain_scores[0].astype(np.float64))
    assert positions.dtype == scores.dtype == np.float64


def empty_answers(tensor: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.zeros((len(tensor), 133, bins), np.float32) for bins in (576, 768))


def test_while_one_person_is_posed_the_next_is_cropped_and_the_one_before_read(monkeypatch):
    cropped = [threading.Event() for _ in range(3)]
    reading = [threading.Event() for _ in range(3)]
    counts = {"crops": iter(cropped), "reads": iter(reading)}

    def saying(what, events):
        def call(*arguments):
            answer = what(*arguments)
            next(events).set()
            return answer

        return call

    monkeypatch.setattr(pose, "tensor_of", saying(pose.tensor_of, counts["crops"]))
    monkeypatch.setattr(pose, "read", saying(pose.read, counts["reads"]))
    run = iter(range(3))

    def run_pose(tensor):
        index = next(run)
        awaited = [*cropped[: index + 2], *reading[:index]]
        assert all(each.wait(20) for each in awaited)
        return empty_answers(tensor)

    pose.estimate(noise(5, 100, 100), boxes_on(6, 3, 100, 100), run_pose)
    assert all(each.is_set() for each in reading)


def test_one_person_alone_starts_no_thread():
    before = threading.active_count()
    seen = []

    def run_pose(tensor):
        seen.append(threading.active_count())
        return empty_answers(tensor)

    pose.estimate(noise(5, 100, 100), boxes_on(6, 1, 100, 100), run_pose)
    assert seen == [before]


def test_what_the_network_raises_is_raised_and_no_thread_stays():
    before = threading.active_count()
    run = iter(range(3))

    def run_pose(tensor):
        if next(run) == 1:
            raise RuntimeError("out of memory")
        return empty_answers(tensor)

    with pytest.raises(RuntimeError, match="out of memory"):
        pose.estimate(noise(5, 100, 100), boxes_on(6, 3, 100, 100), run_pose)
    assert threading.active_count() == before
