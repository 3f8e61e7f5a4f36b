"""A machine's document: written and read back exactly, and every way to break one has one clear error."""

import codecs
import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from machine_samples import a_machine, machines

from stackfix.errors import DataError
from stackfix.model.evidence import Known, Unknown
from stackfix.model.machine import Platform
from stackfix.probe.document import from_document, parse_document, to_document
from stackfix.versions import DriverVersion


def raw(document: object) -> bytes:
    return json.dumps(document).encode()


@settings(max_examples=300, deadline=None)
@given(machine=machines)
def test_what_is_written_is_read_back_exactly(machine):
    assert parse_document(raw(to_document(machine)), "m.json") == machine


def test_the_document_has_the_promised_keys():
    document = to_document(a_machine(driver=Unknown(("NVML: no", "/proc: no"))))
    assert document == {
        "schema": "stackfix.machine/1",
        "ok": True,
        "driver": None,
        "cuda": "13.0",
        "gpus": [
            {
                "name": "NVIDIA L4",
                "compute_capability": "8.9",
                "memory_bytes": 25769803776,
                "index": 0,
                "uuid": "GPU-1",
            }
        ],
        "pythons": [{"version": "3.12.4", "path": "/usr/bin/python3.12", "free_threaded": False}],
        "platform": "linux_x86_64",
        "glibc": "2.35",
        "free_disk_bytes": 107374182400,
        "wsl": False,
        "container": False,
        "tegra": False,
        "notes": ["a note"],
        "troubles": [],
        "driver_breaks": "",
        "found": {
            "cuda": "NVML",
            "gpus": "NVML",
            "gpus[0].compute_capability": "NVML",
            "gpus[0].memory_bytes": "NVML",
            "pythons[0]": "PATH",
            "glibc": "os.confstr",
            "free_disk_bytes": "the file system of /home",
        },
        "unknown": [{"reading": "driver", "tried": ["NVML: no", "/proc: no"]}],
    }


def test_a_document_written_by_hand_may_leave_out_what_is_not_known():
    machine = from_document(
        {"schema": "stackfix.machine/1", "platform": "linux_aarch64", "driver": "580.95.05"}, "mine.json"
    )
    assert machine.platform == Platform("linux", "aarch64")
    assert machine.driver == Known(DriverVersion.parse("580.95.05"), "mine.json")
    assert machine.gpus == Unknown(("not given in mine.json",))
    assert machine.pythons == ()


def test_keys_of_the_future_are_ignored_with_a_note():
    document = {**to_document(a_machine()), "colour": "green"}
    document["gpus"][0]["fans"] = 3
    machine = from_document(document, "m.json")
    assert machine.notes == (
        "a note",
        "m.json: `gpus[0].fans` is not a key that this stackfix knows, and was ignored",
        "m.json: `colour` is not a key that this stackfix knows, and was ignored",
    )
    assert machine.gpus == a_machine().gpus


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_powershell_writes_is_read(encoding):
    text = json.dumps(to_document(a_machine()))
    assert parse_document(text.encode(encoding), "m.json") == a_machine()
    assert parse_document(codecs.BOM_UTF16_BE + text.encode("utf-16-be"), "m.json") == a_machine()


BROKEN = [
    ("driver", "700.12.beta", "driver: `700.12.beta` is not an NVIDIA driver release"),
    ("driver", 580.95, "driver: `580.95` stands where text should"),
    ("driver", ["580.95.05"], "driver: a list stands where text should"),
    ("cuda", "thirteen", "cuda: `thirteen` is not a CUDA version"),
    ("glibc", "2", "glibc: `2` is not a glibc release"),
    ("platform", "solaris_sparc", "platform: `solaris_sparc` is not a platform that stackfix knows"),
    ("platform", None, "platform: null stands where text should"),
    ("gpus", {}, "gpus: an object stands where a list should"),
    ("gpus", ["NVIDIA L4"], "gpus[0]: `NVIDIA L4` stands where an object should"),
    ("gpus", [{}], "gpus[0].name: it is missing"),
    (
        "gpus",
        [{"name": "L4", "compute_capability": 8.9}],
        "gpus[0].compute_capability: `8.9` stands where text should",
    ),
    (
        "gpus",
        [{"name": "L4", "compute_capability": "89"}],
        "gpus[0].compute_capability: `89` is not a compute capability",
    ),
    (
        "gpus",
        [{"name": "L4", "memory_bytes": -1}],
        "gpus[0].memory_bytes: `-1` stands where a whole number should",
    ),
    (
        "gpus",
        [{"name": "L4", "memory_bytes": True}],
        "gpus[0].memory_bytes: true stands where a whole number should",
    ),
    ("gpus", [{"name": "L4", "index": None}], "gpus[0].index: null stands where a whole number should"),
    ("gpus", [{"name": "L4"}] * 1001, "gpus: 1001 entries are too many"),
    ("pythons", None, "pythons: null stands where a list should"),
    ("pythons", [{"version": "3"}], "pythons[0].version: `3` is not a Python version"),
    (
        "pythons",
        [{"version": "3.12", "free_threaded": 1}],
        "pythons[0].free_threaded: `1` stands where true or false should",
    ),
    ("free_disk_bytes", "1 TB", "free_disk_bytes: `1 TB` stands where a whole number should"),
    ("free_disk_bytes", 2**64, "free_disk_bytes: `18446744073709551616` stands where a whole number should"),
    ("wsl", "no", "wsl: `no` stands where true or false should"),
    ("notes", [1], "notes[0]: `1` stands where text should"),
    ("found", [], "found: a list stands where an object should"),
    ("found", {"driver": 1}, "found.driver: `1` stands where text should"),
    ("unknown", [{"reading": "driver"}] * 2, "unknown[1]: `driver` is told twice"),
    ("unknown", [{"tried": []}], "unknown[0].reading: it is missing"),
    ("unknown", [{"reading": "x", "tried": "y"}], "unknown[0].tried: `y` stands where a list should"),
    ("schema", "stackfix.machine/2", "schema: `stackfix.machine/2` stands where `stackfix.machine/1` should"),
    ("ok", False, "ok: it is the document of a reading that failed"),
]


@pytest.mark.parametrize(("key", "value", "said"), BROKEN, ids=[row[2] for row in BROKEN])
def test_every_broken_key_is_named_with_its_file(key, value, said):
    document = {**copy.deepcopy(to_document(a_machine())), key: value}
    with pytest.raises(DataError) as caught:
        from_document(document, "m.json")
    assert caught.value.message == f"m.json: {said}"
    assert caught.value.exit_code == 2


def test_a_value_filled_in_or_taken_out_by_hand_counts():
    document = to_document(a_machine(driver=Unknown(("NVML: no",))))
    document["driver"] = "535.104.05"
    document["cuda"] = None
    machine = from_document(document, "m.json")
    assert machine.driver == Known(DriverVersion.parse("535.104.05"), "m.json")
    assert machine.cuda == Unknown(("not given in m.json",))


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{",
        b"NVIDIA-SMI 580.95.05",
        b"\xff\xfe\x00",
        b"\x80",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"1" * 5000,
    ],
    ids=["empty", "cut", "text", "half utf-16", "no utf-8", "deep list", "deep object", "long number"],
)
def test_what_is_no_document_has_one_error_with_the_file(broken):
    with pytest.raises(DataError, match=r"^m\.json: "):
        parse_document(broken, "m.json")


def test_a_document_too_long_is_not_even_decoded():
    with pytest.raises(DataError, match="too many for a machine's document"):
        parse_document(b" " * (1024 * 1024 + 1), "m.json")


@settings(max_examples=150, deadline=None)
@given(machine=machines, share=st.floats(0, 0.99))
def test_a_document_cut_anywhere_is_an_error_and_nothing_else(machine, share):
    whole = raw(to_document(machine))
    with pytest.raises(DataError):
        parse_document(whole[: int(len(whole) * share)], "m.json")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(machine=machines, data=st.data())
def test_any_value_in_any_place_is_read_or_refused_with_its_place(machine, data):
    document = to_document(machine)
    key = data.draw(st.sampled_from(sorted(document)))
    document[key] = data.draw(anything)
    try:
        from_document(document, "m.json")
    except DataError as error:
        assert error.place  # noqa: PT017 - both outcomes are good
