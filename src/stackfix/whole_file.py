"""A file that is written whole or not at all."""

from __future__ import annotations

from pathlib import Path


def write_whole(path: Path, text: str, *, executable: bool = False) -> None:
    """Write a text through links, and into pipes and devices as they are; OSError leaves a file as it was."""
    target = path.resolve() if path.is_symlink() else path
    if target.exists() and not target.is_file():
        target.write_text(text, encoding="utf-8")
        return
    part = target.with_name(f"{target.name}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        if executable:
            part.chmod(0o755)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
