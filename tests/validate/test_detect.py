import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackfix.validate.inside import detect

coordinates = st.integers(0, 60)
boxes = st.lists(
    st.tuples(coordinates, coordinates, st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=12
)


def overlap(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """Count pixels: both borders belong to a box."""

    def pixels(box: tuple[float, ...]) -> set[tuple[int, int]]:
        left, top, right, bottom = map(int, box)
        return {(x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)}

    mine, other = pixels(first), pixels(second)
    return len(mine & other) / len(mine | other)


@given(boxes, st.randoms(use_true_random=False))
def test_suppression_keeps_what_counting_pixels_keeps(drawn, random):
    corners = np.array([(x, y, x + w, y + h) for x, y, w, h in drawn], np.float64)
    scores = np.array(random.sample(range(1, 1000), len(drawn)), np.float64) / 1000
    kept: list[int] = []
    for index in sorted(range(len(drawn)), key=lambda each: -scores[each]):
        if all(overlap(tuple(corners[index]), tuple(corners[other])) <= 0.45 for other in kept):
            kept.append(index)
    assert detect.suppress(corners, scores) == kept


def output_with(rows: dict[int, tuple[float, ...]]) -> np.ndarray:
    output = np.zeros((1, 8400, 85), np.float32)
    for row, values in rows.items():
        output[0, row, : len(values)] = values
    return output


@pytest.mark.parametrize(
    ("row", "stride", "column", "line"),
    [(0, 8, 0, 0), (83, 8, 3, 1), (6399, 8, 79, 79), (6400, 16, 0, 0), (8000, 32, 0, 0), (8399, 32, 19, 19)],
)
def test_each_row_is_decoded_on_its_own_grid(row, stride, column, line):
    decoded = detect.decode(output_with({row: (0.5, 0.25, 1.0, 2.0)}), np.array([row]))[0]
    expected = ((column + 0.5) * stride, (line + 0.25) * stride, np.e * stride, np.e**2 * stride)
    assert decoded[:4] == pytest.approx(expected, rel=1e-6)


def test_only_people_above_the_score_are_kept_and_in_the_pictures_own_pixels():
    person = (0.5, 0.5, np.log(4), np.log(8), 0.9, 0.9)
    dog = (0.5, 0.5, np.log(4), np.log(8), 0.9, 0.0, *[0.0] * 15, 0.95)
    doubtful = (0.5, 0.5, np.log(4), np.log(8), 0.5, 0.55)
    found = detect.people(output_with({1010: person, 3030: dog, 5050: doubtful}), 0.5)
    middle_x, middle_y = (1010 % 80 + 0.5) * 8, (1010 // 80 + 0.5) * 8
    assert found == pytest.approx(
        np.array([[middle_x - 16, middle_y - 32, middle_x + 16, middle_y + 32]]) * 2, rel=1e-5
    )


def test_the_models_own_array_is_left_as_it_was():
    output = output_with({0: (0.5, 0.5, 1.0, 1.0, 1.0, 1.0)})
    before = output.copy()
    detect.people(output, 1.0)
    assert np.array_equal(output, before)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5000), (480, 640), (4320, 7680), (641, 639)])
def test_the_letterbox_holds_the_whole_picture_in_its_top_left(height, width):
    picture = np.full((height, width, 3), 200, np.uint8)
    tensor, ratio = detect.letterbox(picture)
    assert tensor.shape == (1, 3, 640, 640)
    assert ratio == min(640 / height, 640 / width)
    covered = tensor[0, 0] == 200
    assert covered[0, 0]
    assert covered.sum() == max(1, int(height * ratio)) * max(1, int(width * ratio))
    assert set(np.unique(tensor)) <= {114.0, 200.0}


def test_channels_stay_in_their_order_and_unscaled():
    picture = np.zeros((640, 640, 3), np.uint8)
    picture[:] = (10, 20, 255)
    assert cv2.resize(picture, (640, 640)).tolist() == picture.tolist()
    assert detect.letterbox(picture).tensor[0, :, 5, 5].tolist() == [10.0, 20.0, 255.0]
