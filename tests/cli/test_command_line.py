"""The command line as a person types it: exit codes, errors that say what to do, JSON that keeps its keys."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ANSWERED = ["--driver", "535.104.05", "--gpu", "RTX 3090", "--python", "3.12", "--glibc", "2.35"]


def run(*words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "stackfix", *words],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


def test_help_loads_neither_click_nor_solver_nor_http_nor_data():
    code = (
        "import sys\nfrom stackfix.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "print([m for m in ('click', 'stackfix.solve', 'requests', 'msgspec', 'packaging') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "verb", ["install", "resolve", "explain", "lock", "validate", "doctor", "machine", "facts"]
)
def test_every_verb_that_help_names_has_help_of_its_own(verb):
    assert verb in run("--help").stdout
    done = run(verb, "--help")
    assert done.returncode == 0
    assert "--json" in done.stdout


def test_a_resolve_for_people_names_the_set_and_its_size():
    done = run("resolve", "dwpose", *ANSWERED)
    assert done.returncode == 0
    assert "torch                   2.10.0" in done.stdout
    assert "CUDA 12.8" in done.stdout
    assert "download 4." in done.stdout
    assert "\x1b" not in done.stdout


def test_a_resolve_as_json_keeps_its_contract():
    answer = json.loads(run("resolve", "dwpose", *ANSWERED, "--json").stdout)
    assert answer["schema"] == "stackfix.resolve/1"
    assert answer["ok"] is True
    assert answer["packages"]["torch"] == "2.10.0"
    assert answer["cuda"] == "12.8"
    assert answer["python"] == "3.12"
    assert answer["newer"]["torch"]
    assert all(fact["source"] and fact["text"] for facts in answer["newer"].values() for fact in facts)
    assert isinstance(answer["alternatives"], list)
    assert answer["facts_date"] >= "2026-11-24"


def test_why_not_newer_is_told_with_the_driver_that_was_read():
    done = run("explain", "dwpose", *ANSWERED)
    assert "torch 2.10.0: recipe dwpose asks for torch" in done.stdout
    assert "CUDA 13 needs NVIDIA driver 580.65.06 or newer" in done.stdout
    assert "the NVIDIA driver is 535.104.05 [read: --driver]" in done.stdout


def test_no_set_is_exit_1_with_a_conflict_and_an_option():
    done = run("resolve", "dwpose", "--driver", "550.54.14", "--gpu", "5090", "--python", "3.12", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert answer["ok"] is False
    assert all(fact["text"] and fact["source"] and fact["evidence"] for fact in answer["conflict"])
    assert answer["options"][0]["text"] == "install NVIDIA driver 570 or newer"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["resolve", "dwpos", *ANSWERED], "did you mean `dwpose`?"),
        (["resolve", "torch>=", *ANSWERED], "is not a requirement"),
        (["resolve", "left-pad==1.0", *ANSWERED], "no facts about `left-pad`"),
        (["resolve", "dwpose", "--driver", "five"], "`five` is not an NVIDIA driver release"),
        (["resolve", "dwpose", "--gpu", "RTX 4099"], "`RTX 4099` is not a GPU that stackfix knows"),
        (["resolve", "dwpose", "--python", "three"], "`three` is not a Python version"),
        (["resolve", "dwpose", "--platform", "beos"], "`beos` is not a platform"),
        (["resolve", "dwpose", "--glibc", "new"], "`new` is not a glibc version"),
        (["resolve", "dwpose", "--source", "nowhere"], "there is no source `nowhere`"),
        (["resolve", "dwpose", "--newest-before", "soon"], "`soon` is not a date"),
        (["resolve", "dwpose", "--machine", "/nonexistent.json"], "cannot be read"),
        (["resolve", "-r", "/nonexistent.txt", *ANSWERED], "cannot be read"),
        (["resolve"], "nothing is asked for"),
        (["reslove"], "did you mean `resolve`?"),
        (["doctor", "--venv", "/nonexistent"], "is not there"),
        (["validate", "--venv", "/nonexistent"], "is not there"),
        (["facts", "show", "torch"], "is not a release"),
        (["install", "dwpose", "--python", "3.9.99", "--gpu", "none"], "there is no Python 3.9"),
    ],
)
def test_a_question_that_cannot_be_read_is_exit_2_and_says_why(words, said, tmp_path):
    if words[0] == "install":
        words = [*words, "--venv", str(tmp_path / "env")]
    done = run(*words)
    assert said in done.stderr
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_error_is_json_too_when_json_is_asked_for():
    done = run("resolve", "dwpos", "--json", *ANSWERED)
    answer = json.loads(done.stdout)
    assert answer["ok"] is False
    assert "dwpos" in answer["error"]["message"]


def test_a_machine_document_feeds_a_resolve_elsewhere(tmp_path):
    document = tmp_path / "machine.json"
    document.write_text(run("machine", "--json").stdout)
    first = run("resolve", "dwpose", "--machine", str(document), "--driver", "580.95.05", "--gpu", "sm_89")
    assert first.returncode == 0
    assert "2.15.0" in first.stdout


@pytest.mark.parametrize("text", ["", "{", '{"driver": 7}', "null", "[1]"])
def test_a_broken_machine_document_is_one_error_naming_the_file(text, tmp_path):
    document = tmp_path / "machine.json"
    document.write_text(text)
    done = run("resolve", "dwpose", "--machine", str(document))
    assert done.returncode == 2
    assert "machine.json" in done.stderr


def test_a_target_that_is_no_environment_is_left_alone(tmp_path):
    target = tmp_path / "photos"
    target.mkdir()
    (target / "holiday.jpg").write_bytes(b"x")
    done = run("install", "dwpose", "--gpu", "none", "--venv", str(target), "--weights", "standin")
    assert done.returncode == 2
    assert [path.name for path in tmp_path.rglob("*")] == ["photos", "holiday.jpg"]


def test_no_network_is_exit_3_and_leaves_nothing(tmp_path):
    index = "http://127.0.0.1:9/simple"
    done = run(
        "install", "dwpose", "--gpu", "none", "--venv", str(tmp_path / "env"), STACKFIX_SOURCE_PYPI=index
    )
    assert done.returncode == 3
    assert "127.0.0.1:9" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_facts_show_tells_what_a_release_needs_and_carries():
    rows = json.loads(run("facts", "show", "onnxruntime-gpu==1.31.1", "--json").stdout)["rows"]
    assert "libcurand.so.10" in rows[0]["needs"]["cuda"]
    assert {"libcudnn.so.9", "libcufft.so.12"} <= set(rows[0]["opens"]["cuda"])
    assert "90a" in rows[0]["cubins"]
    assert rows[0]["ptx"] == []


def test_facts_check_finds_the_shipped_facts_sound():
    done = run("facts", "check")
    assert (done.returncode, done.stdout.strip()) == (0, "every fact is sound")


@pytest.mark.parametrize(
    "words",
    [
        ["bogus"],
        ["validate"],
        ["validate", "--venv", "x", "--device", "tpu"],
        ["facts", "bogus"],
        ["resolve", "dwpose", "--gpu-index", "-1"],
        ["lock", "dwpose", "-o", "", *ANSWERED],
    ],
)
def test_a_usage_error_is_one_json_object_when_json_is_asked_for(words):
    done = run(*words, "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 2
    assert answer["ok"] is False
    assert answer["schema"]
    assert answer["error"]["message"]


def test_a_full_disk_under_stdout_is_exit_3_in_one_line():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "stackfix", "resolve", "dwpose", *ANSWERED],
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == 3
    assert b"Traceback" not in done.stderr


def test_a_marker_that_holds_nowhere_asks_for_nothing():
    done = run("resolve", "torch==2.10.0; python_version<'3'", *ANSWERED)
    assert done.returncode == 2
    assert "nothing is asked for" in done.stderr


def test_a_link_is_written_through_and_a_dash_is_stdout(tmp_path):
    real, link = tmp_path / "real.toml", tmp_path / "link.toml"
    real.write_text("old")
    link.symlink_to(real)
    machine = ["--gpu", "none", "--python", "3.12", "--glibc", "2.35"]
    assert run("lock", "dwpose", "-o", str(link), *machine).returncode == 0
    assert link.is_symlink()
    assert real.read_text() == run("lock", "dwpose", "-o", "-", *machine).stdout


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (["install", "dwpose", "--venv", ""], "--venv"),
        (["install", "dwpose", "--venv="], "--venv"),
        (["lock", "dwpose", "-o", " "], "-o"),
        (["resolve", ""], "TARGET"),
    ],
)
def test_an_empty_value_is_refused_rather_than_taken_for_none(words, flag):
    done = subprocess.run(
        [sys.executable, "-m", "stackfix", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"`{flag}` is given an empty value" in done.stderr


def test_an_extra_that_a_package_does_not_have_is_refused():
    words = ["resolve", "torch[nonsense]", "--gpu", "none", "--python", "3.12", "--glibc", "2.35"]
    done = subprocess.run(
        [sys.executable, "-m", "stackfix", *words, "--platform", "linux_x86_64"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "has no extra `nonsense`" in done.stderr
    assert "hint: extras: " in done.stderr


RESOLVE = (sys.executable, "-m", "stackfix", "resolve", "dwpose", "--driver", "580.65.06", "--gpu", "sm_89")


def ended(ending, *words):
    """Return how a shell's command ended with its streams as `ending` says."""
    command = ["sh", "-c", f'"$@" {ending}', "sh", *(words or RESOLVE)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("words", [RESOLVE, (*RESOLVE, "--json"), (*RESOLVE[:3], "--help")])
def test_a_closed_stdout_is_exit_3_with_one_error(words):
    done = ended(">&-", *words)
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "error: stdout is closed, and the answer goes there",
        "hint: send it to a file, or to /dev/null",
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("words", [RESOLVE, (*RESOLVE, "--json"), (*RESOLVE[:3], "--help")])
def test_a_full_stdout_is_exit_3_with_one_error(words):
    done = ended("> /dev/full", *words)
    assert done.returncode == 3
    assert done.stderr.splitlines() == ["error: stdout: No space left on device"]


@pytest.mark.parametrize("ending", ["2>&-", "2>/dev/full", "2>&- <&-"])
def test_an_answer_does_not_need_stderr(ending):
    done = ended(ending)
    assert (done.returncode, done.stderr) == (0, "")
    assert "torch" in done.stdout
    refused = ended(ending, *RESOLVE[:4], "dwpos")
    assert (refused.returncode, refused.stdout, refused.stderr) == (2, "", "")


@pytest.mark.parametrize("ending", [">&- 2>&-", ">/dev/full 2>/dev/full"])
def test_without_both_streams_the_exit_code_alone_tells(ending):
    assert ended(ending).returncode == 3


def test_a_reader_that_left_is_no_error():
    done = ended("| head -c 1 >/dev/null")
    assert done.stderr == ""


def test_a_folder_at_hand_that_is_gone_is_told_as_json_too(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f"rmdir {gone} && exec {sys.executable} -m stackfix machine --json"
    done = subprocess.run(["sh", "-c", command], cwd=gone, capture_output=True, text=True, check=False)
    said = json.loads(done.stdout)
    assert (done.returncode, said["ok"]) == (3, False)
    assert said["error"]["message"] == "No such file or directory"
