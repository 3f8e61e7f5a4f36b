"""The texts of exports: what each holds, and that nothing of a set can lead out of its place in them."""

import re
import shutil
import subprocess
import sys

import pytest
from inline_snapshot import snapshot
from msgspec.structs import replace

from stackfix.facts.root import data_root
from stackfix.model.lock import Lock, LockedFile, LockedPackage
from stackfix.plan.lock import parse_toml
from stackfix.render.export.conda import conda
from stackfix.render.export.dockerfile import dockerfile
from stackfix.render.export.formats import FORMATS
from stackfix.render.export.pyproject import pyproject
from stackfix.render.export.requirements import requirements
from stackfix.render.export.subject import Subject

FUNCTIONS = (data_root() / "tool" / "shared.sh").read_text()


def package(name: str, version: str, digit: str) -> LockedPackage:
    stem = name.replace("-", "_")
    file = LockedFile(name=f"{stem}-{version}-py3-none-any.whl", size=1_000_000, sha256=digit * 64, url="")
    return LockedPackage(name=name, version=version, file=file)


def cpu_set(**said: object) -> Subject:
    lock = Lock(
        packages=(package("numpy", "2.5.5", "b"), package("absl-py", "2.0", "a")),
        python="3.12",
        platform="linux_x86_64",
        device="cpu",
        facts_date="2026-11-24",
        recipe="dwpose",
    )
    given = {"name": "dwpose", "asked": ("dwpose",), "glibc": "2.28", "functions": FUNCTIONS}
    return Subject(**{"lock": lock, **given, **said})


def gpu_set(platform: str = "linux_x86_64", **said: object) -> Subject:
    lock = Lock(
        packages=(package("onnxruntime-gpu", "1.31.1", "c"),),
        python="3.12",
        platform=platform,
        device="gpu",
        cuda="13.2",
        driver="580.95.05",
        gpus=("GeForce RTX 4090 (sm_89)",),
        facts_date="2026-11-24",
    )
    added = {"_stackfix_libraries.py": "LIBRARIES = ('it's',)\n", "stackfix_libraries.pth": "import sys\n"}
    return Subject(
        **{
            "lock": lock,
            "name": "dwpose",
            "asked": ("dwpose",),
            "driver_floor": "580.65.06",
            "added": added,
            "functions": FUNCTIONS,
            **said,
        }
    )


def test_requirements_are_whole_and_sorted():
    assert requirements(cpu_set()) == snapshot(
        """\
# `stackfix export dwpose --format requirements`
# for linux_x86_64, Python 3.12; facts of 2026-11-24
# 2 packages, 2.0 MB to download; every file by its sha256
# needs glibc 2.28 or newer
# pip install --no-deps --require-hashes -r FILE
# uv pip install --no-deps --require-hashes -r FILE
--only-binary :all:
absl-py==2.0 --hash=sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
numpy==2.5.5 --hash=sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
"""
    )


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("bootstrap-ps1", "pyproject")])
def test_every_linux_format_holds_every_hash_and_no_address(name):
    text = FORMATS[name].render(cpu_set())
    assert "a" * 64 in text
    assert "b" * 64 in text
    assert "://" not in text


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "pylock"])
def test_every_format_of_a_gpu_set_names_the_driver_that_it_needs(name):
    subject = gpu_set("win_amd64" if name == "bootstrap-ps1" else "linux_x86_64")
    assert FORMATS[name].serves(subject)
    assert "580.65.06" in FORMATS[name].render(subject)


def test_a_linux_set_is_not_written_for_powershell_nor_a_windows_set_for_docker():
    assert not FORMATS["bootstrap-ps1"].serves(gpu_set())
    assert not FORMATS["dockerfile"].serves(gpu_set("win_amd64"))
    assert FORMATS["conda"].serves(gpu_set("win_amd64"))


def test_a_pyproject_is_toml_with_exact_pins_for_one_platform():
    document = parse_toml(pyproject(cpu_set()))
    assert document["project"]["dependencies"] == ["absl-py==2.0", "numpy==2.5.5"]
    assert document["project"]["requires-python"] == "==3.12.*"
    assert document["tool"]["uv"]["environments"] == [
        "sys_platform == 'linux' and platform_machine == 'x86_64'"
    ]
    assert document["tool"]["uv"]["no-build"] is True


def test_an_option_that_ends_in_a_colon_is_quoted_for_yaml():
    assert '      - "--only-binary :all:"\n' in conda(cpu_set())


def test_a_container_runs_as_no_root_and_asks_for_the_driver_only_where_there_is_a_gpu():
    cpu, gpu = dockerfile(cpu_set()), dockerfile(gpu_set())
    for text in (cpu, gpu):
        assert re.search(r"^USER 1000$", text, re.MULTILINE)
    assert "NVIDIA" not in cpu
    assert "ENV NVIDIA_VISIBLE_DEVICES=all\nENV NVIDIA_DRIVER_CAPABILITIES=compute,utility\n" in gpu


def test_files_for_site_packages_come_out_of_a_container_build_as_they_went_in(tmp_path):
    subject = gpu_set()
    run = dockerfile(subject).split("RUN ", 1)[1].split("\n\n")[0]
    writing = run[run.index("pip install") :].split("requirements.txt; ", 1)[1].rsplit("rm /tmp", 1)[0]
    script = writing.replace("/opt/environment/lib/python3.12/site-packages", str(tmp_path))
    subprocess.run(["sh", "-c", script.lstrip("\\\n ")], check=True)
    for name, text in subject.added.items():
        assert (tmp_path / name).read_text() == text


def test_what_was_typed_cannot_leave_its_comment():
    subject = cpu_set(asked=("torch>=2\nRUN rm -rf /", "$(id)"))
    for name in ("requirements", "dockerfile", "conda", "bootstrap-sh", "cloud-init", "pyproject"):
        lines = FORMATS[name].render(subject).splitlines()
        assert [line for line in lines if "rm -rf /'" in line and not line.lstrip().startswith("#")] == []


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_heading_says_that_files_are_held_by_hashes_only_where_they_are(name):
    text = FORMATS[name].render(gpu_set("win_amd64" if name == "bootstrap-ps1" else "linux_x86_64"))
    assert ("every file by its sha256" in text) == ("sha256:" + "c" * 64 in text)
    assert ("hashes have no place in this format" in text) == ("no file's sha256" in text)


@pytest.mark.parametrize(
    ("place", "variables"),
    [
        (".pyenv/versions/3.12.7/bin", {}),
        ("pyenv root/versions/3.12.7/bin", {"PYENV_ROOT": "pyenv root"}),
        (".local/share/uv/python/cpython-3.12.9-linux-x86_64-gnu/bin", {}),
        ("data/uv/python/cpython-3.12.9-linux-x86_64-gnu/bin", {"XDG_DATA_HOME": "data"}),
        ("uvs/cpython-3.12.9-linux-x86_64-gnu/bin", {"UV_PYTHON_INSTALL_DIR": "uvs"}),
        (".local/share/mise/installs/python/3.12.1/bin", {}),
        ("miniconda3/bin", {}),
    ],
)
@pytest.mark.parametrize("alone", ["", "venv"])
def test_a_script_finds_a_python_that_is_not_on_the_path(tmp_path, place, variables, alone):
    free_threaded = tmp_path / ".pyenv/versions/3.12.0t/bin"
    for folder in (tmp_path / place, free_threaded):
        folder.mkdir(parents=True)
        (folder / "python3").write_text("#!/bin/sh\nexit 0\n")
        (folder / "python3").chmod(0o755)
    done = subprocess.run(
        [shutil.which("sh"), "-euc", f"{FUNCTIONS}\nfind_python 3.12 {alone}"],
        env={
            "PATH": "",
            "HOME": str(tmp_path),
            **{key: str(tmp_path / value) for key, value in variables.items()},
        },
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == (f"{tmp_path / place / 'python3'}\n", "")


def test_a_script_that_finds_no_python_says_nothing_and_fails(tmp_path):
    done = subprocess.run(
        [shutil.which("sh"), "-euc", f"{FUNCTIONS}\nfind_python 3.987"],
        env={"PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not here")
def test_shellcheck_has_nothing_to_say_of_a_script():
    for subject in (cpu_set(), gpu_set()):
        text = FORMATS["bootstrap-sh"].render(subject)
        done = subprocess.run(["shellcheck", "-"], input=text, capture_output=True, text=True)
        assert done.stdout == ""


def test_a_powershell_script_is_ascii_and_its_blocks_are_closed():
    text = FORMATS["bootstrap-ps1"].render(gpu_set("win_amd64", asked=("dwpose", "\N{SNOWMAN}")))
    assert text.isascii()
    assert text.count("@'\n") == text.count("\n'@") == 3
    body = re.sub(r"@'\n.*?\n'@|'[^'\n]*'|\"[^\"\n]*\"|#[^\n]*", "", text, flags=re.DOTALL)
    for opened, closed in ("()", "{}", "[]"):
        assert body.count(opened) == body.count(closed)


def shell(text, *words, path="/usr/bin:/bin", home="/nonexistent"):
    return subprocess.run(
        ["sh", "-s", "--", *words],
        input=text,
        capture_output=True,
        text=True,
        env={"PATH": path, "HOME": home},
        timeout=120,
    )


linux = pytest.mark.skipif(sys.platform != "linux", reason="a script for Linux")


@linux
def test_a_script_refuses_another_machine_another_glibc_and_a_folder_that_it_did_not_make(tmp_path):
    render = FORMATS["bootstrap-sh"].render
    windows = shell(render(cpu_set(lock=replace(cpu_set().lock, platform="win_amd64"))))
    assert windows.returncode == 1
    assert "this set is for win_amd64, this machine is linux_" in windows.stderr
    old = shell(render(cpu_set(glibc="9.1")), "--venv", str(tmp_path / "new"))
    assert old.returncode == 1
    assert "and the files of this set need 9.1" in old.stderr
    foreign = shell(render(cpu_set()), "--venv", str(tmp_path))
    assert foreign.returncode == 2
    assert "this script did not make it" in foreign.stderr
    assert not (tmp_path / "new").exists()


@linux
def test_a_script_without_a_python_says_what_to_install_and_leaves_nothing(tmp_path):
    for tool in ("uname", "tr", "getconf", "awk", "dirname", "mkdir", "df", "sed", "cat"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    (tmp_path / "apt-get").write_text("#!/bin/sh\n")
    (tmp_path / "apt-get").chmod(0o755)
    text = FORMATS["bootstrap-sh"].render(cpu_set())
    done = subprocess.run(
        [shutil.which("sh"), "-s", "--", "--venv", str(tmp_path / "new")],
        input=text,
        capture_output=True,
        text=True,
        env={"PATH": str(tmp_path), "HOME": "/nonexistent"},
    )
    assert done.returncode == 3
    assert "there is no Python 3.12 that can make environments, and no uv" in done.stderr
    assert "apt-get install python3.12 python3.12-venv" in done.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not here")
@pytest.mark.parametrize("made", [cpu_set, gpu_set])
def test_hadolint_has_nothing_to_say(made):
    done = subprocess.run(
        ["hadolint", "--no-color", "-"], input=dockerfile(made()), capture_output=True, text=True
    )
    assert (done.stdout, done.returncode) == ("", 0)
