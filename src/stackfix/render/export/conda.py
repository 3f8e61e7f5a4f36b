"""environment.yml for conda, mamba and micromamba: Python from a channel, all else by pip with hashes."""

from __future__ import annotations

import json

from stackfix.render.export.requirements import file_lines, requirement_lines
from stackfix.render.export.subject import Subject, commented, heading, loading_note


def conda(subject: Subject) -> str:
    """Return the whole file."""
    listed = [*file_lines(subject), "--require-hashes", *requirement_lines(subject)]
    lines = [
        *commented(heading(subject, "conda")),
        *commented(loading_note(subject)),
        f"name: {subject.name}",
        "channels:",
        "  - conda-forge",
        "dependencies:",
        f"  - python={subject.lock.python}",
        "  - pip",
        "  - pip:",
        *(f"      - {json.dumps(line)}" for line in listed),
    ]
    return "\n".join(lines) + "\n"
