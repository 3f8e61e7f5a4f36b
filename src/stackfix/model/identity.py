"""Identity: what tells whose machine this is and where things lie on it."""

from __future__ import annotations

from msgspec import Struct


class Identity(Struct, frozen=True, kw_only=True):
    """Names of the user and of the host; the home folders; folders, each with the word that may be said in its place.

    `folders` are absolute paths, or one as the user typed it. Of several that lie in one another the longest counts.
    """

    users: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    homes: tuple[str, ...] = ()
    folders: tuple[tuple[str, str], ...] = ()
