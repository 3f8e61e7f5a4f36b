"""Tiny ELF files, fatbins and wheels, written byte by byte from their specifications."""

import io
import struct
import zipfile

BASE = 0x1000


def _symbols(asks, offers, text):
    """Sections .dynsym, .gnu.version and .gnu.version_r; each library that is asked has one version, its soname."""
    symbols, versions, needs = [bytes(24)], [0], []
    for name in offers:
        symbols.append(struct.pack("<IBBHQQ", text(name), 0x12, 0, 7, 0x1000, 8))
        versions.append(1)
    for place, (soname, names) in enumerate(asks.items(), 2):
        if soname:
            needs.append((text(soname), place))
        for name in names:
            weak = name.startswith("weak_")
            symbols.append(struct.pack("<IBBHQQ", text(name), 0x22 if weak else 0x12, 0, 0, 0, 0))
            versions.append(place if soname else 1)
    return {
        ".dynsym": b"".join(symbols),
        ".gnu.version": struct.pack(f"<{len(versions)}H", *versions),
        ".gnu.version_r": b"".join(
            struct.pack("<HHIII", 1, 1, at, 16, 0 if left == 1 else 32)
            + struct.pack("<IHHII", 0, 0, index, at, 0)
            for left, (at, index) in zip(range(len(needs), 0, -1), needs, strict=True)
        ),
    }


def elf(soname="", needed=(), runpath="", sections=None, string_padding=0, asks=None, offers=()):
    """A 64-bit shared library: one load segment over all of it, a dynamic section, named sections.

    `asks` is soname -> names that it needs of it by symbol version, "" those of any library; `offers` the names that it has itself.
    """
    table = bytearray(b"\0" + b"pad\0" * string_padding)
    entries = []

    def add(tag, text):
        entries.append((tag, len(table)))
        table.extend(text.encode() + b"\0")

    for name in needed:
        add(1, name)
    if soname:
        add(14, soname)
    if runpath:
        add(29, runpath)

    def text(name):
        table.extend(name.encode() + b"\0")
        return len(table) - len(name) - 1

    if asks or offers:
        sections = {**_symbols(asks or {}, offers, text), **(sections or {})}
    strings_at = 64 + 2 * 56
    dynamic_at = strings_at + len(table) + (-len(table)) % 16
    entries += [(5, BASE + strings_at), (10, len(table)), (0, 0)]
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in entries)
    body = bytearray(table) + b"\0" * (dynamic_at - strings_at - len(table)) + dynamic
    names = b"\0"
    headers = [bytes(64)]
    headers += [
        struct.pack("<IIQQQQIIQQ", len(names), 3, 2, BASE + strings_at, strings_at, len(table), 0, 0, 1, 0)
    ]
    names += b".dynstr\0"
    link = struct.pack(
        "<IIQQQQIIQQ", len(names), 6, 3, BASE + dynamic_at, dynamic_at, len(dynamic), 1, 0, 8, 16
    )
    headers.append(link)
    names += b".dynamic\0"
    for name, data in (sections or {}).items():
        body += b"\0" * ((-len(body) - strings_at) % 16)
        place = strings_at + len(body)
        headers.append(
            struct.pack("<IIQQQQIIQQ", len(names), 1, 2, BASE + place, place, len(data), 0, 0, 16, 0)
        )
        names += name.encode() + b"\0"
        body += data
    names_at = strings_at + len(body)
    headers.append(struct.pack("<IIQQQQIIQQ", len(names), 3, 0, 0, names_at, len(names) + 10, 0, 0, 1, 0))
    names += b".shstrtab\0"
    body += names
    sections_at = strings_at + len(body)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",
        3, 62, 1, 0, 64, sections_at, 0, 64, 56, 2, 64, len(headers), len(headers) - 1,
    )  # fmt: skip
    total = sections_at + 64 * len(headers)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, BASE, BASE, total, total, 0x1000)
    dynamic_header = struct.pack(
        "<IIQQQQQQ", 2, 6, dynamic_at, BASE + dynamic_at, BASE + dynamic_at, len(dynamic), len(dynamic), 8
    )
    return header + load + dynamic_header + bytes(body) + b"".join(headers)


def entry(kind, architecture, flags=0, isa=(0, 0), payload=b"\0" * 16):
    """One fatbin entry; kind 1 is PTX of an ISA version, 2 a cubin."""
    head = struct.pack("<HHIQIIHHI", kind, 0x101, 64, len(payload), 0, 0, isa[1], isa[0], architecture)
    return head + b"\0" * (40 - len(head)) + struct.pack("<Q", flags) + b"\0" * 16 + payload


def container(*entries):
    body = b"".join(entries)
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body)) + body


def wheel(members, requires=(), requires_python=">=3.9", name="thing", version="1.0"):
    """The bytes of a wheel with these members and METADATA."""
    metadata = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: {requires_python}\n"
    )
    metadata += "".join(f"Requires-Dist: {line}\n" for line in requires)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for member, data in members.items():
            file.writestr(member, data)
        file.writestr(f"{name}-{version}.dist-info/METADATA", metadata + "\nRequires-Dist: not-a-header\n")
    return out.getvalue()


def part(name, version="1.0", requires=()):
    """The file name of a small pure wheel, and its bytes."""
    folder = name.replace("-", "_")
    return (
        f"{folder}-{version}-py3-none-any.whl",
        wheel({f"{folder}/__init__.py": b""}, requires=requires, name=name, version=version),
    )


def pe(name="", needed=(), delayed=(), sections=None):
    """A 64-bit DLL: headers, one section with exports, imports and delayed imports, further sections by name."""
    base, at = 0x2000, 0x400
    body = bytearray()

    def put(data):
        place = base + len(body)
        body.extend(data)
        body.extend(b"\0" * (-len(body) % 8))
        return place

    exports = imports = lazily = 0
    if name:
        text = put(name.encode() + b"\0")
        exports = put(struct.pack("<IIII", 0, 0, 0, text) + bytes(24))
    if needed:
        texts = [put(each.encode() + b"\0") for each in needed]
        imports = put(b"".join(struct.pack("<IIIII", 0, 0, 0, text, 0) for text in texts) + bytes(20))
    if delayed:
        texts = [put(each.encode() + b"\0") for each in delayed]
        lazily = put(
            b"".join(struct.pack("<IIIIIIII", 1, text, 0, 0, 0, 0, 0, 0) for text in texts) + bytes(32)
        )
    blocks = [
        (b".rdata", base, bytes(body)),
        *((n.encode()[:8], 0x90000, d) for n, d in (sections or {}).items()),
    ]
    table, data, place = b"", b"", at
    for section, address, content in blocks:
        table += struct.pack("<8sIIII16s", section, len(content), address, len(content), place, bytes(16))
        data += content
        place += len(content)
    directories = [(exports, 40), (imports, 40), *[(0, 0)] * 11, (lazily, 32), (0, 0), (0, 0)]
    optional = struct.pack("<H", 0x20B) + bytes(106) + struct.pack("<I", 16)
    optional += b"".join(struct.pack("<II", *each) for each in directories)
    coff = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664, len(blocks), 0, 0, 0, len(optional), 0x2022)
    head = b"MZ" + bytes(58) + struct.pack("<I", 64) + coff + optional + table
    return head + bytes(at - len(head)) + data
