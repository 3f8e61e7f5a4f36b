"""Bound: whether inputs and outputs that are bound to the GPU lie in its memory, by onnxruntime's word and the driver's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .agreement import Agreement, compare_outputs
from .sessions import Networks


class Bound(NamedTuple):
    """Whether they lie there (None: this onnxruntime can't be asked), what was seen, and whether they are the CPU's."""

    ok: bool | None
    text: str
    numbers: Agreement | None = None


class _ElsewhereError(Exception):
    """An output lies elsewhere, or other numbers than the session gives lie there."""


def judge(runtime: Any, networks: Networks, cpu: Networks, read: Callable[[int, int], bytes | None]) -> Bound:
    """Return where the answers about the CPU's own inputs lie, and whether they are the CPU's answers.

    What onnxruntime raises in such a run goes on to the caller.

    `read` gives that many bytes of GPU memory at an address by the driver alone, b"" where the driver says that
    the address is no GPU memory, None where it does not tell.
    """
    copies: list[Any] = []
    seen = 0
    try:
        for session, tensor in (
            (networks.detector, cpu.inputs["detector"][0]),
            (networks.pose, cpu.inputs["pose"][0]),
        ):
            binding = session.io_binding()
            value = runtime.OrtValue.ortvalue_from_numpy(tensor, "cuda", 0)
            binding.bind_ortvalue_input(session.get_inputs()[0].name, value)
            for output in session.get_outputs():
                binding.bind_output(output.name, "cuda")
            session.run_with_iobinding(binding)
            answers = list(binding.get_outputs())
            places = [str(each.device_name()) for each in (*answers, value)]
            copied = list(binding.copy_outputs_to_cpu())
            copies.extend(copied)
            if places != ["cuda"] * len(places):
                return Bound(ok=False, text=f"outputs bound to the GPU lie on {', '.join(places)}")
            seen += sum(_held(there, copy, read) for there, copy in zip(answers, copied))  # noqa: B905 - 3.8
    except _ElsewhereError as error:
        return Bound(ok=False, text=str(error))
    except (AttributeError, TypeError, NotImplementedError) as error:
        # an older onnxruntime has another interface; that proves nothing
        return Bound(ok=None, text=f"{type(error).__name__}: {error}")
    given = {name: [copy] for name, copy in zip(networks.names, copies) if name in cpu.outputs}  # noqa: B905 - 3.8
    same = compare_outputs(given, {name: cpu.outputs[name][:1] for name in given})
    told = f" (the driver gave {seen} of them as onnxruntime does)" if seen else ""
    return Bound(ok=True, text=f"inputs and outputs lay in GPU memory{told}", numbers=same)


def _held(there: Any, copy: Any, read: Callable[[int, int], bytes | None]) -> bool:
    """Return whether the driver gives the same bytes from where an output is said to lie; False: it does not tell."""
    if not hasattr(there, "data_ptr") or not copy.nbytes:
        return False
    held = read(int(there.data_ptr()), copy.nbytes)
    if held is None:
        return False
    if not held:
        raise _ElsewhereError("outputs bound to the GPU lie where the driver knows of no GPU memory")
    if held != copy.tobytes():
        raise _ElsewhereError("GPU memory holds other numbers than onnxruntime gives")
    return True
