"""A report is written whole or not at all, to stdout too, and holds the picture whatever --save is called."""

import base64
import re
import subprocess
import sys
from pathlib import Path

import pytest

from stackfix import app
from stackfix.errors import DiskError, QuestionError
from stackfix.reporting import into
from stackfix.validating import _try_picture

HERE = Path(sys.prefix)


def validate(*words):
    command = [
        sys.executable,
        "-m",
        "stackfix",
        "validate",
        "--venv",
        str(HERE),
        "--weights",
        "standin",
        *map(str, words),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_a_page_is_written_whole_through_a_link_and_leaves_nothing_beside_it(tmp_path):
    target, link = tmp_path / "there.html", tmp_path / "link.html"
    link.symlink_to(target)
    into(link)("page\n")
    assert target.read_text() == "page\n"
    assert link.is_symlink()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.html", "there.html"]


def test_what_fails_leaves_the_old_page_as_it_was(tmp_path):
    target = tmp_path / "report.html"
    target.write_text("old")
    write = into(target)
    with pytest.raises(UnicodeEncodeError):
        write("new \ud800")
    assert target.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_where_no_page_can_be_is_said_before_anything_is_proved(tmp_path):
    with pytest.raises(QuestionError, match="is a folder"):
        into(tmp_path)
    with pytest.raises(QuestionError, match="no such folder"):
        into(tmp_path / "no" / "report.html")


def test_a_folder_that_goes_away_is_a_plain_error(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    write = into(folder / "report.html")
    folder.rmdir()
    with pytest.raises(DiskError, match=r"report\.html: can't be written"):
        write("page")


@pytest.mark.parametrize("flag", ["--html", "--save"])
@pytest.mark.skipif(sys.platform != "linux", reason="root writes anywhere but where the kernel says")
def test_a_target_that_takes_nothing_is_said_before_anything_runs(flag):
    done = validate(flag, "/proc/report.png")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "error: /proc/report.png: can't be written: " in done.stderr
    assert f"hint: nothing was run; name another: `{flag} FILE`" in done.stderr


def test_what_is_tried_leaves_a_picture_that_is_there_as_it_was(tmp_path):
    _try_picture(file := tmp_path / "out.png")
    assert not list(tmp_path.iterdir())
    file.write_bytes(b"old")
    _try_picture(file)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("out.png", b"old")]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is always full")
def test_a_disk_that_is_full_at_the_end_loses_no_verdict():
    done = validate("--html", "/dev/full", "--device", "cpu")
    assert done.returncode == 3
    assert done.stdout.startswith("proved on cpu")
    assert done.stderr.splitlines()[-1] == "error: /dev/full: can't be written: No space left on device"


def test_on_stdout_it_is_the_page_alone_with_the_picture_as_png(tmp_path):
    done = validate("--html", "-", "--save", tmp_path / "out.jpg", "--redact", "--device", "cpu")
    picture = re.search('src="data:image/png;base64,([^"]+)"', done.stdout)
    assert done.stdout.startswith("<!doctype html>")
    assert done.stdout.endswith("</html>\n")
    assert picture is not None
    assert base64.b64decode(picture[1]).startswith(b"\x89PNG")
    assert (tmp_path / "out.jpg").read_bytes().startswith(b"\xff\xd8\xff")
    assert "proved on cpu" in done.stderr
    assert str(tmp_path) not in done.stdout
    assert str(HERE) not in done.stdout
    assert not Path("-").exists()


def test_two_answers_on_stdout_are_refused():
    done = validate("--html", "-", "--json")
    assert done.returncode == 2
    assert "would both be on stdout" in done.stderr


def test_redact_holds_without_a_page_too(tmp_path):
    done = validate("--redact", "--json", "--save", tmp_path / "out.png", "--device", "cpu")
    assert done.returncode == 0
    assert str(HERE) not in done.stdout
    assert '"text": "skeletons drawn over the picture: FOLDER/out.png"' in done.stdout


def test_python_callers_may_take_the_page(tmp_path):
    pages = []
    verdict = app.validate(
        HERE, weights="standin", device="cpu", html=pages.append, hide=app.redaction(HERE, [str(tmp_path)])
    )
    assert verdict.state == "proved on cpu"
    assert "onnxruntime: works" in pages[0]
