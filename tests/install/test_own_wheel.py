"""The wheel of stackfix that a bundle carries: whole, the same each time, and installable by others."""

import subprocess
import sys
import zipfile
from pathlib import Path

from stackfix import app
from stackfix.facts.root import data_root
from stackfix.index.download import digest_of
from stackfix.install.own_wheel import own_wheel

PACKAGE = Path(app.__file__).parent


def test_the_same_files_give_the_same_bytes(tmp_path):
    first = own_wheel(tmp_path, PACKAGE, data_root())
    digest = digest_of(first)
    first.unlink()
    assert digest_of(own_wheel(tmp_path, PACKAGE, data_root())) == digest


def test_it_holds_the_code_the_facts_and_no_compiled_leftovers(tmp_path):
    with zipfile.ZipFile(own_wheel(tmp_path, PACKAGE, data_root())) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
    assert len(names) == len(set(names))
    assert "stackfix/app.py" in names
    assert "stackfix/data/drivers.toml" in names
    assert "stackfix/data/tool/install.sh" in names
    assert not [name for name in names if "__pycache__" in name]


def test_it_runs_from_its_own_facts_once_it_is_installed(tmp_path):
    wheel = own_wheel(tmp_path, PACKAGE, data_root())
    where = tmp_path / "site"
    pip = [sys.executable, "-m", "uv", "pip", "install", "--offline", "--no-deps", "--target", str(where)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    code = "import sys; sys.path.insert(0, sys.argv[1]); from stackfix.facts.root import data_root; print(data_root())"
    said = subprocess.run(
        [sys.executable, "-I", "-c", code, str(where)], check=True, capture_output=True, text=True
    )
    assert said.stdout.strip() == str(where / "stackfix" / "data")
