"""Lock what the tool itself needs, on every Python and system it runs on, and what builds it in a checkout.

Writes data/tool/requirements.txt (which ./stackfix, bootstrap.sh and bundles install by hash) and data/tool/build.txt,
from pyproject.toml, by uv from the index that it is configured with; no address is written into them.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
TOOL = CHECKOUT / "data" / "tool" / "requirements.txt"
BUILD = CHECKOUT / "data" / "tool" / "build.txt"
OLDEST = "3.10"
BUILDS = "hatchling>=1.27\neditables\n"  # hatchling asks for editables when it builds an editable install
HEADING = "# {what}, by hash; written by tools/lock_requirements.py, never by hand.\n"


def compiled(*words: str) -> str:
    """Return what uv resolves, for every platform, with the hashes of all wheels and archives."""
    uv = Path(sys.executable).with_name("uv")
    command = str(uv) if uv.is_file() else shutil.which("uv")
    if command is None:
        sys.exit("uv is not here: python -m pip install --group test")
    fixed = [
        "pip",
        "compile",
        "--quiet",
        "--universal",
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
        "--only-binary",
        ":all:",
        "--python-version",
        OLDEST,
        "--upgrade",
    ]
    done = subprocess.run(
        [command, *fixed, *words], cwd=CHECKOUT, check=True, stdout=subprocess.PIPE, text=True
    )
    if "://" in done.stdout:
        sys.exit("uv wrote an address into the lock")
    return done.stdout


def main() -> None:
    """Write both files."""
    TOOL.parent.mkdir(exist_ok=True)
    tool = compiled("--extra", "uv", "pyproject.toml")
    TOOL.write_text(HEADING.format(what="What stackfix itself needs") + tool, encoding="utf-8")
    known = sorted(set(re.findall(r"^([a-z0-9-]+)==", tool, re.MULTILINE)))
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "build.in"
        wanted.write_text(BUILDS, encoding="utf-8")
        left_out = [word for name in known for word in ("--no-emit-package", name)]
        build = compiled("--constraints", str(TOOL), *left_out, str(wanted))
    BUILD.write_text(HEADING.format(what="What builds stackfix in a checkout") + build, encoding="utf-8")


if __name__ == "__main__":
    main()
