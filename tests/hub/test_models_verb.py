"""`models` and `--weights` as a person types them: a recipe whose models are the stand-ins, a hub on this machine."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from lying_hub import page, ranges, said

from stackfix.facts.root import data_root
from stackfix.validate.weights import DETECTOR, POSE

FILES = {name: (data_root() / "standins" / name).read_bytes() for name in (DETECTOR, POSE)}
START = (  # a run in the background is begun with SIGINT ignored
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "import sys; from pathlib import Path; from stackfix.facts import root; folder = Path(sys.argv.pop(1)); "
    "root.data_root = lambda: folder; from stackfix.cli.main import main; main()"
)


class Machine:
    """A data folder whose recipe names these models, a cache, and the command line that sees both."""

    def __init__(self, folder):
        self.data = folder / "data"
        self.cache = folder / "models"
        self.data.mkdir()
        for each in data_root().iterdir():
            if each.name != "recipes":
                (self.data / each.name).symlink_to(each)
        (self.data / "recipes").mkdir()

    def mirrors(self, *hosts):
        text = (data_root() / "recipes" / "dwpose.toml").read_text().split("[[model]]")[0]
        for file, data in FILES.items():
            sha256 = hashlib.sha256(data).hexdigest()
            urls = json.dumps([f"{host}/{file}" for host in hosts])
            text += f'[[model]]\nfile = "{file}"\nbytes = {len(data)}\nsha256 = "{sha256}"\n'
            text += f'urls = {urls}\nlicence = "Apache-2.0"\nopset = 11\n'
        (self.data / "recipes" / "dwpose.toml").write_text(text)

    def start(self, *words):
        variables = {
            **os.environ,
            "STACKFIX_MODELS": str(self.cache),
            "NO_PROXY": "127.0.0.1",
            "HF_ENDPOINT": "",
        }
        command = [sys.executable, "-c", START, str(self.data), *words]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables
        )

    def run(self, *words):
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err


@pytest.fixture
def machine(tmp_path, hub):
    for file, data in FILES.items():
        hub.serve(f"/{file}", ranges(data))
    made = Machine(tmp_path)
    made.mirrors(hub.address)
    return made


def listed(out):
    return {each["name"]: each["state"] for each in json.loads(out)["models"]}


def test_models_are_listed_fetched_and_listed_again(machine):
    code, out, _ = machine.run("models", "list", "--json")
    assert (code, listed(out)) == (0, {DETECTOR: "missing", POSE: "missing"})
    code, out, err = machine.run("models", "fetch", "dwpose", "--json")
    assert (code, listed(out)) == (0, {DETECTOR: "here", POSE: "here"})
    assert "2 models to fetch" in err
    row = json.loads(out)["models"][0]
    assert row["path"] == str(machine.cache / "dwpose" / DETECTOR)
    assert {"name", "bytes", "sha256", "state", "path", "recipe"} <= set(row)
    code, out, err = machine.run("models")
    assert (code, err) == (0, "")
    assert f"{DETECTOR}          here  402 kB, recipe dwpose\n" in out


def test_a_hub_that_is_not_there_is_exit_3_with_every_address_and_leaves_nothing(machine):
    machine.mirrors("http://127.0.0.1:9", "http://127.0.0.1:9/other")
    code, out, err = machine.run("models", "fetch")
    assert (code, out) == (3, "")
    assert err.count("http://127.0.0.1:9/") == 4
    assert not machine.cache.exists()


def test_a_captive_portal_is_exit_3_and_called_that_in_json(machine, hub):
    hub.serve(f"/{DETECTOR}", page())
    code, out, _ = machine.run("models", "fetch", "--json")
    error = json.loads(out)["error"]
    assert code == 3
    assert "a web page of 70 bytes instead of 402,152 bytes: a captive portal" in error["message"]
    assert "models import" in error["hint"]


def test_files_are_imported_and_what_is_no_model_is_exit_2(machine, tmp_path):
    good = data_root() / "standins" / DETECTOR
    code, out, _ = machine.run("models", "import", str(good), "--json")
    assert (code, listed(out)) == (0, {DETECTOR: "here"})
    (tmp_path / POSE).write_bytes(FILES[POSE][:9000])
    code, _, err = machine.run("models", "import", str(tmp_path / POSE))
    assert code == 2
    assert f"{POSE}: it is cut short: 9,000 of {len(FILES[POSE]):,} bytes" in err
    assert "sha256" in err


@pytest.mark.parametrize(
    ("words", "code"),
    [(("fetch", "nothing"), 2), (("import",), 2), (("import", "nowhere"), 2), (("fetch", "--offline"), 3)],
)
def test_questions_that_cannot_be_read_are_exit_2_and_offline_is_exit_3(machine, words, code):
    found, _, err = machine.run("models", *words)
    assert found == code
    assert "Traceback" not in err


def test_ctrl_c_keeps_the_part_and_the_next_fetch_goes_on(machine, hub):
    data = FILES[DETECTOR]

    def stops(handler):
        handler.say(200, {"Content-Length": len(data), "ETag": '"1"'}, data[:200_000])
        handler.wfile.flush()
        handler.server.hub.released.wait(60)

    hub.serve(f"/{DETECTOR}", said(503), stops, ranges(data))
    process = machine.start("models", "fetch", DETECTOR)
    part = machine.cache / "dwpose" / f".{DETECTOR}.part"
    while not (part.exists() and part.stat().st_size) and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.5)  # until all of it came, and was counted
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"200 kB of `{DETECTOR}` are kept; the next fetch goes on from there" in err
    assert "has been undone" not in err
    row = json.loads(machine.run("models", "--json")[1])["models"][0]
    assert (row["state"], row["present"]) == ("partial", 200_000)
    hub.asked.clear()
    assert machine.run("models", "fetch", DETECTOR)[0] == 0
    assert hub.headers("Range")[-1] == "bytes=200000-"


def test_validate_runs_on_the_real_networks_and_says_so(machine):
    words = ("validate", "--venv", sys.prefix, "--device", "cpu", "--json")
    code, out, err = machine.run(*words)
    verdict = json.loads(out)
    assert (verdict["weights"], verdict["verdict"]) == ("real", "proved on cpu"), verdict
    assert "every byte verified by sha256" in verdict["weights_note"]
    assert "to download from 127.0.0.1" in err
    known = {each["name"]: each for each in verdict["checks"] if "whose answer is known" in each["text"]}
    assert {name: each["ok"] for name, each in known.items()} == {"boxes": True, "keypoints": True}
    assert code == 0


def test_validate_without_a_hub_runs_on_stand_ins_and_says_why_and_what_that_proves(machine):
    machine.mirrors("http://127.0.0.1:9")
    words = ("validate", "--venv", sys.prefix, "--device", "cpu")
    code, out, _ = machine.run(*words)
    assert code == 0
    assert "networks stand-ins: no hub gave `yolox_l.onnx` (127.0.0.1: " in out
    assert "not the real weights' accuracy" in out
    code, out, _ = machine.run(*words, "--offline", "--json")
    assert "`--offline` forbids fetching" in json.loads(out)["weights_note"]


def test_validate_with_real_networks_that_cannot_be_had_is_exit_3(machine):
    words = ("validate", "--venv", sys.prefix, "--device", "cpu", "--weights", "real", "--offline")
    assert machine.run(*words)[0] == 3


def test_a_picture_that_cannot_be_read_is_a_question_that_cannot_be_read(machine, tmp_path):
    (tmp_path / "people.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    words = ("validate", "--venv", sys.prefix, "--device", "cpu", "--weights", "standin")
    code, out, err = machine.run(*words, "--image", str(tmp_path / "people.png"), "--json")
    assert code == 2
    assert "people.png: not a picture that OpenCV reads" in json.loads(out)["error"]["message"]
    assert "JPEG or PNG" in err


def test_networks_under_each_others_names_are_a_question_that_cannot_be_read(machine, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / DETECTOR).write_bytes(FILES[POSE])
    (folder / POSE).write_bytes(FILES[DETECTOR])
    code, _, err = machine.run("validate", "--venv", sys.prefix, "--weights", str(folder))
    assert code == 2
    assert "this is the pose network, under the detector's name" in err
