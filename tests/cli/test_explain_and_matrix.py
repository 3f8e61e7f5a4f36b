"""`explain --why-not` and `matrix` on the command line: exit codes, JSON, and what goes where."""

import json
import subprocess
import sys

MACHINE = ["--driver", "535.104.05", "--gpu", "RTX 4090", "--python", "3.12", "--glibc", "2.35", "--offline"]


def stackfix(*words):
    command = [sys.executable, "-m", "stackfix", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_why_not_ends_with_success_where_there_is_a_set():
    done = stackfix("explain", "dwpose", "--why-not", "torch==2.15.0", *MACHINE)
    assert done.returncode == 0, done.stderr
    assert "no set has torch==2.15.0, because all of this holds:" in done.stdout


def test_why_not_without_a_target_answers_for_the_recipe_and_says_so():
    done = stackfix("explain", "--why-not", "torch==2.15.0", *MACHINE)
    assert done.returncode == 0
    assert "no set is named; this answers for `dwpose`" in done.stderr
    assert done.stdout == stackfix("explain", "dwpose", "--why-not", "torch==2.15.0", *MACHINE).stdout


def test_why_not_in_json_stands_beside_the_whole_explanation():
    done = stackfix("explain", "dwpose", "--why-not", "torch==2.9.1", "--json", *MACHINE)
    document = json.loads(done.stdout)
    assert document["schema"] == "stackfix.explain/1"
    assert document["ok"] is True
    assert document["packages"]["torch"] == "2.10.0"
    assert document["newer"]["torch"]
    assert document["why_not"]["answer"] == "possible"
    assert document["why_not"]["packages"]["torch"] == "2.9.1"
    assert document["why_not"]["packages"]["CUDA"] == "12.8"


def test_why_not_without_any_set_ends_with_no():
    words = ["--driver", "550.54.14", "--gpu", "RTX 5090", "--python", "3.12", "--glibc", "2.35", "--offline"]
    done = stackfix("explain", "dwpose", "--why-not", "torch==2.15.0", "--json", *words)
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"]) == (1, False)
    assert document["conflict"]
    assert document["why_not"]["answer"] == "refused"


def test_a_wish_that_cannot_be_read_ends_with_two():
    done = stackfix("explain", "dwpose", "--why-not", "torch=2", "--json", *MACHINE)
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["message"].startswith("`torch=2` is not a requirement")


def test_matrix_prints_a_table_and_ends_with_success_where_a_row_has_everything():
    done = stackfix("matrix", *MACHINE)
    assert done.returncode == 0, done.stderr
    assert "  >  2.10.0  0.25.0" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_matrix_in_json_has_every_row_and_reason():
    done = stackfix("matrix", "--json", *MACHINE)
    document = json.loads(done.stdout)
    assert (document["schema"], document["ok"]) == ("stackfix.matrix/1", True)
    newest = next(row for row in document["rows"] if row["newest"])
    assert newest["packages"]["torch"] == newest["torch"] == "2.10.0"
    assert newest["pythons"] == ["3.11", "3.12", "3.13", "3.14"]
    refused = document["rows"][0]
    assert refused["ok"] is False
    assert refused["refused"][0]["reason"] == "driver 535.104.05 < 580.65.06 for CUDA 13"


def test_matrix_ends_with_no_where_no_row_has_everything():
    words = ["--gpu", "RTX 5090", "--gpu", "GTX 1080 Ti", "--driver", "580.95.05", "--python", "3.12"]
    assert stackfix("matrix", "--glibc", "2.35", "--offline", *words).returncode == 1


def test_the_matrix_of_another_platform_needs_no_python():
    done = stackfix("matrix", "--platform", "win_amd64", "--gpu", "RTX 4090", "--driver", "581.80")
    assert done.returncode == 0, done.stderr
    assert "none is said to be here" in done.stdout


def test_a_cuda_alone_is_answered_for_the_recipe_and_says_so():
    for verb in ("explain", "resolve"):
        done = stackfix(verb, "cuda>=12,<13", *MACHINE)
        assert done.returncode == 0, done.stderr
        assert "`cuda>=12,<13` alone names no package; this answers for `dwpose cuda>=12,<13`" in done.stderr
        assert "CUDA 12." in done.stdout
        assert "onnxruntime-gpu" in done.stdout


def test_a_cuda_alone_is_no_set_that_could_be_locked():
    done = stackfix("lock", "cuda==12.8", "-o", "-", *MACHINE)
    assert done.returncode == 2
    assert "asks for no package" in done.stderr


def test_an_explained_set_fits_a_page():
    done = stackfix("explain", "dwpose", *MACHINE)
    lines = done.stdout.splitlines()
    assert lines[1].startswith("set      Python 3.12, CUDA 12.")
    assert len(lines) < 50
    assert max(map(len, lines)) <= 100
