"""Libraries of the system: what the loader finds outside an environment is there for a proof and a repair too."""

from __future__ import annotations

from pathlib import Path

import binaries
import pytest
from patients import facts, look

from stackfix import at_rest, package_faults, proving
from stackfix.judging.linkage import without_a_desktop
from stackfix.model.surroundings import Surroundings
from stackfix.model.verdict import FAILED, NOT_PROVED
from stackfix.probe.environment import read_environment
from stackfix.probe.surroundings import read_surroundings


@pytest.fixture
def windowed(site):
    """An OpenCV that draws windows: it needs a library that only a desktop has."""
    library = binaries.elf(needed=("libGL.so.1",))
    site.install("opencv-python", "4.12.0.88", {"cv2/__init__.py": "#", "cv2/cv2.abi3.so": library})
    return site


@pytest.mark.parametrize(("there", "state"), [({"libGL.so.1"}, NOT_PROVED), (set(), FAILED)])
def test_a_desktops_library_is_missing_only_where_the_system_has_none(windowed, monkeypatch, there, state):
    around = Surroundings(system_libraries=frozenset(there))
    monkeypatch.setattr(at_rest, "read_surroundings", lambda: around)
    monkeypatch.setattr(package_faults, "read_surroundings", lambda: around)
    environment = read_environment(windowed.root)
    verdict = proving.proof(environment, Path(environment.executable), facts(), "cpu", None)
    assert verdict.state == state
    assert bool(without_a_desktop(look(windowed, surroundings=around).findings)) is (state == FAILED)


def test_a_proof_does_not_fail_by_a_part_of_a_package_without_facts(windowed, monkeypatch):
    around = Surroundings(system_libraries=frozenset({"libGL.so.1"}))
    monkeypatch.setattr(at_rest, "read_surroundings", lambda: around)
    monkeypatch.setattr(package_faults, "read_surroundings", lambda: around)
    part = "thing/cutensor.cpython-312-x86_64-linux-gnu.so"
    windowed.install(
        "thing", "1.0", {"thing/__init__.py": "#", part: binaries.elf(needed=("libcutensor.so.2",))}
    )
    environment = read_environment(windowed.root)
    verdict = proving.proof(environment, Path(environment.executable), facts(), "cpu", None)
    assert verdict.state == NOT_PROVED


def test_a_library_to_which_a_variable_leads_is_there_for_a_proof_as_for_the_doctor(
    site, monkeypatch, tmp_path
):
    """A CUDA toolkit in LD_LIBRARY_PATH is the user's own way, and the process that proves keeps the variable."""
    site.healthy()
    toolkit = tmp_path / "toolkit"
    toolkit.mkdir()
    library = next(site.packages.glob("**/libcublas.so.12"))
    library.rename(toolkit / library.name)
    environment = read_environment(site.root)

    def proved(variables, around=None):
        for module in (at_rest, package_faults):
            monkeypatch.setattr(
                module, "read_surroundings", lambda: read_surroundings(variables, tmp_path / "none")
            )
        return proving.proof(
            environment, Path(environment.executable), facts(), "gpu", None, around=around
        ).state

    assert proved({"LD_LIBRARY_PATH": str(toolkit)}) == NOT_PROVED
    assert proved({}) == FAILED
    # a repair makes an environment that needs no variable
    assert proved({"LD_LIBRARY_PATH": str(toolkit)}, Surroundings()) == FAILED
    around = read_surroundings({"LD_LIBRARY_PATH": str(toolkit)}, tmp_path / "none")
    (told,) = [line for line in look(site, surroundings=around).good if "find all they need" in line]
    assert told.endswith("; libcublas.so.12 by variables of this shell alone")
