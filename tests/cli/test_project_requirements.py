"""A project's own requirements are solved with the facts; what the facts do not know is resolved under the pins."""

import hashlib
import io
import json
import tarfile

import pytest
from binaries import part

from stackfix import app
from stackfix.asking import MachineQuestion, Question
from stackfix.errors import DataError, QuestionError
from stackfix.model.resolution import Explanation
from stackfix.project import wishes

pytestmark = pytest.mark.resolving

CPU = ["--gpu", "none", "--python", "3.12", "--glibc", "2.35", "--platform", "linux_x86_64"]


@pytest.fixture
def project(index, tmp_path):
    """An index with a package that is measured (known 1.0 and 2.0) and others that no fact is about."""
    for version in ("1.0", "2.0"):
        index.publish(*part("known", version))
    index.publish(*part("strange", requires=["deep>=1", "known"]))
    index.publish(*part("deep"))
    index.publish(*part("old", requires=["known<2"]))
    index.publish(*part("alone"))
    done = index.run("facts", "measure", "known==1.0", "known==2.0", "--platform", "linux_x86_64")
    assert done.returncode == 0, done.stderr
    return tmp_path


def locked(index, folder, *words):
    done = index.run(
        "lock", *words, *CPU, "--json", "-o", str(folder / "pylock.toml"), UV_CACHE_DIR=str(folder / "c")
    )
    return done, json.loads(done.stdout)


def test_what_the_facts_do_not_know_goes_into_the_lock_with_address_and_hash(index, project):
    (project / "r.txt").write_text("known\nstrange  # a comment\n")
    done, said = locked(index, project, "-r", str(project / "r.txt"))
    assert done.returncode == 0, done.stderr
    assert said["packages"] == {"deep": "1.0", "known": "2.0", "strange": "1.0"}
    text = (project / "pylock.toml").read_text()
    for name in ("deep", "strange"):
        file = f"{name}-1.0-py3-none-any.whl"
        assert f"{index.address}/files/{file}" in text
        assert hashlib.sha256(index.files[file]).hexdigest() in text


def test_what_a_strange_package_needs_of_the_facts_is_solved_with_them(index, project):
    (project / "r.txt").write_text("strange\nknown==1.0\n")
    _, said = locked(index, project, "-r", str(project / "r.txt"))
    assert said["packages"]["known"] == "1.0"


def test_a_strange_package_that_does_not_fit_the_pins_is_said_with_uvs_words(index, project):
    (project / "r.txt").write_text("known\nold\n")
    done, _ = locked(index, project, "-r", str(project / "r.txt"))
    assert done.returncode == 3
    assert "does not fit the set that works here" in done.stderr
    assert "known<2" in done.stderr
    (project / "r.txt").write_text("known<2\nold\n")
    _, said = locked(index, project, "-r", str(project / "r.txt"))
    assert said["packages"] == {"known": "1.0", "old": "1.0"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nowhere==1", "`nowhere`, which FILE line 2 asks for, is not on the index"),
        ("deep==9", "the index has no release of `deep` that answers `deep==9`, which FILE line 2 asks for"),
        ("deep>9", "the index has no release of `deep` that answers `deep>9`, which FILE line 2 asks for"),
    ],
)
def test_what_the_index_does_not_have_is_named_with_who_asks(index, project, line, said):
    (project / "r.txt").write_text(f"known\n{line}\n")
    done, _ = locked(index, project, "-r", str(project / "r.txt"))
    assert done.returncode == 3
    assert said.replace("FILE", str(project / "r.txt")) in done.stderr


def test_what_a_package_by_the_way_lacks_on_the_index_is_named_too(index, project):
    index.publish(*part("broken", requires=["absent>=1"]))
    (project / "r.txt").write_text("known\nbroken\n")
    done, _ = locked(index, project, "-r", str(project / "r.txt"))
    assert "`absent`, which another package asks for, is not on the index" in done.stderr


def source(name, version, requires=()):
    """Return a source that says nothing of itself before its set-up script is run."""
    lines = f"from setuptools import setup\nsetup(name={name!r}, version={version!r}, py_modules=[{name!r}], install_requires={list(requires)!r})\n"
    files = {
        "setup.py": lines,
        f"{name}.py": "built = True\n",
        "PKG-INFO": f"Metadata-Version: 1.0\nName: {name}\nVersion: {version}\n",
    }
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for file, text in files.items():
            entry = tarfile.TarInfo(f"{name}-{version}/{file}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return f"{name}-{version}.tar.gz", content.getvalue()


def test_a_source_alone_is_built_only_where_it_is_named(index, project):
    index.publish(*source("sourced", "1.0"))
    (project / "r.txt").write_text("known\nsourced\n")
    done, _ = locked(index, project, "-r", str(project / "r.txt"))
    assert done.returncode == 3
    assert "`--build-from-source sourced`" in done.stderr
    words = ("-r", str(project / "r.txt"), "--build-from-source", "sourced")
    done, said = locked(index, project, *words)
    assert done.returncode == 0, done.stderr
    assert said["packages"]["sourced"] == "1.0"
    text = (project / "pylock.toml").read_text()
    assert f'sdist = {{ name = "sourced-1.0.tar.gz", url = "{index.address}' in text
    install = ("install", "--lock", str(project / "pylock.toml"), "--venv", str(project / "env"), *CPU)
    refused = index.run(*install, UV_CACHE_DIR=str(project / "c"))
    assert refused.returncode == 2
    assert "let it be built, which runs its own code here: `--build-from-source sourced`" in refused.stderr
    assert not (project / "env").exists()
    measured, _ = locked(index, project, *words, "--build-from-source", "known")
    assert "`known` is not built from source: the facts are about its wheels" in measured.stderr


def test_all_that_are_source_alone_are_named_in_one_run(index, project):
    names = ("sourced", "spring", "well")
    for name in names:
        index.publish(*source(name, "1.0"))
    (project / "r.txt").write_text("\n".join(("known", *names)) + "\n")
    done, _ = locked(index, project, "-r", str(project / "r.txt"))
    assert done.returncode == 3
    assert all(f"`{name}`" in done.stderr and f"--build-from-source {name}" in done.stderr for name in names)
    assert "are published as source alone" in done.stderr
    assert "known" not in done.stderr.partition("error: ")[2]


@pytest.mark.parametrize("form", ["requirements", "dockerfile", "conda", "bootstrap-sh"])
def test_an_export_names_what_is_built_from_source_for_its_reader(index, project, form):
    index.publish(*source("sourced", "1.0"))
    (project / "r.txt").write_text("known\nsourced\n")
    words = ["-r", str(project / "r.txt"), *CPU, "-o", "-", "--build-from-source", "sourced"]
    done = index.run("export", "--format", form, *words, UV_CACHE_DIR=str(project / "c"))
    assert done.returncode == 0, done.stderr
    assert "--only-binary :all:" in done.stdout
    assert "--no-binary sourced" in done.stdout
    assert hashlib.sha256(index.files["sourced-1.0.tar.gz"]).hexdigest() in done.stdout


def test_a_constraint_holds_and_brings_nothing_in(index, project):
    (project / "r.txt").write_text("known\n")
    (project / "c.txt").write_text("known<2\ndeep==1.0\n")
    _, said = locked(index, project, "-r", str(project / "r.txt"), "-c", str(project / "c.txt"))
    assert said["packages"] == {"known": "1.0"}


def test_a_hash_that_is_not_the_files_is_refused(index, project):
    right = hashlib.sha256(index.files["known-2.0-py3-none-any.whl"]).hexdigest()
    for digest, code in ((right, 0), ("0" * 64, 3)):
        (project / "r.txt").write_text(f"known==2.0 --hash=sha256:{digest}\n")
        done, _ = locked(index, project, "-r", str(project / "r.txt"))
        assert done.returncode == code, done.stderr
    assert "is none of the 1 that your requirements name for known" in done.stderr


def test_the_dependencies_of_a_pyproject_are_requirements(index, project):
    (project / "pyproject.toml").write_text('[project]\nname = "mine"\ndependencies = ["known<2", "deep"]\n')
    _, said = locked(index, project, "-r", str(project / "pyproject.toml"))
    assert said["packages"] == {"deep": "1.0", "known": "1.0"}


def test_no_python_is_looked_for_or_fetched_to_resolve(index, project):
    (project / "r.txt").write_text("known\ndeep\n")
    words = ["-r", str(project / "r.txt"), "-o", str(project / "pylock.toml")]
    mirror = f"{index.address}/pythons"
    done = index.run("lock", *words, *CPU, PATH=str(project), UV_PYTHON_INSTALL_MIRROR=mirror)
    assert done.returncode == 0, done.stderr
    assert not [path for path in index.asked if "pythons" in path]


def test_resolve_names_what_it_did_not_judge(index, project):
    (project / "r.txt").write_text("known\nstrange\n")
    done = index.run("resolve", "-r", str(project / "r.txt"), *CPU)
    assert done.returncode == 0
    assert "not judged, for no facts are about it: strange" in done.stdout + done.stderr


def test_nested_files_are_read_from_where_they_lie(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "r.txt").write_text("torch\n-r sub/more.txt\n--constraint=sub/c.txt\n--prefer-binary\n")
    (tmp_path / "sub" / "more.txt").write_text('numpy>=1 \\\n  ; python_version > "3"\n-rthird.txt\n')
    (tmp_path / "sub" / "third.txt").write_text("pillow # for pictures\n\n# nothing\n")
    (tmp_path / "sub" / "c.txt").write_text("numpy<3\n")
    found = wishes(str(tmp_path / "r.txt"))
    assert [(wish.package, wish.constrains) for wish in found] == [
        ("torch", False),
        ("numpy", False),
        ("pillow", False),
        ("numpy", True),
    ]
    assert found[1].place == f"{tmp_path / 'sub' / 'more.txt'} line 1"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--index-url https://elsewhere.example/simple", "a package has one source"),
        ("-i https://elsewhere.example/simple", "a package has one source"),
        ("--extra-index-url=https://elsewhere.example", "a package has one source"),
        ("-f wheels", "a package has one source"),
        ("-e .", "built from source"),
        ("--pre", "not understood here"),
        ("-r", "names no file"),
        ("./local.whl", "names a path"),
        ("C:\\wheels\\local.whl", "names a path"),
        ("thing @ https://elsewhere.example/thing.whl", "names an address"),
        ("https://elsewhere.example/thing.whl", "names an address"),
        ("git+https://elsewhere.example/thing", "names a repository"),
        ("thing @ git+https://elsewhere.example/thing", "names a repository"),
        ("torch==", "is not a requirement"),
        ("torch==2.15.0 --hash=md5:00ff", "none is a sha256"),
        ("-r nothing.txt", "cannot be read"),
        ("-r r.txt", "names itself"),
    ],
)
def test_what_an_installer_would_do_and_a_lock_cannot_is_refused_with_its_place(tmp_path, line, said):
    (tmp_path / "r.txt").write_text(f"numpy\n{line}\n")
    with pytest.raises(QuestionError, match=said) as caught:
        wishes(str(tmp_path / "r.txt"))
    if isinstance(caught.value, DataError) and said != "names itself":
        assert caught.value.place == "line 2"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[project", ""),
        ("[tool.x]", "project.dependencies"),
        ('[project]\ndependencies = "torch"', "project.dependencies"),
        ("[project]\ndependencies = [3]", "project.dependencies[0]"),
    ],
)
def test_a_pyproject_that_is_none_is_refused(tmp_path, text, place):
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(DataError) as caught:
        wishes(str(tmp_path / "pyproject.toml"))
    assert caught.value.place == place


@pytest.mark.parametrize("form", ["requirements", "dockerfile", "conda", "bootstrap-sh"])
def test_an_export_holds_what_the_facts_do_not_know_by_its_hash(index, project, form):
    (project / "r.txt").write_text("known\nstrange\n")
    words = ["-r", str(project / "r.txt"), *CPU, "-o", "-"]
    done = index.run("export", "--format", form, *words, UV_CACHE_DIR=str(project / "c"))
    assert done.returncode == 0, done.stderr
    for name in ("known-2.0", "strange-1.0", "deep-1.0"):
        assert hashlib.sha256(index.files[f"{name}-py3-none-any.whl"]).hexdigest() in done.stdout
    assert index.address not in done.stdout


def test_an_export_says_where_what_the_facts_do_not_know_does_not_fit(index, project):
    (project / "r.txt").write_text("known==2.0\nold\n")
    words = ["-r", str(project / "r.txt"), *CPU, "-o", "-"]
    done = index.run("export", "--format", "requirements", *words, UV_CACHE_DIR=str(project / "c"))
    assert done.returncode == 3
    assert "does not fit the set" in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("device", ["none", "RTX 4090"])
def test_a_project_that_asks_for_opencv_with_windows_gets_that_one_alone(device):
    machine = MachineQuestion(driver="580.95.05", gpus=(device,), python="3.12", platform="linux_x86_64")
    asked = app.resolve(Question(targets=("dwpose", "opencv-python>=4.7"), machine=machine), reasons="none")
    alone = app.resolve(Question(targets=("dwpose",), machine=machine), reasons="none")
    assert "opencv-python" in asked.result.packages
    assert "opencv-python-headless" not in asked.result.packages
    assert "opencv-python-headless" in alone.result.packages
    both = Question(targets=("dwpose", "opencv-python", "opencv-python-headless"), machine=machine)
    assert isinstance(app.resolve(both, reasons="none").result, Explanation)
