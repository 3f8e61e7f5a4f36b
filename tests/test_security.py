"""SECURITY.md says what the code does: each sentence that code can be asked about is."""

import ast
import re
from pathlib import Path

import pytest

from stackfix.index.transport import PAGE_LIMIT
from stackfix.install import apply
from stackfix.measure.archive import MAX_MEMBER
from stackfix.measure.wheel import METADATA_LIMIT
from stackfix.plan.lock import MAX_TEXT
from stackfix.probe import document_reader

CHECKOUT = Path(__file__).resolve().parents[1]
TEXT = " ".join((CHECKOUT / "SECURITY.md").read_text().split())
MODULES = sorted((CHECKOUT / "src").rglob("*.py"))


def calls(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_no_module_asks_a_shell_evaluates_text_or_unpickles(module):
    tree = ast.parse(module.read_text())
    for call in calls(tree):
        assert not (isinstance(call.func, ast.Name) and call.func.id in ("eval", "exec"))
        assert not [word for word in call.keywords if word.arg == "shell"]
        assert not (isinstance(call.func, ast.Attribute) and call.func.attr in ("system", "popen"))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert not imported & {"pickle", "marshal", "shelve"}


def test_the_door_to_http_only_asks():
    doors = [path for path in MODULES if re.search(r"^import requests$", path.read_text(), re.MULTILINE)]
    assert doors
    for door in doors:
        asked = {
            call.func.attr
            for call in calls(ast.parse(door.read_text()))
            if isinstance(call.func, ast.Attribute)
        }
        assert not asked & {"post", "put", "patch", "delete"}


def test_the_limits_are_those_of_the_code():
    assert f"a page of an index to {PAGE_LIMIT >> 20} MiB" in TEXT
    assert f"a lock to {MAX_TEXT >> 20} Mi characters" in TEXT
    assert f"the description of a machine to {document_reader._LIMIT >> 20} MiB" in TEXT
    assert f"the metadata of a wheel to {METADATA_LIMIT >> 20} MiB" in TEXT
    assert f"one file in a wheel to {MAX_MEMBER >> 30} GiB" in TEXT


def test_installs_are_by_hash_without_dependencies_and_without_building():
    source = Path(apply.__file__).read_text()
    assert '["--no-deps", "--require-hashes", "--only-binary", ":all:"' in source
    for script in ("scripts/environment.sh", "bootstrap.ps1", "bootstrap.sh", "data/tool/install.sh"):
        assert re.search(r"only-binary\W+:all:", (CHECKOUT / script).read_text())
        assert "--require-hashes" in (CHECKOUT / script).read_text()


def test_no_script_pipes_a_network_into_a_shell_and_sudo_comes_from_one_place():
    for path in CHECKOUT.glob("*.sh"):
        assert not re.search(r"\b(curl|wget)\b", path.read_text())
    bootstrap = (CHECKOUT / "bootstrap.sh").read_text()
    before_asking, _, asked = bootstrap.partition('if [ -n "$packages" ]; then')
    assert "become=sudo" not in before_asking
    assert "become=sudo" in asked


def test_files_that_it_names_are_there():
    for name in re.findall(r"`((?:data/|\./)?[\w./]+\.(?:sh|ps1|txt))`", TEXT):
        assert (CHECKOUT / name).is_file() or (CHECKOUT / "data" / "tool" / name).is_file()
