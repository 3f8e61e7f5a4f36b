"""The GPU session travels in parts: packed, received, joined and checked; and says so where nothing was proved."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent.parent / "benchmarks" / "gpu_proof"
sys.path.insert(0, str(FOLDER))
import pack  # noqa: E402 - the folder is a program of its own
import parts  # noqa: E402 - likewise
import prove  # noqa: E402 - likewise


@pytest.fixture
def packed(tmp_path):
    files = []
    for name, size in (("a.whl", 1000), ("empty", 0), ("b.whl", 37), ("c.whl", 250)):
        (tmp_path / name).write_bytes(bytes((7 * k + size) % 251 for k in range(size)))
        files.append(tmp_path / name)
    parts.split(files, tmp_path / "parts", largest=100, stackfix=["b.whl"])
    return tmp_path


def test_what_was_cut_into_parts_is_joined_as_it_was(packed):
    folder = packed / "parts"
    listed = parts.read_list(folder)
    assert [part["bytes"] for part in listed["parts"]] == [100] * 12 + [87]
    assert parts.join(folder, packed / "out")["stackfix"] == ["b.whl"]
    for name in ("a.whl", "empty", "b.whl", "c.whl"):
        assert (packed / "out" / name).read_bytes() == (packed / name).read_bytes()
    assert parts.lacking(folder) == []


def test_parts_may_be_removed_as_they_are_read(packed):
    parts.join(packed / "parts", packed / "out", consume=True)
    assert [path.name for path in (packed / "parts").iterdir()] == [parts.LIST]


def test_no_part_is_larger_than_what_travels():
    checkout = FOLDER.parent.parent
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=checkout, capture_output=True, check=False).stdout
    own = sum((checkout / os.fsdecode(name)).stat().st_size for name in tracked.split(b"\0") if name)
    assert parts.LARGEST + own <= 64 * 1024 * 1024


def test_of_what_came_before_only_the_length_is_looked_at(packed):
    folder = packed / "parts"
    for name in ("part-003", "part-007"):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(bytes([data[0] ^ 1]) + data[1:])
    (folder / "part-005").unlink()
    assert parts.received(folder, "part-007") == ["part-005", "part-007"]
    assert parts.received(folder, "part-008") == ["part-005"]
    assert parts.lacking(folder) == ["part-003", "part-005", "part-007"]


@pytest.mark.parametrize("harm", ["gone", "short", "changed"])
def test_a_part_that_is_missing_or_changed_is_named(packed, harm):
    part = packed / "parts" / "part-004"
    data = part.read_bytes()
    part.unlink()
    if harm != "gone":
        part.write_bytes(data[:-1] if harm == "short" else bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(parts.PartError, match="part-004"):
        parts.join(packed / "parts", packed / "out")


@pytest.mark.parametrize("name", ["../a.whl", "/etc/passwd", "..", "a\\b"])
def test_a_name_that_leaves_the_folder_is_refused(packed, name):
    listed = parts.read_list(packed / "parts")
    listed["files"][0]["name"] = name
    (packed / "parts" / parts.LIST).write_text(json.dumps(listed))
    with pytest.raises(parts.PartError, match="not a file name"):
        parts.join(packed / "parts", packed / "out")


def test_a_file_of_another_sha256_is_refused(packed):
    listed = parts.read_list(packed / "parts")
    listed["files"][2]["sha256"] = "0" * 64
    (packed / "parts" / parts.LIST).write_text(json.dumps(listed))
    with pytest.raises(parts.PartError, match=r"b\.whl has another sha256"):
        parts.join(packed / "parts", packed / "out")


def test_a_lock_of_addresses_becomes_one_of_files(tmp_path):
    lock = 'name = "x"\nindex = "https://a.example/simple"\nwheels = [{ url = "https://a.example/p/x-1-py3-none-any.whl", size = 1 }]\n'
    assert prove.from_files(lock, tmp_path) == (
        f'name = "x"\nwheels = [{{ url = "{tmp_path.resolve().as_uri()}/x-1-py3-none-any.whl", size = 1 }}]\n'
    )


def test_without_its_parts_nothing_is_proved_and_that_is_the_result(tmp_path):
    result = prove.prove(tmp_path / "nowhere", tmp_path / "work")
    assert (result["ok"], result["verdict"]) == (False, "not proved")
    assert [step["ok"] for step in result["steps"]] == [False]
    json.dumps(result)


def test_only_a_gpu_makes_it_proved():
    steps = [{"name": "join", "ok": True}, {"name": "validate", "ok": True, "verdict": "proved on gpu"}]
    assert prove._judged({"steps": steps})["ok"]
    assert not prove._judged({"steps": steps[:1]})["ok"]
    assert not prove._judged({"steps": [*steps, {"name": "twin", "ok": False}]})["ok"]


def test_a_library_that_is_taken_out_comes_back_even_after_an_error(tmp_path):
    library = (
        tmp_path / "lib" / "python3.12" / "site-packages" / "nvidia" / "cu13" / "lib" / "libcurand.so.10"
    )
    library.parent.mkdir(parents=True)
    library.touch()

    def interrupted():
        with prove._without(tmp_path, library.name) as found:
            assert found
            assert not library.exists()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert library.exists()
    with prove._without(tmp_path, "libnone.so") as found:
        assert not found


def test_files_that_were_joined_before_are_not_joined_again(packed):
    parts.join(packed / "parts", packed / "out", consume=True)
    assert parts.joined(packed / "parts", packed / "out")["stackfix"] == ["b.whl"]
    (packed / "out" / "b.whl").write_bytes(b"other")
    assert parts.joined(packed / "parts", packed / "out") is None


def test_the_result_is_told_after_each_step_and_never_better_than_it_was(tmp_path):
    told = []
    prove.prove(tmp_path / "nowhere", tmp_path / "work", tell=lambda result: told.append(json.dumps(result)))
    assert [json.loads(each)["verdict"] for each in told] == ["not proved"]


def wheel(name):
    return {"url": f"https://files.example/{name}", "hashes": {}}


def test_needs_travel_for_each_python_for_which_python_is_there_is_not_known():
    names = [
        *(f"a-1-cp3{minor}-cp3{minor}-manylinux_2_17_x86_64.whl" for minor in range(9, 15)),
        "a-1-cp312-cp312-win_amd64.whl",
        "a-1-cp312-cp312-macosx_11_0_arm64.whl",
    ]
    if sys.platform != "linux":
        pytest.skip("the parts are made on Linux")
    found = pack.wheels_for([wheel(name) for name in names])
    assert [pack._name(each) for each in found] == names[1:6]
    pure = wheel("b-1-py3-none-any.whl")
    assert pack.wheels_for([pure]) == [pure]
    with pytest.raises(parts.PartError, match="win_amd64"):
        pack.wheels_for([wheel(names[-2])])


def test_without_ensurepip_the_needs_come_by_the_pip_of_the_set(tmp_path, monkeypatch):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    fake = "import sys\nsys.exit(f'no such wheel: {sys.argv[-1]}' if 'lacks' in sys.argv[-1] else 0)\n"
    with zipfile.ZipFile(wheels / "pip-99-py3-none-any.whl", "w") as archive:
        archive.writestr("pip/__main__.py", fake)
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert prove.installed(tmp_path / "tool", wheels, ["there==1"]) == ""
    assert "no such wheel: lacks==1" in prove.installed(tmp_path / "tool", wheels, ["lacks==1"])


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo held; cat", ""),
        ("echo 'Traceback (most recent'; echo no torch >&2; exit 1", "no torch"),
        ("exit 0", "torch said nothing"),
    ],
)
def test_memory_is_held_as_long_as_it_is_asked_for_or_it_is_said_why_not(tmp_path, script, said):
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    with prove._filled(tmp_path) as told:
        assert told == said


def test_without_an_environment_no_memory_is_held(tmp_path):
    with prove._filled(tmp_path / "nowhere") as told:
        assert "No such file" in told


def test_a_step_that_went_well_is_kept_and_what_was_away_is_put_back(packed, monkeypatch):
    made = []

    def installed(tool, wheels, needs):
        made.append(tool.name)
        return ""

    def step(name, command, **expected):
        return {"name": name, "ok": "twin" not in command, "verdict": prove.GPU, "said": "", "answer": None}

    monkeypatch.setattr(prove, "installed", installed)
    monkeypatch.setattr(
        prove, "_asked", lambda command, **_: {"answer": None, "ended": "exit 0", "stderr": ""}
    )
    monkeypatch.setattr(prove, "_step", step)
    monkeypatch.setattr(prove, "_installed", lambda stackfix, work, name: step(name, []))
    first = prove.prove(packed / "parts", packed / "work", earlier={})
    assert [one["name"] for one in first["steps"] if "kept" in one] == []
    nvidia = packed / "work" / "environment" / "lib" / "python3.12" / "site-packages" / "nvidia"
    nvidia.mkdir(parents=True)
    (nvidia / "libcurand.so.10.away").touch()
    again = prove.prove(packed / "parts", packed / "work", earlier=first)
    assert (nvidia / "libcurand.so.10").exists()
    assert made == ["tool"]
    assert [one["name"] for one in again["steps"] if "kept" not in one] == [
        "join the parts",
        "validate with twins",
        "options side by side",
        "without libcurand.so.10",
        "with the GPU's memory held",
    ]
    (packed / "parts" / parts.LIST).write_text((packed / "parts" / parts.LIST).read_text() + "\n")
    assert not any(
        "kept" in one for one in prove.prove(packed / "parts", packed / "work", earlier=again)["steps"]
    )


def test_beside_what_a_machine_has_only_what_is_named_travels_with_the_pip_that_installs_it():
    packages = [{"name": name, "version": "1"} for name in ("onnxruntime-gpu", "pip", "torch")]
    assert pack.chosen_of(packages, ()) == packages
    assert [one["name"] for one in pack.chosen_of(packages, ["onnxruntime-gpu"])] == [
        "onnxruntime-gpu",
        "pip",
    ]
    with pytest.raises(parts.PartError, match=r"no onnxruntime; it has onnxruntime-gpu, pip, torch"):
        pack.chosen_of(packages, ["onnxruntime"])


def test_an_environment_beside_imports_what_this_python_has_after_its_own(tmp_path, monkeypatch):
    target = tmp_path / "environment"
    site = target / "lib" / "python3.12" / "site-packages"

    def installed(folder, wheels, needs):
        site.mkdir(parents=True)
        return "" if needs == ["a==1"] else "no such wheel"

    monkeypatch.setattr(prove, "installed", installed)
    monkeypatch.setattr(
        prove, "_asked", lambda command, **_: {"answer": None, "ended": "exit 0", "stderr": ""}
    )
    monkeypatch.setattr(sys, "path", ["/home", "/opt/torch/lib/python3.12/site-packages"])
    step = prove._beside(["stackfix"], target, tmp_path, ["a==1"], "beside")
    assert step["ok"]
    assert (site / "machine.pth").read_text() == "/opt/torch/lib/python3.12/site-packages\n"
    monkeypatch.setattr(prove, "installed", lambda *_: "no such wheel")
    assert prove._beside(["stackfix"], target, tmp_path, ["b==1"], "beside")["said"] == "no such wheel"


def test_without_a_proof_the_set_is_left_for_the_other_checks(tmp_path, monkeypatch):
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "pylock.toml").write_text("")
    asked = []
    monkeypatch.setattr(
        prove,
        "_asked",
        lambda command, **_: asked.append(command) or {"answer": None, "ended": "exit 1", "stderr": ""},
    )
    step = prove._installed(["stackfix"], tmp_path, "install")
    assert (step["ok"], step["without a proof"]) == (False, "exit 1")
    assert ["--no-validate" in each for each in asked] == [False, True]


def test_a_driver_that_only_one_variable_leads_to_is_told_from_one_of_the_system(tmp_path):
    assert prove._opens("libc.so.6", LD_LIBRARY_PATH="")
    assert not prove._opens("libnone.so.1", LD_LIBRARY_PATH="")
