"""The drawn skeleton: DWPose's colours, nothing for keypoints that are not there."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from stackfix.errors import QuestionError
from stackfix.validate.inside import draw
from stackfix.validate.run import run

BLACK = np.zeros((512, 512, 3), np.uint8)


def drawn(places, picture=BLACK):
    keypoints, scores = np.zeros((1, 134, 2)), np.zeros((1, 134))
    for index, place in places.items():
        keypoints[0, index], scores[0, index] = place, 0.9
    return draw.draw(picture, keypoints, scores)


def test_a_joint_a_limb_a_finger_and_a_face_have_their_colours():
    picture = drawn({2: (100, 100), 3: (100, 200), 92: (300, 50), 93: (300, 100), 40: (400, 400)})
    assert picture[100, 100].tolist() == [255, 170, 0]
    # the third limb, shoulder to elbow, is as dark as in the original
    assert picture[150, 100].tolist() == [int(255 * 0.6), int(170 * 0.6), 0]
    assert picture[50, 300].tolist() == [0, 0, 255]
    assert picture[75, 300].tolist() == [255, 0, 0]
    assert picture[400, 400].tolist() == [255, 255, 255]


def test_half_a_limb_is_no_limb_and_what_scores_low_is_not_drawn():
    only = drawn({2: (100, 100)})
    assert only[150, 100].tolist() == [0, 0, 0]
    low = draw.draw(BLACK, np.full((1, 134, 2), 100.0), np.full((1, 134), 0.29))
    assert not low.any()


@pytest.mark.parametrize("place", [(1e30, 5), (np.nan, 5), (np.inf, np.inf), (-50, 700)])
def test_no_keypoint_breaks_the_drawing(place):
    assert drawn({2: place, 3: (100, 200), 92: place, 93: (10, 10), 40: place}).shape == (512, 512, 3)


def test_the_picture_itself_stays_as_it_was_and_lines_grow_with_it():
    small, large = BLACK.copy(), np.zeros((4320, 7680, 3), np.uint8)
    assert drawn({2: (100, 100)}, small).any()
    assert not small.any()
    assert drawn({2: (3000, 2000)}, large)[2000, 3000 + 20].tolist() == [255, 170, 0]


def test_a_verdict_with_a_drawing_leaves_it_where_it_was_asked_for(weights, tmp_path):
    target = tmp_path / "out.png"
    verdict = run(Path(sys.executable), device="cpu", weights=weights, save=target, repeats=1)
    assert verdict.state == "proved on cpu"
    picture, scene = cv2.imread(str(target)), cv2.imread(str(weights.scene))
    assert picture.shape == scene.shape
    assert (picture != scene).any()


def test_a_drawing_that_can_not_be_written_is_said_and_proves_as_much(weights, tmp_path):
    with pytest.raises(QuestionError, match="no such folder"):
        run(Path(sys.executable), device="cpu", weights=weights, save=tmp_path / "no" / "out.png")
    verdict = run(Path(sys.executable), device="cpu", weights=weights, save=tmp_path / "out.xyz", repeats=1)
    assert verdict.state == "proved on cpu"
    assert any(check.name == "drawing" and check.ok is None for check in verdict.checks)


def test_a_command_whose_picture_is_not_written_does_not_end_well(weights, tmp_path):
    link = tmp_path / "out.png"
    link.symlink_to("/dev/full")
    words = ["validate", "--venv", sys.prefix, "--device", "cpu", "--weights", "standin", "--save", str(link)]
    done = subprocess.run(
        [sys.executable, "-m", "stackfix", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    assert "proved on cpu" in done.stdout
    assert "can't be written" in done.stdout
