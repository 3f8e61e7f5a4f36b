"""Wheels: what each kind of wheel tells of itself."""

import pytest
from binaries import container, elf, entry, wheel

from stackfix.errors import MeasureError
from stackfix.measure.archive import Archive
from stackfix.measure.reader import BytesReader
from stackfix.measure.wheel import measure, metadata

CAPI = "onnxruntime/capi/"
MODULE = CAPI + "onnxruntime_pybind11_state.cpython-312-x86_64-linux-gnu.so"


def opened(members, **named):
    return Archive(BytesReader("w.whl", wheel(members, **named)))


def whole(archive):
    return measure(archive, archive)


def onnxruntime(
    *, string_padding=0, needed=("libcublasLt.so.12", "libc.so.6"), rodata=b"", code=b"", info=None
):
    members = {
        "onnxruntime/__init__.py": b"",
        MODULE: elf(
            soname=MODULE.rpartition("/")[2], needed=["libc.so.6"], sections={".rodata": b"\0numpy._core\0"}
        ),
        CAPI + "libonnxruntime_providers_shared.so": elf(soname="libonnxruntime_providers_shared.so"),
        CAPI + "libonnxruntime_providers_cuda.so": elf(
            soname="libonnxruntime_providers_cuda.so",
            needed=[*needed, "libonnxruntime_providers_shared.so"],
            string_padding=string_padding,
            sections={".rodata": rodata, ".nv_fatbin": code},
        ),
        CAPI + "libonnxruntime_providers_tensorrt.so": elf(
            soname="libonnxruntime_providers_tensorrt.so", needed=["libnvinfer.so.10"]
        ),
    }
    if info:
        members[CAPI + "build_and_package_info.py"] = info
    return opened(members)


def test_metadata_gives_requirements_and_python_but_not_the_description():
    archive = opened({}, requires=["numpy>=1.21.6", "torch  (==2.0.1)"], requires_python=">=3.10")
    assert metadata(archive) == (("numpy>=1.21.6", "torch (==2.0.1)"), ">=3.10")


def test_a_wheel_without_metadata_is_refused():
    out = opened({"other-1.dist-info/METADATA": b"Name: other\n"})
    with pytest.raises(MeasureError, match=r"w\.whl: 2 METADATA files instead of one"):
        metadata(out)


def test_onnxruntime_tells_by_feature_what_it_needs_beyond_its_own_libraries():
    found = whole(onnxruntime())
    assert found.needs == {
        "": ("libc.so.6",),
        "cuda": ("libc.so.6", "libcublasLt.so.12"),
        "tensorrt": ("libnvinfer.so.10",),
    }
    assert (found.cuda_major, found.numpy_abi, found.owns) == (12, (1, 2), ("onnxruntime",))


def test_onnxruntime_tells_which_libraries_it_opens_by_name():
    rodata = b"\0libcudnn.so.9\0libcublasLt.so.12\0libnothing.so.1\0"
    assert whole(onnxruntime(rodata=rodata)).opens == {"cuda": ("libcudnn.so.9",)}


def test_the_build_information_says_which_cuda_before_the_ptx_does():
    code = container(entry(2, 90), entry(1, 90, isa=(8, 2)))
    assert whole(onnxruntime(code=code)).cuda == "12.2"
    found = whole(onnxruntime(code=code, info=b"package_name = 'x'\ncuda_version = '12.8.1'\n"))
    assert (found.cuda, found.how["cuda"]) == ("12.8", "build_and_package_info.py")
    assert found.code == ((("90",), {"90": "12.2"}, 1),)


def test_ptx_of_an_isa_that_two_toolkits_write_names_no_cuda_minor():
    found = whole(onnxruntime(code=container(entry(1, 90, isa=(8, 5)))))
    assert (found.cuda, found.cuda_major) == ("", 12)


def test_ptx_of_an_isa_that_nobody_knows_has_an_unknown_toolkit():
    found = whole(onnxruntime(code=container(entry(1, 90, isa=(99, 1)))))
    assert found.code == (((), {"90": ""}, 1),)
    assert found.cuda == ""


def test_libraries_of_two_cuda_majors_name_no_major():
    assert whole(onnxruntime(needed=("libcublas.so.12", "libcudart.so.13"))).cuda_major == 0


def test_the_heads_of_onnxruntime_tell_its_needs_and_leave_its_code_unknown():
    found = measure(onnxruntime(code=container(entry(2, 90))))
    assert found.needs == {
        "cuda": ("libc.so.6", "libcublasLt.so.12"),
        "tensorrt": ("libnvinfer.so.10",),
    }
    assert (found.cuda_major, found.code, found.opens, found.numpy_abi) == (12, (), {}, ())


def test_an_onnxruntime_provider_whose_names_are_far_behind_is_named_as_unread():
    found = measure(onnxruntime(string_padding=1_200_000))
    assert found.how["not read"] == "libonnxruntime_providers_cuda.so"
    assert ("cuda" in found.needs, found.cuda_major) == (False, 0)


def torch_wheel(**more):
    return {
        "torch/__init__.py": b"",
        "torch/version.py": b"__version__ = '2.9.0'\ncuda: Optional[str] = '12.8'\n",
        "torch/lib/libtorch_global_deps.so": elf(needed=["libcudart.so.12", "libgomp.so.1"]),
        "torch/lib/libgomp.so.1": elf(soname="libgomp.so.1"),
        "torch/lib/libtorch_python.so": elf(
            needed=["libtorch_cuda.so"],
            sections={".rodata": b"\0numpy.core\0list \0sm_75 sm_80 sm_90a compute_90\0"},
        ),
        "torch/lib/libtorch_cuda.so": elf(needed=["libcudnn.so.9", "libnccl.so.2"]),
        "torch/lib/libtorch_cuda_linalg.so": elf(needed=["libcusolver.so.11", "libtorch_cuda.so"]),
        **more,
    }


def test_torch_needs_what_its_import_loads_through_all_of_its_libraries():
    archive = opened(torch_wheel())
    found = measure(archive, archive)
    assert found.needs[""] == ("libcudart.so.12", "libcudnn.so.9", "libnccl.so.2")
    assert found.needs["linalg"] == ("libcusolver.so.11",)
    assert (found.cuda, found.cuda_major, found.numpy_abi) == ("12.8", 12, (1,))


def test_torch_tells_its_architecture_list():
    found = measure(opened(torch_wheel()))
    assert found.code == ((("75", "80", "90a"), {"90": "12.8"}, 1),)


def test_torch_without_cuda_names_none():
    found = measure(opened(torch_wheel(**{"torch/version.py": b"cuda: Optional[str] = None\n"})))
    assert (found.cuda, found.cuda_major) == ("", 0)


def test_a_toolkit_part_provides_its_libraries_but_not_its_stubs():
    lib = "nvidia/cu13/lib/"
    archive = opened(
        {
            lib + "libcublas.so.13": elf(soname="libcublas.so.13", needed=["libcublasLt.so.13", "libc.so.6"]),
            lib + "libcublasLt.so.13": elf(soname="libcublasLt.so.13", needed=["libc.so.6"]),
            lib + "stubs/libcuda.so.1": elf(soname="libcuda.so.1"),
            "nvidia/__init__.py": b"",
        }
    )
    found = measure(archive)
    assert found.provides == {name: lib + name for name in ("libcublas.so.13", "libcublasLt.so.13")}
    assert (found.needs, found.cuda_major, found.owns) == ({"": ("libc.so.6",)}, 13, ())


def test_the_soname_is_what_is_provided_where_the_file_has_another_name():
    path = "nvidia/cudnn/lib/libcudnn_ops.so.9"
    data = elf(soname="libops.so.9", needed=["libcudart.so.12"])
    archive = opened({path: data})
    found = measure(archive, archive)
    assert (found.provides, found.cuda_major) == ({"libops.so.9": path}, 12)


def test_a_library_that_was_not_read_is_named_as_unread():
    far = elf(soname="libfar.so.1", needed=["libcudart.so.12"], string_padding=1_200_000)
    archive = opened({"nvidia/far/lib/libfar.so.1": far})
    assert measure(archive).how["not read"] == "libfar.so.1"
    found = measure(archive, archive)
    assert "not read" not in found.how
    assert found.needs[""] == ("libcudart.so.12",)


@pytest.mark.parametrize(
    ("text", "abi"), [(b"numpy.core.multiarray", (1,)), (b"numpy._core numpy.core", (1, 2)), (b"none", ())]
)
def test_opencv_tells_the_numpy_it_was_built_for(text, abi):
    found = measure(opened({"cv2/__init__.py": b"", "cv2/cv2.abi3.so": text}))
    assert (found.numpy_abi, found.owns) == (abi, ("cv2",))


def test_a_pure_wheel_tells_its_folders_and_nothing_it_has_not():
    found = measure(opened({"sympy/__init__.py": b"", "isympy.py": b""}, requires=["mpmath"]))
    assert (found.owns, found.requires_dist, found.needs, found.how) == (("sympy",), ("mpmath",), {}, {})
