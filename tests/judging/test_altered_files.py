"""Modules of another size than RECORD says: cut short, or changed by somebody."""

from __future__ import annotations

import ast
import os

import binaries
import pytest
from patients import codes, facts, finding, look, machine

from stackfix.judging.examine import scene_of
from stackfix.probe.environment import read_environment
from stackfix.solve.repair import Wish, repair

WHOLE = '"""Arrays.\n\nMany of them.\n"""\n\n\ndef zeros(\n    shape,\n):\n    return [0] * shape\n'


def python(text):
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


@pytest.fixture
def there(site):
    """numpy with a module of which each test makes something else."""
    site.healthy().install("numpy", "2.2.6", {"numpy/__init__.py": WHOLE, "numpy/core/shape.py": WHOLE})
    return site


def rewritten(site, text, path="numpy/__init__.py"):
    (site.packages / path).write_text(text)
    return look(site)


@pytest.mark.parametrize("length", [5, 20, 40, 50, 59])
def test_a_module_that_was_cut_off_is_lost_and_comes_back(there, length):
    report = rewritten(there, WHOLE[:length])
    first = report.findings[0]
    assert (first.code, first.severity, first.about) == ("gutted_package", "error", ("numpy",))
    assert first.text == "numpy 2.2.6 has a module cut short"
    assert f"shorter than the {len(WHOLE)} bytes of RECORD" in first.because[0]
    environment = read_environment(there.root)
    found = repair(environment, scene_of(environment, machine(), facts()), Wish(gpu=True))
    assert "numpy" in found.leaving


@pytest.fixture
def compiled(site):
    """numpy with a library of its own, as its wheel has it."""
    files = {"numpy/__init__.py": WHOLE, "numpy/shape.py": WHOLE, "numpy/core.abi3.so": binaries.elf()}
    site.healthy().install("numpy", "2.2.6", files)
    return site


LEFT_AS_PYTHON = [
    length for length in range(1, len(WHOLE)) if WHOLE[length - 1] != "\n" and python(WHOLE[:length])
]


@pytest.mark.parametrize("length", LEFT_AS_PYTHON)
def test_a_module_that_was_cut_off_in_a_line_is_lost_though_the_rest_is_python(compiled, length):
    report = rewritten(compiled, WHOLE[:length])
    first = report.findings[0]
    assert (first.code, first.severity, first.about) == ("gutted_package", "error", ("numpy",))
    assert first.text == "numpy 2.2.6 has a module cut short"
    assert first.fix.endswith("numpy==2.2.6")
    environment = read_environment(compiled.root)
    found = repair(environment, scene_of(environment, machine(), facts()), Wish(gpu=True))
    assert "numpy" in found.leaving


@pytest.mark.parametrize(
    "text", [WHOLE.replace("Many of them.\n", ""), WHOLE + "x = 1", WHOLE.replace("\n\n\n", "\n")]
)
def test_a_module_that_somebody_made_shorter_by_lines_stays_a_warning(compiled, text):
    assert finding(rewritten(compiled, text), "gutted_package").severity == "warning"


def test_modules_that_a_tool_made_smaller_are_a_warning(site):
    names = [f"numpy/part{number}.py" for number in range(8)]
    site.healthy().install(
        "numpy", "2.2.6", {**dict.fromkeys(names, WHOLE), "numpy/core.abi3.so": binaries.elf()}
    )
    for name in names:
        (site.packages / name).write_text("zeros=list")
    found = finding(look(site), "gutted_package")
    assert (found.severity, found.text) == (
        "warning",
        "8 modules of numpy 2.2.6 are not as its wheel wrote them",
    )


@pytest.mark.parametrize("installer", ["conda", ""])
def test_what_another_installer_wrote_is_not_held_against_the_wheel(compiled, installer):
    (info,) = compiled.packages.glob("numpy-*.dist-info")
    (info / "INSTALLER").write_text(installer)
    assert codes(rewritten(compiled, "zeros = list")) == []


def test_a_package_without_a_library_that_somebody_patched_is_no_loss(there):
    there.install("basicsr", "1.4.2", {"basicsr/__init__.py": WHOLE})
    assert codes(rewritten(there, "zeros = list", "basicsr/__init__.py")) == []


def test_a_cut_module_that_uvs_cache_shares_is_not_taken_from_there_again(there, tmp_path):
    os.link(there.packages / "numpy/__init__.py", tmp_path / "in-the-cache.py")
    report = rewritten(there, WHOLE[:40])
    assert report.findings[0].fix.endswith("--reinstall --no-cache --no-deps numpy==2.2.6")


@pytest.mark.parametrize("text", [WHOLE + "int = float\n", "zeros = None\n"])
def test_a_module_that_somebody_patched_is_a_warning(there, text):
    report = rewritten(there, text)
    found = finding(report, "gutted_package")
    assert found.severity == "warning"
    assert found.text == "a module of numpy 2.2.6 is not as its wheel wrote it"
    assert report.ok


def test_a_patched_package_without_facts_is_nobodys_matter(there):
    there.install("basicsr", "1.4.2", {"basicsr/__init__.py": WHOLE})
    assert codes(rewritten(there, WHOLE + "# patched\n", "basicsr/__init__.py")) == []


def test_a_package_without_facts_that_was_cut_is_told(there):
    there.install("basicsr", "1.4.2", {"basicsr/__init__.py": WHOLE})
    assert finding(rewritten(there, WHOLE[:40], "basicsr/__init__.py"), "gutted_package").severity == "error"


def test_what_conda_wrote_into_a_module_is_no_change(there):
    (info,) = there.packages.glob("numpy-*.dist-info")
    (info / "INSTALLER").write_text("conda\n")
    assert codes(rewritten(there, WHOLE + "prefix = '/opt/conda'\n")) == []


def test_modules_of_a_package_that_another_lies_over_are_told_as_that_alone(site):
    site.cuda12().torch().onnxruntime("onnxruntime-gpu").onnxruntime("onnxruntime", "1.22.1")
    assert not any("as its wheel wrote" in one.text for one in look(site).findings)


def test_newer_syntax_than_this_pythons_is_not_held_for_a_cut(there):
    assert look(there).ok
    report = rewritten(there, "match nothing new:\n    pass\n\n\nx = 1\n")
    assert report.ok
