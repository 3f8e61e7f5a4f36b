"""Dockerfile on a slim Python image: CUDA comes from the wheels, the driver from the host; runs as no root."""

from __future__ import annotations

from collections.abc import Iterator

from stackfix.render.export.requirements import file_lines, requirement_lines
from stackfix.render.export.shell import quoted
from stackfix.render.export.subject import Subject, commented, heading

ENVIRONMENT = "/opt/environment"


def dockerfile(subject: Subject) -> str:
    """Return the whole file; any builder reads it, and it needs no file beside it."""
    python = subject.lock.python
    lines = [
        *commented(heading(subject, "dockerfile")),
        *commented(
            [
                f"docker build -t {subject.name} - < Dockerfile",
                f"docker run --rm{' --gpus all' if subject.lock.cuda else ''} -it {subject.name}",
                "another index: --build-arg PIP_INDEX_URL=..., a proxy: --build-arg https_proxy=...",
            ]
        ),
        f"ARG BASE=python:{python}-slim",
        "FROM ${BASE}",
        "ARG PIP_INDEX_URL",
        "ENV PYTHONUNBUFFERED=1",
        "",
        *_install(subject, python),
        "",
    ]
    if subject.lock.cuda:
        lines += [
            "# NVIDIA's container toolkit puts the host's driver into the container, as far as these ask for it.",
            "ENV NVIDIA_VISIBLE_DEVICES=all",
            "ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility",
        ]
    lines += [
        f"ENV VIRTUAL_ENV={ENVIRONMENT}",
        f'ENV PATH="{ENVIRONMENT}/bin:${{PATH}}"',
        "",
        "RUN useradd --create-home --uid 1000 user",
        "USER 1000",
        "WORKDIR /home/user",
        'CMD ["python"]',
    ]
    return "\n".join(lines) + "\n"


def _install(subject: Subject, python: str) -> Iterator[str]:
    """Yield one RUN: the environment in one layer, without what pip downloaded."""
    yield "# hadolint ignore=SC2016"
    yield "RUN set -eu; \\"
    yield "    printf '%s\\n' \\"
    for line in (*file_lines(subject), *requirement_lines(subject)):
        yield f"      {quoted(line)} \\"
    yield "      > /tmp/requirements.txt; \\"
    yield f"    python -m venv {ENVIRONMENT}; \\"
    yield f"    {ENVIRONMENT}/bin/pip install --no-cache-dir --no-compile --no-deps --require-hashes \\"
    yield "      --disable-pip-version-check -r /tmp/requirements.txt; \\"
    packages = f"{ENVIRONMENT}/lib/python{python}/site-packages"
    for name, text in subject.added.items():
        yield "    printf '%s\\n' \\"
        for line in text.rstrip("\n").split("\n"):
            yield f"      {quoted(line)} \\"
        yield f"      > {packages}/{name}; \\"
    yield "    rm /tmp/requirements.txt"
