"""Addresses of the exact files that a lock names, as the index says them today; their hashes must agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from packaging.utils import canonicalize_name

from stackfix.errors import AnswerError, HashError, NetworkError
from stackfix.index.links import Links, held
from stackfix.index.simple import IndexFile, project
from stackfix.index.transport import Transport
from stackfix.model.lock import Address

THREADS = 8
NO_LINKS = Links(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One file that is looked for: the package it belongs to, its name and what it must be."""

    package: str
    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Index:
    """An index: its name as the user knows it ("pypi"), and its address."""

    name: str
    address: str


def without_credentials(address: str) -> str:
    """Return an address that can be written down: no user, no password, no fragment."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was found of one package's files, and of each that was not, why."""

    found: Mapping[str, Address]
    missing: Mapping[str, AnswerError]


def locate(
    wanted: Sequence[Wanted], transport: Transport, indexes: Sequence[Index], links: Links = NO_LINKS
) -> Mapping[str, Address]:
    """Return file name -> address for every wanted file; pages are asked in parallel, each once.

    Indexes are asked in their order; what none of them has is looked for in the find-links. A file that is listed
    with another sha256 (or size) raises HashError naming both; one that nobody lists raises NetworkError naming it and
    where it was looked for, and so does an index that does not answer, where no other place has the file.
    """
    by_package: dict[str, list[Wanted]] = {}
    for file in wanted:
        by_package.setdefault(canonicalize_name(file.package), []).append(file)
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        answers = list(
            pool.map(lambda package: _of_package(by_package[package], transport, indexes), sorted(by_package))
        )
    found = {name: address for answer in answers for name, address in answer.found.items()}
    missing = {name: error for answer in answers for name, error in answer.missing.items()}
    if missing:
        found |= _of_links([file for file in wanted if file.name in missing], transport, links)
    for name, error in missing.items():
        if name not in found:
            raise error
    return found


def in_folders(wanted: Sequence[Wanted], links: Links) -> dict[str, Address]:
    """Return the addresses of the wanted files that lie in folders of the find-links; no server is asked."""
    found = {file.name: links.folder_file(file.name, file.size, file.sha256) for file in wanted}
    return {name: Address(url=url) for name, url in found.items() if url}


def _of_links(wanted: Sequence[Wanted], transport: Transport, links: Links) -> dict[str, Address]:
    """Return the addresses of the files that the find-links have, those in folders first."""
    found = in_folders(wanted, links)
    by_name = {file.name: file for file in wanted if file.name not in found}
    for place, listed in links.page_files(transport) if by_name else ():
        file = by_name.get(listed.name)
        if file is not None and not _difference(file, listed, Index(name=place, address=place)):
            found.setdefault(file.name, Address(url=without_credentials(listed.address)))
    return found


def _of_package(wanted: Sequence[Wanted], transport: Transport, indexes: Sequence[Index]) -> _Looked:
    """Return the addresses of one package's files; an index further down is asked only for what is left."""
    found: dict[str, Address] = {}
    known: list[str] = []
    silent: list[NetworkError] = []
    others: dict[str, list[str]] = {file.name: [] for file in wanted}
    for place, index in enumerate(indexes):
        left = [file for file in wanted if file.name not in found]
        if not left:
            break
        ask = held if place else project
        try:
            page = ask(transport, index.address, canonicalize_name(left[0].package))
        except NetworkError as error:
            silent.append(error)
            continue
        files = {listed.name: listed for listed in page}
        if files:
            known.append(index.name)
        for file in left:
            listed = files.get(file.name)
            problem = _difference(file, listed, index) if listed is not None else ""
            if problem:
                others[file.name].append(f"{index.name} lists it with {problem}")
            elif listed is not None:
                found[file.name] = Address(
                    url=without_credentials(listed.address), index=without_credentials(index.address)
                )
    names = [index.name for index in indexes]
    return _Looked(
        found,
        {
            file.name: silent[0]
            if silent and not others[file.name]
            else _missing(file, others[file.name], known, names)
            for file in wanted
            if file.name not in found
        },
    )


def _difference(file: Wanted, listed: IndexFile, index: Index) -> str:
    """Return in what the index's file is another one; "" if it is the same, as far as the index says."""
    scheme = urlsplit(listed.address).scheme
    if scheme not in ("https", "http") and scheme != urlsplit(index.address).scheme:
        return f"the address `{listed.address[:200]}`, which is not one of a server"
    if listed.sha256 and listed.sha256 != file.sha256:
        return f"sha256 {listed.sha256}"
    if listed.size and listed.size != file.size:
        return f"{listed.size} bytes"
    return ""


def _missing(file: Wanted, others: list[str], known: list[str], asked: list[str]) -> AnswerError:
    if others:
        return HashError(
            f"{file.name}: expected sha256 {file.sha256} and {file.size} bytes; {'; '.join(others)}",
            hint="the file was replaced, or the index is not the one that the facts were measured on",
        )
    if not asked:
        return NetworkError(
            f"{file.name}: no index may be asked (`no-index`), and the find-links do not have it",
            hint="put the file into a folder that `find-links` names",
        )
    reason = "no longer lists this file" if known else f"does not know `{file.package}`"
    return NetworkError(
        f"{file.name}: the index ({', '.join(asked)}) {reason}",
        hint="another index can be named with PIP_INDEX_URL or UV_DEFAULT_INDEX",
    )
