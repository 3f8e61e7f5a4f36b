"""An install is whole or did not happen, by uv and by pip."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from conftest import FAULTS, PYTHON, Shelf, beside, said, snapshot
from stackfix.errors import (
    AnswerError,
    DiskError,
    HashError,
    NetworkError,
    QuestionError,
    StackfixError,
    TargetError,
)
from stackfix.install.install import install, undo
from stackfix.install.marker import read_marker
from stackfix.install.progress import Silent
from stackfix.install.staging import NotProvedError
from stackfix.model.environment import Environment
from stackfix.plan.lock import from_pylock, to_pylock
from stackfix.probe.environment import read_environment

INSTALLERS = ["uv", "pip"]


def yes(staged: Environment) -> bool:
    return True


def put(
    shelf: Shelf, target: Path, variables: dict[str, str], *packages: object, **more: object
) -> Environment:
    arguments = {"read": read_environment, "prove": yes, "variables": variables} | more
    return read_environment(install(shelf.lock(*packages), target, PYTHON, **arguments))


@pytest.mark.parametrize("installer", INSTALLERS)
def test_a_lock_is_installed_into_a_fresh_folder(shelf, tmp_path, variables, installer):
    target = tmp_path / "new" / "venv"
    app = shelf.wheel("app", scripts={"run-app": "app:main"})
    heard = Silent()
    made = put(shelf, target, variables, app, shelf.wheel("lib", "2.0"), installer=installer, progress=heard)
    assert made.packages == {"app": "1.0", "lib": "2.0"}
    assert beside(target) == []
    assert (
        subprocess.run([target / "bin" / "run-app"], capture_output=True, text=True, check=True).stdout
        == "app 1.0\n"
    )
    assert from_pylock(made.lock, "marker").versions == made.packages
    assert heard.said[0].startswith("2 packages: ")
    assert heard.said[-1] == f"`{target}` is ready"


@pytest.mark.parametrize("installer", INSTALLERS)
def test_nothing_in_a_finished_environment_names_the_folder_it_was_built_in(
    shelf, tmp_path, variables, installer
):
    target = tmp_path / "venv"
    put(shelf, target, variables, shelf.wheel("app", scripts={"run-app": "app:main"}), installer=installer)
    for path, content in snapshot(target).items():
        text = content if isinstance(content, str) else content.decode("utf-8", "replace")
        assert ".stackfix-" not in text or path.endswith(".pyc"), path
    assert said(target / "bin" / "python", "import sys; print(sys.prefix)") == str(target)


def test_uv_and_pip_leave_the_same_files_with_the_same_records(shelf, tmp_path, variables):
    packages = [shelf.wheel("app", scripts={"run-app": "app:main"}), shelf.wheel("lib", "2.0")]
    found = []
    for installer in INSTALLERS:
        target = tmp_path / installer / "venv"
        made = put(shelf, target, variables, *packages, installer=installer)
        packages_folder = Path(made.site_packages[0])
        rows = set()
        for record in packages_folder.glob("*.dist-info/RECORD"):
            rows |= {line for line in record.read_text().splitlines() if "INSTALLER" not in line}
        files = {
            path
            for path in snapshot(packages_folder)
            if not path.startswith(("_virtualenv", "__pycache__/_v"))
        }
        found.append((files, {row for row in rows if "../" not in row}, {row.split(",")[0] for row in rows}))
    assert found[0] == found[1]


@pytest.mark.parametrize("installer", INSTALLERS)
def test_records_stay_true_after_the_switch(shelf, tmp_path, variables, installer):
    target = tmp_path / "venv"
    made = put(
        shelf, target, variables, shelf.wheel("app", scripts={"run-app": "app:main"}), installer=installer
    )
    folder = Path(made.site_packages[0])
    with (folder / "app-1.0.dist-info" / "RECORD").open(newline="") as handle:
        rows = list(csv.reader(handle))
    assert any("run-app" in row[0] for row in rows)
    for path, digest, size in rows:
        data = (folder / path).read_bytes()
        if digest:
            expected = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert (digest, size) == (f"sha256={expected}", str(len(data))), path


ENDS = [
    ("other bytes", HashError),
    ("web page", HashError),
    ("broken server", NetworkError),
    ("missing", NetworkError),
    ("cut", (NetworkError, HashError)),
]


@pytest.mark.parametrize(
    ("installer", "fault", "error"),
    [
        *(("uv", fault, error) for fault, error in ENDS),
        *(pytest.param("pip", *each, marks=[] if each[0] == "cut" else pytest.mark.slow) for each in ENDS),
    ],
)
def test_a_bad_download_changes_nothing(shelf, tmp_path, variables, installer, fault, error):
    target = tmp_path / "venv"
    put(shelf, target, variables, shelf.wheel("app"), installer=installer)
    before = snapshot(target)
    newer = shelf.wheel("app", "2.0")
    shelf.faults[newer.file.name] = FAULTS[fault]
    with pytest.raises(error) as caught:
        put(shelf, target, variables, newer, installer=installer)
    assert "app" in caught.value.message
    assert snapshot(target) == before
    assert beside(target) == []


def test_a_server_that_is_not_there_is_a_network_error(shelf, tmp_path, variables):
    package = shelf.wheel("app")
    gone = Shelf(address="http://127.0.0.1:9").wheel("app")
    assert gone.file.sha256 == package.file.sha256
    for installer in INSTALLERS:
        with pytest.raises(NetworkError, match="app"):
            put(shelf, tmp_path / "venv", variables, gone, installer=installer)
    assert not (tmp_path / "venv").exists()


def test_settings_of_pip_that_would_change_an_exact_install_do_not(shelf, tmp_path, variables):
    config = tmp_path / "conf" / "pip.conf"
    config.parent.mkdir()
    constraints = config.with_name("constraints.txt")
    constraints.write_text("app<1.0\n")
    config.write_text(
        f"[global]\nconstraint = {constraints}\nrequire-virtualenv = true\nno-index = true\ntimeout = 7\n"
        f"[install]\nuser = true\ntarget = {tmp_path / 'elsewhere'}\nno-binary = :all:\nonly-binary = nothing\n"
    )
    hostile = variables | {"PIP_CONFIG_FILE": str(config), "PIP_TARGET": str(tmp_path / "elsewhere")}
    target = tmp_path / "a" / "venv"
    assert put(shelf, target, hostile, shelf.wheel("app"), installer="pip").packages == {"app": "1.0"}
    assert not (tmp_path / "elsewhere").exists()


def test_settings_of_uv_that_would_change_an_exact_install_do_not(shelf, tmp_path, variables):
    config = tmp_path / "conf" / "uv.toml"
    config.parent.mkdir()
    config.write_text(
        'constraint-dependencies = ["app<1.0"]\noverride-dependencies = ["app==0.5"]\nexclude-newer = "2015-01-01"\n'
        f'no-index = true\n[pip]\nno-binary = ["app"]\ntarget = "{tmp_path / "elsewhere"}"\n'
    )
    constraints = config.with_name("constraints.txt")
    constraints.write_text("app<1.0\n")
    hostile = variables | {
        "UV_CONFIG_FILE": str(config),
        "UV_CONSTRAINT": str(constraints),
        "UV_OVERRIDE": str(constraints),
        "UV_NO_BINARY": "1",
    }
    target = tmp_path / "a" / "venv"
    assert put(shelf, target, hostile, shelf.wheel("app"), installer="uv").packages == {"app": "1.0"}
    assert not (tmp_path / "elsewhere").exists()


def test_an_environment_of_ours_is_replaced_and_can_be_had_back(shelf, tmp_path, variables):
    target = tmp_path / "venv"
    put(shelf, target, variables, shelf.wheel("app", "1.0"))
    before = snapshot(target)
    assert put(shelf, target, variables, shelf.wheel("app", "2.0")).packages == {"app": "2.0"}
    after = snapshot(target)
    assert beside(target) == [".venv.stackfix-previous"]
    assert undo(target) == "taken back"
    assert snapshot(target) == before
    assert said(target / "bin" / "python", "import app; print(app.version)") == "1.0"
    assert undo(target) == "brought back"
    assert {k: v for k, v in snapshot(target).items() if k in after} == after
    assert undo(target) == "taken back"


def test_an_environment_that_is_gone_is_had_back(shelf, tmp_path, variables):
    target = tmp_path / "venv"
    put(shelf, target, variables, shelf.wheel("app", "1.0"))
    put(shelf, target, variables, shelf.wheel("app", "2.0"))
    shutil.rmtree(target)
    assert undo(target) == "restored"
    assert said(target / "bin" / "python", "import app; print(app.version)") == "1.0"


def test_undo_without_a_past_says_so(shelf, tmp_path, variables):
    put(shelf, tmp_path / "venv", variables, shelf.wheel("app"))
    with pytest.raises(TargetError, match="nothing is kept"):
        undo(tmp_path / "venv")
    with pytest.raises(TargetError):
        undo(tmp_path / "no" / "venv")
    assert beside(tmp_path / "venv") == []


@pytest.mark.parametrize(
    ("what", "said_of_it"),
    [
        ("nothing", "is not there, and nothing is kept"),
        ("folder", "is a folder without an environment"),
        ("file", "is a file"),
        ("foreign", "is an environment that stackfix has not changed"),
    ],
)
def test_undo_says_what_is_there_and_never_to_remove_it(tmp_path, what, said_of_it):
    target = tmp_path / "mine"
    if what == "folder":
        target.mkdir()
        (target / "letter.txt").write_text("mine")
    elif what == "file":
        target.write_text("mine")
    elif what == "foreign":
        subprocess.run([PYTHON, "-m", "venv", "--without-pip", target], check=True)
    before = snapshot(tmp_path)
    with pytest.raises(TargetError, match=said_of_it) as caught:
        undo(target)
    assert "remove" not in caught.value.hint
    assert "`stackfix install` replaced" in caught.value.hint
    assert snapshot(tmp_path) == before


def test_an_environment_that_fails_its_proof_is_not_switched_in(shelf, tmp_path, variables):
    target = tmp_path / "venv"
    put(shelf, target, variables, shelf.wheel("app", "1.0"))
    before = snapshot(target)
    seen = []

    def no(staged: Environment) -> bool:
        seen.append(said(Path(staged.executable), "import app; print(app.version)"))
        return False

    with pytest.raises(NotProvedError):
        put(shelf, target, variables, shelf.wheel("app", "2.0"), prove=no)
    assert seen == ["2.0"]
    assert snapshot(target) == before
    assert beside(target) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_an_exception_in_the_proof_leaves_nothing_behind(shelf, tmp_path, variables, error):
    def interrupted(staged: Environment) -> bool:
        raise error

    with pytest.raises(error):
        put(shelf, tmp_path / "deep" / "er" / "venv", variables, shelf.wheel("app"), prove=interrupted)
    assert not (tmp_path / "deep").exists()


def test_an_empty_folder_is_filled(shelf, tmp_path, variables):
    target = tmp_path / "venv"
    target.mkdir()
    assert put(shelf, target, variables, shelf.wheel("app")).packages == {"app": "1.0"}


def test_a_foreign_environment_is_replaced_only_when_asked(shelf, tmp_path, variables):
    target = tmp_path / "venv"
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", target], check=True)
    before = snapshot(target)
    with pytest.raises(TargetError, match="stackfix did not make"):
        put(shelf, target, variables, shelf.wheel("app"))
    assert snapshot(target) == before
    assert put(shelf, target, variables, shelf.wheel("app"), replace=True).packages == {"app": "1.0"}
    undo(target)
    assert snapshot(target) == before


@pytest.mark.parametrize("what", ["file", "folder", "root", "line break", "quote"])
def test_what_is_no_environment_is_left_alone(shelf, tmp_path, variables, what):
    target = tmp_path / "thing"
    if what == "file":
        target.write_text("mine")
    elif what == "folder":
        target.mkdir()
        (target / "letter.txt").write_text("mine")
    elif what == "root":
        target = Path("/")
    else:
        target = tmp_path / ("a\nb" if what == "line break" else "a'b")
    for replace in (False, True):
        with pytest.raises(TargetError):
            put(shelf, target, variables, shelf.wheel("app"), replace=replace)
    if what != "root":
        assert beside(target) in ([], ["thing"])


@pytest.mark.parametrize("prefix", ["prefix", "base_prefix"])
def test_the_environment_that_runs_this_is_not_replaced(shelf, tmp_path, variables, monkeypatch, prefix):
    target = tmp_path / "venv"
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", target], check=True)
    (tmp_path / "link").symlink_to(target)
    before = snapshot(target)
    monkeypatch.setattr(sys, prefix, str(tmp_path / "link"))
    with pytest.raises(TargetError, match="that stackfix itself runs in"):
        put(shelf, target, variables, shelf.wheel("app"), replace=True)
    assert snapshot(target) == before


@pytest.mark.parametrize("place", [("a:b",), ("a:b", "venv")])
def test_a_path_that_cannot_stand_in_path_is_refused(shelf, tmp_path, variables, place):
    with pytest.raises(TargetError, match="`activate` adds to, ends a folder at `:`"):
        put(shelf, tmp_path.joinpath(*place), variables, shelf.wheel("app"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_said_so(shelf, tmp_path, variables):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(StackfixError, match="may not be written"):
        put(shelf, closed / "venv", variables, shelf.wheel("app"))


def test_a_parent_that_is_a_file_is_said_so(shelf, tmp_path, variables):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(TargetError, match="file"):
        put(shelf, tmp_path / "file" / "venv", variables, shelf.wheel("app"))


class Full:
    """A disk with little room."""

    def free_bytes(self, folder: Path) -> int:
        return 1000

    def disk(self, folder: Path) -> int:
        return 1


@pytest.mark.parametrize("installer", INSTALLERS)
def test_a_full_disk_is_said_before_anything_is_downloaded(shelf, tmp_path, variables, installer):
    with pytest.raises(
        DiskError, match=r"about 67.[14] MB are needed \(.*67.1 MB to spare\), 1.0 kB are free"
    ) as caught:
        put(shelf, tmp_path / "venv", variables, shelf.wheel("app"), space=Full(), installer=installer)
    assert str(tmp_path) in caught.value.message
    assert shelf.asked == []
    assert beside(tmp_path / "venv") == []


def test_a_lock_for_another_python_is_refused(shelf, tmp_path, variables):
    lock = shelf.lock(shelf.wheel("app"), python="3.7")
    with pytest.raises(QuestionError, match=r"the lock is for Python 3\.7"):
        install(lock, tmp_path / "venv", PYTHON, read=read_environment, prove=yes, variables=variables)
    with pytest.raises(TargetError, match="not a Python that runs"):
        install(
            lock,
            tmp_path / "venv",
            tmp_path / "nothing",
            read=read_environment,
            prove=yes,
            variables=variables,
        )


def test_a_second_install_on_one_target_is_refused_and_the_first_goes_on(shelf, tmp_path, variables):
    target = tmp_path / "venv"
    refused = []

    def meanwhile(staged: Environment) -> bool:
        with pytest.raises(AnswerError, match=f"process {os.getpid()} is building it") as caught:
            put(shelf, target, variables, shelf.wheel("app", "2.0"))
        refused.append(caught.value)
        return True

    assert put(shelf, target, variables, shelf.wheel("app", "1.0"), prove=meanwhile).packages == {
        "app": "1.0"
    }
    assert len(refused) == 1
    assert beside(target) == []


def test_the_marker_is_what_makes_an_environment_ours(shelf, tmp_path, variables):
    made = put(shelf, tmp_path / "venv", variables, shelf.wheel("app"))
    marker = read_marker(tmp_path / "venv")
    assert marker is not None
    assert marker.lock == made.lock == to_pylock(shelf.lock(shelf.wheel("app")))
    (tmp_path / "venv" / "stackfix.json").write_text('{"schema": 3}')
    assert read_marker(tmp_path / "venv") is None


def test_a_target_behind_a_link_is_the_folder_that_it_means(shelf, tmp_path, variables):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    made = put(shelf, tmp_path / "link" / "venv", variables, shelf.wheel("app"))
    assert made.path == str(tmp_path / "real" / "venv")


def test_a_path_with_spaces_and_letters_of_other_tongues_works(shelf, tmp_path, variables):
    for installer in INSTALLERS:
        target = tmp_path / f"mé x'{installer}" / "vénv ü"
        app = shelf.wheel("app", scripts={"run-app": "app:main"})
        put(shelf, target, variables, app, installer=installer)
        ran = subprocess.run([target / "bin" / "run-app"], capture_output=True, text=True, check=False)
        assert ran.stdout == "app 1.0\n", ran.stderr


def test_a_lock_without_an_index_is_installed_by_addresses(shelf, tmp_path, variables):
    app = msgspec.structs.replace(shelf.wheel("app"), index="")
    made = put(shelf, tmp_path / "venv", variables, app, installer="uv")
    assert made.packages == {"app": "1.0"}
    assert not list(Path(made.site_packages[0]).rglob("direct_url.json"))


def test_uv_takes_from_its_cache_what_was_installed_before(shelf, tmp_path, variables):
    put(shelf, tmp_path / "one", variables, shelf.wheel("app"), installer="uv")
    shelf.asked.clear()
    put(shelf, tmp_path / "two", variables, shelf.wheel("app"), installer="uv")
    assert "app-1.0-py3-none-any.whl" not in shelf.asked
