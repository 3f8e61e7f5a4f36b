"""Verdict: whether DWPose ran in an environment, where, and what it found."""

from __future__ import annotations

from msgspec import Struct

from stackfix.model.evidence import Reading, Unknown

PROVED_ON_GPU = "proved on gpu"
PROVED_ON_CPU = "proved on cpu"
NOT_PROVED = "not proved"
FAILED = "failed"


class Check(Struct, frozen=True, kw_only=True):
    """One question and its answer; `ok` is None where it could not be asked, and `text` says why.

    `code` and `fix` are the cause of a failure and what to do about it, "" where nothing was made out.
    """

    name: str
    ok: bool | None
    text: str
    code: str = ""
    fix: str = ""


class Person(Struct, frozen=True, kw_only=True):
    """One person in the picture's pixels: (left, top, right, bottom); 134 keypoints in OpenPose's order.

    A number that the networks made infinite or undefined is None; such a verdict is "failed".
    """

    box: tuple[float | None, ...]
    keypoints: tuple[tuple[float | None, ...], ...]
    scores: tuple[float | None, ...]


class Verdict(Struct, frozen=True, kw_only=True):
    """What was proved.

    `state` is one of the four words above. `code` is the cause code of a failure ("" if none was made out),
    `reason` one sentence, `fix` the one thing to do about it ("" if unknown). `provider` is where the networks
    ran ("" if nowhere). `detected` is how many people the detector saw: when it sees none, DWPose poses the
    whole picture, and `people` holds that one. `weights` is "standin", "twin", "real" (the recipe's own, by sha256) or
    the folder of the networks; `weights_note` says where they come from and what that does not prove. `latency_ms` is a
    picture's whole way, `network_ms` the part of it inside the networks' `session.run` (copies to and from the GPU
    among it), `cpu_ms` the first whole way on the CPU, whatever the device. `gpu_free_bytes` is what was left after the
    run, `person_bytes` what each further person takes who is posed at once. `nodes_on_gpu` and `time_on_gpu` are shares
    of onnxruntime's own profile, 0 to 1; its clock is the host's, which does not wait for what it calls on a GPU.
    """

    state: str
    reason: str
    code: str = ""
    fix: str = ""
    checks: tuple[Check, ...] = ()
    provider: str = ""
    people: tuple[Person, ...] = ()
    detected: int = 0
    first_ms: Reading[float] = Unknown(("the networks were not timed",))
    latency_ms: Reading[float] = Unknown(("the networks were not timed",))
    network_ms: Reading[float] = Unknown(("the networks were not timed",))
    cpu_ms: Reading[float] = Unknown(("the networks were not timed",))
    gpu_memory_bytes: Reading[int] = Unknown(("nothing ran on a GPU",))
    gpu_free_bytes: Reading[int] = Unknown(("nothing ran on a GPU",))
    person_bytes: Reading[int] = Unknown(("nothing ran on a GPU",))
    nodes_on_gpu: Reading[float] = Unknown(("nothing ran on a GPU",))
    time_on_gpu: Reading[float] = Unknown(("nothing ran on a GPU",))
    weights: str = ""
    weights_note: str = ""

    @property
    def failed(self) -> bool:
        """Whether something is broken; "not proved" is not that."""
        return self.state == FAILED

    @property
    def ok(self) -> bool:
        """Whether something was proved."""
        return self.state in {PROVED_ON_GPU, PROVED_ON_CPU}
