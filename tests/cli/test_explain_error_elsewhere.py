"""`explain --error --venv` where the environment is sound: fixes name it, and what that means is said."""

import subprocess
import sys

import pytest


@pytest.fixture
def sound(tmp_path):
    """An environment in which the doctor finds nothing wrong."""
    packages = tmp_path / "my env" / "lib" / "python3.12" / "site-packages"
    info = packages / "onnxruntime-1.22.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime\nVersion: 1.22.0\n")
    (info / "RECORD").write_text("onnxruntime/__init__.py,,\n")
    (packages / "onnxruntime").mkdir()
    (packages / "onnxruntime" / "__init__.py").write_text("import sys\n")
    (tmp_path / "my env" / "bin").mkdir()
    (tmp_path / "my env" / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "my env" / "pyvenv.cfg").write_text("version = 3.12.4\n")
    return tmp_path / "my env"


def explained(text, *options):
    words = [sys.executable, "-m", "stackfix", *options]
    done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=60)
    assert not done.stderr
    return done.stdout


@pytest.mark.parametrize("verb", ["explain", "doctor"])
def test_a_sound_environment_has_not_printed_it(sound, verb):
    told = explained(
        "libcublasLt.so.12: cannot open shared object file", verb, "--error", "-", "--venv", sound
    )
    assert "or by another Python" in told
    assert f"`stackfix doctor --venv '{sound}'`" in told or f"`stackfix fix --venv '{sound}'`" in told
    assert "DIR" not in told.replace(
        "stackfix install dwpose --venv DIR", ""
    )  # a new one, in a place to choose


def test_no_package_is_asked_about_what_is_none_of_theirs(sound):
    told = explained(
        "CUDA out of memory. Tried to allocate 20.00 MiB", "explain", "--error", "-", "--venv", sound
    )
    assert "gpu_memory" in told
    assert "another Python" not in told
