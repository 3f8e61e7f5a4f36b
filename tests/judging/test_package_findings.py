"""Packages: who shares a folder, what was gutted or overwritten, CPU builds, pairs, foreign tags, what is not met."""

from __future__ import annotations

import itertools
import os
import shutil

import binaries
import pytest
from patients import codes, finding, look, machine

BOTH = ("onnxruntime", "onnxruntime-gpu")
OPENCV = {"cv2/__init__.py": "", "cv2/cv2.abi3.so": "x"}


@pytest.mark.parametrize("order", list(itertools.permutations(BOTH)))
def test_both_packages_of_onnxruntime_are_the_cause_in_either_order(site, order):
    site.cuda12().torch()
    for name in order:
        site.onnxruntime(name)
    report = look(site)
    first = report.findings[0]
    assert (first.code, first.about) == ("both_ort_packages", BOTH)
    on_top = order[-1]
    assert any(f"holds the files of {on_top} 1.22.0" in line for line in first.because)
    assert "uninstall" in first.fix
    assert first.fix.endswith("onnxruntime-gpu==1.22.0")
    assert {one.follows for one in report.findings[1:]} == {"both_ort_packages"}


@pytest.mark.parametrize("order", list(itertools.permutations(BOTH)))
@pytest.mark.parametrize("gone", BOTH)
def test_whichever_of_both_is_removed_the_other_is_found_gutted(site, order, gone):
    site.cuda12().torch()
    for name in order:
        site.onnxruntime(name)
    site.remove(gone)
    (left,) = set(BOTH) - {gone}
    first = look(site).findings[0]
    assert (first.code, first.about) == ("both_ort_packages", (left,))
    assert "has lost 3 of its files" in first.text
    if left == "onnxruntime":  # what is put back would be the CPU build again
        assert first.fix == f"stackfix fix --venv {site.root}"
    else:
        assert first.fix.endswith("--reinstall --no-deps onnxruntime-gpu==1.22.0")


@pytest.mark.parametrize("lost", ["__init__.py", "capi/onnxruntime_pybind11_state.so", "capi/tools.py"])
@pytest.mark.parametrize("name", BOTH)
def test_a_single_lost_file_is_no_other_packages_doing(site, name, lost):
    modules = {f"onnxruntime/capi/{each}.py": each for each in ("tools", "session", "training")}
    modules |= {
        "onnxruntime/__init__.py": "",
        "onnxruntime/capi/onnxruntime_pybind11_state.so": binaries.elf(),
    }
    site.cuda12().torch().install(name, "1.22.0", modules)
    (site.packages / "onnxruntime" / lost).unlink()
    found = finding(look(site), "gutted_package")
    assert found.text == f"{name} 1.22.0 has lost 1 of its files"
    assert "another package" not in found.consequence
    assert "both_ort_packages" not in codes(look(site))


def test_a_folder_of_onnxruntime_that_nobody_owns_is_told(site):
    folder = site.packages / "onnxruntime"
    folder.mkdir()
    (folder / "left.py").write_text("")
    first = finding(look(site), "both_ort_packages")
    assert "`onnxruntime` is left over: no installed package owns it" in first.text


def test_cached_bytecode_alone_is_no_leftover_folder(site):
    site.install("ctranslate2", "4.6.0")
    (site.packages / "onnxruntime" / "__pycache__").mkdir(parents=True)
    assert codes(look(site)) == []


def test_a_package_whose_library_has_another_size_holds_what_is_not_its_own(site):
    site.healthy()
    library = site.packages / "nvidia/cublas/lib/libcublas.so.12"
    library.write_bytes(library.read_bytes() + b"more")
    found = finding(look(site), "gutted_package")
    assert found.about == ("nvidia-cublas-cu12",)
    assert "libcublas.so.12 has another size than RECORD says" in found.because[0]
    assert "nvidia-cublas-cu12==12.8.4.1" in found.fix


def test_a_library_of_the_right_size_that_is_no_library_is_told(site):
    site.healthy()
    library = site.packages / "nvidia/curand/lib/libcurand.so.10"
    library.write_bytes(bytes(library.stat().st_size))
    found = finding(look(site), "gutted_package")
    assert found.text == "nvidia-curand-cu12 10.3.9.90 holds libraries that cannot be read"
    assert "a full disk" in found.consequence


def test_tests_that_were_deleted_to_save_space_are_not_missed(site):
    site.install("ctranslate2", "4.6.0")
    site.install("thing", "1.0", {"thing/__init__.py": "", "thing/tests/test_thing.py": ""})
    (site.packages / "thing/tests/test_thing.py").unlink()
    assert codes(look(site)) == []
    (site.packages / "thing/__init__.py").unlink()
    assert codes(look(site)) == ["gutted_package"]


def test_cudnn_for_two_cuda_majors_in_one_folder_is_one_cuda_too_many(site):
    site.healthy().nvidia(nvidia_cudnn_cu13="9.26.0.51")
    found = finding(look(site), "cuda_major_mismatch")
    assert {"nvidia-cudnn-cu12", "nvidia-cudnn-cu13"} <= set(found.about)
    assert found.fix.startswith("stackfix fix --venv ")


def test_two_packages_of_opencv_fill_one_folder_and_the_one_without_a_desktop_stays(site):
    site.install("opencv-python", "4.11.0.86", OPENCV).install("opencv-python-headless", "4.11.0.86", OPENCV)
    first = look(site).findings[0]
    assert first.code == "opencv_conflict"
    assert first.fix.endswith("opencv-python-headless==4.11.0.86")


def test_an_import_folder_that_is_shared_by_design_is_no_collision(site):
    site.healthy()  # nvidia/ is filled by a dozen packages
    assert codes(look(site)) == []


def test_the_cpu_runtime_is_an_error_where_there_is_a_gpu(site):
    first = look(site.onnxruntime("onnxruntime")).findings[0]
    assert (first.code, first.severity) == ("ort_cpu_only", "error")


def test_the_cpu_runtime_is_right_where_there_is_no_gpu(site):
    assert codes(look(site.onnxruntime("onnxruntime"), on=machine(gpus=("none",)))) == []


def test_the_cpu_runtime_beside_a_cuda_torch_is_worth_a_warning_even_without_a_gpu(site):
    report = look(site.cuda12().torch().onnxruntime("onnxruntime"), on=machine(gpus=("none",)))
    found = finding(report, "ort_cpu_only")
    assert (found.severity, report.ok) == ("warning", True)


def test_torch_without_cuda_is_an_error_where_there_is_a_gpu(site):
    first = look(site.torch(build="+cpu", cuda="")).findings[0]
    assert (first.code, first.text) == ("torch_cpu_build", "torch 2.8.0+cpu is the CPU build")


def test_torch_without_cuda_is_right_where_there_is_no_gpu(site):
    assert "torch_cpu_build" not in codes(look(site.torch(build="+cpu", cuda=""), on=machine(gpus=("none",))))


@pytest.mark.parametrize(
    ("build", "severity"), [("+cu126", "warning"), ("+cu118", "error"), ("+cpu", "error")]
)
def test_a_torchvision_of_another_build_than_torch_is_told(site, build, severity):
    site.cuda12().torch().torchvision(build=build)
    found = finding(look(site), "torch_torchvision_mismatch")
    assert found.text == f"torchvision 0.23.0{build} is another build than torch 2.8.0+cu128"
    assert found.severity == severity


def test_a_torchaudio_asks_torch_for_the_minor_too(site):
    files = {"torchaudio/__init__.py": "", "torchaudio/version.py": "__version__ = '2.8.0+cu126'\n"}
    site.cuda12().torch().install("torchaudio", "2.8.0+cu126", files, ("torch==2.8.0",))
    found = finding(look(site), "torch_torchvision_mismatch")
    assert (found.severity, found.rule) == ("error", "pairs")
    assert "RuntimeError" in found.consequence


def test_a_torchvision_that_was_not_built_for_this_torch_is_told(site):
    site.cuda12().torch().torchvision(version="0.22.0", build="+cu126", requires=("torch==2.7.0",))
    found = finding(look(site), "torch_torchvision_mismatch")
    assert found.text == "torchvision 0.22.0 requires torch==2.7.0, and torch 2.8.0 is installed"
    assert found.severity == "error"


def test_a_pair_that_only_the_rows_tell_apart_is_told(site):
    """Both torchvision 0.29.1 and 0.29.2 say `torch>=2.14.0`; each was built with one torch."""
    site.torch("2.15.0").torchvision(version="0.29.1", build="+cu132", requires=("torch>=2.14.0",))
    found = finding(look(site), "torch_torchvision_mismatch")
    assert found.rule == "pairs"
    assert "torchvision 0.29.1" in found.text


@pytest.mark.parametrize(
    "tag", ["cp310-cp310-manylinux_2_28_x86_64", "cp312-cp312-win_amd64", "cp312-cp312-manylinux_2_39_x86_64"]
)
def test_a_package_for_another_python_system_or_glibc_is_told(site, tag):
    found = finding(look(site.install("thing", "1.0", tag=tag)), "missing_wheel")
    assert tag in found.because[0]
    assert "Python 3.12.4 on linux_x86_64 with glibc 2.35" in found.because[1]


@pytest.mark.parametrize(
    "tag",
    ["py3-none-any", "cp39-abi3-manylinux_2_17_x86_64", "cp312-cp312-manylinux_2_28_x86_64", "nonsense"],
)
def test_a_package_that_fits_or_whose_tag_says_nothing_is_not_told(site, tag):
    site.install("ctranslate2", "4.6.0")
    assert codes(look(site.install("thing", "1.0", tag=tag))) == []


def test_what_is_required_and_absent_is_one_finding_a_package(site):
    site.install("ctranslate2", "4.6.0")
    site.install("thing", "1.0", requires=("absent>=2", "gone", "elsewhere; sys_platform == 'win32'"))
    (found,) = look(site).findings
    assert (found.code, found.severity) == ("requirement_unmet", "error")
    assert found.text == "thing 1.0 requires absent>=2, gone, which are not installed"
    assert found.about == ("thing", "absent", "gone")


def test_a_version_that_does_not_fit_is_a_warning_with_both_versions(site):
    site.install("ctranslate2", "4.6.0")
    site.install("thing", "1.0", requires=("other>=2",)).install("other", "1.5")
    (found,) = look(site).findings
    assert (found.severity, found.text) == (
        "warning",
        "thing 1.0 requires other>=2, and other 1.5 is installed",
    )


def test_an_extra_is_only_required_where_a_package_asks_for_it(site):
    site.install("ctranslate2", "4.6.0")
    site.install("other", "1.0", requires=("absent; extra == 'gpu'",))
    assert codes(look(site)) == []
    site.install("thing", "1.0", requires=("other[gpu]",))
    (found,) = look(site).findings
    assert found.about == ("other", "absent")


@pytest.mark.parametrize(
    ("asked", "there", "code"),
    [("protobuf<4", "5.29.0", "python_protobuf"), ("ml-dtypes>=0.5", "0.4.1", "python_ml_dtypes")],
)
def test_python_packages_with_a_code_of_their_own_have_it(site, asked, there, code):
    site.install("ctranslate2", "4.6.0")
    name = asked.partition("<")[0].partition(">")[0]
    assert codes(look(site.install("thing", "1.0", requires=(asked,)).install(name, there))) == [code]


def test_numpy_2_under_packages_that_were_built_for_numpy_1_is_an_error(site):
    site.cuda12().torch("2.1.2", cuda="12.1").install("numpy", "2.1.0")
    found = finding(look(site), "numpy2_abi")
    assert found.severity == "error"
    assert "built for numpy 1; this is numpy 2.1.0" in found.text
    assert "numpy==1." in found.fix


def test_a_package_that_is_on_record_twice_is_told_with_the_record_that_fits(site):
    site.install("ctranslate2", "4.6.0")
    site.install("thing", "1.0").install("thing", "2.0")
    report = look(site)
    found = finding(report, "duplicate_metadata")
    assert (found.severity, found.about) == ("error", ("thing",))
    assert "2.0" in found.text
    assert "remove thing-1.0.dist-info" in found.fix
    assert codes(report) == ["duplicate_metadata"]


def test_an_old_record_beside_the_new_files_does_not_speak_for_the_package(site):
    old = {"thing/__init__.py": "old", "thing/gone.py": ""}
    site.install("thing", "9.0", old).install("thing", "1.0", {"thing/__init__.py": "new"})
    (site.packages / "thing/gone.py").unlink()
    found = finding(look(site), "duplicate_metadata")
    assert "remove thing-9.0.dist-info" in found.fix


def test_a_build_file_that_the_other_left_does_not_say_which_build_lies_on_top(site):
    site.cuda12().torch().onnxruntime("onnxruntime-gpu")
    library = "onnxruntime/capi/onnxruntime_pybind11_state.so"
    assert (site.packages / library).is_file()
    older = {"onnxruntime/__init__.py": "", library: b"\x7fELF of the CPU build"}
    site.install("onnxruntime", "1.20.1", older, (), "cp312-cp312-manylinux_2_28_x86_64")
    first = look(site).findings[0]
    assert any(
        "holds the files of onnxruntime 1.20.1 [read: the sizes of its libraries]" in line
        for line in first.because
    )
    assert "the CPU build has overwritten the GPU build" in first.consequence


def test_the_empty_marker_of_nvidias_folder_is_not_missed(site):
    site.healthy()
    for name in ("nvidia-cublas-cu12", "nvidia-curand-cu12"):
        (record,) = site.packages.glob(f"{name.replace('-', '_')}-*.dist-info/RECORD")
        record.write_text(
            record.read_text() + "nvidia/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n"
        )
    assert codes(look(site)) == codes(look(site.install("thing", "1.0", {"thing/__init__.py": ""})))
    assert "gutted_package" not in codes(look(site))


@pytest.mark.parametrize(
    ("requirement", "library", "severity"),
    [
        ("numpy>=2.0.2", True, "error"),
        ("numpy<2.8,>=2", True, "error"),
        ("numpy>=2.0.2", False, "warning"),
        ("numpy<1.26", True, "warning"),
    ],
)
def test_numpy_1_under_extension_modules_that_ask_for_numpy_2_is_an_error(
    site, requirement, library, severity
):
    name = f"frames/_lib.{'so' if library else 'py'}"
    site.healthy().install("numpy", "1.26.4", {"numpy/__init__.py": "#"})
    site.install("frames", "3.1", {"frames/__init__.py": "#", name: binaries.elf()}, (requirement,))
    first = look(site).findings[0]
    assert (first.severity, first.about) == (severity, ("frames", "numpy"))
    assert first.code == ("numpy2_abi" if severity == "error" else "requirement_unmet")


@pytest.mark.parametrize(
    ("needed", "consequence"),
    [
        (("libtorch_cuda.so",), "its compiled operators were built for another torch"),
        ((), "it was not made for that version"),
    ],
)
def test_a_package_for_another_torch_is_mended_with_the_whole_stack(site, needed, consequence):
    files = {"formers/__init__.py": "#", "formers/_C.so": binaries.elf(needed=needed)}
    first = look(site.healthy().install("formers", "1", files, ("torch==2.7.1",))).findings[0]
    assert (first.code, first.fix) == ("requirement_unmet", f"stackfix fix --venv {site.root}")
    assert first.consequence.startswith(consequence)


def test_a_cudnn_older_than_torch_was_compiled_with_is_an_error_and_a_newer_one_is_not(site):
    site.cuda12("nvidia-cudnn-cu12").torch(requires=("nvidia-cudnn-cu12==9.10.2.21",)).onnxruntime()
    site.nvidia(nvidia_cudnn_cu12="9.1.0.70")
    first = finding(look(site), "requirement_unmet")
    assert first.severity == "error"
    assert "torch refuses a cuDNN older than the one it was compiled with" in first.consequence
    site.remove("nvidia-cudnn-cu12").nvidia(nvidia_cudnn_cu12="9.11.0.98")
    assert finding(look(site), "requirement_unmet").severity == "warning"


def test_a_module_that_a_full_disk_emptied_is_lost(site):
    site.healthy()
    (site.packages / "onnxruntime" / "__init__.py").write_bytes(b"")
    first = look(site).findings[0]
    assert (first.code, first.severity, first.about) == ("gutted_package", "error", ("onnxruntime-gpu",))
    assert first.because == ("onnxruntime/__init__.py has 0 bytes, where RECORD says 23",)
    assert first.text == "onnxruntime-gpu 1.22.0 has an empty file that RECORD lists as a whole one"
    assert "package's" not in first.consequence


def test_an_emptied_file_that_uvs_cache_shares_is_not_taken_from_there_again(site, tmp_path):
    site.healthy()
    module = site.packages / "onnxruntime" / "__init__.py"
    os.link(module, tmp_path / "in-the-cache.py")
    module.write_bytes(b"")
    first = look(site).findings[0]
    assert first.because[1] == (
        "onnxruntime/__init__.py is shared on the disk (hard links, as uv makes them from its cache), "
        "and damaged there too"
    )
    assert first.fix.endswith("--reinstall --no-cache --no-deps onnxruntime-gpu==1.22.0")
    site.install("pip", "26.3")
    assert (
        look(site)
        .findings[0]
        .fix.endswith("-m pip install --force-reinstall --no-deps onnxruntime-gpu==1.22.0")
    )


def test_another_packages_own_file_is_no_damage_however_many_names_it_has(site, tmp_path):
    site.cuda12().onnxruntime("onnxruntime-gpu").onnxruntime("onnxruntime")
    os.link(site.packages / "onnxruntime/capi/onnxruntime_pybind11_state.so", tmp_path / "in-the-cache.so")
    overwritten = [one for one in look(site).findings if "not its own" in one.text]
    assert [one.about for one in overwritten] == [("onnxruntime-gpu",)]
    assert "hard links" not in " ".join(overwritten[0].because)
    assert "--no-cache" not in overwritten[0].fix


def test_an_emptied_library_that_uvs_cache_shares_is_not_taken_from_there_again(site, tmp_path):
    site.healthy()
    (library,) = site.packages.glob("nvidia/cublas/lib/libcublas.so.12")
    os.link(library, tmp_path / "in-the-cache.so")
    library.write_bytes(b"")
    assert {one.fix.partition(" --")[2].partition(" ")[2] for one in look(site).findings} == {
        f"{site.root / 'bin' / 'python'} --reinstall --no-cache --no-deps nvidia-cublas-cu12==12.8.4.1"
    }


def test_a_library_that_its_package_lost_comes_back_by_installing_that_again(site):
    site.healthy()
    (lost,) = site.packages.glob("nvidia/cublas/lib/libcublas.so.12")
    lost.unlink()
    first, second, third = look(site).findings
    assert [(one.code, one.about[0], one.follows) for one in (first, second, third)] == [
        ("gutted_package", "nvidia-cublas-cu12", ""),
        ("cuda_runtime_missing", "onnxruntime-gpu", "gutted_package"),
        ("cuda_runtime_missing", "torch", "gutted_package"),
    ]
    assert "DWPose then runs on the CPU" in second.consequence
    assert first.fix == second.fix == third.fix
    assert second.fix.endswith("reinstall --no-deps nvidia-cublas-cu12==12.8.4.1")


def test_a_package_without_its_record_is_installed_again_where_a_library_is_gone(site):
    site.healthy()
    (record,) = site.packages.glob("nvidia_cublas_cu12-*.dist-info/RECORD")
    record.unlink()
    assert {one.severity for one in look(site).findings} == {"warning"}
    (site.packages / "nvidia/cublas/lib/libcublas.so.12").unlink()
    first = look(site).findings[0]
    assert first.code == "cuda_runtime_missing"
    assert first.fix.endswith("reinstall --no-deps nvidia-cublas-cu12==12.8.4.1")


def test_a_folder_of_nvidias_that_was_removed_is_one_cause(site):
    site.healthy()
    shutil.rmtree(site.packages / "nvidia")
    first, *rest = look(site).findings
    assert first.code == "gutted_package"
    assert first.text.endswith("and 10 more have lost all their libraries")
    assert {one.follows for one in rest} == {"gutted_package"}


def test_a_requirement_that_another_build_serves_is_only_a_warning(site):
    site.healthy().install("faces", "2.1", {"faces/__init__.py": "#"}, ("onnxruntime>=1.20", "opencv-python"))
    site.install("opencv-contrib-python", "4.12.0.88", {"cv2/__init__.py": "#"})
    report = look(site)
    said = [one.text for one in report.findings if one.code == "requirement_unmet"]
    assert said == [
        "faces 2.1 requires onnxruntime, whose place onnxruntime-gpu takes here",
        "faces 2.1 requires opencv-python, whose place opencv-contrib-python takes here",
    ]
    assert report.ok


def test_a_part_that_a_package_without_facts_lacks_does_no_harm_unless_it_is_used(site):
    part = "thing/pool.cpython-312-x86_64-linux-gnu.so"
    site.healthy().install(
        "thing", "1.0", {"thing/__init__.py": "#", part: binaries.elf(needed=("libtbb.so.12",))}
    )
    found = finding(look(site), "library_missing")
    assert found.severity == "warning"
    assert found.consequence == "a part of thing does not load; if nothing uses that part, it does no harm"
    assert found.fix == "install what brings libtbb.so.12, if that part is used"


@pytest.mark.parametrize(("wanted", "ours"), [("sympy", True), ("absent", False)])
def test_what_is_required_and_known_is_mended_with_everything_else(site, wanted, ours):
    report = look(site.cuda12().torch(requires=(wanted,)))
    assert finding(report, "requirement_unmet").severity == "error"
    assert report.mend == (f"stackfix fix --venv {site.root}" if ours else "")


def test_an_onnxruntime_without_facts_serves_who_requires_the_plain_one(site):
    site.install("onnxruntime-openvino", "1.24.1", {"onnxruntime/__init__.py": "#"})
    found = finding(look(site.install("faces", "2.1", requires=("onnxruntime>=1.20",))), "requirement_unmet")
    assert found.severity == "warning"
    assert "whose place onnxruntime-openvino takes here" in found.text


def test_what_a_torch_without_facts_has_lost_comes_back_as_it_was(site):
    site.cuda12().torch()
    (info,) = site.packages.glob("torch-2.8.0.dist-info")
    (info / "METADATA").write_text("Name: torch\nVersion: 2.99.0.dev1\n")
    info.rename(info.with_name("torch-2.99.0.dev1.dist-info"))
    (site.packages / "nvidia/nccl/lib/libnccl.so.2").unlink()
    found = finding(look(site), "cuda_runtime_missing")
    assert found.fix.endswith("--reinstall --no-deps nvidia-nccl-cu12==2.27.3")


def test_where_a_library_was_cut_short_nothing_is_said_of_what_all_need(site):
    site.healthy()
    assert any("libraries that a process loads find all they need" in line for line in look(site).good)
    library = next(site.packages.glob("**/libcufft.so.11"))
    library.write_bytes(library.read_bytes()[:70])
    report = look(site)
    inner = library.relative_to(site.packages)
    found = finding(report, "gutted_package")
    assert found.text == "nvidia-cufft-cu12 11.3.3.83 holds libraries that cannot be read"
    assert found.because[0].startswith(f"{inner}: byte ")
    assert not any("find all they need" in line for line in report.good)
    assert "whether all that is needed is there, for not all could be read: libcufft.so.11" in report.unknown


def test_an_ml_dtypes_older_than_onnx_asks_for_ends_its_import(site):
    """onnx 1.19.1 and 1.20.0 under ml_dtypes 0.4.1: module 'ml_dtypes' has no attribute 'float4_e2m1fn'."""
    site.install("onnx", "1.19.1", requires=("ml_dtypes>=0.5.0",)).install("ml-dtypes", "0.4.1")
    first = look(site).findings[0]
    assert (first.code, first.severity) == ("python_ml_dtypes", "error")
    assert "`import onnx` fails" in first.consequence


def test_an_ml_dtypes_newer_than_asked_for_is_a_warning(site):
    site.install("tensorflow", "2.16.1", requires=("ml-dtypes~=0.3.1",)).install("ml-dtypes", "0.5.1")
    assert finding(look(site), "python_ml_dtypes").severity == "warning"


def test_another_triton_concerns_what_is_compiled_with_it_alone(site):
    site.cuda12().torch(requires=("triton==3.4.0",)).install("triton", "3.1.0")
    found = finding(look(site), "requirement_unmet")
    assert found.severity == "warning"
    assert found.consequence.startswith("`torch.compile`")


def test_a_runtime_for_another_cuda_than_the_libraries_is_told_as_that_first(site):
    report = look(site.cuda12().onnxruntime(version="1.18.1"))
    first = report.findings[0]
    assert (first.code, first.rule) == ("cuda_major_mismatch", "shipped together")
    assert "of CUDA 12, and onnxruntime-gpu 1.18.1 is built for CUDA 11" in first.text
    assert finding(report, "cuda_major_mismatch").follows == ""


def test_a_build_of_onnxruntime_for_no_cuda_is_named_and_not_judged(site):
    said = "package_name = 'onnxruntime-directml'\n__version__ = '1.22.0'\n"
    files = {"onnxruntime/__init__.py": "", "onnxruntime/capi/build_and_package_info.py": said}
    unknown = look(site.install("onnxruntime-directml", "1.22.0", files)).unknown
    assert any("onnxruntime is here as onnxruntime-directml 1.22.0" in line for line in unknown)
    assert not any("neither torch nor" in line for line in unknown)
