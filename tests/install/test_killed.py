"""An installer that is killed at any step leaves a target that is whole, and the next run says what it did."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from conftest import PYTHON, Shelf, beside, said, snapshot
from stackfix.install import switch
from stackfix.install.install import install, undo
from stackfix.install.journal import Entry, read_journal, write_journal
from stackfix.install.marker import Marker, write_marker
from stackfix.install.progress import Silent
from stackfix.install.target import Beside
from stackfix.plan.lock import to_pylock
from stackfix.probe.environment import read_environment

KILLED = """
    import os, signal, sys
    from pathlib import Path
    from stackfix.install import install as module, staging, switch
    from stackfix.plan.lock import from_pylock
    from stackfix.probe.environment import read_environment

    lock, target, python, step, exchange = sys.argv[1:]

    def die(*_, **__):
        os.kill(os.getpid(), signal.SIGKILL)

    def then_die(function):
        def wrapped(*arguments, **named):
            function(*arguments, **named)
            die()
        return wrapped

    if exchange == "no exchange":
        switch.exchange = lambda one, other: False
    renames = []
    rename = Path.rename

    def counted(path, to):
        if len(renames) == int(step.rpartition(" ")[2]):
            die()
        renames.append(to)
        return rename(path, to)

    if step.startswith("rename"):
        Path.rename = counted
    elif step == "prove":
        pass
    elif step == "exchanged":
        switch.exchange = then_die(switch.exchange)
    elif step == "before the switch":
        staging.switch_in = die
    elif step == "after the switch":
        staging.switch_in = then_die(staging.switch_in)
    else:
        at = module if hasattr(module, step) else staging
        setattr(at, step, then_die(getattr(at, step)))
    module.install(from_pylock(Path(lock).read_text(), lock), Path(target), Path(python), read=read_environment,
                   prove=die if step == "prove" else bool)
"""

UNDONE = ["write_journal", "create", "apply", "add_hook", "write_marker", "prove", "relocate"]
FINISHED = [
    ("before the switch", "exchange"),
    ("exchanged", "exchange"),
    ("after the switch", "exchange"),
    ("rename 0", "no exchange"),
    ("rename 1", "no exchange"),
    ("rename 2", "no exchange"),
]


def killed(shelf: Shelf, tmp_path: Path, variables: dict[str, str], step: str, exchange: str) -> None:
    lock = tmp_path / "uv-cache" / "pylock.toml"
    lock.parent.mkdir(exist_ok=True)
    lock.write_text(to_pylock(shelf.lock(shelf.wheel("app", "2.0"))))
    code = textwrap.dedent(KILLED)
    arguments = [str(lock), str(tmp_path / "venv"), str(PYTHON), step, exchange]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.fixture
def target(shelf, tmp_path, variables) -> Path:
    folder = tmp_path / "venv"
    put(shelf, folder, variables, "1.0")
    return folder


def put(
    shelf: Shelf, target: Path, variables: dict[str, str], version: str, progress: Silent | None = None
) -> None:
    lock = shelf.lock(shelf.wheel("app", version))
    install(lock, target, PYTHON, read=read_environment, prove=bool, variables=variables, progress=progress)


def version_in(target: Path) -> str:
    return said(target / "bin" / "python", "import app; print(app.version)")


@pytest.mark.parametrize("step", UNDONE)
def test_an_install_killed_before_its_proof_is_undone_by_the_next(shelf, tmp_path, variables, target, step):
    before = snapshot(target)
    killed(shelf, tmp_path, variables, step, "exchange")
    assert snapshot(target) == before
    assert ".venv.stackfix-journal" in beside(target)
    heard = Silent()
    put(shelf, target, variables, "3.0", heard)
    assert "is undone" in heard.said[0]
    assert version_in(target) == "3.0"
    assert beside(target) == [".venv.stackfix-previous"]
    undo(target)
    assert version_in(target) == "1.0"


@pytest.mark.parametrize(("step", "exchange"), FINISHED)
def test_an_install_killed_while_switching_is_finished_by_the_next(
    shelf, tmp_path, variables, target, step, exchange
):
    killed(shelf, tmp_path, variables, step, exchange)
    if step != "rename 1" or exchange == "exchange":
        assert version_in(target) in ("1.0", "2.0")
    heard = Silent()
    put(shelf, target, variables, "3.0", heard)
    assert "is finished" in heard.said[0]
    assert version_in(target) == "3.0"
    assert beside(target) == [".venv.stackfix-previous"]
    undo(target)
    assert version_in(target) == "2.0"


def test_a_killed_first_install_leaves_no_target(shelf, tmp_path, variables):
    killed(shelf, tmp_path, variables, "prove", "exchange")
    assert not (tmp_path / "venv").exists()
    put(shelf, tmp_path / "venv", variables, "3.0")
    assert beside(tmp_path / "venv") == []


def small(folder: Path, build: str) -> Path:
    folder.mkdir()
    write_marker(folder, Marker(build=build, installer="uv", lock=""))
    return folder


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_an_undo_that_was_cut_off_is_finished(tmp_path, monkeypatch, cut):
    places = Beside(tmp_path / "venv")
    small(places.target, "new")
    small(places.previous, "old")
    write_journal(places, Entry(step="undoing", build="old", process=1))
    if cut > 0:
        places.target.rename(places.leaving)
    if cut > 1:
        places.previous.rename(places.target)
    if cut > 2:
        places.leaving.rename(places.previous)
    assert "undo" in switch.recover(places)
    assert switch.read_marker(places.target).build == "old"
    assert switch.read_marker(places.previous).build == "new"
    assert read_journal(places) is None


def test_an_undo_after_one_that_was_cut_off_finishes_it_and_does_not_take_it_back(tmp_path):
    places = Beside(tmp_path / "venv")
    small(places.target, "new")
    small(places.previous, "old")
    write_journal(places, Entry(step="undoing", build="old", process=1))
    places.target.rename(places.leaving)
    heard = Silent()
    undo(places.target, progress=heard)
    assert heard.said == ["an undo that process 1 did not finish is finished"]
    assert switch.read_marker(places.target).build == "old"
    undo(places.target)
    assert switch.read_marker(places.target).build == "new"
    assert beside(places.target) == [".venv.stackfix-previous"]


def test_exchange_is_one_step_or_refused(tmp_path):
    one, other = small(tmp_path / "one", "one"), small(tmp_path / "other", "other")
    if switch.exchange(one, other):
        assert switch.read_marker(one).build == "other"
        assert switch.read_marker(other).build == "one"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"step": "building", "build": "../../home", "process": 1}',
        '{"step": "x"}',
        "\x00",
    ],
)
def test_a_journal_that_is_not_ours_removes_nothing(tmp_path, text):
    places = Beside(tmp_path / "venv")
    small(places.target, "here")
    small(tmp_path / "home", "home")
    places.journal.write_text(text)
    assert switch.recover(places) == ""
    assert (tmp_path / "home" / "stackfix.json").exists()
    assert places.target.exists()
    assert not places.journal.exists()


def test_a_lock_held_by_a_killed_process_is_free_again(shelf, tmp_path, variables, target):
    killed(shelf, tmp_path, variables, "prove", "exchange")
    assert ".venv.stackfix-lock" in beside(target) or os.name == "nt"
    put(shelf, target, variables, "3.0")
