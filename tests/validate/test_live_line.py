"""What a terminal shows while a proof runs: one line that is drawn again, and that is gone afterwards."""

import json
import sys
from pathlib import Path

import pytest

from stackfix.meter import Watch, watching
from stackfix.validate.journal import Following
from stackfix.validate.run import run


class Person:
    def __init__(self, *, bars: bool = True, gone: bool = False) -> None:
        self.bars = bars
        self.gone = gone
        self.drawn = ""

    def stage(self, text: str) -> None:
        raise AssertionError(text)

    def draw(self, data: bytes) -> None:
        if self.gone:
            raise BrokenPipeError
        self.drawn += data.decode()


def test_the_line_says_what_is_done_and_for_how_long_all_of_it_takes(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    clock = iter([0.0, 3.2, 64.0])
    person = Person()
    watch = Watch(person, "proving", lambda: next(clock))
    watch.at("import numpy")
    watch.at("open the networks on the CPU and more")
    watch.clear()
    watch.clear()
    assert person.drawn.split("\x1b[K") == [
        "\rproving: import numpy  3 s",
        "\rproving: open the networks   1 min 04 s",
        "\r",
        "",
    ]


@pytest.mark.parametrize("listener", [None, Person(bars=False), Person(gone=True)])
def test_without_a_terminal_and_on_one_that_went_away_nothing_is_drawn(listener):
    with watching(listener, "proving") as watch:
        watch.at("import numpy")
    assert listener is None or not listener.drawn


def test_an_interrupted_proof_leaves_no_line():
    person = Person()

    def interrupted() -> None:
        with watching(person, "proving") as watch:
            watch.at("import numpy")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert person.drawn.endswith("\r\x1b[K")


def test_a_worker_that_writes_is_followed_line_by_line(tmp_path):
    file = tmp_path / "result.jsonl"
    following = Following(file)
    assert following.stage() == "start its Python"
    with file.open("w", encoding="utf-8") as stream:
        for text, said in (
            ('{"stage": "import numpy"}\n{"stage": "import', "import numpy"),
            (' cv2"}\n' + json.dumps({"value": "python", "is": "3"}) + "\n", "import cv2"),
            ("no JSON\n", "import cv2"),
            (json.dumps({"stage": "a\x1b[2Jb\n\x07c"}) + "\n", "ab \N{REPLACEMENT CHARACTER}c"),
        ):
            stream.write(text)
            stream.flush()
            assert following.stage() == said


def test_what_a_worker_does_is_heard_until_its_time_is_up(weights, tmp_path):
    slow = tmp_path / "python"
    slow.write_text(
        f"#!{sys.executable}\n"
        "import json, sys, time\n"
        "request = json.loads(sys.stdin.read())\n"
        "open(request['result'], 'a').write('{\"stage\": \"import numpy\"}\\n')\n"
        "time.sleep(60)\n",
        encoding="utf-8",
    )
    slow.chmod(0o755)
    heard: list[str] = []
    verdict = run(Path(slow), device="cpu", weights=weights, timeout=3, heard=heard.append)
    assert verdict.code == "validator_hung"
    assert len(heard) >= 3
    assert heard[-1] == "import numpy"
