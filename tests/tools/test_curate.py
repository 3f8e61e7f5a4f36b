"""The curator: which releases get rows, what the rows say, and that the rows on record say it still."""

import hashlib
import json
from pathlib import Path

import pytest
from binaries import elf, wheel
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import curate
import rowstore
import toolkits
from stackfix.facts.row_files import row_files
from stackfix.index.transport import Answer, FolderTransport

ROOT = Path(__file__).resolve().parents[2]
INDEX = "https://index.test/simple"


class Index:
    """An index in memory: wheels are published, then a curator reads them."""

    def __init__(self, folder):
        self.folder = folder
        self.pages = {}
        self.files = {}

    def publish(self, file, data, **more):
        package = canonicalize_name(file.split("-")[0])
        address = f"https://files.test/{file}"
        self.files[address] = data
        sha256 = hashlib.sha256(data).hexdigest()
        listed = {"filename": file, "url": address, "size": len(data), "hashes": {"sha256": sha256}}
        self.pages.setdefault(package, []).append({**listed, "upload-time": "2026-01-02T03:04:05Z", **more})

    def curator(self, today="2026-02-03", **more):
        pages = {
            f"{INDEX}/{package}/": Answer(body=json.dumps({"files": rows}).encode(), content_type="x/json")
            for package, rows in self.pages.items()
        }
        return curate.Curator(FolderTransport(pages=pages, files=self.files), INDEX, today, **more)

    def measure(self, package, **more):
        curator = self.curator(**more)
        curate.curate(curator, package, curator.releases(package), jobs=2)
        assert curator.failures == []
        return rowstore.read_rows(package)


@pytest.fixture
def index(tmp_path, monkeypatch):
    monkeypatch.setattr(rowstore, "DATA", tmp_path)
    return Index(tmp_path)


def pure(requires=()):
    return wheel({"thing/__init__.py": b""}, requires=requires)


def test_a_release_becomes_a_row_with_its_files_and_the_date(index):
    index.publish("thing-1.0-py3-none-any.whl", pure(["numpy>=2"]), **{"requires-python": ">=3.9"})
    ((row,),) = index.measure("thing").values()
    assert (row.package, row.version, row.platform, row.owns) == ("thing", "1.0", "any", ("thing",))
    assert (row.requires_dist, row.evidence, row.seen) == (("numpy>=2",), "measured", "2026-02-03")
    (file,) = row.files
    assert (file.name, file.uploaded, file.requires_python) == (
        "thing-1.0-py3-none-any.whl",
        "2026-01-02",
        ">=3.9",
    )
    assert file.sha256 == hashlib.sha256(pure(["numpy>=2"])).hexdigest()


def test_no_row_names_the_index(index):
    index.publish("thing-1.0-py3-none-any.whl", pure())
    index.measure("thing")
    assert ".test" not in (index.folder / "any" / "thing.jsonl").read_text()


def test_yanked_unfinished_foreign_and_stub_releases_get_no_row(index):
    index.publish("thing-1.0-py3-none-any.whl", pure(), yanked="broken")
    index.publish("thing-1.1rc1-py3-none-any.whl", pure())
    index.publish("thing-1.2-cp312-cp312-win_amd64.whl", pure())
    index.publish("thing-1.3-cp313-cp313t-manylinux_2_28_x86_64.whl", pure())
    index.publish("thing-1.4-pp310-pypy310_pp73-manylinux_2_17_x86_64.whl", pure())
    index.publish("thing-1.5-cp312-cp312-musllinux_1_2_x86_64.whl", pure())
    index.publish("thing-0.0.1-py3-none-any.whl", pure())
    index.publish("thing-2.0.tar.gz", b"source")
    index.publish("thing-nonsense", b"")
    index.publish("thing-1.6-cp312-cp312-manylinux_2_28_x86_64.whl", pure())
    index.publish("thing-1.7-cp39-abi3-manylinux2014_x86_64.whl", pure())
    assert list(index.measure("thing")) == ["1.6", "1.7"]


def test_wheels_of_one_release_that_require_different_things_are_rows_of_their_own(index):
    for python, requires in (("39", "numpy<2"), ("310", "numpy<2"), ("311", "numpy"), ("312", "numpy>=2")):
        index.publish(f"thing-1.0-cp{python}-cp{python}-manylinux_2_28_x86_64.whl", pure([requires]))
    (rows,) = index.measure("thing").values()
    assert [(len(row.files), *row.requires_dist) for row in rows] == [
        (2, "numpy<2"),
        (1, "numpy"),
        (1, "numpy>=2"),
    ]


def test_a_build_that_was_uploaded_again_is_a_row_of_its_own(index):
    for build in ("", "1-", "2-"):
        index.publish(f"thing-1.0-{build}cp312-cp312-manylinux_2_28_x86_64.whl", pure())
    (rows,) = index.measure("thing").values()
    assert [[file.name.split("-")[2] for file in row.files] for row in rows] == [["1"], ["2"], ["cp312"]]


def test_wheels_of_torch_whose_small_libraries_need_different_things_are_rows_of_their_own(index):
    for python, needed in (
        ("39", ["libc.so.6"]),
        ("310", ["libc.so.6", "libx.so.1"]),
        ("311", ["libc.so.6"]),
    ):
        data = wheel({"torch/version.py": b"cuda = '12.1'", "torch/lib/libshm.so": elf("libshm.so", needed)})
        index.publish(f"torch-2.4.0-cp{python}-cp{python}-manylinux_2_28_x86_64.whl", data)
    (rows,) = index.measure("torch").values()
    assert [len(row.files) for row in rows] == [1, 2]


def test_rows_that_are_there_are_kept_and_only_new_releases_are_measured(index):
    index.publish("thing-1.0-py3-none-any.whl", pure())
    index.measure("thing", today="2026-01-01")
    index.publish("thing-2.0-py3-none-any.whl", pure())
    rows = index.measure("thing", today="2026-05-05")
    assert {version: each[0].seen for version, each in rows.items()} == {
        "1.0": "2026-01-01",
        "2.0": "2026-05-05",
    }
    again = index.measure("thing", today="2026-06-06", again=True)
    assert {each[0].seen for each in again.values()} == {"2026-06-06"}


def test_the_same_index_gives_the_same_bytes(index):
    for version in ("1.10", "1.9", "1.2"):
        index.publish(f"thing-{version}-py3-none-any.whl", pure())
    index.measure("thing")
    first = (index.folder / "any" / "thing.jsonl").read_bytes()
    index.measure("thing", again=True)
    assert (index.folder / "any" / "thing.jsonl").read_bytes() == first
    assert list(rowstore.read_rows("thing")) == ["1.2", "1.9", "1.10"]


def test_a_wheel_that_cannot_be_measured_is_told_and_the_others_get_rows(index):
    index.publish("thing-1.0-py3-none-any.whl", b"not a zip")
    index.publish("thing-2.0-py3-none-any.whl", pure())
    curator = index.curator()
    curate.curate(curator, "thing", curator.releases("thing"), jobs=2)
    assert list(rowstore.read_rows("thing")) == ["2.0"]
    assert curator.failures[0].startswith("thing 1.0 (linux_x86_64): thing-1.0-py3-none-any.whl: not a wheel")


def toolkit_part(soname):
    return wheel({f"nvidia/x/lib/{soname}": elf(soname=soname)})


def test_toolkit_releases_that_ship_a_build_are_its_cuda_minors(index):
    pin = "nvidia-curand-cu12==10.3.9.90.*; extra == 'curand'"
    for version in ("12.8.0", "12.8.1", "12.9.0"):
        index.publish(f"cuda_toolkit-{version}-py3-none-any.whl", pure([pin]))
    index.publish(
        "nvidia_curand_cu12-10.3.9.90-py3-none-manylinux_2_27_x86_64.whl", toolkit_part("libcurand.so.10")
    )
    index.publish(
        "nvidia_curand_cu12-10.3.9.9-py3-none-manylinux_2_27_x86_64.whl", toolkit_part("libcurand.so.10")
    )
    index.measure("cuda-toolkit")
    index.measure("nvidia-curand-cu12")
    toolkits.name_toolkits("linux_x86_64")
    rows = rowstore.read_rows("nvidia-curand-cu12")
    assert rows["10.3.9.90"][0].cuda == ("12.8", "12.9")
    assert rows["10.3.9.90"][0].measured["cuda"] == "pins of cuda-toolkit"
    assert (rows["10.3.9.9"][0].cuda, rows["10.3.9.9"][0].cuda_major) == ((), 12)


def test_libraries_that_no_toolkit_release_is_tied_to_have_no_minor(index):
    index.publish("cuda_toolkit-12.8.0-py3-none-any.whl", pure(["nvidia-cudnn-cu12==9.1.0.70"]))
    index.publish(
        "nvidia_cudnn_cu12-9.1.0.70-py3-none-manylinux2014_x86_64.whl", toolkit_part("libcudnn.so.9")
    )
    index.measure("cuda-toolkit")
    index.measure("nvidia-cudnn-cu12")
    toolkits.name_toolkits("linux_x86_64")
    assert rowstore.read_rows("nvidia-cudnn-cu12")["9.1.0.70"][0].cuda == ()


# What is on record.


def recorded(package, platform="linux_x86_64"):
    return [row for rows in rowstore.read_rows(package, platform).values() for row in rows]


PACKAGES = rowstore.packages("linux_x86_64")


def test_rows_on_record_are_in_order_and_written_as_the_tool_writes_them(monkeypatch, tmp_path):
    assert len(PACKAGES) > 60
    for platform in rowstore.PLATFORMS:
        for package in rowstore.packages(platform):
            rows = rowstore.read_rows(package, platform)
            with monkeypatch.context() as patch:
                patch.setattr(rowstore, "DATA", tmp_path)
                rowstore.write_rows(package, rows)
    for path in row_files(ROOT / "data"):
        written = tmp_path / path.parent.name / path.name
        assert written.read_bytes() == path.read_bytes(), path.name


def test_every_row_on_record_says_how_each_of_its_readings_was_measured():
    for package in PACKAGES:
        for row in recorded(package):
            read = [
                n for n in ("needs", "provides", "cuda", "code", "numpy_abi", "onnx_opset") if getattr(row, n)
            ]
            assert set(read) <= set(row.measured), (package, row.version)
            assert all(len(file.sha256) == 64 and file.size > 0 and file.uploaded for file in row.files)


def test_the_libraries_of_every_release_that_has_any_were_looked_into():
    for platform in rowstore.PLATFORMS:
        for package in ("torch", "torchvision", "torchaudio", "onnxruntime", "onnxruntime-gpu"):
            for row in recorded(package, platform):
                assert "needs" in row.measured, (package, row.version, platform)


def test_every_version_that_torch_pins_on_linux_has_a_row():
    missing = []
    for row in recorded("torch"):
        for text in row.requires_dist:
            requirement = Requirement(text)
            if requirement.marker and not requirement.marker.evaluate(
                {"extra": "", "python_version": "3.11"}
            ):
                continue
            name = canonicalize_name(requirement.name)
            versions = [Version(each.version) for each in recorded(name)] if name in PACKAGES else []
            if not any(requirement.specifier.contains(version) for version in versions):
                missing.append((row.version, text))
    assert missing == []


def test_every_library_that_a_gpu_wheel_needs_has_a_provider_on_record():
    libraries = (ROOT / "data" / "libraries.toml").read_text()
    provided = {soname for package in PACKAGES for row in recorded(package) for soname in row.provides}
    for package in PACKAGES:
        for row in recorded(package):
            for feature, sonames in row.needs.items():
                if feature in {"", "cuda"}:  # TensorRT, ffmpeg and sox are for who has them
                    missing = {s for s in sonames if s not in provided and f'"{s}"' not in libraries}
                    assert not missing, (package, row.version, feature)


def one(package, version):
    (row,) = [row for row in recorded(package) if row.version == version]
    return row


def majors(package, version):
    """The CUDA majors of a release's rows: a build that was uploaded again is a row of its own."""
    return {row.cuda_major for row in recorded(package) if row.version == version}


@pytest.mark.parametrize(
    ("version", "major"),
    [("1.16.3", 11), ("1.18.1", 11), ("1.19.0", 12), ("1.26.0", 12), ("1.27.0", 13), ("1.31.1", 13)],
)
def test_onnxruntime_changed_its_cuda_major_where_its_libraries_say(version, major):
    assert majors("onnxruntime-gpu", version) == {major}


@pytest.mark.parametrize(("version", "major"), [("2.0.1", 11), ("2.1.0", 12), ("2.10.0", 12), ("2.11.0", 13)])
def test_torch_changed_its_cuda_major_where_its_version_file_says(version, major):
    assert majors("torch", version) == {major}


def test_the_newest_pair_does_not_fit_without_a_third_wheel():
    torch, onnxruntime = one("torch", "2.15.0"), one("onnxruntime-gpu", "1.31.1")
    assert "libcurand.so.10" in onnxruntime.needs["cuda"]
    assert not any("curand" in text for text in torch.requires_dist if "extra" not in text)


def test_device_code_of_onnxruntime_is_what_cuobjdump_shows():
    def carried(version):
        row = one("onnxruntime-gpu", version)
        return {c for code in row.code for c in code.cubins}, {p for code in row.code for p in code.ptx}

    assert carried("1.23.0")[1] == {"90a"}
    assert "100a" in carried("1.28.0")[0]
    for version in ("1.29.0", "1.31.1"):
        cubins, ptx = carried(version)
        assert not ptx
        assert not any(name.startswith("100") for name in cubins)


def test_onnxruntime_needs_the_driver_from_1_27_on():
    for row in recorded("onnxruntime-gpu"):
        assert ("libcuda.so.1" in row.needs["cuda"]) == (Version(row.version) >= Version("1.27"))


def test_numpy_2_is_served_from_onnxruntime_1_19_on():
    for package in ("onnxruntime", "onnxruntime-gpu"):
        for row in recorded(package):
            assert (2 in row.numpy_abi) == (Version(row.version) >= Version("1.19")), (package, row.version)


def test_cudnn_of_two_cuda_majors_own_the_same_files():
    old, new = one("nvidia-cudnn-cu12", "9.28.0.42"), one("nvidia-cudnn-cu13", "9.28.0.42")
    assert old.provides == new.provides
    assert (old.cuda_major, new.cuda_major) == (12, 13)
