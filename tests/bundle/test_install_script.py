"""install.sh in a bundle: nothing of a folder is run before every file of it is the one that bundle.json names."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from stackfix.bundling import script

PYTHON = "{}.{}".format(*sys.version_info[:2])

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a script for Linux")


def bundle(folder, **said):
    """Make a bundle whose uv only says that it was run."""
    (folder / "tool").mkdir(parents=True)
    with zipfile.ZipFile(folder / "tool" / "uv-1-py3-none-any.whl", "w") as archive:
        archive.writestr("uv-1.data/scripts/uv", '#!/bin/sh\necho "uv was run: $*" >&2\nexit 1\n')
    (folder / "pylock.toml").write_text("packages = []\n")
    files = [
        {
            "path": path,
            "size": (folder / path).stat().st_size,
            "sha256": hashlib.sha256((folder / path).read_bytes()).hexdigest(),
        }
        for path in ("tool/uv-1-py3-none-any.whl", "pylock.toml")
    ]
    document = {
        "name": "dwpose",
        "python": PYTHON,
        "platform": f"linux_{os.uname().machine}",
        "glibc": "",
        "driver": "",
        "models": "standin",
        "bytes": sum(each["size"] for each in files),
        "files": files,
        **said,
    }
    (folder / "bundle.json").write_text(json.dumps(document, indent=2) + "\n")
    (folder / "install.sh").write_text(script("install.sh"))
    return folder


def run(folder, *words, path=os.environ["PATH"]):
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        ["sh", str(folder / "install.sh"), "--python", sys.executable, *words],
        capture_output=True,
        text=True,
        env={"HOME": str(home), "PATH": path},
        cwd="/",
    )


def test_a_whole_bundle_gets_as_far_as_its_uv(tmp_path):
    done = run(bundle(tmp_path / "my stick"))
    assert "uv was run: venv" in done.stderr
    assert done.returncode == 3


@pytest.mark.parametrize("path", ["tool/uv-1-py3-none-any.whl", "pylock.toml"])
def test_a_changed_file_is_named_and_nothing_is_run(tmp_path, path):
    folder = bundle(tmp_path / "stick")
    with (folder / path).open("r+b") as stream:
        stream.write(b"#")
    done = run(folder)
    assert done.returncode == 3
    assert f"{path} is not the file of this bundle" in done.stderr
    assert "hint: copy the bundle here again" in done.stderr
    assert "uv was run" not in done.stderr


def test_another_python_is_refused_with_what_can_be_typed(tmp_path):
    folder = bundle(tmp_path / "stick", python="3.987")
    done = run(folder)
    assert done.returncode == 1
    assert f"stackfix bundle dwpose --python {PYTHON} -o FOLDER" in done.stderr
    assert "--python EXE" in done.stderr
    none = subprocess.run(
        ["sh", str(folder / "install.sh")],
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": "/none"},
    )
    assert none.returncode == 3
    assert "there is no Python 3.987 here" in none.stderr
    assert "--python EXE" in none.stderr
    assert "stackfix bundle dwpose --python 3." in none.stderr


def test_a_missing_file_is_named(tmp_path):
    folder = bundle(tmp_path / "stick")
    (folder / "pylock.toml").unlink()
    assert "pylock.toml: No such file or directory" in run(folder).stderr


def test_a_bundle_index_that_was_exchanged_is_refused_where_its_digest_is_known(tmp_path):
    folder = bundle(tmp_path / "stick")
    digest = hashlib.sha256((folder / "bundle.json").read_bytes()).hexdigest()
    assert "uv was run" in run(folder, "--expect", digest).stderr
    done = run(folder, "--expect", "0" * 64)
    assert "is not the one that was expected" in done.stderr
    assert "uv was run" not in done.stderr


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../b", "a\\b"])
def test_a_bundle_that_names_a_file_outside_of_it_is_refused(tmp_path, path):
    folder = bundle(tmp_path / "stick", files=[{"path": path, "size": 1, "sha256": "0" * 64}])
    assert "names a file outside of this folder" in run(folder).stderr


def test_an_unfinished_bundle_says_how_it_is_finished(tmp_path):
    folder = bundle(tmp_path / "stick")
    (folder / "bundle.json").unlink()
    done = run(folder)
    assert done.returncode == 2
    assert "run stackfix bundle again" in done.stderr


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"platform": "linux_riscv64"}, "this set is for linux_riscv64, this machine is linux_"),
        ({"glibc": "9.9"}, r"glibc is [0-9.]+ here, and the files of this set need 9.9"),
        ({"python": "3.99"}, r"is no Python 3.99, for which this bundle is made"),
    ],
)
def test_a_bundle_for_another_machine_is_refused_before_anything_is_checked(tmp_path, said, expected):
    done = run(bundle(tmp_path / "stick", **said))
    assert done.returncode == 1
    assert re.search(expected, done.stderr)
    assert "checking" not in done.stderr


def test_an_older_driver_is_refused_and_a_missing_one_is_said(tmp_path):
    folder = bundle(tmp_path / "stick", driver="580.65.06", glibc="2.17")
    if not Path("/proc/driver/nvidia/version").exists():
        assert "no NVIDIA driver was found here; the set needs 580.65.06" in run(folder).stderr
    tools = tmp_path / "home" / "bin"
    tools.mkdir(parents=True, exist_ok=True)
    (tools / "nvidia-smi").write_text("#!/bin/sh\necho 535.104.05\n")
    (tools / "nvidia-smi").chmod(0o755)
    if not Path("/proc/driver/nvidia/version").exists():
        done = run(folder, path=f"{tools}:{os.environ['PATH']}")
        assert done.returncode == 1
        assert "the NVIDIA driver is 535.104.05 here, and this set needs 580.65.06" in done.stderr
        assert "checking" not in done.stderr


def test_a_tool_folder_that_no_bundle_made_is_left_alone(tmp_path):
    folder = bundle(tmp_path / "stick")
    (tmp_path / "mine").mkdir()
    done = run(folder, "--tool", str(tmp_path / "mine"))
    assert done.returncode == 2
    assert "no bundle made it" in done.stderr
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not here")
def test_shellcheck_has_nothing_to_say():
    text = script("install.sh")
    assert '. "$here/shared.sh"' not in text
    assert subprocess.run(["shellcheck", "-"], input=text, capture_output=True, text=True).stdout == ""
