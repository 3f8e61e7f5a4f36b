"""cloud-config: a new machine in a cloud makes the environment when it starts for the first time."""

from __future__ import annotations

from stackfix.render.export.bootstrap_sh import bootstrap_sh
from stackfix.render.export.subject import Subject, commented, heading

SCRIPT = "/opt/stackfix/bootstrap.sh"


def cloud_init(subject: Subject) -> str:
    """Return the whole file; its first line is what cloud-init knows it by."""
    place = f"/opt/{subject.name}-env"
    lines = [
        "#cloud-config",
        *commented(heading(subject, "cloud-init")),
        *commented(
            [
                f"makes {place} on the first start, readable by every user; its log is /var/log/{subject.name}-env.log",
                f"for an image of Debian or Ubuntu whose python3 is {subject.lock.python}, or any with uv on PATH",
            ]
        ),
        "package_update: true",
        "packages:",
        "  - ca-certificates",
        "  - python3-venv",
        "write_files:",
        f"  - path: {SCRIPT}",
        '    owner: "root:root"',
        '    permissions: "0755"',
        "    content: |",
        *(f"      {line}" if line else "" for line in bootstrap_sh(subject).rstrip("\n").split("\n")),
        "runcmd:",
        f'  - ["sh", "-c", "{SCRIPT} --venv {place} >/var/log/{subject.name}-env.log 2>&1"]',
    ]
    return "\n".join(lines) + "\n"
