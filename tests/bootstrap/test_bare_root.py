"""bootstrap.sh in a bare Debian root: nothing is there but the script, the checkout and what each test installs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stackfix.errors import StackfixError
from stackfix.index.config import index_config

CHECKOUT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".stackfix", ".venv*", ".*_cache", "__pycache__", ".hypothesis")
TRUSTED = Path("/etc/ssl/certs/ca-certificates.crt")  # of this machine: a proxy may have put its own there
COPY = "/trusted.pem"
DEAD = "http://user:secret@127.0.0.1:9"

pytestmark = [pytest.mark.slow, pytest.mark.network, pytest.mark.timeout(600)]


def mirror():
    """Return the mirror and the release that this machine's own apt is configured with."""
    told = Path("/etc/os-release")
    release = (
        re.search(r"^VERSION_CODENAME=(\w+)$", told.read_text(), re.MULTILINE) if told.is_file() else None
    )
    if release is None:
        return None
    for file in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]:
        text = file.read_text() if file.is_file() else ""
        for address, suites in [
            *re.findall(r"^deb (?:\[[^]]*\] )?(\S+) (\S+)", text, re.MULTILINE),
            *re.findall(r"^URIs: (\S+)\nSuites: (.+)$", text, re.MULTILINE),
        ]:
            if suites.split()[0] == release[1]:
                return address, release[1]
    return None


def why_not():
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a root is made by root, on Linux"
    if shutil.which("mmdebstrap") is None and shutil.which("debootstrap") is None:
        return "neither mmdebstrap nor debootstrap is here"
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        return "no mount namespace can be made here (unshare -m)"
    return "" if mirror() else "this machine's apt names no mirror of its own release"


class Root:
    """A folder that is the root of a system; its file systems of the kernel are there while a command runs."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, *words, **variables):
        folder = str(self.folder)
        inside = 'mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && shift && exec chroot "$@"'
        config = index_config()
        environment = {
            "HOME": "/root",
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "DEBIAN_FRONTEND": "noninteractive",
            "PIP_INDEX_URL": config.address,
            "UV_DEFAULT_INDEX": config.address,
            **({"PIP_CERT": COPY, "SSL_CERT_FILE": COPY} if TRUSTED.is_file() else {}),
            **variables,
        }
        return subprocess.run(
            ["unshare", "-m", "sh", "-c", inside, "sh", folder, folder, *words],
            capture_output=True,
            text=True,
            env=environment,
        )

    def bootstrap(self, *words, **variables):
        return self.run("sh", "/stackfix/bootstrap.sh", *words, **variables)


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    if reason := why_not():
        pytest.skip(reason)
    try:
        index_config()
    except StackfixError as error:
        pytest.skip(error.message)
    address, release = mirror()
    folder = tmp_path_factory.mktemp("root") / "bare"
    if shutil.which("mmdebstrap"):
        command = ["mmdebstrap", "--quiet", "--variant=minbase", release, str(folder), address]
    else:
        command = ["debootstrap", "--variant=minbase", release, str(folder), address]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no root could be made from the mirror of this machine: {made.stderr[-300:]}")
    shutil.copy("/etc/resolv.conf", folder / "etc" / "resolv.conf")
    if TRUSTED.is_file():
        shutil.copy(TRUSTED, folder / COPY[1:])
    shutil.copytree(CHECKOUT, folder / "stackfix", ignore=LEFT_OUT)
    yield Root(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def with_packages(bare, tmp_path_factory):
    """Return a function that returns a root with packages in it, made once, and the checkout as it was cloned."""
    roots = {}

    def make(*packages):
        if packages not in roots:
            folder = tmp_path_factory.mktemp("root") / "-".join(packages)
            subprocess.run(["cp", "-a", "--reflink=auto", str(bare.folder), str(folder)], check=True)
            roots[packages] = Root(folder)
            for words in (("update",), ("install", "-y", "--no-install-recommends", *packages)):
                done = roots[packages].run("apt-get", "-qq", *words)
                assert done.returncode == 0, done.stderr
        root = roots[packages]
        for left in ("stackfix/.stackfix", "env"):
            shutil.rmtree(root.folder / left, ignore_errors=True)
        return root

    yield make
    for each in roots.values():
        shutil.rmtree(each.folder)


def test_with_nothing_it_says_what_to_install_and_installs_nothing(bare):
    done = bare.bootstrap()
    assert done.returncode == 3
    assert "apt-get update && apt-get install -y python3 python3-venv" in done.stderr
    assert "--install-packages lets this script do it" in done.stderr
    assert bare.run("sh", "-c", "command -v python3").returncode != 0


def test_a_python_without_ensurepip_is_named_with_what_it_lacks(with_packages):
    done = with_packages("python3").bootstrap()
    assert done.returncode == 3
    assert re.search(r"/usr/bin/python3 is Python 3\.\d+, without ensurepip and pip", done.stderr)
    assert "apt-get install -y python3 python3-venv" in done.stderr


def test_a_python_with_pip_and_no_venv_gets_uv_and_proves_dwpose(with_packages):
    done = with_packages("python3", "python3-pip").bootstrap("--venv", "/env")
    assert done.returncode == 0, done.stderr
    assert "getting uv by pip" in done.stderr
    assert "proved on cpu" in done.stdout


def test_a_python_with_venv_proves_dwpose_and_does_it_again(with_packages):
    root = with_packages("python3", "python3-venv")
    for _ in range(2):
        done = root.bootstrap("--venv", "/env")
        assert done.returncode == 0, done.stderr
        assert "proved on cpu" in done.stdout
    assert "setting up" not in done.stderr


def test_a_dead_proxy_is_named_without_its_password(with_packages):
    root = with_packages("python3", "python3-venv")
    done = root.bootstrap("--venv", "/env", https_proxy=DEAD, http_proxy=DEAD)
    assert done.returncode == 3
    assert "error: the proxy http://127.0.0.1:9 does not answer as it must" in done.stderr
    assert "secret" not in done.stderr
    assert not (root.folder / "env").exists()


def test_asked_to_it_installs_what_is_missing(bare):
    done = bare.bootstrap("--install-packages", "--venv", "/env")
    assert done.returncode == 0, done.stderr
    assert "installing, as asked: apt-get update" in done.stderr
    assert "proved on cpu" in done.stdout
