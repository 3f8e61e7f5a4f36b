"""pyproject.toml of a project that is only an environment, as uv locks and syncs it."""

from __future__ import annotations

import json

from stackfix.plan.lock import platform_marker
from stackfix.render.export.subject import Subject, commented, heading, loading_note


def pyproject(subject: Subject) -> str:
    """Return the whole file; the hashes of its pins go into uv.lock, which `uv lock` writes."""
    lines = [
        *commented(heading(subject, "pyproject")),
        *commented(loading_note(subject)),
        *commented(
            [
                "hashes have no place in this format: `uv lock` writes them to uv.lock, then `uv sync` checks them"
            ]
        ),
        "",
        "[project]",
        f"name = {_text(f'{subject.name}-environment')}",
        'version = "0"',
        f'requires-python = "=={subject.lock.python}.*"',
        "dependencies = [",
        *(f"  {_text(f'{each.name}=={each.version}')}," for each in subject.packages),
        "]",
        "",
        "[tool.uv]",
        "package = false",
        "no-build = true",
        f"environments = [{_text(platform_marker(subject.lock.platform))}]",
    ]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
