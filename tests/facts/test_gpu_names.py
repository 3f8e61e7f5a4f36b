"""GPU names: what people type and drivers print finds its card, and a name not on record finds none."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackfix.answering import database
from stackfix.asking import MachineQuestion, machine_of
from stackfix.errors import QuestionError
from stackfix.facts import prepared
from stackfix.facts.gpu_names import cards, find_gpu, refuse_other_processor
from stackfix.facts.root import data_root
from stackfix.model.evidence import Known, Unknown
from stackfix.model.machine import Platform
from stackfix.probe.document import to_document

GPUS = prepared.load(data_root()).gpus
BY_NAME = {row.name: row.capability for row in GPUS.gpu}
JETSONS = [row.name for row in GPUS.gpu if row.kind == "jetson"]
DESCRIBED = sorted(set(BY_NAME) - set(JETSONS))


def capability(text: str) -> str:
    reading = find_gpu(text, GPUS).compute_capability
    assert isinstance(reading, Known)
    return str(reading.value)


def refusal(text: str) -> QuestionError:
    with pytest.raises(QuestionError) as caught:
        find_gpu(text, GPUS)
    return caught.value


@pytest.mark.parametrize("name", DESCRIBED)
def test_every_listed_name_finds_itself(name):
    found = find_gpu(name, GPUS)
    assert (found.name, str(found.compute_capability.value)) == (name, BY_NAME[name])


@pytest.mark.parametrize(
    ("text", "names"),
    [(name, {name}) for name in JETSONS]
    + [
        ("Jetson Orin", {"Jetson AGX Orin", "Jetson Orin NX", "Jetson Orin Nano"}),
        ("Orin", {"Jetson AGX Orin", "Jetson Orin NX", "Jetson Orin Nano"}),
        ("Orin (nvgpu)", {"Jetson AGX Orin", "Jetson Orin NX", "Jetson Orin Nano"}),
        ("Orin Nano", {"Jetson Orin Nano"}),
        ("AGX Orin 64GB", {"Jetson AGX Orin"}),
        ("Xavier", {"Jetson AGX Xavier", "Jetson Xavier NX"}),
        ("Jetson Thor", {"Jetson AGX Thor"}),
        ("NVIDIA Thor", {"Jetson AGX Thor"}),
        ("T5000", {"Jetson T5000"}),
        ("TX2", {"Jetson TX2"}),
    ],
)
def test_a_jetson_is_known_and_refused_since_its_driver_and_cuda_come_with_jetpack(text, names):
    assert {row.name for row in cards(text, GPUS)} == names
    error = refusal(text)
    assert f"`{text}` is a Jetson" in error.message
    assert "JetPack" in error.hint


@pytest.mark.parametrize("text", ["sm_87", "8.7", "sm_53", "sm_72", "sm_110", "11.0"])
def test_the_capability_of_a_jetson_is_refused_like_its_name(text):
    assert f"`{text}` is a Jetson" in refusal(text).message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RTX 4090", "8.9"),
        ("4090", "8.9"),
        ("rtx4090", "8.9"),
        ("RTX-4090", "8.9"),
        ("GeForce RTX 4090", "8.9"),
        ("NVIDIA GeForce RTX 4090", "8.9"),
        ("rtx 4070 ti super", "8.9"),
        ("4070TiSuper", "8.9"),
        ("A100-SXM4-80GB", "8.0"),
        ("NVIDIA A100-SXM4-80GB", "8.0"),
        ("NVIDIA A100 80GB PCIe", "8.0"),
        ("Tesla T4", "7.5"),
        ("T4", "7.5"),
        ("T400", "7.5"),
        ("Tesla V100-SXM2-16GB", "7.0"),
        ("Tesla V100-DGXS-32GB", "7.0"),
        ("Tesla P100-PCIE-16GB", "6.0"),
        ("GTX 1080 Ti", "6.1"),
        ("1080ti", "6.1"),
        ("GeForce GTX 1060 3GB", "6.1"),
        ("H100 PCIe", "9.0"),
        ("NVIDIA H100 80GB HBM3", "9.0"),
        ("NVIDIA H100 NVL", "9.0"),
        ("NVIDIA H200", "9.0"),
        ("NVIDIA GH200 480GB", "9.0"),
        ("GB200 NVL72", "10.0"),
        ("NVIDIA B200", "10.0"),
        ("L4", "8.9"),
        ("L40", "8.9"),
        ("L40S", "8.9"),
        ("Quadro RTX 4000", "7.5"),
        ("Quadro RTX 4000 with Max-Q Design", "7.5"),
        ("RTX 8000", "7.5"),
        ("RTX 4000 Ada", "8.9"),
        ("NVIDIA RTX 4000 Ada Generation", "8.9"),
        ("6000 Ada", "8.9"),
        ("RTX A4000", "8.6"),
        ("A6000", "8.6"),
        ("NVIDIA RTX A2000 Laptop GPU", "8.6"),
        ("RTX PRO 4000 Blackwell", "12.0"),
        ("RTX PRO 6000", "12.0"),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", "12.0"),
        ("TITAN X", "6.1"),
        ("NVIDIA TITAN X (Pascal)", "6.1"),
        ("GTX TITAN X", "5.2"),
        ("NVIDIA GeForce GTX TITAN X", "5.2"),
        ("TITAN Black", "3.5"),
        ("TITAN RTX", "7.5"),
        ("RTX 3060 Laptop GPU", "8.6"),
        ("NVIDIA GeForce RTX 3050 6GB Laptop GPU", "8.6"),
        ("NVIDIA GeForce RTX 2060 with Max-Q Design", "7.5"),
        ("DGX Spark", "12.1"),
        ("NVIDIA GB10", "12.1"),
        ("geforce 4090", "8.9"),
        ("nvidia 4090", "8.9"),
        ("RTX_4090", "8.9"),
        ("RTX 4090 24GB", "8.9"),
        ("4090 laptop", "8.9"),
        ("4090m", "8.9"),
        ("RTX4090D", "8.9"),
        ("RTX 4090 D", "8.9"),
        ("4080S", "8.9"),
        ("4070 ti s", "8.9"),
        ("4070ts", "8.9"),
        ("RTX 4070TiS", "8.9"),
        ("a100", "8.0"),
        ("a100-80g", "8.0"),
        ("DGX A100", "8.0"),
        ("NVIDIA A100-SXM4-80GB MIG 1g.10gb", "8.0"),
        ("GRID A100-10C", "8.0"),
        ("A800", "8.0"),
        ("3060ti", "8.6"),
        ("3060 Ti Laptop GPU", "8.6"),
        ("3060 12g", "8.6"),
        ("rtx3060ti", "8.6"),
        ("rtxa6000", "8.6"),
        ("A10G", "8.6"),
        ("NVIDIA A10G", "8.6"),
        ("NVIDIA A10-24Q", "8.6"),
        ("RTX 2050", "8.6"),
        ("H800", "9.0"),
        ("H20", "9.0"),
        ("H100-SXM5-80GB", "9.0"),
        ("HGX H100", "9.0"),
        ("GH200 144G HBM3e", "9.0"),
        ("gb200", "10.0"),
        ("NVIDIA B300 SXM6 AC", "10.3"),
        ("5090", "12.0"),
        ("rtx5090", "12.0"),
        ("RTX 5090 D", "12.0"),
        ("5070ti laptop", "12.0"),
        ("RTX 5060 Laptop GPU", "12.0"),
        ("TeslaT4", "7.5"),
        ("nvidia-tesla-t4", "7.5"),
        ("GTX 1650", "7.5"),
        ("1660s", "7.5"),
        ("2070s", "7.5"),
        ("RTX 2060 SUPER", "7.5"),
        ("MX450", "7.5"),
        ("RTX 3000", "7.5"),
        ("GTX 960M", "5.0"),
        ("GTX 960", "5.2"),
        ("GTX 980M", "5.2"),
        ("Quadro M5000M", "5.0"),
        ("Quadro M5000", "5.2"),
        ("TITAN Z", "3.5"),
        ("titanx", "6.1"),
        ("TitanXp", "6.1"),
        ("GTX 680", "3.0"),
        ("cc 8.9", "8.9"),
        ("compute capability 12.0", "12.0"),
        ("sm_89", "8.9"),
        ("sm89", "8.9"),
        ("compute_89", "8.9"),
        ("SM_89", "8.9"),
        ("sm_8.9", "8.9"),
        ("SM 8.9", "8.9"),
        ("sm-89", "8.9"),
        ("8,9", "8.9"),
        ("89", "8.9"),
        ("120", "12.0"),
        ("8.9", "8.9"),
        ("sm_90a", "9.0"),
        ("sm_120f", "12.0"),
        ("12.0", "12.0"),
    ],
)
def test_a_card_is_found_as_people_type_it_and_as_drivers_print_it(text, expected):
    assert capability(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "RTX 4099",
        "RTX 4090 Ti",
        "4090 super",
        "GTX 4090",
        "RTX 1080",
        "A101",
        "RTX A4500",
        "L40 SUPER",
        "450",
        "1030",
        "GTX 1080S",
        "Quadro 4000M",
        "Tesla K20X",
        "GTX 960N",
        "K2200M",
        "Quadro 4000",
        "Quadro 6000",
        "6000",
        "4000",
        "TITAN",
        "RTX",
        "GeForce",
        "Quadro",
        "ti",
        "80GB",
        "Laptop GPU",
        "nano",
        "agx",
        "jetson",
        "T4 T4",
        "RTX 4090 and RTX 3090",
        "RX 7900 XTX",
        "",
        " ",
        "\u0664\u0660\u0669\u0660",
    ],
)
def test_a_name_that_is_not_on_record_is_never_taken_for_a_near_one(text):
    assert "is not a GPU that stackfix knows" in refusal(text).message


@pytest.mark.parametrize(
    ("text", "cards"),
    [
        ("RTX 6000", ["Quadro RTX 6000 (7.5)", "NVIDIA RTX 6000 Ada (8.9)", "(12.0)"]),
        ("RTX 4000", ["Quadro RTX 4000 (7.5)", "NVIDIA RTX 4000 Ada (8.9)", "(12.0)"]),
        ("NVIDIA RTX 5000", ["Quadro RTX 5000 (7.5)", "NVIDIA RTX 5000 Ada (8.9)"]),
        ("RTX 2000", ["NVIDIA RTX 2000 Ada (8.9)", "NVIDIA RTX PRO 2000 Blackwell (12.0)"]),
    ],
)
def test_a_name_that_fits_cards_of_different_capability_is_refused_with_all_of_them(text, cards):
    message = refusal(text).message
    assert "could be several GPUs" in message
    assert [card for card in cards if card not in message] == []


@pytest.mark.parametrize(
    ("text", "near"),
    [("RTX 4099", "GeForce RTX 4090"), ("Tesla V100S", "NVIDIA V100"), ("titany", "NVIDIA TITAN V")],
)
def test_the_refusal_names_what_is_near(text, near):
    assert f"`{near}`" in refusal(text).hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [("Hopper", "`sm_90`"), ("ada", "`sm_89`"), ("Turing", "`sm_75`"), ("Blackwell", "`sm_103`, `sm_120`")],
)
def test_a_generation_is_no_card_and_its_capabilities_are_named(text, hint):
    error = refusal(text)
    assert "is not a GPU that stackfix knows" in error.message
    assert "generation" in error.hint
    assert hint in error.hint


@pytest.mark.parametrize("text", ["2x 4090", "8 x H100", "4 \u00d7 A100"])
def test_several_cards_in_one_name_are_asked_for_one_by_one(text):
    assert refusal(text).hint == "give each GPU a `--gpu` of its own"


@pytest.mark.parametrize(
    ("text", "name"), [("RTX PRO 6000", "RTX PRO 6000"), ("6000 Ada", "NVIDIA RTX 6000 Ada")]
)
def test_a_name_that_fits_several_cards_of_one_capability_is_shown_as_it_was_typed(text, name):
    assert find_gpu(text, GPUS).name == name


@pytest.mark.parametrize("text", ["sm_99", "9.9", "sm_130", "compute_74"])
def test_a_capability_that_is_not_in_the_table_lists_the_known_ones(text):
    error = refusal(text)
    assert text in error.message
    assert all(known in error.hint for known in ("sm_75", "sm_89", "sm_121"))


@pytest.mark.parametrize("text", ["sm_8", "8.95", "SM 8.9.1", "compute 8"])
def test_what_is_like_a_capability_and_none_is_told_how_they_look(text):
    assert refusal(text).hint == "compute capabilities look like `sm_89` or `8.9`"


@pytest.mark.parametrize("text", ["99", "13", "400"])
def test_a_plain_number_that_is_no_capability_is_asked_as_a_name(text):
    assert "is not a GPU that stackfix knows" in refusal(text).message


def test_a_described_gpu_has_no_memory_reading_and_keeps_its_place():
    found = find_gpu("RTX 4090", GPUS, index=2)
    assert found.index == 2
    assert isinstance(found.memory_bytes, Unknown)


PREFIXES = st.sampled_from(["", "NVIDIA ", "nvidia "])
SUFFIXES = st.lists(
    st.sampled_from([" 80GB", "-80GB", " PCIe", "-SXM4-40GB", " Laptop GPU", " with Max-Q Design", " NVL"]),
    max_size=2,
)


@given(name=st.sampled_from(DESCRIBED), prefix=PREFIXES, suffixes=SUFFIXES, shout=st.booleans())
def test_what_nvml_adds_to_a_name_does_not_change_the_card(name, prefix, suffixes, shout):
    text = prefix + name + "".join(suffixes)
    assert capability(text.upper() if shout else text) == BY_NAME[name]


@given(name=st.sampled_from(DESCRIBED), word=st.from_regex(r"\A[a-z]{4,8}\Z"))
def test_a_strange_word_makes_a_name_unknown(name, word):
    said = {
        *re.findall(r"[a-z]+", " ".join(BY_NAME).lower()),
        "laptop",
        "mobile",
        "graphics",
        "with",
        "design",
    }
    if word not in said | {"pcie", "dgxs", "fhhl", "generation", "edition"}:
        assert "is not a GPU" in refusal(f"{name} {word}").message


@given(st.text(max_size=40))
def test_any_text_finds_a_card_or_is_refused(text):
    try:
        found = find_gpu(text, GPUS)
    except QuestionError:
        return
    assert isinstance(found.compute_capability, Known)


@pytest.mark.parametrize("name", ["GB10", "DGX Spark", "GH200 480GB", "NVIDIA GB200", "gb300"])
@pytest.mark.parametrize("platform", ["linux_x86_64", "win_amd64"])
def test_a_gpu_that_exists_beside_an_arm_processor_alone_is_refused_beside_another(name, platform):
    with pytest.raises(QuestionError) as refused:
        refuse_other_processor([name], Platform.parse(platform), GPUS)
    assert f"is not made for {platform}" in refused.value.message
    assert "https://" in refused.value.message
    assert "`--platform linux_aarch64`" in refused.value.hint
    refuse_other_processor([name], Platform.parse("linux_aarch64"), GPUS)


@pytest.mark.parametrize("name", ["H200", "B200", "RTX 4090", "sm_121", "9.0", "none"])
def test_a_card_and_a_bare_capability_go_with_any_processor(name):
    refuse_other_processor([name], Platform.parse("linux_x86_64"), GPUS)


def test_only_where_cards_have_it_is_the_capability_a_way_out():
    hints = []
    for name in ("GH200", "GB10"):
        with pytest.raises(QuestionError) as refused:
            refuse_other_processor([name], Platform.parse("linux_x86_64"), GPUS)
        hints.append(refused.value.hint)
    assert "`--gpu sm_90`" in hints[0]
    assert "--gpu" not in hints[1]


def test_a_gpu_that_a_machine_has_read_is_not_doubted(tmp_path):
    question = MachineQuestion(driver="580.95.05", gpus=("GH200",), platform="linux_aarch64", python="3.12")
    document = to_document(machine_of(question, database(), tmp_path))
    file = tmp_path / "machine.json"
    file.write_text(json.dumps({**document, "platform": "linux_x86_64"}))
    machine = machine_of(MachineQuestion(machine=str(file)), database(), tmp_path)
    assert machine.gpus.value[0].name == "NVIDIA GH200"
    with pytest.raises(QuestionError, match="not made for linux_x86_64"):
        machine_of(MachineQuestion(machine=str(file), gpus=("GH200",)), database(), tmp_path)
