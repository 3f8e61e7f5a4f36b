"""stackfix itself as a wheel, made of the files that run: the same files give the same bytes."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from stackfix.errors import InstallerError

NAME = "stackfix-cuda"
_WHEN = (2020, 1, 1, 0, 0, 0)
_WHEEL = "Wheel-Version: 1.0\nGenerator: stackfix\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_LEFT_OUT = ("__pycache__",)


def own_wheel(folder: Path, package: Path, data: Path) -> Path:
    """Write the wheel of the code in `package` and of the facts in `data` into a folder; return where it is."""
    try:
        own = distribution(NAME)
    except PackageNotFoundError as error:
        raise InstallerError(
            f"{NAME} is not installed here, so its name and version are not known"
        ) from error
    stem = f"{NAME.replace('-', '_')}-{own.version}"
    target = folder / f"{stem}-py3-none-any.whl"
    part = target.with_name(f"{target.name}.part")
    recorded: list[str] = []
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _files(package, data, own, f"{stem}.dist-info"):
            _add(archive, name, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            recorded.append(f"{name},sha256={digest},{len(content)}")
        record = f"{stem}.dist-info/RECORD"
        _add(archive, record, "\n".join([*recorded, f"{record},,", ""]).encode())
    part.replace(target)
    return target


def _files(package: Path, data: Path, own: Distribution, information: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and content, in a fixed order."""
    for root, prefix in ((package, "stackfix"), (data, "stackfix/data")):
        for path in sorted(root.rglob("*")):
            relative = path.relative_to(root)
            inside = root is package and relative.parts[0] == "data"  # an installed package holds its data
            if path.is_file() and not inside and not set(relative.parts) & set(_LEFT_OUT):
                yield f"{prefix}/{relative.as_posix()}", path.read_bytes()
    for name in ("METADATA", "entry_points.txt"):
        text = own.read_text(name)
        if text is None:
            raise InstallerError(f"{NAME} is installed here without its {name}")
        yield f"{information}/{name}", text.encode()
    yield f"{information}/WHEEL", _WHEEL.encode()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _WHEN)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)
