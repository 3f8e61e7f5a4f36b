"""The steps beside the networks are timed way by way, and what differs in their answers is told."""

import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
LINE = re.compile(
    r"(\d+x\d+) +(\d+) people (this|other|upstream) .*least +([\d.]+) ms, share ([\d.]+)%; .* within (\S+) px"
)
# it finds whom this checkout finds, each of their keypoints half a pixel beside
UPSTREAM = """
import sys

class Wholebody:
    def __call__(self, picture):
        run = lambda session: lambda _: session.run(None, {session.get_inputs()[0].name: None})
        detector, pose = run(self.session_det), run(self.session_pose)
        people = sys.modules["this.pipeline"].find_people(picture, lambda _: detector(_)[0], pose)
        return people.keypoints + 0.5, people.scores
"""


def test_every_way_is_timed_and_held_against_this_checkouts(tmp_path):
    (tmp_path / "wholebody.py").write_text(UPSTREAM)
    script = CHECKOUT / "benchmarks" / "overhead.py"
    how = ["--busy", "--runs", "1", "--pauses", "1", "1", "--other", CHECKOUT, "--upstream", tmp_path]
    told = subprocess.run(
        [sys.executable, script, *how], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    rows = [match.groups() for line in told if (match := LINE.match(line))]
    assert len(rows) == len(told)
    assert [(size, people) for size, people, name, *_ in rows if name == "this"] == [
        (size, people) for size in ("640x480", "1920x1080", "3840x2160") for people in ("1", "4", "16")
    ]
    assert [name for _, _, name, *_ in rows] == ["this", "other", "upstream"] * 9
    assert {(name, apart) for _, _, name, _, _, apart in rows} == {
        ("this", "0"),
        ("other", "0"),
        ("upstream", "0.5"),
    }
    assert all(float(least) > 0 and 0 < float(share) < 100 for *_, least, share, _ in rows)
