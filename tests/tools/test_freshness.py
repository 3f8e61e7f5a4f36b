"""`curate --check`: what is missing or has changed is named; what cannot be asked is never "no change"."""

import hashlib
import json
import sys

import pytest
from binaries import wheel

import curate
import rowstore
from freshness import check
from stackfix.errors import NetworkError
from stackfix.index.simple import IndexFile
from stackfix.index.transport import FolderTransport
from stackfix.model.machine import Platform

LINUX = Platform.parse("linux_x86_64")
NAME = "torch-{0}-cp312-cp312-manylinux_2_28_x86_64.whl"


def file(version, sha="a", **more):
    return IndexFile(
        name=NAME.format(version), address="https://files.test/x", sha256=sha * 64, size=10, **more
    )


@pytest.fixture
def record(tmp_path, monkeypatch):
    monkeypatch.setattr(rowstore, "DATA", tmp_path)

    def write(version, sha="a"):
        (tmp_path / "linux_x86_64").mkdir(exist_ok=True)
        with (tmp_path / "linux_x86_64/torch.jsonl").open("a") as rows:
            listed = {"name": NAME.format(version), "size": 10, "sha256": sha * 64, "uploaded": "2026-01-01"}
            row = {"package": "torch", "version": version, "source": "pypi", "platform": "linux_x86_64"}
            rows.write(
                json.dumps({**row, "evidence": "measured", "seen": "2026-01-01", "files": [listed]}) + "\n"
            )

    return write


def said(files):
    return check(lambda package: files if package == "torch" else (), LINUX, {"torch"})


def test_no_change(record):
    record("2.0.0")
    assert said([file("2.0.0"), file("1.0.0")]) == []  # 1.0.0 is older than what gets rows


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ([file("2.0.0"), file("2.1.0")], "torch==2.1.0 (linux_x86_64): no row"),
        ([], f"torch==2.0.0 (linux_x86_64): {NAME.format('2.0.0')} has gone from the index"),
        ([file("2.0.0", "b")], f"torch==2.0.0 (linux_x86_64): {NAME.format('2.0.0')} is another file now"),
        ([file("2.0.0", yanked=True)], f"torch==2.0.0 (linux_x86_64): {NAME.format('2.0.0')} was yanked"),
    ],
)
def test_what_has_changed_is_named(record, files, text):
    record("2.0.0")
    assert said(files) == [text]


def test_a_new_file_of_a_release_is_named(record):
    record("2.0.0")
    new = IndexFile(
        name="torch-2.0.0-cp313-cp313-manylinux_2_28_x86_64.whl", address="x", sha256="c" * 64, size=1
    )
    assert said([file("2.0.0"), new]) == [f"torch==2.0.0 (linux_x86_64): not in its row: {new.name}"]


def run(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["curate.py", *words])
    return curate.main()


def test_the_three_answers_have_three_exit_codes(record, monkeypatch, capsys):
    record("2.0.0")
    pages = {"torch": (file("2.0.0"),)}
    monkeypatch.setattr(curate, "project", lambda transport, index, package: pages[package])
    words = ["--check", "torch", "--platform", "linux_x86_64"]
    assert run(monkeypatch, *words) == 0
    assert capsys.readouterr().out.startswith("no change: every release on the index has a row")
    pages["torch"] = (file("2.0.0"), file("2.9.9"))
    assert run(monkeypatch, *words) == 1
    assert capsys.readouterr().out == "torch==2.9.9 (linux_x86_64): no row\n"

    def fails(transport, index, package):
        raise NetworkError("https://index.test/torch/: answered 500")

    monkeypatch.setattr(curate, "project", fails)
    assert run(monkeypatch, *words) == 3
    ended = capsys.readouterr()
    assert (ended.out, ended.err) == ("", "could not look: https://index.test/torch/: answered 500\n")


def test_rows_of_each_platform_lie_apart_and_pure_ones_serve_all(tmp_path, monkeypatch):
    monkeypatch.setattr(rowstore, "DATA", tmp_path)
    data = wheel({"thing/__init__.py": b""})
    names = ["thing-1.0-py3-none-any.whl", "thing-2.0-cp312-cp312-win_amd64.whl",
             "thing-2.0-cp312-cp312-manylinux_2_28_aarch64.whl"]  # fmt: skip
    files = tuple(
        IndexFile(
            name=n, address=n, sha256=hashlib.sha256(data).hexdigest(), size=len(data), uploaded="2026-01-01"
        )
        for n in names
    )

    local = FolderTransport(pages={}, files=dict.fromkeys(names, data))
    for platform in rowstore.PLATFORMS:
        curator = curate.Curator(local, "", "2026-02-02", platform=platform)
        curator.pages["thing"] = files
        curate.curate(curator, "thing", curator.releases("thing"), jobs=1)
        assert curator.failures == []
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.jsonl")) == [
        "any/thing.jsonl", "linux_aarch64/thing.jsonl", "win_amd64/thing.jsonl",
    ]  # fmt: skip
    assert set(rowstore.read_rows("thing", "win_amd64")) == {"1.0", "2.0"}
    assert list(rowstore.read_rows("thing", "linux_x86_64")) == ["1.0"]
