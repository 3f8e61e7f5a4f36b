"""A repair is made in a copy: the environment is the old one or the mended one, and can be put back."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from msgspec.structs import replace

from conftest import FAULTS, PYTHON, Shelf, beside, said, snapshot
from stackfix.errors import NetworkError, StackfixError, TargetError
from stackfix.install.install import install, undo
from stackfix.install.mend import CONSTRAINTS, Change, mend
from stackfix.install.progress import Silent
from stackfix.install.staging import NotProvedError
from stackfix.install.target import judge
from stackfix.model.environment import Environment
from stackfix.plan.lock import to_pylock
from stackfix.probe.environment import read_environment

INSTALLERS = ["uv", "pip"]


def yes(python: Path) -> bool:
    return True


@pytest.fixture
def there(shelf: Shelf, tmp_path: Path, variables: dict[str, str]) -> Environment:
    """An environment of a user, in which `app` 1.0, `lib` 2.0 and a script are installed."""
    target = tmp_path / "venv"
    packages = (shelf.wheel("app", scripts={"run-app": "app:main"}), shelf.wheel("lib", "2.0"))
    install(shelf.lock(*packages), target, PYTHON, read=read_environment, prove=yes, variables=variables)
    (target / "stackfix.json").unlink()
    (target / "notes.txt").write_text("mine")
    return read_environment(target)


def change(
    shelf: Shelf, *packages: object, leaving: tuple[str, ...] = (), protect: bool = False, constraints: str = "app==1.5\n"
) -> Change:  # fmt: skip
    return Change(
        leaving=leaving, lock=shelf.lock(*packages), hook=False, constraints=constraints, protect=protect
    )


def carry_out(there: Environment, what: Change, variables: dict[str, str], **more: object) -> Environment:
    arguments = {"read": read_environment, "prove": yes, "variables": variables, "progress": Silent()} | more
    return mend(there, what, **arguments)


@pytest.mark.parametrize("installer", INSTALLERS)
def test_packages_are_replaced_removed_and_added(shelf, there, variables, installer):
    target = Path(there.path)
    newer = shelf.wheel("app", "1.5", scripts={"run-app": "app:main"})
    what = change(shelf, newer, shelf.wheel("more"), leaving=("app", "lib"))
    mended = carry_out(there, what, variables, installer=installer)
    assert mended.packages == {"app": "1.5", "more": "1.0"}
    script = subprocess.run([target / "bin" / "run-app"], capture_output=True, text=True, check=True)
    assert script.stdout == "app 1.5\n"
    assert (target / "notes.txt").read_text() == "mine"
    assert (target / CONSTRAINTS).read_text() == "app==1.5\n"
    assert beside(target) == [".venv.stackfix-previous"]
    assert not any(".stackfix-" in text for text in script_texts(target))


@pytest.mark.parametrize("installer", INSTALLERS)
def test_a_package_without_its_record_is_replaced_all_the_same(shelf, there, variables, installer):
    target = Path(there.path)
    (record,) = target.glob("lib/python*/site-packages/app-*.dist-info/RECORD")
    record.unlink()
    what = change(shelf, shelf.wheel("app", "1.5"), leaving=("app", "lib"))
    mended = carry_out(read_environment(target), what, variables, installer=installer)
    assert mended.packages == {"app": "1.5"}
    assert mended.unreadable == ()


def script_texts(target: Path) -> list[str]:
    files = [path for path in (target / "bin").iterdir() if path.is_file() and not path.is_symlink()]
    return [path.read_text(encoding="utf-8", errors="replace") for path in files]


def test_undo_brings_back_every_byte(shelf, there, variables):
    target = Path(there.path)
    before = snapshot(target)
    carry_out(there, change(shelf, shelf.wheel("app", "1.5"), leaving=("app",)), variables)
    assert snapshot(target) != before
    undo(target)
    assert snapshot(target) == before


def test_an_environment_that_is_not_proved_changes_nothing(shelf, there, variables):
    target = Path(there.path)
    before = snapshot(target)
    what = change(shelf, shelf.wheel("app", "1.5"), leaving=("app",))
    with pytest.raises(NotProvedError, match="did not pass its proof"):
        carry_out(there, what, variables, prove=lambda python: False)
    assert snapshot(target) == before
    assert beside(target) == []


def test_the_proof_sees_the_copy_while_the_original_stands(shelf, there, variables):
    seen: list[tuple[str, str]] = []

    def prove(python: Path) -> bool:
        seen.append((said(python, "import app; print(app.version)"), said(Path(there.executable), "import app; print(app.version)")))  # fmt: skip
        return True

    carry_out(there, change(shelf, shelf.wheel("app", "1.5"), leaving=("app",)), variables, prove=prove)
    assert seen == [("1.5", "1.0")]


@pytest.mark.parametrize("fault", ["broken server", "cut", "other bytes", "missing", "web page"])
def test_a_file_that_does_not_come_changes_nothing(shelf, there, variables, fault):
    target = Path(there.path)
    before = snapshot(target)
    newer = shelf.wheel("app", "1.5")
    shelf.faults[newer.file.name] = FAULTS[fault]
    with pytest.raises(StackfixError):
        carry_out(there, change(shelf, newer, leaving=("app",)), variables)
    assert snapshot(target) == before
    assert beside(target) == []


def test_the_copy_shares_its_files_and_the_original_keeps_its_own(shelf, there, variables):
    target = Path(there.path)
    kept = next(Path(each) for each in there.site_packages) / "lib" / "__init__.py"
    inode = kept.stat().st_ino
    carry_out(there, change(shelf, shelf.wheel("app", "1.5"), leaving=("app",)), variables)
    assert kept.stat().st_ino == inode
    previous = target.with_name(".venv.stackfix-previous")
    assert next(previous.glob("lib/python*/site-packages/app-*.dist-info")).name == "app-1.0.dist-info"


def test_what_stackfix_mended_is_still_the_users_own(shelf, there, variables):
    carry_out(there, change(shelf, shelf.wheel("app", "1.5"), leaving=("app",)), variables)
    with pytest.raises(TargetError, match="did not make"):
        judge(Path(there.path), replace=False)


def test_its_own_pip_obeys_the_constraints_where_that_is_asked_for(shelf, there, variables):
    target = Path(there.path)
    (target / "pip.conf").write_text("[global]\ntimeout = 5\n[install]\nno-warn-script-location = true\n")
    carry_out(there, change(shelf, leaving=("lib",), protect=True), variables)
    text = (target / "pip.conf").read_text()
    assert text == (
        f"[global]\ntimeout = 5\n[install]\nconstraint = {target / CONSTRAINTS}\nno-warn-script-location = true\n"
    )


def test_an_interpreter_outside_the_environment_is_refused(shelf, there, variables, tmp_path):
    with pytest.raises(TargetError, match="not inside"):
        carry_out(replace(there, executable=str(PYTHON)), change(shelf, leaving=("lib",)), variables)


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from stackfix.install import mend as module, staging
    from stackfix.install.progress import Silent
    from stackfix.plan.lock import from_pylock
    from stackfix.probe.environment import read_environment

    target, lock, step = sys.argv[1:]

    def die(*_, **__):
        os.kill(os.getpid(), signal.SIGKILL)

    if step != "prove":
        setattr(module if hasattr(module, step) else staging, step, die)
    change = module.Change(leaving=("app",), lock=from_pylock(Path(lock).read_text(), "lock"), hook=False, constraints="")
    module.mend(read_environment(Path(target)), change, read=read_environment, prove=die if step == "prove" else bool, progress=Silent())
"""


@pytest.mark.parametrize("step", ["copy_linked", "_remove", "apply", "write_constraints", "prove", "relocate", "switch_in"])  # fmt: skip
def test_a_repair_that_is_killed_leaves_a_whole_environment_and_the_next_one_goes_on(
    shelf, there, variables, tmp_path, step
):
    target = Path(there.path)
    newer = shelf.wheel("app", "1.5")
    lock = tmp_path / "uv-cache" / "pylock.toml"
    lock.parent.mkdir(exist_ok=True)
    lock.write_text(to_pylock(shelf.lock(newer)))
    words = [sys.executable, "-c", textwrap.dedent(KILLED), str(target), str(lock), step]
    done = subprocess.run(words, env=variables | {"PYTHONPATH": os.pathsep.join(sys.path)}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert said(Path(there.executable), "import app; print(app.version)") == "1.0"
    heard = Silent()
    mended = carry_out(
        read_environment(target), change(shelf, newer, leaving=("app",)), variables, progress=heard
    )
    assert mended.packages == {"app": "1.5", "lib": "2.0"}
    assert beside(target) == [".venv.stackfix-previous"]
    assert any("did not finish" in line or "is finished" in line for line in heard.said)


def test_no_network_is_said_as_such(shelf, there, variables):
    newer = shelf.wheel("app", "1.5")
    shelf.faults[newer.file.name] = FAULTS["broken server"]
    with pytest.raises(NetworkError):
        carry_out(there, change(shelf, newer, leaving=("app",)), variables)


def packages_in(target: Path) -> Path:
    (found,) = (target / "lib").glob("python3.*/site-packages")
    return found


@pytest.mark.parametrize("installer", INSTALLERS)
@pytest.mark.parametrize("record", [b'\x00\xff no list\n"unclosed', b"app/__init__.py\n", None])
def test_a_package_whose_record_is_damaged_or_gone_is_replaced(shelf, there, variables, installer, record):
    target = Path(there.path)
    path = packages_in(target) / "app-1.0.dist-info" / "RECORD"
    path.unlink()
    if record is not None:
        path.write_bytes(record)
    (packages_in(target) / "app" / "old.py").write_text("of 1.0")
    mended = carry_out(
        there, change(shelf, shelf.wheel("app", "1.5"), leaving=("app",)), variables, installer=installer
    )
    assert mended.packages == {"app": "1.5", "lib": "2.0"}
    assert mended.unreadable == ()
    assert not (packages_in(target) / "app" / "old.py").exists()
    assert said(target / "bin" / "python", "import app; print(app.version)") == "1.5"


@pytest.mark.parametrize("installer", INSTALLERS)
def test_a_package_whose_metadata_is_gone_is_written_again(shelf, there, variables, installer):
    target = Path(there.path)
    (packages_in(target) / "app-1.0.dist-info" / "METADATA").unlink()
    newer = shelf.wheel("app", "1.5")
    mended = carry_out(read_environment(target), change(shelf, newer), variables, installer=installer)
    assert mended.packages == {"app": "1.5", "lib": "2.0"}
    assert mended.unreadable == ()
    assert said(target / "bin" / "python", "import app; print(app.version)") == "1.5"


@pytest.mark.parametrize("installer", INSTALLERS)
def test_no_second_record_of_a_replaced_package_is_left(shelf, there, variables, installer):
    packages = packages_in(Path(there.path))
    second = packages / "app-0.9.dist-info"
    shutil.copytree(packages / "app-1.0.dist-info", second)
    metadata = second / "METADATA"
    metadata.write_text(metadata.read_text().replace("Version: 1.0", "Version: 0.9"))
    with (second / "RECORD").open("a") as stream:
        stream.write("app/sub/of_0_9.py,,\nlib/__init__.py,,\n../../../../outside.py,,\n")
    (packages / "app" / "sub").mkdir()
    (packages / "app" / "sub" / "of_0_9.py").write_text("of 0.9")
    what = change(shelf, shelf.wheel("app", "1.5"), leaving=("app",))
    mended = carry_out(there, what, variables, installer=installer)
    assert mended.packages == {"app": "1.5", "lib": "2.0"}
    assert mended.duplicates == ()
    assert not (packages / "app" / "sub").exists()
    assert [path.name for path in packages.glob("app-*")] == ["app-1.5.dist-info"]
    assert said(Path(there.path) / "bin" / "python", "import lib; print(lib.version)") == "2.0"
