"""Where torch sees no GPU: what its own release, and the driver's CUDA beside it, say of the reason."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stackfix.symptoms.circumstances import Builds, Circumstances, Told
from stackfix.symptoms.libraries import Meaning

_LOCAL = re.compile(r"\+cu(\d{2})(\d)")
# From CUDA 11 on, a driver of the same major runs each minor.
_MINORS_COUNT_BELOW = 11


def meanings_of_no_gpu(where: Circumstances, builds: Builds) -> Iterator[Meaning]:
    """Yield why a torch that is built for CUDA sees no GPU: the driver is older, or does not answer.

    Nothing for a torch of which it is not told, nor known by its release, that it is built for CUDA.
    """
    for torch in where.all("torch"):
        needs = _needs(torch, builds)
        if needs is None or (driver := where.first("driver cuda")) is None:
            continue
        offers = _number(driver.value)
        if needs[: 2 if needs[0] < _MINORS_COUNT_BELOW else 1] > offers[: len(needs)]:
            sentence = f"{torch.because}: torch {torch.value} is built for CUDA {'.'.join(map(str, needs))}"
            yield Meaning("driver_too_old", 0.86, (sentence, driver.because))
            return
    if built := next((each for each in where.all("torch") if _LOCAL.search(each.value)), None):
        yield Meaning("driver_missing", 0.6, (f"{built.because}: it is no build for the CPU",))


def says_cuda(where: Circumstances) -> bool:
    """Return whether a text's only torch says itself that it is built for CUDA."""
    told = where.all("torch")
    return bool(told) and all(_LOCAL.search(each.value) for each in told)


def _needs(torch: Told, builds: Builds) -> tuple[int, ...] | None:
    """Return the CUDA that a torch is built for, (major, minor) or (major,) as far as it is known."""
    if local := _LOCAL.search(torch.value):
        return int(local[1]), int(local[2])
    if "+" in torch.value or (major := builds.cuda("torch", torch.value)) is None:
        return None
    return (major,)


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
