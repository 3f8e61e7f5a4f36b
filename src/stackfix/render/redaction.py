"""Redaction: a text without who and where; whole folders and whole words, never a part of either."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from stackfix.model.identity import Identity

Redaction: TypeAlias = Callable[[str], str]

# accounts that systems and images come with: they tell nobody's name, and are words of their own
COMMON_NAMES = frozenset(
    [
        "root",
        "admin",
        "administrator",
        "user",
        "users",
        "nobody",
        "daemon",
        "ubuntu",
        "debian",
        "runner",
        "docker",
        "vagrant",
        "jovyan",
        "localhost",
    ]
)
# folders that every system has
COMMON_FOLDERS = frozenset(
    f"{above}{name}"
    for above, names in (
        ("/", "home root tmp opt usr usr/local var var/tmp mnt media srv data etc run workspace app"),
        ("/", "Users Applications Library private private/tmp private/var"),
        ("c:", "|/users|/windows|/temp"),
    )
    for name in re.split("[ |]", names)
)
# names of folders that tell nobody's name, and are what stackfix's own sentences are made of
_TERMS = frozenset(
    [
        "cpu",
        "gpu",
        "cuda",
        "cudnn",
        "torch",
        "torchvision",
        "onnxruntime",
        "tensorrt",
        "dwpose",
        "comfyui",
        "python",
        "numpy",
        "opencv",
        "nvidia",
        "driver",
        "model",
        "models",
        "network",
        "networks",
        "env",
        "venv",
        "environment",
        "fresh",
        "new",
        "old",
        "test",
        "tests",
        "stackfix",
        "standin",
        "twin",
        "real",
        "auto",
        "out",
    ]
)
_UUID = r"\b(?:GPU|MIG)(?:-GPU)?-[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
_OTHERS = r"(?P<above>(?:/+home|/+Users|\b[A-Za-z]:[\\/]+Users)[\\/]+)(?P<other>[^\s\\/:;,'\"`()<>\[\]]+)"
_OURS = frozenset({"schema", "verdict", "name", "code", "severity", "rule", "follows", "provider", "device"})
_SHARED = frozenset({"Public", "Shared", "Default", "All"})
# the end of a folder's name: a dot may end a sentence, or begin what makes it another name
_END = r"(?![\w\-+@~]|\.\w)"


def same(text: str) -> str:
    """Return the text as it is: nothing was to be left out."""
    return text


def redaction(identity: Identity) -> Redaction:
    """Return what takes an identity out of a text.

    A home folder becomes HOME, any other folder its word, the home of somebody else's account OTHER, the user USER,
    the host HOST, and a GPU's UUID GPU-UUID. The names that systems come with ("root") and names of one letter
    are words of any text: they are taken out only as a part of the home folder.
    """
    stands = dict(_stands(identity))
    if not stands:
        expression = re.compile(f"(?P<uuid>{_UUID})|{_OTHERS}")
    else:
        longest = sorted(stands, key=lambda name: (-len(name), name))
        named = "|".join(f"(?P<_{index}>{_pattern(name)})" for index, name in enumerate(longest))
        expression = re.compile(f"(?P<uuid>{_UUID})|{named}|{_OTHERS}")
        words = [stands[name] for name in longest]

    def put(found: re.Match[str]) -> str:
        if found.lastgroup == "uuid":
            return "GPU-UUID"
        if found["other"] is not None:
            kept = found["other"] in _SHARED or found["other"] in {"USER", "HOME"}
            return found[0] if kept else f"{found['above']}OTHER"
        index = next(
            int(name[1:]) for name, value in found.groupdict().items() if name[0] == "_" and value is not None
        )
        before = found.string[found.start() - 1 : found.start()]
        # `-I/folder` and `/mnt/folder` hold a folder that is glued to what stands before it
        glued = found[0][0] in "/\\" and (before.isalnum() or before in {"_", "-", "."})
        return f"/{words[index]}" if glued and before else words[index]

    return lambda text: expression.sub(put, text)


def redacted(value: Any, hide: Redaction) -> Any:
    """Return a value of JSON with every text in it redacted, but for stackfix's own words, on which scripts rely."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Mapping):
        return {key: each if key in _OURS else redacted(each, hide) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(each, hide) for each in value]
    return value


def hidden_words(identity: Identity) -> tuple[str, ...]:
    """Return the names of user and host that are taken out wherever they stand as a word."""
    return tuple(name for name, _ in _words(identity))


def _stands(identity: Identity) -> Iterator[tuple[str, str]]:
    """Yield what is taken out with what stands for it; what comes later wins."""
    yield from _words(identity)
    for path, stand in identity.folders:
        yield from _folder(path, stand)
    for path in identity.homes:
        yield from _folder(path, "HOME", always=True)


def _words(identity: Identity) -> Iterator[tuple[str, str]]:
    for names, stand in ((identity.hosts, "HOST"), (identity.users, "USER")):
        yield from ((name, stand) for name in _telling(names))


def _telling(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if len(name) > 1 and name.casefold() not in COMMON_NAMES and any(map(str.isalnum, name)):
            yield name


def _folder(path: str, stand: str, *, always: bool = False) -> Iterator[tuple[str, str]]:
    trimmed = path.rstrip("/\\")
    plain = re.sub(r"[\\/]+", "/", trimmed)
    drive = re.match(r"[A-Za-z]:", plain) is not None
    common = (plain.casefold() if drive else plain) in COMMON_FOLDERS
    if plain.casefold().strip(".") in _TERMS:
        return
    if not plain.strip("/.") or (common and not (always and plain == "/root")):
        return
    yield trimmed, stand


def _pattern(name: str) -> str:
    """Return the expression of a whole folder, in either kind of slash, or of a whole word."""
    parts = [re.escape(part) for part in re.split(r"[\\/]+", name)]
    if len(parts) == 1:
        before = r"(?<!\w)" if name[0].isalnum() or name[0] == "_" else ""
        after = r"(?!\w)" if name[-1].isalnum() or name[-1] == "_" else ""
        return f"{before}{parts[0]}{after}"
    windows = "\\" in name or re.match(r"[A-Za-z]:", name) is not None
    joined = (r"[\\/]+" if windows else "/+").join(parts)
    # what begins with a drive or a name begins a word; `user/root` is no folder either
    begins = r"(?<![\w./\\-])" if parts[0] else r"(?<![\w.\-])" if len(parts) == 2 else ""
    whole = f"{begins}{joined}{_END}"
    return f"(?i:{whole})" if windows else whole
