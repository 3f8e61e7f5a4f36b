"""What the worker found so far, a JSON object a line: a crash loses nothing that was written before it."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

# onnxruntime begins what CUDA said with the place of a template in its source, as often as that was passed on
_TEMPLATE = re.compile(r"\S*onnxruntime_src/\S+:\d+ std::conditional_t<.*?\[with [^\]\n]*\] *")


class Journal:
    """Appends stages, checks and values to the result file; each line is on the disk before the next step."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def stage(self, name: str) -> None:
        """Say what is being done from now on, for the reader who finds no further line."""
        self._write({"stage": name})

    def check(self, name: str, ok: bool | None, text: str) -> None:
        """Add one check: true, false, or None where the question could not be asked."""
        self._write({"check": {"name": name, "ok": ok, "text": _TEMPLATE.sub("", text)}})

    def passed(self, name: str, text: str) -> None:
        """Add a check whose answer is yes."""
        self.check(name, ok=True, text=text)

    def failed(self, name: str, text: str) -> None:
        """Add a check whose answer is no."""
        self.check(name, ok=False, text=text)

    def not_asked(self, name: str, text: str) -> None:
        """Add a check that could not be made, and why."""
        self.check(name, ok=None, text=text)

    def value(self, name: str, value: Any) -> None:
        """Add one reading."""
        self._write({"value": name, "is": value})

    def end(self) -> None:
        """Say that nothing follows."""
        self._write({"end": True})

    def _write(self, line: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line, allow_nan=False) + "\n")
            stream.flush()


def numbers(array: Any) -> Any:
    """Return an array as nested lists; what is no finite number becomes null."""
    if isinstance(array, list):
        return [numbers(each) for each in array]
    if hasattr(array, "tolist"):
        return numbers(array.tolist())
    return round(array, 4) if math.isfinite(array) else None
