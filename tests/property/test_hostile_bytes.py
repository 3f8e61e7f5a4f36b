"""Whatever the bytes are, the readers answer or say what is wrong: no crash, no hang, no unbounded reading."""

import struct
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "measure"))
from binaries import container, elf, entry, pe, wheel

from stackfix.errors import MeasureError
from stackfix.measure import elf as elf_reader
from stackfix.measure import fatbin
from stackfix.measure import pe as pe_reader
from stackfix.measure.archive import Archive
from stackfix.measure.library import linked, section_bytes
from stackfix.measure.reader import BytesReader, checked
from stackfix.measure.wheel import measure

pytestmark = pytest.mark.property

CODE = container(entry(2, 86), entry(1, 90, isa=(8, 2))) + container(entry(2, 100, flags=0x100000))
ELF = elf(
    "libx.so.1", needed=["libc.so.6", "libcublas.so.12"], runpath="$ORIGIN", sections={".nv_fatbin": CODE}
)
PE = pe("x.dll", needed=["cublas64_12.dll"], delayed=["nvcuda.dll"], sections={".nv_fatbin": CODE})
ONNXRUNTIME = wheel(
    {
        "onnxruntime/__init__.py": b"",
        "onnxruntime/capi/onnxruntime_pybind11_state.cpython-312-x86_64-linux-gnu.so": elf(
            needed=["libc.so.6"]
        ),
        "onnxruntime/capi/libonnxruntime_providers_cuda.so": ELF,
    },
    requires=["numpy>=1.21"],
)
SEEDS = {"elf": ELF, "pe": PE, "fatbin": elf(sections={".nv_fatbin": CODE * 20})}
INTERESTING = (0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 62, (1 << 64) - 1)
MOST_READS = 20_000


class Watched:
    """Bytes that are counted when they are read; more than a reader has reason to read ends the test."""

    name = "hostile.so"

    def __init__(self, data):
        self.data = data
        self.reads = self.bytes = 0

    @property
    def size(self):
        return len(self.data)

    def read(self, offset, length):
        checked(self.name, self.size, offset, length)
        self.reads += 1
        self.bytes += length
        assert self.reads < MOST_READS
        assert self.bytes < 64 * (len(self.data) + 65_536)
        return self.data[offset : offset + length]


@st.composite
def mutated(draw, seed):
    """A seed with some places overwritten by telling numbers or noise, spliced, or cut."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        kind = draw(st.sampled_from(["number", "noise", "cut", "splice", "flip"]))
        if kind == "number":
            width = draw(st.sampled_from([2, 4, 8]))
            number = draw(st.sampled_from(INTERESTING)) & ((1 << 8 * width) - 1)
            data[place : place + width] = number.to_bytes(width, "little")
        elif kind == "noise":
            data[place : place + 16] = draw(st.binary(min_size=1, max_size=16))
        elif kind == "cut":
            del data[place:]
        elif kind == "splice":
            other = draw(st.integers(0, max(0, len(data) - 1)))
            data[place:place] = data[other : other + 64]
        elif data:
            data[place] ^= 1 << draw(st.integers(0, 7))
    return bytes(data)


def ask_everything(data):
    for ask in (
        linked,
        elf_reader.dynamic,
        pe_reader.imports,
        pe_reader.reach,
        lambda reader: section_bytes(reader, ".nv_fatbin"),
        fatbin.tally,
    ):
        try:
            ask(Watched(data))
        except MeasureError as error:  # noqa: PERF203 - each reader is asked
            assert error.message.startswith("hostile.so")  # noqa: PT017 - no error is as good an answer


@pytest.mark.parametrize("kind", SEEDS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_damaged_library_is_read_or_refused(kind, data):
    ask_everything(data.draw(mutated(SEEDS[kind])))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=4096), st.sampled_from([b"", b"MZ", b"\x7fELF\x02\x01\x01"]))
def test_noise_is_read_or_refused(noise, head):
    ask_everything(head + noise)


@settings(max_examples=300, deadline=None)
@given(mutated(ONNXRUNTIME))
def test_a_damaged_wheel_is_measured_or_refused_by_name(data):
    try:
        archive = Archive(BytesReader("damaged.whl", data))
        measure(archive, archive)
    except MeasureError as error:
        assert error.message.startswith("damaged.whl")  # noqa: PT017 - no error is as good an answer


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=512), st.integers(0, 64))
def test_a_row_of_containers_that_never_ends_is_walked_once(noise, count):
    code = (struct.pack("<IHHQ", fatbin.MAGIC, 1, 16, 0) + noise) * count
    watched = Watched(elf(sections={".nv_fatbin": code}))
    fatbin.tally(watched)
    assert watched.reads <= 8 * (len(code) // 8 + 100)
