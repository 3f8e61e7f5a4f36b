"""Facts that grow: a release on the index that no row knows is named, measured, kept and used like any other."""

import json

import pytest
from binaries import elf, part, wheel

CPU = ["--gpu", "none", "--python", "3.12", "--glibc", "2.35", "--platform", "linux_x86_64"]
HERE = ["--platform", "linux_x86_64"]
MODULE = "onnxruntime/capi/onnxruntime_pybind11_state.cpython-312-x86_64-linux-gnu.so"


def onnxruntime(version="1.99.0", requires=()):
    members = {
        "onnxruntime/__init__.py": b"",
        MODULE: elf(needed=["libc.so.6"], sections={".rodata": b"\0numpy._core\0"}),
    }
    return (
        f"onnxruntime-{version}-cp312-cp312-manylinux_2_27_x86_64.whl",
        wheel(members, requires=requires, name="onnxruntime", version=version),
    )


def torch(version="2.99.0", requires=()):
    members = {
        "torch/__init__.py": b"",
        "torch/version.py": b"cuda: Optional[str] = '13.2'\n",
        "torch/lib/libtorch_global_deps.so": elf(needed=["libcudart.so.13", "libcudnn.so.9"]),
        "torch/lib/libtorch_python.so": elf(
            needed=["libtorch_cuda.so"], sections={".rodata": b"numpy._core"}
        ),
        "torch/lib/libtorch_cuda.so": elf(needed=["libcublas.so.13"]),
    }
    return (
        f"torch-{version}-cp312-cp312-manylinux_2_28_x86_64.whl",
        wheel(members, requires=requires, name="torch", version=version),
    )


def test_a_release_is_measured_by_ranges_and_kept(index):
    index.publish(*torch())
    done = index.run("facts", "measure", "torch==2.99.0", *HERE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("torch 2.99.0  linux_x86_64: measured, ")
    assert "needs: libcublas.so.13 libcudart.so.13 libcudnn.so.9" in done.stdout
    assert "CUDA: 13.2" in done.stdout
    assert "cuDNN: libcudnn.so.9" in done.stdout
    assert "no row was on record" in done.stdout
    assert done.stderr.splitlines() == ["measuring torch 2.99.0"]
    assert index.written() == ["linux_x86_64/torch.jsonl"]
    shown = json.loads(index.run("facts", "show", "torch==2.99.0", "--json").stdout)
    assert shown["rows"][0]["cuda"] == ["13.2"]


def test_a_second_measurement_says_whether_it_agrees_with_the_row(index):
    index.publish(*torch())
    index.run("facts", "measure", "torch==2.99.0", *HERE)
    again = json.loads(index.run("facts", "measure", "torch==2.99.0", *HERE, "--json").stdout)
    assert again["schema"] == "stackfix.facts.measure/1"
    assert again["ok"] is True
    (found,) = again["measured"]
    assert (found["on_record"], found["differs"]) == (True, [])
    assert found["read_bytes"] > 0
    index.publish(*torch(requires=["numpy"]))
    rebuilt = json.loads(index.run("facts", "measure", "torch==2.99.0", *HERE, "--json").stdout)
    assert rebuilt["measured"][0]["differs"] == ["requires_dist", "files"]


def test_what_a_release_requires_and_no_row_knows_is_measured_too(index):
    index.publish(
        *torch(requires=["newpart[fast]==2.0 ; sys_platform == 'linux'", "winpart ; sys_platform == 'win32'"])
    )
    index.publish(*part("newpart", "2.0", requires=["inner>=1 ; extra == 'fast'", "other ; extra == 'slow'"]))
    index.publish(*part("inner", "2.0"))
    done = index.run("facts", "measure", "torch", *HERE)
    assert done.returncode == 0, done.stderr
    assert "newpart 2.0, which torch 2.99.0 requires  linux_x86_64: measured" in done.stdout
    assert index.written() == ["any/inner.jsonl", "any/newpart.jsonl", "linux_x86_64/torch.jsonl"]


def test_a_new_toolkit_brings_the_parts_that_facts_are_kept_of_and_ties_them_to_itself(index):
    index.publish(*torch(requires=["cuda-toolkit==13.99.0 ; sys_platform == 'linux'"]))
    pins = ["nvidia-curand==10.99.* ; extra == 'curand'", "nvidia-novelty==1.* ; extra == 'novelty'"]
    index.publish(*part("cuda_toolkit", "13.99.0", requires=pins))
    library = {"nvidia/cu13/lib/libcurand.so.10": elf(soname="libcurand.so.10", needed=["libc.so.6"])}
    name = "nvidia_curand-10.99.1-py3-none-manylinux_2_27_x86_64.whl"
    index.publish(name, wheel(library, name="nvidia_curand", version="10.99.1"))
    done = index.run("facts", "measure", "torch", *HERE, "--json")
    assert done.returncode == 0, done.stdout
    measured = {one["package"]: one for one in json.loads(done.stdout)["measured"]}
    assert list(measured) == ["torch", "cuda-toolkit", "nvidia-curand"]
    (row,) = measured["nvidia-curand"]["rows"]
    assert (row["cuda"], list(row["provides"])) == (["13.99"], ["libcurand.so.10"])


def test_what_a_release_requires_and_the_index_lacks_is_named(index):
    index.publish(*torch(requires=["newpart==2.0"]))
    done = index.run("facts", "measure", "torch==2.99.0", *HERE)
    assert done.returncode == 1
    assert (
        "newpart==2.0, which torch 2.99.0 requires: not measured: the index does not know `newpart`"
        in done.stdout
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["torch==2.98.0"], 3, "the index has no release `torch==2.98.0` for linux_x86_64"),
        (["nothing-of-that-name==1"], 3, "the index does not know `nothing-of-that-name`"),
        (["torch=2"], 2, "`torch=2` is not a requirement"),
        (["torch", "--platform", "amiga"], 2, "`amiga` is not a platform"),
    ],
)
def test_what_cannot_be_measured_is_one_error_and_nothing_is_written(index, words, code, said):
    index.publish(*torch())
    done = index.run("facts", "measure", *HERE, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert index.written() == []


def test_a_broken_wheel_is_named_and_nothing_is_written(index):
    name, data = torch()
    index.publish(name, data[: len(data) // 2])
    done = index.run("facts", "measure", "torch==2.99.0", *HERE, "--json")
    assert done.returncode == 3
    assert name in json.loads(done.stdout)["error"]["message"]
    assert index.written() == []


def test_an_index_that_says_no_sizes_is_one_error(index):
    index.publish(*torch())
    index.sized = False
    done = index.run("facts", "measure", "torch==2.99.0", *HERE)
    assert done.returncode == 3
    assert "the index does not say its size" in done.stderr


def test_an_index_that_is_not_there_is_one_error(index):
    done = index.run(
        "facts", "measure", "torch==2.99.0", *HERE, STACKFIX_SOURCE_PYPI="http://127.0.0.1:9/simple"
    )
    assert done.returncode == 3
    assert "http://127.0.0.1:9/simple/torch/" in done.stderr


def test_a_folder_that_cannot_be_written_is_one_error(index, tmp_path):
    index.publish(*torch())
    (tmp_path / "file").write_text("")
    done = index.run("facts", "measure", "torch==2.99.0", *HERE, STACKFIX_DATA=str(tmp_path / "file"))
    assert done.returncode == 3
    assert "cannot be written" in done.stderr
    assert "STACKFIX_DATA" in done.stderr
    assert "measuring" not in done.stderr
    assert not any(path.startswith("/files/") for path in index.asked)


def test_resolve_measures_what_is_newer_and_takes_it(index):
    index.publish(*onnxruntime(requires=["newpart==2.0"]))
    index.publish(*onnxruntime("1.0.0"))
    index.publish(*part("newpart", "2.0"))
    done = index.run("resolve", "onnxruntime", *CPU, "--measure", "--json")
    answer = json.loads(done.stdout)
    assert answer["packages"]["onnxruntime"] == "1.99.0"
    assert answer["packages"]["newpart"] == "2.0"
    assert [one["version"] for one in answer["measured"]] == ["1.99.0", "2.0"]
    later = json.loads(index.run("resolve", "onnxruntime", *CPU, "--offline", "--json").stdout)
    assert later["packages"]["onnxruntime"] == "1.99.0"


def test_resolve_goes_on_without_a_new_release_that_is_broken_and_says_so(index):
    name, data = onnxruntime()
    index.publish(name, data[: len(data) // 2])
    done = index.run("resolve", "onnxruntime", *CPU, "--measure")
    assert done.returncode == 0
    assert "onnxruntime==1.99.0: not measured: " in done.stderr
    assert "1.99.0" not in done.stdout


def test_measuring_without_the_network_is_refused(index):
    done = index.run("resolve", "onnxruntime", *CPU, "--measure", "--offline")
    assert done.returncode == 3
    assert "--offline" in done.stderr


@pytest.mark.parametrize("verb", ["resolve", "explain"])
def test_newer_releases_are_named_with_what_gives_them_facts(index, verb):
    index.publish(*onnxruntime())
    index.publish(*onnxruntime("1.98.0"))
    done = index.run(verb, "onnxruntime", *CPU, "--check-index")
    assert done.returncode == 0
    assert (
        "onnxruntime 1.99.0, 1.98.0 are on the index and have no facts yet: "
        "`stackfix facts measure onnxruntime==1.99.0 onnxruntime==1.98.0`" in done.stderr
    )
    answer = json.loads(index.run(verb, "onnxruntime", *CPU, "--check-index", "--json").stdout)
    assert answer["unmeasured"] == [
        {
            "package": "onnxruntime",
            "versions": ["1.99.0", "1.98.0"],
            "command": "stackfix facts measure onnxruntime==1.99.0 onnxruntime==1.98.0",
        }
    ]


def test_the_pure_question_asks_nobody(index):
    index.publish(*onnxruntime())
    answer = json.loads(index.run("resolve", "onnxruntime", *CPU, "--json").stdout)
    assert answer["unmeasured"] is None
    index.run("resolve", "onnxruntime", *CPU)
    index.run("resolve", "onnxruntime", *CPU, "--check-index", "--offline")
    assert index.asked == []


def test_an_index_that_dawdles_is_not_waited_for(index):
    index.publish(*onnxruntime())
    index.wait = 30.0
    done = index.run("resolve", "onnxruntime", *CPU, "--check-index", "--json")
    answer = json.loads(done.stdout)
    assert answer["ok"] is True
    assert answer["index_problems"] == ["onnxruntime: the index did not answer within 2 s"]


def test_a_release_that_no_row_knows_is_unknown_and_not_impossible(index):
    done = index.run("resolve", "onnxruntime==1.99.0", *CPU)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "there is no release `onnxruntime==1.99.0` on record (newest known: 1." in done.stderr
    answer = json.loads(index.run("resolve", "onnxruntime==1.99.0", *CPU, "--json").stdout)
    assert "`stackfix facts measure onnxruntime==1.99.0`" in answer["error"]["hint"]
    index.publish(*onnxruntime())
    assert index.run("facts", "measure", "onnxruntime==1.99.0", *HERE).returncode == 0
    assert index.run("resolve", "onnxruntime==1.99.0", *CPU).returncode == 0


@pytest.mark.parametrize("beside", [(), ("dwpose",), ("dwpose", "numpy<2")])
@pytest.mark.parametrize("wish", ["torch==99.0", "torch>=99"])
def test_a_release_newer_than_all_on_record_is_said_first_whatever_stands_beside_it(index, beside, wish):
    """Of torchvision every release is for a torch on record, so there is no set whatever the new one requires."""
    done = index.run("resolve", *beside, wish, *CPU)
    assert done.returncode == 3
    assert done.stdout == ""
    first = f"error: there is no release `{wish}` on record (newest known: 2."
    assert done.stderr.startswith(first)
    assert len(done.stderr.splitlines()) == 2


def test_a_release_newer_than_all_on_record_is_asked_of_the_index_by_a_lock(index):
    index.publish(*part("torch", "98.0"))
    done = index.run("lock", "dwpose", "torch==99.0", *CPU, "-o", "-")
    assert done.returncode == 3
    assert "the index has no release `torch==99.0`" in done.stderr
    assert "98.0" in done.stderr


def test_every_pin_of_a_file_without_facts_is_named_and_measured_in_one_go(index, tmp_path):
    pins = tmp_path / "pins.txt"
    pins.write_text("sympy==1.99\nprotobuf==4.99\n")
    index.publish(*part("sympy", "1.99"))
    index.publish(*part("protobuf", "4.99"))
    index.publish(*onnxruntime(requires=("sympy", "protobuf")))
    asked = ("onnxruntime==1.99.0", "-r", str(pins), *CPU)
    done = index.run("resolve", *asked)
    assert done.returncode == 3
    assert "`sympy==1.99`" in done.stderr
    assert "`protobuf==4.99`" in done.stderr
    offline = index.run("lock", *asked, "--offline", "-o", str(tmp_path / "pylock.toml"))
    assert offline.returncode == 3
    assert "`sympy==1.99`" in offline.stderr
    done = index.run("resolve", *asked, "--measure", "--json")
    assert done.returncode == 0, done.stderr
    packages = json.loads(done.stdout)["packages"]
    assert (packages["sympy"], packages["protobuf"]) == ("1.99", "4.99")


def test_a_constraint_without_facts_is_measured_where_its_package_is_in_the_set(index, tmp_path):
    limits = tmp_path / "limits.txt"
    limits.write_text("sympy==1.99\nprotobuf==4.99\n")
    index.publish(*part("sympy", "1.99"))
    index.publish(*onnxruntime(requires=("sympy",)))
    lock = tmp_path / "pylock.toml"
    done = index.run("lock", "onnxruntime==1.99.0", "-c", str(limits), *CPU, "-o", str(lock))
    assert done.returncode == 0, done.stderr
    assert "without facts, so measured on the index: onnxruntime==1.99.0" in done.stderr
    assert 'version = "1.99"' in lock.read_text()
    assert "4.99" not in done.stderr.replace("protobuf==4.99", "", 1)


def test_a_release_that_the_index_has_not_is_said_to_be_absent(index, tmp_path):
    index.publish(*onnxruntime())
    done = index.run("lock", "onnxruntime==1.98.0", *CPU, "-o", str(tmp_path / "pylock.toml"))
    assert done.returncode == 3
    assert "the index has no release `onnxruntime==1.98.0`" in done.stderr


def test_a_pin_against_what_is_known_is_refused_without_being_measured(index):
    done = index.run("lock", "torch==2.15.0", "sympy==1.2.1", *CPU, "-o", "-")
    assert done.returncode == 1
    assert "you ask for sympy==1.2.1" in done.stdout
    assert "torch 2.15.0 requires sympy" in done.stdout
    assert "measur" not in done.stderr


def test_a_damaged_row_of_the_users_own_is_named_by_file_and_line(index):
    index.publish(*onnxruntime())
    index.run("facts", "measure", "onnxruntime", *HERE)
    (index.data / "facts" / "linux_x86_64" / "onnxruntime.jsonl").write_text("{\n")
    done = index.run("resolve", "onnxruntime", *CPU)
    assert done.returncode == 2
    assert "linux_x86_64/onnxruntime.jsonl: line 1" in done.stderr
    assert "Traceback" not in done.stderr
