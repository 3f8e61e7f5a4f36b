import json

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot
from msgspec.structs import replace

from stackfix.errors import DataError, QuestionError
from stackfix.model.evidence import Known
from stackfix.model.verdict import Check, Person, Verdict
from stackfix.render.verdict_text import verdict_lines
from stackfix.validate import journal, truth
from stackfix.validate.causes import Cause, cause_of, no_gpu_here
from stackfix.validate.inside import agreement, libraries, placement
from stackfix.validate.inside import journal as inside_journal
from stackfix.validate.inside.pipeline import People
from stackfix.validate.judge import judge
from stackfix.validate.weights import DETECTOR, POSE, from_folder, refuse_what_is_no_network, standins

NOTHING = Cause("nothing", "nothing was seen")
NO_FUNCTION = "libcudart.so.13: undefined symbol: cuKernelGetFunction"
ILLEGAL = "CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; hostname=h ; expr=cudaStreamSynchronize(s);"
TEMPLATES = (
    "/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:122 std::conditional_t<THRW, void, onnxruntime::common::Status> "
    "onnxruntime::CudaCall(ERRTYPE, const char*, const char*, SUCCTYPE, const char*, const char*, int) [with ERRTYPE = cudaError; "
    "bool THRW = true; SUCCTYPE = cudaError; std::conditional_t<THRW, void, common::Status> = void] "
) * 2
INSUFFICIENT = "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version"
PROVIDER = {"libcublasLt.so.12: cannot open shared object file: No such file or directory"}


def node(operator, provider="CUDAExecutionProvider", size=1_000_000):
    return {"operator": operator, "provider": provider, "bytes": size}


@pytest.mark.parametrize(
    ("nodes", "ok"),
    [
        ([node("Conv"), node("FusedMatMul")], True),
        ([node("Conv"), node("Shape", "CPUExecutionProvider", 16)], True),
        ([node("Conv"), node("Gather", "CPUExecutionProvider", -1)], True),
        ([node("Conv"), node("Mul", "CPUExecutionProvider")], False),
        ([node("Conv"), node("Resize", "CPUExecutionProvider", 16)], False),
        ([node("Conv"), node("NhwcFusedConv", "CPUExecutionProvider", 16)], False),
        ([node("Conv"), node("Gemm", "TensorrtExecutionProvider")], False),
        ([node("Relu")], None),
        ([], None),
    ],
)
def test_only_arithmetic_on_shapes_may_leave_the_gpu(nodes, ok):
    assert placement.judge(nodes).ok is ok


def test_a_profile_with_a_comma_before_its_end_is_read(tmp_path):
    event = json.dumps({"cat": "Node", "args": {"op_name": "Conv", "provider": "CUDAExecutionProvider"}})
    for number, text in enumerate((f"[\n{event},\n{event}\n]", f"[\n{event},\n{event},\n]")):
        path = tmp_path / f"{number}.json"
        path.write_text(text)
        assert [each["operator"] for each in placement.read_events(str(path))] == ["Conv", "Conv"]


@pytest.mark.parametrize(("change", "ok"), [(0.0, True), (5e-4, True), (2e-3, False), (np.nan, False)])
def test_numbers_agree_to_a_tenth_of_a_percent_of_the_largest(change, ok):
    there = {"output": [np.array([[1.0, -2.0]], np.float32)]}
    here = {"output": [there["output"][0] + np.float32(2 * change)]}
    assert agreement.compare_outputs(here, there).ok is ok


@pytest.mark.parametrize(("made", "ok"), [
    (lambda x: x, True),
    (lambda x: x * 1.03, True),
    (lambda x: x * 0, False),
    (lambda x: x * np.nan, False),
    (lambda x: -x, False),
    (lambda x: x[::-1], False),
])  # fmt: skip
def test_rounding_is_roughly_the_same_and_other_numbers_are_not(made, ok):
    numbers = np.random.default_rng(0).standard_normal((1, 400))
    verdict = agreement.compare_roughly({"o": [made(numbers[0])[None]]}, {"o": [numbers]})
    assert verdict.ok is ok


def test_a_keypoint_elsewhere_is_not_agreement():
    boxes, points, scores = np.array([[0.0, 0, 100, 200]]), np.zeros((1, 134, 2)), np.full((1, 134), 0.8)
    there = People(boxes, points, scores)
    few, many = points.copy(), points.copy()
    few[0, 0], many[0, :5] = 50, 50
    assert agreement.compare_people(People(boxes, few, scores), there).ok
    assert not agreement.compare_people(People(boxes, many, scores), there).ok
    assert not agreement.compare_people(People(boxes[:0], points, scores), there).ok


def test_mapped_cuda_libraries_are_named_and_others_are_not(tmp_path):
    lines = "7f00-7f01 r-xp 0000 08:01 11   {}\n"
    paths = [
        "/env/nvidia/cudnn/lib/libcudnn_graph.so.9",
        "/usr/lib/libc.so.6",
        "/a b/libcublasLt.so.13 (deleted)",
        "/x/libcudagarbage.so",
    ]
    (tmp_path / "maps").write_text(
        "".join(lines.format(path) for path in paths) + "7f02-7f03 rw-p 0000 00:00 0\n"
    )
    assert libraries.mapped(str(tmp_path / "maps")) == ["/a b/libcublasLt.so.13", paths[0]]
    assert libraries.mapped(str(tmp_path / "none")) is None


@pytest.mark.parametrize(
    ("text", "values", "code"),
    [
        ("", {"missing": [{"soname": "libcublas.so.12", "same": [], "other": []}]}, "cuda_runtime_missing"),
        ("", {"missing": [{"soname": "libcublas.so.12", "same": [], "other": ["/e/libcublas.so.13"]}]}, "cuda_major_mismatch"),
        ("", {"missing": [{"soname": "libcublas.so.12", "same": ["/e/libcublas.so.12"], "other": []}]}, "import_order_preload"),
        ("", {"missing": [{"soname": "libcudnn.so.9", "same": [], "other": []}]}, "cudnn_missing"),
        ("", {"missing": [{"soname": "libcudnn.so.8", "same": [], "other": ["/e/libcudnn.so.9"]}]}, "cudnn_major_mismatch"),
        ("", {"missing": [{"soname": "libnvrtc.so.12", "same": [], "other": []}]}, "nvrtc_missing"),
        ("", {"missing": [{"soname": "libGL.so.1", "same": [], "other": []}]}, "nothing"),
        ("ImportError: libGL.so.1: cannot open shared object file", {}, "opencv_conflict"),
        ("", {"cuda build": False, "onnxruntime packages": ["onnxruntime", "onnxruntime-gpu"]}, "both_ort_packages"),
        ("", {"driver": {"found": True, "result": 803, "devices": None}}, "driver_803_combination"),
        ("", {"driver": {"found": True, "result": 0, "devices": 0}}, "driver_missing"),
        (NO_FUNCTION, {}, "driver_too_old"),
        (NO_FUNCTION, {"driver": {"found": True, "result": 0, "devices": 1, "device files": ["/dev/nvidia0"]}}, "driver_too_old"),
        (NO_FUNCTION, {"driver": {"found": True, "result": 0, "devices": 1, "device files": None}}, "driver_too_old"),
        (NO_FUNCTION, {"driver": {"found": True, "result": 0, "devices": 1, "device files": []}}, "driver_missing"),
        (INSUFFICIENT, {"driver": {"found": True, "result": 0, "devices": 1, "device files": []}}, "driver_missing"),
        ("CUDA failure 36: API call is not supported in the installed CUDA driver ; GPU=-1", {}, "driver_too_old"),
        (INSUFFICIENT, {"driver": {"found": True, "result": 0, "devices": 1, "device files": ["/dev/dxg"]}}, "driver_too_old"),
        ("CUDA failure 999: unknown error ; GPU=0", {}, "driver_broken_state"),
        ("CUDA failure 999: unknown error ; GPU=0", {"driver": {"found": True, "result": 0, "devices": 1, "device files": []}}, "driver_missing"),
        ("CUDA failure 500: named symbol not found ; GPU=0", {"driver": {"found": True, "result": 0, "devices": 1, "device files": []}}, "driver_missing"),
        ("CUDA failure 500: named symbol not found ; GPU=0", {"driver": {"found": True, "result": 0, "devices": 1, "device files": ["/dev/nvidia0"]}}, "nothing"),
        ("", {"driver": {"found": True, "result": 999, "devices": None, "device files": []}}, "driver_missing"),
        ("", {"driver": {"found": True, "result": 999, "devices": None, "device files": ["/dev/nvidia0"]}}, "driver_broken_state"),
        ("", {"driver": {"found": True, "result": 803, "devices": None, "device files": []}}, "driver_803_combination"),
        ("CUDA failure 209: no kernel image is available", {}, "gpu_arch_not_in_build"),
        ("CUBLAS failure 8: the function requires an architectural feature absent from the device ; GPU=0", {}, "gpu_arch_not_in_build"),
        ("CUDNN_STATUS_NOT_INITIALIZED", {}, "gpu_memory"),
        ("CUBLAS failure 3: the resource allocation failed ; GPU=0 ; expr=cublasCreate(&cublas_handle_);", {"gpu state": []}, "gpu_memory"),
        (ILLEGAL, {}, "driver_broken_state"),
        (ILLEGAL, {"driver": {"found": True, "result": 0, "devices": 1, "device files": ["/dev/nvidia0"]}}, "driver_broken_state"),
        (ILLEGAL, {"driver": {"found": True, "result": 0, "devices": 1, "device files": []}}, "driver_missing"),
        ("CUDA error cudaErrorLaunchFailure:unspecified launch failure", {}, "driver_broken_state"),
        ("CUDA failure 214: uncorrectable ECC error encountered ; GPU=0", {}, "driver_broken_state"),
        ("INVALID_PROTOBUF : Load model failed: Protobuf parsing failed", {}, "corrupt_model_file"),
        ("Unsupported model IR version: 11, max supported IR version: 10", {}, "model_ir_or_opset"),
        ("numpy.core.multiarray failed to import", {}, "numpy2_abi"),
        ("twins failed: can't be written to /t: [Errno 28] No space left on device", {}, "disk_full"),
        ("something else entirely", {"missing": "rubbish", "driver": 7}, "nothing"),
    ],
)  # fmt: skip
def test_a_cause_is_given_only_where_something_establishes_it(text, values, code):
    assert cause_of(text, values, NOTHING).code == code


def test_a_fault_in_the_middle_is_told_in_cudas_words_and_without_onnxruntimes_templates(tmp_path):
    """What the provider of onnxruntime 1.26.0 raised when a kernel of its own broke off."""
    place = tmp_path / "result"
    written = inside_journal.Journal(str(place))
    cudnn = "CUDNN_FE failure 11: CUDNN_BACKEND_API_FAILED ; GPU=0"
    written.failed("gpu run", f"RuntimeError: {TEMPLATES}{cudnn}\n{ILLEGAL}")
    written.end()
    told = journal.read(place.read_text("utf-8"))
    assert told.checks[0].text == f"RuntimeError: {cudnn}\n{ILLEGAL}"
    verdict = judge(told, "gpu", truths=None, weights="standin")
    assert (verdict.state, verdict.code) == ("failed", "driver_broken_state")
    assert verdict.reason.endswith("CUDA failure 700: an illegal memory access was encountered")
    assert "xid" in verdict.fix


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("cv2", "opencv-python-headless"),
        ("numpy", "numpy"),
        ("onnxruntime.capi._pybind_state", "onnxruntime"),
    ],
)
def test_the_hint_names_the_package_whose_module_is_missing(module, package):
    cause = cause_of(f"ModuleNotFoundError: No module named '{module}'", {}, NOTHING)
    assert cause.code == "wrong_python_environment"
    assert f"`{package}`" in cause.reason
    assert f"install `{package}`" in cause.fix


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("CUDA failure 46: all CUDA-capable devices are busy ; GPU=-1", "CUDA failure 46: all CUDA-capable devices are busy"),
        ("CUBLAS failure 14: an internal operation failed ; GPU=0", "CUBLAS failure 14: an internal operation failed"),
        ("onnxruntime gives a session on the CPU and says nothing", "gives no reason"),
    ],
)  # fmt: skip
def test_what_cuda_said_is_the_reason_why_nothing_ran_on_it(text, reason):
    lines = [{"check": {"name": "gpu session", "ok": False, "text": text}}, {"end": True}]
    told = journal.read("\n".join(map(json.dumps, lines)))
    verdict = judge(told, "gpu", truths=None, weights="standin")
    assert (verdict.state, verdict.code) == ("failed", "dwpose_cpu_fallback")
    assert reason in verdict.reason


def gpu_state(free, *processes):
    held = [{"pid": pid, "name": name, "bytes": size} for pid, name, size in processes]
    return {"gpu state": [{"gpu": 0, "total": 8_000_000_000, "free": free, "processes": held}]}


ARENA = "BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 28311552"


@pytest.mark.parametrize(
    ("values", "code"),
    [({}, "system_memory"), ({"gpu state": []}, "gpu_memory"), ({"gpu state": None}, "gpu_memory")],
)
def test_memory_that_lacks_before_a_gpu_was_asked_is_the_machines_own(values, code):
    assert cause_of(ARENA, values, NOTHING).code == code


@pytest.mark.parametrize(
    ("text", "free", "code"),
    [
        ("CUDA failure 2: out of memory", 7_900_000_000, "gpu_memory"),
        ("CUDNN_STATUS_NOT_INITIALIZED", 400_000_000, "gpu_memory"),
        ("CUDNN_STATUS_NOT_INITIALIZED", 7_900_000_000, "cudnn_broken"),
        ("CUBLAS failure 1: the library was not initialized ; GPU=0", 400_000_000, "gpu_memory"),
        ("CUBLAS failure 1: the library was not initialized ; GPU=0", 7_900_000_000, "nothing"),
        ("something else", 1, "nothing"),
    ],
)
def test_cudnn_that_does_not_start_lacks_memory_only_where_little_is_free(text, free, code):
    assert cause_of(text, gpu_state(free), NOTHING).code == code


def test_who_holds_the_memory_is_named_and_what_the_networks_need():
    values = {
        **gpu_state(300_000_000, (41, "small", 100_000_000), (7, "blender", 6_500_000_000), (9, "", None)),
        "network bytes": 351_000_000,
    }
    cause = cause_of("Failed to allocate memory for requested buffer", values, NOTHING)
    assert "0.3 GB of 8.0 GB were free, the networks' weights alone take 0.4 GB" in cause.reason
    assert "by `blender` (process 7) 6.5 GB; end" in cause.fix
    assert "6.8 GB would be free without" in cause.fix


def test_the_profile_is_accounted_by_nodes_and_by_time():
    nodes = [
        {**node("Conv"), "microseconds": 90.0},
        {**node("Shape", "CPUExecutionProvider", 16), "microseconds": 6.0},
        {**node("Resize", "CPUExecutionProvider"), "microseconds": 4.0},
    ]
    account = placement.account(nodes)
    assert (account["nodes_on_gpu"], account["time_on_gpu"]) == (1 / 3, 0.9)
    assert "on purpose" in account["elsewhere"]["Shape"]["why"]
    assert "no kernel" in account["elsewhere"]["Resize"]["why"]
    assert placement.account([])["nodes_on_gpu"] is None
    assert (
        "66.7% of 3 nodes and 98.0% of the time spent calling them"
        in placement.judge([nodes[0], {**nodes[0], "microseconds": 204.0}, nodes[1]]).text
    )


def test_missing_libraries_are_looked_for_in_the_environment(tmp_path, monkeypatch):
    folder = tmp_path / "site-packages"
    (folder / "nvidia" / "cublas" / "lib").mkdir(parents=True)
    (folder / "nvidia" / "cublas" / "lib" / "libcublasLt.so.13").touch()
    monkeypatch.setattr("sys.path", [str(folder)])
    found = libraries.missing_in(next(iter(PROVIDER)))
    assert found == [
        {
            "soname": "libcublasLt.so.12",
            "same": [],
            "other": [str(folder / "nvidia/cublas/lib/libcublasLt.so.13")],
        }
    ]


@given(
    st.text(max_size=300),
    st.lists(st.sampled_from(['{"stage": 3}', '{"check": {"ok": 1}}', "[[", '{"end": 1}'])),
)
def test_no_result_file_breaks_the_reader(text, lines):
    read = journal.read("\n".join([text, *lines]))
    assert not read.ended
    assert all(check.ok is None for check in read.checks)


def person(shift=0.0):
    return Person(
        box=(0.0 + shift, 0.0, 10.0, 20.0), keypoints=((5.0, 5.0 + shift),) * 134, scores=(0.9,) * 134
    )


@pytest.mark.parametrize(
    ("found", "oks"),
    [
        ([person()], [True, True]),
        ([person(0.95)], [True, False]),
        ([person(1.05)], [False, False]),
        ([], [False]),
        ([person(), person()], [False]),
        (
            [Person(box=(None, 0.0, 10.0, 20.0), keypoints=((5.0, 5.0),) * 134, scores=(0.9,) * 134)],
            [False, True],
        ),
        (
            [Person(box=(0.0, 0.0, 10.0, 20.0), keypoints=((5.0, 5.0),) * 134, scores=(0.8,) * 134)],
            [True, False],
        ),
    ],
)
def test_the_truth_allows_a_pixel_for_boxes_and_less_for_keypoints(found, oks):
    assert [check.ok for check in truth.compare(found, [person()])] == oks


def test_a_broken_truth_file_is_named(tmp_path):
    (tmp_path / "truth.json").write_text("{}")
    with pytest.raises(DataError, match=r"truth\.json"):
        truth.read(tmp_path / "truth.json")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 216746733\n",
            "pointer of Git LFS",
        ),
        (b"<!DOCTYPE html><html>", "web page"),
        (b'{"error": "not found"}', "text"),
        (b"PK\x03\x04" + b"\0" * 100, "not an ONNX model"),
        (b"\x80\x02}q\x00", "not an ONNX model"),
        (b"\x08\x06", "no graph"),
    ],
)
def test_a_file_that_is_no_network_is_refused_by_what_it_is(tmp_path, content, words):
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(QuestionError, match=words):
        refuse_what_is_no_network(tmp_path / "m.onnx")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 0.9999])
def test_a_network_that_is_cut_short_is_refused(weights, tmp_path, share):
    whole = weights.detector.read_bytes()
    (tmp_path / "m.onnx").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(QuestionError, match="cut short"):
        refuse_what_is_no_network(tmp_path / "m.onnx")
    refuse_what_is_no_network(weights.detector)


def test_a_folder_says_which_network_it_lacks(weights, tmp_path):
    data = weights.scene.parent.parent
    with pytest.raises(QuestionError, match="no such folder"):
        from_folder(tmp_path / "nowhere", data)
    (tmp_path / DETECTOR).write_bytes(weights.detector.read_bytes())
    with pytest.raises(QuestionError, match=f"`{POSE}` missing"):
        from_folder(tmp_path, data)
    (tmp_path / POSE).write_bytes(weights.pose.read_bytes())
    assert from_folder(tmp_path, data).truth is None
    assert standins(data).truth is not None


def test_a_file_in_place_of_a_folder_is_called_that(weights):
    with pytest.raises(QuestionError, match=r"yolox_l\.onnx: is a file") as caught:
        from_folder(weights.detector, weights.scene.parent.parent)
    assert POSE in caught.value.hint


def test_a_network_that_takes_five_people_and_no_fewer_is_refused(weights, tmp_path):
    (tmp_path / DETECTOR).write_bytes(weights.detector.read_bytes())
    model = onnx.load(weights.pose)
    for number, refused in ((5, True), (1, False)):
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = number
        onnx.save(model, tmp_path / POSE)
        if refused:
            with pytest.raises(QuestionError, match="takes 5 people at once and no fewer"):
                from_folder(tmp_path, weights.scene.parent.parent)
        else:
            assert from_folder(tmp_path, weights.scene.parent.parent).pose == tmp_path / POSE


def test_the_networks_under_each_others_names_are_called_that(weights, tmp_path):
    (tmp_path / DETECTOR).write_bytes(weights.pose.read_bytes())
    (tmp_path / POSE).write_bytes(weights.detector.read_bytes())
    with pytest.raises(QuestionError, match="this is the pose network, under the detector's name") as caught:
        from_folder(tmp_path, weights.scene.parent.parent)
    assert POSE in caught.value.hint
    (tmp_path / DETECTOR).write_bytes(weights.detector.read_bytes())
    with pytest.raises(QuestionError, match="this is the detector, under the pose network's name"):
        from_folder(tmp_path, weights.scene.parent.parent)


def test_another_network_is_told_with_what_it_takes_and_what_dwpose_takes(weights, tmp_path):
    tensor = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Relu", ["image"], ["logits"])],
        "classifier",
        [tensor("image", onnx.TensorProto.FLOAT, [1, 3, 224, 224])],
        [tensor("logits", onnx.TensorProto.FLOAT, [1, 1000])],
    )
    onnx.save(onnx.helper.make_model(graph), tmp_path / POSE)
    (tmp_path / DETECTOR).write_bytes(weights.detector.read_bytes())
    with pytest.raises(QuestionError, match="another network than the pose network") as caught:
        from_folder(tmp_path, weights.scene.parent.parent)
    assert "it takes `image` [1,3,224,224] and gives `logits` [1,1000]" in caught.value.message
    assert "takes [batch,3,384,288]" in caught.value.message


@pytest.mark.parametrize("numbers", ["float16", "uint8"])
def test_a_network_that_takes_other_numbers_is_no_damaged_file(weights, tmp_path, numbers):
    (tmp_path / DETECTOR).write_bytes(weights.detector.read_bytes())
    model = onnx.load(weights.pose)
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.DataType.Value(numbers.upper())
    onnx.save(model, tmp_path / POSE)
    with pytest.raises(QuestionError, match=f"the pose network with an input of {numbers}") as caught:
        from_folder(tmp_path, weights.scene.parent.parent)
    assert "keep_io_types" in caught.value.hint


@pytest.mark.parametrize(("bins", "ok"), [((384, 512), True), ((576, 768), False), ((576, 512), False)])
def test_a_pose_network_of_another_size_is_taken_with_two_bins_for_each_of_its_pixels(
    weights, tmp_path, bins, ok
):
    tensor, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    names = ("simcc_x", "simcc_y")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Relu", ["input"], [name]) for name in names],
        "pose",
        [tensor("input", kind, ["batch", 3, 256, 192])],
        [tensor(name, kind, ["batch", 133, count]) for name, count in zip(names, bins, strict=True)],
    )
    onnx.save(onnx.helper.make_model(graph), tmp_path / POSE)
    (tmp_path / DETECTOR).write_bytes(weights.detector.read_bytes())
    if ok:
        assert from_folder(tmp_path, weights.scene.parent.parent).pose == tmp_path / POSE
    else:
        with pytest.raises(QuestionError, match="another network than the pose network"):
            from_folder(tmp_path, weights.scene.parent.parent)


def test_a_verdict_is_told_in_a_few_lines():
    verdict = Verdict(
        state="failed",
        reason="`libcurand.so.10` is not in the environment",
        code="cuda_runtime_missing",
        fix="make a fresh environment",
        checks=(
            Check(name="models", ok=True, text="both open"),
            Check(name="gpu session", ok=False, text="libcurand.so.10: cannot open\nsecond line"),
            Check(name="mapped libraries", ok=None, text="this system does not list them"),
        ),
        provider="CPUExecutionProvider",
        people=(person(),),
        detected=1,
        first_ms=Known(410.2, "clock"),
        latency_ms=Known(12.34, "clock"),
        network_ms=Known(11.1, "clock"),
        gpu_memory_bytes=Known(812_000_000, "NVML, memory of this process"),
        weights="standin",
        weights_note="stand-ins: as asked",
    )
    assert verdict_lines(verdict) == snapshot(
        [
            "failed: `libcurand.so.10` is not in the environment [cuda_runtime_missing]",
            "hint: make a fresh environment",
            "ran on   CPUExecutionProvider",
            "found    1 person, 134 visible keypoints",
            "latency  12.3 ms, the first 410 ms; 81 pictures/s; 90% of it in the networks",
            "memory   812 MB of the GPU (NVML, memory of this process)",
            "networks stand-ins: as asked",
            "  no   gpu session: libcurand.so.10: cannot open",
            "       second line",
            "  ?    mapped libraries: this system does not list them",
        ]
    )


def test_what_a_gpu_did_is_told_beside_what_the_cpu_took():
    verdict = Verdict(
        state="proved on gpu",
        reason="DWPose ran on the GPU",
        provider="CUDAExecutionProvider",
        people=(person(),),
        detected=1,
        latency_ms=Known(20.0, "clock"),
        cpu_ms=Known(7300.4, "clock"),
        nodes_on_gpu=Known(0.9912, "profile"),
        time_on_gpu=Known(0.9999, "profile"),
        weights="twin",
    )
    assert verdict_lines(verdict)[1:6] == snapshot(
        [
            "ran on   CUDAExecutionProvider",
            "on GPU   99.1% of the networks' nodes, 100.0% of the time spent calling them",
            "found    1 person, 134 visible keypoints",
            "latency  20.0 ms; 50 pictures/s",
            "the CPU  took 7300 ms for it, about 365 times as long",
        ]
    )
    assert not [line for line in verdict_lines(replace(verdict, weights="standin")) if "the CPU" in line]


def test_of_a_failed_check_a_terminal_shows_a_few_lines():
    told = "\n".join(f"line {number} " + "x" * 999 * (number == 2) for number in range(30))
    checks = tuple(Check(name=name, ok=False, text=told) for name in ("gpu session", "torch"))
    lines = verdict_lines(Verdict(state="failed", reason="because", checks=checks))
    assert [line[:15].rstrip() for line in lines] == snapshot(
        [
            "failed: because",
            "  no   gpu sess",
            "       line 1",
            "       line 2 x",
            "       line 3",
            "       (26 more",
            "  no   torch: l",
        ]
    )
    assert max(map(len, lines)) < 340


@pytest.mark.parametrize(("result", "devices"), [(100, None), (0, 0)])
def test_a_gpu_that_a_variable_hides_is_told_with_the_variable(result, devices):
    driver = {"found": True, "result": result, "devices": devices, "visible": "-1"}
    reason, way_out = no_gpu_here({"driver": driver})
    assert reason.endswith("finds no GPU: CUDA_VISIBLE_DEVICES is set to `-1`")
    assert way_out.startswith("`unset CUDA_VISIBLE_DEVICES`")
    cause = cause_of("", {"driver": driver}, NOTHING)
    assert (cause.code, cause.fix) == ("driver_missing", way_out)
    reason, way_out = no_gpu_here({"driver": {**driver, "visible": None}})
    assert reason.endswith("finds no GPU")
    assert way_out == "ask again on a machine with the GPU"


@pytest.mark.parametrize("result", [100, 802, 999, 3])
def test_a_driver_that_does_not_start_comes_with_something_to_do(result):
    cause = cause_of("", {"driver": {"found": True, "result": result}}, NOTHING)
    assert cause.code.startswith("driver_")
    assert cause.fix


def test_what_onnxruntime_says_of_a_network_is_in_the_reason():
    said = (
        "InvalidGraph: [ONNXRuntimeError] : 10 : INVALID_GRAPH : Load model from /a/yolox_l.onnx failed:"
        'This is an invalid model. In Node, ("", Mystery, "my.own", -1)'
    )
    found = journal.read(
        "\n".join((json.dumps({"check": {"name": "models", "ok": False, "text": said}}), '{"end": true}'))
    )
    verdict = judge(found, "cpu", truths=None, weights="/a")
    assert verdict.code == "corrupt_model_file"
    assert verdict.reason == (
        'onnxruntime can\'t run the networks: This is an invalid model. In Node, ("", Mystery, "my.own", -1)'
    )
    assert "--weights standin" in verdict.fix


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "Load model from /a b/yolox_l.onnx failed:Opset 99 is under development. Current official support is till opset 26.",
            ": `yolox_l.onnx` is of opset 99, and it reads up to 26",
        ),
        (
            "Load model from C:\\a\\pose.onnx failed:model.cc:256 Unsupported model IR version: 99, max supported IR version: 14",
            ": `pose.onnx` is of IR 99, and it reads up to 14",
        ),
        ("Unsupported model IR version: 99", ""),
    ],
)
def test_a_network_that_is_too_new_is_told_with_its_numbers(said, told):
    cause = cause_of(said, {}, NOTHING)
    assert cause.code == "model_ir_or_opset"
    assert cause.reason == f"this onnxruntime is too old for the network's format{told}"
    assert "older opset" in cause.fix


@pytest.mark.parametrize("weights", ["/my/networks", "standin"])
@pytest.mark.parametrize("name", ["finite numbers", "crowd"])
def test_numbers_that_are_none_are_laid_to_networks_of_the_users_own(name, weights):
    lines = [{"check": {"name": name, "ok": False, "text": "no"}}, {"end": True}]
    found = journal.read("\n".join(map(json.dumps, lines)))
    verdict = judge(found, "cpu", truths=None, weights=weights)
    assert verdict.code == "wrong_numbers"
    assert ("--weights standin" in verdict.fix) is (weights != "standin")


def test_a_second_file_of_a_network_that_is_not_there_is_what_lacks():
    said = (
        "Fail: External data path validation failed for initializer: w. Error: ValidateExternalDataPathFromDir "
        'External data path does not exist: "/a/yolox_l.onnx.data"'
    )
    cause = cause_of(said, {}, NOTHING)
    assert cause.code == "corrupt_model_file"
    assert "second file" in cause.reason


@pytest.mark.parametrize(
    ("driver", "code", "reason", "fix"),
    [
        ({"found": False, "text": "libcuda.so.1: cannot open shared object file: No such file or directory"},
         "driver_missing", "is not on this machine", "NVIDIA_DRIVER_CAPABILITIES"),
        ({"found": False, "text": "/a/libcuda.so.1: file too short"},
         "driver_missing", "can't be loaded: /a/libcuda.so.1: file too short", "LD_LIBRARY_PATH"),
        ({"found": True, "result": 0, "devices": 1}, "import_order_preload", "nothing loads it before", "import hook"),
    ],
)  # fmt: skip
def test_libraries_that_wait_for_the_driver_are_not_what_lacks(driver, code, reason, fix):
    missing = [{"soname": "libcublasLt.so.13", "same": ["/env/libcublasLt.so.13"], "other": []}]
    cause = cause_of("", {"driver": driver, "missing": missing}, NOTHING)
    assert cause.code == code
    assert reason in cause.reason
    assert fix in cause.fix
