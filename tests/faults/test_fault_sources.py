"""Where files come from: mirrors, folders, keyrings, proxies, caches; and one source for each name."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import fault_server as faults
import pytest
from fault_bench import ABSENT, NEW, OLD, VERSION
from test_fault_credentials import locked

from stackfix.install.resolving import resolve_others
from stackfix.model.machine import Platform
from stackfix.versions import PythonVersion

BOTH = pytest.mark.parametrize("installer", ["uv", "pip"])
FILES = ("app-2.0-py3-none-any.whl", "lib-2.0-py3-none-any.whl")


def unset(bench) -> None:
    """Leave no index configured."""
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
        bench.variables[name] = ""


@BOTH
@pytest.mark.parametrize("where", ["variable", "pip.conf", "uv.toml"])
def test_a_mirror_with_plain_pages_serves_both_installers_wherever_it_is_configured(bench, installer, where):
    bench.old()
    bench.server.plain = True
    unset(bench)
    mirror = f"{bench.server.address}/simple"
    home = Path(bench.variables["HOME"])
    if where == "variable":
        bench.variables["STACKFIX_SOURCE_PYPI"] = mirror
    elif where == "pip.conf":
        (home / ".pip").mkdir()
        (home / ".pip" / "pip.conf").write_text(f"[global]\nindex-url = {mirror}\n")
    else:
        (home / ".config" / "uv").mkdir(parents=True)
        (home / ".config" / "uv" / "uv.toml").write_text(f'index-url = "{mirror}"\n')
    done = bench.run([*bench.asking(), "--installer", installer])
    bench.saw("mirror", f"plain pages, named in {where} ({installer})", done, state=NEW, code=0, says="ready")
    bench.then(bench.asking())


@BOTH
@pytest.mark.parametrize("where", ["pip.conf", "uv.toml"])
def test_a_private_mirror_serves_the_installer_that_it_is_not_configured_for(bench, installer, where):
    bench.old()
    unset(bench)
    for name in ("app", "lib", *FILES):
        bench.server.faults[name] = locked
    mirror = bench.server.address.replace("http://", "http://anna:secret@") + "/simple"
    home = Path(bench.variables["HOME"])
    if where == "pip.conf":
        (home / ".pip").mkdir()
        (home / ".pip" / "pip.conf").write_text(f"[global]\nindex-url = {mirror}\n")
    else:
        (home / ".config" / "uv").mkdir(parents=True)
        (home / ".config" / "uv" / "uv.toml").write_text(f'[[index]]\nurl = "{mirror}"\ndefault = true\n')
    done = bench.run([*bench.asking(), "--installer", installer])
    bench.saw("password", f"in {where} ({installer})", done, state=NEW, code=0, says="ready")
    bench.then(bench.asking())


@BOTH
@pytest.mark.parametrize("what", ["another file of the same size", "another size", "a web page"])
def test_a_mirror_that_serves_a_wrong_file(bench, installer, what):
    bench.old()
    unset(bench)
    bench.variables["STACKFIX_SOURCE_PYPI"] = f"{bench.server.address}/simple"
    wrong = {"another file of the same size": faults.other, "another size": faults.longer}
    bench.server.faults[FILES[1]] = wrong.get(what, faults.web_page)
    done = bench.run([*bench.asking(), "--installer", installer])
    says = "not the one that the lock names|not a zip|is not the file"
    bench.saw("mirror", f"a wrong file: {what} ({installer})", done, state=OLD, code=3, says=says)
    assert len([line for line in done.err.splitlines() if line.startswith("error")]) == 1
    assert bench.beside() == []
    bench.then(bench.asking())


def test_a_mirror_whose_page_names_another_sha256(bench):
    bench.old()
    row = {"filename": FILES[0], "url": f"../../files/{FILES[0]}", "hashes": {"sha256": "1" * 64}}
    bench.server.faults["app"] = faults.says({"files": [row]})
    done = bench.run(bench.asking())
    says = "expected sha256 [0-9a-f]{64} and [0-9]+ bytes; pypi lists it with sha256 1111"
    bench.saw("mirror", "its page names another sha256", done, state=OLD, code=3, says=says)
    assert not [name for name in bench.server.asked if name.endswith(".whl")]
    bench.then(bench.asking())


@BOTH
def test_files_of_a_folder_serve_where_no_index_may_be_asked(bench, installer):
    bench.old()
    folder = bench.scratch / "wheels"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_bytes(bench.server.files[name])
    bench.variables |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}
    done = bench.run([*bench.asking(), "--installer", installer])
    bench.saw("folder", f"find-links and no index ({installer})", done, state=NEW, code=0, says="ready")
    assert bench.server.asked == []
    bench.then(bench.asking())


def test_a_file_of_a_folder_that_has_other_bytes_is_none(bench):
    bench.old()
    folder = bench.scratch / "wheels"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_bytes(bench.server.files[name])
    (folder / FILES[0]).write_bytes(faults.wheel_bytes("app", "2.0", weight=9))
    more = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}
    done = bench.run(bench.asking(), **more)
    says = f"{FILES[0]}: no index may be asked"
    bench.saw("folder", "find-links with a wrong file", done, state=OLD, code=3, says=says)
    bench.then(bench.asking())


def test_a_folder_has_what_the_index_has_not(bench):
    bench.old()
    folder = bench.scratch / "wheels"
    folder.mkdir()
    (folder / FILES[0]).write_bytes(bench.server.files.pop(FILES[0]))
    done = bench.run(bench.asking(), UV_FIND_LINKS=str(folder))
    bench.saw("folder", "find-links beside an index", done, state=NEW, code=0, says="ready")
    bench.server.publish("app", "2.0")
    bench.then(bench.asking())


@BOTH
def test_a_password_of_the_keyring(bench, installer):
    bench.old()
    unset(bench)
    for name in ("app", "lib", *FILES):
        bench.server.faults[name] = locked
    tools = bench.scratch / "tools"
    tools.mkdir()
    command = tools / "keyring"
    command.write_text(f'#!{sys.executable}\nimport sys\nif sys.argv[-1] == "anna": print("secret")\n')
    command.chmod(0o755)
    address = bench.server.address.replace("http://", "http://anna@") + "/simple"
    bench.variables |= {
        "PATH": f"{tools}:{bench.variables['PATH']}",
        "PIP_INDEX_URL": address,
        "PIP_KEYRING_PROVIDER": "subprocess",
    }
    done = bench.run([*bench.asking(), "--installer", installer])
    bench.saw("password", f"in the keyring ({installer})", done, state=NEW, code=0, says="ready")
    assert "secret" not in done.out + done.err
    bench.then(bench.asking())


@BOTH
@pytest.mark.parametrize("where", ["variable", "pip.conf"])
def test_a_proxy_that_gets_its_password(bench, installer, where):
    bench.old()
    bench.variables |= {"NO_PROXY": "", "no_proxy": ""}
    with faults.serving(faults.Proxy) as proxy:
        private = proxy.replace("http://", "http://anna:secret@")
        if where == "variable":
            bench.variables |= {"HTTP_PROXY": private, "http_proxy": private}
        else:
            pip = Path(bench.variables["HOME"]) / ".pip"
            pip.mkdir()
            (pip / "pip.conf").write_text(f"[global]\nproxy = {private}\n")
        done = bench.run([*bench.asking(), "--installer", installer])
        what = f"a proxy's, in {where} ({installer})"
        bench.saw("password", what, done, state=NEW, code=0, says="ready")
        assert "secret" not in done.out + done.err
        bench.then(bench.asking())


@BOTH
def test_offline_from_caches_without_a_lock(bench, installer):
    bench.server.kept_for = "max-age=31536000, immutable"
    bench.variables["PIP_TRUSTED_HOST"] = (
        "127.0.0.1"  # pip keeps nothing of a server without TLS that it does not trust
    )
    words = [*bench.asking(), "--installer", installer]
    assert bench.run(words).code == 0
    shutil.rmtree(bench.target)
    bench.server.asked.clear()
    done = bench.run([*words, "--offline"])
    bench.saw("offline", f"from the caches ({installer})", done, state=NEW, code=0, says="ready")
    assert bench.server.asked == []
    bench.then(bench.asking())


@BOTH
def test_offline_names_what_no_cache_has(bench, installer):
    words = [*bench.asking(), "--installer", installer, "--offline"]
    done = bench.run(words)
    says = "(app|lib)-2.0-py3-none-any.whl"
    bench.saw("offline", f"nothing is cached ({installer})", done, state=ABSENT, code=3, says=says)
    assert bench.run(["lock", *bench.asking()[1:3], "--gpu", "none", "-o", "pylock.toml"]).code == 0
    asked = list(bench.server.asked)
    done = bench.run(words)
    says = f"{installer} does not have (app|lib)-2.0-py3-none-any.whl in its cache, and `--offline` forbids"
    bench.saw("offline", f"addresses alone are known ({installer})", done, state=ABSENT, code=3, says=says)
    assert bench.server.asked == asked
    bench.then(bench.asking())


@pytest.fixture
def two(bench):
    """A project that asks for what the facts do not know, and a second index."""
    with faults.index(faults.Server()) as other:
        bench.server.publish("private_thing", "1.0")
        (bench.scratch / "wanted.txt").write_text("private-thing\n")
        bench.variables |= {"UV_INDEX": f"{other.address}/simple"}
        yield other
        other.held.set()


def project(bench) -> list[str]:
    return [*bench.asking(), "-r", "wanted.txt"]


def test_a_higher_version_on_another_index_is_not_taken_and_is_named(bench, two):
    bench.old()
    two.publish("private_thing", "99.0")
    done = bench.run(project(bench))
    says = "`private-thing` is on two indexes with different files"
    bench.saw("source", "a name on two indexes", done, state=OLD, code=3, says=says)
    assert not [name for name in two.asked if name.endswith(".whl")]
    done = bench.run([*project(bench), "--source", "pypi"])
    bench.saw("source", "one of two indexes is named", done, state=NEW, code=0, says="ready")
    (found,) = bench.target.glob("lib/python3.*/site-packages/private_thing-*.dist-info")
    assert found.name == "private_thing-1.0.dist-info"


def test_what_only_another_index_has_comes_from_there(bench, two):
    bench.old()
    two.publish("private_thing", "1.0")
    del bench.server.files["private_thing-1.0-py3-none-any.whl"]
    done = bench.run(project(bench))
    bench.saw("source", "a name on another index alone", done, state=NEW, code=0, says="ready")
    assert "private_thing-1.0-py3-none-any.whl" in two.asked


def test_a_higher_version_of_what_the_facts_know_is_not_looked_at(bench, two):
    bench.old()
    two.publish("app", "99.0")
    done = bench.run(bench.asking())
    bench.saw("source", "a known package on another index", done, state=NEW, code=0, says="ready")
    assert two.asked == []


def test_an_index_that_uv_asks_is_one_that_was_given(bench, monkeypatch):
    with faults.index(faults.Server()) as other:
        bench.server.publish("thing", "1.0")
        other.publish("thing", "99.0")
        for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL", "STACKFIX_SOURCE_PYTORCH_CU126"):
            bench.variables[name] = f"{other.address}/simple"
        found = resolve_others(
            ["thing"],
            [],
            python=PythonVersion.parse(VERSION),
            platform=Platform.parse("linux_x86_64"),
            glibc=(2, 36),
            indexes=(f"{bench.server.address}/simple",),
            variables=bench.variables,
        )
        assert [(each.name, each.version) for each in found] == [("thing", "1.0")]
        assert other.asked == []
