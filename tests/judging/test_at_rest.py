"""A proof of what can't run says so before it runs anything, in the doctor's words and with its way out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from patients import facts, finding, look

from stackfix import at_rest, package_faults, proving
from stackfix.model.surroundings import Surroundings
from stackfix.model.verdict import FAILED, NOT_PROVED, Check, Verdict
from stackfix.probe.environment import read_environment


@pytest.fixture
def proved(monkeypatch):
    monkeypatch.setattr(at_rest, "read_surroundings", Surroundings)
    monkeypatch.setattr(package_faults, "read_surroundings", Surroundings)

    def prove(site):
        environment = read_environment(site.root)
        return proving.proof(environment, Path(environment.executable), facts(), "gpu", None)

    return prove


@pytest.mark.parametrize("and_libraries", [False, True])
def test_an_environment_without_its_python_is_broken_whatever_else_is(site, proved, and_libraries):
    site.healthy()
    assert proved(site).state == NOT_PROVED
    (site.root / "bin" / "python").unlink()
    if and_libraries:
        shutil.rmtree(site.packages / "nvidia" / "cudnn")
    verdict = proved(site)
    doctors = finding(look(site), "broken_environment")
    assert (verdict.state, verdict.code, verdict.reason) == (FAILED, doctors.code, doctors.text)
    assert verdict.fix == doctors.fix == f"make it anew: stackfix install dwpose --venv {site.root} --replace"
    assert [check.name for check in verdict.checks] == ["environment"]


def test_a_library_that_was_cut_short_fails_a_proof_before_it_runs(site, proved):
    site.healthy()
    library = next(site.packages.glob("**/libcufft.so.11"))
    library.write_bytes(library.read_bytes()[:70])
    verdict = proved(site)
    doctors = finding(look(site), "gutted_package")
    assert (verdict.state, verdict.reason) == (FAILED, doctors.text)
    assert (verdict.code, verdict.fix) == (doctors.code, doctors.fix)
    assert verdict.checks[0].text.startswith("libcufft.so.11 cannot be read: byte ")


def test_a_library_of_a_package_without_facts_that_cannot_be_read_fails_no_proof(site, proved):
    site.healthy().install("thing", "1.0", {"thing/part.abi3.so": b"\x7fELF"})
    assert proved(site).state == NOT_PROVED


@pytest.mark.parametrize(
    ("raised", "owner"),
    [
        ("", "opencv-python-headless==4.10.0.84"),
        ("\nmore\nraised in /e/lib/site-packages/cv2/gone.py", ""),
        ("\nraised in C:\\e\\Lib\\site-packages\\numpy\\part.py", "numpy==2.0.0"),
    ],
)
def test_an_import_that_fails_is_a_matter_of_the_package_in_whose_file_it_does(site, raised, owner):
    site.install("opencv-python-headless", "4.10.0.84", {"cv2/__init__.py": "x"})
    site.install("numpy", "2.0.0", {"numpy/__init__.py": "", "numpy/part.py": "x"})
    failed = Check(name="import cv2", ok=False, text=f"NameError: x{raised}", code="package_broken")
    verdict = Verdict(state=FAILED, reason="told", code="package_broken", fix="fix", checks=(failed,))
    told = package_faults.of_package(verdict, read_environment(site.root))
    if not owner:
        assert told == verdict
        return
    name, _, version = owner.partition("==")
    assert told.reason.startswith(f"`import cv2` fails in {name} {version}, `")
    assert told.reason.endswith(".py`: NameError: x")
    assert told.fix == told.checks[0].fix
    assert told.fix.endswith(f"--no-deps {owner}")


def test_a_driver_that_hung_before_is_neither_waited_for_again_nor_run_on(site, monkeypatch):
    monkeypatch.setattr(package_faults, "read_surroundings", Surroundings)
    monkeypatch.setattr(at_rest, "read_surroundings", Surroundings)
    environment = read_environment(site.healthy().root)
    how = "did not answer within 60 s, in cuInit of /d/libcuda.so.1"

    def fetched():
        raise AssertionError("networks were fetched for a driver that hangs")

    interpreter = Path(environment.executable)
    verdict = proving.proof(environment, interpreter, facts(), "gpu", fetched, driver_breaks=how)
    assert (verdict.state, verdict.checks[-1].name) == (FAILED, "driver")
    assert verdict.checks[-1].text == f"the process that asked it alone {how}"
    assert how in verdict.reason
    assert verdict.code in {"driver_missing", "driver_broken_state"}
    assert verdict.fix
