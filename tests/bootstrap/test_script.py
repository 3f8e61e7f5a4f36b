"""bootstrap.sh by its words: what it says where it cannot go on, and that it asks for nothing by itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPTS = [
    "bootstrap.sh",
    "stackfix",
    "test",
    ".ci/run",
    "scripts/environment.sh",
    "data/tool/install.sh",
    "data/tool/shared.sh",
]
TOOLS = ("sh", "awk", "id", "sed", "mkdir", "mktemp", "head", "sort", "rm", "cat", "dirname", "readlink")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a script for Linux")


def checkout(folder):
    """Return a checkout with the scripts alone."""
    (folder / "scripts").mkdir(parents=True)
    (folder / "data").mkdir()
    shutil.copytree(CHECKOUT / "data" / "tool", folder / "data" / "tool")
    shutil.copy(CHECKOUT / "bootstrap.sh", folder)
    shutil.copy(CHECKOUT / "scripts" / "environment.sh", folder / "scripts")
    return folder


def bare(folder, *commands):
    """Return a PATH with what every system has, and commands that only say that they were run."""
    path = folder / "bin"
    path.mkdir()
    for tool in TOOLS:
        (path / tool).symlink_to(shutil.which(tool))
    for name in commands:
        (path / name).write_text('#!/bin/sh\necho "run: $0 $*" >&2\n')
        (path / name).chmod(0o755)
    return str(path)


def run(folder, path, *words):
    return subprocess.run(
        [shutil.which("sh"), str(folder / "bootstrap.sh"), *words],
        capture_output=True,
        text=True,
        env={"PATH": path, "HOME": str(folder)},
    )


@pytest.mark.parametrize(
    ("manager", "line"),
    [
        ("apt-get", "apt-get update && apt-get install -y python3 python3-venv"),
        ("dnf", "dnf install -y python3"),
        ("zypper", "zypper --non-interactive install python3"),
        ("pacman", "pacman -Sy --noconfirm --needed python"),
        ("apk", "apk add python3"),
    ],
)
def test_what_to_install_is_said_in_the_words_of_the_package_manager_that_is_here(tmp_path, manager, line):
    done = run(checkout(tmp_path / "checkout"), bare(tmp_path, manager))
    assert done.returncode == 3
    assert line in done.stderr
    assert "run:" not in done.stderr


def test_a_system_without_glibc_is_told_that_the_wheels_do_not_run_there(tmp_path):
    done = run(checkout(tmp_path / "checkout"), bare(tmp_path, "apk"))
    assert "this system has no glibc" in done.stderr


def test_without_a_package_manager_it_says_what_is_needed(tmp_path):
    done = run(checkout(tmp_path / "checkout"), bare(tmp_path))
    assert done.returncode == 3
    assert "install a Python from 3.10 on with its venv module, or uv" in done.stderr


def test_asked_to_install_it_runs_the_package_manager_and_says_when_that_did_not_help(tmp_path):
    done = run(checkout(tmp_path / "checkout"), bare(tmp_path, "pacman", "sudo"), "--install-packages")
    assert done.returncode == 3
    assert "installing, as asked: pacman" in done.stderr
    assert "run: " in done.stderr
    assert "there is still nothing that can run stackfix" in done.stderr


def test_a_python_that_is_too_old_is_named(tmp_path):
    path = bare(tmp_path, "apt-get")
    old = Path(path) / "python3"
    old.write_text(
        "#!/bin/sh\ncase \"$2\" in *3,\\ 10*lacks* | *pkgutil*) echo '  old is Python 3.9' ;; *) exit 1 ;; esac\n"
    )
    old.chmod(0o755)
    assert "old is Python 3.9" in run(checkout(tmp_path / "checkout"), path).stderr


def test_in_a_bundle_it_gives_way_to_the_bundles_own_script(tmp_path):
    folder = checkout(tmp_path / "checkout")
    bundle = tmp_path / "my stick"
    bundle.mkdir()
    (bundle / "install.sh").write_text('echo "bundle: $*"\n')
    done = run(folder, os.environ["PATH"], "--bundle", str(bundle), "--venv", "a b")
    assert done.stdout == "bundle: --venv a b\n"
    missing = run(folder, os.environ["PATH"], "--bundle", str(tmp_path))
    assert missing.returncode == 2
    assert "is no bundle" in missing.stderr


def test_help_is_the_heading(tmp_path):
    done = run(checkout(tmp_path / "checkout"), os.environ["PATH"], "--help")
    assert done.returncode == 0
    assert "--install-packages" in done.stdout
    assert "set -eu" not in done.stdout


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not here")
def test_shellcheck_has_nothing_to_say():
    done = subprocess.run(["shellcheck", "-x", *SCRIPTS], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.stdout == ""


def test_powershell_scripts_are_ascii():
    for name in ("bootstrap.ps1", "data/tool/install.ps1"):
        assert (CHECKOUT / name).read_bytes().isascii()
