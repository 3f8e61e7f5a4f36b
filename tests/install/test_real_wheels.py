"""Real small wheels, located on the configured index and installed from there."""

from __future__ import annotations

import pytest

from conftest import PYTHON, VERSION, said, snapshot
from stackfix.index.artifacts import Index, Wanted, locate
from stackfix.index.config import index_config
from stackfix.index.simple import project
from stackfix.index.transport import HttpTransport
from stackfix.install.install import install
from stackfix.model.lock import Lock, LockedFile, LockedPackage
from stackfix.probe.environment import read_environment

pytestmark = pytest.mark.network

FILES = {"six": "six-1.17.0-py2.py3-none-any.whl", "click": "click-8.1.8-py3-none-any.whl"}


@pytest.fixture(scope="module")
def lock() -> Lock:
    config = index_config()
    index = Index("pypi", config.address)
    transport = HttpTransport(certificate=config.certificate)
    wanted = []
    for package, name in FILES.items():
        listed = next(file for file in project(transport, index.address, package) if file.name == name)
        wanted.append(Wanted(package=package, name=name, sha256=listed.sha256, size=listed.size))
    addresses = locate(wanted, transport, [index])
    return Lock(
        packages=tuple(
            LockedPackage(
                name=each.package,
                version=each.name.split("-")[1],
                file=LockedFile(
                    name=each.name, size=each.size, sha256=each.sha256, url=addresses[each.name].url
                ),
                index=addresses[each.name].index,
            )
            for each in wanted
        ),
        python=VERSION,
        platform="linux_x86_64",
    )


def test_both_installers_install_the_same_real_files(lock, tmp_path):
    found = []
    for installer in ("uv", "pip"):
        target = tmp_path / installer
        made = read_environment(
            install(lock, target, PYTHON, read=read_environment, prove=bool, installer=installer)
        )
        assert made.packages == {"click": "8.1.8", "six": "1.17.0"}
        assert said(target / "bin" / "python", "import six, click; print(six.__version__)") == "1.17.0"
        folder = target / "lib" / f"python{VERSION}" / "site-packages"
        found.append(
            {
                path: content
                for path, content in snapshot(folder).items()
                if not path.endswith((".pyc", "INSTALLER", "RECORD", "_virtualenv.py", "_virtualenv.pth"))
            }
        )
    assert found[0] == found[1]
    assert len(found[0]) > 20
