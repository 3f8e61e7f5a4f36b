"""Generated code: a package whose `_pb2.py` the installed protobuf does not run, by real pairs and by small ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from patients import codes, finding, look

from stackfix.judging.generated import outdated_protobuf
from stackfix.probe.environment import read_environment

UV = Path(sys.executable).with_name("uv")
COMPILED = "google/_upb/_message.abi3.so"
BUILDER = "google/protobuf/internal/builder.py"
VERSIONS = "google/protobuf/runtime_version.py"
OLD = "x = 1\nDESCRIPTOR = _descriptor.FileDescriptor(\n  name='a.proto')\n"
WRITTEN = """from google.protobuf import runtime_version as _runtime_version
_runtime_version.ValidateProtobufRuntimeVersion(
    _runtime_version.Domain.PUBLIC,
    6,
    31,
    1,
    '',
    'a.proto'
)
"""


def pair(site, code, version, *modules, requires=("protobuf",)):
    site.install("protobuf", version, dict.fromkeys(("google/protobuf/__init__.py", *modules), "x"))
    site.install("speaks", "1.0", {"speaks/__init__.py": "", "speaks/a_pb2.py": code}, requires)
    return look(site)


def test_descriptors_of_its_own_are_refused_by_a_compiled_protobuf_from_4_on(site):
    found = finding(pair(site, OLD, "4.21.12", COMPILED, BUILDER), "python_protobuf")
    assert found.severity == "error"
    assert "protobuf>=3.20,<4" in found.fix
    assert "Descriptors cannot be created directly" in found.consequence


@pytest.mark.parametrize(("version", "modules"), [("3.20.3", (COMPILED, BUILDER)), ("4.21.12", (BUILDER,))])
def test_an_older_or_a_pure_protobuf_runs_them(site, version, modules):
    assert "python_protobuf" not in codes(pair(site, OLD, version, *modules))


def test_a_module_that_the_installed_protobuf_does_not_have_is_named(site):
    code = "from google.protobuf.internal import builder as _builder\n"
    found = finding(pair(site, code, "3.19.6"), "python_protobuf")
    assert "cannot import name 'builder'" in found.consequence
    assert "protobuf>=3.20" in found.fix


@pytest.mark.parametrize(
    ("version", "runs"), [("5.29.5", False), ("6.31.0", False), ("6.31.1", True), ("7.0.0", True)]
)
def test_code_runs_under_the_release_that_wrote_it_and_later_ones(site, version, runs):
    report = pair(site, WRITTEN, version, VERSIONS, COMPILED)
    assert ("python_protobuf" not in codes(report)) == runs
    if not runs:
        assert "protobuf>=6.31.1" in finding(report, "python_protobuf").fix


def test_what_its_metadata_asks_is_part_of_the_remedy_and_is_said_once(site):
    report = pair(site, OLD, "4.21.12", COMPILED, requires=["protobuf (<=3.20.1,>=3.12.2)"])
    (found,) = (one for one in report.findings if one.code == "python_protobuf")
    assert "protobuf>=3.20,<4,<=3.20.1,>=3.12.2" in found.fix


@pytest.mark.parametrize("requires", [(), ("protobuf; extra == 'models'",)])
def test_what_does_not_require_protobuf_is_warned_about_alone(site, requires):
    found = finding(pair(site, WRITTEN, "5.29.5", VERSIONS, requires=requires), "python_protobuf")
    assert found.severity == "warning"
    assert found.consequence.startswith("what uses that file fails")


@pytest.mark.parametrize(("newer", "runs"), [("x = 1\n", True), (OLD, False)])
def test_a_package_that_has_the_code_in_another_make_takes_that(site, newer, runs):
    site.install("protobuf", "7.36.2", dict.fromkeys(("google/protobuf/__init__.py", COMPILED, BUILDER), "x"))
    files = {"speaks/__init__.py": "", "speaks/a_pb2.py": OLD, "speaks/a_pb2_new.py": newer}
    site.install("speaks", "1.0", files, ["protobuf"])
    assert ("python_protobuf" not in codes(look(site))) == runs


@pytest.mark.slow
@pytest.mark.network
def test_real_pairs_are_judged_as_their_imports_end(tmp_path):
    folder = tmp_path / "env"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    runs = []
    for speaker in ("1.52.0", "1.56.2", "1.70.0"):
        for protobuf in ("3.19.6", "3.20.3", "4.21.12", "6.33.0"):
            names = (f"googleapis-common-protos=={speaker}", f"protobuf=={protobuf}")
            subprocess.run(
                [UV, "pip", "install", "--quiet", "--no-deps", "--python", python, *names], check=True
            )
            imported = subprocess.run(
                [python, "-c", "import google.rpc.status_pb2"], capture_output=True, check=False
            )
            runs.append(not imported.returncode)
            found = list(outdated_protobuf(read_environment(folder)))
            assert bool(found) != runs[-1], (speaker, protobuf, imported.stderr)
    assert {True, False} == set(runs)
