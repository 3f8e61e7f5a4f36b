"""The proof itself: DWPose on the CPU, then on the GPU in the same process, question by question."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import agreement, bound, draw, libraries, placement, reckoning, witness
from .journal import Journal, numbers
from .memory import Meter
from .pipeline import CrowdError, People, find_people
from .sessions import CPU, CUDA, ModelError, Networks, Options, exact_cuda, listening

DRIVER = "libcuda.so.1"
# more would only take the GPU's memory
_TOGETHER = 7
_TIME = re.compile(r"(\x1b\[[0-9;]*m|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ )")


class Task(NamedTuple):
    """What to run: the networks, the picture (RGB), how often, a folder for profiles, where to draw, and where once more as PNG ("" = nowhere)."""

    runtime: Any
    detector: str
    pose: str
    picture: Any
    repeats: int
    scratch: str
    save: str = ""
    page: str = ""

    def open(self, options: Options) -> Networks:
        """Return both networks opened with these options."""
        return Networks(self.runtime, self.detector, self.pose, options)

    def run(self, networks: Networks) -> People:
        """Return the people that these networks find."""
        networks.clear()
        return find_people(
            self.picture,
            networks.run_detector,
            networks.run_pose,
            frame=networks.frame,
            square=networks.square,
        )


class Attempt(NamedTuple):
    """Networks opened on the GPU, or none and what was said instead; `strict` if the CPU was forbidden."""

    networks: Any
    strict: bool
    text: str


def on_cpu(task: Task, journal: Journal) -> tuple[Networks, People] | None:
    """Return the CPU's networks and people, or None after a check that says why there are none."""
    journal.stage("open the networks on the CPU")
    try:
        networks = task.open(Options([CPU]))
        journal.stage("run the networks on the CPU")
        began = time.perf_counter()
        people = task.run(networks)
        journal.value("cpu_ms", round((time.perf_counter() - began) * 1000, 3))
    except (ModelError, CrowdError) as error:
        journal.failed("crowd" if isinstance(error, CrowdError) else "models", str(error))
        return None
    except Exception as error:  # noqa: BLE001 - whatever onnxruntime raises is the answer
        journal.failed("models", _said(error))
        return None
    journal.passed("models", "onnxruntime opens both networks and runs them on the CPU")
    good = agreement.finite(networks.outputs)
    journal.check("finite numbers", good, "every number is finite" if good else "not every number is finite")
    return networks, people


def together(networks: Networks, journal: Journal) -> int:
    """Check that the pose network answers for all people at once, as ComfyUI asks it, as for one by one.

    Return how many there were, 0 where they could not be asked.
    """
    shape = networks.pose.get_inputs()[0].shape
    if shape and isinstance(shape[0], int):
        journal.not_asked("batches", f"this pose network takes {shape[0]} at a time")
        return 0
    alone = list(networks.inputs["pose"][:_TOGETHER])
    expected = {name: networks.outputs[name][: len(alone)] for name in ("simcc_x", "simcc_y")}
    crops = np.concatenate([*alone, *alone[:1]])
    networks.recording = False
    try:
        answers = networks.run_pose(crops)
    except Exception as error:  # noqa: BLE001 - whatever onnxruntime raises is the answer
        journal.failed("several people", f"{len(crops)} people at once: {_said(error)}")
        return 0
    finally:
        networks.recording = True
    parts = {name: [each[: len(alone)]] for name, each in zip(expected, answers)}  # noqa: B905 - 3.8
    joined = {name: [np.concatenate(each)] for name, each in expected.items()}
    verdict = agreement.compare_outputs(parts, joined, "one person's alone")
    journal.check("batches", verdict.ok, f"{len(crops)} people at once: {verdict.text}")
    return len(crops)


def cpu_proof(task: Task, journal: Journal) -> None:
    """Write people, provider and latency of a run on the CPU."""
    done = on_cpu(task, journal)
    if done is None:
        return
    networks, people = done
    _write_people(task, people, journal)
    providers = networks.providers()
    plain = all(each == [CPU] for each in providers)
    said = f"both ran on {CPU}" if plain else f"opened on the CPU alone, the sessions say {providers}"
    journal.check("providers", plain, said)
    journal.value("provider", CPU)
    journal.stage("run the pose network for several people at once on the CPU")
    together(networks, journal)
    journal.stage("time the networks on the CPU")
    try:
        _time(lambda: task.open(Options([CPU])), task, journal)
    except Exception as error:  # noqa: BLE001 - whatever onnxruntime raises is the answer
        journal.failed("own program", _said(error))


def gpu_proof(task: Task, journal: Journal) -> None:
    """Write every check of a run on the GPU; where there is none, what stands in the way."""
    done = on_cpu(task, journal)
    if done is None:
        return
    cpu, expected = done
    meter = Meter()
    journal.value("gpu state", meter.state())
    journal.value("network bytes", sum(Path(each).stat().st_size for each in (task.detector, task.pose)))
    journal.stage("open the networks on the GPU")
    attempt = _open_on_gpu(task)
    if attempt.networks is None:
        _write_people(task, expected, journal)
        journal.value("provider", CPU)
        _refused(task, attempt.text, journal)
        _taken(meter, journal)
        return
    how = (
        f"both networks run on {CUDA} alone, with the CPU forbidden"
        if attempt.strict
        else f"with the CPU forbidden onnxruntime refuses these networks; {CUDA} is first, and each node is counted"
    )
    journal.passed("gpu session", how)
    journal.stage("run the networks on the GPU")
    networks = attempt.networks
    with listening(task.scratch) as heard:
        try:
            people = task.run(networks)
            after = networks.providers()
            again = networks.replay(cpu.inputs)
            raised = None
        except Exception as error:  # noqa: BLE001 - whatever onnxruntime raises is the answer
            raised = error
    if raised is not None:
        _broke(raised, heard.text, meter, journal)
        return
    stayed = all(each and each[0] == CUDA for each in after)
    journal.check(
        "providers",
        stayed,
        f"{CUDA} before and after the run" if stayed else f"after the run the sessions say {after}",
    )
    _write_people(task, people, journal)
    journal.value("provider", CUDA if stayed else CPU)
    good = agreement.finite(again)
    journal.check(
        "finite gpu numbers", good, "every number is finite" if good else "not every number is finite"
    )
    for name, verdict in (
        ("numbers", agreement.compare_outputs(again, cpu.outputs)),
        ("people", agreement.compare_people(people, expected)),
    ):
        journal.check(name, verdict.ok, verdict.text)
    _witnessed(journal)
    journal.stage("run the pose network for several people at once on the GPU")
    _several(networks, meter, journal)
    _placement(networks, journal)
    journal.stage("bind inputs and outputs to the GPU")
    _bound(task, networks, cpu, meter, journal)
    _own_program(task, cpu, journal)
    _mapped(journal)
    _left(meter, journal)


def _broke(raised: Exception, heard: str, meter: Meter, journal: Journal) -> None:
    """Write what a run on the GPU raised, and what may tell why."""
    text = "\n".join(part for part in (_said(raised), heard.strip()) if part)
    journal.failed("crowd" if isinstance(raised, CrowdError) else "gpu run", text)
    journal.value("driver", libraries.driver())
    journal.value("missing", libraries.missing_in(text))
    _taken(meter, journal)


def _bound(task: Task, networks: Networks, cpu: Networks, meter: Meter, journal: Journal) -> None:
    """Check where inputs and outputs lie that are bound to the GPU, and what they are."""
    try:
        lying = bound.judge(task.runtime, networks, cpu, reckoning.read)
    except Exception as error:  # noqa: BLE001 - whatever onnxruntime raises is the answer
        _broke(error, "with inputs and outputs bound to the GPU", meter, journal)
        return
    journal.check("bound outputs", lying.ok, lying.text)
    if lying.numbers is not None:
        journal.check("bound numbers", lying.numbers.ok, lying.numbers.text)


def _own_program(task: Task, cpu: Networks, journal: Journal) -> None:
    """Check that sessions opened without any of our options run on the GPU too and compute the same, and time them."""
    journal.stage("time the networks as a program of your own opens them")
    with listening(task.scratch) as heard:
        raised = ""
        try:
            plain = _time(lambda: task.open(Options([CUDA, CPU])), task, journal)
            said = plain.providers()
            plain.recording = True
            answers = plain.replay(cpu.inputs)
        except Exception as error:  # noqa: BLE001 - whatever onnxruntime raises is the answer
            raised = _said(error)
    if raised:
        journal.failed("own program", "\n".join(filter(None, (raised, heard.text.strip()))))
        return
    stayed = all(each and each[0] == CUDA for each in said)
    journal.check(
        "own program",
        stayed,
        "sessions opened in the usual way, without a preload, run on the GPU"
        if stayed
        else f"sessions opened in the usual way say {said}\n{heard.text}".strip(),
    )
    if stayed:
        alike = agreement.compare_roughly(answers, cpu.outputs)
        journal.check("own numbers", alike.ok, alike.text)


def _left(meter: Meter, journal: Journal) -> None:
    """Write what this process holds of the GPU, and what is left."""
    journal.value("gpu memory", meter.reading())
    free = [each["free"] for each in meter.state() if each["first"]]
    if free:
        journal.value("bytes free", free[0])


def _taken(meter: Meter, journal: Journal) -> None:
    """Write who holds the GPU's memory now, and how much of it this process had."""
    journal.value("gpu state", meter.state())
    journal.value("bytes taken", meter.own())


def _several(networks: Networks, meter: Meter, journal: Journal) -> None:
    """Pose several people at once, and write what one takes and what each further one does."""
    alone = meter.own()
    journal.value("bytes for one person", alone)
    more = together(networks, journal) - 1
    journal.value("gpu state", meter.state())
    grown = (meter.own() or 0) - (alone or 0)
    if alone and more > 0 and grown > 0:
        journal.value("bytes for a further person", grown // more)


def _open_on_gpu(task: Task) -> Attempt:
    cuda = exact_cuda(str(task.runtime.__version__))
    texts = []
    for strict in (True, False):
        options = Options([cuda] if strict else [cuda, CPU], strict=strict, profile=task.scratch)
        networks = None
        raised = ""
        with listening(task.scratch) as heard:
            try:
                networks = task.open(options)
            except Exception as error:  # noqa: BLE001 - whatever onnxruntime raises is the answer
                raised = _said(error)
        texts.append("\n".join(part for part in (raised, heard.text.strip()) if part))
        if networks is not None and all(each and each[0] == CUDA for each in networks.providers()):
            return Attempt(networks, strict=strict, text="")
    return Attempt(None, strict=False, text=_once("\n".join(texts)))


def _refused(task: Task, text: str, journal: Journal) -> None:
    """Write why there is no GPU session, as far as this process can tell."""
    driver = libraries.driver()
    journal.value("driver", driver)
    provider = libraries.open_provider(task.runtime)
    journal.value("onnxruntime packages", libraries.onnxruntime_packages())
    journal.value("cuda build", CUDA in task.runtime.get_available_providers())
    journal.value("missing", libraries.missing_in(text + "\n" + (provider or "")))
    journal.failed("gpu session", text or "onnxruntime gives a session on the CPU and says nothing")
    driver_only = provider is not None and [each["soname"] for each in libraries.missing_in(provider)] == [
        DRIVER
    ]
    if driver_only:
        journal.not_asked(
            "gpu libraries", f"onnxruntime's CUDA provider opens as far as the driver's own `{DRIVER}`"
        )
    elif provider is None:
        journal.not_asked("gpu libraries", "this onnxruntime has no CUDA provider to open")
    elif provider:
        journal.failed("gpu libraries", f"onnxruntime's CUDA provider can't be opened: {provider}")
    else:
        journal.passed("gpu libraries", "onnxruntime's CUDA provider and all that it needs can be opened")
    _mapped(journal)


def _placement(networks: Networks, journal: Journal) -> None:
    journal.stage("read the profile")
    nodes: list[dict[str, Any]] = []
    try:
        for path in networks.end_profiling():
            nodes.extend(placement.read_events(path))
            Path(path).unlink()
    except (OSError, ValueError) as error:
        journal.not_asked("placement", f"the profile can't be read: {error}")
        return
    placed = placement.judge(nodes)
    journal.check("placement", placed.ok, placed.text)
    journal.value("placement", placement.account(nodes))


def _witnessed(journal: Journal) -> None:
    """Check by the driver and the system that something ran on a GPU: onnxruntime might say it of itself alone."""
    paths = libraries.mapped()  # before the driver is asked, which maps its library
    driver = libraries.driver()
    journal.value("driver", driver)
    said = witness.judge(driver, paths, reckoning.reckon)
    journal.check("driver", said.ok, said.text)


def _mapped(journal: Journal) -> None:
    paths = libraries.mapped()
    if paths is None:
        journal.not_asked("mapped libraries", "this system does not list the libraries of a process")
        return
    journal.value("mapped", paths)
    journal.passed("mapped libraries", ", ".join(paths) or "no CUDA library is mapped")


def _time(opened: Callable[[], Networks], task: Task, journal: Journal) -> Networks:
    """Write the first run's time, and the medians of the others as a whole and in the networks alone."""
    networks = opened()
    networks.recording = False
    spent = []
    inside = []
    for _ in range(task.repeats + 1):
        began = time.perf_counter()
        task.run(networks)
        spent.append((time.perf_counter() - began) * 1000)
        inside.append(networks.spent * 1000)
    journal.value("first_ms", round(spent[0], 3))
    journal.value("latency_ms", round(statistics.median(spent[1:]), 3))
    journal.value("network_ms", round(statistics.median(inside[1:]), 3))
    return networks


def _write_people(task: Task, people: People, journal: Journal) -> None:
    if task.save or task.page:
        journal.stage("draw the skeletons")
        drawn = draw.draw(task.picture, people.keypoints, people.scores)
        for path in filter(None, (task.page, task.save)):
            try:
                draw.save(drawn, path)
            except OSError as error:  # noqa: PERF203 - two at most
                journal.not_asked("drawing", f"{path} can't be written: {error}")
            else:
                if path == task.save:
                    journal.passed("drawing", f"skeletons drawn over the picture: {path}")
    boxes = numbers(people.boxes)
    journal.value("people detected", len(boxes))
    if not boxes:
        height, width = task.picture.shape[:2]
        boxes = [[0.0, 0.0, float(width), float(height)]]
    journal.value(
        "people",
        [
            {
                "box": box,
                "keypoints": numbers(people.keypoints[index]),
                "scores": numbers(people.scores[index]),
            }
            for index, box in enumerate(boxes)
        ],
    )


def _said(error: Exception) -> str:
    """Return what an exception says, with its kind."""
    return f"{type(error).__name__}: {error}"


def _once(text: str) -> str:
    """Return each line once, and without the time that onnxruntime writes before it."""
    lines = (_TIME.sub("", line).strip() for line in text.splitlines())
    return "\n".join(dict.fromkeys(line for line in lines if line))
