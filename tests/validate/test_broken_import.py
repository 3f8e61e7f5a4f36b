"""A library that can't be imported: what broke is told first, and what only follows is not asked."""

import subprocess
import sys
from pathlib import Path

import pytest

from stackfix.validate.run import run


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    for name, text in (
        ("numpy", "no import numpy"),
        ("cv2", "raise SystemExit"),
        ("onnxruntime", "import os\nos.abort()"),
        ("torch", "import os\nos.abort()"),
    ):
        (site / name).mkdir()
        (site / name / "__init__.py").write_text(text, encoding="utf-8")
    return site


def test_where_numpy_is_broken_nothing_that_is_built_on_it_is_asked(site, weights):
    python = site.parents[2] / "bin" / "python"
    verdict = run(python, device="cpu", weights=weights, environment={})
    assert (verdict.state, verdict.code) == ("failed", "package_broken")
    assert verdict.reason.startswith("import numpy failed: SyntaxError: ")
    assert [check.name for check in verdict.checks] == ["import numpy"]
    assert verdict.checks[0].text.endswith(f"\nraised in {site / 'numpy' / '__init__.py'}")
