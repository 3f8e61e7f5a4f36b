"""Which networks a proof runs on, and what `models` finds, fetches and takes; with models of a few kilobytes."""

import json
import sys
from pathlib import Path

import pytest
from lying_hub import DATA, model_of, page, ranges, said, stalls

from stackfix import app, at_rest, validating
from stackfix import networks as asked
from stackfix.errors import NetworkError, QuestionError, StackfixError
from stackfix.facts.root import data_root
from stackfix.hub.answering import answering
from stackfix.hub.fetch import NotHadError
from stackfix.hub.mirrors import Mirror
from stackfix.networks import brought, fetched, kept, networks
from stackfix.rules.closure import Closure, Missing
from stackfix.validate.weights import DETECTOR, POSE

FILES = {DETECTOR: DATA, POSE: DATA[::-1], "torch.pt": DATA + b"x"}
NOBODY = "http://127.0.0.1:9"
HEAD = 'summary = "s"\nvalidator = "dwpose"\n'
VARIANT = 'roots = ["numpy"]\nnewest = ["numpy"]\n'


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """Write a recipe `dwpose` of three small models, the third optional, at the addresses that a test names."""
    root = tmp_path / "data"
    (root / "recipes").mkdir(parents=True)
    (root / "standins").symlink_to(data_root() / "standins")
    monkeypatch.setattr(asked, "data_root", lambda: root)

    def write(*hosts, files=FILES):
        text = f"{HEAD}[gpu]\n{VARIANT}[cpu]\n{VARIANT}"
        for file, data in files.items():
            model = model_of(data, file)
            urls = json.dumps([f"{host}/{file}" for host in hosts])
            text += f'[[model]]\nfile = "{file}"\nbytes = {model.bytes}\nsha256 = "{model.sha256}"\n'
            text += f'urls = {urls}\nlicence = "MIT"\noptional = {json.dumps(file == "torch.pt")}\n'
        (root / "recipes" / "dwpose.toml").write_text(text)

    return write


@pytest.fixture
def variables(tmp_path):
    return {"STACKFIX_MODELS": str(tmp_path / "models"), "HOME": str(tmp_path)}


@pytest.fixture
def good_hub(hub):
    for file, data in FILES.items():
        hub.serve(f"/{file}", ranges(data))
    return hub.address


def states(variables):
    return {each.model.file: each.state for each in kept(variables)}


def test_auto_fetches_the_real_networks_and_says_their_size_before(
    recipe, good_hub, variables, heard, tmp_path
):
    recipe(good_hub)
    found = networks("auto", heard, variables=variables)
    folder = tmp_path / "models" / "dwpose"
    assert (found.name, found.detector, found.pose) == ("real", folder / DETECTOR, folder / POSE)
    assert found.detector.read_bytes() == DATA
    assert found.truth is None
    assert "verified by sha256" in found.note
    assert heard.said[0] == (
        "DWPose's networks: 205 kB to download from 127.0.0.1, once for all environments "
        "(`--weights standin` does without)"
    )
    assert states(variables) == {DETECTOR: "here", POSE: "here", "torch.pt": "missing"}


def test_what_is_in_the_cache_asks_no_network(recipe, good_hub, hub, variables, heard):
    recipe(good_hub)
    networks("auto", heard, variables=variables)
    hub.asked.clear()
    assert networks("auto", heard, variables=variables).name == "real"
    assert networks("real", heard, offline=True, variables=variables).name == "real"
    assert hub.asked == []


def test_where_no_hub_answers_auto_takes_the_stand_ins_and_says_why_and_what_that_proves(
    recipe, variables, heard
):
    recipe(NOBODY)
    found = networks("auto", heard, variables=variables)
    assert found.name == "standin"
    assert found.truth is not None
    assert found.note.startswith(f"stand-ins: no hub gave `{DETECTOR}` (127.0.0.1: Connection refused); this")
    assert found.note.endswith(
        "; this proves placement, libraries and numbers, not the real weights' accuracy"
    )
    assert heard.said == []


def test_where_no_hub_answers_real_is_an_error(recipe, variables, heard):
    recipe(NOBODY)
    with pytest.raises(NetworkError, match="no hub gave"):
        networks("real", heard, variables=variables)


def test_offline_asks_nobody_and_says_so(recipe, good_hub, hub, variables, heard):
    recipe(good_hub)
    found = networks("auto", heard, offline=True, variables=variables)
    assert found.name == "standin"
    assert f"`{DETECTOR}` and `{POSE}`: not in the cache, and `--offline` forbids fetching" in found.note
    with pytest.raises(NetworkError, match="--offline"):
        networks("real", heard, offline=True, variables=variables)
    assert hub.asked == []


def test_what_is_not_fetched_for_another_reason_is_not_laid_to_offline(
    recipe, good_hub, hub, variables, heard
):
    recipe(good_hub)
    found = networks("auto", heard, offline=True, unfetched="a repair fetches none", variables=variables)
    assert f"`{DETECTOR}` and `{POSE}`: not in the cache, and a repair fetches none" in found.note
    assert "--offline" not in found.note


def test_a_hub_that_lacks_one_network_is_not_asked_to_send_the_other(recipe, good_hub, hub, variables, heard):
    hub.serve(f"/{POSE}", said(404))
    recipe(good_hub)
    found = networks("auto", heard, variables=variables)
    assert found.note.startswith(f"stand-ins: no hub gave `{POSE}` (127.0.0.1: the server answered 404)")
    assert states(variables)[DETECTOR] == "missing"


def test_a_hub_that_breaks_off_for_good_leaves_auto_with_the_stand_ins(
    recipe, good_hub, hub, variables, heard
):
    hub.serve(f"/{DETECTOR}", ranges(), page())
    recipe(good_hub)
    found = networks("auto", heard, variables=variables)
    assert found.name == "standin"
    assert f"stand-ins: `{DETECTOR}` could not be had: {good_hub}/{DETECTOR}: a web page" in found.note
    assert "\n" not in found.note


def test_a_damaged_file_in_the_cache_is_never_used_and_is_named(recipe, good_hub, variables, heard, tmp_path):
    recipe(good_hub)
    networks("auto", heard, variables=variables)
    broken = tmp_path / "models" / "dwpose" / DETECTOR
    broken.write_bytes(DATA[:-1] + b"x")
    assert states(variables)[DETECTOR] == "damaged"
    assert networks("auto", heard, offline=True, variables=variables).name == "standin"
    assert f"`{broken}` is left aside: it is not the file that the recipe names: sha256" in heard.said[-1]
    assert networks("auto", heard, variables=variables).name == "real"
    assert broken.read_bytes() == DATA


def test_a_folder_that_cannot_be_written_leaves_auto_with_the_stand_ins(
    recipe, good_hub, variables, heard, tmp_path
):
    recipe(good_hub)
    (tmp_path / "models").write_text("a file")
    found = networks("auto", heard, variables=variables)
    assert (found.name, "cannot be written" in found.note) == ("standin", True)


def test_stand_ins_as_asked_ask_nobody(recipe, good_hub, hub, variables, heard):
    recipe(good_hub)
    found = networks("standin", heard, variables=variables)
    assert found.note.startswith("stand-ins: as asked; this proves")
    assert networks("twin", heard, variables=variables).note.endswith("random weights, so they find nothing")
    assert hub.asked == []


def test_a_folder_of_the_users_is_taken_as_it_is(recipe, variables, heard):
    recipe(NOBODY)
    folder = data_root() / "standins"
    found = networks(str(folder), heard, variables=variables)
    assert found.name == str(folder)
    assert found.note == f"of {folder}; `{DETECTOR}` and `{POSE}`: by sha256 not DWPose's own"
    with pytest.raises(QuestionError, match="no such folder"):
        networks("nowhere", heard, variables=variables)


def test_a_folder_that_holds_dwposes_own_networks_is_known_by_every_byte(recipe, variables, heard):
    folder = data_root() / "standins"
    recipe(NOBODY, files={name: (folder / name).read_bytes() for name in (DETECTOR, POSE)})
    found = networks(str(folder), heard, variables=variables)
    assert found.note == f"DWPose's own, every byte verified by sha256, in {folder}"


@pytest.mark.parametrize("place", ["blobs/{sha256}", "snapshots/abc/{file}"])
@pytest.mark.parametrize(
    "variable", ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HOME"]
)
def test_what_hugging_faces_own_libraries_have_fetched_is_not_fetched_again(
    recipe, variables, heard, tmp_path, place, variable
):
    recipe("https://huggingface.co/some/Poses/resolve/1")
    below = {"HF_HOME": "hub", "XDG_CACHE_HOME": "huggingface/hub", "HOME": ".cache/huggingface/hub"}
    for file in (DETECTOR, POSE):
        sha256 = model_of(FILES[file]).sha256
        lies = tmp_path / "theirs" / below.get(variable, "") / "models--some--Poses"
        lies = lies / place.format(sha256=sha256, file=file)
        lies.parent.mkdir(parents=True, exist_ok=True)
        lies.write_bytes(FILES[file])
    found = networks("auto", heard, offline=True, variables={**variables, variable: str(tmp_path / "theirs")})
    assert found.name == "real"
    assert f"`{DETECTOR}` is in Hugging Face's cache, and is copied" in heard.said[0]
    lies.write_bytes(b"damaged")
    assert networks("auto", heard, offline=True, variables=variables).name == "real"


def test_a_damaged_file_in_hugging_faces_cache_is_not_taken(recipe, variables, heard, tmp_path):
    recipe("https://huggingface.co/some/Poses/resolve/1")
    lies = tmp_path / ".cache" / "huggingface" / "hub" / "models--some--Poses" / "blobs"
    lies.mkdir(parents=True)
    for file in (DETECTOR, POSE):
        (lies / model_of(FILES[file]).sha256).write_bytes(FILES[file][:-1] + b"?")
    assert networks("auto", heard, offline=True, variables=variables).name == "standin"


@pytest.mark.parametrize(
    ("wished", "optional", "files"),
    [
        ((), False, [DETECTOR, POSE]),
        (("dwpose",), False, [DETECTOR, POSE]),
        (("dwpose",), True, [DETECTOR, POSE, "torch.pt"]),
        (("torch.pt",), False, ["torch.pt"]),
        ((POSE,), False, [POSE]),
        (("dwpose", "torch.pt"), False, [DETECTOR, POSE, "torch.pt"]),
    ],
)
def test_a_recipe_or_a_file_is_fetched_and_what_is_optional_only_when_asked_for(
    recipe, good_hub, variables, heard, wished, optional, files
):
    recipe(good_hub)
    found = fetched(wished, heard, optional=optional, variables=variables)
    assert [(each.model.file, each.state) for each in found] == [(file, "here") for file in files]
    assert [file for file, state in states(variables).items() if state == "here"] == files


def test_what_is_no_recipe_and_no_model_is_refused_with_those_there_are(recipe, variables, heard):
    recipe(NOBODY)
    with pytest.raises(QuestionError, match="`pose` is neither a recipe nor a model") as raised:
        fetched(("pose",), heard, variables=variables)
    assert "recipes: dwpose" in raised.value.hint


def test_one_model_that_cannot_be_had_does_not_keep_the_others(recipe, good_hub, hub, variables, heard):
    hub.serve(f"/{DETECTOR}", said(404))
    recipe(good_hub)
    with pytest.raises(NotHadError, match=rf"`{DETECTOR}` could not be had:\n  .*: the server answered 404"):
        fetched((), heard, variables=variables)
    assert states(variables)[POSE] == "here"


def test_a_folder_that_cannot_be_written_is_said_by_a_fetch(recipe, good_hub, variables, heard, tmp_path):
    recipe(good_hub)
    (tmp_path / "models").write_text("a file")
    with pytest.raises(StackfixError, match="cannot be written"):
        fetched((POSE,), heard, variables=variables)


def test_a_model_without_an_address_is_said(recipe, variables, heard):
    recipe()
    assert f"there is no address to ask for `{DETECTOR}`" in networks("auto", heard, variables=variables).note
    with pytest.raises(NotHadError, match="there is no address to ask"):
        fetched((POSE,), heard, variables=variables)


def test_every_model_and_every_mirror_is_listed_when_nothing_could_be_had(recipe, hub, variables, heard):
    recipe(hub.address, NOBODY)
    with pytest.raises(NetworkError) as raised:
        fetched((), heard, variables=variables)
    lines = raised.value.message.splitlines()
    assert [line.split(": ")[0].strip() for line in lines] == [
        f"`{DETECTOR}` could not be had:",
        f"{hub.address}/{DETECTOR}",
        f"{NOBODY}/{DETECTOR}",
        f"`{POSE}` could not be had:",
        f"{hub.address}/{POSE}",
        f"{NOBODY}/{POSE}",
    ]


def test_a_mirror_that_does_not_answer_is_passed_over_and_listed_only_if_all_fail(
    recipe, good_hub, variables, heard
):
    recipe(NOBODY, good_hub)
    assert all(each.here for each in fetched((), heard, variables=variables))


def test_fetching_offline_lists_what_is_missing(recipe, good_hub, hub, variables, heard):
    recipe(good_hub)
    with pytest.raises(NetworkError, match=f"`{DETECTOR}`, `{POSE}`: not here, and `--offline`"):
        fetched((), heard, offline=True, variables=variables)
    fetched((), heard, variables=variables)
    assert all(each.here for each in fetched((), heard, offline=True, variables=variables))


def test_files_that_people_bring_are_taken_all_or_none(recipe, variables, heard, tmp_path):
    recipe(NOBODY)
    files = [tmp_path / "one", tmp_path / "two"]
    files[0].write_bytes(DATA)
    files[1].write_bytes(b"?")
    with pytest.raises(QuestionError, match="two: it is no model of a recipe, 1 bytes"):
        brought(files, heard, variables=variables)
    assert states(variables)[DETECTOR] == "missing"
    files[1].write_bytes(FILES[POSE])
    assert [each.model.file for each in brought(files, heard, variables=variables)] == [DETECTOR, POSE]
    assert networks("auto", heard, offline=True, variables=variables).name == "real"


def test_mirrors_are_asked_all_at_once_and_the_good_ones_kept_in_order(hub):
    mirrors = [
        Mirror(address=hub.serve("/gone", said(404))),
        Mirror(address=hub.serve("/good", ranges())),
        Mirror(address=hub.serve("/busy", said(503))),
        Mirror(address=hub.serve("/stalls", stalls(after=0))),
        Mirror(address=hub.serve("/page", page())),
        Mirror(address="nowhere"),
    ]
    answers = answering(model_of(), mirrors, "", 5)
    assert answers.good == (mirrors[1], mirrors[3])
    assert answers.busy == (mirrors[2],)
    assert [each.why for each in answers.refused] == [
        "the server answered 404",
        "the server answered 503",
        "a web page of 70 bytes instead of 102,411 bytes: a captive portal or a login page?",
        "is not an address",
    ]


def test_a_mirror_that_is_slower_than_another_comes_after_it(hub):
    def hangs(handler):
        handler.server.hub.released.wait(20)

    mirrors = [Mirror(address=hub.serve("/hangs", hangs)), Mirror(address=hub.serve("/good", ranges()))]
    answers = answering(model_of(), mirrors, "", 20)
    assert (answers.good, answers.busy) == ((mirrors[1],), (mirrors[0],))
    assert [each.why for each in answers.refused] == ["no answer yet"]


def test_hosts_that_say_the_same_are_named_together(recipe, variables, heard):
    recipe(NOBODY, "http://localhost:9")
    assert "(127.0.0.1, localhost: Connection refused)" in networks("auto", heard, variables=variables).note


def test_a_mirror_that_hangs_is_not_waited_for(hub):
    def hangs(handler):
        handler.server.hub.released.wait(20)

    mirror = Mirror(address=hub.serve("/hangs", hangs))
    answers = answering(model_of(), [mirror], "", 0.1)
    assert answers.good == ()
    assert answers.refused[0].why in {"no answer within 0.1 s", "timed out"}


@pytest.mark.parametrize("missing", [("libcurand.so.10",), ()])
def test_nobody_waits_for_networks_to_hear_of_a_missing_library(monkeypatch, missing):
    names = tuple(Missing(soname=each, needed_by="onnxruntime") for each in missing)
    monkeypatch.setattr(at_rest, "close", lambda *_: Closure(missing=names, from_driver=(), followed=1))
    wanted = []

    def fetched(word, *_, **__):
        wanted.append(word)
        raise NetworkError("asked for")

    monkeypatch.setattr(validating, "networks", fetched)
    if missing:
        verdict = app.validate(Path(sys.prefix), device="gpu")
        assert (verdict.state, verdict.code, wanted) == ("failed", "cuda_runtime_missing", [])
    else:
        with pytest.raises(NetworkError, match="asked for"):
            app.validate(Path(sys.prefix), device="cpu")
        assert wanted == ["auto"]
