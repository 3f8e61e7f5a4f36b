"""Where what the facts do not know comes from: each name from one index, and from no other with the same name.

What the facts know is taken by its sha256, whoever serves it. For the rest a name is all there is: two indexes that
have different files under one name are how a stranger's package gets into an environment, so that is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from stackfix.errors import AnswerError, NetworkError
from stackfix.facts.root import data_root
from stackfix.facts.sources import source_of
from stackfix.index.artifacts import THREADS
from stackfix.index.config import ExtraIndex, extra_indexes, find_links, index_config, no_index
from stackfix.index.local import path_of
from stackfix.index.network import open_transport
from stackfix.index.simple import IndexFile, project
from stackfix.index.transport import HttpTransport
from stackfix.model.lock import LockedPackage
from stackfix.web import public

_HINT = (
    "`--source pypi` takes everything from the main index; or switch the other index off, or name the file that is "
    "meant by its sha256 (`--hash=sha256:...` in the requirements)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The indexes that are asked for unknown names, the main one first, and the find-links.

    An index that is known to hold builds for one CUDA is not among them: it has its own packages, by their sha256.
    """

    indexes: tuple[str, ...]
    links: tuple[str, ...] = ()


def own_sources(*, restricted: bool) -> Sources:
    """Return where unknown names may come from; `restricted` means from the main index alone, whatever is configured."""
    extra = () if restricted else tuple(_labelled(each) for each in extra_indexes() if _serves(each))
    links = tuple(str(path.absolute()) if (path := path_of(each)) else each for each in find_links())
    if no_index():
        return Sources(indexes=(), links=links)
    return Sources(indexes=(index_config().address, *extra))


def owners(packages: Iterable[LockedPackage], sources: Sources, hashes: Iterable[str] = ()) -> dict[str, str]:
    """Return name -> the index that it comes from, without credentials, "" for one of the find-links.

    Raises AnswerError for a name that another index has too, with files that its own does not have, and NetworkError
    where an index does not answer: it might be the one that the name belongs to. `hashes` are names whose file the
    user has named by its sha256.
    """
    if len(sources.indexes) < 2:
        own = public(sources.indexes[0]) if sources.indexes else ""
        return {each.name: "" if each.file.url.startswith("file:") else own for each in packages}
    named = frozenset(hashes)
    transport = open_transport()
    try:
        with ThreadPoolExecutor(max_workers=THREADS) as pool:
            found = pool.map(
                lambda each: (each.name, _owner(each, sources, transport, named=each.name in named)), packages
            )
            return dict(found)
    finally:
        transport.close()


def _owner(package: LockedPackage, sources: Sources, transport: HttpTransport, *, named: bool) -> str:
    """Return the first index that lists a package's file; AnswerError where others have strange files of that name."""
    pages: list[tuple[str, tuple[IndexFile, ...]]] = []
    for index in sources.indexes:
        address = index.partition("=")[2] if _is_labelled(index) else index
        try:
            page = project(transport, address, package.name)
        except NetworkError as error:
            raise NetworkError(
                f"whether `{package.name}` is on another index too cannot be known: {error.message}",
                hint="`--source pypi` takes everything from the main index",
            ) from error
        if page:
            pages.append((public(address), page))
    for where, page in pages:
        digests = {file.sha256 for file in page}
        if package.file.sha256 not in digests:
            continue
        for other, files in pages:
            strange = [file.name for file in files if file.sha256 not in digests]
            if strange and not named:
                raise AnswerError(
                    f"`{package.name}` is on two indexes with different files, and which of them is meant cannot be "
                    f"known: {where}, and {other} ({strange[-1]})",
                    hint=_HINT,
                )
        return where
    return ""


def _serves(index: ExtraIndex) -> bool:
    return not index.explicit and not source_of(index.name, index.address, data_root())


def _labelled(index: ExtraIndex) -> str:
    """Return an index as uv takes it: with its name, by which uv knows its credentials."""
    return f"{index.name}={index.address}" if index.name else index.address


def _is_labelled(index: str) -> bool:
    return "=" in index.partition(":")[0]
