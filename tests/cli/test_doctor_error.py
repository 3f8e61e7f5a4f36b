"""`doctor --error`: what a program printed, beside what its environment shows."""

import json
import subprocess
import sys


def test_a_mask_is_told_by_what_the_environment_shows(tmp_path):
    packages = tmp_path / "lib" / "python3.12" / "site-packages"
    for name, version in (("onnxruntime", "1.22.0"), ("onnxruntime-gpu", "1.22.0")):
        info = packages / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "RECORD").write_text("onnxruntime/__init__.py,,\n")
    (packages / "onnxruntime").mkdir()
    (packages / "onnxruntime" / "__init__.py").write_text("")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "pyvenv.cfg").write_text("version = 3.12.4\n")
    words = [sys.executable, "-m", "stackfix", "doctor", "--venv", str(tmp_path), "--error", "-", "--json"]
    text = "DWPose: 'NoneType' object has no attribute 'get_providers'"
    done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=60)
    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert answer["findings"][0]["code"] == "both_ort_packages"
    assert answer["causes"][0]["code"] == "both_ort_packages"
