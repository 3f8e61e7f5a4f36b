"""The import hook of a set that isn't installed yet: its libraries as the facts know them, not as the disk does.

`install.hook` reads the needs of each library; the facts know those of each wheel. Libraries of one wheel find
each other by their own run path ($ORIGIN), so the order of wheels serves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from stackfix.install.hook import hook_files, opened_by_name
from stackfix.model.wheel import Wheel

_PROVIDER = "onnxruntime-gpu"
_FEATURE = "cuda"


def planned_hook(wheels: Sequence[Wheel]) -> dict[str, str]:
    """Return the hook's files by name; empty where no onnxruntime-gpu is among the wheels."""
    return hook_files(planned_order(wheels))


def planned_order(wheels: Sequence[Wheel]) -> tuple[str, ...]:
    """Return the libraries to load before onnxruntime's CUDA provider, each wheel's after those it needs."""
    provider = next((wheel for wheel in wheels if wheel.package == _PROVIDER), None)
    if provider is None:
        return ()
    named = provider.needs.get(_FEATURE, frozenset()) | provider.opens.get(_FEATURE, frozenset())
    by_name = {name: wheel for wheel in wheels for name, path in wheel.provides.items() if _ours(path)}
    ordered: dict[str, Wheel] = {}
    for wheel in sorted(by_name.values(), key=lambda each: each.package):
        _after_its_needs(wheel, by_name, ordered, ())
    return tuple(path for wheel in ordered.values() for path in _libraries(wheel, named))


def _libraries(wheel: Wheel, named: frozenset[str]) -> Iterator[str]:
    for soname, path in sorted(wheel.provides.items()):
        if _ours(path) and (soname in named or opened_by_name(path.rpartition("/")[2])):
            yield path


def _ours(path: str) -> bool:
    return path.startswith("nvidia/")


def _after_its_needs(
    wheel: Wheel, by_name: Mapping[str, Wheel], ordered: dict[str, Wheel], above: tuple[str, ...]
) -> None:
    if wheel.package in ordered or wheel.package in above:
        return
    for name in sorted(wheel.needs.get("", frozenset())):
        if name in by_name:
            _after_its_needs(by_name[name], by_name, ordered, (*above, wheel.package))
    ordered[wheel.package] = wheel
