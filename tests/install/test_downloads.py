"""What uv and pip say on their way becomes one line of the whole; estimates are called so, a cache is no download."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field

import pytest

from stackfix.install.downloads import UNPACKED, Downloads, written
from stackfix.install.process import run
from stackfix.model.lock import Lock, LockedFile, LockedPackage

LINUX = sys.platform == "linux"


@dataclass
class Heard:
    """Keeps what is said and drawn."""

    bars: bool = False
    said: list[str] = field(default_factory=list)
    drawn: bytes = b""

    def stage(self, text: str) -> None:
        self.said.append(text)

    def draw(self, data: bytes) -> None:
        self.drawn += data

    @property
    def lines(self) -> list[str]:
        return [line for line in self.drawn.decode().replace("\x1b[K", "").split("\r") if line]


@dataclass
class Clock:
    """A clock that is set."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def lock(**sizes: int) -> Lock:
    packages = tuple(
        LockedPackage(
            name=name.replace("_", "-"),
            version="1.0",
            file=LockedFile(
                name=f"{name}-1.0+cu-py3-none-any.whl",
                size=size,
                sha256="0" * 64,
                url=f"https://index.example/{name}-1.0%2Bcu-py3-none-any.whl",
            ),
            index="https://index.example/simple",
        )
        for name, size in sizes.items()
    )
    return Lock(packages=packages, python="3.12", platform="linux_x86_64")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What the installer's process has written."""
    wrote = {"bytes": 0}
    monkeypatch.setattr("stackfix.install.downloads.written", lambda _: wrote["bytes"])
    return wrote


def test_uvs_downloads_are_one_whole_in_which_what_was_written_is_an_estimate(clock, process):
    person = Heard(bars=True)
    downloads = Downloads(lock(torch=500_000_000, nvidia_cudnn=300_000_000, six=11_000), "uv", person, clock)
    downloads.said("Resolved 3 packages in 5ms")
    downloads.moment(1)
    assert person.drawn == b""
    downloads.said("Downloading torch (476.8MiB)")
    downloads.said("Downloading nvidia-cudnn (286.1MiB)")
    downloads.moment(1)
    clock.now, process["bytes"] = 2.0, int(100e6 * UNPACKED)
    downloads.moment(1)
    clock.now = 4.0
    downloads.said("Downloaded nvidia-cudnn")  # more than the writing told
    downloads.moment(1)
    clock.now, process["bytes"] = 6.0, int(5e9)  # it can't be more than the whole
    downloads.moment(1)
    assert person.lines == [
        "downloading    0 %  about 0 B of 800 MB",
        "downloading   12 %  about 100 MB of 800 MB  50 MB/s  14 s left",
        "downloading   37 %  about 300 MB of 800 MB  75 MB/s  7 s left",
        "downloading   99 %  about 800 MB of 800 MB",
    ]
    clock.now = 8.0
    downloads.said("Prepared 3 packages in 8.00s")
    assert person.drawn.endswith(b"\r\x1b[K")
    assert person.said == ["800 MB downloaded in 8 s, 100 MB/s"]


def test_what_uv_has_in_its_cache_is_not_downloaded(clock, process):
    person = Heard(bars=True)
    downloads = Downloads(lock(torch=500_000_000, six=11_000), "uv", person, clock)
    for line in ("Resolved 2 packages in 5ms", "Prepared 2 packages in 1ms", "Installed 2 packages in 3ms"):
        downloads.said(line)
        downloads.moment(1)
    downloads.end()
    assert person == Heard(bars=True)


def test_pip_says_how_far_a_file_is(clock, process):
    person = Heard(bars=True)
    downloads = Downloads(lock(torch=500_000_000, nvidia_cudnn=300_000_000, six=200), "pip", person, clock)
    said = {
        0.0: "  Using cached six-1.0+cu-py3-none-any.whl (200 B)",
        1.0: "  Downloading https://index.example/torch-1.0%2Bcu-py3-none-any.whl (500.0 MB)",
        2.0: "Progress 0 of 500000000",
        3.0: "Progress 100000000 of 500000000",
        4.0: "  Downloading https://index.example/nvidia_cudnn-1.0%2Bcu-py3-none-any.whl (300.0 MB)",
        5.0: "Progress 100000000 of 300000000",
    }
    for clock.now, line in said.items():
        downloads.said(line)
        downloads.moment(1)
    process["bytes"] = 800_000_000
    downloads.moment(1)
    clock.now = 8.0
    downloads.said("Installing collected packages: six, nvidia-cudnn, torch")
    downloads.moment(1)
    process["bytes"] += 640_000_000
    clock.now = 9.0
    downloads.moment(1)
    assert person.lines[1] == "downloading    0 %  0 B of 800 MB"
    assert "downloading   12 %  100 MB of 800 MB  50 MB/s  14 s left" in person.lines
    assert "downloading   75 %  600 MB of 800 MB  150 MB/s  1 s left" in person.lines
    assert person.said == ["800 MB downloaded in 8 s, 100 MB/s"]
    assert person.lines[-1].startswith("unpacking")
    assert "about 640 MB of 1.6 GB" in person.lines[-1]


def test_without_a_terminal_a_line_is_said_every_ten_seconds_and_nothing_is_drawn(clock, process):
    script = Heard()
    downloads = Downloads(lock(torch=500_000_000), "uv", script, clock)
    downloads.said("Downloading torch (476.8MiB)")
    for second in range(25):
        clock.now = float(second)
        process["bytes"] = int(second * 10e6 * UNPACKED)
        downloads.moment(1)
    downloads.end()
    assert script.drawn == b""
    assert script.said == [
        "downloading   20 %  about 100 MB of 500 MB",
        "downloading   40 %  about 200 MB of 500 MB  10 MB/s  30 s left",
    ]


def test_a_line_never_wraps(clock, process, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    person = Heard(bars=True)
    downloads = Downloads(lock(torch=500_000_000), "uv", person, clock)
    downloads.said("Downloading torch (476.8MiB)")
    downloads.moment(1)
    clock.now, process["bytes"] = 1.0, int(100e6)
    downloads.moment(1)
    assert [len(line) for line in person.lines] == [29, 29]


@pytest.mark.parametrize("line", ["Downloading other (3.0MiB)", "Downloaded other", "Progress x of y", ""])
@pytest.mark.parametrize("kind", ["uv", "pip"])
def test_what_is_not_of_the_lock_counts_nothing(clock, process, kind, line):
    person = Heard(bars=True)
    downloads = Downloads(lock(torch=500), kind, person, clock)
    downloads.said(line)
    downloads.moment(1)
    assert person == Heard(bars=True)


@pytest.mark.skipif(not LINUX, reason="only Linux says what a process has written")
def test_what_a_process_and_its_children_have_written_is_counted(tmp_path):
    code = "import os, sys, time; os.write(1, bytes(300_000)); sys.stdin.read()"
    parent = f"import os, subprocess, sys; os.write(1, bytes(200_000)); subprocess.run([sys.executable, '-c', {code!r}])"
    with (tmp_path / "out").open("wb") as out:
        child = subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=out)
        deadline = time.monotonic() + 30
        while (written(child.pid) or 0) < 500_000 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert 500_000 <= (written(child.pid) or 0) < 600_000
        child.communicate()
    assert written(child.pid) is None


@dataclass
class Told:
    """Hears of a child."""

    lines: list[str] = field(default_factory=list)
    moments: int = 0

    def said(self, line: str) -> None:
        self.lines.append(line)

    def moment(self, process: int) -> None:
        assert process > 0
        self.moments += 1


def test_lines_are_heard_as_they_come_and_kept(tmp_path):
    code = "import sys, time; print('one', flush=True); time.sleep(0.5); print('two', file=sys.stderr); sys.exit(3)"
    told = Told()
    ended = run([sys.executable, "-c", code], folder=tmp_path, environment=dict(os.environ), watch=told)
    assert (ended.code, ended.text) == (3, "one\ntwo")
    assert told.lines == ["one", "two"]
    assert told.moments > 2
