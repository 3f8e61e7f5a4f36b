"""To which of two files of one name the loader comes."""

from __future__ import annotations

import pytest

from stackfix.model.environment import Distribution, Environment, SharedLibrary
from stackfix.rules.reach import doubled, reached
from stackfix.versions import PythonVersion

OWN = "nvidia/cudnn/lib/libcudnn.so.9"
COPY = "nvidia/cublas/lib/libcudnn.so.9"
FIRST = ("$ORIGIN/../../nvidia/cublas/lib", "$ORIGIN/../../nvidia/cudnn/lib")


def library(path, *needed, run_path=(), rpath=()):
    return SharedLibrary(
        path=path,
        soname=path.rpartition("/")[2],
        needed=needed,
        run_path=rpath or run_path,
        run_path_first=bool(rpath),
    )


def environment(*libraries, strays=(COPY,), windows=False):
    folders = {one.path.partition("/")[0]: [] for one in libraries}
    for one in libraries:
        folders[one.path.partition("/")[0]].append(one)
    return Environment(
        path="/env",
        executable="/env/bin/python",
        python=PythonVersion.parse("3.12.1"),
        site_packages=("/env/lib",),
        distributions=tuple(
            Distribution(
                name=name,
                version="1",
                folder=f"{name}-1.dist-info",
                files={one.path: "" for one in owned},
                libraries=tuple(owned),
            )
            for name, owned in folders.items()
        ),
        strays=tuple(library(path) for path in strays),
        windows=windows,
    )


def shadowing(environment):
    return tuple(one for one in reached(environment) if one.own)


def by(environment):
    return {one.stray: one.by for one in reached(environment)}


@pytest.mark.parametrize("kind", ["run_path", "rpath"])
def test_the_first_folder_of_a_run_path_that_has_the_name_counts(kind):
    torch = "torch/lib/libtorch_cuda.so"
    wins = environment(library(torch, "libcudnn.so.9", **{kind: FIRST}), library(OWN))
    loses = environment(library(torch, "libcudnn.so.9", **{kind: FIRST[::-1]}), library(OWN))
    (only,) = shadowing(wins)
    assert (only.stray, only.by, only.own) == (COPY, torch, OWN)
    assert reached(loses) == ()


def test_an_rpath_is_handed_on_to_what_has_none_and_a_runpath_is_not():
    torch, middle = "torch/lib/libtorch.so", "torch/lib/libmiddle.so"
    needs = library(middle, "libcudnn.so.9")
    folders = (*FIRST, "$ORIGIN")
    assert by(environment(library(torch, "libmiddle.so", rpath=folders), needs, library(OWN))) == {
        COPY: middle
    }
    assert by(environment(library(torch, "libmiddle.so", run_path=folders), needs, library(OWN))) == {}


def test_an_rpath_is_not_handed_on_past_a_runpath():
    torch, middle = "torch/lib/libtorch.so", "torch/lib/libmiddle.so"
    needs = library(middle, "libcudnn.so.9", run_path=("$ORIGIN",))
    assert by(environment(library(torch, "libmiddle.so", rpath=(*FIRST, "$ORIGIN")), needs)) == {}


def test_what_is_built_for_torch_finds_loaded_what_torch_needs():
    torch = library("torch/lib/libtorch_cuda.so", "libcudnn.so.9", rpath=FIRST[::-1])
    extension = library(
        "xformers/_C.so", "libtorch.so", "libcudnn.so.9", run_path=("$ORIGIN/../nvidia/cublas/lib",)
    )
    alone = library("other/_C.so", "libcudnn.so.9", run_path=("$ORIGIN/../nvidia/cublas/lib",))
    assert by(environment(torch, extension, library(OWN))) == {}
    assert by(environment(torch, alone, library(OWN))) == {COPY: "other/_C.so"}


def test_what_torch_has_loaded_its_later_parts_do_not_look_for():
    first = library(
        "torch/lib/libtorch_cuda.so", "libcusparse.so.12", rpath=("$ORIGIN/../../nvidia/cusparse/lib",)
    )
    sparse = library(
        "nvidia/cusparse/lib/libcusparse.so.12", "libcudnn.so.9", run_path=("$ORIGIN/../../cudnn/lib",)
    )
    # by itself it comes to the copy first, as libcusolver.so.11 does to one of libnvJitLink.so.12 beside cuBLAS
    solver = library(
        "nvidia/cusolver/lib/libcusolver.so.11", "libcudnn.so.9", run_path=("$ORIGIN/../../cublas/lib",)
    )
    later = library(
        "torch/lib/libtorch_cuda_linalg.so", "libcusolver.so.11", rpath=("$ORIGIN/../../nvidia/cusolver/lib",)
    )
    assert by(environment(first, sparse, solver, later, library(OWN))) == {}
    assert by(environment(sparse, solver, later, library(OWN))) == {COPY: solver.path}


def test_a_copy_that_no_package_has_is_reached_and_in_nobodys_way():
    there = environment(library("torch/lib/libtorch_cuda.so", "libcudnn.so.9", rpath=FIRST))
    assert [one.own for one in reached(there)] == [""]
    assert shadowing(there) == ()


def test_the_parts_of_a_copied_cudnn_go_with_it():
    part, other = "nvidia/cublas/lib/libcudnn_ops.so.9", "torch/lib/libcudnn_ops.so.9"
    torch = library("torch/lib/libtorch_cuda.so", "libcudnn.so.9", rpath=FIRST)
    there = environment(
        torch, library(OWN), library(OWN.replace("cudnn.so", "cudnn_ops.so")), strays=(COPY, part, other)
    )
    assert [one.stray for one in shadowing(there)] == [COPY, part]
    assert by(there)[part] == COPY


def test_a_run_path_that_leads_in_a_circle_ends():
    one = library("torch/lib/liba.so", "libb.so", rpath=("$ORIGIN",))
    two = library("torch/lib/libb.so", "liba.so", rpath=("${ORIGIN}",))
    assert reached(environment(one, two)) == ()


@pytest.mark.parametrize(
    ("stray", "reader", "found"),
    [
        ("onnxruntime/capi/cudnn64_9.dll", "onnxruntime/capi/onnxruntime_providers_cuda.dll", True),
        ("onnxruntime/capi/cudnn64_9.dll", "other/onnxruntime_providers_cuda.dll", False),
        ("../../cudnn64_9.dll", "onnxruntime/capi/onnxruntime_providers_cuda.dll", True),
        ("torch/lib/cudnn64_9.dll", "other/something.dll", True),
    ],
)
def test_windows_looks_beside_the_library_and_beside_the_program(stray, reader, found):
    there = environment(library(reader, "CUDNN64_9.dll"), strays=(stray,), windows=True)
    assert bool(reached(there)) is found


def test_a_copy_of_what_a_package_has_or_will_have_is_one_too_many():
    there = environment(
        library(OWN), strays=("torch/lib/libcudnn.so.9", "torch/lib/libcublas.so.12", "libcufft.so.10")
    )
    assert doubled(there) == ("torch/lib/libcudnn.so.9",)
    assert doubled(there, {"libcublas.so.12"}) == ("torch/lib/libcudnn.so.9", "torch/lib/libcublas.so.12")
