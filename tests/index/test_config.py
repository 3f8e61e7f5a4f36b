"""The configured index: variables before files, files in pip's own order, then pip's default."""

import os
import sys
from types import SimpleNamespace

import pytest

from stackfix.errors import NetworkError
from stackfix.index import config
from stackfix.index.config import extra_indexes, index_config

PIP = "pip._internal.models.index"
DEFAULT = "https://pip.test/simple"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home, no system-wide configuration, and a pip whose default is known."""
    monkeypatch.setitem(sys.modules, PIP, SimpleNamespace(PyPI=SimpleNamespace(simple_url=DEFAULT)))
    real = config._pip_files

    def below_home(variables):
        return (path for path in real(variables) if tmp_path in path.parents or path == tmp_path)

    monkeypatch.setattr(config, "_pip_files", below_home)
    return tmp_path


def variables(home, **more):
    return {"HOME": str(home), "XDG_CONFIG_DIRS": str(home / "system"), **more}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "name", ["STACKFIX_SOURCE_PYPI", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"]
)
def test_a_variable_goes_before_every_file(home, name):
    write(home / ".config/pip/pip.conf", "[global]\nindex-url = https://file.test/simple\n")
    found = index_config(variables(home, **{name: " https://variable.test/simple "}))
    assert (found.address, found.found_via) == ("https://variable.test/simple", name)


def test_a_named_default_index_of_uv_loses_its_name(home):
    found = index_config(variables(home, UV_DEFAULT_INDEX="mirror=https://mirror.test/simple"))
    assert found.address == "https://mirror.test/simple"


def test_of_pips_files_the_most_personal_one_counts(home):
    write(home / "system/pip/pip.conf", "[global]\nindex-url = https://system.test/simple\n")
    assert index_config(variables(home)).address == "https://system.test/simple"
    write(home / ".pip/pip.conf", "[global]\nindex_url = https://old.test/simple\n")
    assert index_config(variables(home)).address == "https://old.test/simple"
    path = write(home / ".config/pip/pip.conf", "[install]\nindex-url = https://user.test/simple\n")
    found = index_config(variables(home))
    assert (found.address, found.found_via) == ("https://user.test/simple", str(path))
    own = write(home / "own.conf", "[global]\nindex-url = https://own.test/simple\n")
    assert index_config(variables(home, PIP_CONFIG_FILE=str(own))).address == "https://own.test/simple"


def test_pips_files_can_be_switched_off(home):
    write(home / ".config/pip/pip.conf", "[global]\nindex-url = https://user.test/simple\n")
    found = index_config(variables(home, PIP_CONFIG_FILE=os.devnull))
    assert found.address == DEFAULT


@pytest.mark.parametrize(
    "text",
    [
        'index-url = "https://uv.test/simple"\n',
        '[pip]\nindex-url = "https://uv.test/simple"\n',
        '[[index]]\nurl = "https://extra.test/simple"\n[[index]]\nurl = "https://uv.test/simple"\ndefault = true\n',
    ],
)
def test_each_way_to_name_an_index_in_uv_toml_is_read(home, text):
    path = write(home / ".config/uv/uv.toml", text)
    found = index_config(variables(home))
    assert (found.address, found.found_via) == ("https://uv.test/simple", str(path))


@pytest.mark.parametrize("text", ["index-url = [", "index-url = 3\nindex = 4\npip = 5\n", "\0"])
def test_a_uv_toml_that_names_no_index_is_passed_over(home, text):
    write(home / ".config/uv/uv.toml", text)
    assert index_config(variables(home)).address == DEFAULT


def test_a_pip_configuration_that_cannot_be_read_is_passed_over(home):
    write(home / ".config/pip/pip.conf", "index-url = without a section\n")
    assert index_config(variables(home)).address == DEFAULT


def test_without_configuration_pips_own_default_counts(home):
    found = index_config(variables(home))
    assert (found.address, found.found_via) == (DEFAULT, "pip's default")


def test_without_pip_the_default_is_the_one_that_uv_names(home, monkeypatch):
    monkeypatch.setitem(sys.modules, PIP, None)
    monkeypatch.setattr(config.shutil, "which", lambda name: "/bin/uv" if name == "uv" else None)
    monkeypatch.setattr(
        config, "_said", lambda command: "  The URL [by default: <https://uv.test/simple>] of"
    )
    found = index_config(variables(home))
    assert (found.address, found.found_via) == ("https://uv.test/simple", "uv's default")


def test_the_help_of_the_installed_uv_names_a_default(home, monkeypatch):
    uv = pytest.importorskip("uv").find_uv_bin()
    monkeypatch.setitem(sys.modules, PIP, None)
    monkeypatch.setattr(config.shutil, "which", lambda name: uv if name == "uv" else None)
    found = index_config(variables(home))
    assert found.address.startswith("https://")
    assert found.address.rstrip("/").endswith("/simple")


def test_without_pip_and_uv_the_user_is_told_what_to_set(home, monkeypatch):
    monkeypatch.setitem(sys.modules, PIP, None)
    monkeypatch.setattr(config.shutil, "which", lambda name: None)
    with pytest.raises(NetworkError, match="no package index is known") as raised:
        index_config(variables(home))
    assert raised.value.hint == "set PIP_INDEX_URL to the index to use"


def test_certificates_come_from_pips_variable_then_its_files_then_the_system(home):
    index = {"PIP_INDEX_URL": "https://x.test/simple"}
    assert index_config(variables(home, **index)).certificate == ""
    assert index_config(variables(home, **index, SSL_CERT_FILE="/system.pem")).certificate == "/system.pem"
    write(home / ".config/pip/pip.conf", "[global]\ncert = /file.pem\n")
    assert index_config(variables(home, **index, SSL_CERT_FILE="/system.pem")).certificate == "/file.pem"
    assert index_config(variables(home, **index, PIP_CERT="/variable.pem")).certificate == "/variable.pem"


def test_further_indexes_come_from_variables_and_files_each_once(home):
    write(
        home / ".config/uv/uv.toml",
        '[[index]]\nname = "pytorch-cu126"\nurl = "https://torch.test/whl/cu126"\n'
        '[[index]]\nurl = "https://main.test/simple"\ndefault = true\n',
    )
    write(
        home / ".config/pip/pip.conf",
        "[global]\nextra-index-url =\n  https://a.test/simple\n  https://b.test/x\n",
    )
    found = extra_indexes(
        variables(
            home,
            STACKFIX_SOURCE_PYTORCH_CU118="https://own.test/cu118",
            UV_INDEX="feed=https://feed.test/simple https://plain.test/simple",
            PIP_EXTRA_INDEX_URL="https://a.test/simple/",
        )
    )
    assert [(each.name, each.address) for each in found] == [
        ("pytorch-cu118", "https://own.test/cu118"),
        ("feed", "https://feed.test/simple"),
        ("", "https://plain.test/simple"),
        ("", "https://a.test/simple/"),
        ("pytorch-cu126", "https://torch.test/whl/cu126"),
        ("", "https://b.test/x"),
    ]
