"""Indexes beside the main one: known from documents, found by configuration, measured before anything rests on them."""

import json

import pytest
from binaries import elf, wheel

HERE = ["--platform", "linux_x86_64"]
MACHINE = [*HERE, "--driver", "535.104.05", "--gpu", "RTX 3090", "--python", "3.10", "--glibc", "2.35"]


def torch(version, cuda):
    members = {
        "torch/__init__.py": b"",
        "torch/version.py": f"cuda: Optional[str] = '{cuda}'\n".encode(),
        "torch/lib/libtorch_global_deps.so": elf(needed=["libc.so.6"]),
        "torch/lib/libtorch_python.so": elf(
            needed=["libc.so.6"], sections={".rodata": b"numpy._core\0sm_80 sm_86 \0"}
        ),
    }
    return (
        f"torch-{version}-cp310-cp310-linux_x86_64.whl",
        wheel(members, name="torch", version=version),
    )


def named(index):
    return {"STACKFIX_SOURCE_PYTORCH_CU118": f"{index.address}/simple"}


def test_sources_are_listed_with_what_documents_say_and_that_none_is_configured(index):
    listed = json.loads(index.run("facts", "sources", "--json").stdout)["sources"]
    by_name = {each["name"]: each for each in listed}
    assert by_name["pytorch-cu121"]["documented"] == [f"torch 2.{minor}" for minor in range(1, 6)]
    assert by_name["onnxruntime-cuda-12"]["packages"] == ["onnxruntime-gpu"]
    assert {each["state"] for each in listed} == {"not configured"}


def test_each_statement_has_its_platforms_its_pythons_and_its_document(index):
    listed = json.loads(index.run("facts", "sources", "--json").stdout)["sources"]
    by_name = {each["name"]: each["statements"] for each in listed}
    (newest,) = [one for one in by_name["pytorch-cu129"] if "linux_aarch64" in one["platforms"]]
    assert (newest["minors"], newest["pythons"]) == (["2.8"], ">=3.9,<=3.13")
    assert newest["source"].startswith("https://github.com/pytorch/test-infra/blob/")
    assert {one["pythons"] for one in by_name["onnxruntime-cuda-12"]} == {None}
    text = index.run("facts", "sources").stdout
    assert "torch 2.8 for linux_aarch64; Python >=3.9,<=3.13" in text
    assert "for which Pythons is not documented" in " ".join(text.split())
    assert "documented, not measured: onnxruntime-gpu 1.24" in text


def test_what_a_document_excludes_for_this_python_is_not_named(index):
    question = ["explain", "torch==1.13.1", "cuda==11.6", *MACHINE[:-4], "--glibc", "2.35", "--json"]
    here = json.loads(index.run(*question, "--python", "3.10").stdout)
    assert [one["index"] for one in here["documented"]] == ["pytorch-cu116"]
    assert here["documented"][0]["pythons"] == ">=3.7,<=3.10"
    newer = json.loads(index.run(*question, "--python", "3.11").stdout)
    assert newer["documented"] == []


def test_whether_a_configured_source_answers_is_found_out_and_not_assumed(index):
    index.publish(*torch("2.6.0+cu118", "11.8"))
    done = index.run("facts", "sources", "--json", **named(index))
    state = {each["name"]: each["state"] for each in json.loads(done.stdout)["sources"]}
    assert state["pytorch-cu118"] == "answers"
    dead = {"STACKFIX_SOURCE_PYTORCH_CU118": "http://127.0.0.1:9/simple"}
    done = index.run("facts", "sources", "--json", **dead)
    state = {each["name"]: each["state"] for each in json.loads(done.stdout)["sources"]}
    assert state["pytorch-cu118"].startswith("does not answer: ")
    offline = json.loads(index.run("facts", "sources", "--json", "--offline", **dead).stdout)["sources"]
    assert {each["state"] for each in offline} == {"not configured", "not asked"}


def test_a_source_that_is_not_configured_says_how_it_would_be(index):
    done = index.run("facts", "measure", "torch==2.6.0", *HERE, "--source", "pytorch-cu118")
    assert done.returncode == 2
    assert "no index is configured for the source `pytorch-cu118`" in done.stderr
    assert "STACKFIX_SOURCE_PYTORCH_CU118" in done.stderr
    done = index.run("facts", "measure", "torch==2.6.0", *HERE, "--source", "nowhere")
    assert (done.returncode, "there is no source `nowhere`" in done.stderr) == (2, True)


def test_a_release_of_another_source_is_measured_and_used_like_any_row(index):
    index.publish(*torch("2.99.0+cu118", "11.8"))
    done = index.run(
        "resolve", "torch", "--source", "pypi", "--source", "pytorch-cu118", *MACHINE, **named(index)
    )
    assert done.returncode == 0, done.stderr
    assert "torch  2.99.0+cu118" in done.stdout
    (row,) = json.loads(index.run("facts", "show", "torch==2.99.0+cu118", "--json").stdout)["rows"]
    assert (row["source"], row["cuda"]) == ("pytorch-cu118", ["11.8"])
    without = index.run("resolve", "torch", *MACHINE)
    assert "2.99.0" not in without.stdout


def test_where_document_and_wheel_disagree_the_wheel_is_kept_and_it_is_said(index):
    index.publish(*torch("2.6.0+cu118", "12.4"))
    done = index.run("facts", "measure", "torch==2.6.0", *HERE, "--source", "pytorch-cu118", **named(index))
    assert done.returncode == 0, done.stderr
    assert "a document disagrees: " in done.stdout
    assert "CUDA 11.8; the wheel is CUDA 12.4" in done.stdout
    assert '"disagrees":["' in (index.data / "facts/linux_x86_64/torch.jsonl").read_text()


@pytest.mark.parametrize("wish", ["cuda==12.1", "cuda==12"])
def test_no_set_names_what_documents_say_is_elsewhere(index, wish):
    done = index.run("explain", "onnxruntime-gpu==1.17.0", wish, *MACHINE)
    assert done.returncode == 1
    assert "option   take onnxruntime-gpu 1.17 for CUDA 12.2 from onnxruntime-cuda-12" in done.stdout
    assert "documented, not measured" in done.stdout
    assert "documented, not measured" not in done.stderr
    assert "facts measure cuda" not in done.stderr
    document = json.loads(index.run("explain", "onnxruntime-gpu==1.17.0", wish, *MACHINE, "--json").stdout)
    assert document["documented"][0]["index"] == "onnxruntime-cuda-12"


def test_a_lock_names_the_file_of_the_source_that_has_it(index, tmp_path):
    name, data = torch("2.99.0+cu118", "11.8")
    index.publish(name, data)
    more = {**named(index), "STACKFIX_SOURCE_PYPI": f"{index.address}/nothing"}
    words = ["lock", "torch", "--source", "pypi", "--source", "pytorch-cu118", *MACHINE]
    done = index.run(*words, "-o", str(tmp_path / "pylock.toml"), **more)
    assert done.returncode == 0, done.stderr
    lock = (tmp_path / "pylock.toml").read_text()
    assert f"{index.address}/files/{name}" in lock
    assert 'version = "2.99.0+cu118"' in lock


def test_a_disagreement_with_a_document_is_shown_with_the_row(index):
    done = index.run("facts", "show", "onnxruntime-gpu==1.22.0", *HERE)
    assert "a document disagrees: https://onnxruntime.ai" in done.stdout
    assert "has it as CUDA 12.8; the wheel is CUDA 12.2" in done.stdout
    (row,) = json.loads(index.run("facts", "show", "onnxruntime-gpu==1.22.0", *HERE, "--json").stdout)["rows"]
    assert len(row["disagrees"]) == 1


def test_a_source_that_does_not_answer_is_solved_around_and_said(index):
    dead = {"STACKFIX_SOURCE_PYTORCH_CU118": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}
    both = ["--source", "pypi", "--source", "pytorch-cu118"]
    done = index.run("resolve", "torch", *MACHINE, *both, "--json", **dead)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["packages"]["torch"]
    assert document["notes"][0].startswith("the source pytorch-cu118 does not answer and is left out: ")
    alone = index.run("resolve", "torch", *MACHINE, *both[2:], **dead)
    assert alone.returncode == 3
