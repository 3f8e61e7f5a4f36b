"""Environments of every layout, whole and half-deleted: what is read of them, and that nothing raises."""

from __future__ import annotations

import os
import platform
import struct
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "judging"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "measure"))

from binaries import elf
from patients import Site, codes, facts, finding, look

from stackfix.asking import MachineQuestion
from stackfix.errors import TargetError
from stackfix.install.progress import Silent
from stackfix.probe.environment import read_environment
from stackfix.probe.overlays import user_packages
from stackfix.repairing import FixWish, mended


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "env").install("thing", "1.0")


def test_a_venv_is_read_by_its_folder_its_parent_and_its_interpreter(site):
    site.root.rename(site.root.with_name(".venv"))
    root = site.root.with_name(".venv")
    for path in (root, root.parent, root / "bin" / "python"):
        found = read_environment(path)
        assert (found.path, found.kind, str(found.python)) == (str(root), "venv", "3.12.4")
        assert found.packages == {"thing": "1.0"}


def test_a_relative_path_is_told_in_full(site, monkeypatch):
    monkeypatch.chdir(site.root.parent)
    assert read_environment(Path("env")).path == str(site.root)


@pytest.mark.parametrize(("processor", "number"), [("x86_64", 62), ("aarch64", 183)])
def test_a_library_for_another_processor_is_none_that_the_loader_takes(site, processor, number):
    own = platform.machine()
    data = bytearray(elf("libthing.so.1"))
    data[18:20] = struct.pack("<H", number)
    site.install("thing", "1.0", {"thing/libthing.so.1": bytes(data)})
    (library,) = read_environment(site.root).libraries
    told = f"it is built for {processor}, and the Python of this environment for {own}"
    assert library.unread_because == ("" if processor == own else told)
    report = look(site)
    assert (processor == own) == ("gutted_package" not in codes(report))


def test_a_conda_prefix_tells_its_python_by_its_own_record(tmp_path):
    found = read_environment(Site(tmp_path / "env", kind="conda").root)
    assert (found.kind, str(found.python), found.broken) == ("conda", "3.12.4", ())


def test_a_folder_that_condas_own_record_lists_is_not_left_over(tmp_path):
    site = Site(tmp_path / "env", kind="conda")
    (site.packages / "cv2").mkdir()
    (site.packages / "cv2" / "__init__.py").write_text("")
    assert read_environment(site.root).ownerless == ("cv2",)
    record = site.root / "conda-meta" / "py-opencv-4.11.0-py312_0.json"
    record.write_text('{"files": ["lib/python3.12/site-packages/cv2/__init__.py"]}')
    assert read_environment(site.root).ownerless == ()


def test_a_portable_python_for_windows_is_read_on_any_system(tmp_path):
    site = Site(tmp_path / "python_embeded", kind="portable").install("thing", "1.0")
    found = read_environment(site.root.parent)
    assert (found.kind, found.windows, str(found.python)) == ("portable", True, "3.12")
    assert found.executable.endswith("python.exe")
    assert found.packages == {"thing": "1.0"}


def test_a_python_of_no_known_layout_is_asked_for_its_folders():
    found = read_environment(Path(os.path.realpath(sys.executable)))
    assert (found.python.major, found.python.minor) == sys.version_info[:2]


@pytest.fixture
def users(tmp_path, monkeypatch):
    """The user's own packages of the Python that runs this, with an onnxruntime among them."""
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    folder = tmp_path / "lib" / f"python{minor}" / "site-packages"
    (folder / "onnxruntime").mkdir(parents=True)
    (folder / "onnxruntime" / "__init__.py").write_text("")
    info = folder / "onnxruntime-1.26.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: onnxruntime\nVersion: 1.26.0\n")
    (info / "RECORD").write_text("onnxruntime/__init__.py,,\n")
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path))
    return folder


def test_what_pip_install_user_has_put_there_belongs_to_the_python(users, monkeypatch):
    python = Path(os.path.realpath(sys.executable))
    found = read_environment(python)
    assert found.site_packages[0] == str(users)
    assert found.packages["onnxruntime"] == "1.26.0"
    monkeypatch.setenv("PYTHONNOUSERSITE", "1")
    assert str(users) not in read_environment(python).site_packages


def test_what_is_wrong_with_the_users_packages_is_planned_by_their_python(users):
    python = os.path.realpath(sys.executable)
    cause = finding(look(Path(python)), "ort_cpu_only")
    assert cause.fix == f"stackfix fix --venv {python} --dry-run"


def test_what_a_python_has_itself_too_is_not_read_as_one_with_it(users, tmp_path):
    own = tmp_path / "own"
    (own / "onnxruntime").mkdir(parents=True)
    minor = users.parent.name.removeprefix("python")
    variables = {"PYTHONUSERBASE": str(tmp_path)}
    assert user_packages(variables, minor, [str(own)]) == ""
    assert user_packages(variables, minor, [str(tmp_path)]) == str(users)
    assert user_packages({"HOME": "relative"}, minor, []) == ""


def test_the_users_packages_are_not_mended_in_place(users):
    python = os.path.realpath(sys.executable)
    question = MachineQuestion(driver="580.95.05", gpus=("RTX 4090",))
    with pytest.raises(TargetError, match=r"can plan their repair but not carry it out"):
        mended(Path(python), FixWish(machine=question), facts(), Silent())


def test_a_program_that_is_no_python_is_refused(tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho no\n")
    program.chmod(0o755)
    with pytest.raises(TargetError, match="is not a Python that answers"):
        read_environment(program)


def test_packages_of_another_python_in_the_same_folder_are_left_out(site):
    other = site.root / "lib/python3.10/site-packages/old-1.0.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Name: old\nVersion: 1.0\n")
    assert read_environment(site.root).packages == {"thing": "1.0"}


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("pyvenv.cfg", ""),
        ("bin", "its interpreter"),
        ("lib", "it has no site-packages folder"),
    ],
)
def test_a_half_deleted_venv_is_a_finding(site, lost, said):
    (site.root / "bin" / "activate").write_text("")
    (site.root / lost).rename(site.root.parent / "away")
    report = look(site)
    assert not report.ok
    assert codes(report)[0] == "broken_environment"
    assert (said or "pyvenv.cfg is gone") in report.findings[0].text
    assert "--replace" in report.findings[0].fix


def test_a_venv_with_nothing_but_its_packages_left_is_still_read(site):
    (site.root / "pyvenv.cfg").unlink()
    (site.root / "bin").rename(site.root.parent / "away")
    report = look(site)
    assert codes(report) == ["broken_environment"]
    assert "it has no Python of its own" in report.findings[0].text
    assert "--replace" not in report.findings[0].fix  # it may be the prefix of another Python
    assert read_environment(site.root).packages == {"thing": "1.0"}


def test_an_interpreter_that_leads_nowhere_is_told_with_where_it_led(site):
    python = site.root / "bin" / "python"
    python.unlink()
    python.symlink_to("/nonexistent/python3.12")
    found = finding(look(site), "broken_environment")
    assert "it leads to `/nonexistent/python3.12`, which is not there" in found.text


def test_an_interpreter_that_leads_to_itself_is_told(site):
    python = site.root / "bin" / "python"
    python.unlink()
    python.symlink_to("python")
    assert "interpreter" in finding(look(site), "broken_environment").text


def test_a_home_that_is_gone_is_told(site):
    (site.root / "pyvenv.cfg").write_text("home = /nonexistent\nversion = 3.12.4\n")
    assert "`/nonexistent`, is gone" in finding(look(site), "broken_environment").text


@pytest.mark.parametrize(
    "text", [b"", b"\xff\xfe\0", b"version = soon\n", b"home = \0\nversion = 9\n", b"=" * 100_000]
)
def test_a_pyvenv_cfg_that_says_nothing_leaves_the_folder_to_tell_the_version(site, text):
    (site.root / "pyvenv.cfg").write_bytes(text)
    assert str(read_environment(site.root).python) == "3.12"


@pytest.mark.parametrize("layout", ["empty", "file", "missing", "loop"])
def test_what_is_no_environment_is_refused_by_name(tmp_path, layout):
    path = tmp_path / layout
    if layout == "empty":
        path.mkdir()
    elif layout == "file":
        path.write_text("")
    elif layout == "loop":
        path.symlink_to(path)
    with pytest.raises(TargetError, match=layout):
        read_environment(path)


def test_packages_outside_that_can_be_imported_too_are_unknown(site):
    with (site.root / "pyvenv.cfg").open("a") as handle:
        handle.write("include-system-site-packages = true\n")
    assert any("include-system-site-packages" in line for line in look(site).unknown)


@pytest.mark.parametrize("record", ["thing/__init__.py\n", 'a\x00b\n"unclosed', "<html>log in</html>\n"])
def test_a_record_that_is_no_list_of_files_is_named_as_that(site, record):
    (site.packages / "thing-1.0.dist-info" / "RECORD").write_text(record)
    found = finding(look(site), "gutted_package")
    assert "its RECORD is damaged" in found.text


def test_a_record_of_rubbish_counts_as_lost_and_the_import_folders_stand_in_for_it(site):
    site.cuda12().onnxruntime()
    info = next(site.packages.glob("onnxruntime_gpu-*.dist-info"))
    (info / "RECORD").write_bytes(bytes(range(33, 127)) * 9 + b"\n" + b"rubbish\n" * 40)
    (info / "top_level.txt").write_text("onnxruntime\n")
    runtime = next(one for one in read_environment(site.root).distributions if one.name == "onnxruntime-gpu")
    assert not runtime.recorded
    assert "onnxruntime/__init__.py" in runtime.files
    assert runtime.missing == ()
    assert {one.code for one in look(site).findings} == {"gutted_package", "import_order_preload"}


def test_scripts_are_found_from_the_place_of_a_link_to_site_packages(site, tmp_path):
    site.install("tool", "1.0", {"tool/__init__.py": "", "../../../bin/tool": "#!/bin/sh\n"})
    elsewhere = tmp_path / "elsewhere"
    site.packages.rename(elsewhere)
    site.packages.symlink_to(elsewhere)
    (tool,) = [one for one in read_environment(site.root).distributions if one.name == "tool"]
    assert tool.missing == ()
