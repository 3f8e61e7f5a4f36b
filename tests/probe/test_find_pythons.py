"""Interpreters found where tools put them, asked once each, and remembered while they do not change."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stackfix.errors import QuestionError
from stackfix.probe.python import find_pythons, python_at
from stackfix.probe.python_places import Surroundings, candidates

ANSWER = "stackfix|{name}|{version}|{threads}|{bits}|{multiarch}|{prefix}"


def interpreter(
    file: Path, *, name="cpython", version="3.12.4", threads="", bits="64", multiarch="", prefix=None
):
    """Write a program that answers as an interpreter would, and counts how often it is run."""
    file.parent.mkdir(parents=True, exist_ok=True)
    prefix = prefix or file.parent.parent
    line = ANSWER.format(
        name=name, version=version, threads=threads, bits=bits, multiarch=multiarch, prefix=prefix
    )
    file.write_text(f"#!/bin/sh\necho run >> {file}.runs\necho '{line}'\n")
    file.chmod(0o755)
    return file


def runs(file: Path) -> int:
    counted = file.with_name(file.name + ".runs")
    return len(counted.read_text().splitlines()) if counted.exists() else 0


def around(tmp_path: Path, **environ: object) -> Surroundings:
    return Surroundings(
        environ={name: str(value) for name, value in environ.items()},
        home=tmp_path / "home",
        root=tmp_path / "root",
    )


def found(tmp_path: Path, **environ: object) -> list[tuple[str, str]]:
    """Return version and place of what is found beside the interpreter that runs the tests."""
    pythons = find_pythons(around(tmp_path, **environ), cache_file=tmp_path / "cache.json")
    return [(str(p.version), p.found_via) for p in pythons if p.found_via != "the running interpreter's base"]


def test_every_tool_keeps_its_pythons_in_its_own_folder(tmp_path):
    home = tmp_path / "home"
    interpreter(home / ".pyenv/versions/3.10.1/bin/python3", version="3.10.1")
    interpreter(home / ".local/share/uv/python/cpython-3.13.0-linux-x86_64-gnu/bin/python3", version="3.13.0")
    interpreter(home / ".local/share/mise/installs/python/3.11/bin/python3", version="3.11.9")
    interpreter(home / ".asdf/installs/python/3.9.1/bin/python3", version="3.9.1")
    interpreter(home / "miniforge3/bin/python3", version="3.12.7")
    interpreter(tmp_path / "root/opt/conda/bin/python3", version="3.12.6")
    interpreter(tmp_path / "root/usr/bin/python3.12", version="3.12.3")
    interpreter(tmp_path / "bin/python3.8", version="3.8.2")
    assert found(tmp_path, PATH=tmp_path / "bin") == [
        ("3.13.0", "uv"),
        ("3.12.7", "conda"),
        ("3.12.6", "conda"),
        ("3.12.3", "/usr/bin"),
        ("3.11.9", "mise"),
        ("3.10.1", "pyenv"),
        ("3.9.1", "asdf"),
        ("3.8.2", "PATH"),
    ]


def test_variables_move_the_folders(tmp_path):
    interpreter(tmp_path / "a/versions/3.10.1/bin/python3", version="3.10.1")
    interpreter(tmp_path / "b/cpython-3.13.0/bin/python3", version="3.13.0")
    interpreter(tmp_path / "c/bin/python3", version="3.12.1")
    interpreter(tmp_path / "d/bin/python3", version="3.11.1")
    (tmp_path / "d/bin/conda").write_text("")
    environ = {
        "PYENV_ROOT": "a",
        "UV_PYTHON_INSTALL_DIR": "b",
        "CONDA_PREFIX": "c",
        "CONDA_EXE": "d/bin/conda",
    }
    said = found(tmp_path, **{name: tmp_path / value for name, value in environ.items()})
    assert said == [("3.13.0", "uv"), ("3.12.1", "conda"), ("3.11.1", "conda"), ("3.10.1", "pyenv")]


@pytest.mark.parametrize(
    "said",
    [
        {"name": "pypy"},
        {"version": "2.7.18"},
        {"bits": "32"},
        {"multiarch": "x86_64-linux-musl"},
        {"version": "3.12.4|"},
        {"version": "three"},
    ],
)
def test_what_cannot_serve_is_left_out(tmp_path, said):
    interpreter(tmp_path / "bin/python3", **said)
    assert found(tmp_path, PATH=tmp_path / "bin") == []


def test_a_program_that_fails_or_says_something_else_is_left_out(tmp_path):
    for name, script in (("python3", "exit 1"), ("python3.11", "echo 3.11"), ("python3.10", "kill -9 $$")):
        file = interpreter(tmp_path / "bin" / name)
        file.write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "bin/python3.9").write_text("")
    (tmp_path / "bin/python3.9").chmod(0o755)
    (tmp_path / "bin/python3.8").write_text("#!/bin/sh\n")
    (tmp_path / "bin/python3.7").symlink_to(tmp_path / "nowhere")
    (tmp_path / "bin/python3.6").mkdir()
    assert found(tmp_path, PATH=tmp_path / "bin") == []


def test_a_shim_of_pyenv_is_not_even_run(tmp_path):
    shim = tmp_path / "shims/python3.12"
    shim.parent.mkdir()
    shim.write_text(
        f'#!/usr/bin/env bash\necho run >> {shim}.runs\nexec "/opt/pyenv/libexec/pyenv" exec "$@"\n'
    )
    shim.chmod(0o755)
    assert found(tmp_path, PATH=shim.parent) == []
    assert runs(shim) == 0


def test_names_that_only_look_like_python_are_not_run(tmp_path):
    for name in ("python3-config", "python3.12-config", "pythonw", "ipython3", "python2.7", "python3.12.bak"):
        interpreter(tmp_path / "bin" / name)
    assert [c for c in candidates(around(tmp_path, PATH=tmp_path / "bin")) if str(tmp_path) in c.path] == []


def test_links_to_one_interpreter_are_one_interpreter(tmp_path):
    real = interpreter(tmp_path / "real/bin/python3.12")
    (tmp_path / "bin").mkdir()
    for name in ("python", "python3", "python3.12"):
        (tmp_path / "bin" / name).symlink_to(real)
    assert found(tmp_path, PATH=tmp_path / "bin") == [("3.12.4", "PATH")]
    assert runs(real) == 1


def test_a_free_threaded_build_is_told_apart(tmp_path):
    interpreter(tmp_path / "bin/python3.14t", version="3.14.0", threads="t")
    pythons = find_pythons(around(tmp_path, PATH=tmp_path / "bin"), cache_file=tmp_path / "cache.json")
    assert [p.free_threaded for p in pythons if p.found_via == "PATH"] == [True]


def test_the_running_interpreter_is_found_by_its_base(tmp_path):
    pythons = find_pythons(around(tmp_path), cache_file=tmp_path / "cache.json")
    assert len(pythons) == 1
    assert os.path.realpath(pythons[0].path).startswith(os.path.realpath(sys.base_prefix))
    assert (pythons[0].version.major, pythons[0].version.minor, pythons[0].version.patch) == sys.version_info[
        :3
    ]


@pytest.mark.parametrize("how", ["--symlinks", "--copies"])
def test_the_python_of_an_environment_is_its_base(tmp_path, how):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", how, str(tmp_path / "venv")], check=True)
    base = find_pythons(around(tmp_path), cache_file=tmp_path / "cache.json")
    pythons = find_pythons(around(tmp_path, PATH=tmp_path / "venv/bin"), cache_file=tmp_path / "cache.json")
    assert [p.path for p in pythons] == [p.path for p in base]
    assert os.path.realpath(python_at(str(tmp_path / "venv/bin/python")).path) == os.path.realpath(
        base[0].path
    )


def test_a_second_search_runs_no_binary_and_a_changed_one_is_asked_again(tmp_path):
    cache = tmp_path / "cache.json"
    first = find_pythons(around(tmp_path), cache_file=cache)
    kept = cache.read_bytes()
    told = f'"version":"{first[0].version}"'.encode()
    # The remembered answer is what comes back, so no child can have been asked.
    cache.write_bytes(kept.replace(told, b'"version":"3.99.1"'))
    assert [str(p.version) for p in find_pythons(around(tmp_path), cache_file=cache)] == ["3.99.1"]
    # A changed time in the cache stands for a changed file.
    cache.write_bytes(kept.replace(b'"changed":', b'"changed":1').replace(told, b'"version":"3.99.1"'))
    assert find_pythons(around(tmp_path), cache_file=cache) == first


def test_a_script_is_asked_every_time(tmp_path):
    script = interpreter(tmp_path / "bin/python3")
    assert found(tmp_path, PATH=tmp_path / "bin") == found(tmp_path, PATH=tmp_path / "bin")
    assert runs(script) == 2


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"[]",
        b'{"format": 0, "entries": {}}',
        b'{"format": 1, "entries": {"/p": {}}}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_broken_cache_is_an_empty_cache(tmp_path, broken):
    cache = tmp_path / "cache.json"
    cache.write_bytes(broken)
    assert len(find_pythons(around(tmp_path), cache_file=cache)) == 1
    assert b'"format":1' in cache.read_bytes()


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path):
    (tmp_path / "file").write_text("")
    assert len(find_pythons(around(tmp_path), cache_file=tmp_path / "file/cache.json")) == 1


def test_a_path_given_by_hand_is_refused_with_its_reason(tmp_path):
    old = interpreter(tmp_path / "python", name="pypy")
    with pytest.raises(QuestionError, match="it is pypy, and the wheels are built for CPython"):
        python_at(str(old))
    with pytest.raises(QuestionError, match="could not be started"):
        python_at(str(tmp_path / "missing"))
    old.write_text("#!/bin/sh\necho 'no such option: -I' >&2\nexit 2\n")
    with pytest.raises(QuestionError, match="it ended with 2 and said `no such option: -I`"):
        python_at(str(old))


@pytest.mark.skipif(sys.platform != "linux", reason="asks GNU's ls")
def test_a_program_that_repeats_the_question_is_said_to_be_no_python():
    with pytest.raises(QuestionError, match="it ended with 2, as no Python does") as raised:
        python_at("/bin/ls")
    assert "import" not in raised.value.message
