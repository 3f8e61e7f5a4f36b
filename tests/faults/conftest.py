"""The bench of each fault, and the table of all faults at the end of a run."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_bench import VERSION, Bench, Point, may_mount
from fault_server import Server, index

_SEEN: list[Point] = []
_NOT_OURS = (
    "PIP_",
    "UV_",
    "STACKFIX_",
    "PYTHON",
    "VIRTUAL_ENV",
    "XDG_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: what a machine does to an install does not depend on Python."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.fault)


@pytest.fixture
def server() -> Iterator[Server]:
    with index(Server()) as up:
        for version in ("1.0", "2.0"):
            up.publish("app", version)
            up.publish("lib", version, weight=4000)
        yield up


def _variables(folder: Path, address: str) -> dict[str, str]:
    """The variables of a user who has nothing configured but this index, and does not want to wait."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(_NOT_OURS)}
    kept.pop("LD_PRELOAD", None)
    return kept | {
        "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src"),
        "HOME": str(folder / "home"),
        "UV_CACHE_DIR": str(folder / "uv-cache"),
        "PIP_CACHE_DIR": str(folder / "pip-cache"),
        "STACKFIX_DATA": str(folder / "data"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "PIP_INDEX_URL": f"{address}/simple",
        "UV_DEFAULT_INDEX": f"{address}/simple",
        "UV_HTTP_RETRIES": "0",
        "PIP_RETRIES": "0",
        "UV_HTTP_TIMEOUT": "4",
        "PIP_TIMEOUT": "4",
    }


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an environment of version 1.0 and with facts that were measured of the packages."""
    folder = tmp_path_factory.mktemp("prepared")
    with index(Server()) as up:
        for version in ("1.0", "2.0"):
            up.publish("app", version)
            up.publish("lib", version, weight=4000)
        bench = Bench(up, folder, folder, _variables(folder, up.address), folder)
        done = bench.run(bench.words("1.0"))
        assert done.code == 0, done
        wanted = [f"{name}=={version}" for name in ("app", "lib") for version in ("1.0", "2.0")]
        done = bench.run(["facts", "measure", *wanted, "--platform", "linux_x86_64"])
        assert done.code == 0, done
    return folder


@pytest.fixture
def bench(server: Server, prepared: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    place = tmp_path / "place"
    place.mkdir()
    (tmp_path / "home").mkdir()
    variables = _variables(tmp_path, server.address) | {"STACKFIX_DATA": str(prepared / "data")}
    variables["XDG_CACHE_HOME"] = str(prepared / "cache")  # which Pythons there are is found once
    made = Bench(server, place, tmp_path, variables, prepared / "venv")
    yield made
    server.held.set()
    made.end()
    for point in made.points:
        request.node.user_properties.append(("fault", dataclasses.asdict(point)))


@pytest.fixture(scope="session")
def mounts(tmp_path_factory: pytest.TempPathFactory) -> bool:
    return may_mount(tmp_path_factory.mktemp("mount"))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Gather the rows, here and from other processes."""
    if report.when == "teardown":
        _SEEN.extend(Point(**point) for name, point in report.user_properties if name == "fault")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of all faults."""
    if not _SEEN:
        return
    rows = sorted(set(_SEEN), key=lambda point: (point.kind, point.what))
    terminalreporter.section(f"{len(rows)} fault points (Python {VERSION})")
    width = max(len(point.what) for point in rows)
    for number, point in enumerate(rows, start=1):
        line = f"{number:3} {point.kind:<10} {point.what:<{width}} {point.state:<9} exit {point.code:<4}"
        terminalreporter.write_line(f"{line} then {point.next_run or 'not run'}")
        terminalreporter.write_line(f"    {'':<10} {point.said}")
