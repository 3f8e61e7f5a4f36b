"""Whose machine it is and where the work lies, so that it can be left out."""

import getpass
import platform
from pathlib import Path

import pytest

from stackfix.probe.identity import read_identity
from stackfix.render.redaction import redaction


@pytest.fixture
def place(tmp_path):
    (tmp_path / "secret" / "bin").mkdir(parents=True)
    (tmp_path / "python" / "bin").mkdir(parents=True)
    (tmp_path / "python" / "bin" / "python3.12").write_text("")
    (tmp_path / "secret" / "bin" / "python").symlink_to(tmp_path / "python" / "bin" / "python3.12")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    return tmp_path


def hide(place, environment, *named):
    variables = {"HOME": "/home/ann", "USER": "ann"}
    return redaction(read_identity(environment, named, variables, cwd=place))


def test_the_environment_is_known_by_its_link_by_what_that_leads_to_and_as_it_was_typed(place):
    told = hide(place, Path("link"))
    for text in (f"{place}/link/lib", f"{place}/secret/lib", "link/lib"):
        assert told(text) == "ENVIRONMENT/lib"
    assert told(f"{place}/other") == "FOLDER/other"
    assert told(f"{place.parent}/other") == "FOLDER/other"


def test_the_interpreter_it_was_made_from_is_left_out_too(place):
    assert hide(place, place / "secret")(f"{place}/python/lib/x") == "PYTHON/lib/x"


def test_an_interpreter_may_be_named_in_place_of_its_environment(place):
    assert hide(place, Path("secret/bin/python"))(f"{place}/secret/lib") == "ENVIRONMENT/lib"


def test_folders_of_files_that_were_named_are_left_out_and_common_ones_stay(place):
    told = hide(place, None, Path("/srv/acme/pictures/us.jpg"))
    assert told("/srv/acme/pictures/us.jpg") == "FOLDER/us.jpg"
    assert told("/srv/acme/x in /tmp and /usr/lib, env") == "FOLDER/x in /tmp and /usr/lib, env"


def test_folders_that_variables_name_are_left_out_and_the_systems_own_stay(place):
    variables = {
        "HOME": "/home/ann",
        "LD_LIBRARY_PATH": "/srv/acme/cuda/lib:/usr/local/cuda/lib64",
        "LD_PRELOAD": "/data/acme/shim.so /net/two/other.so.1",
        "PYTHONPATH": "/src/acme/tools",
    }
    told = redaction(read_identity(None, (), variables, cwd=place))
    kept = "/usr/local/cuda/lib64"
    assert told(f"{variables['LD_LIBRARY_PATH']}") == f"FOLDER:{kept}"
    assert told(variables["LD_PRELOAD"]) == "FOLDER/shim.so FOLDER/other.so.1"
    assert told(f"{variables['PYTHONPATH']}; /src/acme/x") == "FOLDER; FOLDER/x"


def test_a_usual_name_is_not_taken_out_of_prose(place):
    (place / "env").mkdir()
    assert hide(place, Path("env"))(f"make the env again: {place}/env") == "make the env again: ENVIRONMENT"


def test_a_home_that_is_not_named_after_its_user_gives_no_word(place):
    assert "models" not in read_identity(variables={"HOME": "/data/models"}, cwd=place).users
    assert "eve" in read_identity(variables={"HOME": "/home/eve"}, cwd=place).users


def test_user_home_and_host_are_those_of_this_machine(place):
    identity = read_identity(variables={"HOME": "/home/ann", "SUDO_USER": "bob"}, cwd=place)
    assert {"ann", "bob", getpass.getuser()} <= set(identity.users)
    assert platform.node() in identity.hosts
    assert str(Path.home()) in identity.homes
