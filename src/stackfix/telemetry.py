"""What a child of ours is told so that the libraries it runs report to nobody.

onnxruntime 1.32 and newer look up their maker's host and keep an identifier of the machine under the user's cache
folder as soon as they are imported, on Linux too. Whoever asks whether an environment works has not asked for that.
"""

from __future__ import annotations

from collections.abc import Mapping

# Measured with 1.32.0 on Linux under strace: no file, no look-up; `disable_telemetry_events()` comes after both.
# Source: Privacy.md in the wheel, "Disabling Telemetry".
OFF = {"ORT_DISABLE_TELEMETRY": "1"}


def without_telemetry(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables of a child that imports a package of the target environment."""
    return {**variables, **OFF}
