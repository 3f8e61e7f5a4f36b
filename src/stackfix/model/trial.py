"""Trial: one way to open the networks, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from stackfix.model.evidence import Reading, Unknown

_NOT_RUN = Unknown(("the trial did not run",))


class Trial(Struct, frozen=True, kw_only=True):
    """A name, options of the provider, settings of the session; times, memory, or why it failed ("" if not).

    `provider` is "" for the device's own, CUDA or the CPU; `loads` are libraries that must be loaded before it.
    """

    name: str
    provider: str = ""
    loads: tuple[str, ...] = ()
    provider_options: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, int] = field(default_factory=dict)
    failed: str = ""
    first_ms: Reading[float] = _NOT_RUN
    latency_ms: Reading[float] = _NOT_RUN
    memory_bytes: Reading[int] = _NOT_RUN


class Comparison(Struct, frozen=True, kw_only=True):
    """All trials on one device, the first being onnxruntime's defaults; free bytes of the GPU before them.

    `again` is the median of the defaults once more, after all others: how steady this machine is.
    """

    device: str
    weights: str
    trials: tuple[Trial, ...]
    free_bytes: Reading[int]
    again: Reading[float] = _NOT_RUN

    @property
    def best(self) -> Trial | None:
        """The fastest trial if it beats the defaults by more than a tenth, else the defaults; None if none ran.

        Medians of a few runs vary by some percent: what is no better by a tenth is not worth an option, and
        where the defaults themselves vary by more than that, nothing can be told.
        """
        ran = [each for each in self.trials if not each.failed and not isinstance(each.latency_ms, Unknown)]
        if not ran:
            return None
        fastest = min(ran, key=_latency)
        plain = ran[0]
        return fastest if self.steady and _latency(fastest) < 0.9 * _latency(plain) else plain

    @property
    def steady(self) -> bool:
        """Whether the defaults took the same time, to a tenth, before and after the other trials."""
        first = self.trials[0].latency_ms
        if isinstance(first, Unknown) or isinstance(self.again, Unknown):
            return True
        return abs(first.value - self.again.value) <= 0.1 * min(first.value, self.again.value)


def _latency(trial: Trial) -> float:
    return float("inf") if isinstance(trial.latency_ms, Unknown) else trial.latency_ms.value
