"""The smallest repair, on environments that are described rather than installed; the facts are the real ones."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from stackfix.facts.database import Database
from stackfix.facts.root import data_root
from stackfix.judging.examine import scene_of
from stackfix.model.environment import Build, Distribution, Environment, SharedLibrary
from stackfix.model.evidence import Known, Unknown
from stackfix.model.machine import Machine, Platform
from stackfix.model.repair import Put, Repair, TakenOut
from stackfix.model.resolution import Explanation
from stackfix.render.repair_text import constraint_lines, repair_document, repair_lines
from stackfix.rules.installed import held_releases, judge
from stackfix.solve.repair import Wish, repair
from stackfix.versions import DriverVersion, PythonVersion

FACTS = Database(data_root())
NOWHERE = Unknown(("a test",))
MACHINE = Machine(
    platform=Platform.parse("linux_x86_64"),
    glibc=Known((2, 36), "a test"),
    driver=NOWHERE,
    cuda=NOWHERE,
    gpus=NOWHERE,
    pythons=(),
    free_disk_bytes=NOWHERE,
)
CUDA_12 = {
    "nvidia-cublas-cu12": "12.8.4.1",
    "nvidia-cuda-cupti-cu12": "12.8.90",
    "nvidia-cuda-nvrtc-cu12": "12.8.93",
    "nvidia-cuda-runtime-cu12": "12.8.90",
    "nvidia-cudnn-cu12": "9.10.2.21",
    "nvidia-cufft-cu12": "11.3.3.83",
    "nvidia-cufile-cu12": "1.13.1.3",
    "nvidia-curand-cu12": "10.3.9.90",
    "nvidia-cusolver-cu12": "11.7.3.90",
    "nvidia-cusparse-cu12": "12.5.8.93",
    "nvidia-cusparselt-cu12": "0.7.1",
    "nvidia-nccl-cu12": "2.27.3",
    "nvidia-nvjitlink-cu12": "12.8.93",
    "nvidia-nvtx-cu12": "12.8.90",
    "triton": "3.4.0",
}
CUDA_13 = {  # as pip brings them
    "cuda-bindings": "13.5.0",
    "cuda-pathfinder": "1.9.1",
    "cuda-toolkit": "13.2.2",
    "nvidia-cublas": "13.4.1.3",
    "nvidia-cuda-cccl": "13.3.5.0.6",
    "nvidia-cuda-cupti": "13.2.86",
    "nvidia-cuda-nvrtc": "13.2.86",
    "nvidia-cuda-runtime": "13.2.86",
    "nvidia-cudnn-cu13": "9.26.0.51",
    "nvidia-cufft": "12.2.0.57",
    "nvidia-cufile": "1.17.1.22",
    "nvidia-cusolver": "12.2.0.11",
    "nvidia-cusparse": "12.7.10.12",
    "nvidia-cusparselt-cu13": "0.8.1",
    "nvidia-nccl-cu13": "2.30.7",
    "nvidia-nvjitlink": "13.5.37",
    "nvidia-nvshmem-cu13": "3.7.2",
    "nvidia-nvtx": "13.2.86",
    "triton": "3.9.0",
}
PLAIN = ("filelock", "fsspec", "jinja2", "markupsafe", "mpmath", "networkx", "numpy", "setuptools", "sympy")
PLAIN += ("typing-extensions", "coloredlogs", "flatbuffers", "humanfriendly", "packaging", "protobuf")


def newest(package):
    return next(each.key for each in FACTS.listed(package, "linux_x86_64"))


def environment(packages, *, files=None, missing=None, requires=None, builds=None):
    files, missing, requires = files or {}, missing or {}, requires or {}
    whole = {name: newest(name) for name in PLAIN} | {"sympy": "1.14.0", "mpmath": "1.3.0"} | packages
    return Environment(
        path="/somewhere",
        executable="/somewhere/bin/python",
        python=PythonVersion(3, 12, 1),
        site_packages=("/somewhere/lib/python3.12/site-packages",),
        distributions=tuple(
            Distribution(
                name=name,
                version=version,
                folder=f"{name}-{version}.dist-info",
                requires_dist=requires.get(name, ()),
                files=files.get(name, {}),
                missing=missing.get(name, ()),
            )
            for name, version in sorted(whole.items())
        ),
        builds=builds or {},
    )


def mended(there, *, gpu=True, keep=(), machine=MACHINE):
    return repair(there, scene_of(there, machine, FACTS), Wish(gpu=gpu, keep=frozenset(keep)))


def steps(found):
    assert isinstance(found, Repair), found
    return [
        f"- {step.name}" if isinstance(step, TakenOut) else f"+ {step.pin.name} {step.before}>{step.pin.version}"
        for step in found.steps
        if not (isinstance(step, Put) and step.pin.name in PLAIN)
    ]  # fmt: skip


def holds_every_rule(there, found):
    """Whether the rules hold of what the repair leaves, asked of the installed set and not of the solver."""
    versions = there.packages
    for step in found.steps:
        if isinstance(step, TakenOut):
            del versions[step.name]
        else:
            versions[step.pin.name] = step.pin.version
    after = replace(
        there,
        distributions=tuple(Distribution(name=name, version=version, folder="") for name, version in versions.items()),
    )  # fmt: skip
    scene = scene_of(after, MACHINE, FACTS)
    return judge(held_releases(after, scene), scene).breaches == ()


def test_what_works_is_left_alone():
    there = environment(CUDA_12 | {"torch": "2.8.0", "torchvision": "0.23.0", "onnxruntime-gpu": "1.22.0", "pillow": newest("pillow")})  # fmt: skip
    assert steps(mended(there)) == []


@pytest.mark.parametrize(("jit", "stays"), [("13.5.37", True), ("13.0.88", False)])
def test_what_pip_brings_beside_a_toolkit_stays_unless_it_is_older(jit, stays):
    there = environment(
        CUDA_13 | {"torch": "2.15.0", "nvidia-nvjitlink": jit},
        requires={
            "nvidia-cusparse": ("nvidia-nvjitlink",),
            "nvidia-nvshmem-cu13": ("nvidia-cuda-cccl",),
        },
    )
    assert steps(mended(there)) == ([] if stays else [f"+ nvidia-nvjitlink {jit}>13.2.86"])


def test_of_two_cuda_majors_the_smaller_download_changes():
    there = environment(CUDA_12 | {"torch": "2.8.0", "onnxruntime-gpu": "1.31.1"})
    found = mended(there)
    assert steps(found) == ["+ onnxruntime-gpu 1.31.1>1.26.0"]
    assert found.kept == ("torch 2.8.0",)
    assert any("onnxruntime-gpu 1.31.1 is built for CUDA 13" in fact.text for fact in found.conflict)
    assert holds_every_rule(there, found)


def test_what_is_kept_on_request_stays_and_the_rest_follows():
    there = environment(CUDA_12 | {"torch": "2.8.0", "onnxruntime-gpu": "1.31.1"})
    found = mended(there, keep=["onnxruntime-gpu"])
    said = steps(found)
    assert "+ torch 2.8.0>2.15.0" in said
    assert not any("onnxruntime-gpu" in line for line in said)
    assert "- nvidia-cublas-cu12" in said
    assert holds_every_rule(there, found)


def test_what_cannot_be_kept_together_is_explained():
    there = environment(CUDA_12 | {"torch": "2.8.0", "onnxruntime-gpu": "1.31.1"})
    found = mended(there, keep=["onnxruntime-gpu", "torch"])
    assert isinstance(found, Explanation)
    said = " ".join(fact.text for fact in found.conflict)
    assert "torch 2.8.0 was built with CUDA 12.8" in said
    assert "onnxruntime-gpu 1.31.1 is built for CUDA 13" in said


def test_of_both_onnxruntimes_both_go_and_one_comes_back():
    shared = {"onnxruntime/__init__.py": "sha256=a,1"}
    there = environment(
        CUDA_12 | {"torch": "2.8.0", "onnxruntime": "1.22.0", "onnxruntime-gpu": "1.22.0"},
        files={"onnxruntime": shared, "onnxruntime-gpu": {"onnxruntime/__init__.py": "sha256=b,2"}},
    )
    found = mended(there)
    assert steps(found) == ["- onnxruntime", "+ onnxruntime-gpu 1.22.0>1.22.0"]
    assert set(found.leaving) == {"onnxruntime", "onnxruntime-gpu"}
    assert found.hook


@pytest.mark.parametrize(
    ("gpu", "keep", "gone"),
    [
        (True, (), "onnxruntime-openvino"),
        (False, (), "onnxruntime-gpu"),
        (True, ("onnxruntime-openvino",), "onnxruntime-gpu"),
    ],
)
def test_of_an_onnxruntime_without_facts_and_the_gpu_build_one_stays(gpu, keep, gone):
    there = environment(
        CUDA_12 | {"torch": "2.8.0", "onnxruntime-openvino": "1.24.1", "onnxruntime-gpu": "1.22.0"},
        files={
            name: {"onnxruntime/__init__.py": f"sha256={name},2"}
            for name in ("onnxruntime-openvino", "onnxruntime-gpu")
        },
    )
    assert f"- {gone}" in steps(mended(there, gpu=gpu, keep=keep))


def test_an_onnxruntime_without_facts_alone_is_left_alone():
    there = environment(
        CUDA_12 | {"torch": "2.8.0", "onnxruntime-openvino": "1.24.1"},
        files={"onnxruntime-openvino": {"onnxruntime/__init__.py": "sha256=a,2"}},
    )
    assert steps(mended(there)) == []


def test_without_a_gpu_wanted_the_cpu_build_stays():
    there = environment({"onnxruntime": newest("onnxruntime"), "onnxruntime-gpu": "1.22.0"})
    said = steps(mended(there, gpu=False))
    assert "- onnxruntime-gpu" in said
    assert not any("+ onnxruntime-gpu" in line for line in said)


def test_a_cpu_build_gives_way_to_the_gpu_build_beside_torch():
    there = environment(CUDA_12 | {"torch": "2.8.0", "onnxruntime": "1.22.0"})
    found = mended(there)
    assert steps(found) == ["- onnxruntime", "+ onnxruntime-gpu >1.26.0"]


def test_a_missing_library_brings_the_release_that_torch_pins():
    there = environment({name: version for name, version in (CUDA_12 | {"torch": "2.8.0"}).items() if name != "nvidia-cudnn-cu12"})  # fmt: skip
    assert steps(mended(there)) == ["+ nvidia-cudnn-cu12 >9.10.2.21"]


def test_lost_files_bring_the_same_release_again():
    there = environment(
        CUDA_12 | {"torch": "2.8.0", "onnxruntime-gpu": "1.22.0"},
        files={"onnxruntime-gpu": {"onnxruntime/__init__.py": "sha256=b,2"}},
        missing={"onnxruntime-gpu": ("onnxruntime/__init__.py",)},
    )
    found = mended(there)
    assert steps(found) == ["+ onnxruntime-gpu 1.22.0>1.22.0"]
    assert [step.again for step in found.steps if isinstance(step, Put)] == [True]


def test_a_build_for_another_python_comes_again_for_this_one():
    there = environment(CUDA_12 | {"torch": "2.8.0", "onnxruntime-gpu": "1.22.0"})
    tags = ("cp311-cp311-manylinux_2_28_x86_64",)
    there = replace(
        there,
        distributions=tuple(
            replace(one, tags=tags) if one.name == "onnxruntime-gpu" else one for one in there.distributions
        ),
    )
    (step,) = mended(there).steps
    assert (step.pin.name, step.again) == ("onnxruntime-gpu", True)
    assert step.why[0] == "it was built for another Python or system"


@pytest.mark.parametrize(
    "path",
    [
        "onnxruntime/__pycache__/__init__.cpython-312.pyc",
        "../../../bin/onnxruntime_test",
        "onnxruntime/tests/test_all.py",
        "onnxruntime/LICENSE",
    ],
)
def test_what_no_import_misses_brings_nothing_back(path):
    there = environment(
        CUDA_12 | {"torch": "2.8.0", "onnxruntime-gpu": "1.22.0"},
        files={"onnxruntime-gpu": {"onnxruntime/__init__.py": "sha256=b,2", path: ""}},
        missing={"onnxruntime-gpu": (path,)},
    )
    assert steps(mended(there)) == []


@pytest.mark.parametrize(("keep", "changed"), [((), True), (("opencv-python",), False)])
def test_an_opencv_with_windows_gives_way_where_there_is_no_desktop(keep, changed):
    there = environment(
        CUDA_12 | {"torch": "2.8.0", "onnxruntime-gpu": "1.22.0", "opencv-python": "4.12.0.88"}
    )
    instead = {"opencv-python": "opencv-python-headless"}
    found = repair(
        there,
        scene_of(there, MACHINE, FACTS),
        Wish(gpu=True, keep=frozenset(keep), instead=instead),
    )
    wanted = ["- opencv-python", "+ opencv-python-headless >4.12.0.88"]
    assert steps(found) == (wanted if changed else [])


def test_a_second_cudnn_goes_and_the_first_is_written_again():
    files = {"nvidia/cudnn/lib/libcudnn.so.9": "sha256=a,1"}
    other = {"nvidia/cudnn/lib/libcudnn.so.9": "sha256=b,1"}
    there = environment(
        CUDA_12 | {"torch": "2.8.0", "nvidia-cudnn-cu13": "9.20.0.48"},
        files={"nvidia-cudnn-cu12": files, "nvidia-cudnn-cu13": other},
    )
    found = mended(there)
    assert steps(found) == ["- nvidia-cudnn-cu13", "+ nvidia-cudnn-cu12 9.10.2.21>9.10.2.21"]


def test_a_torch_of_another_index_is_judged_by_its_own_build():
    there = environment(
        CUDA_12 | {"torch": "2.8.0+cu129", "onnxruntime-gpu": "1.31.1"},
        builds={"torch": Build("torch", "2.8.0+cu129", "12.9")},
    )
    found = mended(there)
    assert isinstance(found, Repair)
    assert "torch 2.8.0+cu129" in found.kept
    assert any(line.startswith("+ onnxruntime-gpu 1.31.1>1.2") for line in steps(found))


def test_a_package_without_facts_holds_what_it_requires():
    there = environment(
        CUDA_12 | {"torch": "2.8.0", "onnxruntime-gpu": "1.31.1", "custom-nodes": "3.0"},
        requires={"custom-nodes": ("torch==2.8.0", "onnxruntime-gpu<1.24")},
    )
    found = mended(there)
    assert any(line.startswith("+ onnxruntime-gpu 1.31.1>1.23") for line in steps(found))


@pytest.mark.parametrize(
    ("needed", "torch"), [((), ""), (("libtorch_cuda.so", "libcudart.so.12"), "+ torch 2.8.0>2.7.1")]
)
def test_torch_gives_way_to_what_was_compiled_for_another_and_not_to_a_wish_in_metadata(needed, torch):
    there = environment(
        CUDA_12 | {"torch": "2.8.0", "onnxruntime-gpu": "1.22.0", "nodes": "1.0"},
        requires={"nodes": ("torch==2.7.1",)},
    )
    library = SharedLibrary(path="nodes/_C.so", needed=needed)
    there = replace(
        there,
        distributions=tuple(
            replace(one, libraries=(library,)) if one.name == "nodes" else one for one in there.distributions
        ),
    )
    found = mended(there)
    assert torch in (*steps(found), "")
    assert bool(torch) == any("torch" in line for line in steps(found))
    kept = mended(there, keep=("torch",))
    assert "nodes 1.0 requires torch==2.7.1; it keeps torch 2.8.0" in kept.strained
    assert (kept if torch else found).strained == kept.strained


def test_of_several_opencvs_the_fullest_stays_whichever_others_ask_for():
    opencv = {
        "opencv-python": "5.0.0.93",
        "opencv-python-headless": "5.0.0.93",
        "opencv-contrib-python": "5.1.0.95",
    }
    there = environment(
        CUDA_12 | opencv | {"torch": "2.8.0", "onnxruntime-gpu": "1.22.0", "nodes": "1.0"},
        requires={"nodes": ("opencv-python", "opencv-python-headless>=4.9", "onnxruntime>=1.20")},
    )
    found = mended(there)
    gone = [step for step in steps(found) if step.startswith("-")]
    assert gone == ["- opencv-python", "- opencv-python-headless"]
    assert found.strained == ()


def test_of_several_that_take_files_along_the_first_by_name_is_told():
    names = ("opencv-python-headless", "opencv-contrib-python", "opencv-python")
    there = environment(
        CUDA_12 | dict.fromkeys(names, "4.11.0.86") | {"torch": "2.8.0", "onnxruntime-gpu": "1.22.0"},
        files={name: {"cv2/__init__.py": "sha256=a,1"} for name in names},
    )
    (back,) = (step for step in mended(there).steps if isinstance(step, Put))
    assert back.pin.name == "opencv-contrib-python"
    assert back.why == ("opencv-python takes its files along when it goes",)


def test_what_a_package_without_facts_requires_gives_way_and_is_said():
    there = environment(
        CUDA_12 | {"torch": "2.8.0", "onnxruntime-gpu": "1.31.1", "custom-nodes": "3.0"},
        requires={"custom-nodes": ("torch==2.8.0", "onnxruntime-gpu==1.31.1")},
    )
    found = mended(there)
    assert steps(found) == ["+ onnxruntime-gpu 1.31.1>1.26.0"]
    assert found.strained == (
        "custom-nodes 3.0 requires onnxruntime-gpu==1.31.1; it gets onnxruntime-gpu 1.26.0",
    )


@pytest.mark.parametrize("driver", ["525.60.13", "580.95.05"])
def test_the_driver_counts(driver):
    there = environment({"torch": "2.15.0", "onnxruntime-gpu": "1.31.1"})
    machine = replace(MACHINE, driver=Known(DriverVersion.parse(driver), "a test"))
    said = steps(mended(there, machine=machine))
    changed = any(line.startswith("+ torch 2.15.0>") for line in said)
    assert changed == (driver == "525.60.13")


def test_constraints_name_the_gpu_stack_and_keep_the_cpu_build_out():
    there = environment(CUDA_12 | {"torch": "2.8.0", "onnxruntime-gpu": "1.31.1"})
    found = mended(there)
    lines = list(constraint_lines(there, found, gpu=True))
    assert "torch==2.8.0" in lines
    assert "onnxruntime-gpu==1.26.0" in lines
    assert lines[-1] == "onnxruntime<0"
    assert not any(line.startswith("sympy") for line in lines)


def test_people_and_programs_are_told_the_same():
    there = environment(CUDA_12 | {"torch": "2.8.0", "onnxruntime-gpu": "1.31.1"})
    found = mended(there)
    text = "\n".join(repair_lines(found))
    document = repair_document(found)
    assert "replace  onnxruntime-gpu 1.31.1 -> 1.26.0" in text
    assert {"action", "name", "from", "to", "bytes", "because"} == set(document["plan"][0])
    assert document["bytes"] == found.download_bytes > 0


def test_what_pip_left_under_a_name_of_its_own_goes():
    there = replace(environment(CUDA_12 | {"torch": "2.8.0"}), abandoned=("~orch",))
    found = mended(there)
    assert (steps(found), found.leftovers, found.changes) == ([], ("~orch",), True)
    assert "  remove   the folder ~orch, which no package owns" in repair_lines(found)


def test_a_package_that_has_lost_its_record_is_written_again():
    there = environment(CUDA_12 | {"torch": "2.8.0", "onnxruntime-gpu": "1.22.0"})
    lost = tuple(
        replace(each, recorded=each.name != "nvidia-cublas-cu12" and each.name != "mpmath")
        for each in there.distributions
    )
    found = mended(replace(there, distributions=lost))
    assert [step.split(" ")[1] for step in steps(found)] == ["nvidia-cublas-cu12"]
    assert steps(mended(replace(there, distributions=lost, kind="system"))) == []


def test_an_onnxruntime_that_comes_in_anew_is_of_the_cuda_that_is_there():
    cuda = {name: version for name, version in CUDA_12.items() if name.startswith("nvidia-cu")}
    there = environment({**cuda, "nvidia-nvjitlink-cu12": "12.8.93", "onnxruntime": "1.26.0"})
    found = mended(there)
    put = {step.pin.name: step.pin.version for step in found.steps if isinstance(step, Put)}
    assert put == {"onnxruntime-gpu": "1.26.0"}
    assert [step.name for step in found.steps if isinstance(step, TakenOut)] == ["onnxruntime"]
