"""How a value is known: found, and by what way; or not found, and what was tried."""

from __future__ import annotations

from typing import Generic, TypeAlias, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Known(Struct, Generic[T], frozen=True):
    """A value, with the way it was found ("NVML", "--driver", "/proc/driver/nvidia/version")."""

    value: T
    found_via: str


class Unknown(Struct, frozen=True):
    """No value; each entry of `tried` is one place that was looked at and what it said."""

    tried: tuple[str, ...]


Reading: TypeAlias = Known[T] | Unknown


class Source(Struct, frozen=True, kw_only=True):
    """Where a fact stands: a document's address, a wheel's file name, a reading of the machine.

    `method` is one of measured, documented, secondary, inferred, read (from the machine), asked
    (by the user), metadata (stands in the wheel's METADATA).
    """

    method: str
    where: str
    seen: str = ""

    def __str__(self) -> str:
        return f"{self.method}: {self.where}" + (f", {self.seen}" if self.seen else "")
