"""requirements.txt with hashes, as pip and uv read it; the index is the reader's own."""

from __future__ import annotations

from collections.abc import Iterator

from stackfix.render.export.subject import Subject, commented, heading, loading_note


def requirements(subject: Subject) -> str:
    """Return the whole file."""
    lines = [
        *commented(heading(subject, "requirements")),
        *commented(loading_note(subject)),
        *commented(
            [
                "pip install --no-deps --require-hashes -r FILE",
                "uv pip install --no-deps --require-hashes -r FILE",
            ]
        ),
        *file_lines(subject),
        *requirement_lines(subject),
    ]
    return "\n".join(lines) + "\n"


def file_lines(subject: Subject) -> Iterator[str]:
    """Yield the options by which a reader takes wheels alone, and the source of what its user lets be built."""
    yield "--only-binary :all:"
    yield from (f"--no-binary {name}" for name in subject.lock.built)


def requirement_lines(subject: Subject) -> Iterator[str]:
    """Yield one line a package: `name==version --hash=sha256:…`."""
    for package in subject.packages:
        yield f"{package.name}=={package.version} --hash=sha256:{package.file.sha256}"
