"""The glibc release of this system, or Unknown where the C library is another one."""

from __future__ import annotations

import os
import re
import sys

from stackfix.model.evidence import Known, Reading, Unknown
from stackfix.probe.child import Ended, first_line, run_child
from stackfix.probe.search import first_known

_CONFSTR = re.compile(r"glibc (\d+)\.(\d+)")
# "ldd (Ubuntu GLIBC 2.35-0ubuntu3.8) 2.35", "ldd (GNU libc) 2.28": the last word of the first line.
_LDD = re.compile(r"ldd \(.*(?:GLIBC|GNU libc).*\) (\d+)\.(\d+)", re.IGNORECASE)


def read_glibc() -> Reading[tuple[int, int]]:
    """Return the glibc of this process, as wheels' manylinux tags count it."""
    if not sys.platform.startswith("linux"):
        return Unknown((f"`{sys.platform}` has no glibc",))
    return first_known((_from_confstr, _from_ldd))


def _from_confstr() -> Reading[tuple[int, int]]:
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError, AttributeError) as error:
        return Unknown((f"os.confstr: {error}",))
    return parse_confstr(text)


def parse_confstr(text: str) -> Reading[tuple[int, int]]:
    """Return the release in `glibc 2.35`."""
    match = _CONFSTR.match(text)
    if match is None:
        return Unknown((f"os.confstr: `{text}` is not glibc",))
    return Known((int(match[1]), int(match[2])), "os.confstr")


def _from_ldd() -> Reading[tuple[int, int]]:
    answer = run_child(["ldd", "--version"], seconds=5)
    if not isinstance(answer, Ended):
        return Unknown((f"ldd: {answer.reason}",))
    return parse_ldd(answer.out + answer.err)


def parse_ldd(text: str) -> Reading[tuple[int, int]]:
    """Return the release in what `ldd --version` says; musl's ldd says so on stderr."""
    line = first_line(text)
    match = _LDD.match(line)
    if match is None:
        return Unknown((f"ldd says `{line}`, which is not glibc",))
    return Known((int(match[1]), int(match[2])), "ldd --version")
