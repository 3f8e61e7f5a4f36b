"""An environment's texts that name the folder it was built in, made to name the folder it will stand in."""

from __future__ import annotations

import os
from pathlib import Path

from stackfix.install.create import site_packages
from stackfix.install.record import replace_bytes, update_hashes

_LARGEST = 8 << 20
_LONGEST_FIRST_LINE = 127
_BY_SH = b"""#!/bin/sh
'''exec' "%s" "$0" "$@"
' '''
"""


def relocate(environment: Path, final: Path) -> tuple[Path, ...]:
    """Rewrite `environment`'s own name to that of `final` in its scripts, pyvenv.cfg and path files; return which.

    Both lie in the same folder and only the last part of the path differs: the name of a folder that is built
    in is unique and needs no quotes, while the folders above may stand in scripts quoted in several ways.
    RECORD hashes of rewritten files are brought up to date. Nothing else in an environment names its folder:
    wheels are unpacked as they are, and Python corrects the file names in cached bytecode as it loads it.
    """
    old, new = os.fsencode(environment.name), os.fsencode(final.name)
    packages = site_packages(environment)
    changed: list[Path] = []
    for path in _texts(environment, packages):
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
            continue
        data = path.read_bytes()
        if old in data:
            replace_bytes(path, _runnable(data.replace(old, new)))
            changed.append(path)
    update_hashes(packages, changed)
    return tuple(changed)


def _runnable(script: bytes) -> bytes:
    """Return a script whose first line the kernel can follow: a path in it ends at a space, and at 127 bytes.

    A Python script is then started by sh, which reads in its next lines what is a string to Python, as pip and uv
    write it.
    """
    first, _, rest = script.partition(b"\n")
    path = first.removeprefix(b"#!")
    if not first.startswith(b"#!/") or b"/bin/python" not in path:
        return script
    plain = b" " not in path and len(first) <= _LONGEST_FIRST_LINE
    return script if plain else _BY_SH % path + rest


def _texts(environment: Path, packages: Path) -> list[Path]:
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    found = [environment / "pyvenv.cfg", *sorted(scripts.iterdir()), *sorted(packages.glob("*.pth"))]
    return [*found, *sorted((environment / "share").rglob("kernel.json"))]
